"""How a head is trained: one set of settings for the flow and for every baseline beside it.

In: nothing. Out: a `TrainConfig`, and the learning rate of each step. It knows no network and no data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from lookhear.data.training.settings import (
    rate_at,
    refuse_below_one,
    refuse_negative,
    refuse_not_positive,
    refuse_outside_unit,
    share_of,
)

BaseName = Literal["uniform", "places", "evidence"]
"""What a flow may start from: knowing nothing, kernels on training places, each clip's evidence posterior."""

FREE = ("log_every", "checkpoint_every", "keep", "device")
"""Settings that may change when a run goes on: they do not change what is learnt."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything the training loop can be told.

    Raises:
        ValueError: a number is outside its range.
    """

    steps: int = 20_000
    """Steps of the optimiser, if validation does not end training before."""
    batch: int = 1024
    """Examples a step, all processes and accumulated parts together."""
    accumulate: int = 1
    """Parts each process cuts its share of a step into, where memory is short."""
    lr: float = 1e-3
    """Highest learning rate of AdamW."""
    warmup_steps: int = 200
    """Steps over which the learning rate rises; it then falls as a cosine."""
    final_lr: float = 0.02
    """Learning rate at the end, as a share of the highest."""
    weight_decay: float = 0.0
    """AdamW's, on matrices only."""
    clip_norm: float = 1.0
    """Gradients longer than this are shortened to it."""
    ema_decay: float = 0.999
    """Decay of the averaged weights, which are those that are validated and kept."""
    drop_all: float = 0.0
    """Chance that a row's whole condition is dropped; 0.1 is usual where guidance is wanted."""
    drop_part: float = 0.0
    """Chance of each part of a condition to be dropped by itself, so that parts may be missing later."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Type of the matrix products; weights, points on the sphere and losses are always float32."""
    seed: int = 0
    """Everything that is drawn follows from it."""
    validate_every: int = 500
    """Steps between validations."""
    patience: int = 10
    """Training ends after this many validations without a better one; 0: never before its last step."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    keep: int = 2
    """How many checkpoints stay: the older ones serve if the newest is damaged."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""
    device: Literal["auto", "cpu"] = "auto"
    """"auto" takes CUDA devices where there are some."""

    def __post_init__(self) -> None:
        refuse_below_one(
            self, "steps", "batch", "accumulate", "validate_every", "checkpoint_every", "keep", "log_every"
        )
        refuse_negative(self, "warmup_steps", "weight_decay", "patience", "seed")
        refuse_outside_unit(self, "final_lr", "ema_decay", "drop_all", "drop_part")
        refuse_not_positive(self, "lr", "clip_norm")

    def lr_at(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then a cosine down to `final_lr` of it."""
        return rate_at(step, self.steps, self.lr, self.warmup_steps, self.final_lr)

    def share(self, processes: int) -> int:
        """Examples a process takes at once.

        Raises:
            ValueError: the batch cannot be cut into equal parts.
        """
        return share_of(self.batch, processes, self.accumulate)

    def fixed(self) -> dict[str, object]:
        """The settings that must stay when a run goes on."""
        return {name: value for name, value in asdict(self).items() if name not in FREE}
