import dataclasses

import numpy as np
import pytest
import shapely
import torch
from small_sight import Waves

from lookhear.data import cells
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import GeoPoint, great_circle_km, lat_lon_deg
from lookhear.perception.gallery import Gallery, Sharpness
from lookhear.perception.gallery_places import FINEST, MOST, GalleryPlaces, read_places
from lookhear.perception.geoclip import LocationEncoder

TOWNS = [GeoPoint(48.8566, 2.3522), GeoPoint(40.0, -100.0), GeoPoint(-1.3, 25.0), GeoPoint(35.68, 139.7)]
FRANCE = shapely.box(0.0, 45.0, 6.0, 50.0)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKHEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def encoder():
    return Waves().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def gallery(encoder):
    rng = np.random.default_rng(0)
    units = np.concatenate([town.unit + 1e-3 * rng.normal(size=(40, 3)) for town in TOWNS])
    return Gallery.of(encoder, units / np.linalg.norm(units, axis=1, keepdims=True), Sharpness(40.0, 0.2))


def view(gallery, point):
    return gallery.encoder.embed(point.unit[None])[0].numpy()


def test_the_cells_are_disjoint_and_fine_where_the_places_are(gallery):
    first, last = cells.id_range(gallery.leaves)
    assert (last[:-1] < first[1:]).all()
    at = cells.find(gallery.leaves, cells.cell_ids(np.stack([town.unit for town in TOWNS]), cells.MAX_LEVEL))
    assert (cells.levels(gallery.leaves[at]) == FINEST).all()


def test_every_land_cell_is_there_and_has_a_place(gallery):
    assert set(cells.parents(gallery.leaves, 6)) == set(gazetteer().land[0])
    count = np.bincount(gallery.leaf, minlength=len(gallery.leaves))
    assert count.min() == 1 and 1 < count.max() <= MOST
    held = cells.find(gallery.leaves, cells.cell_ids(gallery.units, cells.MAX_LEVEL))
    np.testing.assert_array_equal(held, gallery.leaf)


def test_the_mean_over_land_is_one(gallery):
    ratio = np.exp(gallery.log_ratio(gallery.cosines(view(gallery, TOWNS[0]))))
    assert gallery.land @ ratio == pytest.approx(1.0, abs=1e-9)


def test_the_log_ratio_follows_the_formula(gallery):
    feature = view(gallery, TOWNS[1])
    cosines = gallery.encoder.embed(gallery.units).double().numpy() @ feature
    density = np.bincount(gallery.leaf, np.exp(40 * cosines)) / np.bincount(gallery.leaf)
    expected = np.log(0.8 * density / (gallery.land @ density) + 0.2)
    np.testing.assert_allclose(gallery.log_ratio(gallery.cosines(feature)), expected, atol=0.05)  # float16 on disk


@pytest.mark.parametrize("town", TOWNS[:2])
def test_it_points_at_the_place_in_fine_cells(gallery, town):
    where = gallery.where(view(gallery, town))
    first, last = cells.id_range(where.ids)
    assert (last[:-1] < first[1:]).all()
    best = where.ids[[int(np.argmax(where.log_ratio))]]
    assert cells.levels(best)[0] == FINEST
    assert great_circle_km(cells.centers(best)[0], town.unit) < 30
    assert where.log_ratio.max() > 1.0


def test_merging_cells_keeps_the_mass(gallery):
    where = gallery.where(view(gallery, TOWNS[0]))
    ratio = np.exp(where.at(gallery.leaves))
    assert gallery.land @ ratio == pytest.approx(1.0, abs=0.02)


def test_a_picture_that_tells_nothing_says_nothing(gallery):
    where = dataclasses.replace(gallery, sharpness=Sharpness(40.0, 1.0)).where(view(gallery, TOWNS[0]))
    assert len(where.ids) == 0 and where.elsewhere == 0.0


