from __future__ import annotations

import numpy as np
import pytest
import torch

from lookhear.perception.birdnet import BirdNet
from lookhear.perception.encoders import ENCODERS, SoundError
from lookhear.perception.encoders.birdnet_encoder import BirdNetEncoder, OverheardMaps
from lookhear.perception.encoders.encoder import SoundEncoder, window_samples, windows_of
from lookhear.perception.encoders.placeholder import PlaceholderEncoder


@pytest.fixture(scope="module")
def birdnet():
    torch.manual_seed(0)
    network = BirdNet().eval().requires_grad_(False)
    for spectrogram in (network.low, network.high):
        torch.nn.init.uniform_(spectrogram.window)
        torch.nn.init.uniform_(spectrogram.mel, 0, 1e-3)
    return network


def noise(seconds: float, rate: int = 8000) -> np.ndarray:
    return np.random.default_rng(0).normal(size=round(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [(0.1, [0.0]), (1.0, [0.0]), (1.1, [0.0, 0.5]), (1.5, [0.0, 0.5]), (2.2, [0.0, 0.5, 1.0, 1.5])],
)
def test_long_sound_is_cut_at_fixed_times_and_loses_nothing(seconds, starts):
    sound = noise(seconds)
    windows, starts_s = windows_of(sound, PlaceholderEncoder())
    assert starts_s.tolist() == starts and windows.shape == (len(starts), 8000)
    rebuilt = np.zeros(round((starts[-1] + 1) * 8000), np.float32)
    for start, window in zip(starts_s, windows, strict=True):
        rebuilt[round(start * 8000) :][:8000] = window
    assert np.array_equal(rebuilt[: len(sound)], sound) and not rebuilt[len(sound) :].any()


def test_what_is_no_sound_is_refused():
    with pytest.raises(SoundError, match="no samples"):
        windows_of(np.zeros(0, np.float32), PlaceholderEncoder())
    with pytest.raises(SoundError, match="2 of 8 samples are NaN or infinite"):
        windows_of(np.array([0, 1, np.nan, 0, np.inf, 0, 0, 0], np.float32), PlaceholderEncoder())


def test_the_placeholder_tells_tones_apart_and_hears_gain():
    encoder = PlaceholderEncoder()
    t = np.arange(8000) / 8000
    low, high = (torch.tensor(np.sin(2 * np.pi * hz * t), dtype=torch.float32)[None] for hz in (200, 3000))
    assert int(encoder.embed(low).argmax()) < int(encoder.embed(high).argmax())
    assert torch.allclose(encoder.embed(2 * low), 4 * encoder.embed(low))
    assert encoder.embed(0 * low).abs().max() == 0


@pytest.mark.parametrize("make", [PlaceholderEncoder, pytest.param(None, marks=pytest.mark.slow)])
def test_an_encoder_keeps_its_word(make, birdnet):
    encoder = make() if make else BirdNetEncoder(birdnet)
    assert isinstance(encoder, SoundEncoder) and encoder.name in ENCODERS
    windows = 0.1 * torch.randn(3, window_samples(encoder), generator=torch.Generator().manual_seed(0))
    maps, embeddings = encoder.feature_map(windows), encoder.embed(windows)
    assert maps.shape == (3, *encoder.map_shape) and embeddings.shape == (3, encoder.size)
    assert torch.allclose(encoder.pooled(maps), embeddings, atol=1e-5)
    assert torch.allclose(encoder.embed(windows[2:]), embeddings[2:], atol=1e-5)
    assert torch.allclose(encoder.embed(windows.flip(0)).flip(0), embeddings, atol=1e-5)
    louder = encoder.embed(0.25 * windows)
    assert encoder.hears_gain != torch.allclose(louder, embeddings, rtol=1e-3, atol=1e-4)


def test_a_fingerprint_follows_the_weights(birdnet):
    torch.nn.init.uniform_(birdnet.head.bias)
    encoder = BirdNetEncoder(birdnet)
    before = encoder.fingerprint()
    assert encoder.fingerprint() == before
    birdnet.head.bias.neg_()
    assert encoder.fingerprint() != before
    birdnet.head.bias.neg_()
    assert encoder.fingerprint() == before


def test_silence_and_a_constant_say_nothing_and_clipping_says_something(birdnet):
    t = torch.arange(144_000) / 48_000
    clipped = torch.clamp(3 * torch.sin(2 * torch.pi * 300 * t), -1, 1)
    maps = BirdNetEncoder(birdnet).feature_map(torch.stack([0 * t, 0 * t + 0.3, 0 * t - 1.0, clipped]))
    assert torch.isfinite(maps).all() and (maps[:3] == 0).all() and maps[3].abs().max() > 0


@pytest.mark.slow
def test_maps_are_overheard_without_running_twice(birdnet):
    windows = 0.1 * torch.randn(2, 144_000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode(), OverheardMaps(birdnet) as maps:
        birdnet(windows[:1])
        birdnet(windows[1:])
    assert torch.allclose(maps.stacked(), BirdNetEncoder(birdnet).feature_map(windows), atol=1e-5)
    with torch.inference_mode():
        birdnet(windows)
    assert len(maps.stacked()) == 2
