"""The processes that train together: found by accelerate, which is asked for only when training begins.

In: what `torchrun` or `accelerate launch` put into the environment (nothing for a single process), and a device.
Out: an `Accelerator`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from accelerate import Accelerator


class NoAccelerateError(ValueError):
    """The package that joins processes is not installed."""


def accelerator_for(device: Literal["auto", "cpu"]) -> Accelerator:
    """The processes there are, those that were started together or this one alone; "auto" takes CUDA devices.

    Raises:
        NoAccelerateError: accelerate is not installed.
    """
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise NoAccelerateError("Training needs accelerate: pip install 'lookhear[train]'.") from error
    return Accelerator(cpu=device == "cpu" or not torch.cuda.is_available())


def refuse_separate_folders(accelerator: Accelerator, folder: Path, step: int) -> None:
    """Machines that do not share a folder would go on from different steps.

    Raises:
        ValueError: they would.
    """
    here = torch.tensor([float(step)], device=accelerator.device)
    if float(accelerator.reduce(here, "mean")[0]) != step:
        raise ValueError(
            f"Process {accelerator.process_index} sees a checkpoint of step {step} in {folder}, "
            "others see another one; give a folder that all machines share."
        )


def leave_processes() -> None:
    """Part from the other processes, at the very end of a command."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
