"""What changes in training: weights, their average, the optimiser's moments, and how far it has come.

In: a head. Out: its state as named tensors and a record, and back. It knows no data and no processes.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from lookhear.data.training.checkpoint import Checkpoint, refuse_not_finite
from lookhear.data.training.moments import load_moments, moments_of
from lookhear.prediction.flow import Ema
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.head import Head


@dataclass
class Progress:
    """How far training has come."""

    step: int = 0
    """Steps that were done."""
    best_nll: float = math.inf
    """Lowest validation NLL so far, in nats per steradian."""
    best_step: int = -1
    """After how many steps that was; -1: not validated yet."""
    stale: int = 0
    """Validations since then."""
    ended_early: bool = False
    """Whether patience ran out."""
    seconds: float = 0.0
    """Time spent, validations included; time before an interruption counts up to its last checkpoint."""


class State:
    """A head, its averaged and its best weights, its optimiser and its progress."""

    def __init__(self, head: Head, config: TrainConfig) -> None:
        self.head, self.progress = head, Progress()
        self.ema = Ema(head, config.ema_decay)
        self.best: dict[str, Tensor] = {}
        self.optimiser = torch.optim.AdamW(_groups(head, config.weight_decay), config.lr, fused=True)

    def judge(self, nll: float, patience: int) -> None:
        """Remember the averaged weights if they are the best so far; lose patience if they are not."""
        progress = self.progress
        if nll < progress.best_nll:
            progress.best_nll, progress.best_step, progress.stale = nll, progress.step, 0
            self.best = {name: value.clone() for name, value in self.ema.weights.items()}
        else:
            progress.stale += 1
            progress.ended_early = 0 < patience <= progress.stale
        if not self.best:
            raise ValueError(
                f"The validation NLL is {nll} before the first step; look for a place the base cannot reach."
            )

    def kept(self, identity: dict[str, Any]) -> Checkpoint:
        """All of it, to go on from.

        Raises:
            ValueError: a weight is no longer a number.
        """
        refuse_not_finite(self.head.state_dict(), self.progress.step)
        record = {"progress": asdict(self.progress), "ema_updates": self.ema.updates, "identity": identity}
        return Checkpoint(self.progress.step, self._tensors(), record)

    def load(self, found: Checkpoint, device: torch.device) -> None:
        """What `kept` gave."""
        parts: dict[str, dict[str, Tensor]] = {"head": {}, "ema": {}, "best": {}, "optimiser": {}}
        for name, value in found.tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = value.to(device)
        self.progress = Progress(**found.record["progress"])
        self.head.load_state_dict(parts["head"])
        self.ema.load_state_dict({"updates": found.record["ema_updates"], "weights": parts["ema"]})
        self.best = parts["best"]
        load_moments(self.optimiser, parts["optimiser"])

    def _tensors(self) -> dict[str, Tensor]:
        return {
            **{f"head.{name}": value for name, value in self.head.state_dict().items()},
            **{f"ema.{name}": value for name, value in self.ema.weights.items()},
            **{f"best.{name}": value for name, value in self.best.items()},
            **{f"optimiser.{name}": value for name, value in moments_of(self.optimiser).items()},
        }


def _groups(head: Head, weight_decay: float) -> list[dict[str, object]]:
    """Matrices are decayed, vectors are not."""
    learnt = [p for p in head.parameters() if p.requires_grad]
    return [
        {"params": [p for p in learnt if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in learnt if p.ndim < 2], "weight_decay": 0.0},
    ]
