"""Land for the maps: outlines of countries and of their regions as rings on the sphere.

In: the gazetteer. Out: rings without holes (an enclave is drawn by its own ring), joined where Natural Earth cuts
them at the antimeridian, with a vertex at least every 2° so that a parallel bends as it should.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from jaxtyping import Float, Int
from numpy import ndarray
from shapely.affinity import translate

from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import GeoPoint, unit_vectors
from lookhear.prediction.writers.page_projection import Azimuthal

EDGE_DEG = 179.985
"""Outlines that reach this longitude are cut by the antimeridian."""


@dataclass(frozen=True, eq=False)
class Outlines:
    """Rings on the sphere."""

    names: tuple[str, ...]
    """Name of each ring's country or region."""
    shapes: ndarray
    """The same rings as polygons in (longitude, latitude) degrees; longitudes may pass 180."""
    units: Float[ndarray, "n 3"]
    """Unit vectors of all vertices, ring after ring."""
    first: Int[ndarray, " rings"]
    """Index of each ring's first vertex."""

    @classmethod
    def of(cls, named: Sequence[tuple[str, shapely.Geometry]]) -> Outlines:
        """Take named areas apart into rings."""
        areas = np.array([area for _, area in named], dtype=object)
        west, _, east, _ = shapely.bounds(areas).T
        for k in np.flatnonzero((west < -EDGE_DEG) & (east > EDGE_DEG)):
            areas[k] = _joined(areas[k])
        parts, owner = shapely.get_parts(areas, return_index=True)
        shapes = shapely.orient_polygons(shapely.polygons(shapely.get_exterior_ring(parts)))
        points, ring = shapely.get_coordinates(shapely.segmentize(shapes, 2.0), return_index=True)
        inland = points[:, 1] > -89.5  # the line along the pole that closes Antarctica on flat maps
        points, ring = points[inland], ring[inland]
        first = np.searchsorted(ring, np.arange(len(shapes)))
        names = tuple(named[k][0] for k in owner)
        return cls(names, shapes, unit_vectors(points[:, 1], points[:, 0]), first)

    def near(self, center: GeoPoint, angle_rad: float) -> Int[ndarray, " k"]:
        """Rings with a vertex within an angle of a place, or around it."""
        nearest = np.maximum.reduceat(self.units @ center.unit, self.first)
        lon_deg = center.lon_deg
        around = [shapely.contains_xy(self.shapes, lon, center.lat_deg) for lon in (lon_deg, lon_deg + 360.0)]
        return np.flatnonzero((nearest >= np.cos(angle_rad)) | around[0] | around[1])

    def flat(self, chosen: Int[ndarray, " k"], plane: Azimuthal) -> ndarray:
        """The chosen rings as polygons on a map."""
        last = np.append(self.first[1:], len(self.units))
        spans = [np.arange(self.first[k], last[k]) for k in chosen]
        points = plane.project(self.units[np.concatenate([*spans, np.zeros(0, np.int64)])])
        owner = np.repeat(np.arange(len(spans)), [len(span) for span in spans])
        return np.asarray(shapely.polygons(shapely.linearrings(points, indices=owner)))


@cache
def countries() -> Outlines:
    """All countries."""
    return Outlines.of(list(gazetteer().countries.items()))


@cache
def regions() -> Outlines:
    """All first-level regions, named as the gazetteer does."""
    names = [region.region for region in gazetteer().regions]
    return Outlines.of(list(zip(names, gazetteer().region_tree.geometries, strict=True)))


def _joined(area: shapely.Geometry) -> shapely.Geometry:
    """An area with its western part moved behind 180° and grown together with the eastern one."""
    parts = shapely.get_parts(area)
    moved = [translate(p, 360.0) if p.bounds[2] < 0 else p for p in parts]
    return shapely.union_all([shapely.buffer(p, 0.01, join_style="mitre") for p in moved])
