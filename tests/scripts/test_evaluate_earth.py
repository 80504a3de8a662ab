from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from lookhear.data.geo import lat_lon_deg
from lookhear.scripts.evaluate_earth import EvaluateEarthConfig, evaluate_earth
from lookhear.scripts.evaluate_earth_data import read_places, split, without_copies

pytestmark = pytest.mark.usefixtures("one_thread")


def write_flood(folder, count=40):
    """Towns on a line of longitude, in the odd shape of the original files."""
    numbers = np.random.default_rng(0)
    towns = [f"{numbers.choice([10.0, 50.0]) + numbers.normal():.5f},{numbers.normal():.5f}" for _ in range(count)]
    (folder / "flood.csv").write_text("\r\n".join(["# where, from", "lat, lon", *towns, ""]))


def test_places_are_read_past_comments_and_headings(tmp_path):
    write_flood(tmp_path)
    lat_deg, lon_deg = lat_lon_deg(read_places(tmp_path, "flood"))
    assert len(lat_deg) == 40 and np.abs(lon_deg).max() < 5 and set(np.round(lat_deg / 40)) == {0, 1}


def test_a_missing_or_broken_file_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no flood.csv in"):
        read_places(tmp_path, "flood")
    write_flood(tmp_path, count=5)
    with pytest.raises(ValueError, match="5 places, too few"):
        read_places(tmp_path, "flood")
    (tmp_path / "flood.csv").write_text("\n".join(["91,0"] * 40))
    with pytest.raises(ValueError, match="nowhere on Earth"):
        read_places(tmp_path, "flood")


def test_the_split_is_that_of_random_split():
    units = torch.nn.functional.normalize(torch.randn(57, 3, dtype=torch.float64), dim=-1).numpy()
    parts = torch.utils.data.random_split(range(57), [47, 5, 5], generator=torch.Generator().manual_seed(3))
    ours = split(units, 3)
    for part, theirs in zip((ours.training, ours.validation, ours.test), parts, strict=True):
        assert np.allclose(part.numpy(), units[list(theirs)], atol=1e-6)


def test_copies_are_taken_out_of_all_but_the_training_places():
    units = torch.nn.functional.normalize(torch.randn(100, 3, dtype=torch.float64), dim=-1).numpy()
    twice = np.concatenate([units, units + 1e-5])
    whole = split(twice / np.linalg.norm(twice, axis=1, keepdims=True), 0)
    alone = without_copies(whole)
    assert len(alone.training) == 160 and 0 < len(alone.test) < 20
    assert torch.cdist(alone.test, alone.training).min() * 6371 > 1


@pytest.mark.slow
def test_the_table_is_printed_written_and_not_computed_twice(tmp_path, capsys, monkeypatch):
    pytest.importorskip("accelerate")
    write_flood(tmp_path)
    config = EvaluateEarthConfig(
        tmp_path, seeds=2, steps=2, hidden=8, batch=16, runs=tmp_path / "runs", out=tmp_path / "table.json"
    )
    assert evaluate_earth(config) == 0
    first, table = (tmp_path / "table.json").read_text(), capsys.readouterr().out
    lines = {line["model"]: line["test_nll"] for line in json.loads(first)}
    assert set(lines) == {
        "kernels, σ ≥ 64 km",
        "kernels, σ ≥ 0.6 km",
        "the same, and σ by neighbours",
        "flow from uniform",
        "flow from places",
    }
    assert all(len(nll) == 2 for nll in lines.values())
    assert np.mean(lines["flow from places"]) < 0 < 2 < np.mean(lines["flow from uniform"])
    assert "RFM 0.42, best 0.25" in table and f"{np.mean(lines['flow from places']):.3f} ±" in table
    monkeypatch.setattr("lookhear.scripts.evaluate_earth.train", lambda *_: pytest.fail("trained again"))
    assert evaluate_earth(config) == 0
    assert (tmp_path / "table.json").read_text() == first
