"""Clues in, where on Earth they point out: a likelihood over S2 cells.

With m(x) the share of recordings made in cell x (land, people and geotagged photographs) and ε a clue's error rate:

- a clue by country with likelihood l(c):   ratio(x) = (1 − ε) · Σ_c share_c(x) l(c) / mean_m + ε
- a name of places i with weights w_i:      ratio(x) = (1 − ε) · Σ_i w_i (A [x near i]/m(near i) + (1 − A) [x in i's
  country]/m(country)) + ε, with A = `AT_HOME`; a region or a country is its own "near".

So ε is the probability that is left where the clue says nothing. The weights grow with the square root of the people
of a place: a sign may be in any of fifty Springfields. Signs at sea are not expected: there only ε is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float, Int, UInt64
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.gazetteer import LEVEL, gazetteer, table
from lookhear.data.geo import great_circle_km
from lookhear.perception.evidence import CellLikelihood
from lookhear.perception.writing.clues import Clue
from lookhear.perception.writing.place_names import Place
from lookhear.perception.writing.territories import countries

FINE = 9
"""Level of the cells near a town (18 km wide)."""

NEAR_KM = 20.0
"""Signs that name a town stand up to so far outside its disk."""

AT_HOME = 0.8
"""Of the signs that name a place of their own country, so many stand near it: assumed."""

RECORDED = (0.2, 0.2, 0.6)
"""Shares of land, people (square root) and geotagged photographs in where recordings are made."""

WORLD_PEOPLE = 8e9

LEAST_MASS = 1e-7
"""Share of recordings that is taken for a place where none are known, so that it is not infinitely likely."""


def where(clues: Sequence[Clue]) -> CellLikelihood | None:
    """Where clues of one sign point together; None without any."""
    parts = [_one(clue) for clue in clues]
    if not parts:
        return None
    ids = land()
    fine = np.concatenate([part.finer(ids) for part in parts])
    ids = _cut(ids, np.unique(cells.parents(fine, LEVEL)))
    log_ratio = sum((part.at(ids) for part in parts), np.zeros(len(ids)))
    return CellLikelihood.of(ids, log_ratio, sum(part.elsewhere for part in parts))


def _one(clue: Clue) -> CellLikelihood:
    ids, ratio = _named(clue.places) if clue.by_country is None else (land(), _by_country(clue.by_country))
    log_ratio = np.log((1 - clue.error_rate) * ratio + clue.error_rate)
    return CellLikelihood.of(ids, clue.strength * log_ratio, clue.strength * float(np.log(clue.error_rate)))


def _by_country(likelihood: Float[ndarray, " countries"]) -> Float[ndarray, " cells"]:
    """Ratio to the mean over recordings, by land cell."""
    cell, country, share = _cell_countries()
    mean = np.bincount(cell, weights=share * likelihood[country], minlength=len(land()))
    return np.asarray(mean / max(float(recorded() @ mean), 1e-9))


def _named(places: Sequence[Place]) -> tuple[UInt64[ndarray, " n"], Float[ndarray, " n"]]:
    """Ratio to the mean over recordings, by cells that are fine near the towns."""
    weight = np.array([np.sqrt(_people(place)) for place in places])
    weight /= weight.sum()
    towns = [place.number for place in places if place.scale == "town"]
    ids = _cut(land(), np.unique(cells.parents(_near(towns), LEVEL)))
    coarse = cells.find(land(), ids)
    mass = recorded()[coarse] / 4.0 ** (cells.levels(ids) - LEVEL)
    ratio = np.zeros(len(ids))
    for place, share in zip(places, weight, strict=True):
        home, country = _home(place, ids, coarse), _country_share(place.iso)[coarse]
        for part, inside in ((AT_HOME, home), (1 - AT_HOME, country)):
            ratio += share * part * inside / max(float(mass @ inside), LEAST_MASS)
    return ids, ratio


def _home(place: Place, ids: UInt64[ndarray, " n"], coarse: Int[ndarray, " n"]) -> Float[ndarray, " n"]:
    """How far each cell, given with the index of its land cell, is near a town, or in a region or country."""
    if place.scale == "town":
        return np.asarray(np.isin(ids, _near([place.number])), dtype=np.float64)
    return np.asarray(_area_share(place)[coarse])


def _area_share(place: Place) -> Float[ndarray, " cells"]:
    """Share of each land cell that a region or country holds."""
    return _country_share(place.iso) if place.scale == "country" else _region_share(place.number)


def _people(place: Place) -> float:
    """About how many live there."""
    if place.scale == "town":
        return max(float(_populations()[place.number]), 1.0)
    return max(WORLD_PEOPLE * float(recorded() @ _area_share(place)), 1.0)


@cache
def land() -> UInt64[ndarray, " cells"]:
    """Land cells of level 6, sorted."""
    return gazetteer().land[0]


@cache
def recorded() -> Float[ndarray, " cells"]:
    """Share of recordings made in each land cell."""
    ids, land_share = gazetteer().land
    people_ids, people, photos = gazetteer().people
    at = cells.find(ids, people_ids)
    held = at >= 0
    columns = [cells.areas_sr(ids) * land_share]
    columns += [np.bincount(at[held], weights=amount[held], minlength=len(ids)) for amount in (np.sqrt(people), photos)]
    return np.asarray(sum(part * column / column.sum() for part, column in zip(RECORDED, columns, strict=True)))


@cache
def _cell_regions() -> tuple[Int[ndarray, " n"], Int[ndarray, " n"], Float[ndarray, " n"]]:
    """Index of a land cell, row of a region, and the share of the cell's land that lies in it."""
    rows = table("cell_regions")
    cell = np.searchsorted(land(), cells.from_tokens([row["token"] for row in rows]))
    share = np.array([float(row["share"]) for row in rows])
    total = np.bincount(cell, weights=share, minlength=len(land()))
    return cell, np.array([int(row["region"]) for row in rows]), share / np.maximum(total[cell], 1e-9)


