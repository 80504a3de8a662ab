"""The map of the neighbourhood of the answer: heat, credible regions, borders, towns, marks.

In: a result with a best point, and its heat. Out: SVG around that point in an equal-area projection, so that the date
line and the poles are places like any other. More is drawn than is seen at first: the page's script lets people pan
and zoom, and shows as many names as fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from jaxtyping import Float
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint, great_circle_km, unit_vectors
from lookhear.prediction.density import Candidate
from lookhear.prediction.result import Result
from lookhear.prediction.writers.page_cells import CLASSES, Heat, borders
from lookhear.prediction.writers.page_marks import fixed, marks, names_towns
from lookhear.prediction.writers.page_markup import Markup, element, join
from lookhear.prediction.writers.page_outlines import Outlines, countries, regions
from lookhear.prediction.writers.page_paths import lines_path, quads_path, shapes_path
from lookhear.prediction.writers.page_projection import Azimuthal

HALF_HEIGHT, HALF_WIDTH = 4_000, 5_333
"""Half of what is seen at first, in map units."""

MORE = 2.4
"""So many times more is drawn to each side."""

HORIZON_RAD = float(np.radians(100.0))
"""Nothing farther from the middle is drawn."""

SEEN, NEAREST_KM, FARTHEST_KM = 0.85, 300.0, 5_000.0
"""The map first shows a circle that holds this share of the probability, within these radii."""

TOLERANCE = 6.0
"""Outlines are simplified by at most so many map units: half a pixel at first."""

REGIONS_TO_KM = 2_500.0
"""Borders of first-level regions are drawn on maps with at most this radius."""

NAMED_SHARE = 0.008
"""An area must fill this share of what is seen at first to be named."""

CITY_RADIUS_KM = 0.8 * 100_000**0.22
"""Disk of a town of 100,000 people; where one this large is seen at first, smaller ones are named on zooming in."""

DISTRICT_KM = 15.0
"""A town this close to another and named after it counts as a part of it."""


@dataclass(frozen=True)
class Neighbourhood:
    """What a map around the answer covers."""

    center: GeoPoint
    """Its middle."""
    radius_km: float
    """Half of its height."""

    @classmethod
    def of(cls, result: Result) -> Neighbourhood:
        """The circle around the best point that holds most of the probability, and the claimed place if it is near."""
        assert result.best is not None
        mass = result.density.mass
        order = np.argsort(distance := great_circle_km(cells.centers(result.density.ids), result.best.unit))
        reach = int(np.searchsorted(np.cumsum(mass[order]), SEEN))
        radius_km = float(np.clip(1.15 * distance[order[min(reach, len(order) - 1)]], NEAREST_KM, FARTHEST_KM))
        if claimed := result.file_claims.place:
            away_km = claimed.distance_km(result.best)
            radius_km = max(radius_km, 1.2 * away_km) if away_km < 2.0 * radius_km else radius_km
        return cls(result.best, round(min(radius_km, FARTHEST_KM), 1))

    @cached_property
    def plane(self) -> Azimuthal:
        """Its projection."""
        return Azimuthal(self.center, HALF_HEIGHT / self.radius_km)

    @property
    def angle_rad(self) -> float:
        """How far from the middle anything is drawn."""
        corner_km = MORE * np.hypot(HALF_WIDTH, HALF_HEIGHT) / self.plane.units_per_km
        return min(HORIZON_RAD, 2.0 * float(np.arcsin(min(1.0, corner_km / EARTH_RADIUS_KM / 2.0))))

    @property
    def horizon(self) -> float:
        """Map units from the middle to the horizon."""
        return float(round(2.0 * np.sin(HORIZON_RAD / 2.0) * EARTH_RADIUS_KM * self.plane.units_per_km))


@dataclass(frozen=True, eq=False)
class _Areas:
    """Outlines cut to the map."""

    names: list[str]
    shapes: ndarray


def zoom_map(result: Result, heat: Heat, around: Neighbourhood, places: Sequence[Candidate]) -> Markup:
    """The neighbourhood of the answer."""
    land = _clipped(countries(), around)
    inland = _clipped(regions(), around) if around.radius_km <= REGIONS_TO_KM else None
    outer, inner = (_region(result, probability, around) for probability in (0.9, 0.5))
    drawn = element(
        "g",
        element("circle", r=f"{around.horizon:g}", class_="water"),
        element("path", d=lines_path(_graticule(around), closed=False), class_="grid"),
        element("use", href="#zoom-land", class_="land"),
        element("g", *_heat(heat, around), class_="heat"),
        element("path", d=shapes_path(inland.shapes), class_="inner") if inland else None,
        element("use", href="#zoom-land", class_="coast casing"),
        element("use", href="#zoom-land", class_="coast"),
        element("path", d=outer, class_="region r90"),
        element("path", d=inner, class_="region casing"),
        element("path", d=inner, class_="region r50"),
        clip_path="url(#zoom-edge)",
    )
    return element(
        "svg",
        element("title", "Map around the best point"),
        element(
            "defs",
            element("path", d=shapes_path(land.shapes), id="zoom-land"),
            element("clipPath", element("circle", r=f"{around.horizon:g}"), id="zoom-edge"),
        ),
        drawn,
        element("g", *_names(around, land, inland), *(_towns(around) if names_towns(result) else ()), class_="names"),
        marks(result, around.plane, places),
        viewBox=f"{-HALF_WIDTH} {-HALF_HEIGHT} {2 * HALF_WIDTH} {2 * HALF_HEIGHT}",
        preserveAspectRatio="xMidYMid slice",
        class_="map zoom",
        role="img",
        data_half=HALF_HEIGHT,
        data_reach=f"{min(MORE * HALF_HEIGHT, around.horizon):g}",
        data_km=f"{1.0 / around.plane.units_per_km:.6g}",
    )


def _clipped(outlines: Outlines, around: Neighbourhood) -> _Areas:
    """The rings that lie on the map, cut at its edge."""
    near = outlines.near(around.center, around.angle_rad)
    width, height = MORE * HALF_WIDTH, MORE * HALF_HEIGHT
    shapes = shapely.clip_by_rect(outlines.flat(near, around.plane), -width, -height, width, height)
    shapes = shapely.simplify(shapes, TOLERANCE)
    seen = shapely.area(shapes) > TOLERANCE**2
    return _Areas([outlines.names[k] for k in near[seen]], shapes[seen])


def _heat(heat: Heat, around: Neighbourhood) -> Iterator[Markup]:
    """One path for each class."""
    near = cells.centers(heat.ids) @ around.center.unit > np.cos(around.angle_rad)
    for step in range(CLASSES):
        corners = cells.corners(heat.ids[near & (heat.step == step)])
        flat = around.plane.project(corners.reshape(-1, 3)).reshape(-1, 4, 2)
        yield element("path", d=quads_path(flat), class_=f"h{step}")


def _region(result: Result, probability: float, around: Neighbourhood) -> str:
    """Path of the border of a credible region."""
    lines = borders(result.density.region(probability).ids)
    parts = (around.plane.project(part) for line in lines for part in _visible(line, around))
    return lines_path(parts, closed=False)


def _visible(line: Float[ndarray, "k 3"], around: Neighbourhood) -> list[Float[ndarray, "_ 3"]]:
    """The parts of a line that are not beyond the map."""
    seen = line @ around.center.unit > np.cos(min(around.angle_rad * 1.1, 2.0))
    cuts = np.flatnonzero(np.diff(seen)) + 1
    return [part for part, kept in zip(np.split(line, cuts), np.split(seen, cuts), strict=True) if kept[0]]


def _graticule(around: Neighbourhood) -> Iterator[Float[ndarray, "_ 2"]]:
    """Parallels and meridians, some four across what is seen at first."""
    step = next(s for s in (1, 2, 5, 10, 15, 30) if s >= min(30.0, around.radius_km / 222.0))
    polar = abs(around.center.lat_deg) + np.degrees(around.angle_rad) > 85.0
    lon_step = 30 if polar else max(step, next(s for s in (1, 2, 5, 10, 15, 30) if s >= min(30, step / _cos(around))))
    fine = np.arange(-180.0, 181.0)
    lines = [unit_vectors(np.full(361, float(lat)), fine) for lat in range(-90 + step, 90, step)]
    lines += [unit_vectors(fine[90:271], np.full(181, float(lon))) for lon in range(-180, 180, lon_step)]
    for line in lines:
        for part in _visible(line, around):
            yield around.plane.project(part)


def _cos(around: Neighbourhood) -> float:
    return max(0.05, float(np.cos(np.radians(around.center.lat_deg))))


def _names(around: Neighbourhood, land: _Areas, inland: _Areas | None) -> Iterator[Markup]:
    """Names of countries, and of regions on maps of one country's size."""
    yield from _area_names(land, "country")
    if inland and around.radius_km <= REGIONS_TO_KM / 2:
        yield from _area_names(inland, "state")


