"""Where kernels begin: at single sounds of their own class, each as unlike the ones before as there is.

In: a dictionary and encoded examples. Out: nothing; the kernels are set. From random kernels, two of a class often
settle on the mean of two kinds of sound and stay there (2 of 12 known atoms were lost so).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lookhear.perception.atoms.examples import Examples
from lookhear.perception.atoms.ic_sae import IcSae
from lookhear.perception.atoms.pre_map import PreMap

FITTED = 4096
"""Single sounds that the map before the dictionary is centred on."""

AT_MOST = 256
"""Sounds of a class that are looked at."""


@torch.no_grad()
def start_at_sounds(sae: IcSae, examples: Examples) -> None:
    """Set the kernels of every class that has sounds; where there are fewer sounds than kernels, the rest stay."""
    sae.eval()
    if isinstance(sae.pre_map, PreMap):
        sae.pre_map.fit(examples.singles[:: 1 + len(examples.singles) // FITTED].float().to(sae.dictionary.device))
    for label, slots in enumerate(sae.slots):
        rows = torch.nonzero(examples.labels[:, label])[:AT_MOST, 0]
        kernels = slots[slots < sae.config.kernels]
        if len(rows):
            vectors = F.normalize(sae(examples.singles[rows].float().to(sae.dictionary.device)).mean(2), dim=1)
            chosen = vectors[_apart(vectors, len(kernels))]
            sae.dictionary[kernels[: len(chosen)]] = chosen


def _apart(vectors: Float[Tensor, "n depth"], count: int) -> Int[Tensor, " chosen"]:
    """Farthest-point sampling: the first, then whatever is least like all that were chosen (Gonzalez 1985)."""
    chosen = [0]
    likeness = vectors @ vectors[0]
    while len(chosen) < min(count, len(vectors)) and float(likeness.min()) < 0.999:
        chosen.append(int(likeness.argmin()))
        likeness = torch.maximum(likeness, vectors @ vectors[chosen[-1]])
    return torch.tensor(chosen)
