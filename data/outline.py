"""An outline to search within: a country's name, or a file with a polygon."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import shape

from lookhear.data.gazetteer import gazetteer


def read_outline(text: str) -> shapely.Geometry:
    """The outline, in (longitude, latitude) degrees, of a country (name or ISO code) or of a GeoJSON file.

    Example:
        >>> read_outline("Iceland").bounds
        (-24.5..., 63.4..., -13.5..., 66.5...)

    Raises:
        ValueError: there is no such country, or the file holds no polygon.
    """
    path = Path(text)
    if path.suffix.lower() not in (".geojson", ".json"):
        return gazetteer().country(text)
    try:
        outline = shapely.union_all(_polygons(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise ValueError(f"{text} cannot be read as GeoJSON ({error}); give a file with a Polygon.") from error
    if outline.is_empty or outline.geom_type not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"{text} holds no polygon; give a GeoJSON file with a Polygon or MultiPolygon.")
    west, south, east, north = outline.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise ValueError(f"{text} reaches beyond ±180° and ±90°; GeoJSON wants longitude, latitude in degrees.")
    return outline


GIVEN = "the given region"
"""What an outline from a file is called in an answer, which others may read: its name and place are the user's own."""


def spoken_outline(text: str) -> str:
    """The outline as an answer calls it: a country's name, or `GIVEN`."""
    if Path(text).suffix.lower() in (".geojson", ".json"):
        return GIVEN
    outline = gazetteer().country(text)
    return next(name for name, country in gazetteer().countries.items() if country is outline)


def outline_name(text: str) -> str:
    """The outline as settings carry it: a file with the digest of its content, so that an edit is noticed."""
    path = Path(text)
    if path.suffix.lower() not in (".geojson", ".json") or not path.is_file():
        return text
    return f"{text} (SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]})"


def _polygons(record: dict[str, Any]) -> list[shapely.Geometry]:
    if record["type"] == "FeatureCollection":
        return [part for feature in record["features"] for part in _polygons(feature)]
    found = shapely.get_parts(shape(record["geometry"] if record["type"] == "Feature" else record))
    return [shapely.make_valid(part) for part in found if part.geom_type in ("Polygon", "MultiPolygon")]
