"""How well mixtures are taken apart: right in order, step by step, and right as a set.

In: predicted classes, loudest first, and the true ones. Out: an `Accuracy`. *Ordered* is the share of steps whose class
is right in its place (the paper's 92 %); *set* is the share of the true classes that were found at any step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lookhear.perception.atoms.examples import Examples

Decomposer = Callable[[Float[Tensor, "batch features positions"], int], Int[Tensor, "batch steps"]]
"""Maps and a number of steps to the classes, loudest first; -1: none."""


@dataclass(frozen=True)
class Accuracy:
    """Shares in [0, 1] over mixtures of one number of sounds."""

    ordered: float
    """Steps whose class is right in its place."""
    by_step: tuple[float, ...]
    """The same for each step, loudest first."""
    found: float
    """True classes that were found at any step."""
    mixtures: int
    """Over how many mixtures."""


def accuracy(predicted: Int[Tensor, "n steps"], truth: Bool[Tensor, "n steps classes"]) -> Accuracy:
    """How good predictions are; a sound with several labels is found with any of them."""
    known = predicted >= 0
    hit = truth.gather(2, predicted.clamp(min=0)[:, :, None])[:, :, 0] & known
    said = F.one_hot(predicted + 1, truth.shape[2] + 1)[:, :, 1:].any(1)
    found = (truth & said[:, None, :]).any(2)
    by_step = tuple(hit.double().mean(0).tolist())
    return Accuracy(float(hit.double().mean()), by_step, float(found.double().mean()), len(truth))


def measure(decompose: Decomposer, examples: Examples, steps: int) -> Accuracy:
    """Accuracy on mixtures of exactly so many sounds."""
    rows = torch.arange(len(examples))
    found = [decompose(examples.maps[part].float(), steps) for part in rows.split(200)]
    return accuracy(torch.cat(found), examples.truth(rows)[:, :steps])
