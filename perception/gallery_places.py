"""Places in, the cells that stand for the land out: what a gallery compares a picture with.

The cells are a quadtree over land: down to level 9 (18 km) where the places lie, coarser elsewhere; each has a few of
the places, at least its centre. Within a region all cells are as fine as that, and the land outside has none.

On disk: `cache_dir()/derived/places-<content>.safetensors`, a `GalleryPlaces`, made on first use.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from jaxtyping import Bool, Float, Int, UInt64
from numpy import ndarray
from safetensors.numpy import load_file, save

from lookhear.data import cells
from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import LEVEL, gazetteer, inside
from lookhear.data.geo import lat_lon_deg, unit_vectors
from lookhear.data.models import cache_dir
from lookhear.data.readers.table import column_of

FINEST = 9
"""Level of the finest cells."""

SPACING = 11
"""Places of one cell lie in different cells of this level (4.5 km), so that a town does not fill the gallery."""

MOST = 6
"""Places of one cell, at most."""

LAT_NAMES = ("LAT", "lat", "lat_deg", "latitude", "Latitude")
LON_NAMES = ("LON", "lon", "lon_deg", "lng", "longitude", "Longitude")
"""What the columns of a table of places may be called."""


@dataclass(frozen=True, eq=False)
class GalleryPlaces:
    """Cells of land, and the places in them."""

    leaves: UInt64[ndarray, " cells"]
    """Cells of land, sorted and disjoint, of level 6 and finer."""
    leaf: Int[ndarray, " places"]
    """Index of the cell of each place, ascending; every cell has at least one."""
    units: Float[ndarray, "places 3"]
    """Unit vectors of the places."""
    land: Float[ndarray, " cells"]
    """Share of all their land that each cell holds."""

    @classmethod
    def of(cls, units: Float[ndarray, "n 3"], region: shapely.Geometry | None = None) -> GalleryPlaces:
        """Lay places out; land without any is represented by the centres of its cells.

        Raises:
            ValueError: the region holds no land.
        """
        leaves = quadtree(units) if region is None else within(region, units)
        kept = thinned(leaves, units)
        leaf = cells.find(leaves, cells.cell_ids(units[kept], cells.MAX_LEVEL))
        empty = np.setdiff1d(np.arange(len(leaves)), leaf)
        leaf = np.concatenate([leaf, empty])
        units = np.concatenate([units[kept], cells.centers(leaves[empty])])
        order = np.argsort(leaf, kind="stable")
        return cls(leaves, leaf[order], units[order], land_shares(leaves))

    @classmethod
    def cached(cls, units: Float[ndarray, "n 3"], region: shapely.Geometry | None = None) -> GalleryPlaces:
        """The same, computed once for the same places and region."""
        recipe = f"{FINEST} {SPACING} {MOST} {'' if region is None else shapely.to_wkb(region, hex=True)}"
        content = hashlib.sha256(np.ascontiguousarray(units).tobytes() + recipe.encode()).hexdigest()
        path = cache_dir() / "derived" / f"places-{content[:16]}.safetensors"
        if not path.exists():
            made = cls.of(units, region)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, save(dict(vars(made))))
        return cls(**load_file(path))


def read_places(path: Path) -> Float[ndarray, "n 3"]:
    """Unit vectors of the places in a CSV table with a column of latitudes and one of longitudes, in degrees.

    Raises:
        OSError: it cannot be read.
        ValueError: there are no such columns, no places, or values that are none.
    """
    names = column_of(path, LAT_NAMES), column_of(path, LON_NAMES)
    with path.open(encoding="utf-8-sig") as lines:
        columns = [name.strip().strip('"') for name in lines.readline().split(",")]
        try:
            where = [columns.index(name) for name in names]
            found = np.loadtxt(lines, delimiter=",", usecols=where, ndmin=2, quotechar='"', comments=None)
        except ValueError as error:
            raise ValueError(f"{path} is no table of places ({error}); every row needs two numbers.") from error
    if not (len(found) and (np.abs(found[:, 0]) <= 90).all() and (np.abs(found[:, 1]) <= 180).all()):
        raise ValueError(f"{path} holds no places, or some beyond ±90° of latitude or ±180° of longitude.")
    return unit_vectors(found[:, 0], found[:, 1])


def quadtree(units: Float[ndarray, "n 3"]) -> UInt64[ndarray, " cells"]:
    """Land cut into cells: of level `FINEST` where there are places, of coarser ones, down from 6, elsewhere."""
    land = gazetteer().land[0]
    held = cells.cell_ids(units, FINEST)
    held = np.unique(held[cells.find(land, held) >= 0])
    leaves, open_cells = [], land
    for level in range(LEVEL, FINEST):
        split = np.isin(open_cells, cells.parents(held, level))
        leaves.append(open_cells[~split])
        open_cells = cells.children(open_cells[split]).ravel()
    rest = np.concatenate([*leaves[1:], open_cells])
    return np.sort(np.concatenate([leaves[0], rest[np.isin(rest, held) | _on_land(rest)]]))


def within(region: shapely.Geometry, units: Float[ndarray, "n 3"]) -> UInt64[ndarray, " cells"]:
    """Cells of level `FINEST` whose centre lies on land of a region, or that hold one of the places in it.

    Raises:
        ValueError: there are none.
    """
    land = fine = gazetteer().land[0]
    for _ in range(LEVEL, FINEST):
        fine = cells.children(fine).ravel()
    near = fine[inside(region, cells.centers(fine))]
    held = cells.cell_ids(units[inside(region, units)], FINEST)
    found = np.union1d(near[_on_land(near)], held[cells.find(land, held) >= 0])
    if not len(found):
        raise ValueError("The region holds no land that a gallery could stand for; give a larger one.")
    return found


def thinned(leaves: UInt64[ndarray, " cells"], units: Float[ndarray, "n 3"]) -> Int[ndarray, " kept"]:
    """Indices of at most `MOST` places a cell, in different cells of level `SPACING`, in a fixed order."""
    leaf = cells.find(leaves, cells.cell_ids(units, cells.MAX_LEVEL))
    kept = np.unique(cells.cell_ids(units, SPACING), return_index=True)[1]
    kept = kept[leaf[kept] >= 0]
    scattered = np.random.default_rng(0).permutation(len(kept))
    kept = kept[scattered][np.argsort(leaf[kept[scattered]], kind="stable")]
    rank = np.arange(len(kept)) - np.searchsorted(leaf[kept], leaf[kept])
    return np.asarray(kept[rank < MOST])


def land_shares(leaves: UInt64[ndarray, " cells"]) -> Float[ndarray, " cells"]:
    """Share of all the cells' land that each holds."""
    ids, land_share = gazetteer().land
    share = np.where(cells.levels(leaves) > LEVEL, 1.0, land_share[cells.find(ids, cells.parents(leaves, LEVEL))])
    area = cells.areas_sr(leaves) * share
    return np.asarray(area / area.sum())


def _on_land(ids: UInt64[ndarray, " n"]) -> Bool[ndarray, " n"]:
    """Which cells have their centre on land."""
    lat_deg, lon_deg = lat_lon_deg(cells.centers(ids))
    held = np.zeros(len(ids), dtype=bool)
    held[gazetteer().region_tree.query(shapely.points(lon_deg, lat_deg), predicate="intersects")[0]] = True
    return held
