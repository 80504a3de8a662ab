"""Follow a flow: samples forward in time, exact log-densities backward.

In: a `Field` (velocities on the sphere, tangent to it) and points. Out: where they go, the integral of the
divergence on the way, an error estimate and the number of steps for each point. Steps are fixed, on a grid that is
finer towards t = 1; a point whose estimate is too large is solved again with twice the steps until two solutions
agree, so a stiff field costs time instead of being wrong.
Everything is computed in the type of the points: give float64 for reference.

The default walks first by Adams' fourth-order steps, one evaluation each, and goes back over the points that were not
sure with Runge–Kutta steps (`lookhear.prediction.walk`): at the error of Runge–Kutta alone it costs two thirds
(docs/LOG.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from lookhear.prediction.field import Field
from lookhear.prediction.walk import RALSTON_3, RK_4, Grid, Walk, by_nodes, by_stages

FAINT_NATS = 15.0
"""A place this far below its base's log-density (a three-millionth) need not be known as well as others."""

ADAMS_TIMES = 4
"""Passes with up to so many times the first one's steps are Adams' too: a fourth of the evaluations."""

MENDED_RAD = 0.1
"""A point whose foretold steps were mended by more than this in all is solved again: beyond it errors jump."""


@dataclass(frozen=True)
class SolverConfig:
    """How finely a flow is followed.

    Raises:
        ValueError: the steps are odd or fewer than 4, or a tolerance or the warp is not positive.
    """

    method: Literal["adams", "rk4", "ralston3"] = "adams"
    """Fourth-order multistep path with the divergence at nodes; or Runge–Kutta of fourth or third order for both."""
    steps: int = 18
    """Steps from t = 0 to 1, before any refinement; even."""
    warp: float = 0.6
    """Slope of the time grid at t = 1, where steps are this much shorter than evenly spaced ones; 1: even."""
    stretch: float | None = None
    """If δ is given, steps are even in -log(1 - t + δ) instead; for fields that are stretched by it."""
    tolerance_nats: float = 0.03
    """A point is solved again if its estimated error in log-density is above this (true errors are a fifth of it)."""
    tolerance_rad: float = 0.006
    """A point is solved again if the estimated error of its end is above this (0.006 rad: 38 km)."""
    max_steps: int = 18 * 2**7
    """Refinement ends here; the point keeps its error estimate."""
    chunk: int = 1000
    """Points solved at once; this many fit the processor's cache."""

    def __post_init__(self) -> None:
        if self.steps < 4 or self.steps % 2:
            raise ValueError(f"A solver takes an even number of at least 4 steps, but steps is {self.steps}.")
        if not min(self.tolerance_nats, self.tolerance_rad, self.chunk) > 0 or not 0 < self.warp < 2:
            raise ValueError(f"Tolerances and chunk must be above 0 and warp between 0 and 2, but this is {self}.")


@dataclass(frozen=True, eq=False)
class Solution:
    """Where points went."""

    points: Float[Tensor, "n 3"]
    """Unit vectors at the other end of time."""
    divergence: Float[Tensor, " n"]
    """Integral of the divergence over time from 0 to 1; 0 where it was not asked for."""
    error: Float[Tensor, " n"]
    """Estimated error in nats, or in radians where no divergence was asked for."""
    steps: Int[Tensor, " n"]
    """Steps each point took."""


def to_base(field: Field, y: Float[Tensor, "n 3"], config: SolverConfig | None = None) -> Solution:
    """Follow places at t = 1 back to where they came from: log p(y) = log base(points) - divergence."""
    return _solve(field, y, config or SolverConfig(), backward=True)


def from_base(field: Field, y: Float[Tensor, "n 3"], config: SolverConfig | None = None) -> Solution:
    """Follow points of the base from t = 0 to t = 1: samples."""
    return _solve(field, y, config or SolverConfig(), backward=False)


