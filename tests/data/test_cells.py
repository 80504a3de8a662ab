import numpy as np
import pytest
import s2sphere

from lookhear.data import cells


@pytest.fixture(scope="module")
def units():
    points = np.random.default_rng(0).normal(size=(4000, 3))
    signs = (-1, 0, 1)
    corners = np.array([[x, y, z] for x in signs for y in signs for z in signs if (x, y, z) != (0, 0, 0)])
    points = np.concatenate([points, corners])
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def reference(units, level):
    return [s2sphere.CellId.from_point(s2sphere.Point(*unit)).parent(level).id() for unit in units]


@pytest.mark.parametrize("level", [0, 1, 5, 6, 12, 23, 30])
def test_ids_are_bit_exact_with_s2sphere(units, level):
    assert cells.cell_ids(units, level).tolist() == reference(units, level)


def test_geometry_agrees_with_s2sphere(units):
    ids = np.concatenate([cells.cell_ids(units[:50], level) for level in (0, 3, 6, 30)])
    theirs = [s2sphere.CellId(int(cell)) for cell in ids]
    centers = np.array([[c.to_point()[k] for k in range(3)] for c in theirs])
    np.testing.assert_allclose(cells.centers(ids), centers, atol=1e-15)
    vertices = np.array([[[s2sphere.Cell(c).get_vertex(k)[d] for d in range(3)] for k in range(4)] for c in theirs])
    np.testing.assert_allclose(cells.corners(ids), vertices, atol=1e-15)
    areas = [s2sphere.Cell(c).exact_area() for c in theirs[:150]]
    np.testing.assert_allclose(cells.areas_sr(ids[:150]), areas, rtol=1e-9)
    assert cells.levels(ids).tolist() == [c.level() for c in theirs]
    assert cells.tokens(ids) == [c.to_token() for c in theirs]
    assert (cells.from_tokens(cells.tokens(ids)) == ids).all()


@pytest.mark.parametrize("level", [0, 2, 5])
def test_a_level_covers_the_earth_once(level):
    ids = cells.all_cells(level)
    assert cells.areas_sr(ids).sum() == pytest.approx(4 * np.pi, rel=1e-12)
    assert (cells.cell_ids(cells.centers(ids), level) == ids).all()
    assert (np.sort(cells.children(ids).ravel()) == cells.all_cells(level + 1)).all()
    assert (cells.parents(cells.all_cells(level + 1), level) == np.repeat(ids, 4)).all()


def test_find_among_cells_of_several_levels(units):
    coarse = cells.all_cells(2)
    mixed = np.sort(np.concatenate([coarse[5:], cells.children(coarse[:5]).ravel()]))
    place = cells.find(mixed, cells.cell_ids(units, 30))
    first, last = cells.id_range(mixed[place])
    leaf = cells.cell_ids(units, 30)
    assert ((first <= leaf) & (leaf <= last)).all()
    assert (cells.find(mixed[:3], cells.all_cells(3)[-5:]) == -1).all()
    assert cells.find(mixed[:0], leaf[:4]).tolist() == [-1] * 4


def test_bad_points_and_levels_are_refused():
    with pytest.raises(ValueError, match="finite"):
        cells.cell_ids(np.array([[np.nan, 0, 1]]), 6)
    with pytest.raises(ValueError, match="level"):
        cells.cell_ids(np.array([[1.0, 0, 0]]), 31)
