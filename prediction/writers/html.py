"""The page people look at: one file with maps, reasons, sound and pictures, which never asks for the network.

In: a result (and the clip's file, if it is still there). Out: HTML. Everything shown is text made safe by
`page_markup`; scripts and styles run only by their digest (Content-Security-Policy), so nothing that was written
into a clip's tags can run or load anything. The same result gives the same bytes.

A page tells: the answer, the maps, why, what was found and when, frames, signs, all findings, chances, the file's
claims, next checks, limits, settings. It does not know streets or buildings: its maps end at Natural Earth's outlines.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from string import Template

from lookhear.data.preview import Preview
from lookhear.prediction.result import Result
from lookhear.prediction.writers import page_answer, page_frames, page_marks, page_media, page_reasons
from lookhear.prediction.writers.page_cells import HELD, HELD_BEFORE, heat_of
from lookhear.prediction.writers.page_markup import Markup, element, join, text
from lookhear.prediction.writers.page_world import world_map
from lookhear.prediction.writers.page_zoom import Neighbourhood, zoom_map

EXTENSION = "html"


def write(result: Result) -> bytes:
    """The whole page."""
    preview, missing = page_media.preview_of(result, frames=not page_frames.own_frames(result))
    sections = (
        page_answer.headline(result),
        _maps(result),
        _section("why", "Why", page_reasons.trace(result)),
        _section("sound", "What was found, and when", _sound(result, preview, missing)),
        _section("frames", "What is seen", page_frames.seen(result, preview)),
        _section("findings", "All findings", page_reasons.evidence_table(result)) if result.evidence else None,
        _section("chances", "How likely", page_answer.chances(result)) if result.best else None,
        _section("claims", "What the file says of itself", page_answer.claims(result), "shown, not used"),
        _section("checks", "Check it yourself", page_answer.next_checks(result)) if result.best else None,
        _section("limits", "What to keep in mind", _limits(result)),
    )
    page = Template(_asset("page.html")).substitute(
        policy=_policy(),
        title=text(f"{result.clip.path.name} – Lookhear"),
        style=_asset("page.css"),
        script=_asset("page.js"),
        clip=page_answer.clip_line(result.clip),
        main=join(*sections),
    )
    return page.encode("utf-8")


def _maps(result: Result) -> Markup:
    """The neighbourhood large, the world beside it; or the world alone, with what was thought before listening."""
    heat = heat_of(result.density, HELD if result.best else HELD_BEFORE)
    if result.best is None:
        prior = f" (prior: {result.settings['prior']})" if "prior" in result.settings else ""
        words = f"Faint: what was assumed before listening{prior}. Nothing in this clip changes it, so no point is set."
        world = element("figure", world_map(result, heat), element("figcaption", words))
        return element("section", world, page_answer.legend(heat, result), class_="maps before", aria_label="Map")
    around, places = Neighbourhood.of(result), result.top(5)
    pane = element(
        "div",
        zoom_map(result, heat, around, places),
        _controls(),
        class_="pane",
        tabindex="0",
        role="group",
        aria_label="Map around the best point: arrow keys move it, plus and minus zoom, 0 resets",
    )
    hint = "Drag to move, on a phone with two fingers. Zoom with + and −, a pinch, or Ctrl and the wheel."
    zoom = element("figure", pane, element("figcaption", hint, class_="hint"), class_="near")
    world = element("figure", world_map(result, heat), class_="far")
    side = element("div", world, page_answer.candidates(places, page_marks.names_towns(result)), class_="side")
    return element("section", zoom, side, page_answer.legend(heat, result), class_="maps", aria_label="Maps")


def _controls() -> Markup:
    """Buttons and a scale; the script shows them, as they do nothing without it."""
    buttons = [
        element("button", sign, type="button", data_do=do, aria_label=name)
        for sign, do, name in (("+", "in", "Zoom in"), ("−", "out", "Zoom out"), ("⟲", "reset", "Show all"))
    ]
    return join(
        element("div", *buttons, class_="buttons", hidden=True),
        element("div", element("i"), element("span"), class_="scale-bar", hidden=True, aria_hidden="true"),
    )


def _sound(result: Result, preview: Preview, missing: str | None) -> Markup | None:
    gone = element("p", f"There is nothing to play: {missing}", class_="none") if missing else None
    found = page_media.sound_section(result, preview)
    return join(gone, found) if gone or found else None


def _limits(result: Result) -> Markup:
    use = (
        "A probability is no proof: check before you act on it. Use this to verify and to understand public "
        "recordings. Do not use it to find, follow or expose a private person."
    )
    return join(page_reasons.notes(result), element("p", use, class_="use"), page_reasons.settings(result))


def _section(id_: str, title: str, content: Markup | None, aside: str | None = None) -> Markup | None:
    if content is None:
        return None
    heading = element("h2", title, element("small", aside) if aside else None, id=f"{id_}-title")
    return element("section", heading, content, id=id_, aria_labelledby=f"{id_}-title")


@cache
def _asset(name: str) -> Markup:
    """A file of the page's own, trusted."""
    return Markup(resources.files("lookhear.prediction.writers").joinpath("page", name).read_text(encoding="utf-8"))


@cache
def _policy() -> Markup:
    """Nothing may be loaded; only the page's own style and script, told by digest, count."""
    style, script = (
        base64.b64encode(hashlib.sha256(_asset(name).encode()).digest()).decode() for name in ("page.css", "page.js")
    )
    return Markup(
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )
