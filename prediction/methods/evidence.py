"""The evidence posterior as `lookhear locate` computes it: prior × likelihood of all that was heard and seen.

Nothing is fitted, so it needs no training split: it is what a flow can start from, and what a head must beat.
"""

from __future__ import annotations

from collections.abc import Iterable

from lookhear.prediction.density import CellDensity
from lookhear.prediction.example import Example
from lookhear.prediction.methods.log_linear import LogLinear
from lookhear.prediction.methods.sense import HeardSpecies, Sight, Writing


class EvidencePosterior:
    """Every finding taken at its word."""

    def __init__(self) -> None:
        self.pool = LogLinear({"species": (HeardSpecies(),), "sight": (Sight(),), "writing": (Writing(),)})

    def fit(self, train: Iterable[Example]) -> None:
        """Nothing is learnt."""

    def density(self, example: Example) -> CellDensity:
        """The posterior; the prior where nothing was found."""
        return self.pool.density(example)
