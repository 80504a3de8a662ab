from __future__ import annotations

import numpy as np
import pytest
import torch

from lookhear.perception.atoms.cache import MapCache
from lookhear.perception.atoms.examples import Examples, Studio
from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
from lookhear.perception.atoms.mixtures import Factory, MixtureConfig
from lookhear.perception.atoms.sources import Source
from lookhear.perception.encoders.placeholder import PlaceholderEncoder

TONES = {"low": 250.0, "middle": 1000.0, "high": 2500.0, "top": 3600.0}


@pytest.fixture(autouse=True)
def always_one_thread(one_thread):
    """Every test here trains or compares bit for bit."""


def tone(hertz: float, seed: int):
    def read(sample_rate_hz: int):
        t = np.arange(2 * sample_rate_hz) / sample_rate_hz
        rng = np.random.default_rng(seed)
        return (np.sin(2 * np.pi * hertz * t) + 0.01 * rng.normal(size=len(t))).astype(np.float32)

    return read


def quiet_noise(sample_rate_hz: int):
    return np.random.default_rng(0).normal(size=2 * sample_rate_hz).astype(np.float32)


@pytest.fixture
def tones() -> list[Source]:
    sounds = [Source((name,), f"{name}{k}", f"{name}{k}", tone(hz, k)) for name, hz in TONES.items() for k in range(2)]
    return [*sounds, Source((), "noise", "noise", quiet_noise)]


@pytest.fixture
def studio(tones, tmp_path):
    def make(count: int = 3, **settings) -> Studio:
        factory = Factory(tones, MixtureConfig(**{"most": count, "variants": 1, **settings}))
        return Studio(factory, tuple(TONES), MapCache(tmp_path / "cache", PlaceholderEncoder()), quiet=True)

    return make


@pytest.fixture
def known_world():
    """Mixtures of known atoms: 6 classes of 2 kernels in 24 dimensions, every sound 0.2 away from its atom."""

    def make(count: int, most: int = 3, seed: int = 0, classes: int = 6) -> tuple[torch.Tensor, Examples]:
        draws, each = torch.Generator().manual_seed(seed), 10
        atoms = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(5)))[0][: 2 * classes]
        sounds = atoms.repeat_interleave(each, 0)
        sounds = sounds + 0.2 * torch.nn.functional.normalize(torch.randn(sounds.shape, generator=draws), dim=1)
        order = torch.rand(count, classes, generator=draws).argsort(1)[:, :most]
        parts = 2 * each * order + torch.randint(0, 2 * each, order.shape, generator=draws)
        falls = 3 + 9 * torch.rand(count, most, generator=draws)
        falls[:, 0] = 0.0
        here = torch.arange(most) < torch.randint(1, most + 1, (count, 1), generator=draws)
        gains = 10 ** (-falls.cumsum(1) / 20) * here
        maps = (gains[:, :, None] * sounds[parts]).sum(1)[:, :, None]
        labels = torch.eye(classes, dtype=torch.bool).repeat_interleave(2 * each, 0)
        return atoms, Examples(maps.half(), sounds[:, :, None].half(), torch.where(here, parts, -1), gains, labels)

    return make


@pytest.fixture
def small_sae():
    def make(classes: int = 6, features: int = 24, **settings) -> IcSae:
        torch.manual_seed(0)
        names = tuple(f"class {k}" for k in range(classes))
        return IcSae(IcSaeConfig(names, features, 2 * classes, **settings))

    return make
