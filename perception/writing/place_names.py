"""Names of places in a text: words in, countries, regions and towns out.

Names are those of the gazetteer, other names of towns (GeoNames) and names of countries in many languages (CLDR),
compared without accents, case and blanks. In scripts without blanks any part of a text may be a name. A long word that
is one letter off is a name too, where no exact one is found. Ordinary words and short ones are no names, though a
town may be called so. Not known: places under 15,000 people, streets, rivers and mountains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lookhear.data.gazetteer import gazetteer, table
from lookhear.perception.writing.scripts_of_text import joined_words, main_script, script_of, words_of
from lookhear.perception.writing.sign_words import ordinary_words

Scale = Literal["country", "region", "town"]

UNSPACED = frozenset({"Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr"})
"""Scripts that put no blanks between words."""

EAST_ASIAN = frozenset({"Hani", "Jpan", "Kore"})
"""Scripts that share characters, and so names."""

LEAST = {"Hani": 2, "Jpan": 2, "Kore": 2, "Thai": 4, "Laoo": 4, "Khmr": 4, "Mymr": 4, "Arab": 3, "Hebr": 3}
"""Fewest letters of a name; 4 in other scripts."""

FUZZY = 7
"""Fewest letters of a name that may be one letter off."""

MOST_WORDS = 5
"""Words of a name, at most."""

MOST_TOWNS = 24
"""Towns of one name that are told apart; of more, the largest."""

LARGE_TOWNS = 5000
"""So many of the largest towns (over about 100,000 people) are rather meant than a region of the same name."""

Match = Literal["exact", "short", "fuzzy"]
"""How a name was found: as it is; as it is, but of five letters or fewer; with one letter wrong."""


@dataclass(frozen=True)
class Place:
    """One thing a name stands for."""

    scale: Scale
    """What sort of place."""
    number: int
    """Row of the gazetteer's table of regions or towns; -1 for a country."""
    iso: str
    """Its country."""


@dataclass(frozen=True)
class PlaceMatch:
    """A name found in a text."""

    key: str
    """The name as it is compared."""
    places: tuple[Place, ...]
    """What it may stand for, countries first, then regions, then towns from the largest on."""
    match: Match
    """How it was found."""

    @property
    def name(self) -> str:
        """The likeliest place, as the gazetteer writes it, with the code of its country."""
        large = [place for place in self.places if place.scale == "town" and place.number < LARGE_TOWNS]
        first = self.places[0] if self.places[0].scale == "country" else (*large, *self.places)[0]
        if first.scale == "country":
            return country_names().get(first.iso, first.iso)
        towns, regions = gazetteer().towns[0], gazetteer().regions
        return f"{towns[first.number] if first.scale == 'town' else regions[first.number].region}, {first.iso}"


def find_places(text: str, may_be_misread: bool = False) -> tuple[PlaceMatch, ...]:
    """The names in a text, from left to right; where names overlap, the longest.

    Args:
        text: the words of a sign.
        may_be_misread: where there is no name, whether to look for long ones with one letter wrong.

    Example:
        >>> [match.name for match in find_places("Câmara Municipal de Lisboa")]
        ['Lisbon, PT']
    """
    script, words = main_script(text), words_of(text)
    if script in UNSPACED:
        return tuple(match for word in words for match in _inside(word, script))
    exact = tuple(_spaced(words, script))
    return exact or (tuple(_misread(words, script)) if may_be_misread else ())


def _spaced(words: list[str], script: str) -> Iterator[PlaceMatch]:
    names, start = place_keys(script), 0
    while start < len(words):
        for stop in range(min(len(words), start + MOST_WORDS), start, -1):
            key = "".join(words[start:stop])
            if key in names and len(key) >= LEAST.get(script, 4) and not _is_ordinary(words[start:stop]):
                yield PlaceMatch(key, names[key], "short" if len(key) < 6 and script not in LEAST else "exact")
                start = stop - 1
                break
        start += 1


