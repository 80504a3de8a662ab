"""A map layer as GeoJSON (RFC 7946): the best point, candidates, credible regions, heat, and the file's own claim.

In: a result. Out: a FeatureCollection, one feature a line, coordinates (longitude, latitude) in degrees of WGS 84 to
a metre; the property `role` says what a feature is. Also here, for the other maps: outlines of S2 cells.

The sides of a cell are great circles, while a line of GeoJSON is straight in longitude and latitude: every side is
cut at the corners of cells of level 8, about 36 km apart, which keeps a line within 120 m of its great circle up to
75° of latitude (300 m up to 85°). The sides of neighbours of different levels are cut at the same points, so no
slivers are left.
No cell of level 1 or finer crosses the antimeridian or holds a pole inside: both lie on the sides of faces cut in
four. So nothing is ever cut by hand; a pole is drawn as the line from one side's longitude to the next one's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, UInt64
from numpy import ndarray
from numpy.typing import NDArray

from lookhear.data import cells
from lookhear.data.geo import GeoPoint, lat_lon_deg
from lookhear.prediction.result import POINT_METHOD, Result

EXTENSION = "geojson"

DIGITS = 5
"""Decimals of a degree: about a metre."""

EDGE_LEVEL = 8
"""A cell's sides are cut at the corners of this level, or of the finest cell drawn with it."""

REGIONS = (0.5, 0.9)
"""Probabilities of the credible regions that are drawn."""

HEAT = 0.99
"""Heat is drawn for the cells of this credible region; the rest of the Earth has no feature."""

Feature = dict[str, Any]


def write(result: Result) -> bytes:
    """The layer."""
    features = list(_features(result))
    head = {
        "type": "FeatureCollection",
        "bbox": bounding_box([shape for shape, _ in features]),
        "lookhear": _head(result),
    }
    lines = ",\n".join(_dump(_feature(shape, properties)) for shape, properties in features)
    # a path may hold half a surrogate pair (a byte that is no UTF-8); its backslash form is valid JSON
    return f'{_dump(head)[:-1]},\n"features":[\n{lines}\n]}}\n'.encode("utf-8", "backslashreplace")


def outline(ids: UInt64[ndarray, " n"]) -> shapely.MultiPolygon:
    """The union of sorted, disjoint cells in (longitude, latitude) degrees, outer rings counter-clockwise."""
    merged = shapely.union_all(polygons(ids))
    return shapely.MultiPolygon([shapely.orient_polygons(part) for part in shapely.get_parts(merged)])


def polygons(ids: UInt64[ndarray, " n"]) -> NDArray[np.object_]:
    """One polygon a cell, counter-clockwise; a cell of level 0 gives four."""
    ids = without_faces(ids)
    found = np.empty(len(ids), dtype=object)
    level = cells.levels(ids)
    edge_level = max(EDGE_LEVEL, int(level.max(initial=0)))
    for one in np.unique(level):
        found[level == one] = _polygons(ids[level == one], edge_level)
    return found


def without_faces(ids: UInt64[ndarray, " n"]) -> UInt64[ndarray, " m"]:
    """The same cells, with those of level 0 cut into four: only they hold a pole or cross the antimeridian."""
    face = cells.levels(ids) == 0
    return np.sort(np.concatenate([ids[~face], cells.children(ids[face]).ravel()]))


def bounding_box(shapes: list[shapely.Geometry]) -> list[float]:
    """West, south, east, north in degrees; west lies east of east where the box crosses the antimeridian (5.2)."""
    boxes = shapely.bounds(shapely.get_parts(np.array(shapes, dtype=object)))
    boxes = boxes[np.argsort(boxes[:, 0])]
    east = np.maximum.accumulate(boxes[:, 2])
    gaps = np.append(boxes[1:, 0], boxes[0, 0] + 360.0) - east
    widest = int(np.argmax(gaps))
    west = boxes[(widest + 1) % len(boxes), 0]
    if gaps[widest] <= 0:
        west, widest = -180.0, -1
    return [float(west), float(boxes[:, 1].min()), float(east[widest]), float(boxes[:, 3].max())]


# --- features ---


def _features(result: Result) -> Iterator[tuple[shapely.Geometry, Feature]]:
    yield from _best(result)
    for rank, candidate in enumerate(result.top(), start=1):
        near = {"probability": candidate.probability, "radius_km": candidate.radius_km}
        yield _point(candidate.point), {"role": "candidate", "rank": rank, **near}
    yield from _regions(result)
    yield from _heat(result)
    yield from _claim(result)


def _best(result: Result) -> Iterator[tuple[shapely.Geometry, Feature]]:
    if result.best:
        said = {"headline": result.outlook.headline, "scale": result.outlook.scale, "method": POINT_METHOD}
        name = result.outlook.place.short if result.outlook.place else None
        yield _point(result.best), {"role": "best", **said, "place": name}


