"""Mixtures as the IC-SAE learns from them: the encoder's maps, and what is in each.

In: a factory, a cache, and numbers of mixtures. Out: `Examples`: maps of the mixtures, maps of the single sounds in
them (the targets of the reconstruction loss), gains and classes. A mixture of one sound is that single sound. Where
the cache is empty, this takes the encoder's time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Float, Float16, Float32, Int
from numpy import ndarray
from torch import Tensor

from lookhear.perception.atoms.cache import MapCache, Piece
from lookhear.perception.atoms.mixtures import Factory, Mixture, Waves
from lookhear.perception.encoders.encoder import window_samples

PIECE = 128
"""Mixtures in a file of the cache: what a killed run loses at most."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Mixtures, encoded."""

    maps: Float16[Tensor, "n features positions"]
    """The encoder's map of each mixture."""
    singles: Float16[Tensor, "m features positions"]
    """Maps of single sounds at a gain of 1."""
    parts: Int[Tensor, "n most"]
    """Rows of `singles` that each is made of, loudest first; -1: none."""
    gains: Float[Tensor, "n most"]
    """Their gains; 0: none."""
    labels: Bool[Tensor, "m classes"]
    """Which classes are heard in each single sound; none in noise."""

    def __len__(self) -> int:
        return len(self.maps)

    def rows(self, rows: Int[Tensor, " some"] | slice) -> Examples:
        """Some of the mixtures."""
        return replace(self, maps=self.maps[rows], parts=self.parts[rows], gains=self.gains[rows])

    def pooled(self, pool: Callable[[Tensor], Tensor]) -> Examples:
        """The same mixtures with their embeddings in place of their maps: one position."""
        maps, singles = (
            torch.cat([pool(part.float()).half() for part in all_of.split(256)])[:, :, None]
            for all_of in (self.maps, self.singles)
        )
        return replace(self, maps=maps, singles=singles)

    def truth(self, rows: Int[Tensor, " batch"]) -> Bool[Tensor, "batch most classes"]:
        """The classes of each part, loudest first; none where there is no part."""
        parts = self.parts[rows]
        return self.labels[parts.clamp(min=0)] & (parts >= 0)[:, :, None]

    def targets(self, rows: Int[Tensor, " batch"]) -> Float16[Tensor, "batch most features positions"]:
        """The map of each part alone at a gain of 1; of the first sound of all where there is no part."""
        return self.singles[self.parts[rows].clamp(min=0)]


class Studio:
    """Makes and encodes the mixtures of one factory.

    Example:
        >>> studio = Studio(factory, classes, MapCache(folder, encoder))            # doctest: +SKIP
        >>> training = studio.examples(range(20_000))                               # doctest: +SKIP
    """

    def __init__(self, factory: Factory, classes: Sequence[str], cache: MapCache, quiet: bool = False) -> None:
        self.factory, self.classes, self.cache, self.quiet = factory, tuple(classes), cache, quiet
        self.waves = Waves(factory.sources, cache.encoder.sample_rate_hz, window_samples(cache.encoder))

    def examples(self, numbers: Iterable[int], count: int | None = None) -> Examples:
        """The mixtures of those numbers; `count` sounds in each, if that is not drawn."""
        drawn = [self.factory.draw(number, count) for number in numbers]
        used = sorted({source for one in drawn for source in one.sources})
        singles = self.singles(used)
        row = {source: k * self.factory.config.variants for k, source in enumerate(used)}
        parts = [self._rows(one, row) for one in drawn]
        maps = singles[[part[0] for part in parts]]
        several = [k for k, one in enumerate(drawn) if len(one.sources) > 1]
        if several:
            maps[several] = self._maps(_pieces([drawn[k] for k in several]), "Encoding mixtures")
        most = self.factory.config.most
        gains = torch.tensor([[*one.gains, *[0.0] * (most - len(one.gains))] for one in drawn])
        padded = torch.tensor([part + [-1] * (most - len(part)) for part in parts])
        return Examples(maps, singles, padded, gains, self._labels(used))

    def with_exact_targets(self, numbers: Iterable[int]) -> Examples:
        """The same with f(g·c) itself as the target of each part, for encoders that hear gain: each part is encoded.

        Without it, g·f(c) stands in: for BirdNET, where f(g·c) = f(c), there is nothing else.
        """
        numbers = list(numbers)
        plain, drawn = self.examples(numbers), [self.factory.draw(number) for number in numbers]
        parted = [part for one in drawn for part in zip(one.sources, one.variants, one.gains, strict=True)]
        alone = [Mixture((source,), (variant,), (gain,)) for source, variant, gain in parted]
        here = plain.parts >= 0
        parts = torch.full_like(plain.parts, -1)
        parts[here] = torch.arange(len(alone))
        singles = self._maps(_pieces(alone), "Encoding parts")
        return replace(plain, singles=singles, parts=parts, gains=here.float(), labels=plain.labels[plain.parts[here]])

    def _rows(self, mixture: Mixture, row: dict[int, int]) -> list[int]:
        first = self.factory.config.first_variant
        return [row[s] + v - first for s, v in zip(mixture.sources, mixture.variants, strict=True)]

    def singles(self, used: Sequence[int]) -> Float16[Tensor, "m features positions"]:
        """Every variant of each of those sounds, a piece a sound."""
        config = self.factory.config
        variants = range(config.first_variant, config.first_variant + config.variants)
        return self._maps([[Mixture((s,), (v,), (1.0,)) for v in variants] for s in used], "Encoding sounds")

    def _labels(self, used: Sequence[int]) -> Bool[Tensor, "m classes"]:
        known = {name: k for k, name in enumerate(self.classes)}
        labels = torch.zeros(len(used), len(self.classes), dtype=torch.bool)
        for k, source in enumerate(used):
            labels[k, [known[label] for label in self.factory.sources[source].labels]] = True
        return labels.repeat_interleave(self.factory.config.variants, 0)

    def _maps(self, pieces: Sequence[Sequence[Mixture]], what: str) -> Float16[Tensor, "n features positions"]:
        work = [Piece(self._content(piece), partial(self._waves, piece)) for piece in pieces]
        return self.cache.maps(work, what, self.quiet)

    def _waves(self, piece: Sequence[Mixture]) -> Iterator[Float32[ndarray, " samples"]]:
        return map(self.waves.mixture, piece)

    def _content(self, mixtures: Sequence[Mixture]) -> str:
        """All that the waves of a piece follow from."""
        digests = [source.digest for source in self.factory.sources]
        recipes = [[[digests[s] for s in one.sources], one.variants, one.gains] for one in mixtures]
        return json.dumps({"augment": 1, "samples": self.waves.samples, "mixtures": recipes})


def _pieces(mixtures: Sequence[Mixture]) -> list[Sequence[Mixture]]:
    return [mixtures[k : k + PIECE] for k in range(0, len(mixtures), PIECE)]
