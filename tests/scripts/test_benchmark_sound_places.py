from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from lookhear.perception.atoms.examples import Examples
from lookhear.perception.atoms.geotuning import GeotuningConfig
from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
from lookhear.perception.atoms.sources import Source
from lookhear.scripts.benchmark_sound_places import Placed, places

CLASSES = ("Church bell", "Two-tone siren", "Rain")
LABELS = [CLASSES[:1], (), CLASSES[:1], CLASSES[1:2], CLASSES[1:2], CLASSES[2:], CLASSES[2:]]


def sound(labels: tuple[str, ...]) -> Source:
    return Source(labels, "", "", lambda _: np.zeros(0, np.float32))


def windows(each: int, seed: int) -> Placed:
    """Two kinds of each class, every kind an axis, and noise that has none."""
    axes = torch.eye(6)[[0, 0, 1, 2, 3, 4, 5]].repeat_interleave(each, 0)
    noise = 0.05 * torch.randn(axes.shape, generator=torch.Generator().manual_seed(seed))
    return Placed.of((axes + noise)[:, :, None], [sound(labels) for labels in LABELS], CLASSES)


@pytest.fixture
def sae() -> IcSae:
    made = IcSae(IcSaeConfig(CLASSES, features=6, kernels=6)).eval().requires_grad_(False)
    made.dictionary.copy_(torch.eye(6))
    return made


@pytest.fixture
def mixtures() -> Examples:
    parts, gains = torch.tensor([[0, -1], [1, 2], [4, 3]]), torch.tensor([[1.0, 0.0], [1.0, 0.5], [1.0, 0.5]])
    maps = (gains[:, :, None] * torch.eye(6)[parts.clamp(min=0)]).sum(1)
    labels = torch.eye(3).repeat_interleave(2, 0).bool()
    return Examples(maps[:, :, None].half(), torch.eye(6)[:, :, None].half(), parts, gains, labels)


def test_noise_has_no_place_and_kinds_of_a_class_have_their_own():
    placed = windows(4, 0)
    assert len(placed.maps) == 24 and placed.recording.unique().tolist() == [0, 2, 3, 4, 5, 6]
    assert torch.allclose(placed.places.sum(1), torch.ones(24)) and len(placed.places.unique(dim=0)) == 6


def test_the_table_says_what_tuning_lost_and_gained(sae, mixtures, monkeypatch):
    monkeypatch.setattr("lookhear.perception.atoms.geotuning.GeotuningConfig", short)
    said = places(sae, mixtures, mixtures, windows(20, 1), windows(5, 2)).splitlines()
    assert said[0] == "3 mixtures; 30 windows of 6 sounds" and len(said) == 6
    assert said[2].split()[4:7] == ["100.0", "100.0", "nan"] and "(+0.0 to +0.0)" in said[2]
    log_p = [float(re.findall(r"-\d\.\d{3}", line)[0]) for line in said[2:5]]
    nothing, classes, best = (float(value) for value in re.findall(r"-\d\.\d{3}", said[5]))
    assert nothing < classes < min(log_p) and max(log_p) <= best  # kernels that tell kinds apart need no tuning


def short(consistency: float = 1.0) -> GeotuningConfig:
    return GeotuningConfig(steps=5, head_steps=300, batch=16, lr=1e-3, consistency=consistency)
