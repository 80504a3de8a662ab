"""What of a density is drawn: its heat as classes of cells, and the borders of credible regions.

In: a `CellDensity`. Out: S2 cells with a class each, and closed lines of unit vectors around sets of cells.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.geo import EARTH_RADIUS_KM
from lookhear.prediction.density import CellDensity, no_coarser

CLASSES = 8
"""Colours of the heat."""

HELD = 0.99
"""Heat covers the smallest region that holds this probability."""

SPAN = 1000.0
"""The faintest class lies at most this factor under the densest cell."""

HELD_BEFORE = 0.9
"""The same where nothing was found: beyond lies the open sea, where all cells are alike."""

COARSEST = 4
"""Larger cells are cut to this level (about 580 km), so that their sides may be drawn straight."""

UNIT_KM2 = 10_000.0
"""Densities are named as probability per so many square kilometres."""


@dataclass(frozen=True, eq=False)
class Heat:
    """Cells to be coloured."""

    ids: UInt64[ndarray, " n"]
    """S2 cells, sorted."""
    step: Int[ndarray, " n"]
    """Class of each, 0 (faint) to `CLASSES - 1`."""
    low: float
    """Lower end of the faintest class: probability per `UNIT_KM2`."""
    high: float
    """Density of the densest cell."""


def heat_of(density: CellDensity, held: float = HELD, max_cells: int = 8000) -> Heat:
    """Classes of equal ratio between the faintest and the densest cell; too many cells are drawn coarser."""
    ids = density.region(held).ids
    mass = density.mass[cells.find(density.ids, ids)]
    ids, mass = _fewer(*no_coarser(ids, mass, COARSEST), max_cells)
    per_unit = mass / (cells.areas_sr(ids) * EARTH_RADIUS_KM**2) * UNIT_KM2
    high = float(per_unit.max())
    low = float(max(per_unit[per_unit > 0].min(), high / SPAN))
    with np.errstate(divide="ignore"):
        share = np.log(per_unit / low) / max(np.log(high / low), 1e-3)
    return Heat(ids, np.clip(np.floor(share * CLASSES), 0, CLASSES - 1).astype(np.int64), low, high)


def borders(ids: UInt64[ndarray, " n"]) -> list[Float[ndarray, "_ 3"]]:
    """Closed lines around the union of sorted, disjoint cells, the inside on the left.

    A side is drawn if the place just beyond its middle lies in no cell. Cells are first cut to the level of the finest
    one, as far as 20,000 cells allow.
    """
    fine, _ = no_coarser(ids, np.zeros(len(ids)), COARSEST)
    level = int(cells.levels(ids).max(initial=0))
    while (coarse := cells.levels(fine) < level).any() and len(fine) + 3 * coarse.sum() < 20_000:
        fine = np.concatenate([fine[~coarse], cells.children(fine[coarse]).ravel()])
    corners = cells.corners(fine)
    starts, ends = corners.reshape(-1, 3), np.roll(corners, -1, axis=1).reshape(-1, 3)
    middles = (starts + ends) / 2
    beyond = middles + 1e-3 * (middles - np.repeat(cells.centers(fine), 4, axis=0))
    free = cells.find(ids, cells.cell_ids(beyond, cells.MAX_LEVEL)) < 0
    return _chained(starts[free], ends[free])


def _chained(starts: Float[ndarray, "n 3"], ends: Float[ndarray, "n 3"]) -> list[Float[ndarray, "_ 3"]]:
    """Sides joined end to start; the last point of a line is its first."""
    corners, number = np.unique(np.round(np.concatenate([starts, ends]), 9) + 0.0, axis=0, return_inverse=True)
    number = number.ravel()
    following: dict[int, list[int]] = defaultdict(list)
    for start, end in zip(number[: len(starts)].tolist(), number[len(starts) :].tolist(), strict=True):
        following[start].append(end)
    lines = []
    for start in sorted(following):
        while following[start]:
            line = [start]
            while following[line[-1]]:
                line.append(following[line[-1]].pop())
            lines.append(corners[line])
    return lines


def _fewer(
    ids: UInt64[ndarray, " n"], mass: Float[ndarray, " n"], max_cells: int
) -> tuple[UInt64[ndarray, " m"], Float[ndarray, " m"]]:
    """The finest cells replaced by their parents until there are few enough."""
    while len(ids) > max_cells and (level := int(cells.levels(ids).max())) > COARSEST:
        fine = cells.levels(ids) == level
        owner = ids.copy()
        owner[fine] = cells.parents(ids[fine], level - 1)
        ids, place = np.unique(owner, return_inverse=True)
        mass = np.bincount(place, weights=mass)
    return ids, mass