@cache
def _cell_countries() -> tuple[Int[ndarray, " n"], Int[ndarray, " n"], Float[ndarray, " n"]]:
    cell, region, share = _cell_regions()
    place = {iso: k for k, iso in enumerate(countries())}
    country = np.array([place[one.iso] for one in gazetteer().regions])
    return cell, country[region], share


@cache
def _country_share(iso: str) -> Float[ndarray, " cells"]:
    cell, country, share = _cell_countries()
    mine = country == countries().index(iso) if iso in countries() else np.zeros(len(cell), dtype=bool)
    return np.asarray(np.bincount(cell[mine], weights=share[mine], minlength=len(land())), dtype=np.float64)


def _region_share(number: int) -> Float[ndarray, " cells"]:
    cell, region, share = _cell_regions()
    mine = region == number
    return np.asarray(np.bincount(cell[mine], weights=share[mine], minlength=len(land())), dtype=np.float64)


@cache
def _populations() -> Float[ndarray, " towns"]:
    return np.array([float(row["population"]) for row in table("towns")])


def _near(towns: Sequence[int]) -> UInt64[ndarray, " k"]:
    """Fine cells within a town's reach."""
    _, units, radii_km = gazetteer().towns
    found = [np.empty(0, dtype=np.uint64)]
    for town in towns:
        reach_km = radii_km[town] + NEAR_KM + cells.mean_width_km(FINE) / 2
        around = land()[great_circle_km(_land_centers(), units[town]) < reach_km + cells.mean_width_km(LEVEL)]
        fine = _descendants(around)
        found.append(fine[great_circle_km(cells.centers(fine), units[town]) < reach_km])
    return np.unique(np.concatenate(found))


@cache
def _land_centers() -> Float[ndarray, "cells 3"]:
    return cells.centers(land())


def _descendants(ids: UInt64[ndarray, " n"]) -> UInt64[ndarray, " m"]:
    """The level-9 cells within level-6 cells."""
    for _ in range(FINE - LEVEL):
        ids = cells.children(ids).ravel()
    return ids


def _cut(ids: UInt64[ndarray, " n"], parents: UInt64[ndarray, " k"]) -> UInt64[ndarray, " m"]:
    """The same land with some of its cells in fine ones, sorted."""
    return np.sort(np.concatenate([np.setdiff1d(ids, parents), _descendants(np.intersect1d(ids, parents))]))
