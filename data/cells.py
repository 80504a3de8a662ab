"""S2 cells, vectorised: the Earth cut into nested, nearly equal squares.

In: unit vectors or 64-bit cell ids. Out: ids, centres, corners, areas, parents, children.
An id is bit-exact with the reference library (s2sphere), which does one point at a time: the geometry below
uses only operations that IEEE 754 rounds correctly, so both give the same bits.
A cell of level 6 is about 144 km wide; each level halves that.

Source: S2 geometry library, quadratic projection (https://s2geometry.io/devguide/s2cell_hierarchy).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Float, Int, UInt64
from numpy import ndarray

from lookhear.data.geo import EARTH_AREA_KM2

MAX_LEVEL = 30
CHUNK = 8192
"""Points whose ids are found at once: so many fit the processor's cache."""

TABLED_LEVEL = 7
"""Centres and areas of cells up to this level (98,304 of them) are computed once a process."""

_SWAP, _INVERT = 1, 2
_POSITION_TO_IJ = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
_FACES = np.array([[1, 0, 0, 2, 2, 1], [1, -1, -1, 1, 1, -1], [2, 2, 1, 1, 0, 0], [1, 1, -1, 1, -1, -1]])
"""By face: the axis that u goes along and its sign, and those of v."""

_POSITION_TO_ORIENTATION = (_SWAP, 0, 0, _INVERT | _SWAP)


def cell_ids(units: Float[ndarray, "n 3"], level: int) -> UInt64[ndarray, " n"]:
    """Ids of the cells of one level that hold the points.

    Raises:
        ValueError: a vector is not finite, or the level is not between 0 and 30.
    """
    if not 0 <= level <= MAX_LEVEL:
        raise ValueError(f"An S2 level must lie between 0 and {MAX_LEVEL}, but this one is {level}.")
    if not np.isfinite(units).all():
        raise ValueError("A point on the Earth must have finite coordinates, but one here is NaN or infinite.")
    if len(units) > CHUNK:
        return np.concatenate([cell_ids(units[k : k + CHUNK], level) for k in range(0, len(units), CHUNK)])
    face, u, v = _face_uv(units)
    i, j = _grid_index(u), _grid_index(v)
    table, orientation, position = _four_levels(), face & _SWAP, np.zeros(len(face), dtype=np.int64)
    for shift in range(28, -4, -4):  # the first step is two levels above the face: from its corner, back to its corner
        found = table[orientation << 8 | (i >> shift & 15) << 4 | j >> shift & 15]
        position, orientation = position << 8 | found >> 2, found & 3
    leaves = (face << 60 | position).astype(np.uint64) << np.uint64(1) | np.uint64(1)
    bit = np.uint64(1) << np.uint64(2 * (MAX_LEVEL - level))
    return np.asarray(leaves & ~(bit - np.uint64(1)) | bit)


def levels(ids: UInt64[ndarray, " n"]) -> Int[ndarray, " n"]:
    """The level of each id (0: a sixth of the Earth, 30: about a square centimetre)."""
    _, exponent = np.frexp(_lowest_bit(ids).astype(np.float64))
    return np.asarray(MAX_LEVEL - (exponent - 1) // 2)


def id_range(ids: UInt64[ndarray, " n"]) -> tuple[UInt64[ndarray, " n"], UInt64[ndarray, " n"]]:
    """First and last id of any level inside each cell; a sorted list of disjoint cells is searched by these."""
    reach = _lowest_bit(ids) - np.uint64(1)
    return ids - reach, ids + reach


def find(ids: UInt64[ndarray, " n"], wanted: UInt64[ndarray, " m"]) -> Int[ndarray, " m"]:
    """Index of the cell among sorted, disjoint `ids` (levels may differ) that holds each wanted one, or -1."""
    if len(ids) == 0:
        return np.full(len(wanted), -1)
    at = np.clip(np.searchsorted(ids, wanted), 0, len(ids) - 1)
    first, last = id_range(ids)
    at = np.where((wanted < first[at]) & (at > 0), at - 1, at)
    return np.where((first[at] <= wanted) & (wanted <= last[at]), at, -1)


def parents(ids: UInt64[ndarray, " n"], level: int) -> UInt64[ndarray, " n"]:
    """Ids of the ancestors at a level no finer than the cells' own."""
    lowest = np.uint64(1) << np.uint64(2 * (MAX_LEVEL - level))
    return np.asarray(ids & (~lowest + np.uint64(1)) | lowest)


def children(ids: UInt64[ndarray, " n"]) -> UInt64[ndarray, "n 4"]:
    """Ids of the four cells of the next level, in order along the curve."""
    step = _lowest_bit(ids)[:, None] >> np.uint64(2)
    first = ids[:, None] - _lowest_bit(ids)[:, None] + step
    return np.asarray(first + np.arange(4, dtype=np.uint64) * (step << np.uint64(1)))


def all_cells(level: int) -> UInt64[ndarray, " n"]:
    """All 6·4^level ids of a level, sorted."""
    below = np.uint64(2 * (MAX_LEVEL - level) + 1)
    count = np.arange(6 * 4**level, dtype=np.uint64)
    return np.asarray(count << below | np.uint64(1) << (below - np.uint64(1)))


def centers(ids: UInt64[ndarray, " n"]) -> Float[ndarray, "n 3"]:
    """Unit vectors of the cells' centres."""
    return _looked_up(ids, _computed_centers)


def corners(ids: UInt64[ndarray, " n"]) -> Float[ndarray, "n 4 3"]:
    """Unit vectors of the cells' corners, counter-clockwise seen from outside."""
    face, i, j, size = _square(ids)
    u0, u1 = _project(i / 2.0**30), _project((i + size) / 2.0**30)
    v0, v1 = _project(j / 2.0**30), _project((j + size) / 2.0**30)
    return np.stack([_unit(face, u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))], axis=1)


