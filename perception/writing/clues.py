"""What a sign says of its place: a sign in, clues out, each with how often such a clue is wrong.

A clue is a name of a place, the language, or a mark of a country. Clues of several signs are not independent: what two
signs both say counts once, from the sign that says it best, only a little more surely; and d different things of one
kind (two towns, three languages) count as √d of them, since a poster or a menu brings several at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lookhear.perception.writing.languages import guess_languages
from lookhear.perception.writing.marks import MarkKind, find_marks
from lookhear.perception.writing.place_names import Match, Place, find_places
from lookhear.perception.writing.scripts_of_text import main_script
from lookhear.perception.writing.territories import countries, written_shares

ClueKind = Literal["place", "language", "phone", "domain", "currency", "plate"]

MISREAD: dict[Match, float] = {"exact": 0.06, "short": 0.13, "fuzzy": 0.5}
"""How often a name that was found is not what the sign says: upper ends of Wilson's intervals of what was counted on
drawn scenes (docs/writing.md); of the last sort too few were seen, so it is a guess."""

ELSEWHERE = 0.2
"""How often a sign names a place far away in another country: assumed, for want of photographs to count on."""

LANGUAGE_ELSEWHERE = 0.15
"""How often a sign is in a language that is not its country's or is taken for another: measured and assumed."""

MARK_ERROR: dict[MarkKind, float] = {"phone": 0.1, "domain": 0.2, "currency": 0.2, "plate": 0.3}
"""How often such a mark belongs to another country: assumed."""

MOST_SAYING = 4
"""The error rate falls with the root of the number of signs that say the same, up to so many."""

SURE_OF_LANGUAGE = 0.5
"""A language less likely than this is no clue…"""

CLEAR = 0.97
"""A line read with more confidence has no wrong letters."""

WELL_READ = 0.75
"""…nor is that of a line read with less confidence."""


@dataclass(frozen=True, eq=False)
class Clue:
    """One thing that a sign says of its place."""

    kind: ClueKind
    """What sort of thing."""
    what: str
    """The same for signs that say the same."""
    says: str
    """In words."""
    error_rate: float
    """How often such a clue is wrong, in (0, 1)."""
    strength: float = 1.0
    """How far its log-likelihood counts, in (0, 1]."""
    places: tuple[Place, ...] = ()
    """What is named, for a clue of that kind."""
    by_country: Float[ndarray, " countries"] | None = None
    """How likely the clue is in each country (`countries`), for the other kinds; any scale."""


def clues_of_all(lines: Sequence[tuple[str, float]]) -> list[list[Clue]]:
    """What signs of one clip, by text and confidence, say, each thing once.

    Where no sign tells the language of its script alone, the words of all of them may.
    """
    found = [list(clues_of(text, confidence)) for text, confidence in lines]
    scripts = [main_script(text) if confidence >= WELL_READ else "" for text, confidence in lines]
    for script in sorted(set(scripts) - {""}):
        mine = [k for k, other in enumerate(scripts) if other == script]
        if not any(clue.kind == "language" for k in mine for clue in found[k]):
            longest = max(mine, key=lambda k: len(lines[k][0]))
            found[longest] += _language(" ".join(lines[k][0] for k in mine))
    return count_once(found)


def clues_of(text: str, confidence: float) -> tuple[Clue, ...]:
    """All that one sign says by itself.

    Args:
        text: as it was read.
        confidence: the reader's, in [0, 1].
    """
    language = _language(text) if confidence >= WELL_READ else []
    return (*_names(text, confidence), *language, *_marks(text))


def count_once(clues: Sequence[Sequence[Clue]]) -> list[list[Clue]]:
    """The clues of several signs, each thing said kept where it is said best, and weighed down as told above."""
    told: dict[tuple[str, str], list[tuple[float, int, Clue]]] = defaultdict(list)
    for number, said in enumerate(clues):
        for clue in said:
            told[clue.kind, clue.what].append((clue.error_rate, number, clue))
    different: dict[str, int] = defaultdict(int)
    for kind, _ in told:
        different[kind] += 1
    kept: list[list[Clue]] = [[] for _ in clues]
    for (kind, _), sayings in told.items():
        error_rate, number, clue = min(sayings, key=lambda one: one[:2])
        signs = len({number for _, number, _ in sayings})
        kept[number].append(_weighed(clue, error_rate / np.sqrt(min(signs, MOST_SAYING)), 1 / np.sqrt(different[kind])))
    return kept


def _weighed(clue: Clue, error_rate: float, strength: float) -> Clue:
    return Clue(clue.kind, clue.what, clue.says, float(error_rate), float(strength), clue.places, clue.by_country)


def _names(text: str, confidence: float) -> list[Clue]:
    clues = []
    for match in find_places(text, may_be_misread=confidence < CLEAR):
        right = (1 - MISREAD[match.match]) * (1 - ELSEWHERE) * confidence
        clues.append(Clue("place", match.key, f"names {match.name}", 1 - right, places=match.places))
    return clues


def _language(text: str) -> list[Clue]:
    """The language, if one stands out."""
    languages = guess_languages(text)
    if not languages or languages[0].share < SURE_OF_LANGUAGE:
        return []
    by_country = sum((one.share * written_shares(one.language) for one in languages), np.zeros(len(countries())))
    best = languages[0]
    error_rate = 1 - (1 - LANGUAGE_ELSEWHERE) * best.share
    return [Clue("language", best.language, best.name, error_rate, by_country=by_country)]


def _marks(text: str) -> list[Clue]:
    clues = []
    for mark in find_marks(text):
        by_country = np.isin(countries(), mark.isos).astype(np.float64)
        if by_country.any():
            clues.append(Clue(mark.kind, mark.text, mark.text, MARK_ERROR[mark.kind], by_country=by_country))
    return clues
