"""Frames in, evidence out: what was written in the scene and where that points.

One sign is one piece of evidence, with its moments. Most signs point nowhere ("23", "OPEN"): they are found all the
same, for a person to see. Without any writing there is no evidence, and so no claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lookhear.data.frames import Frame
from lookhear.perception.evidence import Evidence
from lookhear.perception.writing.clues import Clue, clues_of_all
from lookhear.perception.writing.pointing import where
from lookhear.perception.writing.reader import LineReader, RapidReader
from lookhear.perception.writing.sign import Sign, quoted
from lookhear.perception.writing.tesseract import Reading, TesseractReader
from lookhear.perception.writing.tracking import Tracker

MOST_SIGNS = 60
"""Signs of a clip that are kept: those that point somewhere, then those read most surely."""

LONGEST_NAME = 200
"""Characters of a sign that are kept as the name of its evidence."""


@dataclass
class Reader:
    """Reads what is written in a clip.

    Example:
        >>> reader = Reader.load()                                                  # doctest: +SKIP
        >>> evidence, signs = reader.evidence(frames)
    """

    lines: LineReader = field(default_factory=RapidReader)
    """Reads one picture."""
    frames_read: int = 0
    """Frames of the last clip that were read; the others were like the one before."""

    @classmethod
    def load(cls, threads: int = -1) -> Reader:
        """RapidOCR, and Tesseract where it is installed."""
        tesseract = TesseractReader.installed()
        return cls(Reading.of(tesseract, threads) if tesseract else RapidReader(threads=threads))

    def evidence(self, frames: Iterable[Frame]) -> tuple[tuple[Evidence, ...], tuple[Sign, ...]]:
        """What was read, and the sign of each finding, in the same order: those that point somewhere first."""
        tracker = Tracker(self.lines)
        signs = tracker.follow(frames)
        self.frames_read = tracker.frames_read
        clues = clues_of_all([(sign.text, sign.confidence) for sign in signs])
        found = [_finding(sign, said) for sign, said in zip(signs, clues, strict=True)]
        found.sort(key=lambda pair: (pair[0].where is None, -pair[0].confidence, pair[0].start_s))
        kept = found[:MOST_SIGNS]
        return tuple(replace(one, id=f"e{k}") for k, (one, _) in enumerate(kept, 1)), tuple(sign for _, sign in kept)


def point(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The same evidence, in which writing that points nowhere yet does: records of clips keep no places."""
    asked = [k for k, one in enumerate(evidence) if one.kind == "text" and one.where is None]
    clues = clues_of_all([(evidence[k].name, evidence[k].confidence) for k in asked])
    found = {k: where(said) for k, said in zip(asked, clues, strict=True)}
    return tuple(replace(one, where=found.get(k, one.where)) for k, one in enumerate(evidence))


def _finding(sign: Sign, clues: list[Clue]) -> tuple[Evidence, Sign]:
    says = tuple(clue.says for clue in clues)
    label = f"{sign.quote} ({', '.join(says)})" if says else sign.quote
    name = quoted(sign.text, LONGEST_NAME)
    found = Evidence("", "text", label, name, sign.moments, sign.confidence, sign.reader, where=where(clues))
    return found, replace(sign, says=says)
