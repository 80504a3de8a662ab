"""The data factory of MART: mixtures of one to four sounds at strictly falling gains, made in the wave domain.

In: sources, and a number. Out: the mixture of that number: which sounds, in which variant, how loud, and the sum of
their waves. Everything follows from the seed and the number, so a mixture is drawn again from its recipe at any time,
on any process. Each sound stands at the same root mean square over the window before its gain is applied, so "loudest"
means most energy in the window (AVG, section 3.1: g_1 > g_2 > …).
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lookhear.data.waves import PEAK
from lookhear.perception.atoms.augment import window_of
from lookhear.perception.atoms.sources import Source, SourceError, classes_of

AS_IS = 0
"""Number of the variant that is the sound itself."""

KEPT_WINDOWS = 8_192
"""Windows of sources kept in memory as 16-bit floats; 2.4 GB at BirdNET's rate."""


@dataclass(frozen=True)
class MixtureConfig:
    """What mixtures are like.

    Raises:
        ValueError: gains would not fall.
    """

    most: int = 4
    """Sounds in a mixture: from one to this many, equally often."""
    step_db: tuple[float, float] = (3.0, 12.0)
    """Each sound is fainter than the one before by something between these."""
    variants: int = 16
    """Ways in which each sound is heard (`augment`); number 0 is the sound as it is. 1: no augmentation."""
    first_variant: int = 0
    """Number of the first of them: others than in training for a test of fresh ones."""
    as_is: float = 0.4
    """Share of sounds that are heard as they are, beside those for which that variant is drawn among all."""
    nothing: float = 0.06
    """Share of windows with noise alone, from which no atom may come."""
    seed: int = 0
    """Everything that is drawn follows from it."""

    def __post_init__(self) -> None:
        if not 0 < self.step_db[0] <= self.step_db[1]:
            raise ValueError(f"Gains must fall strictly, but steps of {self.step_db} dB were asked for.")
        if self.most < 1 or self.variants < 1:
            raise ValueError("A mixture needs one sound at least, and a sound one variant.")
        if not 0 <= self.as_is <= 1:
            raise ValueError(f"The share of sounds as they are must be between 0 and 1, not {self.as_is}.")
        if self.as_is and self.first_variant:
            raise ValueError(f"Variants from {self.first_variant} on hold no sound as it is; set as_is to 0.")


@dataclass(frozen=True)
class Mixture:
    """One recipe, loudest sound first."""

    sources: tuple[int, ...]
    """Which sounds."""
    variants: tuple[int, ...]
    """In which of their variants."""
    gains: tuple[float, ...]
    """Amplitudes, strictly falling from 1."""


@dataclass(frozen=True)
class Factory:
    """Draws mixtures.

    Raises:
        SourceError: there are fewer classes than sounds in a mixture.
    """

    sources: Sequence[Source]
    """The sounds; those without labels are noise."""
    config: MixtureConfig
    """What mixtures are like."""

    def __post_init__(self) -> None:
        found = len(classes_of(self.sources))
        if found < self.config.most:
            raise SourceError(
                f"There are sounds of {found} classes, but mixtures of {self.config.most} distinct ones "
                "were asked for; give more sounds or ask for fewer with --most."
            )

    def draw(self, number: int, count: int | None = None) -> Mixture:
        """The mixture of that number, with a drawn or a given count of sounds."""
        rng = np.random.default_rng([self.config.seed, number])
        config = self.config
        nothing = rng.uniform() < config.nothing and count is None and bool(self._noises)
        count = count or int(rng.integers(1, config.most + 1))
        chosen = [int(rng.choice(self._noises))] if nothing else self._distinct(count, rng)
        fall_db = np.concatenate([[0.0], np.cumsum(rng.uniform(*config.step_db, len(chosen) - 1))])
        varied = config.first_variant + rng.integers(0, config.variants, len(chosen))
        variants = np.where(rng.uniform(size=len(chosen)) < config.as_is, AS_IS, varied)
        return Mixture(tuple(chosen), tuple(map(int, variants)), tuple((10 ** (-fall_db / 20)).tolist()))

    def _distinct(self, count: int, rng: np.random.Generator) -> list[int]:
        """Sounds of classes that no other of them has; every class is equally likely to come first."""
        chosen: list[int] = []
        used: set[str] = set()
        for label in rng.permutation(len(self._by_class)):
            fit = [k for k in self._by_class[label] if used.isdisjoint(self.sources[k].labels)]
            if fit:
                chosen.append(int(rng.choice(fit)))
                used.update(self.sources[chosen[-1]].labels)
            if len(chosen) == count:
                break
        return chosen

    @cached_property
    def _by_class(self) -> list[list[int]]:
        names = classes_of(self.sources)
        return [[k for k, source in enumerate(self.sources) if name in source.labels] for name in names]

    @cached_property
    def _noises(self) -> list[int]:
        return [k for k, source in enumerate(self.sources) if not source.labels]


class Waves:
    """Waves of sources and mixtures for one encoder's window; the last used are kept."""

    def __init__(self, sources: Sequence[Source], sample_rate_hz: int, samples: int) -> None:
        self.sources, self.sample_rate_hz, self.samples = sources, sample_rate_hz, samples
        self._windows: OrderedDict[tuple[int, int], ndarray] = OrderedDict()
        self._read: dict[int, Float32[ndarray, " n"]] = {}

    def single(self, source: int, variant: int) -> Float32[ndarray, " samples"]:
        """One sound in one variant, at a gain of 1."""
        key = (source, variant)
        if key not in self._windows:
            self._windows[key] = self._make(source, variant).astype(np.float16)
            if len(self._windows) > KEPT_WINDOWS:
                self._windows.popitem(last=False)
        return self._windows[key].astype(np.float32)

    def mixture(self, mixture: Mixture) -> Float32[ndarray, " samples"]:
        """The sum; quieter as a whole where it would pass full scale."""
        total = np.zeros(self.samples, np.float32)
        for source, variant, gain in zip(mixture.sources, mixture.variants, mixture.gains, strict=True):
            total += np.float32(gain) * self.single(source, variant)
        return total * np.float32(min(1.0, PEAK / max(float(np.abs(total).max()), 1e-9)))

    def _make(self, source: int, variant: int) -> Float32[ndarray, " samples"]:
        if source not in self._read:
            self._read[source] = self.sources[source].read(self.sample_rate_hz)
            if len(self._read) > KEPT_WINDOWS:
                self._read.pop(next(iter(self._read)))
        seed = zlib.crc32(self.sources[source].digest.encode())
        rng = np.random.default_rng([seed, variant]) if variant else None
        return window_of(self._read[source], self.samples, self.sample_rate_hz, rng)
