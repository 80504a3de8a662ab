"""Say less than is known: an answer rounded to a grid, for results that others will see.

The density is spread evenly over S2 cells that are on average at least as wide as asked, the best point is moved to
the centre of its cell, all else is worked out anew from that, and whatever would give the fine place away is dropped:
the nearest town, the file's folder, coordinates and tags, the file of a region that was searched, where each finding
points, what was written in the scene and what it looks like, and the clip's sound and frames.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lookhear.data import cells
from lookhear.data.geo import GeoPoint
from lookhear.data.outline import GIVEN
from lookhear.data.provenance import FileClaims
from lookhear.prediction.density import CellDensity
from lookhear.prediction.locator import look_out
from lookhear.prediction.result import Result
from lookhear.reasoning.rules import write_trace


def coarsen(result: Result, width_km: float) -> Result:
    """The same result with no place finer than a cell that is on average at least this wide, in kilometres.

    Raises:
        ValueError: the width is not positive, or wider than a sixth of the Earth.
    """
    level = level_of_width(width_km)
    density = coarse_density(result.density, level)
    outlook = replace(
        look_out(density, points=result.best is not None),
        within=result.outlook.within,
        within_probability=result.outlook.within_probability,
    )
    if outlook.point is not None and outlook.place is not None:
        place = replace(outlook.place, town="", town_km=0.0)
        outlook = replace(outlook, point=_snapped(outlook.point, level), place=place)
    kept = [one for one in result.evidence if one.kind != "text"]
    told = [replace(one, where=None) for one in kept] if "head" in result.settings else kept
    return replace(
        result,
        clip=replace(result.clip, path=Path(result.clip.path.name)),
        density=density,
        outlook=outlook,
        trace=write_trace(told, outlook),
        evidence=tuple(replace(one, where=None) for one in kept),
        frames=(),
        features=None,
        signs=(),
        file_claims=FileClaims(recorded_at=result.file_claims.recorded_at),
        notes=(*result.notes, f"Every place here is rounded to cells of about {cells.mean_width_km(level):.0f} km."),
        settings={**result.settings, **_hidden(outlook.within), "coarsen_km": width_km},
    )


def _hidden(region: str) -> dict[str, str]:
    """A country that was searched may be said; of a file neither name nor digest."""
    return {"region": GIVEN} if region == GIVEN else {}


def level_of_width(width_km: float) -> int:
    """The finest S2 level whose cells are at least this wide on average."""
    if not 0 < width_km <= cells.mean_width_km(0):
        raise ValueError(f"--coarsen-km must lie between 0 and {cells.mean_width_km(0):.0f}, but it is {width_km}.")
    return max(level for level in range(cells.MAX_LEVEL + 1) if cells.mean_width_km(level) >= width_km)


def coarse_density(density: CellDensity, level: int) -> CellDensity:
    """The density with the mass of every finer cell spread evenly over its ancestor."""
    fine = cells.levels(density.ids) > level
    ids, place = np.unique(cells.parents(density.ids[fine], level), return_inverse=True)
    mass = np.concatenate([density.mass[~fine], np.bincount(place, weights=density.mass[fine], minlength=len(ids))])
    ids = np.concatenate([density.ids[~fine], ids])
    order = np.argsort(ids)
    with np.errstate(divide="ignore"):
        return CellDensity.of(ids[order], np.log(mass[order] / cells.areas_sr(ids[order])))


def _snapped(point: GeoPoint, level: int) -> GeoPoint:
    return GeoPoint.from_unit(cells.centers(cells.cell_ids(point.unit[None], level))[0]).rounded(4)
