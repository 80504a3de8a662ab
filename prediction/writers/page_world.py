"""The map of the world, and the thumbnails that show where one finding points.

In: a result and its heat. Out: SVG. The map is centred on Greenwich, or on 150° E when the answer lies near the date
line, so that no answer is torn in two. Land is drawn once in the page; the thumbnails refer to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import shapely
from jaxtyping import Bool, Float, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.gazetteer import LEVEL
from lookhear.data.geo import GeoPoint, lat_lon_deg
from lookhear.perception.evidence import CellLikelihood
from lookhear.prediction.result import Result
from lookhear.prediction.writers.page_cells import CLASSES, Heat, borders
from lookhear.prediction.writers.page_marks import marks
from lookhear.prediction.writers.page_markup import Markup, element
from lookhear.prediction.writers.page_outlines import countries
from lookhear.prediction.writers.page_paths import line_path, lines_path, quads_path, shapes_path
from lookhear.prediction.writers.page_projection import WORLD_HEIGHT, WORLD_WIDTH, EqualEarth, unwrapped

TOLERANCE = 6.0
"""Outlines are simplified by at most so many map units: under a pixel on a full page."""

SMALLEST = 120.0
"""Islands with fewer square map units (about 1,600 km²) are left out."""

THUMB_COLUMNS, THUMB_ROWS = 200, 97
LIKELIER = (2.0, 6.0, 20.0)
"""The thumbnails' classes: so many times likelier there than on average over land."""


def middle_deg(point: GeoPoint | None) -> float:
    """Longitude for the middle of the world map."""
    return 150.0 if point is not None and abs(point.lon_deg) > 125.0 else 0.0


def world_map(result: Result, heat: Heat) -> Markup:
    """The world with heat, the 90 % region, the best point and the claimed place."""
    plane = EqualEarth(middle_deg(result.best))
    surely = borders(result.density.region(0.9).ids) if result.best else []
    return element(
        "svg",
        element("title", "World map of the probability"),
        _definitions(plane.middle_deg),
        element("use", href="#world-sphere", class_="water"),
        element(
            "g",
            element("use", href="#world-grid", class_="grid"),
            element("use", href="#world-land", class_="land"),
            element("g", *_heat(heat, plane), class_="heat"),
            element("use", href="#world-land", class_="coast"),
            element("path", d=lines_path(_lines(surely, plane), closed=False), class_="region r90"),
            clip_path="url(#world-edge)",
        ),
        element("use", href="#world-sphere", class_="edge"),
        marks(result, plane),
        viewBox=f"0 0 {WORLD_WIDTH} {WORLD_HEIGHT}",
        class_="map world",
        role="img",
    )


def thumbnail(where: CellLikelihood, middle: float) -> Markup:
    """A small world that shows where a finding is likelier than on average."""
    ids, fits = _thumb_cells(middle)
    ratio = np.full(len(fits), -np.inf)
    ratio[fits] = where.at(ids)
    size = WORLD_WIDTH / THUMB_COLUMNS
    layers = [
        element("path", d=_runs((ratio > np.log(times)).reshape(THUMB_ROWS, THUMB_COLUMNS)), class_=f"t{k}")
        for k, times in enumerate(LIKELIER)
    ]
    return element(
        "svg",
        element("use", href="#world-sphere", class_="water"),
        element("use", href="#world-land", class_="land"),
        element("g", *layers, transform=f"scale({size:g}) translate(0 .5)", class_="points"),
        viewBox=f"0 0 {WORLD_WIDTH} {WORLD_HEIGHT}",
        class_="map thumb",
        aria_hidden="true",
    )


def _definitions(middle: float) -> Markup:
    land, grid, sphere = _base(middle)
    return element(
        "defs",
        element("path", id="world-land", d=land),
        element("path", id="world-grid", d=grid),
        element("path", id="world-sphere", d=sphere),
        element("clipPath", element("use", href="#world-sphere"), id="world-edge"),
    )


@cache
def _base(middle: float) -> tuple[str, str, str]:
    """Paths of land, graticule and the edge of the world."""
    plane = EqualEarth(middle)
    steps = np.linspace(-90.0, 90.0, 91)
    west, east = (plane.project(steps, np.full(91, middle + side)) for side in (-180.0, 180.0))
    sphere = line_path(np.concatenate([west, east[::-1]]))
    meridians = [plane.project(steps, np.full(91, lon)) for lon in middle + np.arange(-150.0, 151.0, 30.0)]
    ends = middle + np.array([-180.0, 180.0])
    parallels = [plane.project(np.full(2, lat), ends) for lat in np.arange(-60.0, 61.0, 30.0)]
    return shapes_path(_land(plane)), lines_path(meridians + parallels, closed=False), sphere


