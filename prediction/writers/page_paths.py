"""Shapes as SVG path data: flat coordinates in, short strings of whole map units out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from jaxtyping import Float
from numpy import ndarray


def line_path(points: Float[ndarray, "n 2"], closed: bool = True) -> str:
    """One line through points, with steps relative to the point before; "" if it is shorter than a map unit."""
    whole = np.rint(points).astype(np.int64)
    steps = np.diff(whole, axis=0)
    steps = steps[steps.any(axis=1)]
    if len(steps) < (2 if closed else 1):
        return ""
    numbers = " ".join(map(str, steps.ravel().tolist()))
    start_x, start_y = whole[0].tolist()
    return f"M{start_x} {start_y}l{numbers}{'z' if closed else ''}".replace(" -", "-")


def lines_path(lines: Iterable[Float[ndarray, "_ 2"]], closed: bool = True) -> str:
    """Several lines in one path."""
    return "".join(line_path(points, closed) for points in lines)


def quads_path(corners: Float[ndarray, "n 4 2"]) -> str:
    """Four-cornered cells in one path."""
    whole = np.rint(corners).astype(np.int64)
    rows = np.concatenate([whole[:, :1], np.diff(whole, axis=1)], axis=1).reshape(-1, 8).tolist()
    return "".join("M{} {}l{} {} {} {} {} {}z".format(*row) for row in rows).replace(" -", "-")


def shapes_path(shapes: ndarray) -> str:
    """Outer rings of polygons (of any nesting) in one path."""
    rings = shapely.get_exterior_ring(shapely.get_parts(shapes))
    rings = rings[~shapely.is_missing(rings)]
    points, owner = shapely.get_coordinates(rings, return_index=True)
    cuts = np.flatnonzero(np.diff(owner)) + 1
    return lines_path(part[:-1] for part in np.split(points, cuts)) if len(points) else ""