def areas_sr(ids: UInt64[ndarray, " n"]) -> Float[ndarray, " n"]:
    """Exact areas in steradian (spherical excess of two triangles, Eriksson's formula); they add up to 4π."""
    return _looked_up(ids, _computed_areas_sr)


def mean_width_km(level: int) -> float:
    """Side of a square with the mean area of a level's cells."""
    return float(np.sqrt(EARTH_AREA_KM2 / (6 * 4**level)))


def tokens(ids: UInt64[ndarray, " n"]) -> list[str]:
    """Ids as S2's short hexadecimal tokens."""
    return [f"{int(cell):016x}".rstrip("0") or "X" for cell in ids]


def from_tokens(names: list[str]) -> UInt64[ndarray, " n"]:
    """Ids of tokens.

    Raises:
        ValueError: a token is no hexadecimal number of at most 16 digits.
    """
    return np.array([int(name.ljust(16, "0"), 16) for name in names], dtype=np.uint64)


def _looked_up(ids: UInt64[ndarray, " n"], compute: Callable[[ndarray], ndarray]) -> Float[ndarray, " n *shape"]:
    """What `compute` says of each cell; coarse cells are computed once a process and then looked up."""
    level = levels(ids)
    values = np.empty((len(ids), *_table(0, compute).shape[1:]))
    for coarse in np.flatnonzero(np.bincount(level[level <= TABLED_LEVEL])):
        chosen = level == coarse
        values[chosen] = _table(int(coarse), compute)[ids[chosen] >> np.uint64(2 * (MAX_LEVEL - int(coarse)) + 1)]
    fine = level > TABLED_LEVEL
    if fine.any():
        values[fine] = compute(ids[fine])
    return values


@cache
def _table(level: int, compute: Callable[[ndarray], ndarray]) -> ndarray:
    """The values of all cells of a level."""
    return compute(all_cells(level))


def _computed_centers(ids: UInt64[ndarray, " n"]) -> Float[ndarray, "n 3"]:
    face, i, j, size = _square(ids)
    return _unit(face, _project((2 * i + size) / 2.0**31), _project((2 * j + size) / 2.0**31))


def _computed_areas_sr(ids: UInt64[ndarray, " n"]) -> Float[ndarray, " n"]:
    a, b, c, d = np.moveaxis(corners(ids), 1, 0)
    return np.asarray(_triangle_sr(a, b, c) + _triangle_sr(a, c, d))


def _lowest_bit(ids: UInt64[ndarray, " n"]) -> UInt64[ndarray, " n"]:
    return np.asarray(ids & (~ids + np.uint64(1)))


@cache
def _hilbert_tables() -> tuple[UInt64[ndarray, "4 4"], Int[ndarray, "4 4"]]:
    """Position along the Hilbert curve, and orientation below, by [orientation, quadrant]."""
    position = np.zeros((4, 4), dtype=np.uint64)
    orientation = np.zeros((4, 4), dtype=np.int64)
    for above in range(4):
        for place, quadrant in enumerate(_POSITION_TO_IJ[above]):
            position[above, quadrant] = place
            orientation[above, quadrant] = above ^ _POSITION_TO_ORIENTATION[place]
    return position, orientation


