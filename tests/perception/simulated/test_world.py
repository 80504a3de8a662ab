import dataclasses

import numpy as np
import pytest
import torch
from small_sight import Waves

from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import GeoPoint, great_circle_km
from lookhear.perception.gallery import Gallery, Sharpness
from lookhear.perception.ranges import RangeModel, birdnet_week
from lookhear.perception.sharpness import fit_sharpness
from lookhear.perception.simulated import animals, sounds
from lookhear.perception.simulated.animals import AnimalConfig
from lookhear.perception.simulated.places import PlaceConfig, coast_km, describe, draw_places
from lookhear.perception.simulated.recordings import Recordings, draw_recordings
from lookhear.perception.simulated.sight import SightConfig, see
from lookhear.perception.simulated.sounds import SOUNDS, SoundConfig
from lookhear.perception.simulated.world import Nature, WorldConfig, simulate

pytestmark = pytest.mark.slow

SMALL = WorldConfig(places=PlaceConfig(count=12), clips_per_place=4)


@pytest.fixture(scope="module")
def nature(tmp_path_factory):
    torch.manual_seed(0)
    names = [(f"Genus{k // 3} species{k}", f"Bird {k}") for k in range(6521)] + [("Engine", "Engine")]
    towns = gazetteer().towns[1][::100]
    ranges = RangeModel().eval().requires_grad_(False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKHEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield Nature(ranges, names, Gallery.of(Waves(), towns, Sharpness()))


@pytest.fixture(scope="module")
def world(nature):
    return simulate(SMALL, nature)


def recordings(lat_deg, count, hour=12.0, day=200):
    place = np.repeat(np.arange(len(lat_deg)), count)
    same = np.full(len(place), hour)
    return Recordings(place, np.full(len(place), day), same, np.ones(len(place), dtype=bool))


def some(*points):
    return describe(np.stack([GeoPoint(*point).unit for point in points]))


def chance_of(label, places, **when):
    index = [sound.label for sound in SOUNDS].index(label)
    return sounds.chances(places, recordings(places.lat_deg, 1, **when))[:, index]


def test_the_same_seed_makes_the_same_world(nature, world):
    again = simulate(SMALL, nature)
    assert again.rows == world.rows
    assert [one.evidence for one in again.records] == [one.evidence for one in world.records]
    for ours, theirs in zip(world.records, again.records, strict=True):
        np.testing.assert_array_equal(ours.features["sight"], theirs.features["sight"])
    assert simulate(dataclasses.replace(SMALL, seed=1), nature).rows != world.rows


def test_rows_and_records_go_together(world):
    assert [row.clip_id for row in world.rows] == [record.clip_id for record in world.records]
    assert len({row.clip_id for row in world.rows}) == 48
    for row, record in zip(world.rows, world.records, strict=True):
        assert (row.date is None) == (record.week is None)
        assert row.date is None or record.week == birdnet_week(row.date)
        assert record.features["sight"].shape == (512,)


def test_a_place_is_in_one_split(world):
    assert len({(row.location_id, row.split) for row in world.rows}) == 12
    assert {row.split for row in world.rows} == {"train", "validation", "test"}


def test_evidence_is_well_formed(world):
    for record in world.records:
        assert [one.id for one in record.evidence] == [f"e{k + 1}" for k in range(len(record.evidence))]
        for one in record.evidence:
            assert 0 < one.confidence <= 0.98 and one.where is None
            assert all(0 <= m.start_s < m.end_s <= 10 for m in one.moments)
            assert one.name != "Engine" or one.kind == "sound"


def test_what_is_found_is_mostly_there(world):
    pairs = zip(world.rows, world.records, strict=True)
    true = [one.name in row.labels for row, record in pairs for one in record.evidence]
    assert 0.5 < np.mean(true) < 1.0


def test_an_impossible_world_is_refused():
    with pytest.raises(ValueError, match="at least one place"):
        WorldConfig(places=PlaceConfig(count=0))


def test_places_are_on_land_and_apart():
    places = draw_places(PlaceConfig(count=60), np.random.default_rng(0))
    km = great_circle_km(places.units[:, None], places.units[None]) + 1e9 * np.eye(60)
    assert km.min() > 35 and places.lat_deg.min() > -60
    assert all(places.continent) and 0 <= places.urban.min() < 0.1 < 0.9 < places.urban.max() <= 1


def test_too_many_places_are_refused():
    with pytest.raises(ValueError, match="were not found"):
        draw_places(PlaceConfig(count=20, apart_km=9000), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("point", "expected_km", "within_km"),
    [((43.70, 7.27), 0, 5), ((55.75, 37.62), 635, 30), ((-15.79, -47.88), 900, 50), ((40.38, 49.95), 3, 10)],
)
def test_the_sea_is_as_far_as_on_a_map(point, expected_km, within_km):
    assert coast_km(GeoPoint(*point).unit[None])[0] == pytest.approx(expected_km, abs=within_km)


def test_a_city_is_urban_and_a_desert_is_not():
    assert some((35.68, 139.69), (23.0, 5.0)).urban.tolist() == pytest.approx([1.0, 0.0], abs=0.01)


def test_more_is_recorded_in_summer_on_both_halves_of_the_earth():
    clips = draw_recordings(np.array([50.0, -50.0]), 4000, 0.7, np.random.default_rng(0))
    warm = (clips.week >= 17) & (clips.week <= 32)
    north, south = (warm[clips.place == k].mean() for k in range(2))
    assert north > 1 / 3 + 0.03 and south < 1 / 3 - 0.03
    assert clips.dated.mean() == pytest.approx(0.7, abs=0.03)


def test_sounds_know_their_place():
    cairo, rome, tokyo = 0, 1, 2
    places = some((30.04, 31.24), (41.9, 12.5), (35.68, 139.69))
    assert chance_of("call to prayer", places)[cairo] > 20 * chance_of("call to prayer", places)[rome]
    assert chance_of("church bells", places)[rome] > 5 * chance_of("church bells", places)[tokyo]
    assert chance_of("wailing siren", places)[cairo] > 5 * chance_of("two-tone siren", places)[cairo]


def test_surf_is_at_the_sea_and_frogs_are_in_the_warmth():
    places = some((43.70, 7.27), (48.86, 2.35))
    assert chance_of("surf", places)[0] > 0.1 > 1e-6 > chance_of("surf", places)[1]
    assert chance_of("frogs", places, day=200)[1] > 1.5 * chance_of("frogs", places, day=10)[1]
    assert chance_of("crickets", places, hour=23.0)[1] > 2 * chance_of("crickets", places)[1]


def test_sounds_are_missed_and_mistaken_as_often_as_said():
    chance = np.zeros((4000, len(SOUNDS)))
    chance[:, 3] = 1.0
    config = SoundConfig(heard=0.8, mistaken=0.1, false_alarms=0.0)
    there, sure = sounds.hear(config, chance, np.random.default_rng(0))
    assert there[:, 3].all() and there.sum() == 4000
    assert (sure > 0).sum() == pytest.approx(0.8 * 4000, rel=0.03)
    assert (sure[:, 3] > 0).mean() == pytest.approx(0.8 * 0.9, rel=0.03)


def test_only_species_of_the_place_sing_where_nothing_goes_wrong(nature):
    places, lonely = some((48.0, 2.0)), RangeModel().eval().requires_grad_(False)
    with torch.no_grad():
        lonely.classify.weight.zero_()
        lonely.classify.bias.fill_(-9.0)
        lonely.classify.bias[:60] = 4.0
    config = AnimalConfig(singers=5.0, mistaken=0.0, false_alarms=0.0, loudness=3.0)
    clips = recordings(places.lat_deg, 50, hour=7.0)
    species = {k: name for k, (name, _) in enumerate(nature.labels)}
    found = list(animals.hear(config, lonely, species, places, clips, 10.0, np.random.default_rng(0)))
    labels = {label for singers, _ in found for label in singers}
    assert len(labels) > 20 and max(labels) < 60
    assert {d.label for _, heard in found for d in heard} <= labels
    assert np.mean([len(singers) for singers, _ in found]) == pytest.approx(5 * 0.8, rel=0.25)


def test_a_mistaken_singer_is_of_the_same_genus(nature):
    species = dict(enumerate(["Turdus merula", "Turdus iliacus", "Parus major"]))
    relatives, rng = animals._relatives(species), np.random.default_rng(0)
    heard = {animals._as_heard(AnimalConfig(mistaken=1.0), 0, relatives, rng) for _ in range(50)}
    assert heard == {0, 1} and animals._as_heard(AnimalConfig(mistaken=1.0), 2, relatives, rng) == 2


def test_windows_are_counted_as_listening_does():
    assert [animals.window_count(s) for s in (3.0, 4.5, 10.0, 3.2)] == [1, 2, 6, 1]


def test_pictures_show_their_place_as_often_as_said(nature):
    units, place = nature.gallery.units[:100], np.repeat(np.arange(100), 20)
    config = SightConfig(itself=0.3, country=0.0, nothing=0.5, noise=0.2, own=0.0, agreement=1e6)
    feature = see(config, nature.gallery, units, place, np.random.default_rng(0))
    cosine = (feature * nature.gallery.encoder.embed(units).numpy()[place]).sum(1)
    assert np.linalg.norm(feature, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (cosine > 0.9).mean() == pytest.approx(0.3, abs=0.04)


def test_the_place_shows_through_its_look_alikes(nature):
    units, place = nature.gallery.units[:50], np.repeat(np.arange(50), 20)
    config = SightConfig(itself=0.0, country=0.0, nothing=0.0, noise=0.5, own=0.5)
    feature = see(config, nature.gallery, units, place, np.random.default_rng(0))
    own = nature.gallery.encoder.embed(units).numpy()
    assert (feature * own[place]).sum(1).mean() > (feature * own[(place + 25) % 50]).sum(1).mean() + 0.2


@pytest.mark.slow
def test_the_sharpness_of_clear_pictures_is_high(nature):
    units = nature.gallery.units[::400][:8]
    clear = nature.gallery.encoder.embed(units).numpy()
    rng = np.random.default_rng(0)
    blank = rng.standard_normal(clear.shape).astype(np.float32)
    sharp, gain = fit_sharpness(nature.gallery, clear, units)
    blunt, loss = fit_sharpness(nature.gallery, blank, units)
    assert sharp.beta > blunt.beta and sharp.nothing <= blunt.nothing and gain > loss + 3
