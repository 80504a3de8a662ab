"""What perception found in each clip of a data set, kept in files so that encoders run once.

In: clips, or a simulated world. Out: `ClipRecord`s. On disk, in a folder:

    records.jsonl          one record a line: clip_id, week, evidence without `where`
    <part>.safetensors     "features" [clips, size] float16, one row a record, NaN where a clip has none

`where` is not kept: it is computed again from the range maps (`Pointing`), which is exact and small, and tables made
with BirdNET's range model must not be handed on. `records.jsonl` is written last, so a folder without it is not whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from safetensors.numpy import load_file, save

from lookhear.data.atomic import write_atomic
from lookhear.perception.evidence import Evidence

RECORDS = "records.jsonl"
"""Name of the file that holds the evidence."""

PARTS = ("sight", "sound", "atoms")
"""Features there may be: GeoCLIP's mean over frames (512-d), BirdNET's mean over windows (1024-d), and how strongly
each kernel of the shipped dictionary of atoms fired."""

TOLD_ALONE = ("atoms",)
"""Of these, what a language model may be told and no head of places is given: none was ever trained on it."""


@dataclass(frozen=True, eq=False)
class ClipRecord:
    """All that perception knows of one clip."""

    clip_id: str
    """Which clip."""
    evidence: tuple[Evidence, ...]
    """What was found; where it points may not be filled in yet."""
    week: int | None = None
    """BirdNET's week 1..48, if the date is known."""
    features: dict[str, Float[ndarray, " size"]] = field(default_factory=dict)
    """Embeddings by name (`PARTS`), as far as the clip has them."""


def write_records(folder: Path, records: Sequence[ClipRecord]) -> None:
    """Write a set's records; each file whole or not at all.

    Raises:
        ValueError: features of one name differ in size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORDS).unlink(missing_ok=True)
    for part in PARTS:
        table = _table(records, part)
        if table is not None:
            write_atomic(folder / f"{part}.safetensors", save({"features": table}))
        else:
            (folder / f"{part}.safetensors").unlink(missing_ok=True)
    write_atomic(folder / RECORDS, "".join(record_line(record) for record in records))


def read_records(folder: Path) -> Iterator[ClipRecord]:
    """A set's records, in the order they were written.

    Raises:
        FileNotFoundError: there are none.
        ValueError: a line is no record, or features are missing for it.
    """
    found = [part for part in PARTS if (folder / f"{part}.safetensors").exists()]
    tables = {part: load_file(folder / f"{part}.safetensors")["features"] for part in found}

    def parse(k: int, record: dict[str, Any]) -> ClipRecord:
        rows = {part: table[k].astype(np.float32) for part, table in tables.items()}
        known = {part: row for part, row in rows.items() if np.isfinite(row).all()}
        evidence = tuple(Evidence.from_json(one) for one in record["evidence"])
        return ClipRecord(record["clip_id"], evidence, record["week"], known)

    return _parsed(folder, parse)


def recorded_clips(folder: Path) -> Iterator[str]:
    """The clip_id of each of a set's records.

    Raises:
        FileNotFoundError: there are none.
        ValueError: a line is no record.
    """
    return _parsed(folder, lambda _, record: str(record["clip_id"]))


Parsed = TypeVar("Parsed")


def _parsed(folder: Path, parse: Callable[[int, dict[str, Any]], Parsed]) -> Iterator[Parsed]:
    path = folder / RECORDS
    if not path.exists():
        raise FileNotFoundError(f"There is no {RECORDS} in {folder}; `lookhear dataset perceive` makes it from media.")
    with path.open(encoding="utf-8") as lines:
        for k, line in enumerate(lines):
            try:
                yield parse(k, json.loads(line))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ValueError(f"Line {k + 1} of {path} is no record: {error!r}") from error


def record_line(record: ClipRecord) -> str:
    """A record as its line of `records.jsonl`: all but features and where findings point."""
    bare = [replace(one, where=None).to_json() for one in record.evidence]
    whole = {"clip_id": record.clip_id, "week": record.week, "evidence": bare}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"


def record_digest(record: ClipRecord) -> str:
    """Changes with what was found in a clip and with the feature of its picture."""
    whole = hashlib.sha256(record_line(record).encode())
    whole.update(record.features.get("sight", np.zeros(0)).astype(np.float16).tobytes())
    return whole.hexdigest()[:12]


def _table(records: Sequence[ClipRecord], part: str) -> Float[ndarray, "clips size"] | None:
    """The features of one name, one row a record, or None where no clip has any."""
    sizes = {len(record.features[part]) for record in records if part in record.features}
    if len(sizes) > 1:
        raise ValueError(f"Features called {part!r} have sizes {sorted(sizes)}; they must come from one encoder.")
    if not sizes:
        return None
    none = np.full(sizes.pop(), np.nan)
    return np.stack([record.features.get(part, none) for record in records]).astype(np.float16)
