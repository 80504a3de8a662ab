"""Places to look for videos of, and the phrases to search them by; nothing is searched or downloaded.

In: a number of places and a seed. Out: `Place`s and their search phrases, as a table (`write_queries`). AVG samples
places "focusing on a globally representative distribution" and takes videos that name the place in title or
description (section 4.1); it says no more, so the strata are ours. A share of the places are towns, the rest is land:

- Towns: a country with n towns over 15,000 people gets a share in proportion to √n, neither one apiece (Monaco as much
  as India) nor one by people (a third of the world would be two countries). Within a country, towns are drawn along
  regions and the S2 curve, so that neighbours are seldom drawn together, as likely as their disks are large (about the
  square root of their people).
- Land: S2 cells of level 6 (about 144 km wide), by their area of land, along the S2 curve, so that the spots lie about
  evenly over all land but Antarctica, whose few videos name no place.

Both are systematic samples (Madow 1949): one random start, then equal steps along the summed weights. Whatever is drawn
from is sorted, so the same seed gives the same places. Not known: whether anybody has filmed there; names are the
gazetteer's, in English or as locals spell them, never in other scripts.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Int
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import LEVEL, Gazetteer, Region, gazetteer
from lookhear.data.geo import GeoPoint, lat_lon_deg

TOWN_QUERIES = (
    "walking in {name} street ambience",
    "{name} {country} walking tour no talking",
    "{name} {country} city sounds",
    "{name} market natural sound",
    "{name} evening street no music",
    "driving in {name} {country}",
)
"""Phrases for a town, with `{name}`, `{region}` and `{country}`."""

LAND_QUERIES = (
    "{name} {country} nature sounds",
    "{name} hike no music",
    "{name} {country} village ambience",
    "{name} birds morning field recording",
    "{name} {country} countryside walk",
    "{name} landscape natural sound",
)
"""Phrases for open land."""

MIN_RADIUS_KM = 5.0
"""However small a town, a recording so near belongs to it."""


@dataclass(frozen=True)
class Place:
    """One place to find videos of."""

    location_id: str
    """Its identity: country code, name and S2 cell, as in "pt-porto-0d24"; clips of it carry this."""
    kind: str
    """"town", or "land" for a spot on open land."""
    name: str
    """What people call it: the town, or the region a spot lies in."""
    region: str
    """First-level region."""
    country: str
    """Country."""
    continent: str
    """Continent."""
    point: GeoPoint
    """The town's middle, or the spot."""
    radius_km: float
    """A recording this near belongs to the place: the town's disk, or half a cell."""

    def queries(self) -> list[str]:
        """Its search phrases; a country that is called like the place is named once."""
        templates = TOWN_QUERIES if self.kind == "town" else LAND_QUERIES
        country = "" if self.country.lower() in self.name.lower() else self.country
        texts = (text.format(name=self.name, region=self.region, country=country) for text in templates)
        return [" ".join(text.split()) for text in texts]


def draw_places(count: int, seed: int = 0, town_share: float = 0.5) -> list[Place]:
    """Draw places over the Earth, towns first.

    Example:
        >>> [place.name for place in draw_places(2, seed=3)]            # doctest: +SKIP
        ['Kikwit', 'Krasnoyarsk']

    Raises:
        ValueError: the count is not positive, or more than there are, or the share is not within [0, 1].
    """
    if count < 1 or not 0 <= town_share <= 1:
        raise ValueError(f"Draw at least one place, a share from 0 to 1 of them towns, not {count} and {town_share}.")
    rng, names = np.random.default_rng(seed), gazetteer()
    towns = round(count * town_share)
    return [*_towns(names, towns, rng), *(_land(names, count - towns, rng) if towns < count else ())]


def systematic(weights: Float[ndarray, " n"], count: int, rng: np.random.Generator) -> Int[ndarray, " count"]:
    """Indices drawn by equal steps along the summed weights (Madow 1949); no index twice.

    An index heavier than a step is drawn once, and what it had too much goes to the others.

    Raises:
        ValueError: there are fewer positive weights than draws.
    """
    if count > int((weights > 0).sum()):
        raise ValueError(f"Only {int((weights > 0).sum())} places can be drawn, but {count} were asked for.")
    start = rng.random()
    if count == 0:
        return np.zeros(0, np.int64)
    share = weights / weights.sum() * count
    while (share > 1 + 1e-9).any():
        sure = share >= 1
        left = share[~sure].sum()
        share = np.where(sure, 1.0, share * (count - sure.sum()) / left if left > 0 else 0.0)
    edges = np.cumsum(share)
    return np.asarray(np.searchsorted(edges, (np.arange(count) + start) * edges[-1] / count, side="right"))


