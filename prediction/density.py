"""A probability density on the sphere.

`GeoDensity` is what every model of this package answers with: the evidence posterior today, the flow later.
It needs two methods; all that people ask of a density (one point, candidates, regions with their area, the chance
of a country) follows from its masses on cells, and is written once, in `CellDensity`.

Units: log-densities are natural logarithms of probability per steradian (uniform: -log 4π = -2.531).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint

UNIFORM_LOG_DENSITY = -float(np.log(4 * np.pi))
"""Log-density of knowing nothing, in nats per steradian."""

CANDIDATE_RADIUS_KM = 250.0
"""A candidate's probability is the mass within this distance of it."""

DIGITS = 7
"""Masses are kept to seven significant digits, so that the JSON record is short and gives the same answer."""


@runtime_checkable
class GeoDensity(Protocol):
    """A density on the sphere."""

    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Log-density in nats per steradian at unit vectors."""

    def on_cells(self) -> CellDensity:
        """The same density as masses on S2 cells that cover the Earth, fine where the mass is."""


@dataclass(frozen=True)
class Candidate:
    """A place where the clip may have been recorded."""

    point: GeoPoint
    """Geometric median of the mass near it."""
    probability: float
    """Chance in [0, 1] that the clip was recorded within `radius_km` of it."""
    radius_km: float
    """The distance meant by `probability`, in kilometres."""


@dataclass(frozen=True, eq=False)
class CredibleRegion:
    """The smallest set of cells that holds a given probability."""

    probability: float
    """The probability asked for."""
    ids: UInt64[ndarray, " n"]
    """Its S2 cells, sorted."""
    area_km2: float
    """Its area in square kilometres."""

    def holds(self, point: GeoPoint) -> bool:
        """Whether a place lies in it."""
        leaf = cells.cell_ids(point.unit[None], cells.MAX_LEVEL)
        return bool(cells.find(self.ids, leaf)[0] >= 0)


@dataclass(frozen=True, eq=False)
class CellDensity:
    """Probability spread evenly within each S2 cell of a cover of the whole Earth.

    Example:
        >>> density = CellDensity.uniform(level=4)
        >>> density.log_density(GeoPoint(0, 0).unit[None])
        array([-2.531...])

    Raises:
        ValueError: the cells do not cover the Earth once, or the masses are no probabilities that add up to 1.
    """

    ids: UInt64[ndarray, " n"]
    """S2 cells of any levels, sorted; together they cover the Earth once."""
    mass: Float[ndarray, " n"]
    """Probability of each cell."""

    def __post_init__(self) -> None:
        first, last = cells.id_range(self.ids)
        overlap = (first[1:] <= last[:-1]).any()
        if overlap or abs(float(np.sum(4.0 ** -cells.levels(self.ids))) - 6.0) > 1e-6:
            raise ValueError("A density needs sorted S2 cells that cover the whole Earth exactly once.")
        if not (self.mass >= 0).all() or abs(float(self.mass.sum()) - 1.0) > 1e-6:
            raise ValueError(f"Masses must be non-negative and add up to 1, but these add up to {self.mass.sum()}.")

    @classmethod
    def of(cls, ids: UInt64[ndarray, " n"], log_density: Float[ndarray, " n"]) -> CellDensity:
        """Normalise a log-density known up to a constant on cells; equal siblings become one cell, masses are rounded.

        Raises:
            ValueError: no cell has any mass.
        """
        top = float(np.max(log_density))
        if not np.isfinite(top):
            raise ValueError("No place on Earth is possible here: every cell has weight zero; widen --region.")
        ids, log_density = _merge_equal(ids, log_density - top)
        mass = np.exp(log_density) * cells.areas_sr(ids)
        return cls(ids, _round_significant(mass / mass.sum(), DIGITS))

    @classmethod
    def uniform(cls, level: int) -> CellDensity:
        """The density of knowing nothing, on the cells of one level."""
        ids = cells.all_cells(level)
        area = cells.areas_sr(ids)
        return cls(ids, area / area.sum())

    def on_level(self, level: int) -> tuple[UInt64[ndarray, " m"], Float[ndarray, " m"]]:
        """The same masses on cells no coarser than a level: coarser cells are cut, finer ones stay."""
        return no_coarser(self.ids, self.mass, level)

    def on_cells(self) -> CellDensity:
        """Itself."""
        return self

    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Log-density in nats per steradian at unit vectors; -inf where the mass is zero."""
        place = cells.find(self.ids, cells.cell_ids(units, cells.MAX_LEVEL))
        return np.asarray(self._log_cell_density[place])

    def sample(self, count: int, seed: int) -> Float[ndarray, "count 3"]:
        """Unit vectors drawn from the density, the same for the same seed (at cell centres of level + 8)."""
        generator = np.random.default_rng(seed)
        chosen = self.ids[generator.choice(len(self.ids), count, p=self.mass / self.mass.sum())]
        deeper = np.minimum(8, cells.MAX_LEVEL - cells.levels(chosen))
        for depth in range(8):
            child = cells.children(chosen)[np.arange(count), generator.integers(0, 4, count)]
            chosen = np.where(depth < deeper, child, chosen)
        return cells.centers(chosen)

    @property
    def mode(self) -> GeoPoint:
        """Centre of the densest cell."""
        return GeoPoint.from_unit(self._centers[int(np.argmax(self._log_cell_density))])

    @cached_property
    def median(self) -> GeoPoint:
        """The geometric median: the point with the least expected distance to the true place."""
        return GeoPoint.from_unit(geometric_median(self._centers, self.mass))

    def candidates(self, count: int = 5, radius_km: float = CANDIDATE_RADIUS_KM) -> list[Candidate]:
        """Places that hold the most probability within a radius, best first, each found outside the circles before it.

        Circles may overlap, so probabilities may add up to more than 1. Where the densest cell is wider than the
        radius, its width is the radius, and points are centres of cells.
        """
        width_km = cells.mean_width_km(int(cells.levels(self.ids[self._by_density[:1]])[0]))
        coarse, radius_km = width_km > radius_km, max(width_km, radius_km)
        left, found, sharpness = self.mass.copy(), [], (EARTH_RADIUS_KM / radius_km) ** 2
        for _ in range(count):
            seeds = np.argsort(-left / self._areas, kind="stable")[:64]
            cosine = self._centers[seeds] @ self._centers.T
            seed = int(np.argmax(np.exp(2 * sharpness * (cosine - 1)) @ left))  # smooth, so that cells do not show
            near = cosine[seed] >= np.cos(radius_km / EARTH_RADIUS_KM)
            if left[near].sum() < 0.005:
                break
            middle = geometric_median(self._centers[near], left[near])
            if coarse:
                middle = self._centers[seeds[seed]]
            around = self._centers @ middle >= np.cos(radius_km / EARTH_RADIUS_KM)
            held = round(float(self.mass[around].sum()), 6)
            found.append(Candidate(GeoPoint.from_unit(middle).rounded(), held, round(radius_km, 1)))
            left = np.where(near, 0.0, left)
        return sorted(found, key=lambda candidate: -candidate.probability)

    def region(self, probability: float) -> CredibleRegion:
        """The smallest set of cells that holds at least this probability (highest-density region)."""
        order = self._by_density
        count = int(np.searchsorted(np.cumsum(self.mass[order]), probability - 1e-12)) + 1
        inside = np.sort(order[:count])
        area_km2 = float(self._areas[inside].sum()) * EARTH_RADIUS_KM**2
        return CredibleRegion(probability, self.ids[inside], area_km2)

    def credibility(self, point: GeoPoint) -> float:
        """Probability of the smallest region that holds a place: 0.9 or less means it is in the 90 % region."""
        place = cells.find(self.ids, cells.cell_ids(point.unit[None], cells.MAX_LEVEL))[0]
        denser = self._log_cell_density > self._log_cell_density[place]
        return float(self.mass[denser].sum())

    def probability(self, inside: Bool[ndarray, " n"]) -> float:
        """Mass of a selection of the cells."""
        return float(self.mass[inside].sum())

    @property
    def entropy(self) -> float:
        """Differential entropy in nats (uniform: 2.531; lower: surer)."""
        used = self.mass > 0
        return -float(np.sum(self.mass[used] * self._log_cell_density[used]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"cells": cells.tokens(self.ids), "mass": self.mass.tolist()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> CellDensity:
        """What `to_json` wrote."""
        return cls(cells.from_tokens(record["cells"]), np.array(record["mass"], dtype=np.float64))

    @cached_property
    def _areas(self) -> Float[ndarray, " n"]:
        return cells.areas_sr(self.ids)

    @cached_property
    def _centers(self) -> Float[ndarray, "n 3"]:
        return cells.centers(self.ids)

    @cached_property
    def _log_cell_density(self) -> Float[ndarray, " n"]:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.mass) - np.log(self._areas))

    @cached_property
    def _by_density(self) -> Int[ndarray, " n"]:
        """Indices of the cells, densest first."""
        return np.argsort(-self._log_cell_density, kind="stable")


