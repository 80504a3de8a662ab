"""The cold start: a brief and the truth in, the completion out that a model is first taught to write.

Made by rule; no model writes labels. The truth decides between the places that fit the evidence; where none of them is
near it, the likeliest is taught, because what the evidence does not hold cannot be learnt from it, only guessed. So the
model learns to copy, to weigh and to hedge, not to make up places. With `Aim` "truth" the truth itself is taught, for
models that know the Earth and see the frames.

    Found Gray Heron and two-tone siren. [e1, e2]
    Continent: Europe (93%): Gray Heron fits. [e1]
    Country: perhaps France (41%).
    Region: Île-de-France.
    Town: 3 km from Paris.
    <answer>48.86, 2.35</answer>
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from lookhear.data.gazetteer import PlaceName, gazetteer
from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import Evidence
from lookhear.reasoning.mllm.brief import Brief, Option
from lookhear.reasoning.mllm.prompt import Wording, plain
from lookhear.reasoning.outlook import SAYABLE, Chance
from lookhear.reasoning.trace import Claim, Step, Trace

Aim = Literal["supported", "truth"]
"""What the answer is: the place that fits and is nearest to the truth, or the truth."""

SUPPORTED_KM = 750.0
"""A place that fits is taught if the truth lies within this distance (the "country" of the published tables)."""

FOUND_MAX = 2
"""Findings named in the first sentence."""


def cold_completion(brief: Brief, truth: GeoPoint, aim: Aim, wording: Wording) -> str:
    """What the model is taught to write for a clip that is told in this wording."""
    return completion_of(cold_trace(brief, truth, aim, wording))


def cold_trace(brief: Brief, truth: GeoPoint, aim: Aim, wording: Wording) -> Trace:
    """The same as a trace; it says nothing that the wording leaves out."""
    if aim == "truth":
        point = truth.rounded(2)
        option: Option | None = Option(point, gazetteer().name(point), 0.0, _shared_cites(brief))
    else:
        option = taught_option(brief.options[: wording.options], truth)
    return trace_to(told(brief, wording), option, "cold start")


def taught_option(options: Sequence[Option], truth: GeoPoint) -> Option | None:
    """Of the places that fit the one nearest to the truth, if that is near enough, else the likeliest, if any."""
    near = [option for option in options if option.point.distance_km(truth) <= SUPPORTED_KM]
    if near:
        return min(near, key=lambda option: option.point.distance_km(truth))
    return options[0] if options else None


def told(brief: Brief, wording: Wording) -> Brief:
    """What of a brief a wording tells."""
    sure = sorted(brief.evidence, key=lambda one: -one.confidence)[: wording.findings]
    evidence = tuple(one for one in brief.evidence if one in sure)
    outlook, names = brief.outlook, wording.names
    said = replace(outlook, continents=outlook.continents[:names], countries=outlook.countries[:names], regions=())
    return Brief(brief.clip_id, evidence, said, brief.options[: wording.options])


def trace_to(brief: Brief, option: Option | None, made_by: str) -> Trace:
    """The trace that leads to a place that fits; without one it says that nothing can be said."""
    claims = [_found(brief.evidence)]
    if option is None:
        claims.append(Claim("limit", "Cannot say where this was recorded."))
        return Trace(tuple(claims), None, made_by)
    return Trace((*claims, *_places(brief, option)), option.point, made_by)


def completion_of(trace: Trace) -> str:
    """A trace as the model writes it, its answer with two decimals (1 km)."""
    if trace.answer is None:
        return trace.text
    answer = f"<answer>{trace.answer.lat_deg:.2f}, {trace.answer.lon_deg:.2f}</answer>"
    return trace.text.rpartition("<answer>")[0] + answer


def _found(evidence: Sequence[Evidence]) -> Claim:
    if not evidence:
        return Claim("heard", "Nothing was found that could be named.")
    named = sorted(evidence, key=lambda one: -one.confidence)[:FOUND_MAX]
    shown = [one for one in evidence if one in named]
    return Claim("heard", f"Found {_and([plain(one.label) for one in shown])}.", tuple(one.id for one in shown))


def _places(brief: Brief, option: Option) -> list[Claim]:
    """One sentence a scale; the first says what fits."""
    place, outlook = option.place, brief.outlook
    claims: list[Claim] = []
    scales: tuple[tuple[Step, str, str, Sequence[Chance]], ...] = (
        ("continent", "Continent", place.continent, outlook.continents),
        ("country", "Country", place.country, outlook.countries),
        ("region", "Region" if place.country else "Sea", place.region, outlook.regions),
    )
    for step, word, name, chances in scales:
        if name:
            probability = next((chance.probability for chance in chances if chance.name == name), None)
            claims.append(_scale(step, word, name, probability, _fitting(brief, option) if not claims else []))
    return [*claims, *_town(place)]


def _scale(step: Step, word: str, name: str, probability: float | None, fitting: Sequence[Evidence]) -> Claim:
    """Such as "Continent: Europe (93%): Gray Heron fits."; what is less likely than not is hedged."""
    unsure = probability is None or probability < SAYABLE
    hedge = "perhaps " if unsure and step in ("continent", "country") else ""
    share = f" ({100 * probability:.0f}%)" if probability is not None and step != "region" else ""
    labels = _and([plain(one.label) for one in fitting]) if fitting else ""
    because = f": {labels} {'fit' if len(fitting) > 1 else 'fits'}" if fitting else ""
    cites = tuple(one.id for one in fitting)
    return Claim(step, f"{word}: {hedge}{name}{share}{because}.", cites, name, probability)


def _town(place: PlaceName) -> list[Claim]:
    if not place.is_near:
        return []
    return [Claim("town", f"Town: {place.town_km:.0f} km from {place.town}.", (), place.town)]


def _fitting(brief: Brief, option: Option) -> list[Evidence]:
    """The two findings that support a place most."""
    known = {one.id: one for one in brief.evidence}
    return [known[cited] for cited in option.cites[:2] if cited in known]


def _shared_cites(brief: Brief) -> tuple[str, ...]:
    """What supports the likeliest place: the best guess where no place was asked about."""
    return brief.options[0].cites if brief.options else ()


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
