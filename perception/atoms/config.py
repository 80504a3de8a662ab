"""How a dictionary is trained: the settings of MART.

In: nothing. Out: a `MartConfig`, and the learning rate of each step. The defaults are those of our own training on
BirdNET's maps; AVG's were lr 1e-4 and 5 epochs of two million clips.
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

FREE = ("checkpoint_every", "device")
"""Settings that may change when a run goes on: they do not change what is learnt."""


@dataclass(frozen=True)
class MartConfig:
    """Everything the training loop can be told.

    Raises:
        ValueError: a number is outside its range.
    """

    steps: int = 6_000
    """Steps of the optimiser."""
    batch: int = 128
    """Mixtures a step, all processes together."""
    lr: float = 3e-3
    """Highest learning rate; 1e-3 and 8e-3 did worse (docs/train-sound.md)."""
    warmup_steps: int = 100
    """Steps over which the learning rate rises; it then falls as a cosine to nothing."""
    weight_decay: float = 0.05
    """AdamW's, on matrices of the map before the dictionary."""
    clip_norm: float = 1.0
    """Gradients longer than this are shortened to it."""
    reconstruction: float = 0.1
    """Weight of the reconstruction loss against the cross-entropy."""
    reconstructed: float = 0.125
    """Share of each batch that the reconstruction loss looks at: each takes four more maps through the network."""
    revival: float = 0.03
    """Weight of the term that keeps dead kernels alive."""
    dead_after: int = 200
    """A kernel that was not taken for so many steps is dead."""
    forced: float = 1.0
    """Share of mixtures that are taught (the right class is subtracted); the others run free."""
    virtual: float = 0.0
    """Share of each batch that is mixed from maps, not waves (see `virtual`): for when few mixtures are encoded."""
    step_db: tuple[float, float] = (3.0, 12.0)
    """Steps between the gains of those."""
    sphere: Literal["renormalise", "riemannian"] = "renormalise"
    """How kernels stay at unit norm: scaled back after each step, or by geoopt's RiemannianAdam."""
    seed: int = 0
    """Everything that is drawn follows from it."""
    validate_every: int = 500
    """Steps between validations."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    device: Literal["auto", "cpu"] = "auto"
    """"auto" takes CUDA devices where there are some."""

    def __post_init__(self) -> None:
        refuse_below_one(self, "steps", "batch", "dead_after", "validate_every", "checkpoint_every")
        refuse_negative(self, "warmup_steps", "weight_decay", "reconstruction", "revival", "seed")
        refuse_not_positive(self, "lr", "clip_norm")
        refuse_outside_unit(self, "forced", "reconstructed", "virtual")

    def lr_at(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then a cosine down to 1 % of it."""
        return rate_at(step, self.steps, self.lr, self.warmup_steps, final=0.01)

    def share(self, processes: int) -> int:
        """Mixtures a process takes.

        Raises:
            ValueError: the batch cannot be cut into equal parts.
        """
        return share_of(self.batch, processes)

    def fixed(self) -> dict[str, object]:
        """The settings that must stay when a run goes on."""
        return {name: value for name, value in asdict(self).items() if name not in FREE}