@contextmanager
def fast_gemm(device: torch.device | str = "cpu") -> Iterator[bool]:
    """Let float32 matrix products take a device's fastest path within the block, if that path is exact there.

    "Medium" precision means other instructions at full accuracy on some processors and TF32 or bfloat16 on others,
    so a product is checked against float64 once a process; nothing is timed, so all processes of a machine round
    alike. Yields whether the path is used.
    """
    before = torch.get_float32_matmul_precision()
    use = _medium_is_exact(torch.device(device))
    try:
        if use:
            torch.set_float32_matmul_precision("medium")
        yield use
    finally:
        torch.set_float32_matmul_precision(before)


@cache
def _medium_is_exact(device: torch.device) -> bool:
    """Whether a product errs as float32 does (1e-4), not as TF32 (0.02) or bfloat16 (0.2)."""
    generator = Generator().manual_seed(0)
    a, b = (torch.randn(rows, 512, generator=generator).to(device) for rows in (1000, 512))
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        return float((a @ b - (a.double() @ b.double())).abs().max()) < 5e-4
    finally:
        torch.set_float32_matmul_precision(before)


@torch.no_grad()
def _solve(field: Field, y: Float[Tensor, "n 3"], config: SolverConfig, backward: bool) -> Solution:
    parts = []
    with fast_gemm(y.device):
        for rows in torch.arange(len(y), device=y.device).split(config.chunk):
            parts.append(_refined(field.at(rows), y[rows], config, backward))
    if not parts:
        return Solution(y, y[:, 0], y[:, 0], y[:, 0].long())
    return Solution(
        *(torch.cat([getattr(part, name) for part in parts]) for name in ("points", "divergence", "error", "steps"))
    )


def _refined(field: Field, y: Float[Tensor, "n 3"], config: SolverConfig, backward: bool) -> Solution:
    """Solve a chunk; solve again with twice the steps what is not sure, until two solutions agree."""
    first = _walk(field, y, config, config.steps, backward)
    points, turn, latest, nats, radians = (
        first.points,
        first.divergence,
        first.divergence.clone(),
        first.nats,
        first.radians,
    )
    steps = torch.full_like(y[:, 0], config.steps, dtype=torch.long)
    count, unsure = config.steps, _unsure(nats, radians, turn, config, first.mended)
    while len(unsure) and count < config.max_steps:
        count *= 2
        finer = _walk(field.at(unsure), y[unsure], config, count, backward)
        # A smooth field's finer solution errs a fifteenth of the change, a stiff one's more: twice the change is
        # asked to be small, which keeps the mass of κ = 20,000 within 0.1 % of 1 (half of it did not).
        change = finer.divergence - latest[unsure]
        moved, changed = (finer.points - points[unsure]).norm(dim=-1), 2 * change.abs()
        points[unsure], latest[unsure], nats[unsure], radians[unsure] = finer.points, finer.divergence, changed, moved
        turn[unsure] = finer.divergence + change.clamp(-0.5, 0.5) / (7 if config.method == "ralston3" else 15)
        steps[unsure] = count
        unsure = unsure[_unsure(changed, moved, finer.divergence, config, finer.mended)]
    return Solution(points, turn, nats if backward else radians, steps)


def _unsure(
    nats: Float[Tensor, " n"],
    radians: Float[Tensor, " n"],
    turn: Float[Tensor, " n"],
    config: SolverConfig,
    mended: Float[Tensor, " n"],
) -> Int[Tensor, " m"]:
    """Which points to solve again; where next to nothing ends up, a fiftieth of the log-density is enough."""
    faint = (turn - FAINT_NATS).clamp_min(0)
    sure = (
        (nats <= config.tolerance_nats + faint / 50)
        & (radians <= config.tolerance_rad + faint)
        & (mended <= MENDED_RAD + faint)
    )
    return (~sure).nonzero()[:, 0]


def _walk(field: Field, y: Float[Tensor, "n 3"], config: SolverConfig, steps: int, backward: bool) -> Walk:
    """One pass; a stiff field makes Adams' steps unstable where Runge and Kutta's are not: theirs is the last word."""
    grid = Grid.of(steps, config.warp, config.stretch, backward)
    if config.method == "adams":
        return by_nodes(field, y, grid, backward, adams=steps <= ADAMS_TIMES * config.steps)
    return by_stages(field, y, grid, backward, RALSTON_3 if config.method == "ralston3" else RK_4)