def _towns(names: Gazetteer, count: int, rng: np.random.Generator) -> Iterator[Place]:
    town_names, units, radius_km = names.towns
    lat_deg, lon_deg = lat_lon_deg(units)
    region_of = _regions_at(names, lat_deg, lon_deg)
    countries = np.array([names.regions[k].country for k in region_of])
    _, country_of, sizes = np.unique(countries, return_inverse=True, return_counts=True)
    disk = radius_km**2
    weights = disk / np.bincount(country_of, disk)[country_of] * sizes[country_of] ** 0.5
    order = np.lexsort((cells.cell_ids(units, 30), region_of, country_of))
    for k in order[systematic(weights[order], count, rng)]:
        point = GeoPoint(float(lat_deg[k]), float(lon_deg[k])).rounded()
        yield _place("town", town_names[k], names.regions[region_of[k]], point, max(MIN_RADIUS_KM, radius_km[k]))


def _land(names: Gazetteer, count: int, rng: np.random.Generator) -> Iterator[Place]:
    """Spots on land; one near a town is called after it."""
    ids, share = names.land
    lat_deg, lon_deg = lat_lon_deg(cells.centers(ids))
    region_of = _regions_at(names, lat_deg, lon_deg)
    inhabited = np.array([names.regions[k].continent != "Antarctica" for k in region_of])
    for k in systematic(share * cells.areas_sr(ids) * inhabited, count, rng):
        region, outline = names.regions[region_of[k]], names.region_tree.geometries[region_of[k]]
        ashore = shapely.shortest_line(outline, shapely.Point(lon_deg[k], lat_deg[k])).coords[0]
        point = GeoPoint(ashore[1], ashore[0]).rounded()
        called = names.name(point)
        yield _place("land", called.town if called.is_near else region.region, region, point, _half_cell_km())


def _regions_at(names: Gazetteer, lat_deg: Float[ndarray, " n"], lon_deg: Float[ndarray, " n"]) -> Int[ndarray, " n"]:
    """Index of the region that holds each point, or else of the nearest, a search that costs 20 times more."""
    points = shapely.points(lon_deg, lat_deg)
    region_of = np.full(len(points), -1)
    held, region = names.region_tree.query(points, predicate="intersects")
    region_of[held[::-1]] = region[::-1]
    outside = np.flatnonzero(region_of < 0)
    region_of[outside] = names.region_tree.nearest(points[outside])
    return region_of


def _half_cell_km() -> float:
    return cells.mean_width_km(LEVEL) / 2


def _place(kind: str, name: str, region: Region, point: GeoPoint, radius_km: float) -> Place:
    token = cells.tokens(cells.cell_ids(point.unit[None], LEVEL + 2))[0]
    identity = f"{region.iso.lower() or 'xx'}-{slug(name)}-{token}"
    radius_km = round(float(radius_km), 1)
    return Place(identity, kind, name, region.region, region.country, region.continent, point, radius_km)


def slug(name: str) -> str:
    """A name as lower-case letters and digits joined by dashes, accents left out."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "place"


def query_rows(places: Iterable[Place]) -> Iterator[dict[str, Any]]:
    """A row for every phrase."""
    for place in places:
        known = {
            "location_id": place.location_id,
            "place": place.name,
            "kind": place.kind,
            "lat_deg": place.point.lat_deg,
            "lon_deg": place.point.lon_deg,
            "radius_km": place.radius_km,
            "region": place.region,
            "country": place.country,
            "continent": place.continent,
        }
        yield from (known | {"query": query} for query in place.queries())


def write_queries(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV, or as JSONL where the name ends so.

    Raises:
        ValueError: the name ends otherwise.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise ValueError(f"Queries are written as .csv or .jsonl, but the name given is {path.name}.")
    if path.suffix == ".jsonl":
        write_atomic(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomic(path, text.getvalue())
