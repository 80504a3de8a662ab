"""A selection table for Raven Pro and Raven Lite: one row for each stretch in which something was heard.

In: a result. Out: tab-separated text, times in seconds from the beginning of the clip. No detector here knows a
frequency, so a box reaches from 0 Hz to half of the clip's own sampling rate. With nothing heard there is the header
alone.
"""

from __future__ import annotations

from lookhear.prediction.result import Result

EXTENSION = "raven.txt"

COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin File",
    "Annotation",
    "Name",
    "Score",
    "Confidence",
    "Evidence ID",
)
"""Raven's own columns, then ours; Raven keeps columns it does not know."""

UNKNOWN_RATE_HZ = 48_000
"""Taken where the clip's sampling rate is not known."""


def write(result: Result) -> bytes:
    """The table, in order of time."""
    lines = ["\t".join(COLUMNS), *("\t".join(row) for row in _rows(result))]
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _rows(result: Result) -> list[list[str]]:
    high_hz = (result.clip.sample_rate_hz or UNKNOWN_RATE_HZ) / 2
    found = sorted(
        ((moment, evidence) for evidence in result.evidence if evidence.is_heard for moment in evidence.moments),
        key=lambda pair: (pair[0].start_s, pair[0].end_s, pair[1].id),
    )
    rows = []
    for number, (moment, evidence) in enumerate(found, start=1):
        box = [f"{moment.start_s:.6f}", f"{moment.end_s:.6f}", "0.0", f"{high_hz:.1f}"]
        names = [_one_line(text) for text in (result.clip.path.name, evidence.label, evidence.name)]
        scores = [f"{moment.score:.4f}", f"{evidence.confidence:.4f}", _one_line(evidence.id)]
        rows.append([str(number), "Spectrogram 1", "1", *box, *names, *scores])
    return rows


def _one_line(text: str) -> str:
    return " ".join(text.split())
