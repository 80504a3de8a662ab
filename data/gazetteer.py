"""Names of places: which country and region a point lies in, which town is near, whose land a cell is.

In: points, or S2 cells of level 6. Out: names, from coarse to fine. Outlines are Natural Earth's, simplified to
0.05° (about 5 km), so a point near a border or a shore may be given to the neighbour; towns are GeoNames' places
over 15,000 people. Everything is read from `data/places/`, which travels with the package.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float, Int, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.geo import GeoPoint, great_circle_km, lat_lon_deg, unit_vectors

LEVEL = 6
"""Level of the tables of land and people."""

ALIASES = {"usa": "us", "uk": "gb", "great britain": "gb", "uae": "ae", "burma": "mm", "czech republic": "cz"}
"""Other names of countries, as people type them, and their ISO codes."""

NEGLIGIBLE = 1e-6
"""Regions with less mass are not listed."""

NEAR_KM = 30.0
"""A point this close to the middle of a town lies "near" it."""

SHORE_DEG = 0.15
"""A point this close to land (about 15 km) counts as on it."""


@dataclass(frozen=True)
class Region:
    """A first-level region of a country."""

    region: str
    """Its English name."""
    country: str
    """Its country's short English name."""
    iso: str
    """The country's ISO 3166-1 code, or "" where it has none."""
    continent: str
    """The continent the region lies on."""


@dataclass(frozen=True)
class PlaceName:
    """What a point is called, from coarse to fine; "" where there is no name."""

    continent: str
    """Continent, or "" at sea."""
    country: str
    """Country, or "" at sea."""
    region: str
    """First-level region, or the name of the sea."""
    town: str
    """The place over 15,000 people whose built-up disk is nearest."""
    town_km: float
    """Distance to its centre in kilometres."""

    @property
    def is_near(self) -> bool:
        """Whether the point can be said to lie near the town."""
        return bool(self.town) and self.town_km <= NEAR_KM

    @property
    def short(self) -> str:
        """One line for a person."""
        where = ", ".join(dict.fromkeys(name for name in (self.region, self.country) if name)) or "open sea"
        return f"{where} ({self.town_km:.0f} km from {self.town})" if self.town else where

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "town_km": round(self.town_km, 1)}


@dataclass(frozen=True, eq=False)
class Area:
    """A region people speak of: Sahara, Benelux, Scotland, Tuscany."""

    name: str
    """In English."""
    aliases: tuple[str, ...]
    """What else it is called."""
    outline: shapely.Geometry
    """In (longitude, latitude) degrees; drawn coarsely by hand, or countries and regions side by side."""


