"""Results made up around any place, for the tests of what is written from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookhear.data import cells
from lookhear.data.clip import Clip, SoundQuality
from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint
from lookhear.data.provenance import FileClaims
from lookhear.perception.evidence import CellLikelihood, Evidence, Moment
from lookhear.prediction.density import CellDensity
from lookhear.prediction.result import Result
from lookhear.reasoning.outlook import Chance, Outlook
from lookhear.reasoning.trace import Claim, Trace

PENNSYLVANIA = GeoPoint(40.16, -79.27)

MakeResult = Callable[..., Result]


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    """`make_result(center, spread_km=…, level=…, say=…, text=…)`: a result around a place.

    `say=False` is "cannot say"; `text` stands for every name that comes from outside (file, labels, tags, settings).
    """
    return _make_result


@pytest.fixture(scope="session")
def result() -> Result:
    """Two birds and a dog, somewhere in Pennsylvania."""
    return _make_result(PENNSYLVANIA)


def _make_result(
    center: GeoPoint, spread_km: float = 300.0, level: int = 5, say: bool = True, text: str = "Wood Thrush"
) -> Result:
    density = _density(center, spread_km, level)
    outlook = _outlook(density, say)
    return Result(
        clip=_clip(text),
        file_claims=FileClaims("2024-05-12T05:41:00+02:00", GeoPoint(-17.7, 178.1), tags={"comment": text}),
        sound=SoundQuality(samples=480_000, duration_s=10.0, peak=0.5, rms=0.1),
        evidence=_evidence(center, text) if say else (),
        density=density,
        outlook=outlook,
        trace=_trace(outlook, text),
        notes=("No date was given, so every season counts.", text),
        settings={"week": None, "prior": "recordings", "region": text, "date": "2024-05-12", "fine": True},
        run={"lookhear": "0.1.0", "time": {"finished": "2026-11-21T07:00:00+00:00", "seconds": 1.5}},
    )


@cache
def _density(center: GeoPoint, spread_km: float, level: int) -> CellDensity:
    """A bell around the centre on cells of one level (and coarser ones where it is flat), over a low floor."""
    ids = cells.all_cells(level)
    distance = np.arccos(np.clip(cells.centers(ids) @ center.unit, -1.0, 1.0)) * EARTH_RADIUS_KM / spread_km
    return CellDensity.of(ids, np.log(np.exp(-0.5 * distance**2) + 1e-6))


def _outlook(density: CellDensity, say: bool) -> Outlook:
    point = density.median.rounded(4) if say else None
    return Outlook(
        point=point,
        place=PlaceName("North America", "United States", "Pennsylvania", "Ligonier", 12.0) if say else None,
        continents=(Chance("North America", 0.97), Chance("Europe", 0.01)),
        countries=(Chance("United States", 0.9, "North America"), Chance("Canada", 0.07, "North America")),
        regions=(Chance("Pennsylvania", 0.62, "United States"), Chance("Ohio", 0.2, "United States")),
        sea=0.02,
        area_50_km2=round(density.region(0.5).area_km2),
        area_90_km2=round(density.region(0.9).area_km2),
    )


def _evidence(center: GeoPoint, text: str) -> tuple[Evidence, ...]:
    ids = cells.cell_ids(center.unit[None], 6)
    where = CellLikelihood.of(ids, np.array([3.25]), elsewhere=-0.7)
    name: dict[str, Any] = {"detector": "BirdNET 2.4", "confidence": 0.75}
    moments = (Moment(0.0, 3.0, 0.66), Moment(4.5, 7.5, 0.31))
    return (
        Evidence("e1", "species", text, "Hylocichla mustelina", moments, where=where, **name),
        Evidence("e2", "species", "Eastern Towhee", "Pipilo erythrophthalmus", (Moment(1.5, 6.0, 0.3),), **name),
        Evidence("e3", "sound", "dog", "Dog", (Moment(6.0, 9.0, 0.5),), **name),
    )


def _clip(text: str) -> Clip:
    name = text.replace("/", "_") + ".ogg"
    return Clip(Path("clips") / name, "sound", "ab" * 32, "ogg", 10.0, True, sample_rate_hz=48_000, channels=1)


def _trace(outlook: Outlook, text: str) -> Trace:
    claims = (
        Claim("heard", f"{text} sings at 0–3 s.", ("e1",)),
        Claim("continent", "This is North America.", ("e1", "e2"), "North America", 0.97),
        Claim("limit", "Nothing tells the town."),
    )
    return Trace(claims, outlook.point, "rules")
