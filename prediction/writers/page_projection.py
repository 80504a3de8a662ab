"""Maps of the sphere: unit vectors in, flat coordinates out (x to the right, y downwards).

The world is drawn in Equal Earth, a neighbourhood in Lambert's azimuthal projection around its own centre: both
keep areas, so that equal probability in equal ink means equal density, and the second knows no date line and no pole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint, lat_lon_deg, unit_vectors

WORLD_WIDTH = 10_000
"""Units from the western to the eastern end of the world map."""

WORLD_HEIGHT = 4_867
"""Units from pole to pole."""

FAR_RAD = np.radians(150.0)
"""An azimuthal map pulls everything farther than this onto its rim; the antipode has no place on it."""

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M = np.sqrt(3.0) / 2.0
_SCALE = WORLD_WIDTH / (2.0 * np.pi / (_M * _A1))


@dataclass(frozen=True)
class EqualEarth:
    """The whole world (Šavrič, Patterson and Jenny 2018, "The Equal Earth map projection", eqs. 1-3).

    Example:
        >>> EqualEarth(0.0).project(np.array([0.0]), np.array([180.0]))
        array([[10000. ,  2433.5]])
    """

    middle_deg: float
    """Longitude in the middle of the map, in degrees."""

    def project(self, lat_deg: Float[ndarray, " n"], lon_deg: Float[ndarray, " n"]) -> Float[ndarray, "n 2"]:
        """Map units; longitudes may run beyond ±180° of the middle and then lie beyond the map's edge."""
        angle = np.arcsin(_M * np.sin(np.radians(lat_deg)))
        square = angle * angle
        sixth = square**3
        y = angle * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))
        slope = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
        x = np.radians(lon_deg - self.middle_deg) * np.cos(angle) / (_M * slope)
        return np.stack([WORLD_WIDTH / 2 + x * _SCALE, WORLD_HEIGHT / 2 - y * _SCALE], axis=-1)

    def place(self, point: GeoPoint) -> tuple[float, float]:
        """Map units of one place."""
        lon_deg = self.middle_deg + (point.lon_deg - self.middle_deg + 180.0) % 360.0 - 180.0
        x, y = self.project(np.array([point.lat_deg]), np.array([lon_deg]))[0]
        return round(float(x), 1), round(float(y), 1)

    def unproject(
        self, x: Float[ndarray, " n"], y: Float[ndarray, " n"]
    ) -> tuple[Float[ndarray, "n 3"], Bool[ndarray, " n"]]:
        """Unit vectors of map units, and which of them lie on the map (latitude to about 0.01°)."""
        lat_table = np.linspace(90.0, -90.0, 7201)
        edge = self.project(lat_table, np.full(7201, self.middle_deg + 180.0))
        lat_deg = np.interp(y, edge[:, 1], lat_table)
        half = np.interp(y, edge[:, 1], edge[:, 0] - WORLD_WIDTH / 2)
        lon_deg = (x - WORLD_WIDTH / 2) / half * 180.0
        fits = (np.abs(lon_deg) <= 180.0) & (y >= edge[0, 1]) & (y <= edge[-1, 1])
        return unit_vectors(lat_deg, lon_deg + self.middle_deg), fits


@dataclass(frozen=True)
class Azimuthal:
    """A neighbourhood (Lambert's azimuthal equal-area projection; Snyder 1987, "Map Projections", eqs. 24-2 to 24-4).

    Example:
        >>> Azimuthal(GeoPoint(90, 0), units_per_km=1.0).project(GeoPoint(90, 0).unit[None])
        array([[0., 0.]])
    """

    center: GeoPoint
    """The middle of the map; north is up there."""
    units_per_km: float
    """Map units a kilometre, exact in the middle."""

    def project(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, "n 2"]:
        """Map units from the middle."""
        east, north = self._axes
        flat = np.stack([units @ east, -(units @ north)], axis=-1)
        sine = np.linalg.norm(flat, axis=-1)
        angle = np.minimum(np.arctan2(sine, units @ self.center.unit), FAR_RAD)
        length = 2.0 * np.sin(angle / 2.0) * EARTH_RADIUS_KM * self.units_per_km
        direction = flat / np.maximum(sine, 1e-15)[..., None]
        return np.asarray(direction * length[..., None]) + 0.0

    def place(self, point: GeoPoint) -> tuple[float, float]:
        """Map units of one place."""
        x, y = self.project(point.unit[None])[0]
        return round(float(x), 1), round(float(y), 1)

    @property
    def _axes(self) -> tuple[Float[ndarray, 3], Float[ndarray, 3]]:
        """Unit vectors towards east and north in the middle."""
        lat, lon = np.radians(self.center.lat_deg), np.radians(self.center.lon_deg)
        east = np.array([-np.sin(lon), np.cos(lon), 0.0])
        return east, np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])


def unwrapped(units: Float[ndarray, "n k 3"], around_deg: Float[ndarray, " n"]) -> Float[ndarray, "n k 2"]:
    """Latitude and longitude in degrees of points, with longitudes within ±180° of `around_deg`."""
    lat_deg, lon_deg = lat_lon_deg(units)
    near = around_deg[:, None] + (lon_deg - around_deg[:, None] + 180.0) % 360.0 - 180.0
    return np.stack([lat_deg, near], axis=-1)
