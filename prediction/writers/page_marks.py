"""What is marked on both maps: the best point, the numbered candidates, and the place the file claims.

In: a result and a projection. Out: SVG groups. Marks keep their size on screen when the map is zoomed: the style
sheet scales everything of class `fixed` by the width of a pixel in map units. Also here: whether towns may be named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from lookhear.data.geo import GeoPoint
from lookhear.prediction.density import Candidate
from lookhear.prediction.result import Result
from lookhear.prediction.writers.page_markup import Markup, element, join
from lookhear.reasoning.outlook import percent


@runtime_checkable
class Plane(Protocol):
    """A projection."""

    def place(self, point: GeoPoint) -> tuple[float, float]:
        """Map units of one place."""


def marks(result: Result, plane: Plane, places: Sequence[Candidate] = ()) -> Markup:
    """The claimed place, the candidates and the best point, the most important on top."""
    claimed = result.file_claims.place
    found = [_claim(plane.place(claimed))] if claimed else []
    for number, candidate in reversed(list(enumerate(places, start=1))):
        title = f"Candidate {number}: {percent(candidate.probability)} within {candidate.radius_km:.0f} km"
        found.append(_candidate(plane.place(candidate.point), number, title))
    if result.best:
        found.append(_best(plane.place(result.best)))
    return element("g", *found, class_="marks")


def names_towns(result: Result) -> bool:
    """Whether towns may be named: not in a result that was rounded to hide its fine place."""
    return result.settings.get("coarsen_km") is None


def fixed(at: tuple[float, float], *children: object, class_: str) -> Markup:
    """A group at a place of the map whose own units are pixels on screen."""
    inner = element("g", *children, class_="fixed")
    return element("g", inner, class_=class_, transform=f"translate({at[0]:g} {at[1]:g})")


def best_symbol() -> Markup:
    """A ring with four ticks: it leaves free what lies under it."""
    ticks = "M0-17V-9M0 17V9M-17 0H-9M17 0H9"
    return join(
        element("path", class_="halo", d=ticks),
        element("circle", class_="halo", r=13),
        element("path", class_="ring", d=ticks),
        element("circle", class_="ring", r=13),
    )


def candidate_symbol(number: int) -> Markup:
    """A numbered disk."""
    return join(element("circle", r=8), element("text", number, y=3.6))


def claim_symbol() -> Markup:
    """A diamond."""
    return element("path", d="M0-9 9 0 0 9-9 0z")


def _best(at: tuple[float, float]) -> Markup:
    return fixed(at, element("title", "Best point"), best_symbol(), class_="best")


def _candidate(at: tuple[float, float], number: int, title: str) -> Markup:
    return fixed(at, element("title", title), candidate_symbol(number), class_="candidate")


def _claim(at: tuple[float, float]) -> Markup:
    return fixed(at, element("title", "Place the file claims (not used)"), claim_symbol(), class_="claim")
