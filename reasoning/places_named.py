"""The places a trace names: text in, `Named` places out, by a light parser with the gazetteer.

Longest match first. What keeps other words from matching:

- A name begins and ends with a capital, so "nice", "reading" and "a turkey" are no places.
- A capital right before or after makes it part of another name: "Canada Goose", "Queen Victoria".
- Labels of the evidence are no places, so "American Robin" or "Turkey" heard as a bird are not looked at.
- Areas, regions and towns need a cue: a word such as "in" or "near", a colon, a list that began so, or their country
  beside them. So do countries that are words too ("Turkey calls…").
- What a sign says (“Sol/Sevilla” and the brackets after it) is quoted, not claimed.
- What a sentence denies or leaves open ("not in Spain", "not excluded: Asia") is not named.

"A country named in the same trace settles which": of several places of one name those in a country that is named
count; else the country of that name; else all of them together. "3 km from Wyoming" means a town, if there is one.

What it does not know: other languages' names, names without capitals, and whatever `place_index.py` says it lacks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lookhear.reasoning.named_place import Named
from lookhear.reasoning.place_index import ORDER, Candidate, fold, folded_words, named, place_index, word_matches

CUES = frozenset(
    "in near from at around of to outside inside within between across throughout towards toward through along by off"
    " beside region province state county town city capital country island".split()
)
"""Words after which a name is that of a place."""

SIDES = frozenset(
    "north south east west northern southern eastern western central northeast northwest southeast southwest"
    " northeastern northwestern southeastern southwestern upper lower inner outer coastal rural urban downtown greater"
    " mainland continental the and or a an this that is are was only perhaps maybe probably likely continent"
    " on for with since because if when while but so thus hence therefore then here there both like also even".split()
)
"""Words with a capital that may stand right before a name."""

KINDS = frozenset(
    "region province state county city town district prefecture oblast island islands coast peninsula governorate"
    " municipality republic department krai territory basin area and or is are in".split()
)
"""Words with a capital that may stand right after a name."""

ALSO_WORDS = frozenset(
    "turkey jordan chad georgia guinea niger togo mali cuba jersey guernsey america world globe planet".split()
)
"""Countries and the like that are words, birds or first names too: they need a cue."""

NEVER = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday"
    " thursday friday saturday sunday spring summer autumn winter north south east west northern southern eastern"
    " western central centre sight english spanish french".split()
)
"""Towns and regions of these names are taken for the word, unless a colon says what they are."""

_DENIED = re.compile(
    r"\b(?:not|cannot|never|neither|nor|unlike|excluded?|ruled? out|instead of|rather than|stays open)\b|n['’]t\b", re.I
)
_QUOTED = re.compile(r"“[^”\n]*”(?: \([^)\n]*\))?")
_CLAUSE = re.compile(r"(?:(?!\bbut\b)[^.;!?\n])+", re.I)
_AWAY = re.compile(
    r"(\d[\d,]*(?:\.\d+)?)\s*(km|kilomet(?:er|re)s?|miles?|mi)\b\s+(?:[\w-]+\s+){0,2}(?:from|of)\s+(?:the\s+)?$", re.I
)
_GOES_ON = re.compile(r"[ ,/>]*(?:\b(?:and|or)\b)?[ ]*(?:\bperhaps\b)?[ ]*", re.I)
"""What stands between two names of a list."""


@dataclass(frozen=True)
class _Word:
    text: str
    folded: str
    start: int
    end: int


@dataclass(frozen=True)
class _Span:
    """A name in the text."""

    first: int
    last: int
    candidates: tuple[Candidate, ...]
    away_km: float = 0.0
    has_cue: bool = False
    has_colon: bool = False

    @property
    def kind(self) -> str:
        return min(self.candidates, key=lambda one: ORDER[one.kind]).kind


def places_named(text: str, not_places: Iterable[str] = ()) -> list[Named]:
    """The places that a trace names, in the order it names them, each once; its answer is not looked at.

    Args:
        text: The trace.
        not_places: What the evidence is called; these words are not taken for places.

    Example:
        >>> [place.name for place in places_named("A Canada Goose, but near Brest in France.", ["Canada Goose"])]
        ['Brest', 'France']
    """
    text = _without(unicodedata.normalize("NFC", text.partition("<answer")[0]), not_places)
    text = _QUOTED.sub(lambda found: "x" * len(found[0]), text)
    words = [_Word(match[0], fold(match[0]), match.start(), match.end()) for match in word_matches(text)]
    spans = _accepted(_spans(text, words), text, words)
    countries = {one.name for span in spans for one in span.candidates if one.kind == "country"}
    found: dict[tuple[Candidate, ...], _Span] = {}
    for span in spans:
        own = [word.folded for word in words[span.first : span.last]]
        chosen = _settled(_near(span), {name for name in countries if folded_words(name) != own})
        known = found.get(chosen)
        found[chosen] = replace(span, away_km=min(span.away_km, known.away_km if known else span.away_km))
    return [named(chosen, span.away_km) for chosen, span in found.items()]


def _without(text: str, labels: Iterable[str]) -> str:
    """The text with labels turned into as many small letters."""
    known = sorted({label for label in labels if label.strip()}, key=len, reverse=True)
    if not known:
        return text
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})(?:e?s)?\b", re.I)
    return pattern.sub(lambda match: "x" * len(match[0]), text)


def _spans(text: str, words: Sequence[_Word]) -> list[_Span]:
    """All names with capitals that no clause denies, longest first from left to right."""
    index, folded = place_index(), [word.folded for word in words]
    denied = [match.span() for match in _CLAUSE.finditer(text) if _DENIED.search(match[0])]
    spans, at = [], 0
    while at < len(words):
        stop, candidates = index.match(folded, at)
        if candidates and _is_proper(text, words, at, stop) and not _lies_in(words[at].start, denied):
            span = _Span(at, stop, candidates)
            if span.kind != "country" or stop > at + 1 or len(folded[at]) > 3 or words[at].text.isupper():  # not "Us"
                spans.append(span)
        at = max(stop, at + 1)
    return spans


def _is_proper(text: str, words: Sequence[_Word], first: int, stop: int) -> bool:
    """Whether it begins and ends with a capital, within a line, and is no part of a longer name."""
    if words[first].text[0].islower() or words[stop - 1].text[0].islower():
        return False
    if re.search(r"[\n:;()\[\]<>\d]", text[words[first].start : words[stop - 1].end]):
        return False
    before = words[first - 1] if first else None
    after = words[stop] if stop < len(words) else None
    if before and _beside(text, before, words[first]) and before.text[0].isupper():
        if before.folded not in SIDES | CUES | KINDS:
            return False
    if after and _beside(text, words[stop - 1], after) and after.text[0].isupper():
        return after.folded in KINDS or bool(place_index().match([word.folded for word in words[stop:]], 0)[1])
    return True


def _beside(text: str, left: _Word, right: _Word) -> bool:
    gap = text[left.end : right.start]
    return gap in ("-", "–") or (gap.isspace() and "\n" not in gap)


def _accepted(spans: Sequence[_Span], text: str, words: Sequence[_Word]) -> list[_Span]:
    """Those that are meant as places, with what is said around them."""
    looked: list[_Span] = []
    for k, span in enumerate(spans):
        before = looked[k - 1] if k else None
        looked.append(_with_cues(span, before, text, words))
    countries = {one.name for span in looked if _stands_alone(span) for one in span.candidates if one.kind == "country"}
    return [span for k, span in enumerate(looked) if _is_meant(span, looked[k + 1 : k + 2], countries, text, words)]


def _with_cues(span: _Span, before: _Span | None, text: str, words: Sequence[_Word]) -> _Span:
    start = words[span.first].start
    head = text[max(0, start - 60) : start]
    away = _AWAY.search(head)
    colon = head.rstrip().endswith(":")
    at = span.first - 1
    while at >= 0 and words[at].folded in SIDES and _beside(text, words[at], words[at + 1]):
        at -= 1
    cue = at >= 0 and words[at].folded in CUES and _beside(text, words[at], words[at + 1])
    if before is not None and not cue:
        gap = text[words[before.last - 1].end : start]
        cue = _stands_alone(before) and _GOES_ON.fullmatch(gap) is not None
    return replace(span, away_km=_km(away), has_cue=cue or colon or away is not None, has_colon=colon)


def _km(away: re.Match[str] | None) -> float:
    if away is None:
        return 0.0
    return float(away[1].replace(",", "")) * (1.609344 if away[2].lower().startswith("mi") else 1.0)


def _stands_alone(span: _Span) -> bool:
    """Whether the name alone says that a place is meant."""
    word = fold(span.candidates[0].name)
    return span.has_cue or (span.kind in ("earth", "continent", "country", "sea") and word not in ALSO_WORDS)


def _is_meant(span: _Span, following: Sequence[_Span], countries: set[str], text: str, words: Sequence[_Word]) -> bool:
    """Whether a name is that of a place here."""
    if span.kind in ("area", "region", "town") and " ".join(w.folded for w in words[span.first : span.last]) in NEVER:
        return span.has_colon
    if _stands_alone(span):
        return True
    if any(one.kind == "region" and one.country in countries for one in span.candidates):
        return True
    if not following or span.kind not in ("region", "town"):
        return False
    gap = text[words[span.last - 1].end : words[following[0].first].start]
    inside = {one.name for one in following[0].candidates} & {one.country for one in span.candidates}
    return gap.strip() == "," and bool(inside)


def _near(span: _Span) -> tuple[Candidate, ...]:
    """What a name may stand for: a town, where one has that name and a distance to it is given."""
    towns = tuple(one for one in span.candidates if one.kind == "town")
    return towns if towns and span.away_km else span.candidates


def _settled(candidates: tuple[Candidate, ...], countries: set[str]) -> tuple[Candidate, ...]:
    """What a name stands for, given the countries named beside it."""
    larger = tuple(one for one in candidates if one.kind in ("earth", "continent"))
    there = tuple(one for one in candidates if one.country in countries)
    lands = tuple(one for one in candidates if one.kind == "country")
    return larger[:1] or there or lands[:1] or candidates


def _lies_in(position: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in ranges)
