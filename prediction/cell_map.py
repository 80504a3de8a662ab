"""A density that is known at points, as masses on cells.

In: a function that gives log-densities, and samples that say where the density is. Out: a `CellDensity`, and the mass
its cells had before they were made to add up to 1: how far that is from 1 says how well cells resolve the density, or
that it was none.
The map is coarse where next to no mass is: a peak narrower than a coarse cell is found by the samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.prediction.density import CellDensity

COARSEST, FINEST = 3, 14
"""Levels of the map's cells: about 1,150 km to 0.6 km wide."""

MAP_SAMPLES = 2048
"""Samples that say where the map must be fine."""

SAMPLES_A_CELL = 4
"""A cell with more samples is cut."""

MASS_A_CELL = 0.004
"""A cell with more mass is cut; so is one with an eighth of it, unless cutting its parent changed less than that."""

LogDensity = Callable[[Float[ndarray, "n 3"]], Float[ndarray, " n"]]
"""Log-densities in nats per steradian at unit vectors."""


class Mapped(ABC):
    """A density known at points, which people can ask for a map."""

    @abstractmethod
    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Log-density in nats per steradian at unit vectors."""

    @abstractmethod
    def sample(self, count: int, seed: int) -> Float[ndarray, "count 3"]:
        """Unit vectors drawn from the density, the same for the same seed."""

    def on_cells(self) -> CellDensity:
        """Masses on cells of level 3 to 14, finest where the density is."""
        return self._cells[0]

    @property
    def mass(self) -> float:
        """The map's mass before it was normalised: how far from 1 says how well the cells resolve the density."""
        return self._cells[1]

    @cached_property
    def _cells(self) -> tuple[CellDensity, float]:
        return map_on_cells(self.log_density, self.sample(MAP_SAMPLES, seed=0))


def map_on_cells(log_density: LogDensity, samples: Float[ndarray, "n 3"]) -> tuple[CellDensity, float]:
    """Masses on cells of level 3 to 14, finest where the density is, and their sum before normalising."""
    ids = cover(samples)
    values = log_density(cells.centers(ids))
    doubtful = np.ones(len(ids), dtype=bool)
    while True:
        mass = np.exp(values) * cells.areas_sr(ids)
        cut = ((mass > MASS_A_CELL) | doubtful & (mass > MASS_A_CELL / 8)) & (cells.levels(ids) < FINEST)
        if not cut.any():
            break
        parts = cells.children(ids[cut]).ravel()
        found = log_density(cells.centers(parts))
        change = (np.exp(found) * cells.areas_sr(parts)).reshape(-1, 4).sum(1) - mass[cut]
        doubtful = np.concatenate([doubtful[~cut], np.repeat(np.abs(change) > MASS_A_CELL / 8, 4)])
        values, ids = np.concatenate([values[~cut], found]), np.concatenate([ids[~cut], parts])
    order = np.argsort(ids)
    return CellDensity.of(ids[order], values[order]), float(mass.sum())


def cover(samples: Float[ndarray, "n 3"]) -> UInt64[ndarray, " m"]:
    """Cells over the whole Earth, cut while they hold more than a few of the samples."""
    leaves = np.sort(cells.cell_ids(samples, cells.MAX_LEVEL))
    done, ids = [], cells.all_cells(COARSEST)
    while len(ids):
        first, last = cells.id_range(ids)
        held = np.searchsorted(leaves, last, side="right") - np.searchsorted(leaves, first)
        full = (held > SAMPLES_A_CELL) & (cells.levels(ids) < FINEST)
        done.append(ids[~full])
        ids = cells.children(ids[full]).ravel()
    return np.concatenate(done)
