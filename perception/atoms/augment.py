"""One sound heard in many ways: another pitch, another microphone, a room, some noise.

In: a sound and a random generator. Out: a window of it, at the level of every finished sound (`waves.RMS`); the same
generator gives the same samples. Level is not varied here: mixtures have gains of their own. Variant 0 is the sound
as it is, cut or padded.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray
from numpy.random import Generator

from lookhear.data.waves import levelled, noise, shaped, unit

SEMITONES = 2.0
"""Pitch and speed go up or down by at most this much."""

NOISE_DB = (8.0, 40.0)
"""The sound is louder than added noise by something between these."""


def window_of(
    sound: Float32[ndarray, " n"], samples: int, sample_rate_hz: int, rng: Generator | None
) -> Float32[ndarray, " samples"]:
    """A window with the sound in it, changed by chance; without a generator its beginning as it is."""
    wave: Float[ndarray, " m"] = sound.astype(np.float64)
    wave = wave - wave.mean()
    if rng is None:
        return levelled(_placed(wave, samples, 0.0))
    wave = _placed(_faster(wave, 2 ** (rng.uniform(-SEMITONES, SEMITONES) / 12)), samples, rng.uniform())
    wave = shaped(wave, sample_rate_hz, _microphone(rng))
    if rng.uniform() < 0.5:
        wave = _in_a_room(wave, sample_rate_hz, rng)
    return levelled(unit(wave) + 10 ** (-rng.uniform(*NOISE_DB) / 20) * _noise(samples, sample_rate_hz, rng))


def _placed(wave: Float[ndarray, " n"], samples: int, where: float) -> Float[ndarray, " samples"]:
    """A cut of a long sound, or a short one with silence around it; `where` from 0 (first) to 1 (last)."""
    spare = len(wave) - samples
    start = round(abs(spare) * where)
    return wave[start : start + samples] if spare >= 0 else np.pad(wave, (start, -spare - start))


def _faster(wave: Float[ndarray, " n"], factor: float) -> Float[ndarray, " m"]:
    """Played so many times as fast, and as high."""
    at = np.arange(0, len(wave) - 1, factor)
    return np.interp(at, np.arange(len(wave)), wave) if len(at) > 1 else wave


def _microphone(rng: Generator):  # type: ignore[no-untyped-def]
    """A gentle slope, a low cut and a high cut."""
    slope, low_hz, high_hz = rng.uniform(-0.25, 0.25), rng.uniform(20, 200), rng.uniform(6_000, 20_000)
    return lambda hz: ((hz + 50) / 1000) ** slope / (1 + (low_hz / (hz + 1)) ** 2) / (1 + (hz / high_hz) ** 4)


def _in_a_room(wave: Float[ndarray, " n"], sample_rate_hz: int, rng: Generator) -> Float[ndarray, " n"]:
    """With reverberation: noise that dies away by 60 dB within 0.2 to 1.5 s."""
    decay_s, wet = rng.uniform(0.2, 1.5), rng.uniform(0.1, 0.6)
    n = len(wave)
    t = np.arange(min(n, round(decay_s * sample_rate_hz))) / sample_rate_hz
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / decay_s)
    echo = np.fft.irfft(np.fft.rfft(wave) * np.fft.rfft(tail, n), n)
    return (1 - wet) * unit(wave) + wet * unit(echo)


def _noise(samples: int, sample_rate_hz: int, rng: Generator) -> Float[ndarray, " samples"]:
    """A microphone's or the wind's: between white and 6 dB an octave."""
    power = rng.uniform(0, 1)
    return noise(samples, sample_rate_hz, rng, lambda hz: (1 + hz / 50) ** -power)