def no_coarser(
    ids: UInt64[ndarray, " n"], mass: Float[ndarray, " n"], level: int
) -> tuple[UInt64[ndarray, " m"], Float[ndarray, " m"]]:
    """Coarser cells cut to a level; each part takes mass by its area, so that the density stays the same."""
    while (coarse := cells.levels(ids) < level).any():
        parts = cells.children(ids[coarse]).ravel()
        area_sr = cells.areas_sr(parts).reshape(-1, 4)
        share = area_sr / area_sr.sum(axis=1, keepdims=True)
        mass = np.concatenate([mass[~coarse], (mass[coarse, None] * share).ravel()])
        ids = np.concatenate([ids[~coarse], parts])
    order = np.argsort(ids)
    return ids[order], mass[order]


def geometric_median(
    units: Float[ndarray, "n 3"], weight: Float[ndarray, " n"], steps: int = 100, tolerance_rad: float = 1e-6
) -> Float[ndarray, " 3"]:
    """The unit vector with the least weighted sum of great-circle distances (Weiszfeld's steps on the sphere).

    Source: Fletcher, Venkatasubramanian and Joshi 2009, "The geometric median on Riemannian manifolds".
    """
    used = weight > weight.max() * 1e-6
    units, weight = units[used], weight[used]
    center = _start(units, weight)
    for _ in range(steps):
        cosine = np.minimum(units @ center, 1.0)
        sine = np.sqrt((1 - cosine) * np.maximum(1 + cosine, 0.0))
        angle = np.arctan2(sine, cosine)
        pull = weight / np.maximum(angle, 1e-6)
        along = pull * angle / np.maximum(sine, 1e-12)  # weighs units - cosine · center, so that it is a logarithm
        step = (along @ units - (along @ cosine) * center) / pull.sum()
        length = float(np.linalg.norm(step))
        center = center * np.cos(length) + step * np.sinc(length / np.pi)
        center /= np.linalg.norm(center)
        if length < tolerance_rad:
            break
    return np.asarray(center)


