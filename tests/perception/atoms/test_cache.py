from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lookhear.perception.atoms.cache import CacheError, MapCache, Piece, turns
from lookhear.perception.encoders import SoundError
from lookhear.perception.encoders.placeholder import PlaceholderEncoder

WAVES = [np.random.default_rng(k).normal(size=8000).astype(np.float32) for k in range(3)]


THREE = [Piece("three", lambda: WAVES)]


def files(folder):
    return sorted(folder.rglob("*.safetensors"))


def test_no_sound_is_encoded_twice(tmp_path):
    first = MapCache(tmp_path, PlaceholderEncoder())
    made = first.maps(THREE)
    again = MapCache(tmp_path, PlaceholderEncoder())
    assert torch.equal(again.maps([Piece("three", lambda: pytest.fail("encoded again"))]), made)
    assert (first.encoded, again.encoded, made.dtype) == (3, 0, torch.float16)
    assert torch.allclose(made[1].float(), PlaceholderEncoder().feature_map(torch.tensor(WAVES[1])[None])[0], rtol=1e-2)


def test_other_settings_never_meet_its_entries(tmp_path):
    MapCache(tmp_path, PlaceholderEncoder()).maps(THREE)
    other = MapCache(tmp_path, PlaceholderEncoder(times=8))
    assert other.maps(THREE).shape == (3, 16, 8) and other.encoded == 3


def test_an_entry_of_other_settings_is_refused_and_left_alone(tmp_path):
    cache, other = MapCache(tmp_path, PlaceholderEncoder()), MapCache(tmp_path, PlaceholderEncoder(times=8))
    cache.maps(THREE)
    mine = files(tmp_path)[0]
    other.maps(THREE)
    foreign = next(path for path in files(tmp_path) if path != mine)
    mine.write_bytes(foreign.read_bytes())
    with pytest.raises(CacheError, match="written by other settings"):
        cache.maps(THREE)
    assert mine.read_bytes() == foreign.read_bytes()


def test_a_damaged_entry_is_made_again(tmp_path, capsys):
    cache = MapCache(tmp_path, PlaceholderEncoder())
    made = cache.maps(THREE)
    path = files(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-10])
    assert torch.equal(cache.maps(THREE), made) and "made again" in capsys.readouterr().err


def test_sound_that_is_no_number_is_refused_and_nothing_written(tmp_path):
    cache = MapCache(tmp_path, PlaceholderEncoder())
    with pytest.raises(SoundError, match="1 of 8000 samples are NaN"):
        cache.maps([Piece("bad", lambda: [WAVES[0], np.where(np.arange(8000) == 7, np.nan, WAVES[1])])])
    assert not files(tmp_path)


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [1, 5, 12])
def test_every_process_goes_through_all_pieces_its_own_first(count, processes):
    orders = [turns(count, process, processes) for process in range(processes)]
    assert all(sorted(order) == list(range(count)) for order in orders)
    own = [order[: count * (p + 1) // processes - count * p // processes] for p, order in enumerate(orders)]
    assert sorted(k for share in own for k in share) == list(range(count))


def test_two_processes_share_the_encoding(tmp_path):
    """Each piece waits until the other process has made one, as if both ran side by side."""
    caches = [MapCache(tmp_path, PlaceholderEncoder(), process, 2) for process in range(2)]
    orders, made = [iter(turns(8, process, 2)) for process in range(2)], []
    work = [Piece(f"piece {k}", lambda k=k: [WAVES[k % 3] * (k + 1)]) for k in range(8)]
    for cache, k in ((caches[p], k) for pair in zip(*orders, strict=True) for p, k in enumerate(pair)):
        before = cache.encoded
        cache.maps([work[k]])
        made += [k] * (cache.encoded - before)
    assert sorted(made) == list(range(8)) and [cache.encoded for cache in caches] == [4, 4]
    assert torch.equal(caches[0].maps(work), caches[1].maps(work)) and [one.encoded for one in caches] == [4, 4]


def test_what_a_killed_process_left_the_others_do(tmp_path):
    work = [Piece(f"piece {k}", lambda k=k: [WAVES[k]]) for k in range(3)]
    alone = MapCache(tmp_path, PlaceholderEncoder(), 1, 2)
    assert len(alone.maps(work)) == 3 and alone.encoded == 3


def test_more_mixtures_cost_only_themselves(studio):
    first = studio(seed=3)
    few = first.examples(range(220))
    encoded = first.cache.encoded
    more = first.examples(range(300))
    several = [sum(len(first.factory.draw(k).sources) > 1 for k in range(n)) for n in (220, 300)]
    assert torch.equal(more.maps[:220], few.maps)
    assert first.cache.encoded - encoded == several[1] - several[0] // 128 * 128 < several[1]


def test_what_examples_say_is_what_was_mixed(studio):
    made = studio(nothing=0.2)
    examples = made.examples(range(60))
    truth = examples.truth(torch.arange(60))
    for k in range(60):
        mixture = made.factory.draw(k)
        labels = [made.factory.sources[s].labels for s in mixture.sources]
        assert [[made.classes[c] for c in row.nonzero()[:, 0]] for row in truth[k] if row.any()] == [
            list(one) for one in labels if one
        ]
        assert examples.gains[k, : len(labels)].tolist() == pytest.approx(list(mixture.gains))
    assert replace(examples, gains=examples.gains).pooled(lambda maps: maps.mean(2)).maps.shape == (60, 16, 1)


def test_targets_are_the_parts_at_their_gains(studio):
    made = studio(nothing=0.2)
    plain, exact = made.examples(range(30)), made.with_exact_targets(range(30))
    rows = torch.arange(30)
    assert torch.equal(exact.truth(rows), plain.truth(rows)) and torch.equal(exact.maps, plain.maps)
    k = next(k for k in range(30) if (plain.parts[k] >= 0).sum() == 2)
    mixture = made.factory.draw(k)
    faint = np.float32(mixture.gains[1]) * made.waves.single(mixture.sources[1], mixture.variants[1])
    map_of_it = PlaceholderEncoder().feature_map(torch.tensor(faint)[None])[0]
    assert torch.allclose(exact.targets(rows)[k, 1].float(), map_of_it, rtol=1e-2, atol=1e-6)
    assert exact.gains[k].tolist() == [1.0, 1.0, 0.0]
