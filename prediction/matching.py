"""Flow matching: what a flow is trained on. Geodesic paths from the base to places, and the squared error on them.

In: a network with the arguments of `VelocityNet`, places, points of the base and conditions. Out: a loss.
Dropped conditions are what lets a flow answer when parts are missing, and be guided.
It does not know optimisers, batches or files.

Source: Chen and Lipman 2024, "Flow matching on general geometries".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn

from lookhear.prediction.condition import Condition, Present
from lookhear.prediction.sphere import geodesic, project

EARLY = 0.7
"""Before this time a way can still end in a fifth of the Earth or more."""

FEWER = 8
"""So many places for each that is led through the network are enough before then."""


@dataclass(frozen=True)
class PathConfig:
    """How times are drawn, errors weighed and conditions dropped in training.

    Raises:
        ValueError: a probability is outside [0, 1].
    """

    times: Literal["uniform", "late"] = "uniform"
    """Uniform in t; or a part of them log-uniform in 1 - t, where narrow densities are decided."""
    late_share: float = 0.5
    """How large that part is."""
    late_floor: float = 1e-4
    """Smallest 1 - t of the log-uniform part."""
    weight_power: float = 0.0
    """Squared errors are weighed by (1 - t + 0.001) to this power; 0: all alike."""
    references: int = 0
    """0: each error is against the one way its point is on. k: only every k-th place of a batch is led through the
    network, but against the mean velocity of the ways from the uniform base to all places of the batch that could run
    through its point. It is the same in the mean and much calmer; for unconditional flows only."""
    drop_all: float = 0.0
    """Chance that a row's whole condition is dropped; needed for guidance (0.1 is usual)."""
    drop_part: float = 0.0
    """Chance of each part of a condition to be dropped by itself, so that parts may be missing later."""

    def __post_init__(self) -> None:
        for name in ("drop_all", "drop_part", "late_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability between 0 and 1, but it is {getattr(self, name)}.")
        if self.references < 0 or (self.references > FEWER and self.references % FEWER):
            raise ValueError(
                f"references is a number up to {FEWER} or a multiple of {FEWER}, but it is {self.references}; "
                "otherwise early points would be judged without their own place."
            )
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

    Raises:
        ValueError: there is a condition, and the error against mean velocities was asked for.
    """
    if path.references and condition:
        raise ValueError("Mean velocities are known for unconditional flows only: leave references at 0.")
    led = slice(None, None, path.references or 1)
    t = draw_times(len(y1[led]), path, generator).to(y1)
    y, target = geodesic(y0.to(y1)[led], y1[led], t)
    if path.references:
        target = calm_velocity(y, t, y1, path.references)
    kept = drop_condition(condition, present or {}, path, generator)
    error: Tensor = net(y, t, condition, kept) - target
    if path.weight_power == 0:
        return error.square().sum(-1).mean()
    return ((1 - t + 1e-3) ** path.weight_power * error.square()).sum(-1).mean()


def calm_velocity(
    y: Float[Tensor, "n 3"], t: Float[Tensor, "n 1"], places: Float[Tensor, "m 3"], references: int
) -> Float[Tensor, "n 3"]:
    """The mean velocity at points on the ways to every `references`-th place.

    Late points see few of the places, so all count there; early ones see half the Earth and are calm with fewer.
    """
    target, early = torch.empty_like(y), t[:, 0] < EARLY
    few = places[:: max(1, references // FEWER)]  # holds the points' own places
    for some, among in ((early, few), (~early, places)):
        target[some] = mean_velocity(y[some], t[some], among)
    return target


@torch.no_grad()
def mean_velocity(
    y: Float[Tensor, "n 3"], t: Float[Tensor, "n 1"], places: Float[Tensor, "m 3"]
) -> Float[Tensor, "n 3"]:
    """The mean velocity at y and t of all ways from an even base to these places, each as likely as it runs there.

    At a distance r from its place a way has speed r/(1 - t), and ways are as dense as sin(r/(1 - t))/sin r, for r
    under π (1 - t); none come from further away. In floating point the differences are exact for near points.
    Source: Chen and Lipman 2024, equation 8; Xu et al. 2023, "Stable target field", for the mean over a batch.
    """
    left = 1 - t
    reach = 2 * torch.sin(left * (math.pi / 2))
    row, place, chord = _within(y, places, reach)
    half = chord / 2
    distance, sine = 2 * half.asin(), chord * (1 - half.square()).sqrt()
    density = (distance / left[row, 0]).sin().clamp_min(0) / sine.clamp_min(1e-7)
    pull = density * distance / (sine.clamp_min(1e-7) * left[row, 0])
    pulls = torch.zeros_like(y).index_add_(0, row, pull[:, None] * places[place])
    total = torch.zeros_like(y[:, 0]).index_add_(0, row, density)
    return project(y, pulls / total.clamp_min(1e-20)[:, None])


def _within(
    y: Float[Tensor, "n 3"], places: Float[Tensor, "m 3"], reach: Float[Tensor, "n 1"]
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    """Which places are within reach of which points, and the chords between them; in float64, near ones are exact."""
    a, b = y.double(), places.double()
    square = torch.addmm(b.square().sum(-1), a, b.T, alpha=-2).add_(a.square().sum(-1, keepdim=True))
    row, place = (square < reach.double().square()).nonzero(as_tuple=True)
    return row, place, square[row, place].clamp_min(1e-14).sqrt().to(y)


def draw_times(count: int, path: PathConfig, generator: Generator | None = None) -> Float[Tensor, "count 1"]:
    """Times in [0, 1); stratified, so that every batch covers them evenly."""
    uniform: Tensor = (torch.arange(count) + torch.rand(count, generator=generator))[:, None] / count
    if path.times == "uniform":
        return uniform
    whole = (torch.arange(count + 1, dtype=torch.float64) * path.late_share + 1e-9).floor()
    late = whole.diff()[:, None] > 0
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
