"""Mixtures that no encoder has heard: weighted means of the maps of single sounds, drawn anew in every step.

In: maps of single sounds with their classes. Out: maps, classes and parts as of real mixtures. A map of a sum is not
the weighted mean of its maps: on BirdNET's third stage the mean, with weights as the amplitudes, explains 59 % of the
variance of real maps of two sounds, the louder sound alone 44 % (docs/LOG.md). So it is a supplement where encoding
is dear, not a replacement, and nothing is ever measured on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from lookhear.perception.atoms.examples import Examples


@dataclass(frozen=True, eq=False)
class VirtualMixtures:
    """Some of them."""

    maps: Float[Tensor, "batch features positions"]
    """Weighted means."""
    parts: Int[Tensor, "batch most"]
    """Rows of the single sounds, loudest first; -1: none."""
    gains: Float[Tensor, "batch most"]
    """Amplitudes; 0: none."""
    truth: Bool[Tensor, "batch most classes"]
    """Classes of each part."""


def draw_virtual(
    examples: Examples, count: int, step_db: tuple[float, float], generator: Generator | None = None
) -> VirtualMixtures:
    """Mixtures of one to as many sounds as the real ones have; what shares a class with a louder sound is left out."""
    named = torch.nonzero(examples.labels.any(1))[:, 0]
    most = examples.parts.shape[1]
    parts = named[torch.randint(0, len(named), (count, most), generator=generator)]
    labels = examples.labels[parts]
    louder = labels.cumsum(1) - labels.long()
    here = (torch.arange(most) < torch.randint(1, most + 1, (count, 1), generator=generator)) & ~(
        labels & (louder > 0)
    ).any(2)
    low, high = step_db
    fall_db = low + (high - low) * torch.rand(count, most, generator=generator)
    fall_db[:, 0] = 0.0
    order = torch.argsort((~here).long(), dim=1, stable=True)
    here, parts = here.gather(1, order), parts.gather(1, order)
    gains = 10 ** (-fall_db.cumsum(1) / 20) * here
    maps = torch.einsum("bk,bkft->bft", gains / gains.sum(1, keepdim=True), examples.singles[parts].float())
    truth = examples.labels[parts] & here[:, :, None]
    return VirtualMixtures(maps, torch.where(here, parts, -1), gains, truth)