def _land(plane: EqualEarth) -> ndarray:
    """Countries on the map, twice where they pass its edge."""
    outlines = countries()
    west, _, east, _ = shapely.bounds(outlines.shapes).T
    copies = []
    for turn in (-360.0, 0.0, 360.0):
        here = (west + turn < plane.middle_deg + 180.0) & (east + turn > plane.middle_deg - 180.0)
        copies.append(
            shapely.transform(outlines.shapes[here], lambda xy, t=turn: plane.project(xy[:, 1], xy[:, 0] + t))
        )
    flat = np.concatenate(copies)
    return np.asarray(shapely.simplify(flat[shapely.area(flat) > SMALLEST], TOLERANCE))


def _heat(heat: Heat, plane: EqualEarth) -> Iterator[Markup]:
    """One path for each class."""
    for step in range(CLASSES):
        quads, wedges = _flat_cells(heat.ids[heat.step == step], plane)
        yield element("path", d=quads_path(quads) + lines_path(wedges), class_=f"h{step}")


def _flat_cells(
    ids: UInt64[ndarray, " n"], plane: EqualEarth
) -> tuple[Float[ndarray, "m 4 2"], list[Float[ndarray, "5 2"]]]:
    """Cells on the map, twice where they pass its edge; those that touch a pole have five corners there."""
    if len(ids) == 0:
        return np.zeros((0, 4, 2)), []
    _, centers = lat_lon_deg(cells.centers(ids))
    centers = plane.middle_deg + (centers - plane.middle_deg + 180.0) % 360.0 - 180.0
    lat_lon = unwrapped(cells.corners(ids), centers)
    polar = (np.abs(lat_lon[:, :, 0]) > 89.999).any(axis=1)
    turns = np.array([-360.0, 0.0, 360.0])
    lon = lat_lon[~polar, :, 1] + turns[:, None, None]
    seen = (np.abs(lon - plane.middle_deg) < 180.0).any(axis=2)
    lat = np.broadcast_to(lat_lon[~polar, :, 0], lon.shape)[seen]
    quads = plane.project(lat.ravel(), lon[seen].ravel()).reshape(-1, 4, 2)
    return quads, [_wedge(corners, plane) for corners in lat_lon[polar]]


def _wedge(corners: Float[ndarray, "4 2"], plane: EqualEarth) -> Float[ndarray, "5 2"]:
    """A cell at a pole: the pole is a line on this map, from its neighbour's longitude to the other's."""
    pole = int(np.argmax(np.abs(corners[:, 0])))
    before, after = corners[pole - 1], corners[(pole + 1) % 4]
    lat = corners[pole, 0]
    ring = [*corners[:pole], (lat, before[1]), (lat, after[1]), *corners[pole + 1 :]]
    points = np.array(ring)
    return plane.project(points[:, 0], points[:, 1])


def _lines(lines: list[Float[ndarray, "_ 3"]], plane: EqualEarth) -> Iterator[Float[ndarray, "_ 2"]]:
    """Lines on the map without a jump at its edge; they are drawn three times, what lies beyond is clipped."""
    for line in lines:
        lat, lon = lat_lon_deg(line)
        kept = np.abs(lat) < 89.999
        lat, lon = lat[kept], np.unwrap(lon[kept], period=360.0)
        for turn in (-720.0, -360.0, 0.0, 360.0, 720.0):
            if len(lon) and (np.abs(lon + turn - plane.middle_deg) < 180.0).any():
                yield plane.project(lat, lon + turn)


@cache
def _thumb_cells(middle: float) -> tuple[UInt64[ndarray, " k"], Bool[ndarray, " n"]]:
    """Cells under the pixels of a thumbnail, and which pixels lie on the Earth."""
    size = WORLD_WIDTH / THUMB_COLUMNS
    y, x = np.mgrid[0:THUMB_ROWS, 0:THUMB_COLUMNS] * size + size / 2
    units, fits = EqualEarth(middle).unproject(x.ravel(), y.ravel())
    return cells.cell_ids(units[fits], LEVEL), fits


def _runs(pixels: Bool[ndarray, "rows columns"]) -> str:
    """Horizontal strokes, one a run of pixels."""
    padded = np.pad(pixels, ((0, 0), (1, 1))).astype(np.int8)
    rows, edges = np.nonzero(np.diff(padded, axis=1))
    runs = zip(rows[::2].tolist(), edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return "".join(f"M{start} {row}h{end - start}" for row, start, end in runs)