def _area_names(areas: _Areas, kind: str) -> Iterator[Markup]:
    """Names of the largest areas, in the middle of what is seen of them at first."""
    window = shapely.clip_by_rect(areas.shapes, -HALF_WIDTH, -HALF_HEIGHT, HALF_WIDTH, HALF_HEIGHT)
    size = shapely.area(window)
    named: set[str] = set()
    for k in np.argsort(-size, kind="stable").tolist():
        if size[k] < NAMED_SHARE * 4 * HALF_WIDTH * HALF_HEIGHT or len(named) == 14:
            break
        if areas.names[k] not in named:
            point = shapely.point_on_surface(window[k])
            named.add(areas.names[k])
            yield fixed((round(point.x), round(point.y)), element("text", areas.names[k]), class_=f"name {kind}")


def _towns(around: Neighbourhood) -> Iterator[Markup]:
    """The largest towns: of the whole map, of what is seen, and of its middle; the script shows those that fit."""
    names, units, radius_km = gazetteer().towns
    flat = around.plane.project(units)
    inside = units @ around.center.unit > np.cos(around.angle_rad)
    chosen: set[int] = set()
    least_km = 0.0
    for share, count in ((1.0, 24), (0.3, 12), (MORE, 30)):
        window = inside & (np.abs(flat) < np.array([HALF_WIDTH, HALF_HEIGHT]) * share).all(axis=1)
        held = np.flatnonzero(window)
        held = held[np.argsort(-radius_km[held], kind="stable")[:count]]
        chosen |= set(held.tolist())
        if share == 1.0 and (radius_km[held] >= CITY_RADIUS_KM).any():
            least_km = CITY_RADIUS_KM
    chosen -= {k for k in chosen if _is_district(k, names, units)}
    for rank, k in enumerate(sorted(chosen, key=lambda k: (-radius_km[k], k))):
        label = join(element("circle", r=2.2), element("text", names[k], x=6, y=3.8))
        at = (round(float(flat[k, 0])), round(float(flat[k, 1])))
        rare = " extra minor" if radius_km[k] < least_km else " extra" if rank >= 14 else ""
        yield fixed(at, label, class_=f"name town{rare}")


def _is_district(k: int, names: list[str], units: Float[ndarray, "n 3"]) -> bool:
    """Whether a town is named after one beside it ("New South Memphis"): only that one is shown."""
    beside = np.flatnonzero(units @ units[k] > np.cos(DISTRICT_KM / EARTH_RADIUS_KM))
    return any(names[k].endswith(f" {names[one]}") for one in beside)
