"""What a language model wrote in, a `Trace` out; None where its answer cannot be read.

The answer "unknown" can be read: it is "cannot say".
Each line is a claim; what it is about is told by its first word, else by the finest place it names. A line of names
with > between them is a claim for each name. The letter of a place that was offered means nothing to a reader and is
left out, as are ids before what they name. Citations of findings that do not exist are dropped: a reader must be able
to follow every one. Much text is cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lookhear.perception.evidence import Evidence
from lookhear.reasoning.answer import answer_text, parse_answer
from lookhear.reasoning.mllm.prompt import LETTERS, THEN
from lookhear.reasoning.named_place import Named
from lookhear.reasoning.places_named import places_named
from lookhear.reasoning.trace import Claim, Step, Trace

UNKNOWN = "unknown"
"""What stands for the answer where nothing can be said."""

LINES_MAX = 30
"""Lines that are read, and…"""

LINE_MAX = 400
"""…characters of each."""

CHAIN_MAX = 6
"""Names of a chain that are read."""

_CITED = re.compile(r"\s*\[([A-Za-z0-9, ;]{1,100})\]\s*")
_PERCENT = re.compile(r"\((\d{1,3})\s?%\)")
_NEAR = re.compile(r"(?:perhaps )?\d{1,5} km from (.{1,100})")
_TAG = re.compile(r"</?think>", re.IGNORECASE)
_LETTER = re.compile(rf"^[{LETTERS}]: ")
_ID = re.compile(r"\b([A-Za-z]{1,3}\d{1,4}) (?=\S)")

_STEPS: dict[str, Step] = {
    "found": "heard",
    "nothing": "heard",
    "continent": "continent",
    "country": "country",
    "region": "region",
    "sea": "region",
    "town": "town",
    "cannot": "limit",
    "not": "against",
}
"""First words, and what they open."""

_KINDS: dict[str, Step] = {
    "town": "town",
    "region": "region",
    "sea": "region",
    "country": "country",
    "continent": "continent",
}
"""Kinds of places, finest first."""


def read_reply(text: str, evidence: Sequence[Evidence], made_by: str) -> Trace | None:
    r"""The trace that a model wrote, or None where its answer cannot be read.

    Example:
        >>> read_reply("Country: France (41%).\n<answer>48.86, 2.35</answer>", [], "a model").claims[0].place
        'France'
    """
    answer = parse_answer(text)
    if answer is None and (answer_text(text) or "").casefold() != UNKNOWN:
        return None
    body = _TAG.sub("", text.partition("<answer>")[0])
    lines = [line.strip()[:LINE_MAX] for line in body.splitlines() if line.strip()][:LINES_MAX]
    claims = [claim for line in lines for claim in _claims(_LETTER.sub("", line), evidence)][:LINES_MAX]
    return Trace(tuple(claims), answer.point if answer else None, made_by)


def _claims(line: str, evidence: Sequence[Evidence]) -> list[Claim]:
    """The claim of a line, or one for each name of a chain such as "Europe > perhaps France > 3 km from Paris"."""
    names = [_CITED.sub(" ", name).strip().rstrip(".") for name in line.split(THEN)]
    if len(names) == 1 or not places_named(names[0]):
        return [_claim(line, evidence)]
    claims = []
    for k, name in enumerate(names[:CHAIN_MAX]):
        known = {(place.kind, place.name) for place in places_named(THEN.join(names[:k]))}
        more = [one for one in places_named(THEN.join(names[: k + 1])) if (one.kind, one.name) not in known]
        claims.append(_link(name, more[-1] if more else None, _cites(line.split(THEN)[k], evidence)))
    return claims


def _link(name: str, place: Named | None, cites: tuple[str, ...]) -> Claim:
    """One name of a chain, such as "Country: perhaps France."."""
    if near := _NEAR.fullmatch(name):
        return Claim("town", f"Town: {name}.", cites, near[1])
    if place is None or place.kind not in _KINDS:
        return Claim("region", f"Region: {name}.", cites)
    return Claim(_KINDS[place.kind], f"{place.kind.capitalize()}: {name}.", cites, place.name)


def _cites(text: str, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The findings cited in a text, those that there are."""
    known = {one.id for one in evidence}
    said = [part.strip() for found in _CITED.finditer(text) for part in re.split("[,;]", found[1])]
    return tuple(dict.fromkeys(one for one in said if one in known))


def _claim(line: str, evidence: Sequence[Evidence]) -> Claim:
    ids = {one.id for one in evidence}
    text = _ID.sub(lambda found: "" if found[1] in ids else found[0], _CITED.sub(" ", line).strip())
    places = places_named(text, [one.label for one in evidence if one.kind != "text"])
    kinds = {place.kind: place.name for place in reversed(places)}
    finest = next((kind for kind in _KINDS if kind in kinds), None)
    step = _STEPS.get(re.split(r"\W", text.lower(), maxsplit=1)[0]) or (_KINDS[finest] if finest else "heard")
    percent = _PERCENT.search(text)
    probability = min(int(percent[1]), 100) / 100 if percent else None
    return Claim(step, text, _cites(line, evidence), kinds[finest] if finest else None, probability)
