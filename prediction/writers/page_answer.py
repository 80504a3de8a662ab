"""The answer in words and numbers: headline, areas, candidates, chances, the file's own claims, next checks.

In: a result. Out: HTML sections. What the file says of itself is set beside the answer, marked as not used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lookhear.data.clip import Clip
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import GeoPoint, great_circle_km
from lookhear.prediction.density import Candidate
from lookhear.prediction.result import POINT_METHOD, Result
from lookhear.prediction.writers.page_cells import CLASSES, Heat
from lookhear.prediction.writers.page_marks import best_symbol, candidate_symbol, claim_symbol, names_towns
from lookhear.prediction.writers.page_markup import Markup, element, join
from lookhear.reasoning.outlook import Chance, percent
from lookhear.reasoning.rules import area_text, clock

CHANCES_SHOWN = 6
"""Names of each scale."""


def headline(result: Result) -> Markup:
    """The answer in one sentence, and the numbers behind it."""
    names_a_place = result.best and result.outlook.said and not result.outlook.within
    eyebrow = "Most likely recorded in" if names_a_place else "The answer"
    return element(
        "section",
        element("p", eyebrow, class_="eyebrow"),
        element("h1", _with_quiet_chances(result.outlook.headline)),
        element("dl", *(_facts(result) if result.best else _no_facts(result)), class_="facts"),
        class_="answer" if result.best else "answer unknown",
    )


def clip_line(clip: Clip) -> Markup:
    """Name, length and kind of the file."""
    length = clock(clip.duration_s) if clip.duration_s else None
    size = f"{clip.width_px} × {clip.height_px}" if clip.has_picture and clip.width_px else None
    facts = " · ".join(part for part in (clip.kind, length, size) if part)
    return element("p", element("bdi", clip.path.name, class_="file"), element("span", facts), class_="clip")


def bar(probability: float) -> Markup:
    """A probability as a length."""
    width = f"{100 * min(max(probability, 0.0), 1.0):.4g}"
    return element(
        "svg",
        element("rect", width=width, height=1),
        viewBox="0 0 100 1",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
    )


def legend(heat: Heat, result: Result) -> Markup:
    """What colours, lines and signs of the maps mean."""
    swatches = [element("rect", x=k, width=1.02, height=1, class_=f"h{k}") for k in range(CLASSES)]
    scale = element("svg", *swatches, viewBox=f"0 0 {CLASSES} 1", preserveAspectRatio="none", class_="ramp")
    low, high = _small_percent(heat.low), f"{_small_percent(heat.high)} per 10,000 km²"
    if result.best is None:
        low, high = "less likely beforehand", "more likely"
    ramp = element("li", element("span", low), scale, element("span", high))
    return element("ul", ramp, *_signs(result), class_="legend")


def candidates(places: Sequence[Candidate], by_town: bool) -> Markup | None:
    """Numbered places with the probability around each; none where the probability is spread too wide.

    Args:
        places: best first.
        by_town: name each by its nearest town; otherwise by its region and country only.
    """
    if not places:
        return None
    rows = []
    for number, one in enumerate(places, start=1):
        name, wider = _town_name(one.point) if by_town else _area_name(one.point)
        where = element("span", name, element("small", wider) if wider else None, class_="where")
        sign = _icon(candidate_symbol(number), "candidate")
        rows.append(element("li", sign, where, bar(one.probability), element("b", percent(one.probability))))
    meaning = f"Chance that the clip was recorded within {places[0].radius_km:.0f} km of each."
    note = element("p", meaning, class_="note")
    return element("div", element("h3", "Candidates"), element("ol", *rows, class_="candidates"), note)


def chances(result: Result) -> Markup:
    """Probability by continent, country and region."""
    outlook = result.outlook
    sea = (Chance("At sea", outlook.sea),) if outlook.sea >= 0.005 else ()
    columns = (
        ("Continents", _likely(outlook.continents) + sea),
        ("Countries", _likely(outlook.countries)),
        ("Regions", _likely(outlook.regions)),
    )
    lists = [element("div", element("h3", title), _chance_list(rows)) for title, rows in columns if rows]
    return element("div", *lists, class_="columns")


def claims(result: Result) -> Markup:
    """What the file says of itself, compared with the answer."""
    said = result.file_claims
    device = " ".join(part for part in (said.make, said.model) if part) or None
    rows = (
        ("Place", _claimed_place(said.place), _place_check(result)),
        ("Date", said.recorded_at, _date_check(result)),
        ("Device", device, None),
        ("Software", said.software, None),
    )
    silent = [f"no {name.lower()}" for name, claim, _ in rows[:3] if claim is None]
    body = [
        element(
            "tr",
            element("th", name, scope="row"),
            element("td", element("bdi", claim)),
            element("td", check, class_="note"),
        )
        for name, claim, check in rows
        if claim is not None
    ]
    table = element("table", element("tbody", *body), class_="claims") if body else None
    missing = element("p", f"It names {', '.join(silent)}.", class_="none") if silent else None
    return join(table, missing, _all_tags(said.tags))


def next_checks(result: Result) -> Markup:
    """Addresses where a person can check the answer; nothing is loaded from them."""
    assert result.best is not None
    lat, lon = f"{result.best.lat_deg:.5g}", f"{result.best.lon_deg:.6g}"
    zoom = map_zoom(result.outlook.area_50_km2)
    date = re.match(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d))?", result.file_claims.recorded_at or "")
    day = f"/{'.'.join(date.group(1, 2, 3))}/{date.group(4) or '12:00'}/1/3" if date else ""
    links = (
        ("OpenStreetMap", "names, roads, shores", f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map={zoom}/{lat}/{lon}"),
        ("Satellite view", "land use, water, buildings", f"https://www.google.com/maps/@?api=1&map_action=map&center={lat},{lon}&zoom={zoom}&basemap=satellite"),
        ("SunCalc", "where the sun stood" + (" at the claimed date" if day else ""), f"https://www.suncalc.org/#/{lat},{lon},{zoom}{day}"),
    )  # fmt: skip
    rows = [
        element("li", element("a", name, href=url, rel="noreferrer"), element("span", what), element("code", url))
        for name, what, url in links
    ]
    return element("ul", *rows, class_="checks")


def degrees(point: GeoPoint, digits: int = 2) -> str:
    """A place as people write it.

    Example:
        >>> degrees(GeoPoint(40.2713, -79.33))
        '40.27° N, 79.33° W'
    """
    north, east = "N" if point.lat_deg >= 0 else "S", "E" if point.lon_deg >= 0 else "W"
    return f"{abs(point.lat_deg):.{digits}f}° {north}, {abs(point.lon_deg):.{digits}f}° {east}"


def map_zoom(area_km2: float) -> int:
    """Zoom level of web maps at which an area fills the window."""
    side_km = 3.0 * math.sqrt(max(area_km2, 1.0) / math.pi)
    return int(min(15, max(3, round(math.log2(40_000 / side_km)))))


def _facts(result: Result) -> Iterator[Markup]:
    assert result.best is not None
    outlook = result.outlook
    yield _fact("Best point", degrees(result.best), f"{result.best} · {POINT_METHOD}")
    if outlook.place:
        yield _fact(
            "Which lies in",
            outlook.place.short.split(" (")[0],
            f"{outlook.place.town_km:.0f} km from {outlook.place.town}"
            if names_towns(result) and outlook.place.town
            else "rounded: nothing finer is told",
        )
    for chance, area_km2 in (("50 %", outlook.area_50_km2), ("90 %", outlook.area_90_km2)):
        radius_km = math.sqrt(area_km2 / math.pi)
        yield _fact(f"{chance} region", area_text(area_km2), f"as large as a disk of {_round(radius_km)} km radius")


def _town_name(point: GeoPoint) -> tuple[str, str]:
    """The nearest town and the country it lies in, which need not be the one of the point."""
    place = gazetteer().name(point)
    names, units, _ = gazetteer().towns
    same = [k for k, name in enumerate(names) if name == place.town]
    nearest = same[int(np.argmin(great_circle_km(units[same], point.unit)))]
    near = "near" if place.is_near else f"{place.town_km:.0f} km from"
    return f"{near} {place.town}", gazetteer().name(GeoPoint.from_unit(units[nearest])).country


def _area_name(point: GeoPoint) -> tuple[str, str]:
    """Region and country, or the sea."""
    place = gazetteer().name(point)
    return place.region or place.country or "open sea", place.country if place.region else ""


def _no_facts(result: Result) -> Iterator[Markup]:
    count = len(result.evidence)
    found = f"{count} finding{'' if count == 1 else 's'}" if count else "nothing"
    yield _fact("Found in the clip", found, "none of it tells of a place" if count else "that could be named")
    yield _fact("Best point", "none given", "it would say where people record, not where this clip was recorded")


def _fact(name: str, value: str, note: str) -> Markup:
    return element("div", element("dt", name), element("dd", value, class_="value"), element("dd", note, class_="note"))


def _with_quiet_chances(sentence: str) -> Markup:
    """A headline with its percentages and its second half set back."""
    main, _, second = sentence.rstrip(".").partition("; ")
    return join(
        _quiet(main), " " if second else None, element("span", _quiet(second), class_="second") if second else None
    )


def _quiet(words: str) -> Markup:
    parts = re.split(r"(\([^()]*%\))", words)
    return join(*(element("span", p, class_="quiet") if p.endswith("%)") else p for p in parts))


def _likely(chances: tuple[Chance, ...]) -> tuple[Chance, ...]:
    """The first few, and of those under 1 % only the very first."""
    return chances[:1] + tuple(chance for chance in chances[1:CHANCES_SHOWN] if chance.probability >= 0.01)


def _chance_list(rows: Sequence[Chance]) -> Markup:
    items = []
    for row in rows:
        name = element("span", row.name, element("small", row.part_of) if row.part_of else None, class_="name")
        items.append(element("li", name, element("b", percent(row.probability)), bar(row.probability)))
    return element("ul", *items, class_="chances")


def _signs(result: Result) -> Iterator[Markup]:
    if result.best:
        yield element("li", element("i", class_="line r50"), "50 % region")
        yield element("li", element("i", class_="line r90"), "90 % region")
        yield element("li", _icon(best_symbol(), "best", 18), "best point")
        yield element("li", _icon(candidate_symbol(1), "candidate"), "candidate")
    if result.file_claims.place:
        yield element("li", _icon(claim_symbol(), "claim"), "the file’s claim, not used")


def _icon(symbol: Markup, class_: str, half: int = 12) -> Markup:
    group = element("g", symbol, class_=class_)
    box = f"{-half} {-half} {2 * half} {2 * half}"
    return element("svg", group, viewBox=box, class_="icon", aria_hidden="true")


def _claimed_place(place: GeoPoint | None) -> str | None:
    return f"{degrees(place)} ({place})" if place else None


def _place_check(result: Result) -> str | None:
    claimed = result.file_claims.place
    if claimed is None or result.best is None:
        return None if claimed is None else "there is no answer to compare it with"
    away = f"{_round(claimed.distance_km(result.best))} km from the best point"
    held = result.density.credibility(claimed)
    return f"{away}; {'inside' if held <= 0.9 else 'outside'} the 90 % region"


def _date_check(result: Result) -> str | None:
    if not result.file_claims.recorded_at:
        return None
    week = result.settings.get("week")
    return f"the answer was asked for week {week} of 48" if week else "the answer assumes no date"


def _all_tags(tags: Mapping[str, str]) -> Markup | None:
    if not tags:
        return None
    rows = [
        join(element("dt", element("bdi", key)), element("dd", element("bdi", value))) for key, value in tags.items()
    ]
    return element(
        "details", element("summary", f"All tags of the file ({len(rows)})"), element("dl", *rows, class_="rows")
    )


def _round(distance_km: float) -> str:
    """Two significant digits."""
    scale = 10 ** max(0, len(str(int(distance_km))) - 2)
    return f"{round(distance_km / scale) * scale:,.0f}" if distance_km >= 10 else f"{distance_km:.1f}"


def _small_percent(probability: float) -> str:
    """Two significant digits, without an exponent."""
    share = 100.0 * probability
    return f"{share:.{max(0, 1 - math.floor(math.log10(share)))}f} %" if share > 0 else "0 %"
