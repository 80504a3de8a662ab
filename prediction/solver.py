"""Follow a flow: samples forward in time, exact log-densities backward.

In: a `Field` (velocities on the sphere, tangent to it) and points. Out: where they go, the integral of the
divergence on the way, an error estimate and the number of steps for each point. Steps are fixed, on a grid that is
finer towards t = 1; a point whose estimate is too large is solved again with twice the steps until two solutions
agree, so a stiff field costs time instead of being wrong.
Everything is computed in the type of the points: give float64 for reference.

The default method takes classical Runge–Kutta steps for the path, which needs values only, and the divergence at
the nodes alone, integrated by Gregory's rule: at the same cost it errs a quarter of third-order Runge–Kutta steps
for both (docs/LOG.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from lookhear.prediction.field import Field
from lookhear.prediction.sphere import normalize

Rate = tuple[Tensor, Tensor | None]
"""Velocity [n, 3], and the divergence [n] where it was asked for."""

FAINT_NATS = 15.0
"""A place this far below its base's log-density (a three-millionth) need not be known as well as others."""


@dataclass(frozen=True)
class SolverConfig:
    """How finely a flow is followed.

    Raises:
        ValueError: the steps are odd or fewer than 4, or a tolerance or the warp is not positive.
    """

    method: Literal["quadrature", "rk4", "ralston3"] = "quadrature"
    """Fourth-order path and divergence at nodes; or Runge–Kutta of fourth or third order for both at once."""
    steps: int = 16
    """Steps from t = 0 to 1, before any refinement; even."""
    warp: float = 0.6
    """Slope of the time grid at t = 1, where steps are this much shorter than evenly spaced ones; 1: even."""
    stretch: float | None = None
    """If δ is given, steps are even in -log(1 - t + δ) instead; for fields that are stretched by it."""
    tolerance_nats: float = 0.03
    """A point is solved again if its estimated error in log-density is above this (true errors are a fifth of it)."""
    tolerance_rad: float = 0.006
    """A point is solved again if the estimated error of its end is above this (0.006 rad: 38 km)."""
    max_steps: int = 16 * 2**7
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
    points, turn, nats, radians = _walk(field, y, config, config.steps, backward)
    steps = torch.full_like(y[:, 0], config.steps, dtype=torch.long)
    count, latest = config.steps, turn.clone()
    unsure = _unsure(nats, radians, turn, config)
    while len(unsure) and count < config.max_steps:
        count *= 2
        ends, finer, _, _ = _walk(field.at(unsure), y[unsure], config, count, backward)
        # A smooth field's finer solution errs a fifteenth of the change, a stiff one's more: twice the change is
        # asked to be small, which keeps the mass of κ = 20,000 within 0.1 % of 1 (half of it did not).
        change = finer - latest[unsure]
        moved, changed = (ends - points[unsure]).norm(dim=-1), 2 * change.abs()
        points[unsure], latest[unsure], nats[unsure], radians[unsure] = ends, finer, changed, moved
        turn[unsure] = finer + change.clamp(-0.5, 0.5) / (7 if config.method == "ralston3" else 15)
        steps[unsure] = count
        unsure = unsure[_unsure(changed, moved, finer, config)]
    return Solution(points, turn, nats if backward else radians, steps)


def _unsure(
    nats: Float[Tensor, " n"], radians: Float[Tensor, " n"], turn: Float[Tensor, " n"], config: SolverConfig
) -> Int[Tensor, " m"]:
    """Which points to solve again; where next to nothing ends up, a fiftieth of the log-density is enough."""
    faint = (turn - FAINT_NATS).clamp_min(0)
    sure = (nats <= config.tolerance_nats + faint / 50) & (radians <= config.tolerance_rad + faint)
    return (~sure).nonzero()[:, 0]


