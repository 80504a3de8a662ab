from __future__ import annotations

import numpy as np
import pytest
import torch

from lookhear.perception.atoms.augment import window_of
from lookhear.perception.atoms.collection import Collection, read_recordings
from lookhear.perception.atoms.mixtures import Factory, MixtureConfig, Waves
from lookhear.perception.atoms.sources import Source, SourceError, refuse_unknown, split_by_origin, synthesised
from lookhear.perception.atoms.synthetic import NOTHING, SYNTHETIC
from lookhear.perception.atoms.virtual import draw_virtual


def test_gains_fall_strictly_and_classes_are_distinct(tones):
    factory = Factory(tones, MixtureConfig(nothing=0.1))
    drawn = [factory.draw(k) for k in range(200)]
    assert {len(one.sources) for one in drawn} == {1, 2, 3, 4}
    for one in drawn:
        steps_db = -20 * np.diff(np.log10(one.gains))
        assert ((steps_db >= 3) & (steps_db <= 12)).all() and one.gains[0] == 1.0
        labels = [tones[k].labels for k in one.sources]
        assert len(set(labels)) == len(labels)
    noise = [one for one in drawn if not tones[one.sources[0]].labels]
    assert 6 < len(noise) < 45 and all(len(one.sources) == 1 for one in noise)
    assert drawn == [factory.draw(k) for k in range(200)]
    assert drawn != [Factory(tones, MixtureConfig(nothing=0.1, seed=1)).draw(k) for k in range(200)]


def test_a_mixture_is_the_sum_of_its_sounds_at_their_gains(tones):
    waves = Waves(tones, 8000, 8000)
    mixture = Factory(tones, MixtureConfig(variants=3)).draw(5, 2)
    loud, faint = (waves.single(s, v) for s, v in zip(mixture.sources, mixture.variants, strict=True))
    assert np.allclose(waves.mixture(mixture), loud + np.float32(mixture.gains[1]) * faint, atol=1e-6)
    assert np.sqrt(np.square(faint).mean()) == pytest.approx(np.sqrt(np.square(loud).mean()), rel=1e-2)


def test_a_share_of_sounds_is_heard_as_it_is(tones):
    def share(**settings):
        factory = Factory(tones, MixtureConfig(variants=8, nothing=0.0, **settings))
        variants = [one for k in range(400) for one in factory.draw(k).variants]
        return np.mean(np.array(variants) == settings.get("first_variant", 0)), set(variants)

    for as_is in (0.0, 0.4, 1.0):
        found, variants = share(as_is=as_is)
        assert found == pytest.approx(as_is + (1 - as_is) / 8, abs=0.04) and variants <= set(range(8))
    assert share(first_variant=900, as_is=0.0)[1] == set(range(900, 908))
    with pytest.raises(ValueError, match="from 900 on hold no sound as it is"):
        MixtureConfig(first_variant=900)
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.5"):
        MixtureConfig(as_is=1.5)


def test_a_clip_of_several_labels_never_meets_one_of_them():
    def sound(*labels: str) -> Source:
        return Source(labels, labels[0], "".join(labels), lambda rate: np.ones(rate, np.float32))

    factory = Factory([sound("a", "b"), sound("b"), sound("c")], MixtureConfig(most=2))
    pairs = {frozenset(factory.draw(k, 2).sources) for k in range(100)}
    assert pairs == {frozenset({0, 2}), frozenset({1, 2})}


@pytest.mark.parametrize("length", [100, 8000, 30_000])
def test_every_variant_is_a_window_at_one_level(length):
    sound = np.random.default_rng(0).normal(0.3, 0.01, size=length).astype(np.float32)
    for rng in (None, *map(np.random.default_rng, range(4))):
        window = window_of(sound, 8000, 8000, rng)
        assert window.shape == (8000,) and np.isfinite(window).all()
        assert np.sqrt(np.square(window).mean()) <= 0.1001
    assert abs(window_of(sound, 8000, 8000, None).mean()) < 1e-3


@pytest.mark.parametrize("label", [name for name in (*SYNTHETIC, *NOTHING) if name not in ("Music", "Piano", "Speech")])
def test_synthesised_sounds_are_sounds_and_differ(label):
    one, other = (synthesised(label, k).read(16_000) for k in (0, 1))
    assert one.dtype == np.float32 and np.isfinite(one).all() and 0.01 < np.abs(one).max() <= 1
    assert not np.allclose(one, other) and np.array_equal(one, synthesised(label, 0).read(16_000))


def test_a_class_is_split_by_origin_and_one_origin_is_not(tones):
    def sound(label: str, origin: str) -> Source:
        return Source((label,), origin, label + origin, tones[0].read)

    sounds = [sound("rain", "x"), sound("rain", "x"), sound("rain", "y"), sound("bell", "x"), sound("bell", "x")]
    training, unseen = split_by_origin(sounds)
    assert unseen == [sounds[2]] and training == [sounds[k] for k in (0, 1, 3, 4)]


def test_labels_that_a_dictionary_has_not_are_named(tones):
    with pytest.raises(SourceError, match=r"2 labels are not among the 2 classes.*'middle', 'top'"):
        refuse_unknown(tones, ("low", "high"))


def test_too_few_classes_and_gains_that_do_not_fall_are_refused(tones):
    with pytest.raises(SourceError, match="sounds of 1 classes, but mixtures of 4"):
        Factory(tones[:2], MixtureConfig())
    with pytest.raises(ValueError, match="must fall strictly"):
        MixtureConfig(step_db=(0.0, 3.0))


def test_a_set_without_a_sound_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("file,labels\nmissing.wav,Rain\n")
    with pytest.raises(SourceError, match="No labelled sound could be read"):
        read_recordings(tmp_path, "csv", quiet=True)


def test_synthesised_sounds_are_never_among_the_unseen():
    collection = Collection.of([], [], synthetic=3)
    assert collection.unseen == () and set(collection.classes) == set(SYNTHETIC)
    assert sum(not one.labels for one in collection.training) == 3 * len(NOTHING)


def test_virtual_mixtures_are_weighted_means_of_distinct_classes(known_world):
    _, examples = known_world(50)
    made = draw_virtual(examples, 200, (3.0, 12.0), torch.Generator().manual_seed(0))
    assert (made.truth.sum(1) <= 1).all() and made.truth[:, 0].any(1).all()
    assert ((made.parts >= 0) == made.truth.any(2)).all() and ((made.gains > 0) == (made.parts >= 0)).all()
    two = made.gains[:, 1] > 0
    assert (made.gains[two, 1] < made.gains[two, 0]).all()
    k = int(torch.nonzero((made.parts >= 0).sum(1) == 2)[0])
    parts, gains = made.parts[k, :2], made.gains[k, :2]
    mean = (gains[:, None, None] * examples.singles[parts].float()).sum(0) / gains.sum()
    assert torch.allclose(made.maps[k], mean, atol=1e-4)
