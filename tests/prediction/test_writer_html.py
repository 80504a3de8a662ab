from __future__ import annotations

from pathlib import Path

import numpy as np

from lookhear.data import cells
from lookhear.data.clip import Clip
from lookhear.data.gazetteer import PlaceName, gazetteer
from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint
from lookhear.data.provenance import FileClaims
from lookhear.perception.evidence import CellLikelihood, Evidence, Moment
from lookhear.prediction.density import CellDensity
from lookhear.prediction.result import Result
from lookhear.reasoning.outlook import Chance, Outlook
from lookhear.reasoning.trace import Claim, Trace

PENNSYLVANIA = GeoPoint(40.2, -79.3)
FIJI = GeoPoint(-17.4, 179.9)
POLE = GeoPoint(89.2, 20.0)
EVIL = "<script>alert(1)</script>\"'><img src=https://x.test/p.png onerror=alert(2)>&{}\0\u202e\udcff"


def bump(center: GeoPoint, spread_km: float, level: int = 6) -> CellDensity:
    """A round hill of probability with a faint floor."""
    ids = cells.all_cells(level)
    cosine = cells.centers(ids) @ center.unit
    hill = (cosine - 1.0) * (EARTH_RADIUS_KM / spread_km) ** 2
    return CellDensity.of(ids, np.logaddexp(hill, -14.0))


def prior() -> CellDensity:
    """Land, level 6, with a little for the sea."""
    ids = cells.all_cells(6)
    on_land = np.isin(ids, gazetteer().land[0])
    return CellDensity.of(ids, np.where(on_land, 0.0, -5.0))


def bird(number: int, center: GeoPoint, words: str = "Wood Thrush") -> Evidence:
    ids = cells.all_cells(6)
    near = cells.centers(ids) @ center.unit
    where = CellLikelihood.of(ids, 4.0 * np.exp((near - 1.0) * 60.0) - 0.7, -0.7)
    moments = (Moment(1.5 * number, 1.5 * number + 3.0, 0.66), Moment(8.0, 9.5, 0.3))
    return Evidence(f"e{number}", "species", words, "Hylocichla mustelina", moments, 0.64, "BirdNET V2.4", where)


def dog(number: int) -> Evidence:
    return Evidence(f"e{number}", "sound", "dog barking", "Dog", (Moment(4.0, 5.5, 0.8),), 0.8, "BirdNET V2.4")


def outlook(center: GeoPoint | None, density: CellDensity, words: str = "Pennsylvania") -> Outlook:
    return Outlook(
        point=center,
        place=PlaceName("North America", "United States", words, "Latrobe", 12.3) if center else None,
        continents=(Chance("North America", 0.97), Chance("Europe", 0.02)),
        countries=(Chance("United States", 0.86, "North America"), Chance("Canada", 0.11, "North America")),
        regions=(Chance(words, 0.34, "United States"), Chance("Ohio", 0.2, "United States")),
        sea=0.012,
        area_50_km2=density.region(0.5).area_km2,
        area_90_km2=density.region(0.9).area_km2,
    )


def world(
    center: GeoPoint | None = PENNSYLVANIA, path: Path = Path("gone/dawn.ogg"), spread_km: float = 260.0
) -> Result:
    """A small world: a result around a place, or one that cannot say."""
    density = bump(center, spread_km) if center else prior()
    evidence = (bird(1, center), bird(2, center, "Eastern Towhee"), dog(3)) if center else (dog(1),)
    cites = tuple(one.id for one in evidence[:2])
    claims = [Claim("heard", "Found Wood Thrush (0:01–0:09, 64 %).", cites)] if center else []
    claims += [Claim("continent", "Continent: North America (97 %).", cites, "North America", 0.97)] if center else []
    claims += [Claim("limit", "Nothing finer is known.")]
    return Result(
        clip=Clip(path, "sound", "ab" * 32, "ogg", 10.0, True, sample_rate_hz=48_000, channels=1),
        file_claims=FileClaims("2024-05-12T06:30:00", GeoPoint(41.5, -76.0), "Zoom", "H2n", "Lavf", {"artist": "A"}),
        sound=None,
        evidence=evidence,
        density=density,
        outlook=outlook(center, density),
        trace=Trace(tuple(claims), center, "rules"),
        notes=("No date was given, so every season counts.",),
        settings={"week": None, "prior": "recordings"},
        run={"lookhear": "0.1.0", "models": {"birdnet": "CC BY-NC-SA 4.0"}, "time": {"seconds": 1.2}},
    )