def _start(units: Float[ndarray, "n 3"], weight: Float[ndarray, " n"]) -> Float[ndarray, " 3"]:
    """The mean direction, or the heaviest point where the mean vanishes."""
    mean = (weight[:, None] * units).sum(0) / weight.sum()
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 1e-6 else units[int(np.argmax(weight))])


def _merge_equal(
    ids: UInt64[ndarray, " n"], log_density: Float[ndarray, " n"]
) -> tuple[UInt64[ndarray, " m"], Float[ndarray, " m"]]:
    """Replace four siblings of one density by their parent, as often as possible."""
    for level in range(int(cells.levels(ids).max()), 0, -1):
        same = np.flatnonzero(cells.levels(ids) == level)
        owners = cells.parents(ids[same], level - 1)
        _, first, count = np.unique(owners, return_index=True, return_counts=True)
        groups = same[first[count == 4]][:, None] + np.arange(4)
        values = log_density[groups]
        groups = groups[np.ptp(np.where(np.isfinite(values), values, -1e9), axis=1) < 1e-6]
        if len(groups) == 0:
            break
        ids = ids.copy()
        ids[groups[:, 0]] = cells.parents(ids[groups[:, 0]], level - 1)
        keep = np.setdiff1d(np.arange(len(ids)), groups[:, 1:])
        ids, log_density = ids[keep], log_density[keep]
    return ids, log_density


def _round_significant(values: Float[ndarray, " n"], digits: int) -> Float[ndarray, " n"]:
    """Round to some significant decimal digits; whole numbers over powers of ten, so that they print short."""
    with np.errstate(divide="ignore"):
        exponent = np.where(values > 0, np.floor(np.log10(values)), 0.0)
    scale = 10.0 ** (digits - 1 - np.maximum(exponent, -290.0))  # what is smaller still becomes 0
    return np.asarray(np.rint(values * scale) / scale)
