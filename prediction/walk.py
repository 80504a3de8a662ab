"""One pass along a flow with fixed steps.

In: a `Field`, points and a grid of times. Out: where they go, the integral of the divergence, and estimates of both
errors. The grid is even in s from 0 to 1 and finer in t towards 1. Nothing is refined here: see
`lookhear.prediction.solver`.

Three ways to walk:
- Adams–Bashforth–Moulton of fourth order: one evaluation a step. The next point is foretold from the last four
  velocities and mended with the one found there; how far it was mended is the error estimate. The first two steps
  are Ralston's, the third is Adams' of third order: beginnings may be one order lower and the whole keeps its order.
  It is the cheapest where a field is smooth, and notices where it is not.
- Runge–Kutta with the divergence at nodes: four evaluations of the velocity a step, one of them with divergence. Both
  ways integrate the divergence over the nodes by Gregory's rule.
- Runge–Kutta, third or fourth order, for velocity and divergence at once: the textbook's, for reference.

Source: Hairer, Nørsett and Wanner 1993, "Solving ordinary differential equations I", II.1, II.4 and III.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.prediction.field import Field
from lookhear.prediction.sphere import normalize

Rate = tuple[Tensor, Tensor | None]
"""Velocity [n, 3], and the divergence [n] where it was asked for."""

BASHFORTH = {3: (5 / 12, -16 / 12, 23 / 12), 4: (-9 / 24, 37 / 24, -59 / 24, 55 / 24)}
"""Weights of the last three or four velocities, oldest first, that foretell the next point."""

MOULTON = (1 / 24, -5 / 24, 19 / 24, 9 / 24)
"""Weights of the last three velocities and the one at the foretold point, that mend it."""


@dataclass(frozen=True)
class Grid:
    """Times of the nodes, in the order of the walk."""

    times: list[float]
    """Times t, from 0 to 1 or from 1 to 0."""
    slopes: list[float]
    """dt/ds at each of them, for s from 0 to 1."""

    @classmethod
    def of(cls, steps: int, warp: float, stretch: float | None, backward: bool) -> Grid:
        """Even in s, where t = 1 - (1 - s)(warp + (1 - warp)(1 - s)), or s runs with -log(1 - t + stretch).

        The warp is a polynomial so that Gregory's rule keeps its order.
        """
        grid = [i / steps for i in range(steps + 1)]
        if stretch is not None:
            span = math.log1p(1 / stretch)
            left = [(1 + stretch) * math.exp(-span * s) for s in grid]
            times, slopes = [0.0, *(1 + stretch - x for x in left[1:-1]), 1.0], [span * x for x in left]
        else:
            times = [1 - (1 - s) * (warp + (1 - warp) * (1 - s)) for s in grid]
            slopes = [warp + 2 * (1 - warp) * (1 - s) for s in grid]
        return cls(times[::-1], slopes[::-1]) if backward else cls(times, slopes)

    @property
    def step(self) -> float:
        """The step in s, negative for a walk backward."""
        return math.copysign(1 / (len(self.times) - 1), self.times[-1] - self.times[0])


@dataclass(frozen=True, eq=False)
class Walk:
    """Where points went, and how sure that is."""

    points: Float[Tensor, "n 3"]
    """Unit vectors at the other end."""
    divergence: Float[Tensor, " n"]
    """Integral of the divergence over time from 0 to 1; 0 where it was not asked for."""
    nats: Float[Tensor, " n"]
    """Estimated error of that integral."""
    radians: Float[Tensor, " n"]
    """Estimated error of the points."""
    mended: Float[Tensor, " n"]
    """Length of all corrections of foretold points, in radians; 0 for Runge–Kutta."""


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


def by_nodes(field: Field, y: Float[Tensor, "n 3"], grid: Grid, divergence: bool, adams: bool) -> Walk:
    """Walk by Adams' or Runge and Kutta's fourth order, with the divergence at the nodes by Gregory's rule."""
    radians, mended = torch.zeros_like(y[:, 0]), torch.zeros_like(y[:, 0])
    rate, rule = _rate(field, y, grid.times[0], divergence), RALSTON_3 if adams else RK_4
    past, found = [grid.slopes[0] * rate[0]], [rate[1]]
    for (now, then), slope in zip(pairwise(grid.times), grid.slopes[1:], strict=True):
        if adams and len(past) >= min(BASHFORTH):
            foretold = normalize(y + grid.step * _combine(BASHFORTH[min(len(past), 4)], past[-4:]))
            rate = _rate(field, foretold, then, divergence)
            past.append(slope * rate[0])
            y = normalize(y + grid.step * _combine(MOULTON, past[-4:]))
            mended += (y - foretold).norm(dim=-1)
        else:
            rates, ahead = _stages(field, y, rate, now, then, rule, divergence=False), then - now
            y = normalize(y + ahead * _combine(rule.weights, [v for v, _ in rates]))
            rate = _rate(field, y, then, divergence)
            past.append(slope * rate[0])
            radians += (ahead * _combine(rule.error, [*(v for v, _ in rates), rate[0]])).norm(dim=-1)
        found.append(rate[1])
    turns = [turn for turn in found if turn is not None]
    turn, nats = _gregory(torch.stack(turns), grid.slopes) if turns else (torch.zeros_like(radians), radians * 0)
    return Walk(y, turn, nats, radians, mended)


def by_stages(field: Field, y: Float[Tensor, "n 3"], grid: Grid, divergence: bool, rule: Rule) -> Walk:
    """Walk by a Runge–Kutta rule for velocity and divergence at once."""
    turn, nats, radians = (torch.zeros_like(y[:, 0]) for _ in range(3))
    sign = math.copysign(1.0, grid.step)
    rate = _rate(field, y, grid.times[0], divergence)
    for now, then in pairwise(grid.times):
        rates, ahead = _stages(field, y, rate, now, then, rule, divergence), then - now
        y = normalize(y + ahead * _combine(rule.weights, [v for v, _ in rates]))
        rate = _rate(field, y, then, divergence)
        rates.append(rate)
        radians += (ahead * _combine(rule.error, [v for v, _ in rates])).norm(dim=-1)
        if divergence:
            turn += sign * ahead * _combine(rule.weights, [d for _, d in rates[:-1]])
            nats += (ahead * _combine(rule.error, [d for _, d in rates])).abs()
    return Walk(y, turn, nats, radians, torch.zeros_like(nats))


def _rate(field: Field, y: Float[Tensor, "n 3"], t: float, divergence: bool) -> Rate:
    return field.with_divergence(y, t) if divergence else (field.velocity(y, t), None)


def _stages(field: Field, y: Tensor, first: Rate, now: float, then: float, rule: Rule, divergence: bool) -> list[Rate]:
    """Rates at the stages of one step; points are put back on the sphere, which keeps the order."""
    rates = [first]
    for row in rule.inner:
        ahead = normalize(y + (then - now) * _combine(row, [v for v, _ in rates]))
        rates.append(_rate(field, ahead, now + sum(row) * (then - now), divergence))
    return rates


def _combine(weights: tuple[float, ...], parts: list[Tensor] | list[Tensor | None]) -> Tensor:
    terms = [weight * part for weight, part in zip(weights, parts, strict=True) if weight and part is not None]
    return torch.stack(terms).sum(0) if len(terms) > 1 else terms[0]


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
