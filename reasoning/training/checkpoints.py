"""The newest whole checkpoint of a run of TRL's trainers, and how a run goes on from it.

They write `checkpoint-<step>/` file by file, `trainer_state.json` after the weights and the optimiser; a run that is
killed in between leaves a folder that must not be gone on from. Such folders are put aside. Nor may a run go on that is
at its end: a trainer that is handed its last checkpoint takes one step more.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

NEEDED = ("trainer_state.json", "rng_state.pth")
"""Without one of these a checkpoint is not whole; several processes write one rng_state_<n>.pth each."""

MOMENTS = re.compile(r"optimizer\.(pt|bin)|optimizer_\d+")
"""Where the optimiser stands: a file, or a folder with FSDP."""

DEEPSPEED = re.compile(r"global_step\d+")
"""The folder in which DeepSpeed keeps the optimiser and its schedule."""

ASIDE = "broken-"
"""Before the name of a folder that is not whole."""

STATE = ("optimizer.pt", "scheduler.pt", "rng_state*.pth", "trainer_state.json", "training_args.bin")
"""What of a checkpoint is of no use but to go on."""


def train_to(trainer: Any, steps: int, folder: Path, adapter: Path) -> Path:
    """Train from the newest checkpoint in a folder, if there is one, to a step, and write the adapter."""
    writes = trainer.is_world_process_zero()
    if writes:
        newest_whole(folder, clean=True)
    trainer.accelerator.wait_for_everyone()
    found = newest_whole(folder, clean=False)
    if found is None or _step(found) < steps:
        trainer.train(resume_from_checkpoint=str(found) if found else None)
        trainer.save_model(str(adapter))
    elif writes:
        shutil.copytree(found, adapter, ignore=shutil.ignore_patterns(*STATE), dirs_exist_ok=True)
    trainer.accelerator.wait_for_everyone()
    return adapter


def newest_whole(folder: Path, *, clean: bool) -> Path | None:
    """The checkpoint of the highest step that is whole, or None; with `clean`, broken newer ones are put aside."""
    found = sorted(folder.glob("checkpoint-*"), key=_step, reverse=True)
    for checkpoint in found:
        if is_whole(checkpoint):
            return checkpoint
        if clean:
            aside = checkpoint.with_name(ASIDE + checkpoint.name)
            shutil.rmtree(aside, ignore_errors=True)
            checkpoint.rename(aside)
    return None


def is_whole(checkpoint: Path) -> bool:
    """Whether everything is there and its state says the step of its name."""
    try:
        names = {re.sub(r"_\d+(?=\.pth)", "", path.name) for path in checkpoint.iterdir()}
        step = json.loads((checkpoint / "trainer_state.json").read_text())["global_step"]
    except (OSError, ValueError, KeyError):
        return False
    weights = any(name.endswith(".safetensors") for name in names)
    by_deepspeed = any(DEEPSPEED.fullmatch(name) for name in names)
    moments = by_deepspeed or ("scheduler.pt" in names and any(MOMENTS.fullmatch(name) for name in names))
    return weights and moments and names.issuperset(NEEDED) and step == _step(checkpoint)


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1
