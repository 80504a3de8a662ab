"""A trace made by rule: evidence and an outlook in, sentences from coarse to fine out.

What was heard, then continent → country → region → near which town, each with its probability and the evidence it
rests on; then what speaks against it; then where knowledge ends. Every number and name comes from its input, so the
trace is as true as they are. The same traces are the cold start of the language model.
"""

from __future__ import annotations

from collections.abc import Sequence

from lookhear.data.cells import MAX_LEVEL, cell_ids
from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import Evidence
from lookhear.reasoning.outlook import AT_SEA, SAYABLE, Chance, Outlook, percent
from lookhear.reasoning.trace import Claim, Trace

HEARD_MAX = 6
"""Findings named in the first sentence; the rest are counted."""

OTHER = 0.05
"""Another continent or country that holds this much probability is named as not excluded."""

TELLING = 0.2
"""A finding supports a place where it is this many nats likelier than on average, and speaks against it below 0."""


def write_trace(evidence: Sequence[Evidence], outlook: Outlook) -> Trace:
    """The trace for an outlook.

    Example:
        >>> print(write_trace(evidence, outlook).text)                              # doctest: +SKIP
        Heard Wood Thrush (0:00–0:08, 64 %) and Eastern Towhee (0:01–0:06, 25 %). [e1, e2]
        North America (99 %): Wood Thrush and Eastern Towhee live there. [e1, e2]
        …
    """
    claims = [_found(evidence)]
    if outlook.point is not None:
        claims += _places(evidence, outlook, outlook.point)
    claims += _against(evidence, outlook)
    claims.append(_limit(evidence, outlook))
    return Trace(tuple(claims), outlook.point, made_by="rules")


def _found(evidence: Sequence[Evidence]) -> Claim:
    if not evidence:
        return Claim("heard", "Nothing was found that could be named.")
    named = [f"{one.label} ({_when(one)}{percent(one.confidence)})" for one in evidence]
    rest = len(named) - HEARD_MAX
    shown = named[:HEARD_MAX] + ([f"{rest} more"] if rest > 0 else [])
    return Claim("heard", f"Found {_and(shown)}.", tuple(one.id for one in evidence[:HEARD_MAX]))


def _when(one: Evidence) -> str:
    """Its stretch of the clip; a still picture has none."""
    return f"{clock(one.start_s)}–{clock(one.end_s)}, " if one.end_s > 0 else ""


def _places(evidence: Sequence[Evidence], outlook: Outlook, point: GeoPoint) -> list[Claim]:
    """Continent, country and region, as far as one name stands out, and the nearest town."""
    telling = supporting(evidence, point)
    cites = tuple(one.id for one in telling)
    because = f": {_and([one.label for one in telling[:3]])} {'fit' if len(telling) > 1 else 'fits'}" if telling else ""
    claims = [_searched(outlook)] if outlook.within else []
    given = {name for one in outlook.countries[:1] if one.name == outlook.within for name in (one.name, one.part_of)}
    for step, chances in (
        ("continent", _continents(outlook)),
        ("country", outlook.countries),
        ("region", outlook.regions),
    ):
        if chances and chances[0].name in given:  # so it is, for nothing else was searched
            continue
        claims.append(_scale(step, chances, because, cites))
        if not chances or chances[0].probability < SAYABLE or chances[0] == outlook.at_sea:
            break
    if outlook.place is not None and outlook.place.town:
        claims.append(_town(outlook, point, cites))
    return claims


def _searched(outlook: Outlook) -> Claim:
    held = percent(outlook.within_probability)
    return Claim("limit", f"Only {outlook.within} was searched; without that restriction it holds {held}.")


def _continents(outlook: Outlook) -> tuple[Chance, ...]:
    """Those of the outlook, with the sea among them where it holds much and none of them stands out."""
    one_stands_out = outlook.continents and outlook.continents[0].probability >= SAYABLE
    if outlook.sea < OTHER or one_stands_out:
        return outlook.continents
    return tuple(sorted((*outlook.continents, outlook.at_sea), key=lambda chance: -chance.probability))


def _scale(step: str, chances: Sequence[Chance], because: str, cites: tuple[str, ...]) -> Claim:
    if not chances:
        return Claim("limit", f"No {step} stands out: the best places lie at sea.", cites)
    best = chances[0]
    if best.probability >= SAYABLE and best.name != AT_SEA:
        text = f"{step.capitalize()}: {best.name} ({percent(best.probability)}){because}."
        return Claim(step, text, cites, best.name, best.probability)  # type: ignore[arg-type]
    listed = _and([f"{chance.name} {percent(chance.probability)}" for chance in chances[:4]])
    return Claim(step, f"The {step} stays open: {listed}.", cites)  # type: ignore[arg-type]


def _town(outlook: Outlook, point: GeoPoint, cites: tuple[str, ...]) -> Claim:
    assert outlook.place is not None
    where = f"{outlook.place.town_km:.0f} km from {outlook.place.town}"
    if outlook.scale == "town" and outlook.place.is_near:
        return Claim("town", f"Near {outlook.place.town}: the best point lies {where}.", cites, outlook.place.town)
    text = f"The best single point ({point}) lies {where}; it is the middle of a wide area, not a found spot."
    return Claim("town", text, cites, outlook.place.town)


def _against(evidence: Sequence[Evidence], outlook: Outlook) -> list[Claim]:
    """Findings that do not fit, and other places that are not excluded."""
    claims = []
    if outlook.point is not None:
        for one in opposing(evidence, outlook.point):
            sure = percent(one.confidence)
            label = f"{one.label[:1].upper()}{one.label[1:]}"
            text = f"{label} speaks against it: it is not expected there (found with {sure} confidence)."
            claims.append(Claim("against", text, (one.id,)))
    others = [c for c in outlook.continents[1:] if c.probability >= OTHER]
    if outlook.point is not None and others:
        listed = _and([f"{c.name} ({percent(c.probability)})" for c in others])
        claims.append(Claim("against", f"Not excluded: {listed}."))
    return claims


def _limit(evidence: Sequence[Evidence], outlook: Outlook) -> Claim:
    """Where knowledge ends."""
    if outlook.point is None:
        placeless = " What was found occurs in many countries." if evidence else ""
        return Claim("limit", f"Cannot say where this was recorded.{placeless}")
    half, most = area_text(outlook.area_50_km2), area_text(outlook.area_90_km2)
    return Claim("limit", f"Half of the probability lies within {half}, nine tenths within {most}; finer is not known.")


def supporting(evidence: Sequence[Evidence], point: GeoPoint) -> list[Evidence]:
    """Findings that are likelier at a point than on average, most telling first."""
    telling = [(_log_ratio(one, point), one) for one in evidence if one.where is not None]
    return [one for value, one in sorted(telling, key=lambda pair: -pair[0]) if value >= TELLING]


def opposing(evidence: Sequence[Evidence], point: GeoPoint) -> list[Evidence]:
    """Findings that are less likely at a point than on average."""
    return [one for one in evidence if one.where is not None and _log_ratio(one, point) < 0]


def clock(time_s: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def area_text(area_km2: float) -> str:
    """An area as people read it."""
    if area_km2 >= 1e6:
        return f"{area_km2 / 1e6:.1f} million km²"
    digits = 2 if area_km2 >= 100 else 1
    scale = 10 ** max(0, len(str(int(area_km2))) - digits)
    return f"{round(area_km2 / scale) * scale:,.0f} km²"


def _log_ratio(one: Evidence, point: GeoPoint) -> float:
    assert one.where is not None
    return float(one.where.at(cell_ids(point.unit[None], MAX_LEVEL))[0])


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