def test_a_crowded_town_is_no_likelier_for_it(encoder, gallery):
    paris = np.repeat(TOWNS[0].unit[None], 500, axis=0)
    rest = np.stack([town.unit for town in TOWNS])
    thin, crowded = (
        Gallery.of(encoder, units, Sharpness(40.0, 0.2)) for units in (rest, np.concatenate([rest, paris]))
    )
    feature = view(gallery, TOWNS[2])
    np.testing.assert_array_equal(crowded.where(feature).log_ratio, thin.where(feature).log_ratio)


def test_the_length_of_a_feature_does_not_matter(gallery):
    feature = view(gallery, TOWNS[3])
    np.testing.assert_allclose(gallery.cosines(7.0 * feature), gallery.cosines(feature), atol=1e-6)


def test_embeddings_are_computed_once(gallery, monkeypatch):
    expected = gallery.embeddings
    again = dataclasses.replace(gallery)
    monkeypatch.setattr(LocationEncoder, "embed", lambda *_: pytest.fail("embedded again"))
    assert torch.equal(again.embeddings, expected)


def test_the_most_alike_places_come_first_one_a_cell(gallery):
    found = gallery.top(view(gallery, TOWNS[3]), 3)
    assert found[0].point.distance_km(TOWNS[3]) < 30 and found[0].cosine > 0.8
    assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)
    ids = cells.cell_ids(np.stack([one.point.unit for one in found]), cells.MAX_LEVEL)
    assert len(set(cells.find(gallery.leaves, ids))) == 3


def test_the_same_places_are_laid_out_once(gallery, monkeypatch):
    first = GalleryPlaces.cached(gallery.units, FRANCE)
    monkeypatch.setattr(GalleryPlaces, "of", lambda *_: pytest.fail("laid out again"))
    again = GalleryPlaces.cached(gallery.units, FRANCE)
    for name, part in vars(first).items():
        np.testing.assert_array_equal(vars(again)[name], part)


def test_within_a_region_only_its_land_is_compared(encoder):
    gallery = Gallery(encoder, GalleryPlaces.of(np.stack([town.unit for town in TOWNS]), FRANCE), Sharpness(40.0, 0.2))
    lat_deg, lon_deg = lat_lon_deg(gallery.units)
    assert (lat_deg > 44.9).all() and (lat_deg < 50.1).all() and (lon_deg > -0.1).all() and (lon_deg < 6.1).all()
    assert (cells.levels(gallery.leaves) == FINEST).all() and len(gallery.leaves) > 400
    where = gallery.where(view(gallery, TOWNS[0]))
    best = cells.centers(where.ids[[int(np.argmax(where.log_ratio))]])[0]
    assert great_circle_km(best, TOWNS[0].unit) < 30
    assert gallery.land @ np.exp(gallery.log_ratio(gallery.cosines(view(gallery, TOWNS[0])))) == pytest.approx(1.0)


def test_a_region_without_land_is_refused():
    with pytest.raises(ValueError, match="holds no land"):
        GalleryPlaces.of(TOWNS[0].unit[None], shapely.box(-40.0, 30.0, -39.0, 31.0))


@pytest.mark.parametrize(
    "text",
    [
        "LAT,LON\n48.5,2.25\n-1,25\n",
        'name,"lon","lat"\n"a, b",2.25,48.5\nc,25,-1\n',
        "\ufefflat_deg,lon_deg\n48.5,2.25\n-1,25",
    ],
)
def test_own_places_are_read_from_a_table(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    units = read_places(tmp_path / "a.csv")
    np.testing.assert_allclose(units, np.stack([GeoPoint(48.5, 2.25).unit, GeoPoint(-1.0, 25.0).unit]), atol=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column LAT"),
        ("lat,lon\n1,x\n", "two numbers"),
        ("lat,lon\n91,2\n", "beyond"),
        ("lat,lon\nnan,2\n", "beyond"),
    ],
)
def test_tables_of_something_else_are_refused(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_places(tmp_path / "a.csv")
