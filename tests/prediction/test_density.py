import json

import numpy as np
import pytest

from lookhear.data import cells
from lookhear.data.geo import EARTH_AREA_KM2, GeoPoint, great_circle_km, unit_vectors
from lookhear.prediction.density import UNIFORM_LOG_DENSITY, CellDensity, geometric_median


def fisher(center, kappa, level=5):
    """A von Mises-Fisher density on cells: a known truth."""
    ids = cells.all_cells(level)
    return CellDensity.of(ids, kappa * (cells.centers(ids) @ center.unit - 1))


def random_points(count, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.fixture(scope="module", params=[(40, -80), (-17, 179.9), (90, 0), (-89, 10)], ids=str)
def center(request):
    return GeoPoint(*request.param)


@pytest.fixture(scope="module")
def density(center):
    return fisher(center, 50.0)


def test_it_integrates_to_one(density):
    values = np.exp(density.log_density(random_points(200_000)))
    assert 4 * np.pi * values.mean() == pytest.approx(1.0, abs=4 * 4 * np.pi * values.std() / np.sqrt(len(values)))


def test_it_has_the_log_density_of_the_known_truth(density, center):
    points = random_points(2000)
    truth = np.log(50.0 / (2 * np.pi * -np.expm1(-100.0))) + 50.0 * (points @ center.unit - 1)
    near = truth > np.log(1e-3)
    assert np.abs(density.log_density(points) - truth)[near].mean() < 0.6  # cells of 290 km, truth of 900 km
    assert (np.abs(density.log_density(points) - truth)[near] < 3.5).all()


def test_point_estimates_find_the_center(density, center):
    assert density.median.distance_km(center) < 60
    assert density.mode.distance_km(center) < 250
    assert density.candidates(1)[0].point.distance_km(center) < 290


def test_regions_hold_what_they_promise(density, center):
    half, most = density.region(0.5), density.region(0.9)
    inside = np.isin(density.ids, most.ids)
    assert 0.9 <= density.probability(inside) < 0.93
    assert half.area_km2 < most.area_km2 and set(half.ids) <= set(most.ids)
    # area of a Fisher distribution's 90 % cap: 1 - cos r = -log(0.1) / kappa
    assert most.area_km2 == pytest.approx(EARTH_AREA_KM2 / 2 * -np.log(0.1) / 50, rel=0.06)
    assert half.holds(center) and density.credibility(center) < 0.1
    assert not most.holds(GeoPoint(-center.lat_deg, center.lon_deg + 180))


def test_samples_follow_the_density(density, center):
    samples = density.sample(4000, seed=1)
    assert (samples == density.sample(4000, seed=1)).all()
    assert np.linalg.norm(samples, axis=1) == pytest.approx(1.0)
    inside = cells.find(density.region(0.5).ids, cells.cell_ids(samples, 30)) >= 0
    assert inside.mean() == pytest.approx(0.51, abs=0.04)


def test_the_uniform_density_knows_nothing():
    uniform = CellDensity.uniform(3)
    np.testing.assert_allclose(uniform.log_density(random_points(50)), UNIFORM_LOG_DENSITY, atol=1e-9)
    assert uniform.entropy == pytest.approx(-UNIFORM_LOG_DENSITY)
    assert uniform.region(0.9).area_km2 == pytest.approx(0.9 * EARTH_AREA_KM2, rel=0.02)


def test_equal_siblings_become_one_cell_and_nothing_else_changes():
    ids = cells.all_cells(5)
    log_density = np.where(np.arange(len(ids)) < 3000, 1.0, 0.0)
    merged = CellDensity.of(ids, log_density)
    assert len(merged.ids) < 60
    points = random_points(500)
    plain = log_density[cells.find(ids, cells.cell_ids(points, 5))]
    assert np.ptp(merged.log_density(points) - plain) < 1e-5
    fine_ids, mass = merged.on_level(5)
    assert (fine_ids == ids).all() and mass.sum() == pytest.approx(1.0, abs=1e-6)


def test_it_round_trips(density):
    text = json.dumps(density.to_json())
    again = CellDensity.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert (again.ids == density.ids).all() and (again.mass == density.mass).all()


def test_candidates_do_not_overlap_and_share_the_mass():
    two = CellDensity.of(
        cells.all_cells(6),
        np.logaddexp(
            np.log(0.7) + 2000 * (cells.centers(cells.all_cells(6)) @ GeoPoint(48, 2).unit - 1),
            np.log(0.3) + 2000 * (cells.centers(cells.all_cells(6)) @ GeoPoint(35, 139).unit - 1),
        ),
    )
    first, second = two.candidates(2)
    assert first.point.distance_km(GeoPoint(48, 2)) < 60 and first.probability == pytest.approx(0.7 * 0.79, abs=0.08)
    assert second.point.distance_km(GeoPoint(35, 139)) < 60 and second.probability < first.probability


def test_a_candidates_probability_is_that_of_its_own_circle():
    centers = cells.centers(cells.all_cells(6))
    bumps = np.stack([600 * (centers @ GeoPoint(48, lon).unit - 1) for lon in (2, 6, 9, 13)])
    density = CellDensity.of(cells.all_cells(6), np.logaddexp.reduce(bumps))
    points = density.sample(20_000, seed=0)
    for one in density.candidates(4):
        inside = great_circle_km(points, one.point.unit[None]) <= one.radius_km
        assert one.probability == pytest.approx(inside.mean(), abs=0.03)


def test_geometric_median_against_brute_force():
    generator = np.random.default_rng(3)
    points = unit_vectors(generator.normal(40, 8, 60), generator.normal(-70, 8, 60))
    weight = generator.random(60)
    found = geometric_median(points, weight)
    cost = (great_circle_km(points, found[None]) * weight).sum()
    nearby = found + generator.normal(0, 0.01, (2000, 3))
    nearby /= np.linalg.norm(nearby, axis=1, keepdims=True)
    others = np.array([(great_circle_km(points, one[None]) * weight).sum() for one in nearby])
    assert cost <= others.min() + 1e-3


def test_the_median_of_opposite_points_is_defined():
    assert np.isfinite(geometric_median(np.array([[0.0, 0, 1], [0, 0, -1]]), np.array([0.5, 0.5]))).all()


def test_what_is_no_density_is_refused():
    ids = cells.all_cells(1)
    with pytest.raises(ValueError, match="cover"):
        CellDensity(ids[1:], np.full(23, 1 / 23))
    with pytest.raises(ValueError, match="cover"):
        CellDensity(np.sort(np.append(ids, cells.children(ids[:1])[0, 0])), np.full(25, 1 / 25))
    with pytest.raises(ValueError, match="add up to 1"):
        CellDensity(ids, np.full(24, np.nan))
    with pytest.raises(ValueError, match="possible"):
        CellDensity.of(ids, np.full(24, -np.inf))