def _regions(result: Result) -> Iterator[tuple[shapely.Geometry, Feature]]:
    for probability in REGIONS:
        region = result.density.region(probability)
        size = {"probability": probability, "area_km2": round(region.area_km2, 1)}
        yield outline(region.ids), {"role": "region", **size, "prior_only": result.best is None}


def _heat(result: Result) -> Iterator[tuple[shapely.Geometry, Feature]]:
    """Cells, densest first; none where nothing can be said, as they would show the prior."""
    if result.best is None:
        return
    ids = without_faces(result.density.region(HEAT).ids)
    log_density = result.density.log_density(cells.centers(ids))
    mass = np.exp(log_density) * cells.areas_sr(ids)
    shapes, names = polygons(ids), cells.tokens(ids)
    for k in np.argsort(-log_density, kind="stable").tolist():
        density = {"probability": float(f"{mass[k]:.6g}"), "log_density_nats_per_sr": round(float(log_density[k]), 4)}
        yield shapes[k], {"role": "heat", "cell": names[k], **density}


def _claim(result: Result) -> Iterator[tuple[shapely.Geometry, Feature]]:
    claims = result.file_claims
    if claims.place:
        note = "What the file says of itself; it may be wrong or forged and was not used for the answer."
        distance_km = round(claims.place.distance_km(result.best), 1) if result.best else None
        said = {"recorded_at": claims.recorded_at, "distance_to_best_km": distance_km, "note": note}
        yield _point(claims.place), {"role": "file_claim", **said}


def _head(result: Result) -> Feature:
    file = {"file": result.clip.path.name, "sha256": result.clip.sha256}
    said = {"headline": result.outlook.headline, "cannot_say": result.best is None}
    return {**file, **said, "trace": result.trace.text, "notes": list(result.notes)}


def _feature(shape: shapely.Geometry, properties: Feature) -> Feature:
    return {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": properties}


def _point(point: GeoPoint) -> shapely.Point:
    return shapely.Point(round(point.lon_deg, DIGITS), round(point.lat_deg, DIGITS))


def _dump(value: Feature) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


# --- outlines ---


def _polygons(ids: UInt64[ndarray, " n"], edge_level: int) -> list[shapely.Polygon]:
    """Outlines of cells of one level from 1 on."""
    lat_deg, lon_deg = lat_lon_deg(_rings(ids, edge_level))
    _, middle_deg = lat_lon_deg(cells.centers(ids)[:, None])
    # a side on the antimeridian takes the sign of its cell
    lon_deg = middle_deg + (lon_deg - middle_deg + 180.0) % 360.0 - 180.0
    points = np.stack([np.clip(lon_deg, -180.0, 180.0), lat_deg], axis=-1).round(DIGITS) + 0.0
    found = list(shapely.polygons(points))
    for k in np.flatnonzero((np.abs(points[..., 1]) == 90.0).any(axis=1)).tolist():
        found[k] = shapely.Polygon(_with_pole(points[k]))
    return found


def _rings(ids: UInt64[ndarray, " n"], edge_level: int) -> Float[ndarray, "n points 3"]:
    """Unit vectors along the sides of cells of one level, counter-clockwise, cut at corners of `edge_level`."""
    along = np.repeat(ids[:, None, None], 4, axis=1)
    for _ in range(edge_level - int(cells.levels(ids[:1])[0])):
        along = _halved(along)
    starts = cells.corners(along.ravel()).reshape(*along.shape, 4, 3)
    ring = np.stack([starts[:, side, :, side] for side in range(4)], axis=1)
    return np.reshape(ring, (len(ids), -1, 3))


def _halved(along: UInt64[ndarray, "n 4 pieces"]) -> UInt64[ndarray, "n 4 twice"]:
    """Replace the cells along each side by those of their children that lie along it, in order."""
    children = cells.children(along.ravel())
    corner = cells.corners(along.ravel())
    near = np.einsum("kqx,kcx->kcq", cells.centers(children.ravel()).reshape(-1, 4, 3), corner)
    at_corner = np.take_along_axis(children, near.argmax(axis=2), axis=1).reshape(*along.shape, 4)
    halves = [at_corner[:, side][..., [side, (side + 1) % 4]] for side in range(4)]
    return np.reshape(np.stack(halves, axis=1), (len(along), 4, -1))


def _with_pole(ring: Float[ndarray, "n 2"]) -> Float[ndarray, "m 2"]:
    """A ring with the corner at the pole drawn as a line between the longitudes of its neighbours."""
    pole = int(np.argmax(np.abs(ring[:, 1])))
    before, after = ring[pole - 1, 0], ring[(pole + 1) % len(ring), 0]
    line = np.array([[before, ring[pole, 1]], [after, ring[pole, 1]]])
    return np.concatenate([ring[:pole], line, ring[pole + 1 :]])
