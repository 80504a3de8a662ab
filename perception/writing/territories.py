"""What is written where: languages in, how likely each is on a sign of each country out.

CLDR says which share of a country's people uses a language and whether it is official. Signs are mostly in official
languages, so another counts for a third of its people; and some English stands everywhere. Not known: the parts of a
country in which a language is written (Wales, Quebec, Catalonia).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lookhear.data.gazetteer import gazetteer, table

UNOFFICIAL = 0.3
"""Weight of a language that is not official, by its people."""

ENGLISH_EVERYWHERE = 0.15
"""Share of signs in English in a country that does not use it."""

SAME_AS = {"nb": "no", "nn": "no", "bs": "hr", "cnr": "hr", "ms": "id", "fil": "tl", "yue": "zh", "wuu": "zh"}
"""Languages that are written alike, or nearly, as another whose letters are known (Bosnian is taken for Croatian)."""

IN_LATIN = {"sr": ("hr", 0.5)}
"""Languages written in two scripts: Serbian is as often in Latin letters, and then taken for Croatian."""


@cache
def countries() -> tuple[str, ...]:
    """ISO codes of the countries of the gazetteer, sorted; "" stands for land without a code."""
    return tuple(sorted({region.iso for region in gazetteer().regions}))


def written_shares(language: str) -> Float[ndarray, " countries"]:
    """How likely a sign of each country is in a language."""
    tabled = _tables().get(language)
    return tabled if tabled is not None else np.zeros(len(countries()))


@cache
def _tables() -> dict[str, Float[ndarray, " countries"]]:
    """Language → share of the signs of each country."""
    place = {iso: k for k, iso in enumerate(countries())}
    weights: dict[str, ndarray] = {"en": np.zeros(len(place))}
    for row in table("languages"):
        if row["iso"] in place:
            for language, share in _as_known(row["language"]):
                column = weights.setdefault(language, np.zeros(len(place)))
                official = float(row["official"])
                column[place[row["iso"]]] += share * float(row["percent"]) * (official + (1 - official) * UNOFFICIAL)
    total = sum(weights.values(), np.zeros(len(place)))
    shares = {language: column / np.maximum(total, 1.0) for language, column in weights.items()}
    shares["en"] = np.maximum(shares["en"], ENGLISH_EVERYWHERE)
    return shares


def _as_known(language: str) -> list[tuple[str, float]]:
    if language in IN_LATIN:
        other, share = IN_LATIN[language]
        return [(other, share), (language, 1 - share)]
    return [(SAME_AS.get(language, language), 1.0)]
