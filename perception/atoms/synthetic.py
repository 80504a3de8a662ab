"""Synthesised sounds of classes that recordings lack: sirens of two kinds, a bicycle bell, reversing beeps.

In: a class of `SYNTHETIC`, and chance. Out: mono samples. They have the pitch, rhythm and spectrum of the real thing,
not its timbre (see `lookhear.data.synthesis`), so a figure measured on them must not be mixed with one of recordings.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from numpy.random import Generator

from lookhear.data import synthesis, synthesis_music
from lookhear.data.synthesis import Maker
from lookhear.data.waves import add, levelled, noise


def two_tone_siren(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """Two tones a fourth apart, each 0.4 to 1 s long, as fire engines of Europe and East Asia have."""
    t = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    low_hz, every_s, start = rng.uniform(360, 520), rng.uniform(0.4, 1.0), rng.uniform(0, 2)
    high = np.floor(t / every_s + start) % 2
    return levelled(_harmonics(low_hz * np.where(high, rng.uniform(1.25, 1.4), 1.0), sample_rate_hz, rng))


def wailing_siren(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """A pitch that climbs and falls between some 500 and 1500 Hz, slowly (wail) or several times a second (yelp)."""
    t = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    rate_hz = rng.uniform(0.15, 0.35) if rng.uniform() < 0.6 else rng.uniform(2, 4)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * (rate_hz * t + rng.uniform()))
    low_hz, high_hz = rng.uniform(450, 700), rng.uniform(1100, 1700)
    return levelled(_harmonics(low_hz * (high_hz / low_hz) ** swing, sample_rate_hz, rng))


def bicycle_bell(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """A small bell that a thumb rings: bursts of quick strokes, partials from 2 kHz on."""
    sound = np.zeros(round(duration_s * sample_rate_hz))
    t = np.arange(round(0.8 * sample_rate_hz)) / sample_rate_hz
    base_hz, dying_s = rng.uniform(1800, 3200), rng.uniform(0.1, 0.3)
    partials = ((1, 1.0), (1.006, 0.7), (2.4, 0.6), (4.1, 0.3))
    stroke = sum(
        loud * np.exp(-t * ratio / dying_s) * np.sin(2 * np.pi * base_hz * ratio * t) for ratio, loud in partials
    )
    start_s = rng.uniform(0, 0.8)
    while start_s < duration_s:
        for _ in range(rng.integers(2, 9)):
            add(sound, start_s, np.asarray(stroke) * rng.uniform(0.4, 1), sample_rate_hz)
            start_s += rng.uniform(0.05, 0.12)
        start_s += rng.uniform(0.5, 2)
    return levelled(sound)


def reversing_beeps(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """A lorry that backs up: a tone near 1 to 3 kHz, half on and half off."""
    t = np.arange(round(duration_s * sample_rate_hz)) / sample_rate_hz
    on = (t * rng.uniform(0.8, 1.6) + rng.uniform()) % 1 < 0.5
    hz = np.full(len(t), rng.uniform(900, 2800))
    return levelled(_harmonics(hz, sample_rate_hz, rng) * on)


def jackhammer(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """Twenty to thirty blows a second, each a burst of noise that rings, in bouts."""
    n = round(duration_s * sample_rate_hz)
    t = np.arange(n) / sample_rate_hz
    blow = np.exp(-((t * rng.uniform(18, 30)) % 1) / 0.15)
    bouts = np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * t + rng.uniform(0, 6)) > -0.6
    centre_hz = rng.uniform(600, 2500)
    rattle = noise(n, sample_rate_hz, rng, lambda hz: np.exp(-(np.log((hz + 1) / centre_hz) ** 2)))
    return levelled(rattle * blow * bouts)


SYNTHETIC: dict[str, Maker] = {
    "Two-tone siren": two_tone_siren,
    "Wailing siren": wailing_siren,
    "Bicycle bell": bicycle_bell,
    "Reversing beeps": reversing_beeps,
    "Jackhammer": jackhammer,
    "Church bell": synthesis.bell,
    "Rain": synthesis.rain,
    "Waves, surf": synthesis.surf,
    "Cricket": synthesis.insects,
    "Speech": synthesis.speech,
    "Music": synthesis_music.music_band,
    "Piano": synthesis_music.music_piano,
}
"""Makers by class; most names are AudioSet's, the two sirens are ours, for AudioSet does not part them."""


def hiss(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """Noise of any colour between white and falling by 9 dB an octave."""
    power = rng.uniform(0, 1.5)
    return levelled(noise(round(duration_s * sample_rate_hz), sample_rate_hz, rng, lambda hz: (1 + hz / 50) ** -power))


def hum(duration_s: float, sample_rate_hz: int, rng: Generator) -> Float32[ndarray, " n"]:
    """A steady tone, or mains with its harmonics, over a little noise."""
    n = round(duration_s * sample_rate_hz)
    base_hz = rng.choice([50.0, 60.0, rng.uniform(100, 4000)])
    tone = _harmonics(np.full(n, base_hz), sample_rate_hz, rng)
    return levelled(tone + rng.uniform(0.01, 0.3) * rng.standard_normal(n))


NOTHING: dict[str, Maker] = {"ambience": synthesis.ambience, "hiss": hiss, "hum": hum}
"""What must give no atom: none of them is of a class."""


def _harmonics(hz: ndarray, sample_rate_hz: int, rng: Generator) -> ndarray:
    """A horn's tone of that changing pitch."""
    phase, bright = 2 * np.pi * np.cumsum(hz) / sample_rate_hz, rng.uniform(0.3, 0.9)
    return np.asarray(
        sum(bright**k * np.sin((k + 1) * phase) for k in range(8) if (k + 1) * hz.max() < sample_rate_hz / 2.2)
    )
