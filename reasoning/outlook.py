"""The answer in names: which continent, country and region, with what probability, and how far one may go.

This is what a trace is written from. Prediction makes it from a density; the cold start of a language model makes
it from a known place.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint

Scale = Literal["town", "region", "country", "continent", "earth"]
"""The finest scale at which one name holds at least half of the probability; "earth": cannot say."""

SAYABLE = 0.5
"""A name must hold this much probability to be said."""

PERHAPS = 0.2
"""A finer name is added with "perhaps" from this probability on."""

AT_SEA = "at sea"
"""What stands where a continent would."""

TOWN_AREA_KM2 = 2_000.0
"""A town is named as the answer where the 50 % region is no larger than this (a disk of 25 km radius)."""


@dataclass(frozen=True)
class Chance:
    """One name and how likely it is."""

    name: str
    """Continent, country or region."""
    probability: float
    """Chance in [0, 1] that the clip was recorded there."""
    part_of: str = ""
    """The country of a region, the continent of a country."""


@dataclass(frozen=True)
class Outlook:
    """What can be said about the place of a clip, in names."""

    point: GeoPoint | None
    """The one best point (geometric median), or None: "cannot say"."""
    place: PlaceName | None
    """What that point is called."""
    continents: tuple[Chance, ...]
    """Most likely first."""
    countries: tuple[Chance, ...]
    """Most likely first."""
    regions: tuple[Chance, ...]
    """First-level regions, most likely first."""
    sea: float
    """Chance in [0, 1] that the clip was recorded at sea; in cells with a coast, 144 km wide, it counts as on land."""
    area_50_km2: float
    """Area of the smallest region that holds half of the probability, in square kilometres."""
    area_90_km2: float
    """The same for nine tenths."""
    within: str = ""
    """What alone was searched, if not the whole Earth."""
    within_probability: float = 1.0
    """Chance in [0, 1] that it would have had if everything had been searched."""

    @property
    def scale(self) -> Scale:
        """How far one may go."""
        if self.point is None:
            return "earth"
        named: tuple[tuple[Scale, tuple[Chance, ...]], ...] = (
            ("region", self.regions),
            ("country", self.countries),
            ("continent", self.continents),
        )
        for scale, chances in named:
            if chances and chances[0].probability >= SAYABLE:
                return "town" if scale == "region" and self.area_50_km2 <= TOWN_AREA_KM2 else scale
        return "earth"

    @property
    def said(self) -> Chance | None:
        """The finest name that holds at least half of the probability."""
        chances = {"town": self.regions, "region": self.regions, "country": self.countries}
        chosen = chances.get(self.scale, self.continents)
        return chosen[0] if self.scale != "earth" else None

    @property
    def at_sea(self) -> Chance:
        """The sea as one more name."""
        return Chance(AT_SEA, self.sea)

    @property
    def headline(self) -> str:
        """The answer in one sentence."""
        if self.point is None:
            return "Cannot say: nothing here points to a place."
        return f"Within {self.within}: {self._sentence}" if self.within else self._sentence

    @property
    def _sentence(self) -> str:
        if self.said is None:
            named = sorted((*self.continents, self.at_sea), key=lambda c: -c.probability)
            likeliest = ", ".join(f"{c.name} {percent(c.probability)}" for c in named[:3] if c.probability > 0)
            return f"Cannot narrow it down to one continent ({likeliest})."
        name = self.said.name + (f", {self.said.part_of}" if self.scale in ("town", "region") else "")
        finer = {"country": self.regions, "continent": self.countries}.get(self.scale)
        tail = ""
        if finer and finer[0].probability >= PERHAPS:
            tail = f"; perhaps {finer[0].name} ({percent(finer[0].probability)})"
        if self.said.name == self.within:
            return f"{tail[2:]}." if tail else "no part of it stands out."
        near = f" near {self.place.town}" if self.scale == "town" and self.place and self.place.is_near else ""
        return f"{name}{near} ({percent(self.said.probability)}){tail}."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        record = asdict(self)
        record["point"] = [self.point.lat_deg, self.point.lon_deg] if self.point else None
        record["place"] = self.place.to_json() if self.place else None
        return {**record, "scale": self.scale, "headline": self.headline}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Outlook:
        """What `to_json` wrote."""
        values = {key: value for key, value in record.items() if key not in ("scale", "headline")}
        for key in ("continents", "countries", "regions"):
            values[key] = tuple(Chance(**chance) for chance in record[key])
        values["point"] = GeoPoint(*record["point"]) if record["point"] else None
        values["place"] = PlaceName(**record["place"]) if record["place"] else None
        return cls(**values)


def percent(probability: float) -> str:
    """A probability as people read it; never a false 0 or 100 %."""
    if probability > 0.99:
        return "over 99 %"
    return f"{100 * probability:.0f} %" if probability >= 0.01 else "under 1 %"
