"""One clip to be located, with the truth: what methods are fitted on and judged by.

In: a folder of an AVG-style set with the records of perception in it. Out: `Example`s, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lookhear.data.avg.row import ClipRow, Split, read_rows
from lookhear.perception.record import ClipRecord, read_records, recorded_clips


@dataclass(frozen=True, eq=False)
class Example:
    """A clip, what was perceived of it, and where it was recorded."""

    row: ClipRow
    """The truth."""
    record: ClipRecord
    """What a method may use."""


def read_examples(folder: Path, split: Split | None = None, records: Path | None = None) -> Iterator[Example]:
    """The clips of a set, or those of one split, in the order of their records.

    Args:
        folder: the set.
        split: only this part of it.
        records: where the records are; by default the folder itself.

    Raises:
        FileNotFoundError: there are no rows or no records.
        ValueError: a clip has no record.
    """
    place = records or folder
    rows = {row.clip_id: row for row in read_rows(folder) if split is None or row.split == split}
    missing = rows.keys() - set(recorded_clips(place))
    if missing:
        raise ValueError(
            f"{len(missing):,} of the {len(rows):,} {split or 'listed'} clips in {folder}, such as {min(missing)}, "
            f"have no record in {place}; `lookhear dataset perceive {folder}` makes the records of all."
        )
    for record in read_records(place):
        if record.clip_id in rows:
            yield Example(rows[record.clip_id], record)
