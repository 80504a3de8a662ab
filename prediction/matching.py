"""Flow matching: what a flow is trained on. Geodesic paths from the base to places, and the squared error on them.

In: a network with the arguments of `VelocityNet`, places, points of the base and conditions. Out: a loss.
Dropped conditions are what lets a flow answer when parts are missing, and be guided.
It does not know optimisers, batches or files.

Source: Chen and Lipman 2024, "Flow matching on general geometries".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from lookhear.prediction.flow import Condition, Present
from lookhear.prediction.sphere import geodesic


@dataclass(frozen=True)
class PathConfig:
    """How times are drawn, errors weighed and conditions dropped in training.

    Raises:
        ValueError: a probability is outside [0, 1].
    """

    times: Literal["uniform", "late"] = "uniform"
    """Uniform in t; or half of them so and half log-uniform in 1 - t, where narrow densities are decided."""
    late_floor: float = 1e-4
    """Smallest 1 - t of the log-uniform half."""
    weight_power: float = 0.0
    """Squared errors are weighed by (1 - t + 0.001) to this power; 0: all alike."""
    drop_all: float = 0.0
    """Chance that a row's whole condition is dropped; needed for guidance (0.1 is usual)."""
    drop_part: float = 0.0
    """Chance of each part of a condition to be dropped by itself, so that parts may be missing later."""

    def __post_init__(self) -> None:
        for name in ("drop_all", "drop_part"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability between 0 and 1, but it is {getattr(self, name)}.")
        if not 0 < self.late_floor < 1:
            raise ValueError(f"late_floor must lie between 0 and 1, but it is {self.late_floor}.")


def flow_matching_loss(
    net: nn.Module,
    y1: Float[Tensor, "n 3"],
    condition: Condition,
    y0: Float[Tensor, "n 3"],
    path: PathConfig,
    generator: Generator | None = None,
    present: Present | None = None,
) -> Float[Tensor, ""]:
    """Mean squared error of the velocity on geodesics from base points y0 to places y1.

    Works for any module with the arguments of `VelocityNet`, wrapped by accelerate or not.
    Source: Chen and Lipman 2024, equation 9.
    """
    t = draw_times(len(y1), path, generator).to(y1)
    y, target = geodesic(y0.to(y1), y1, t)
    kept = drop_condition(condition, present or {}, path, generator)
    error: Tensor = net(y, t, condition, kept) - target
    if path.weight_power == 0:
        return error.square().sum(-1).mean()
    return ((1 - t + 1e-3) ** path.weight_power * error.square()).sum(-1).mean()


def draw_times(count: int, path: PathConfig, generator: Generator | None = None) -> Float[Tensor, "count 1"]:
    """Times in [0, 1); stratified, so that every batch covers them evenly."""
    uniform: Tensor = (torch.arange(count) + torch.rand(count, generator=generator))[:, None] / count
    if path.times == "uniform":
        return uniform
    late = torch.arange(count)[:, None] % 2 == 1
    return torch.where(late, 1 - path.late_floor**uniform, uniform)


def drop_condition(
    condition: Condition, present: Present, path: PathConfig, generator: Generator | None = None
) -> dict[str, Bool[Tensor, " n"]]:
    """Which rows keep which part of their condition in this training step."""
    if path.drop_all == 0 and path.drop_part == 0:
        return dict(present)
    kept: dict[str, Tensor] = {}
    whole: Tensor | None = None
    for name, part in condition.items():
        draws = torch.rand(2, len(part), generator=generator)
        whole = draws[0] >= path.drop_all if whole is None else whole
        keep = (whole & (draws[1] >= path.drop_part)).to(part.device)
        kept[name] = keep & present[name] if name in present else keep
    return kept
