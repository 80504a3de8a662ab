"""Which kernels of the dictionary belong to which class.

In: numbers of classes and kernels. Out: a `Blocks`: every class has a block of neighbouring kernels. AVG has N = 4096
kernels and C = 527 classes "with about 8 each"; 527 · 8 = 4216, so the first 407 get 8 and the other 120 get 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Blocks:
    """Kernels shared out among classes.

    Example:
        >>> Blocks(527, 4096).sizes().unique(return_counts=True)
        (tensor([7, 8]), tensor([120, 407]))

    Raises:
        ValueError: a class would get no kernel.
    """

    classes: int
    """Number of classes."""
    kernels: int
    """Number of kernels."""

    def __post_init__(self) -> None:
        if not 0 < self.classes <= self.kernels:
            raise ValueError(
                f"{self.kernels} kernels cannot be shared by {self.classes} classes; give at least one to each."
            )

    def sizes(self) -> Int[Tensor, " classes"]:
        """Kernels of each class; the first classes get one more where they do not share out evenly."""
        each, more = divmod(self.kernels, self.classes)
        return each + (torch.arange(self.classes) < more).long()

    def owners(self) -> Int[Tensor, " kernels"]:
        """The class of each kernel."""
        return torch.repeat_interleave(torch.arange(self.classes), self.sizes())

    def slots(self) -> Int[Tensor, "classes most"]:
        """The kernels of each class; a class with fewer has `kernels` (one past the last) in its last place."""
        sizes = self.sizes()
        first = sizes.cumsum(0) - sizes
        place = torch.arange(int(sizes.max()))
        return torch.where(place < sizes[:, None], first[:, None] + place, self.kernels)


def by_class(values: Float[Tensor, "... kernels"], slots: Int[Tensor, "classes most"]) -> Float[Tensor, "... classes"]:
    """Logsumexp over the block of each class."""
    padded = torch.cat([values, values.new_full((*values.shape[:-1], 1), -torch.inf)], -1)
    return torch.logsumexp(padded[..., slots], -1)
