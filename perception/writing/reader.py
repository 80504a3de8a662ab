"""Lines of writing in one picture: pixels in, texts with their corners out.

RapidOCR (PP-OCRv6, whose models lie in its wheel) finds writing of any script and reads Latin, Greek, Han and kana.
What it reads badly is read again by Tesseract where that program is installed, in the other scripts it has data for.
Nothing is fetched. Not known: handwriting, writing smaller than about 10 pixels, and lines set in a curve.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image

from lookhear.perception.writing.scripts_of_text import main_script

MAX_SIDE_PX = 1600
"""A larger picture is shrunk before it is read."""

LEAST_SIDE_PX = 16
"""In a picture that is narrower, when shrunk, nothing can be read."""

SURE = 0.8
"""What RapidOCR reads with less confidence may be a script it does not know."""

LEAST_CONFIDENCE = 0.5
"""Lines read with less confidence are dropped."""

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

LINE_PX = 56
"""Height of a line that Tesseract is given."""

RETRIES = 6
"""Lines of a picture that are read twice, at most."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of writing in a picture."""

    text: str
    """As it was read."""
    confidence: float
    """The reader's own, in [0, 1]."""
    corners: Float[ndarray, "4 2"]
    """Corners (x, y) in shares of width and height."""
    reader: str
    """What read it."""

    @cached_property
    def middle(self) -> tuple[float, float]:
        """Its middle (x, y), in the same shares."""
        x, y = self.corners.mean(0).tolist()
        return x, y


@runtime_checkable
class LineReader(Protocol):
    """Anything that finds lines in a picture."""

    def lines(self, pixels: UInt8[ndarray, "h w 3"]) -> list[Line]:
        """The lines of an RGB picture."""


@dataclass
class RapidReader:
    """RapidOCR with the models of its own wheel.

    Example:
        >>> RapidReader().lines(pixels)                                             # doctest: +SKIP
        [Line(text='FARMÁCIA', confidence=0.99, …)]
    """

    max_side_px: int = MAX_SIDE_PX
    """A larger picture is shrunk to this."""
    detect_side_px: int = 1280
    """Longest side of the picture in which lines are looked for; they are read in the larger one."""
    threads: int = -1
    """Threads of the networks; -1: as many as there are cores."""
    unread: bool = False
    """Whether to give lines that it found and could not read, too, with no text."""

    name = "RapidOCR PP-OCRv6"

    def lines(self, pixels: UInt8[ndarray, "h w 3"]) -> list[Line]:
        """The lines that were read with some confidence."""
        small = shrunk(pixels, self.max_side_px)
        if min(small.shape[:2]) < LEAST_SIDE_PX:
            return []
        bgr = np.ascontiguousarray(small[:, :, ::-1])
        found = self._engine(bgr, use_cls=True, use_rec=True)
        read = zip(found.txts or (), found.scores or (), _shares(found.boxes, bgr), strict=True)
        lines = [Line(text.strip(), round(float(score), 4), corners, self.name) for text, score, corners in read]
        return [*lines, *self._unread(bgr, lines)] if self.unread else lines

    def _unread(self, bgr: UInt8[ndarray, "h w 3"], lines: list[Line]) -> list[Line]:
        """Lines that are not among those that were read."""
        boxes = _shares(self._engine(bgr, use_cls=False, use_rec=False).boxes, bgr)
        known = np.array([line.corners for line in lines]).reshape(-1, 4, 2)
        new = [box for box in boxes if not (np.abs(known - box).max((1, 2)) < 0.01).any()]
        return [Line("", 0.0, corners, self.name) for corners in new]

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        models = resources.files("rapidocr") / "models"
        return RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": LEAST_CONFIDENCE,
                "Global.max_side_len": self.max_side_px,
                "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
                "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
                "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
                "Det.limit_type": "max",
                "Det.limit_side_len": self.detect_side_px,
                "EngineConfig.onnxruntime.intra_op_num_threads": self.threads,
            }
        )


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
        return (text, confidence) if main_script(text) == script else ("", 0.0)


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
        other = confidence >= SURE or confidence > max(LEAST_CONFIDENCE, line.confidence)
        return Line(text, confidence, line.corners, self.tesseract.name) if text and other else line


def is_doubtful(line: Line) -> bool:
    """Whether a line may be in a script that RapidOCR takes for another."""
    letters = {char for char in line.text if char.isalnum()}
    return line.confidence < SURE or len(letters) == 1 or (len(letters) > 1 and letters <= CYRILLIC_LOOKALIKES)


def shrunk(pixels: UInt8[ndarray, "h w 3"], max_side_px: int) -> UInt8[ndarray, "h2 w2 3"]:
    """The same picture, its longest side limited."""
    height, width = pixels.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX, reducing_gap=2.0))


def cut_out(pixels: UInt8[ndarray, "h w 3"], corners: Float[ndarray, "4 2"], margin: float) -> UInt8[ndarray, "a b 3"]:
    """The upright rectangle about four corners, with a margin in shares of its height."""
    height, width = pixels.shape[:2]
    left, top = corners.min(0) * (width, height)
    right, bottom = corners.max(0) * (width, height)
    edge = margin * (bottom - top)
    rows = slice(max(0, int(top - edge)), max(int(top) + 1, min(height, int(np.ceil(bottom + edge)))))
    columns = slice(max(0, int(left - edge)), max(int(left) + 1, min(width, int(np.ceil(right + edge)))))
    return pixels[rows, columns]


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


def _shares(boxes: ndarray | None, picture: UInt8[ndarray, "h w 3"]) -> Float[ndarray, "n 4 2"]:
    """Boxes in pixels as shares of a picture's width and height."""
    if boxes is None:
        return np.empty((0, 4, 2))
    size = np.array([picture.shape[1], picture.shape[0]], dtype=np.float64)
    return np.clip(np.asarray(boxes, dtype=np.float64).reshape(-1, 4, 2) / size, 0.0, 1.0)


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
