"""`lookhear dataset perceive DATA`: hear and see all clips of an AVG-style data set, once, for all that learns from it.

In: a folder with `metadata.jsonl` and media. Out, beside it or in another folder: the records of perception (their
layout is in `prediction/perceiving.py`), which `evaluate` and all `train` commands find. The same command goes on after
a kill, and perceives only what is new. A clip that cannot be used is listed and has an empty record; the exit code is
then 1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from lookhear.data.atomic import only_writer
from lookhear.data.avg.row import read_rows

MOST_SHOWN = 5
"""Clips that could not be used and are printed; the file has them all."""


@dataclass(frozen=True)
class DatasetPerceiveConfig:
    """Hear and see all clips of an AVG-style data set, and keep what was found."""

    data: tyro.conf.Positional[Path]
    """The folder, with metadata.jsonl and the media."""
    records: Path | None = None
    """Where the records are written; by default the folder itself, where every command finds them."""
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    """How many processes."""
    quiet: tyro.conf.FlagCreatePairsOff[bool] = False
    """No progress bar."""

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"--jobs starts at 1, but {self.jobs} was given.")


def dataset_perceive(config: DatasetPerceiveConfig) -> int:
    """Run the command; 0: every clip was perceived, 1: some could not be used."""
    from lookhear.prediction.perceiving import BROKEN, perceive

    rows = list(read_rows(config.data))
    if not any(row.file_name for row in rows):
        raise FileNotFoundError(f"{config.data} lists no media, so there is nothing to hear or see in it.")
    folder = config.records or config.data
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder):
        broken = perceive(config.data, rows, folder, config.jobs, config.quiet)
    print(f"{len(rows) - len(broken):,} of {len(rows):,} clips perceived; their records are in {folder}")
    if broken:
        print(_listed(broken, folder / BROKEN))
    return 1 if broken else 0


def _listed(broken: Mapping[str, str], path: Path) -> str:
    shown = [f"  {clip_id}: {why}" for clip_id, why in list(broken.items())[:MOST_SHOWN]]
    return "\n".join([f"{len(broken):,} could not be used and have empty records; {path} lists them:", *shown])
