"""What the methods share: senses in, one density out, with the prior counted once.

    log p(cell) = log prior(cell) + Σ_k w_k Σ_(findings of sense k) log ratio(cell) + constant

The weights are fitted on training clips (`fit_weights`), so that the density means what it says. With one sense, its
weight is one over a temperature. What a sense has learnt itself is weighed on clips of places that it has not learnt
from; where it has, it seems to know more than it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.perception.evidence import CellLikelihood
from lookhear.prediction.density import CellDensity
from lookhear.prediction.example import Example
from lookhear.prediction.methods.sense import Sense
from lookhear.prediction.methods.weights import Case, fit_weights
from lookhear.prediction.posterior import Prior, as_fine_as, log_areas, prior_density, prior_log_density

FIT_CLIPS = 300
"""Training clips on which weights are fitted, drawn by seed: a weight or two need no more."""


@dataclass
class LogLinear:
    """A method made of senses.

    Example:
        >>> method = LogLinear({"species": (HeardSpecies(),), "sight": (Sight(),)})  # doctest: +SKIP
        >>> method.fit(train)
        >>> density = method.density(example)
    """

    senses: dict[str, tuple[Sense, ...]]
    """What is weighed by itself, by name; senses of one name share a weight."""
    prior: Prior = "recordings"
    """What is assumed before."""
    weights: dict[str, float] = field(default_factory=dict)
    """How far each is trusted; 1 until fitted."""

    def fit(self, train: Iterable[Example]) -> None:
        """Fit the weights on each half of the places while the senses know the other half; then the senses on all."""
        clips, cases = list(train), list[Case]()
        weighed = sample(clips, FIT_CLIPS) if self.senses else []
        half = half_of_places(clips)
        for inside in (True, False):
            self._learn([clip for clip in clips if (clip.row.location_id in half) is not inside])
            cases += [self._case(clip) for clip in weighed if (clip.row.location_id in half) is inside]
        self._learn(clips)
        weights = fit_weights(cases, len(self.senses))
        self.weights = dict(zip(self.senses, weights.round(4).tolist(), strict=True))

    def _learn(self, clips: Sequence[Example]) -> None:
        for sense in (sense for together in self.senses.values() for sense in together):
            sense.fit(clips)

    def density(self, example: Example) -> CellDensity:
        """The pool of the prior and all that the senses say."""
        return self.pool(self.findings(example))

    def findings(self, example: Example) -> list[list[CellLikelihood]]:
        """What each of the senses found in a clip."""
        return [[where for one in together for where in one.wheres(example)] for together in self.senses.values()]

    def pool(self, findings: list[list[CellLikelihood]]) -> CellDensity:
        """The density that findings leave of the prior."""
        if not any(findings):
            return prior_density(self.prior)
        ids, log_density, says = self._says(findings)
        weights = np.array([self.weights.get(name, 1.0) for name in self.senses])
        return CellDensity.of(ids, log_density + weights @ says)

    def _says(
        self, findings: list[list[CellLikelihood]]
    ) -> tuple[UInt64[ndarray, " cells"], Float[ndarray, " cells"], Float[ndarray, "senses cells"]]:
        """Cells as fine as the findings, the prior's log-density there, and what each sense says, in nats."""
        ids, log_density = prior_log_density(self.prior)
        ids, log_density = as_fine_as([where for wheres in findings for where in wheres], ids, log_density)
        says = np.zeros((len(findings), len(ids)))
        for row, wheres in zip(says, findings, strict=True):
            for where in wheres:
                row += where.at(ids)
        return ids, log_density, says

    def _case(self, example: Example) -> Case:
        ids, log_density, says = self._says(self.findings(example))
        leaf = cells.cell_ids(example.row.point.unit[None], cells.MAX_LEVEL)
        return Case(log_density + log_areas(ids), says, int(cells.find(ids, leaf)[0]))


def sample(clips: Sequence[Example], count: int, seed: int = 0) -> list[Example]:
    """Some of the clips, drawn by seed; all of them where there are not so many."""
    chosen = np.random.default_rng(seed).permutation(len(clips))[:count]
    return [clips[k] for k in np.sort(chosen)]


def half_of_places(clips: Sequence[Example], seed: int = 0) -> set[str]:
    """Half of the places where clips were recorded, drawn by seed."""
    places = sorted({clip.row.location_id for clip in clips})
    return {places[k] for k in np.random.default_rng(seed).permutation(len(places))[: len(places) // 2]}


def learned(method: object) -> dict[str, float]:
    """The weights of a method that has some, for the record."""
    parts = getattr(method, "parts", (method,))
    return {name: weight for part in parts for name, weight in getattr(part, "weights", {}).items()}
