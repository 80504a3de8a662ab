"""The condition ψ: named parts, each of which may be missing, joined to one vector of about unit size.

In: parts, each [batch, size], and which rows have them. Out: one row a clip. Each part is centred and scaled as a whole
by what was seen in training, and replaced by a learnt vector where it is missing. The flow and all baselines take it.
It does not know what the parts mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

Condition = Mapping[str, Tensor]
"""Named parts of ψ, each [batch, size]; a part left out is missing for the whole batch."""

Present = Mapping[str, Tensor]
"""For each named part, which rows of the batch have it; a part not named is there wherever it is given."""

CONSTANT = 1e-6
"""A part that varies less than this in training is only centred."""


class Joined(nn.Module):
    """All parts of a condition in one row.

    Example:
        >>> joined = Joined({"sound": 1024, "sight": 512})
        >>> joined({"sound": torch.randn(8, 1024)}, {}, 8).shape
        torch.Size([8, 1536])
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        self.missing = nn.ParameterDict({name: torch.zeros(size) for name, size in sizes.items()})
        self.center = nn.Buffer(torch.zeros(self.width))
        self.spread = nn.Buffer(torch.ones(self.width))

    @property
    def width(self) -> int:
        """Length of the joined row."""
        return sum(self.sizes.values())

    @torch.no_grad()
    def standardise(self, condition: Condition, present: Present) -> None:
        """Learn the mean of each number and the spread of each part; nothing is learnt of a part no row has."""
        for name, at in self._places():
            rows = condition[name][present[name]] if name in present else condition[name]
            if len(rows):
                self.center[at] = rows.double().mean(0).float()
                spread = float((rows - self.center[at]).double().square().mean().sqrt())
                self.spread[at] = spread if spread > CONSTANT else 1.0

    def forward(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count width"]:
        """One row for each of `count` clips.

        Raises:
            ValueError: a part is unknown, of the wrong size, or of another batch.
        """
        check_condition(self.sizes, condition)
        parts = [self._part(name, at, count, condition, present) for name, at in self._places()]
        return torch.cat(parts, dim=-1) if parts else self.center.new_zeros(count, 0)

    def _places(self) -> list[tuple[str, slice]]:
        found, start = [], 0
        for name, size in self.sizes.items():
            found.append((name, slice(start, start + size)))
            start += size
        return found

    def _part(
        self, name: str, at: slice, count: int, condition: Condition, present: Present
    ) -> Float[Tensor, "count size"]:
        absent: Tensor = self.missing[name].expand(count, -1)
        if name not in condition:
            return absent
        part = ((condition[name].to(self.center.dtype) - self.center[at]) / self.spread[at]).to(absent.dtype)
        return torch.where(present[name][:, None], part, absent) if name in present else part


def check_condition(sizes: Mapping[str, int], condition: Condition) -> None:
    """Refuse a condition that a model with parts of these sizes was not made for.

    Raises:
        ValueError: a part is unknown, of the wrong size, or of another batch.
    """
    batches = {name: len(part) for name, part in condition.items()}
    if len(set(batches.values())) > 1:
        raise ValueError(f"The parts of a condition must have one row a query each, but have {batches} rows.")
    for name, part in condition.items():
        if name not in sizes:
            known = ", ".join(sizes) or "none at all"
            raise ValueError(f"This model knows no condition {name!r}; it takes {known}.")
        if part.ndim != 2 or part.shape[1] != sizes[name]:
            raise ValueError(f"Condition {name!r} must be [batch, {sizes[name]}], but it is {list(part.shape)}.")


def check_query(sizes: Mapping[str, int], condition: Condition) -> None:
    """Refuse a condition that is not that of one clip.

    Raises:
        ValueError: a part does not fit, has more rows than one, or is not finite.
    """
    check_condition(sizes, condition)
    for name, part in condition.items():
        if len(part) != 1:
            raise ValueError(f"A density belongs to one query, but condition {name!r} has {len(part)} rows; give one.")
        if not torch.isfinite(part).all():
            raise ValueError(f"Condition {name!r} is NaN or infinite; leave the part out instead.")
