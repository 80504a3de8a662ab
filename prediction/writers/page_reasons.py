"""Why: the trace from coarse to fine, the table of findings, notes, and the settings of the run.

In: a result. Out: HTML. Each claim links to the findings it cites, on the time line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lookhear.perception.evidence import Evidence
from lookhear.prediction.result import Result
from lookhear.prediction.writers.page_answer import bar
from lookhear.prediction.writers.page_markup import Markup, element, join
from lookhear.prediction.writers.page_world import middle_deg, thumbnail
from lookhear.reasoning.outlook import percent
from lookhear.reasoning.rules import clock
from lookhear.reasoning.trace import Claim

STEP_NAMES = {
    "heard": "Found",
    "continent": "Continent",
    "country": "Country",
    "region": "Region",
    "town": "Near",
    "against": "Against",
    "limit": "Limit",
}
"""What a claim is about, as people read it."""

MOMENTS_LISTED = 8
"""Moments of one finding named in the table; the rest are counted."""

THUMBNAILS = 12
"""Findings that get a small map."""

VALUE_CHARS = 400
"""Longer settings (the outline of a region) are cut."""


def trace(result: Result) -> Markup:
    """The claims in order."""
    known = {one.id: one for one in result.evidence}
    author = "by rule, not by a language model" if result.trace.made_by == "rules" else f"by {result.trace.made_by}"
    cited = " Claims cite the findings they rest on." if known else ""
    note = element("p", f"Written {author}.{cited}", class_="note")
    return join(element("ol", *(_claim(claim, known) for claim in result.trace.claims), class_="trace"), note)


def evidence_table(result: Result) -> Markup:
    """All findings."""
    names = ("", "Finding", "When", "Confidence", "Score", "Detector", "Where it points")
    head = element("tr", *(element("th", name, scope="col") for name in names))
    middle = middle_deg(result.best)
    rows = [_finding(one, middle, k < THUMBNAILS) for k, one in enumerate(result.evidence)]
    return element("table", element("thead", head), element("tbody", *rows), class_="evidence")


def notes(result: Result) -> Markup | None:
    """What a reader must know."""
    return element("ul", *(element("li", note) for note in result.notes), class_="notes") if result.notes else None


def settings(result: Result) -> Markup:
    """Everything needed to do it again."""
    clip = {"sha256": result.clip.sha256, "format": result.clip.format, "path": str(result.clip.path)}
    groups = (("Settings", result.settings), ("Run", result.run), ("Clip", clip))
    shown = [join(element("h3", name), element("dl", *_rows(values), class_="rows")) for name, values in groups]
    return element("details", element("summary", "Settings, versions and digest"), *shown)


def moment_link(start_s: float, words: object, **attributes: Any) -> Markup:
    """A link that plays from a moment."""
    return element("a", words, href="#sound", data_t=f"{start_s:g}", **attributes)


def _claim(claim: Claim, known: Mapping[str, Evidence]) -> Markup:
    chips = [_chip(known[cited]) if cited in known else element("span", cited, class_="chip") for cited in claim.cites]
    chance = join(bar(claim.probability), element("b", percent(claim.probability))) if claim.probability else None
    step = STEP_NAMES.get(claim.step, claim.step)
    cites = element("p", *chips, class_="cites") if chips else None
    return element(
        "li",
        element("span", step, class_="step"),
        element("div", element("p", claim.text.removeprefix(f"{step}: ")), cites),
        element("div", chance, class_="chance"),
    )


def _chip(one: Evidence) -> Markup:
    timed = bool(one.moments) and one.end_s > 0  # a still picture has no time
    when = clock(one.start_s) if timed else ""
    first = one.moments[0].start_s if timed else None
    words = (element("b", one.id), " ", one.label, " ", element("span", when))
    return element("a", *words, href=f"#lane-{one.id}", data_t=None if first is None else f"{first:g}", class_="chip")


def _finding(one: Evidence, middle: float, mapped: bool) -> Markup:
    name = (
        element("i" if one.kind == "species" else "span", one.name, class_="exact") if one.name != one.label else None
    )
    where = "no place" if one.where is None else thumbnail(one.where, middle) if mapped else "a range"
    cells = (
        ("", element("b", one.id), "id"),
        ("Finding", join(element("span", one.label, class_="label"), name), "what"),
        ("When", _when(one), None),
        ("Confidence", join(bar(one.confidence), element("span", percent(one.confidence))), "sure"),
        ("Score", f"{one.score:.2f}" if one.moments else "–", "number"),
        ("Detector", one.detector, "detector"),
        ("Where it points", element("span", where, class_="none") if one.where is None else where, "points-to"),
    )
    data = [element("td", value, data_name=name or None, class_=class_) for name, value, class_ in cells]
    return element("tr", *data)


def _when(one: Evidence) -> Markup:
    if one.moments and one.end_s == 0:
        return element("span", "–")
    links = [
        moment_link(m.start_s, f"{clock(m.start_s)}–{clock(m.end_s)}", title=f"score {m.score:.2f}")
        for m in one.moments[:MOMENTS_LISTED]
    ]
    more = len(one.moments) - MOMENTS_LISTED
    return join(*_spaced(links), f" and {more} more" if more > 0 else None)


def _spaced(parts: list[Markup]) -> Iterator[object]:
    for k, part in enumerate(parts):
        yield ", " if k else None
        yield part


def _rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[Markup]:
    """Names and values, nested ones with their path."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{key} · ")
            continue
        shown = "–" if value is None else str(value)
        shown = shown if len(shown) <= VALUE_CHARS else f"{shown[:VALUE_CHARS]}… ({len(shown):,} characters)"
        yield join(element("dt", f"{prefix}{key}"), element("dd", element("bdi", shown)))
