"""What can be trained: a module that turns features into a density over places, and knows its own loss.

The flow is the first of them (`lookhear.prediction.training.flow_head`); baselines are others. Adding one is one small
file with a subclass; the trainer treats all alike, so a table of them compares models and not training loops.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Generator, Tensor, nn

from lookhear.prediction.condition import Condition
from lookhear.prediction.density import GeoDensity
from lookhear.prediction.flow import Base
from lookhear.prediction.training.features import Batch, FeatureSet


class Head(nn.Module, ABC):
    """A density over places, given features; all it learns is in its parameters, all it is told in `settings`."""

    name: ClassVar[str]
    """What it is called in tables and model cards."""

    def prepare(self, training: FeatureSet) -> None:
        """Take from the training clips what must be known before the first step, such as the size of each feature."""

    @abstractmethod
    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """What training makes small; everything it draws comes from the generator, which is on the CPU."""

    @abstractmethod
    def log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log-density of each row's place given its features, in nats per steradian: validation is its mean."""

    @abstractmethod
    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> GeoDensity:
        """The answer to one query: features [1, size], those that are missing left out.

        `base` and `row` say where a flow starts; heads that start nowhere pass them over.
        """

    @property
    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """The features it takes, and their sizes."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What it was made with, as JSON: a checkpoint of other settings is not taken."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`, from which it can be made again."""

    def forward(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """The loss: what several processes share gradients of is the forward pass."""
        return self.loss(batch, generator)
