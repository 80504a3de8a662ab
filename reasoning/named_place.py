"""A place that a text names: what it covers, how large that is, and whether it holds a point.

A name may stand for several places ("Victoria"); it then covers all of them, and says less for it. Outlines are
simplified to about 5 km, so a point within a margin of one counts as inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import shapely
from jaxtyping import Bool, Float
from numpy import ndarray

from lookhear.data.gazetteer import inside
from lookhear.data.geo import EARTH_AREA_KM2, EARTH_RADIUS_KM, great_circle_km, lat_lon_deg

Kind = Literal["earth", "continent", "country", "area", "region", "town", "sea"]
"""What sort of place; "earth" stands for parts of the Earth larger than a continent too, "area" for what is neither a
country nor a first-level region of one: Sahara, Benelux, Tuscany."""

MARGIN_KM = 15.0
"""A point this close to an outline counts as inside; the test may miss the last two kilometres."""

SEA_MARGIN_KM = 30.0
"""The same for a sea: who says "by the North Sea" stands on its shore."""

KM_PER_DEGREE = np.pi * EARTH_RADIUS_KM / 180

POLAR_DEG = 85.0
"""Beyond this latitude degrees of longitude say nothing of nearness."""

RINGS = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Radii of the rings around a point that are looked at, as shares of the margin."""

DIRECTIONS = 16
"""Points of a ring."""


@dataclass(frozen=True, eq=False)
class Outline:
    """A prepared outline."""

    shape: shapely.Geometry
    """In (longitude, latitude) degrees."""
    area_km2: float
    """Its area in square kilometres."""

    @classmethod
    def of(cls, shape: shapely.Geometry) -> Outline:
        """Prepare it and take its area."""
        shapely.prepare(shape)
        return cls(shape, area_km2(shape))


@dataclass(frozen=True, eq=False)
class Named:
    """A place by its name."""

    name: str
    """As the gazetteer writes it."""
    kind: Kind
    """What sort of place it is."""
    outlines: tuple[Outline, ...] = ()
    """Outlines of what the name may stand for, towns apart."""
    centers: Float[ndarray, "k 3"] | None = None
    """Unit vectors of the middles of towns."""
    radii_km: Float[ndarray, " k"] | None = None
    """How far each of these towns reaches, what counts as near included."""
    away_km: float = 0.0
    """The distance to it that the text gives ("40 km from Lima"); 0: none."""

    def holds(self, units: Float[ndarray, "n 3"]) -> Bool[ndarray, " n"]:
        """Which unit vectors lie in it, or within the margin."""
        if self.kind == "earth" and not self.outlines:
            return np.ones(len(units), dtype=bool)
        margin_km = (SEA_MARGIN_KM if self.kind == "sea" else MARGIN_KM) + 1.1 * self.away_km
        held = np.zeros(len(units), dtype=bool)
        for outline in self.outlines:
            held[~held] = _within(outline.shape, units[~held], margin_km)
        if self.centers is not None and self.radii_km is not None:
            reach_km = np.maximum(self.radii_km, self.away_km * 1.1 + MARGIN_KM)
            held |= (great_circle_km(units[:, None], self.centers[None]) <= reach_km).any(axis=1)
        return held

    @cached_property
    def area_km2(self) -> float:
        """Its area in square kilometres, that of all places the name may stand for."""
        if self.kind == "earth" and not self.outlines:
            return EARTH_AREA_KM2
        disks_km = np.sqrt(np.array([outline.area_km2 for outline in self.outlines]) / np.pi) + self.away_km
        towns_km = self.radii_km if self.radii_km is not None else np.zeros(0)
        radii_km = np.concatenate([disks_km, np.maximum(towns_km, self.away_km * 1.1)])
        return float(min(np.pi * np.sum(radii_km**2), EARTH_AREA_KM2))


def area_km2(outline: shapely.Geometry) -> float:
    """Area of an outline on the sphere, exact for sides along which sin(latitude) is linear in longitude.

    Chamberlain and Duquette 2007, "Some algorithms for polygons on a sphere", equation 1.
    """
    rings, polygon = shapely.get_rings(shapely.get_parts(outline), return_index=True)
    degrees, ring = shapely.get_coordinates(rings, return_index=True)
    lon, lat = np.radians(degrees).T
    sides = np.where(np.diff(ring) == 0, np.diff(lon) * (np.sin(lat[1:]) + np.sin(lat[:-1])) / 2, 0.0)
    areas_sr = np.abs(np.bincount(ring[1:], weights=sides, minlength=len(rings)))
    is_hole = np.diff(polygon, prepend=-1) == 0
    return float(EARTH_RADIUS_KM**2 * np.sum(np.where(is_hole, -areas_sr, areas_sr)))


def _within(outline: shapely.Geometry, units: Float[ndarray, "n 3"], margin_km: float) -> Bool[ndarray, " n"]:
    """Which points lie in an outline or near it."""
    lat_deg, lon_deg = lat_lon_deg(units)
    shapely.prepare(outline)
    held = np.asarray(shapely.contains_xy(outline, lon_deg, lat_deg))
    out = np.flatnonzero(~held)
    if len(out):
        held[out] = _is_near(outline, units[out], lat_deg[out], lon_deg[out], margin_km)
    return held


def _is_near(
    outline: shapely.Geometry,
    units: Float[ndarray, "n 3"],
    lat_deg: Float[ndarray, " n"],
    lon_deg: Float[ndarray, " n"],
    margin_km: float,
) -> Bool[ndarray, " n"]:
    """Which points outside an outline lie within the margin.

    A degree is 111.2 km at most, so what is near in degrees is near. Degrees of longitude shrink towards the poles,
    and end at 180°: of the points that may be near for that, rings around them decide.
    """
    at, margin_deg = shapely.points(lon_deg, lat_deg), margin_km / KM_PER_DEGREE
    past_deg = np.minimum(np.abs(lat_deg) + margin_deg, 89.0)
    edge = (past_deg > POLAR_DEG) | (np.abs(lon_deg) + margin_deg / np.cos(np.radians(past_deg)) > 180.0)
    maybe = np.flatnonzero(edge | shapely.dwithin(outline, at, margin_deg / np.cos(np.radians(past_deg))))
    near = np.zeros(len(units), dtype=bool)
    near[maybe] = shapely.dwithin(outline, at[maybe], margin_deg)
    for share in RINGS:
        out = maybe[~near[maybe]]
        if not len(out):
            break
        near[out] = inside(outline, _ring(units[out], share * margin_km).reshape(-1, 3)).reshape(-1, DIRECTIONS).any(1)
    return near


def _ring(units: Float[ndarray, "n 3"], radius_km: float) -> Float[ndarray, "n directions 3"]:
    """Points around each point, at one distance."""
    pole = np.where(np.abs(units[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    east = np.cross(pole, units)
    east /= np.linalg.norm(east, axis=1, keepdims=True)
    north = np.cross(units, east)
    turn = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    side = np.cos(turn)[:, None] * east[:, None] + np.sin(turn)[:, None] * north[:, None]
    angle = radius_km / EARTH_RADIUS_KM
    return np.asarray(np.cos(angle) * units[:, None] + np.sin(angle) * side)
