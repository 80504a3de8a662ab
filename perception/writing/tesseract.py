"""Lines in scripts that RapidOCR does not read, by the program Tesseract where it is installed.

In: a picture, and the lines that RapidOCR found, read or not. Out: each line from the reader that is surer of it. The
program gets one line at a time, seen from the front, through a pipe; where it fails, RapidOCR's line stays.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image

from lookhear.perception.writing.reader import LEAST_CONFIDENCE, Line, LineReader, RapidReader
from lookhear.perception.writing.scripts_of_text import script_of

SURE = 0.8
"""What RapidOCR reads with less confidence may be a script it does not know."""

CYRILLIC_LOOKALIKES = frozenset("ABCEHKMOPTXYabcehkmopruxyN03468")
"""Cyrillic capitals and small letters are read as these; a line of nothing else may be Cyrillic."""

TESSERACT_LANGUAGES = {
    "Cyrl": ("rus", "ukr", "bul", "srp"),
    "Arab": ("ara", "fas", "urd"),
    "Hebr": ("heb",),
    "Deva": ("hin", "mar", "nep"),
    "Beng": ("ben",),
    "Taml": ("tam",),
    "Telu": ("tel",),
    "Thai": ("tha",),
    "Kore": ("kor",),
    "Geor": ("kat",),
    "Armn": ("hye",),
    "Ethi": ("amh",),
}
"""Scripts that RapidOCR does not read, and Tesseract's languages in them. A line is read in one script at a time: with
all at once, Tesseract took Russian for Thai."""

TESSERACT_LIMIT_S = 20.0
"""A line that takes longer is given up."""

BELIEVED = 0.7
"""What Tesseract reads with less confidence is mostly another script…"""

LEAST_LETTERS = 3
"""…and so is what has fewer letters of its script."""

LINE_PX = 56
"""Height of a line that Tesseract is given."""

RETRIES = 6
"""Lines of a picture that are read twice, at most."""


@dataclass
class TesseractReader:
    """The `tesseract` program, for single lines in scripts that RapidOCR does not read."""

    program: str
    """Path of the program."""
    languages: dict[str, tuple[str, ...]]
    """Those of `TESSERACT_LANGUAGES` it has data for."""

    name = "Tesseract"

    @classmethod
    def installed(cls) -> TesseractReader | None:
        """Tesseract where it is installed with data for at least one of those languages."""
        program = shutil.which("tesseract")
        if program is None:
            return None
        try:
            listed = subprocess.run([program, "--list-langs"], capture_output=True, timeout=TESSERACT_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            return None
        known = listed.stdout.decode(errors="replace").split()
        languages = {script: tuple(n for n in names if n in known) for script, names in TESSERACT_LANGUAGES.items()}
        languages = {script: names for script, names in languages.items() if names}
        return cls(program, languages) if languages else None

    def read(self, pixels: UInt8[ndarray, "h w 3"]) -> tuple[str, float]:
        """Text and confidence of one line, in the script it is surest of; nothing where the program fails."""
        picture = io.BytesIO()
        Image.fromarray(pixels).save(picture, "PNG")
        found = [self._in_script(picture.getvalue(), script) for script in self.languages]
        return max(found, key=lambda one: one[1], default=("", 0.0))

    def _in_script(self, png: bytes, script: str) -> tuple[str, float]:
        command = [self.program, "stdin", "stdout", "-l", "+".join(self.languages[script]), "--psm", "7", "tsv"]
        try:
            done = subprocess.run(command, input=png, capture_output=True, timeout=TESSERACT_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            return "", 0.0
        text, confidence = _words_of_tsv(done.stdout.decode(errors="replace"))
        letters = sum(script_of(char) == script for char in text)
        mostly = letters >= LEAST_LETTERS and letters >= 0.6 * len(text.replace(" ", ""))
        return (text, confidence) if mostly else ("", 0.0)


@dataclass
class Reading:
    """RapidOCR first, Tesseract for what it could not read."""

    rapid: LineReader
    """Finds all lines and reads most."""
    tesseract: TesseractReader
    """Reads the others."""

    @classmethod
    def of(cls, tesseract: TesseractReader, threads: int = -1) -> Reading:
        """RapidOCR handing on even what it could not read at all."""
        return cls(RapidReader(threads=threads, unread=True), tesseract)

    def lines(self, pixels: UInt8[ndarray, "h w 3"]) -> list[Line]:
        """All lines of an RGB picture, each from the reader that is surer of it."""
        lines = self.rapid.lines(pixels)
        doubtful = [line for line in lines if is_doubtful(line)][:RETRIES]
        again = {id(line): self._again(pixels, line) for line in doubtful}
        read = [again.get(id(line), line) for line in lines]
        return [line for line in read if line.text and line.confidence >= LEAST_CONFIDENCE]

    def _again(self, pixels: UInt8[ndarray, "h w 3"], line: Line) -> Line:
        text, confidence = self.tesseract.read(straightened(pixels, line.corners))
        other = confidence >= BELIEVED and (confidence >= SURE or confidence > line.confidence)
        return Line(text, confidence, line.corners, self.tesseract.name) if text and other else line


def is_doubtful(line: Line) -> bool:
    """Whether a line may be in a script that RapidOCR takes for another."""
    letters = {char for char in line.text if char.isalnum()}
    return line.confidence < SURE or len(letters) == 1 or (len(letters) > 1 and letters <= CYRILLIC_LOOKALIKES)


def straightened(pixels: UInt8[ndarray, "h w 3"], corners: Float[ndarray, "4 2"]) -> UInt8[ndarray, "a b 3"]:
    """A line as it is seen from the front, `LINE_PX` high, with a margin."""
    points = corners * (pixels.shape[1], pixels.shape[0])
    top_left, top_right, bottom_right, bottom_left = points
    height = max(float(np.linalg.norm(bottom_left - top_left) + np.linalg.norm(bottom_right - top_right)) / 2, 1.0)
    width = float(np.linalg.norm(top_right - top_left) + np.linalg.norm(bottom_right - bottom_left)) / 2
    size = int(np.clip(LINE_PX * width / height, LINE_PX / 2, 40 * LINE_PX)), LINE_PX
    quad = tuple(np.concatenate([top_left, bottom_left, bottom_right, top_right]).tolist())
    line = Image.fromarray(pixels).transform(size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
    return np.pad(np.asarray(line), ((8, 8), (8, 8), (0, 0)), mode="edge")


def _words_of_tsv(tsv: str) -> tuple[str, float]:
    """Words of Tesseract's table joined, with the mean of their confidences by length."""
    rows = [row for row in (line.split("\t") for line in tsv.splitlines()[1:]) if len(row) == 12 and row[11].strip()]
    words: Sequence[tuple[str, float]] = [
        (row[11].strip(), float(row[10]) / 100) for row in rows if float(row[10]) >= 0
    ]
    length = sum(len(word) for word, _ in words)
    if not length:
        return "", 0.0
    return " ".join(word for word, _ in words), round(sum(len(word) * sure for word, sure in words) / length, 4)