@cache
def _four_levels() -> Int[ndarray, " 1024"]:
    """For four levels at once, by orientation and four bits of i and of j: position (8 bits) and orientation below."""
    to_position, to_orientation = _hilbert_tables()
    index = np.arange(1024)
    orientation, position = index >> 8, np.zeros(1024, dtype=np.int64)
    for bit in range(3, -1, -1):
        quadrant = (index >> 4 >> bit & 1) << 1 | index >> bit & 1
        position = position << 2 | to_position[orientation, quadrant].astype(np.int64)
        orientation = to_orientation[orientation, quadrant]
    return np.asarray(position << 2 | orientation)


def _face_uv(
    units: Float[ndarray, "n 3"],
) -> tuple[Int[ndarray, " n"], Float[ndarray, " n"], Float[ndarray, " n"]]:
    """Cube face and coordinates on it (S2's numbering of faces and axes)."""
    xyz = np.ascontiguousarray(units, dtype=np.float64)
    x, y, z = np.abs(xyz.T)
    # s2sphere's largest_abs_component, ties included
    axis = np.where(x > y, np.where(x > z, 0, 2), np.where(y > z, 1, 2))
    flat, first = xyz.ravel(), np.arange(0, 3 * len(xyz), 3)
    main = flat[first + axis]
    face = axis + 3 * (main < 0)
    u_axis, u_sign, v_axis, v_sign = _FACES[:, face]
    return face, u_sign * flat[first + u_axis] / main, v_sign * flat[first + v_axis] / main


def _grid_index(u: Float[ndarray, " n"]) -> Int[ndarray, " n"]:
    """Index 0..2^30-1 along one side of a face (quadratic projection, its inverse)."""
    s = np.where(u >= 0, 0.5 * np.sqrt(1 + 3 * np.abs(u)), 1 - 0.5 * np.sqrt(1 + 3 * np.abs(u)))
    return np.asarray(np.clip(np.floor(s * 2.0**30), 0, 2**30 - 1).astype(np.int64))


def _project(s: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
    """Cell space [0, 1] to cube space [-1, 1]."""
    return np.asarray(np.where(s >= 0.5, (4 * s * s - 1) / 3, (1 - 4 * (1 - s) * (1 - s)) / 3))


def _unit(face: Int[ndarray, " n"], u: Float[ndarray, " n"], v: Float[ndarray, " n"]) -> Float[ndarray, "n 3"]:
    """Unit vector of a point on a cube face."""
    one = np.ones_like(u)
    sides = ((one, u, v), (-u, one, v), (-u, -v, one), (-one, -v, -u), (v, -one, -u), (v, u, -one))
    xyz = np.stack([np.choose(face, [side[axis] for side in sides]) for axis in range(3)], axis=-1)
    return np.asarray(xyz / np.linalg.norm(xyz, axis=-1, keepdims=True))


def _square(
    ids: UInt64[ndarray, " n"],
) -> tuple[Int[ndarray, " n"], Int[ndarray, " n"], Int[ndarray, " n"], Int[ndarray, " n"]]:
    """Face, lowest (i, j) corner and side, in units of the finest level."""
    to_position, to_orientation = _hilbert_tables()
    to_quadrant = np.argsort(to_position, axis=1)
    face = (ids >> np.uint64(61)).astype(np.int64)
    level = levels(ids)
    orientation = face & _SWAP
    i, j = np.zeros_like(face), np.zeros_like(face)
    for depth in range(1, int(level.max(initial=0)) + 1):
        inside = depth <= level
        position = ((ids >> np.uint64(61 - 2 * depth)) & np.uint64(3)).astype(np.int64)
        quadrant = to_quadrant[orientation, position]
        i = np.where(inside, i << 1 | quadrant >> 1, i)
        j = np.where(inside, j << 1 | quadrant & 1, j)
        orientation = np.where(inside, to_orientation[orientation, quadrant], orientation)
    size = np.int64(1) << (MAX_LEVEL - level)
    return face, i * size, j * size, size


def _triangle_sr(a: ndarray, b: ndarray, c: ndarray) -> Float[ndarray, " n"]:
    volume = np.abs(np.sum(a * np.cross(b, c), axis=-1))
    return np.asarray(2 * np.arctan2(volume, 1 + np.sum(a * b, -1) + np.sum(b * c, -1) + np.sum(c * a, -1)))
