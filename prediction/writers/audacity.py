r"""A label track for Audacity (File → Import → Labels): one label for each stretch in which something was heard.

In: a result. Out: lines of start, end and label between tabs, times in seconds from the beginning of the clip with
six decimals. A label ends with the score and the id by which the trace cites it: "Wood Thrush 0.67 [e1]". Tabs and
line breaks in it become spaces. With nothing heard the file is empty.
"""

from __future__ import annotations

from lookhear.prediction.result import Result

EXTENSION = "audacity.txt"


def write(result: Result) -> bytes:
    """The labels, in order of time."""
    found = sorted(
        (moment.start_s, moment.end_s, f"{evidence.label} {moment.score:.2f} [{evidence.id}]")
        for evidence in result.evidence
        if evidence.is_heard
        for moment in evidence.moments
    )
    lines = [f"{start_s:.6f}\t{end_s:.6f}\t{' '.join(label.split())}\n" for start_s, end_s, label in found]
    return "".join(lines).encode("utf-8", "replace")
