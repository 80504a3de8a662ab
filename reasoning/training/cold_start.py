"""The cold start: a brief and the truth in, the completion out that a model is first taught to write.

Made by rule; no model writes labels. The truth decides between the places that fit the evidence; where none of them is
near it, the likeliest is taught, because what the evidence does not hold cannot be learnt from it, only guessed. So the
model learns to copy, to weigh and to hedge, not to make up places. With `Aim` "truth" the truth itself is taught, for
models that know the Earth and see the frames.

    A: e1 Gray Heron and e3 the look of the scene fit. [e1, e3]
    Europe > perhaps France > Île-de-France > 3 km from Paris
    <answer>48.86, 2.35</answer>

The letter comes first, so that one choice settles all that follows, which is a copy of that place's line: a model that
names its places one by one takes the country from one place and the town from another. For the same reason an id
stands before what it is the id of: the ids are in the place's line, and what follows an id is a copy of its own line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import Evidence
from lookhear.reasoning.mllm.brief import Brief, Option
from lookhear.reasoning.mllm.prompt import Wording, chain, cited, lettered_options, plain, told_of

Aim = Literal["supported", "truth"]
"""What the answer is: the place that fits and is nearest to the truth, or the truth."""

SUPPORTED_KM = 750.0
"""A place that fits is taught if the truth lies within this distance (the "country" of the published tables)."""

FOUND_MAX = 2
"""Findings named where none supports the place."""


def cold_completion(brief: Brief, truth: GeoPoint, aim: Aim, wording: Wording) -> str:
    """What the model is taught to write for a clip that is told in this wording."""
    if aim == "truth":
        return completion_to(brief, _truth(brief, truth), wording)
    return completion_to(brief, taught_option(brief.options[: wording.options], truth), wording)


def taught_option(options: Sequence[Option], truth: GeoPoint) -> Option | None:
    """Of the places that fit the one nearest to the truth, if that is near enough, else the likeliest, if any."""
    near = [option for option in options if option.point.distance_km(truth) <= SUPPORTED_KM]
    if near:
        return min(near, key=lambda option: option.point.distance_km(truth))
    return options[0] if options else None


def completion_to(brief: Brief, option: Option | None, wording: Wording) -> str:
    """What leads to a place, with its letter if it has one; without a place it says that nothing can be said."""
    told = told_of(brief, wording)
    if option is None:
        return f"{_found(told)}\nCannot say where this was recorded.\n<answer>unknown</answer>"
    letter = next((f"{name}: " for name, one in lettered_options(brief, wording) if one is option), "")
    point, fitting = option.point, cited(option, told)
    reason = _because(fitting) if fitting else _found(told)
    answer = f"<answer>{point.lat_deg:.2f}, {point.lon_deg:.2f}</answer>"
    return f"{letter}{reason}\n{chain(option, brief.outlook)}\n{answer}"


def _truth(brief: Brief, truth: GeoPoint) -> Option:
    """The truth as a place that fits; what supports the likeliest place is the best guess at what supports it."""
    point, cites = truth.rounded(2), brief.options[0].cites if brief.options else ()
    return Option(point, gazetteer().name(point), 0.0, cites)


def _because(fitting: Sequence[Evidence]) -> str:
    return f"{_and(fitting)} {'fit' if len(fitting) > 1 else 'fits'}. {_ids(fitting)}"


def _found(told: Sequence[Evidence]) -> str:
    sure = sorted(told, key=lambda one: -one.confidence)[:FOUND_MAX]
    shown = [one for one in told if one in sure]
    return f"Found {_and(shown)}. {_ids(shown)}" if shown else "Nothing was found that could be named."


def _and(some: Sequence[Evidence]) -> str:
    return " and ".join(f"{one.id} {plain(one.label)}" for one in some)


def _ids(some: Sequence[Evidence]) -> str:
    return f"[{', '.join(one.id for one in some)}]"
