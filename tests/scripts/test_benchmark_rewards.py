import json

import numpy as np
import pytest

from lookhear.reasoning.named_place import Named
from lookhear.scripts import benchmark_rewards as bench


def test_places_of_each_kind_are_drawn_once():
    rng = np.random.default_rng(0)
    for kind in bench.KINDS:
        places = bench.drawn_places(kind, 5, rng)
        assert {place.kind for place in places} == {kind} and len({id(place) for place in places}) == 5


def test_points_are_on_the_sphere_and_all_over_it():
    points = bench.drawn_points(400, np.random.default_rng(0))
    assert points.shape == (400, 3) and np.allclose(np.linalg.norm(points, axis=1), 1.0)
    assert np.abs(points[200:].mean(0)).max() < 0.2


def test_checks_a_second_count_every_point(monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "KINDS", ("earth",))
    monkeypatch.setattr(bench, "drawn_places", lambda *_: [Named("Earth", "earth")])
    monkeypatch.setattr(bench, "_seconds", lambda place, batches: asked.append(sum(map(len, batches))) or 2.0)
    rows = list(bench.containment(bench.BenchmarkRewardsConfig(points=100)))
    assert asked == [100, 50] and rows == [("earth", 50.0, 25.0), (bench.ALL, 50.0, 25.0)]


def test_the_share_of_a_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [{"step_time": 10.0, "reward_seconds": 0.1}, {"step_time": 30.0, "reward_seconds": 0.3}, {"loss": 1.0}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert bench.share_of_step(path) == pytest.approx(0.01)
    path.write_text('{"loss": 1.0}\n')
    with pytest.raises(ValueError, match="no step of GRPO"):
        bench.share_of_step(path)
