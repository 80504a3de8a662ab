"""A map for Google Earth and other readers of KML 2.2.

In: a result. Out: one document: the best point, candidates, the credible regions, heat in bands of credibility, and
the place the file claims. It needs no network: pins are the reader's own. Outlines are those of `geojson`, in
degrees; what is wider than 180° is cut at the meridian of Greenwich, as readers take the shorter way round.
A description is shown as HTML, so its texts are escaped twice: for HTML and for XML.
"""

from __future__ import annotations

import html
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import shapely
from jaxtyping import UInt64
from numpy import ndarray

from lookhear.data.geo import GeoPoint
from lookhear.prediction.result import Result
from lookhear.prediction.writers.geojson import DIGITS, REGIONS, outline
from lookhear.reasoning.outlook import percent

EXTENSION = "kml"

NAMESPACE = "http://www.opengis.net/kml/2.2"

HEAT = ((0.1, "#bd0026"), (0.25, "#f03b20"), (0.5, "#fd8d3c"), (0.75, "#feb24c"), (0.9, "#fed976"), (0.99, "#ffffb2"))
"""Credible regions, and the colour of what each adds to the one before (ColorBrewer's YlOrRd)."""

_PINS = {"best": ("#e31a1c", 1.4), "candidate": ("#3182bd", 0.9), "claim": ("#969696", 0.9)}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(result: Result) -> bytes:
    """The document."""
    root = ET.Element("kml", xmlns=NAMESPACE)
    document = ET.SubElement(root, "Document")
    _text(document, "name", f"{result.clip.path.name}: {result.outlook.headline}")
    _text(document, "open", "1")
    _text(document, "description", _summary(result))
    if result.best:
        _look_at(document, result.best, result.outlook.area_90_km2)
    _styles(document)
    _points(document, result)
    _regions(document, result)
    if result.best:
        _heat(document, result)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def colour(rgb: str, opacity: float = 1.0) -> str:
    """A colour as KML writes it, aabbggrr.

    Example:
        >>> colour("#ff8000", 0.5)
        '800080ff'
    """
    return f"{round(255 * opacity):02x}{rgb[5:7]}{rgb[3:5]}{rgb[1:3]}"


# --- what is on the map ---


def _points(parent: ET.Element, result: Result) -> None:
    if result.best:
        _place(_placemark(parent, "Best point", "best", _summary(result)), result.best)
    folder = _folder(parent, "Candidates") if result.best else parent
    for rank, candidate in enumerate(result.top(), start=1):
        chance = f"{percent(candidate.probability)} within {candidate.radius_km:.0f} km"
        _place(_placemark(folder, f"{rank}: {chance}", "candidate"), candidate.point)
    if result.file_claims.place:
        note = "What the file says of itself; it may be wrong or forged and was not used for the answer."
        _place(_placemark(parent, "Claim of the file", "claim", note), result.file_claims.place)


def _regions(parent: ET.Element, result: Result) -> None:
    folder = _folder(parent, "Credible regions")
    for probability in REGIONS:
        region = result.density.region(probability)
        name = f"{percent(probability)} region, {region.area_km2:,.0f} km²"
        note = "" if result.best else "Of the prior only: nothing in this clip points to a place."
        mark = _placemark(folder, name + (" (prior only)" if note else ""), f"region{probability:.0%}"[:-1], note)
        _area(mark, region.ids)


def _heat(parent: ET.Element, result: Result) -> None:
    folder = _folder(parent, "Heat")
    within: UInt64[ndarray, " n"] = np.array([], dtype=np.uint64)
    for k, (probability, _) in enumerate(HEAT):
        ids = result.density.region(probability).ids
        added = np.setdiff1d(ids, within)
        if len(added):
            _area(_placemark(folder, f"Added by the {percent(probability)} region", f"heat{k}"), added)
        within = ids


def _summary(result: Result) -> str:
    reasons, _, _ = result.trace.text.rpartition("<answer>")
    notes = "\n".join(f"Note: {note}" for note in result.notes)
    return f"{result.outlook.headline}\n\n{reasons}{notes}"