def _walk(
    field: Field, y: Float[Tensor, "n 3"], config: SolverConfig, steps: int, backward: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One pass with fixed steps: ends, integral of the divergence, and estimates of both errors (nats, radians)."""
    times, slopes = _grid(config, steps)
    if backward:
        times = times[::-1]
    rule = RALSTON_3 if config.method == "ralston3" else RK_4
    at_stages = backward and config.method != "quadrature"
    rate, nodes = _rate(field, y, times[0], backward), []
    turn, nats, radians = (torch.zeros_like(y[:, 0]) for _ in range(3))
    for now, then in pairwise(times):
        rates, step = _stages(field, y, rate, now, then, rule, at_stages), then - now
        y = normalize(y + step * _combine(rule.weights, [v for v, _ in rates]))
        nodes.append(rate[1])
        rate = _rate(field, y, then, backward)
        rates.append(rate)
        radians += (step * _combine(rule.error, [v for v, _ in rates])).norm(dim=-1)
        if at_stages:
            turn -= step * _combine(rule.weights, [d for _, d in rates[:-1]])
            nats += (step * _combine(rule.error, [d for _, d in rates])).abs()
    if backward and not at_stages:
        nodes.append(rate[1])
        turn, nats = _gregory(torch.stack([d for d in nodes if d is not None]), slopes[::-1])
    return y, turn, nats, radians


@dataclass(frozen=True)
class Rule:
    """An explicit Runge–Kutta rule whose next first stage also serves an error estimate."""

    inner: tuple[tuple[float, ...], ...]
    """Weights of the earlier stages for each stage after the first; their sum is its time."""
    weights: tuple[float, ...]
    """Weights of the stages for the step."""
    error: tuple[float, ...]
    """Weights of the stages and of the next step's first one for the error estimate."""


RK_4 = Rule(((1 / 2,), (0, 1 / 2), (0, 0, 1)), (1 / 6, 1 / 3, 1 / 3, 1 / 6), (0, 0, 0, 1 / 6, -1 / 6))
RALSTON_3 = Rule(((1 / 2,), (0, 3 / 4)), (2 / 9, 1 / 3, 4 / 9), (-5 / 72, 1 / 12, 1 / 9, -1 / 8))
"""Ralston's third-order rule with the second-order companion of Bogacki and Shampine 1989."""


def _rate(field: Field, y: Float[Tensor, "n 3"], t: float, divergence: bool) -> Rate:
    return field.with_divergence(y, t) if divergence else (field.velocity(y, t), None)


def _stages(field: Field, y: Tensor, first: Rate, now: float, then: float, rule: Rule, divergence: bool) -> list[Rate]:
    """Rates at the stages of one step; points are put back on the sphere, which keeps the order."""
    rates = [first]
    for row in rule.inner:
        ahead = normalize(y + (then - now) * _combine(row, [v for v, _ in rates]))
        rates.append(_rate(field, ahead, now + sum(row) * (then - now), divergence))
    return rates


def _combine(weights: tuple[float, ...], parts: list[Tensor | None]) -> Tensor:
    terms = [weight * part for weight, part in zip(weights, parts, strict=True) if weight and part is not None]
    return torch.stack(terms).sum(0) if len(terms) > 1 else terms[0]


def _grid(config: SolverConfig, steps: int) -> tuple[list[float], list[float]]:
    """Times from 0 to 1, and dt/ds there for s from 0 to 1; smooth, so that Gregory's rule keeps its order."""
    grid = [i / steps for i in range(steps + 1)]
    if config.stretch is not None:
        span = math.log1p(1 / config.stretch)
        left = [(1 + config.stretch) * math.exp(-span * s) for s in grid]
        return [0.0, *(1 + config.stretch - x for x in left[1:-1]), 1.0], [span * x for x in left]
    warp = config.warp
    return [1 - (1 - s) * (warp + (1 - warp) * (1 - s)) for s in grid], [warp + 2 * (1 - warp) * (1 - s) for s in grid]


def _gregory(values: Float[Tensor, "nodes n"], slopes: list[float]) -> tuple[Tensor, Tensor]:
    """Integral over s from 0 to 1 of values · slopes at even nodes, and its change when every second node is left out.

    Source: Gregory's rule with third-order end corrections (error h⁴), e.g. Press et al., Numerical Recipes, 4.1.14.
    """
    scaled = values * values.new_tensor(slopes)[:, None]
    fine = _end_corrected(scaled)
    return fine, (fine - _end_corrected(scaled[::2])).abs() / 2


def _end_corrected(values: Float[Tensor, "nodes n"]) -> Float[Tensor, " n"]:
    count = len(values) - 1
    weights = values.new_ones(count + 1)
    if count >= 5:
        ends = values.new_tensor([3 / 8, 7 / 6, 23 / 24])
        weights[:3], weights[-3:] = ends, ends.flip(0)
    elif count % 2 == 0:
        weights[1::2], weights[::2] = 4 / 3, 2 / 3
        weights[0] = weights[-1] = 1 / 3
    else:
        weights[0] = weights[-1] = 1 / 2
    return (weights[:, None] * values).sum(0) / count
