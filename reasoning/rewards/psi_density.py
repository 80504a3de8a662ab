"""The calibration reward's density under a frozen flow: ψ is heard while the model writes, the flow comes from outside.

Prediction knows the flow; it hands over a function of ψ and places, so that this package imports none of it. It is
frozen for as long as it is used; a round of training that has refitted it hands over the next (`Calibration.refresh`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lookhear.reasoning.rewards.rows import Completion, Reward

PlaceDensity = Callable[[Float[ndarray, "n size"], Float[ndarray, "n 3"]], Float[ndarray, " n"]]
"""log p(y | ψ) in nats per steradian, of rows of ψ at rows of places."""

TakePsi = Callable[[Sequence[int]], Float[ndarray, "n size"]]
"""ψ of the completions of these lengths in tokens (`PsiTap.take`)."""


@dataclass(frozen=True)
class UnderPsi:
    """A `LogDensity` that reads the column `psi`."""

    density: PlaceDensity
    """The frozen flow."""

    def __call__(
        self, texts: Sequence[str], truths: Float[ndarray, "n 3"], columns: Mapping[str, Any]
    ) -> Float[ndarray, " n"]:
        """Nats per steradian at the truths."""
        return self.density(np.stack(columns["psi"]), truths)


@dataclass
class WithPsi:
    """A reward that is given the column `psi`, one vector a completion."""

    reward: Reward
    """The reward that wants it."""
    take: TakePsi
    """Where it comes from."""

    @property
    def __name__(self) -> str:
        """The reward's own name."""
        return str(getattr(self.reward, "__name__", type(self.reward).__name__))

    def __call__(self, completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        """What the reward says; the column `completion_ids` says how long each completion is."""
        psi = list(self.take([len(ids) for ids in columns["completion_ids"]]))
        return self.reward(completions=completions, psi=psi, **columns)
