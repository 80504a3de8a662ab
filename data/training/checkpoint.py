"""Checkpoints: all that training needs to go on, in one file that is whole or not there.

On disk, in a folder: `step-00001200.safetensors`, tensors by name, and the rest as JSON in the file's own header.
There is no pickle in it. The newest few are kept; if the newest cannot be read, the one before it serves and the
damaged one stays until training comes to its step again.
It does not know what the tensors mean, but that a weight which is not a number is never worth keeping.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lookhear.data.atomic import write_atomic

HEADER = "lookhear"
"""Key of the JSON in a file's header."""

EARLIER = ("checkpoint.safetensors", "checkpoint.before.safetensors")
"""Names the dictionary's trainings gave to their newest and the one before it; still read, no longer written."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What was kept of one moment."""

    step: int
    """Steps that were done."""
    tensors: dict[str, Tensor]
    """Weights, averages, and the optimiser's moments, by name."""
    record: dict[str, Any]
    """Everything else: counters, and the settings it belongs to."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int) -> None:
    """Write one, then remove all but the newest `keep`.

    Raises:
        OSError: the disk is full or the folder cannot be written to; older ones stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = {HEADER: json.dumps({"step": checkpoint.step} | checkpoint.record)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    write_atomic(folder / f"step-{checkpoint.step:08d}.safetensors", save(tensors, header))
    for old in [path for path in checkpoints(folder) if _step(path) < checkpoint.step][keep - 1 :]:
        old.unlink()


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, newest first."""
    numbered = sorted(folder.glob("step-*.safetensors"), key=_step, reverse=True)
    return numbered + [folder / name for name in EARLIER if (folder / name).exists()]


def read_newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole, or None where there is none at all.

    Raises:
        ValueError: there are some, but all are damaged.
    """
    paths = checkpoints(folder)
    for path in paths:
        try:
            return read_checkpoint(path)
        except (SafetensorError, ValueError, KeyError) as error:
            print(f"{path} is damaged or cut short ({error}); the one before it is tried.", file=sys.stderr)
    if paths:
        raise ValueError(f"Every checkpoint in {folder} is damaged; remove them to start again.")
    return None


def read_checkpoint(path: Path) -> Checkpoint:
    """One file."""
    with safe_open(path, framework="pt") as file:
        record = json.loads((file.metadata() or {})[HEADER])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    return Checkpoint(record.pop("step"), tensors, record)


def refuse_other(folder: Path, kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Say in which settings a checkpoint differs from what is asked for now.

    Raises:
        ValueError: it does; nothing in the folder was touched.
    """
    differ = [f"{name}: {kept.get(name)!r} there, {now.get(name)!r} now" for name in now if kept.get(name) != now[name]]
    if differ:
        raise ValueError(
            f"The checkpoints in {folder} belong to another run ({'; '.join(differ)}); "
            "ask for the same again, or give another folder."
        )


def refuse_not_finite(weights: Mapping[str, Tensor], step: int) -> None:
    """Say which weight is no longer a number, before it is kept.

    Raises:
        ValueError: one is not.
    """
    lost = [name for name, value in weights.items() if not torch.isfinite(value).all()]
    if lost:
        raise ValueError(
            f"After {step} steps {lost[0]} is no longer a number; the last checkpoint is kept: "
            "start again in another folder with a lower learning rate."
        )


def _step(path: Path) -> int:
    digits = path.stem.removeprefix("step-")
    return int(digits) if digits.isdigit() else -1
