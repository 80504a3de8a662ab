"""Rebuild `data/places/areas.geojson.gz` and `area_parts.csv.gz`: regions people speak of that are no country.

In: a folder with Natural Earth's first-level regions and their groups (admin1_0.05 and regions_0.05.geojson.gz) and
regions_curated.json: outlines drawn by hand (Sahara, Alps) and lists of countries (Benelux). Out: outlines, and areas
that are whole countries or regions together: Benelux, New England, Scotland, Tuscany. A developer runs this after
`make_places`, a user never.

    python -m lookhear.scripts.make_areas --outlines GEO --out data/places
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
import tyro
from shapely.geometry import shape

from lookhear.scripts.make_places import collection, read_features, write_csv, write_gz

ENGLISH = {
    "Andalucía": "Andalusia",
    "Aragón": "Aragon",
    "Bretagne": "Brittany",
    "Canarias": "Canary Islands",
    "Canary Is.": "Canary Islands",
    "Castilla y León": "Castile and León",
    "Castilla-La Mancha": "Castile-La Mancha",
    "Cataluña": "Catalonia",
    "Corse": "Corsica",
    "Flemish": "Flanders",
    "Foral de Navarra": "Navarre",
    "Islas Baleares": "Balearic Islands",
    "Lombardia": "Lombardy",
    "Normandie": "Normandy",
    "Occitanie": "Occitania",
    "Peloponnisos": "Peloponnese",
    "Piemonte": "Piedmont",
    "Provence-Alpes-Côte-d'Azur": "Provence",
    "País Vasco": "Basque Country",
    "Sardegna": "Sardinia",
    "Toscana": "Tuscany",
    "Valenciana": "Valencian Community",
    "Valle d'Aosta": "Aosta Valley",
    "Walloon": "Wallonia",
}
"""English names of groups of regions; the local one stays too."""

GROUPED = ("Belgium", "France", "Greece", "Italy", "Japan", "New Zealand", "Portugal", "Spain")
"""Countries whose first-level regions are small and whose groups of them have names people use."""

PLAIN = frozenset({"Centro", "Macedonia", "Norte", "Norte, Centro", "Lisbon", "Madrid", "Capital Region"})
"""Groups whose name says something else, or nothing."""

OTHER_NAMES = {
    "Scandinavia (countries)": ("Scandinavian countries",),
    "Nordic countries": ("the Nordics",),
    "Baltic states": ("the Baltics",),
    "Balkans": ("Balkan Peninsula", "the Balkans"),
    "Benelux": ("Low Countries",),
    "Micronesia (region)": (),
    "Midwest (US)": ("Midwest", "American Midwest"),
    "US South": ("American South", "Deep South"),
    "US Southwest": ("American Southwest",),
    "US West Coast": ("West Coast of the United States",),
}
"""What else composites are called; names with brackets are notes, not names."""


@dataclass(frozen=True)
class MakeAreasConfig:
    """Where the sources lie and where the tables go."""

    outlines: Path
    """Folder with admin1_0.05.geojson.gz, regions_0.05.geojson.gz and regions_curated.json."""
    out: Path = Path("data/places")
    """Where the tables go."""


def make_areas(config: MakeAreasConfig) -> int:
    """Write both tables."""
    curated = json.loads((config.outlines / "regions_curated.json").read_text())
    outlines = [_outline(one) for one in curated["polygons"]]
    write_gz(config.out / "areas.geojson.gz", json.dumps(collection(outlines), ensure_ascii=False))
    features = read_features(config.outlines / "admin1_0.05.geojson.gz")
    regions = [one["properties"] for one in features]
    groups = read_features(config.outlines / "regions_0.05.geojson.gz")
    countries = {one["properties"]["iso"] for one in read_features(config.out / "countries.geojson.gz")}
    rows = [*_composites(curated["composites"], regions, countries), *_groups(features, groups), *_kingdom(regions)]
    write_csv(config.out / "area_parts.csv.gz", ["area", "aliases", "iso", "region"], sorted(rows))
    return 0


def _outline(one: dict[str, Any]) -> dict[str, Any]:
    properties = {"area": one["name"], "kind": one["kind"], "aliases": "|".join(one["aliases"])}
    ring = [*one["polygon"], one["polygon"][0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _composites(
    composites: dict[str, list[str]], regions: list[dict[str, Any]], countries: set[str]
) -> Iterator[list[str]]:
    """Countries, and regions where a code is that of a region or of a part of France overseas."""
    number = {one.get("iso_3166_2"): k for k, one in enumerate(regions)}
    for name, codes in composites.items():
        names = OTHER_NAMES.get(name, ()) if "(" in name else (name, *OTHER_NAMES.get(name, ()))
        for code in codes if names else ():
            region = number.get(code, number.get(f"FR-{code}", ""))
            known = code in countries
            if not known and region == "":
                print(f"{name}: {code} is neither a country nor a region of ours, so it is left out.")
                continue
            yield [names[0], "|".join(names[1:]), code if known else "", "" if known else str(region)]


def _groups(features: list[dict[str, Any]], groups: list[dict[str, Any]]) -> Iterator[list[str]]:
    """A region belongs to the group that holds a point of it."""
    points = shapely.points([shape(one["geometry"]).representative_point().coords[0] for one in features])
    for group in groups:
        name, country = group["properties"]["region"], group["properties"]["admin"]
        if country not in GROUPED or name in PLAIN:
            continue
        held = shapely.contains(shape(group["geometry"]), points)
        english = ENGLISH.get(name, name)
        for k in held.nonzero()[0]:
            if features[k]["properties"]["admin"] == country:
                yield [english, name if english != name else "", "", str(k)]


def _kingdom(regions: list[dict[str, Any]]) -> Iterator[list[str]]:
    """England, Scotland, Wales and Northern Ireland."""
    for k, one in enumerate(regions):
        if one["admin"] == "United Kingdom":
            yield [one["geonunit"], "", "", str(k)]


if __name__ == "__main__":
    raise SystemExit(make_areas(tyro.cli(MakeAreasConfig)))
