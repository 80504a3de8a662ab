"""Names and what they may stand for: words in, candidates out.

Names come from the gazetteer (continents, countries, areas such as the Sahara, first-level regions, seas, towns), from
other names people give countries, and from parts of the Earth larger than a continent. Words are compared without
accents and case. Not known: rivers, single mountains, and islands that are no region.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import shapely

from lookhear.data.gazetteer import NEAR_KM, Region, features, gazetteer, table
from lookhear.reasoning.named_place import Kind, Named, Outline

OTHER_NAMES = {
    "United States of America": "United States",
    "USA": "United States",
    "U.S.A.": "United States",
    "U.S.": "United States",
    "US": "United States",
    "UK": "United Kingdom",
    "U.K.": "United Kingdom",
    "UAE": "United Arab Emirates",
    "Great Britain": "United Kingdom",
    "Britain": "United Kingdom",
    "Burma": "Myanmar",
    "Cape Verde": "Cabo Verde",
    "Czech Republic": "Czechia",
    "DR Congo": "Democratic Republic of the Congo",
    "DRC": "Democratic Republic of the Congo",
    "Congo-Brazzaville": "Republic of the Congo",
    "Côte d'Ivoire": "Ivory Coast",
    "East Timor": "Timor Leste",
    "Holland": "The Netherlands",
    "Macau": "Macao",
    "Palestine": "Palestinian Territory",
    "Swaziland": "Eswatini",
    "Türkiye": "Turkey",
    "Viet Nam": "Vietnam",
}
"""Other names of countries."""

BOXES = {
    "Northern Hemisphere": (-180, 0, 180, 90),
    "Southern Hemisphere": (-180, -90, 180, 0),
    "Western Hemisphere": (-180, -90, 0, 90),
    "Eastern Hemisphere": (0, -90, 180, 90),
    "Tropics": (-180, -23.44, 180, 23.44),
}
"""Parts of the Earth by west, south, east and north in degrees."""

WHOLE = ("Earth", "World", "Globe", "Planet")

TOGETHER = {
    "Eurasia": ("Europe", "Asia"),
    "Americas": ("North America", "South America"),
    "America": ("North America", "South America"),
}
"""Continents that have one name together."""

GENERIC = frozenset(
    "prefecture province region oblast county state governorate district municipality department republic krai".split()
)
"""Last words of a region's name that people leave out."""

ORDER: dict[Kind, int] = {"earth": 0, "continent": 1, "country": 2, "area": 3, "region": 4, "sea": 5, "town": 6}

_WORD = re.compile(r"[^\W\d_]+(?:['’ʻ‘`][^\W\d_]+)*")
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ß": "ss"})


@dataclass(frozen=True)
class Candidate:
    """One thing a name may stand for."""

    kind: Kind
    """What sort of place."""
    name: str
    """As the gazetteer writes it."""
    country: str = ""
    """The country it lies in, for regions and towns."""
    number: int = -1
    """Its row in the gazetteer's table of regions, seas or towns."""


class PlaceIndex:
    """All names; built once a process (`place_index`)."""

    def __init__(self) -> None:
        self.candidates: dict[str, tuple[Candidate, ...]] = {}
        self.longest: dict[str, int] = {}
        for name, candidate in _names():
            self._add(folded_words(name), candidate)

    def match(self, words: Sequence[str], start: int) -> tuple[int, tuple[Candidate, ...]]:
        """The longest name that begins at a word: the index after it and what it may stand for; none: `start, ()`."""
        for stop in range(min(start + self.longest.get(words[start], 0), len(words)), start, -1):
            found = self.candidates.get(" ".join(words[start:stop]))
            if found:
                return stop, found
        return start, ()

    def _add(self, words: list[str], candidate: Candidate) -> None:
        for form in (words, words[:-1] if candidate.kind == "region" and words[-1:] and words[-1] in GENERIC else []):
            if form:
                key = " ".join(form)
                self.candidates[key] = (*self.candidates.get(key, ()), candidate)
                self.longest[form[0]] = max(self.longest.get(form[0], 0), len(form))


def named(candidates: Sequence[Candidate], away_km: float = 0.0) -> Named:
    """The place that all these candidates of one name are together."""
    first = min(candidates, key=lambda one: ORDER[one.kind])
    if first.kind == "earth" and first.name in WHOLE:
        return Named(first.name, "earth")
    outlines = tuple(_outline(one.kind, one.name, one.number) for one in candidates if one.kind != "town")
    towns = [one.number for one in candidates if one.kind == "town"]
    if not towns:
        return Named(first.name, first.kind, outlines, away_km=away_km)
    _, units, radii_km = gazetteer().towns
    return Named(first.name, first.kind, outlines, units[towns], radii_km[towns] + NEAR_KM, away_km)


@cache
def place_index() -> PlaceIndex:
    """The one index of this process."""
    return PlaceIndex()


def word_matches(text: str) -> Iterator[re.Match[str]]:
    """The words of a text, one after the other; an apostrophe belongs to its word, a hyphen does not."""
    return _WORD.finditer(text)


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """A word without accents, apostrophes and case."""
    plain = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
    return "".join(char for char in plain if char.isalnum() and not unicodedata.combining(char))


def folded_words(name: str) -> list[str]:
    """A name's words as they are compared, without the article or the lower-case words it begins with."""
    words = [match[0] for match in word_matches(unicodedata.normalize("NFC", name))]
    while len(words) > 1 and (words[0][0].islower() or words[0] == "The"):
        words = words[1:]
    return [fold(word) for word in words]


def _names() -> Iterator[tuple[str, Candidate]]:
    names = gazetteer()
    for name in (*WHOLE, *BOXES, *TOGETHER):
        yield name, Candidate("earth", name)
    for name in sorted({region.continent for region in names.regions}):
        yield name, Candidate("continent", name)
    for name in names.countries:
        yield name, Candidate("country", name)
    for other, name in OTHER_NAMES.items():
        yield other, Candidate("country", name)
    for area in names.areas.values():
        for name in (area.name, *area.aliases):
            yield name, Candidate("area", area.name)
    for number, region in enumerate(names.regions):
        yield region.region, Candidate("region", region.region, region.country, number)
    for number, (properties, _) in enumerate(_seas()):
        yield properties["sea"], Candidate("sea", properties["sea"], number=number)
    country_of = {region.iso: region.country for region in names.regions if region.iso}
    for number, row in enumerate(table("towns")):
        yield row["town"], Candidate("town", row["town"], country_of.get(row["iso"], ""), number)


@cache
def _seas() -> list[tuple[dict[str, str], shapely.Geometry]]:
    return features("seas")


@cache
def _outline(kind: Kind, name: str, number: int) -> Outline:
    """Outline of anything but a town."""
    names = gazetteer()
    if kind == "country":
        outline = names.countries[name]
    elif kind == "area":
        outline = names.areas[name].outline
    elif kind == "region":
        outline = names.region_tree.geometries[number]
    elif kind == "sea":
        outline = _seas()[number][1]
    elif name in BOXES:
        outline = shapely.box(*BOXES[name])
    else:
        outline = _joined(TOGETHER.get(name, (name,)), names.regions)
    return Outline.of(outline)


def _joined(continents: Sequence[str], regions: Sequence[Region]) -> shapely.Geometry:
    """The regions of continents side by side: they do not overlap, so nothing is merged, which would take seconds."""
    chosen = [number for number, region in enumerate(regions) if region.continent in continents]
    return shapely.multipolygons(shapely.get_parts(gazetteer().region_tree.geometries[np.array(chosen)]))
