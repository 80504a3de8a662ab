"""The newest whole checkpoint of a run of TRL's trainers.

They write `checkpoint-<step>/` file by file, `trainer_state.json` after the weights and the optimiser; a run that is
killed in between leaves a folder that must not be gone on from. Such folders are removed.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

NEEDED = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth")
"""Without one of these a checkpoint is not whole; several processes write one rng_state_<n>.pth each."""


def newest_whole(folder: Path, *, clean: bool) -> Path | None:
    """The checkpoint of the highest step that is whole, or None; with `clean`, broken newer ones are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=_step, reverse=True)
    for checkpoint in found:
        if is_whole(checkpoint):
            return checkpoint
        if clean:
            shutil.rmtree(checkpoint)
    return None


def is_whole(checkpoint: Path) -> bool:
    """Whether everything is there and its state says the step of its name."""
    names = {re.sub(r"_\d+(?=\.pth)", "", path.name) for path in checkpoint.iterdir()}
    weights = any(name.endswith(".safetensors") for name in names)
    try:
        step = json.loads((checkpoint / "trainer_state.json").read_text())["global_step"]
    except (OSError, ValueError, KeyError):
        return False
    return weights and names.issuperset(NEEDED) and step == _step(checkpoint)


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1
