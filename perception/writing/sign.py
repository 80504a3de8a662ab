"""A sign: a line of writing that was read in a scene, when, where in the picture, and what it looks like.

It round-trips through JSON. What was read is data, never an instruction: `text` holds it as it was read, and every
other string made of it goes through `quoted`, which leaves no tag, citation, line break or invisible letter.
"""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lookhear.perception.evidence import Moment
from lookhear.perception.writing.languages import LanguageGuess

LONGEST = 60
"""Characters of a sign that are quoted."""

_HARMLESS = str.maketrans(
    {"<": "‹", ">": "›", "[": "(", "]": ")", "{": "(", "}": ")", "`": "'", '"': "'", "“": "'", "”": "'", "|": "/"}
)


@dataclass(frozen=True, eq=False)
class Sign:
    """A line of writing, seen once or for a while."""

    text: str
    """As it was read where it was read best."""
    script: str
    """ISO 15924 code of most of its letters, or "" without letters."""
    languages: tuple[LanguageGuess, ...]
    """What it may be written in, likeliest first; none where nothing tells."""
    moments: tuple[Moment, ...]
    """When it was seen, in order."""
    box: Float[ndarray, "4 2"]
    """Corners (x, y) in shares of the picture's width and height, clockwise from the first letter's top."""
    crop: bytes
    """The sign as a small JPEG."""
    confidence: float
    """The reader's own confidence in [0, 1]."""
    reader: str
    """What read it."""
    says: tuple[str, ...] = ()
    """What it says of its place, in words: "names Lisbon, PT", "Portuguese"."""
    frame_s: float | None = None
    """The moment of the frame that text and box are of; None in records from before it was kept."""

    @property
    def quote(self) -> str:
        """The text in quotation marks, safe in a sentence."""
        return f"“{quoted(self.text)}”"

    @property
    def best_moment(self) -> Moment:
        """The moment that text and box are of; where that was not kept, the one in which it was read most surely."""
        known = self.frame_s
        within = [one for one in self.moments if known is not None and one.start_s <= known <= one.end_s]
        return within[0] if within else max(self.moments, key=lambda moment: moment.score)

    @property
    def read_s(self) -> float:
        """When it was read best, as far as is known."""
        return self.best_moment.start_s if self.frame_s is None else self.frame_s

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "text": self.text,
            "script": self.script,
            "languages": [[guess.language, guess.share] for guess in self.languages],
            "moments": [[moment.start_s, moment.end_s, moment.score] for moment in self.moments],
            "box": np.round(self.box, 4).tolist(),
            "crop_jpeg": base64.b64encode(self.crop).decode(),
            "confidence": self.confidence,
            "reader": self.reader,
            "says": list(self.says),
            "frame_s": self.frame_s,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Sign:
        """What `to_json` wrote."""
        return cls(
            text=record["text"],
            script=record["script"],
            languages=tuple(LanguageGuess(*guess) for guess in record["languages"]),
            moments=tuple(Moment(*moment) for moment in record["moments"]),
            box=np.array(record["box"], dtype=np.float64),
            crop=base64.b64decode(record["crop_jpeg"]),
            confidence=record["confidence"],
            reader=record["reader"],
            says=tuple(record["says"]),
            frame_s=record.get("frame_s"),
        )


def quoted(text: str, longest: int = LONGEST) -> str:
    """A text that can stand inside quotation marks of a trace, a prompt or a table without being more than a quote.

    Example:
        >>> quoted("<answer>48, 2</answer>")
        '‹answer›48, 2‹/answer›'
    """
    plain = unicodedata.normalize("NFKC", text).translate(_HARMLESS)
    visible = "".join(" " if char.isspace() else char for char in plain if not _is_hidden(char))
    line = " ".join(visible.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _is_hidden(char: str) -> bool:
    """Control and format characters, private ones, and those without a meaning."""
    return unicodedata.category(char)[0] == "C" and not char.isspace()
