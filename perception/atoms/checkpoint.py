"""Checkpoints of MART: all that training needs to go on, in one file that is whole or not there.

On disk: `checkpoint.safetensors`, tensors by name and the rest as JSON in its header, and the one before it as
`checkpoint.before.safetensors`, which serves where the newest is cut short. There is no pickle in them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lookhear.data.atomic import write_atomic

HEADER = "lookhear"
NEWEST, BEFORE = "checkpoint.safetensors", "checkpoint.before.safetensors"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What was kept of one moment."""

    tensors: dict[str, Tensor]
    """Weights and the optimiser's moments, by name."""
    record: dict[str, Any]
    """Everything else: how far it has come, the curve, and the settings it belongs to."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write one; the one before it stays."""
    folder.mkdir(parents=True, exist_ok=True)
    newest = folder / NEWEST
    if newest.exists():
        newest.replace(folder / BEFORE)
    tensors = {name: value.detach().cpu().contiguous() for name, value in checkpoint.tensors.items()}
    write_atomic(newest, save(tensors, {HEADER: json.dumps(checkpoint.record)}))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest that is whole; None where there is none at all.

    Raises:
        ValueError: there are some, but all are damaged.
    """
    paths = [folder / name for name in (NEWEST, BEFORE) if (folder / name).exists()]
    for path in paths:
        try:
            with safe_open(path, framework="pt") as file:
                record = json.loads((file.metadata() or {})[HEADER])
                return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, record)
        except (SafetensorError, ValueError, KeyError) as error:
            print(f"{path} is damaged or cut short ({error}); the one before it is tried.", file=sys.stderr)
    if paths:
        raise ValueError(f"Every checkpoint in {folder} is damaged; remove them to start again.")
    return None


def refuse_other(folder: Path, kept: dict[str, Any], now: dict[str, Any]) -> None:
    """Say in which settings a checkpoint differs from what is asked for now.

    Raises:
        ValueError: it does; nothing in the folder was touched.
    """
    differ = [f"{name}: {kept.get(name)!r} there, {now.get(name)!r} now" for name in now if kept.get(name) != now[name]]
    if differ:
        raise ValueError(
            f"The checkpoint in {folder} belongs to another run ({'; '.join(differ)}); "
            "ask for the same again, or give another folder."
        )