def _inside(word: str, script: str) -> Iterator[PlaceMatch]:
    names, start = place_keys(script), 0
    while start < len(word):
        for stop in range(min(len(word), start + 16), start + LEAST[script] - 1, -1):
            key = word[start:stop]
            if key in names and key not in ordinary_words():
                yield PlaceMatch(key, names[key], "exact" if key == word else "short")
                start = stop - 1
                break
        start += 1


def _misread(words: list[str], script: str) -> Iterator[PlaceMatch]:
    names = place_keys(script)
    alphabet = "abcdefghijklmnopqrstuvwxyz" if script == "Latn" else "".join(sorted(set("".join(words))))
    keys = ["".join(words[k : k + size]) for size in (1, 2) for k in range(len(words) - size + 1)]
    for key in keys:
        if len(key) >= FUZZY and key not in ordinary_words():
            found = {place for other in one_letter_off(key, alphabet) for place in names.get(other, ())}
            if found:
                yield PlaceMatch(key, ordered(found), "fuzzy")


def one_letter_off(key: str, alphabet: str) -> set[str]:
    """All words with one letter left out, put in, changed, or swapped with the next (Norvig 2007)."""
    parts = [(key[:k], key[k:]) for k in range(len(key) + 1)]
    left_out = {a + b[1:] for a, b in parts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1}
    changed = {a + letter + b[1:] for a, b in parts if b for letter in alphabet}
    put_in = {a + letter + b for a, b in parts for letter in alphabet}
    return left_out | swapped | changed | put_in


def _is_ordinary(words: list[str]) -> bool:
    return all(word in ordinary_words() for word in words)


def place_keys(script: str) -> dict[str, tuple[Place, ...]]:
    """Names of a script as they are compared → what they stand for; a second to build, once a process."""
    return _keys("Hani" if script in EAST_ASIAN else script)


@cache
def _keys(script: str) -> dict[str, tuple[Place, ...]]:
    found: dict[str, set[Place]] = defaultdict(set)
    names, places = _names_by_script()[script]
    for key, place in zip(joined_words(names), places, strict=True):
        found[key].add(place)
    return {key: ordered(them) if len(them) > 1 else tuple(them) for key, them in found.items()}


@cache
def _names_by_script() -> dict[str, tuple[list[str], list[Place]]]:
    """All names, and what each stands for, by the script of their first letter."""
    found: dict[str, tuple[list[str], list[Place]]] = defaultdict(lambda: ([], []))
    for name, place in _names():
        script = script_of(name[0]) or main_script(name)
        names, places = found["Hani" if script in EAST_ASIAN else script]
        names.append(name)
        places.append(place)
    return found


def ordered(places: set[Place]) -> tuple[Place, ...]:
    """Countries first, then regions, then the largest towns, whose rows come first."""
    scales = {"country": 0, "region": 1, "town": 2}
    ranked = sorted(places, key=lambda place: (scales[place.scale], place.number, place.iso))
    towns = [place for place in ranked if place.scale == "town"][:MOST_TOWNS]
    return (*(place for place in ranked if place.scale != "town"), *towns)


@cache
def country_names() -> dict[str, str]:
    """Short English names of countries by ISO code."""
    return {region.iso: region.country for region in gazetteer().regions if region.iso}


def _names() -> Iterator[tuple[str, Place]]:
    countries = {iso: Place("country", -1, iso) for iso in country_names()}
    for row in table("country_names"):
        if row["iso"] in countries:
            yield row["name"], countries[row["iso"]]
    for number, region in enumerate(gazetteer().regions):
        yield region.region, Place("region", number, region.iso)
    towns = [Place("town", number, row["iso"]) for number, row in enumerate(table("towns"))]
    yield from zip(gazetteer().towns[0], towns, strict=True)
    for row in table("town_names"):
        yield row["name"], towns[int(row["town"])]