class Gazetteer:
    """The shipped tables, read when first asked."""

    def name(self, point: GeoPoint) -> PlaceName:
        """What a point is called.

        Example:
            >>> Gazetteer().name(GeoPoint(40.44, -79.99)).region
            'Pennsylvania'
        """
        at = shapely.Point(point.lon_deg, point.lat_deg)
        town, town_km = self._nearest_town(point)
        near = self.region_tree.query_nearest(at, max_distance=SHORE_DEG)
        if len(near):
            region = self.regions[int(near.min())]
            return PlaceName(region.continent, region.country, region.region, town, town_km)
        sea = self._sea_tree.query(at, predicate="within")
        return PlaceName("", "", self._seas[int(sea[-1])] if len(sea) else "", town, town_km)

    @cached_property
    def regions(self) -> list[Region]:
        """All first-level regions."""
        return [Region(**properties) for properties, _ in self._region_features]

    @cached_property
    def countries(self) -> dict[str, shapely.Geometry]:
        """Outlines (longitude, latitude in degrees) by short English name."""
        found: dict[str, list[shapely.Geometry]] = {}
        for properties, outline in features("countries"):
            found.setdefault(properties["country"], []).append(outline)
        return {
            name: parts[0] if len(parts) == 1 else shapely.union_all(parts) for name, parts in sorted(found.items())
        }

    def country(self, name: str) -> shapely.Geometry:
        """Outline of a country by its name or ISO code, in any case.

        Raises:
            ValueError: there is no such country.
        """
        known = {_plain(country): country for country in self.countries}
        codes = {_plain(region.iso): region.country for region in self.regions if region.iso}
        wanted = ALIASES.get(_plain(name), _plain(name))
        country = known.get(wanted) or codes.get(wanted)
        if country is None:
            near = get_close_matches(wanted, known, 1)
            hint = f"did you mean {known[near[0]]}" if near else "give an English name or a two-letter ISO code"
            raise ValueError(f"There is no country named {name!r}; {hint}.")
        return self.countries[country]

    @cached_property
    def land(self) -> tuple[UInt64[ndarray, " n"], Float[ndarray, " n"]]:
        """Level-6 cells that hold land, sorted, and the share of each that is land."""
        all_ids, _, share = self._cell_region_table
        ids, place = np.unique(all_ids, return_inverse=True)
        return ids, np.minimum(np.bincount(place, weights=share), 1.0)

    @cached_property
    def areas(self) -> dict[str, Area]:
        """Regions people speak of that are no country and no first-level region, by name."""
        found = {
            row["area"]: Area(row["area"], tuple(filter(None, row["aliases"].split("|"))), outline)
            for row, outline in features("areas")
        }
        parts: dict[tuple[str, str], list[shapely.Geometry]] = {}
        for row in table("area_parts"):
            whole = self._by_iso[row["iso"]] if row["iso"] else [self.region_tree.geometries[int(row["region"])]]
            parts.setdefault((row["area"], row["aliases"]), []).extend(whole)
        for (name, aliases), outlines in parts.items():
            pieces = shapely.get_parts(np.array(outlines))
            found[name] = Area(name, tuple(filter(None, aliases.split("|"))), shapely.multipolygons(pieces))
        return found

    @cached_property
    def _by_iso(self) -> dict[str, list[shapely.Geometry]]:
        found: dict[str, list[shapely.Geometry]] = {}
        for properties, outline in features("countries"):
            found.setdefault(properties["iso"], []).append(outline)
        return found

    @cached_property
    def people(self) -> tuple[UInt64[ndarray, " n"], Float[ndarray, " n"], Float[ndarray, " n"]]:
        """Level-6 cells with townspeople or geotagged photographs, sorted, and the numbers of both."""
        rows = table("cell_people")
        ids = cells.from_tokens([row["token"] for row in rows])
        order = np.argsort(ids)
        columns = (np.array([float(row[key]) for row in rows])[order] for key in ("population", "photos"))
        population, photos = columns
        return ids[order], population, photos

    def shares(self, ids: UInt64[ndarray, " n"], mass: Float[ndarray, " n"]) -> list[tuple[Region, float]]:
        """How a mass on disjoint cells is spread over regions, largest first; what lies at sea is left out.

        The mass of a level-6 cell on a border goes to each side by its area, as the cell itself says no more; that
        of a finer cell goes to the region of its centre, or the nearest one on a shore.
        """
        cell, region, share = self._cell_regions
        part = self._mass_on_land(ids, mass)[cell] * share / np.maximum(self.land[1][cell], share)
        total = np.bincount(region, weights=part, minlength=len(self.regions))
        fine = (cells.levels(ids) > LEVEL) & (mass > 0)
        lat_deg, lon_deg = lat_lon_deg(cells.centers(ids[fine]))
        place, owner = self.region_tree.query_nearest(
            shapely.points(lon_deg, lat_deg), max_distance=SHORE_DEG, all_matches=False
        )
        np.add.at(total, owner, mass[fine][place])
        order = np.argsort(-total, kind="stable")
        return [(self.regions[k], float(total[k])) for k in order if total[k] > NEGLIGIBLE]

    def _mass_on_land(self, ids: UInt64[ndarray, " n"], mass: Float[ndarray, " n"]) -> Float[ndarray, " cells"]:
        """Mass of each land cell, of which the given cells are as fine or coarser; 0 where they are finer."""
        land = self.land[0]
        place = cells.find(ids, land)
        held = np.where(place < 0, 0.0, mass[place])
        coarser = np.flatnonzero((place >= 0) & (ids[place] != land))
        held[coarser] *= cells.areas_sr(land[coarser]) / cells.areas_sr(ids[place[coarser]])
        return held

    @cached_property
    def _cell_regions(self) -> tuple[Int[ndarray, " n"], Int[ndarray, " n"], Float[ndarray, " n"]]:
        """Index of a land cell, index of a region, and the share of the cell that lies in it."""
        ids, region, share = self._cell_region_table
        return np.searchsorted(self.land[0], ids), region, share

    @cached_property
    def _cell_region_table(self) -> tuple[UInt64[ndarray, " n"], Int[ndarray, " n"], Float[ndarray, " n"]]:
        rows = table("cell_regions")
        ids = cells.from_tokens([row["token"] for row in rows])
        return ids, np.array([int(r["region"]) for r in rows]), np.array([float(r["share"]) for r in rows])

    @cached_property
    def _region_features(self) -> list[tuple[dict[str, str], shapely.Geometry]]:
        return features("regions")

    @cached_property
    def region_tree(self) -> shapely.STRtree:
        """Index of the outlines of `regions`, in that order."""
        return shapely.STRtree([outline for _, outline in self._region_features])

    @cached_property
    def _seas(self) -> list[str]:
        return [properties["sea"] for properties, _ in features("seas")]

    @cached_property
    def _sea_tree(self) -> shapely.STRtree:
        return shapely.STRtree([outline for _, outline in features("seas")])

    @cached_property
    def towns(self) -> tuple[list[str], Float[ndarray, "n 3"], Float[ndarray, " n"]]:
        """Names, unit vectors, and radii of their disks in kilometres."""
        rows = table("towns")
        numbers = np.array([[float(row[key]) for key in ("lat_deg", "lon_deg", "population")] for row in rows])
        radius_km = 0.8 * np.maximum(numbers[:, 2], 1.0) ** 0.22
        return [row["town"] for row in rows], unit_vectors(numbers[:, 0], numbers[:, 1]), radius_km

    def _nearest_town(self, point: GeoPoint) -> tuple[str, float]:
        names, units, radius_km = self.towns
        distance_km = great_circle_km(units, point.unit)
        k = int(np.argmin(distance_km - radius_km))
        return names[k], float(distance_km[k])


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("the ")


@cache
def gazetteer() -> Gazetteer:
    """The one gazetteer of this process."""
    return Gazetteer()


def inside(outline: shapely.Geometry, units: Float[ndarray, "n 3"]) -> ndarray:
    """Which unit vectors lie in an outline given in (longitude, latitude) degrees."""
    lat_deg, lon_deg = lat_lon_deg(units)
    shapely.prepare(outline)
    return np.asarray(shapely.contains_xy(outline, lon_deg, lat_deg))


def _read(name: str) -> str:
    return gzip.decompress(resources.files("lookhear.data.places").joinpath(name).read_bytes()).decode()


def features(name: str) -> list[tuple[dict[str, str], shapely.Geometry]]:
    """Properties and outline of each feature of a file."""
    text = _read(f"{name}.geojson.gz")
    outlines = shapely.get_parts(shapely.from_geojson(text))
    return [(f["properties"], outline) for f, outline in zip(json.loads(text)["features"], outlines, strict=True)]


def table(name: str) -> list[dict[str, str]]:
    """Rows of a table of `data/places`, by column."""
    return list(csv.DictReader(io.StringIO(_read(f"{name}.csv.gz"))))