# --- KML ---


def _styles(document: ET.Element) -> None:
    for name, (rgb, scale) in _PINS.items():
        pin = ET.SubElement(ET.SubElement(document, "Style", id=name), "IconStyle")
        _text(pin, "color", colour(rgb))
        _text(pin, "scale", str(scale))
    for probability, width in zip(REGIONS, (3, 2), strict=True):
        style = ET.SubElement(document, "Style", id=f"region{probability:.0%}"[:-1])
        line, area = ET.SubElement(style, "LineStyle"), ET.SubElement(style, "PolyStyle")
        _text(line, "color", colour("#08306b"))
        _text(line, "width", str(width))
        _text(area, "fill", "0")
    for k, (_, rgb) in enumerate(HEAT):
        area = ET.SubElement(ET.SubElement(document, "Style", id=f"heat{k}"), "PolyStyle")
        _text(area, "color", colour(rgb, 0.6))
        _text(area, "outline", "0")


def _folder(parent: ET.Element, name: str) -> ET.Element:
    folder = ET.SubElement(parent, "Folder")
    _text(folder, "name", name)
    return folder


def _placemark(parent: ET.Element, name: str, style: str, description: str = "") -> ET.Element:
    mark = ET.SubElement(parent, "Placemark")
    _text(mark, "name", name)
    if description:
        _text(mark, "description", description)
    ET.SubElement(mark, "styleUrl").text = f"#{style}"
    return mark


def _text(parent: ET.Element, tag: str, text: str) -> None:
    """Text of an element; a description's for HTML too. What XML 1.0 cannot carry becomes the sign U+FFFD."""
    clean = _NO_XML.sub("\ufffd", text)
    if tag == "description":
        clean = html.escape(clean).replace("\n", "<br>\n")
    if tag == "name":
        clean = " ".join(clean.split())
    ET.SubElement(parent, tag).text = clean


def _look_at(parent: ET.Element, point: GeoPoint, area_km2: float) -> None:
    """Look down from where the 90 % region fills the view, at most the whole Earth."""
    view = ET.SubElement(parent, "LookAt")
    range_m = min(max(3_000.0 * math.sqrt(area_km2), 20_000.0), 12_000_000.0)
    for tag, value in (("longitude", point.lon_deg), ("latitude", point.lat_deg), ("range", round(range_m))):
        _text(view, tag, str(round(value, DIGITS)))


def _place(mark: ET.Element, point: GeoPoint) -> None:
    place = f"{round(point.lon_deg, DIGITS)},{round(point.lat_deg, DIGITS)}"
    _text(ET.SubElement(mark, "Point"), "coordinates", place)


def _area(mark: ET.Element, ids: UInt64[ndarray, " n"]) -> None:
    several = ET.SubElement(mark, "MultiGeometry")
    for part in (piece for whole in outline(ids).geoms for piece in _narrow(whole)):
        area = ET.SubElement(several, "Polygon")
        _text(area, "tessellate", "1")
        _ring(area, "outerBoundaryIs", part.exterior)
        for hole in part.interiors:
            _ring(area, "innerBoundaryIs", hole)


def _narrow(area: shapely.Polygon) -> list[shapely.Polygon]:
    west, _, east, _ = area.bounds
    if east - west <= 180.0:
        return [area]
    halves = [shapely.box(-180.0, -90.0, 0.0, 90.0), shapely.box(0.0, -90.0, 180.0, 90.0)]
    parts = shapely.get_parts(shapely.intersection(area, halves))
    return [shapely.orient_polygons(part) for part in parts if isinstance(part, shapely.Polygon)]


def _ring(parent: ET.Element, tag: str, ring: shapely.LinearRing) -> None:
    points = " ".join(f"{lon_deg},{lat_deg}" for lon_deg, lat_deg in ring.coords)
    _text(ET.SubElement(ET.SubElement(parent, tag), "LinearRing"), "coordinates", points)
