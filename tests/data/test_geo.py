import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint, great_circle_km, lat_lon_deg, unit_vectors

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180, exclude_max=True)


def haversine_km(a, b):
    lat1, lon1, lat2, lon2 = map(math.radians, (a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_agrees_with_haversine(lat1, lon1, lat2, lon2):
    a, b = GeoPoint(lat1, lon1), GeoPoint(lat2, lon2)
    assert a.distance_km(b) == pytest.approx(haversine_km(a, b), abs=2e-3)  # haversine is the blunter near antipodes
    assert a.distance_km(b) == b.distance_km(a)


def test_distance_is_right_for_neighbours_and_antipodes():
    metre = math.degrees(0.001 / EARTH_RADIUS_KM)
    assert GeoPoint(10, 20).distance_km(GeoPoint(10 + metre, 20)) == pytest.approx(0.001, rel=1e-6)
    assert GeoPoint(10, 20).distance_km(GeoPoint(10, 20)) == 0.0
    assert GeoPoint(10, 20).distance_km(GeoPoint(-10, -160)) == pytest.approx(math.pi * EARTH_RADIUS_KM, rel=1e-12)


@given(latitudes, longitudes)
def test_degrees_and_units_are_inverse(lat, lon):
    point = GeoPoint(lat, lon)
    assert GeoPoint.from_unit(point.unit).distance_km(point) < 1e-6
    assert np.linalg.norm(point.unit) == pytest.approx(1.0, abs=1e-15)


def test_poles_and_date_line():
    assert GeoPoint(90, 0).distance_km(GeoPoint(90, 123)) == pytest.approx(0, abs=1e-9)
    assert GeoPoint(0, 180).lon_deg == -180
    assert GeoPoint(0, 540.5).lon_deg == pytest.approx(-179.5)
    assert great_circle_km(GeoPoint(0, 179.99).unit, GeoPoint(0, -179.99).unit) < 3
    lat, lon = lat_lon_deg(unit_vectors(np.array([90.0, -90.0]), np.array([0.0, 0.0])))
    assert lat.tolist() == [90.0, -90.0] and np.isfinite(lon).all()


@pytest.mark.parametrize("lat, lon", [(90.1, 0), (-91, 0), (math.nan, 0), (0, math.inf), (0, math.nan)])
def test_impossible_places_are_refused(lat, lon):
    with pytest.raises(ValueError, match="must"):
        GeoPoint(lat, lon)
