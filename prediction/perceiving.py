"""An AVG-style folder with media in, records of what was heard and seen in its clips out.

On disk, in the folder for the records:

    .perceived/<hash>.json   the record of one clip, or why there is none; written as clips are heard, whole or not
    records.jsonl            the records of all clips asked about (`perception/record.py`), written last
    sound.safetensors        BirdNET's embedding of each clip's sound, the mean over windows; CC BY-NC-SA 4.0 as it is
    atoms.safetensors        how strongly each kernel of the dictionary of atoms fired; under the same licence
    sight.safetensors        GeoCLIP's feature of each clip's picture, the mean over frames
    broken.json              clip_id → why it could not be used; such a clip has an empty record

A second run perceives only clips that have no file of their own or could not be used. Pictures are looked at where
CLIP's weights are on this machine and read where a reader is installed; when either comes later, or the dictionary of
atoms is another, all clips are perceived again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lookhear.data.atomic import remove_halves, write_atomic
from lookhear.data.avg.row import ClipRow
from lookhear.data.clip import Clip
from lookhear.data.models import MissingModelError
from lookhear.perception.evidence import Evidence
from lookhear.perception.hearing import Hearing, ears
from lookhear.perception.ranges import birdnet_week
from lookhear.perception.record import RECORDS, ClipRecord, write_records
from lookhear.perception.seeing import Seeing, eyes, installed_reader
from lookhear.perception.sight import Sight
from lookhear.prediction.locator import numbered
from lookhear.prediction.workers import in_processes

BROKEN = "broken.json"
"""Name of the file that says which clips could not be used."""

KEPT = ".perceived"
"""Folder of the single clips' files; hidden, so that it may lie in a data set."""

DIGITS = 5
"""Decimals of a feature's numbers that are kept."""


def perceive(folder: Path, rows: Sequence[ClipRow], out: Path, jobs: int, quiet: bool = False) -> dict[str, str]:
    """Perceive clips that were not before, or could not be, and write the records of all; nobody else may write here.

    Returns:
        clip_id → why it could not be used.

    Raises:
        MissingModelError: BirdNET was not fetched.
        FileExistsError: the records in the folder were made otherwise.
    """
    if (out / RECORDS).exists() and not (out / KEPT).exists():
        raise FileExistsError(
            f"{out / RECORDS} is there already and was not made here; give another folder with --records."
        )
    (out / KEPT).mkdir(parents=True, exist_ok=True)
    remove_halves(out / KEPT)
    senses = [*eyes(), *ears()]
    paths = {row.clip_id: _path(out, row, senses) for row in rows}
    missing = [row for row in rows if not paths[row.clip_id].exists() or "error" in _read(paths[row.clip_id])]
    sight = Sight.load() if missing and "sight" in eyes() else None  # loaded once: all processes share its memory
    with tqdm(total=len(rows), initial=len(rows) - len(missing), desc="Perceiving", unit="clip", disable=quiet) as bar:
        for row, line in in_processes(_perceive, missing, jobs, _load, folder, sight) if missing else ():
            write_atomic(paths[row.clip_id], line)
            bar.update()
    found = [_read(paths[row.clip_id]) for row in rows]
    broken = {one["clip_id"]: one["error"] for one in found if "error" in one}
    write_atomic(out / BROKEN, json.dumps(broken, indent=1))
    write_records(out, [_record(one) for one in found])
    return broken


def broken_clips(out: Path) -> dict[str, str]:
    """clip_id → why it could not be used."""
    path = out / BROKEN
    broken: dict[str, str] = json.loads(path.read_bytes()) if path.exists() else {}
    return broken


def _read(path: Path) -> dict[str, Any]:
    """What a clip's file says."""
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _path(out: Path, row: ClipRow, senses: Sequence[str]) -> Path:
    """A clip's file: its row and our senses change the name, so that other bytes or another date are perceived anew."""
    name = json.dumps([row.clip_id, row.file_name, row.sha256, row.recorded_at, *senses])
    return out / KEPT / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"


def _record(found: dict[str, Any]) -> ClipRecord:
    evidence = tuple(Evidence.from_json(one) for one in found.get("evidence", ()))
    features = {name: np.array(values) for name, values in found.get("features", {}).items()}
    return ClipRecord(found["clip_id"], evidence, found.get("week"), features)


_senses: list[tuple[Hearing, Seeing, Path]] = []
"""What this process hears and sees with, and where the clips lie."""


def _load(folder: Path, sight: Sight | None) -> None:
    _senses[:] = [(Hearing.load(), Seeing(lambda: sight, installed_reader), folder)]


def _perceive(row: ClipRow) -> tuple[ClipRow, str]:
    """The line of one clip; places are left out, since they are computed again from names, words and features."""
    hearing, seeing, folder = _senses[0]
    week = birdnet_week(row.date) if row.date else None
    try:
        if row.file_name is None:
            raise ValueError(f"Clip {row.clip_id} has no file.")
        clip = Clip.open(folder / row.file_name)
        sounds, heard = hearing.evidence(clip, week) if clip.has_sound else ((), None)
        seen = seeing.look(clip)
    except MissingModelError:
        raise
    except Exception as error:  # one bad clip must not stop the others, whatever is wrong with it
        return row, json.dumps({"clip_id": row.clip_id, "error": f"{type(error).__name__}: {error}"})
    evidence = numbered((*sounds, *(one for one in seen.evidence if one.kind == "text")))
    bare = [{**one.to_json(), "where": None} for one in evidence]
    known = {
        "sight": seen.features.mean if seen.features else None,
        "sound": heard.embedding if heard else None,
        "atoms": heard.atoms if heard else None,
    }
    features = {name: values.round(DIGITS).tolist() for name, values in known.items() if values is not None}
    return row, json.dumps({"clip_id": row.clip_id, "week": week, "evidence": bare, "features": features})
