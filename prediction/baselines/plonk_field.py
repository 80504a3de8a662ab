"""The flow as PLONK has it: a velocity in R³ that is not projected, and its trace there for a divergence.

The same network and the same loss as ours, but nothing keeps the velocity tangent. Samples are walked by Euler steps
and put back on the sphere after each. For a likelihood the point is followed back through R³, where it may leave the
sphere, the trace of the Jacobian in R³ is added up on the way, and the end is put on the sphere before the base is
asked. That is no density on the sphere: its mass is not 1, and `PlonkDensity.mass` measures it. Its NLLs are not to
be compared with others; PLONK itself also divides them by 3 ln 2, which is not done here.

Source: Dufour et al. 2025, "Around the world in 80 timesteps" (PLONK), and its released code (riemannian_flow_sampler,
compute_exact_loglikelihood), which solves with dopri5 at 1e-6; here it is Runge–Kutta on a grid fine near t = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Generator, Tensor

from lookhear.prediction.baselines.baseline import Baseline
from lookhear.prediction.cell_map import MAP_SAMPLES, map_on_cells
from lookhear.prediction.condition import Condition, Present, check_query
from lookhear.prediction.density import UNIFORM_LOG_DENSITY, CellDensity
from lookhear.prediction.flow import Base, FlowConfig, VelocityNet
from lookhear.prediction.matching import flow_matching_loss
from lookhear.prediction.sphere import normalize, random_uniform
from lookhear.prediction.training.features import Batch, FeatureSet
from lookhear.prediction.training.flow_head import flow_config, flow_path

STEPS = 16
"""Runge–Kutta steps of a likelihood, 64 evaluations: within 0.003 nats of one with 96 steps on a head of AVG-sim."""

EULER_STEPS = 250
"""Steps of a sample, as published."""

CHUNK = 1000
"""Points followed at once."""

GRID_POINTS = 4096
"""Points the mass is measured on, spread evenly by a Fibonacci spiral."""


class AmbientNet(VelocityNet):
    """Our network without the projection that makes it a field on the sphere."""

    def forward(
        self, y: Float[Tensor, "n 3"], t: Float[Tensor, "n 1"], condition: Condition, present: Present | None = None
    ) -> Float[Tensor, "n 3"]:
        """Velocities in R³ at any points of R³."""
        return self.ambient(y, t, self.embed(condition, present))


class PlonkField(Baseline):
    """An unprojected flow, from the uniform base."""

    name = "plonk_field"
    config_type = FlowConfig

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config, self.net, self.path = config, AmbientNet(config), flow_path()

    @classmethod
    def of(
        cls, training: FeatureSet, validation: FeatureSet, hidden: int = 512, layers: int = 4, **settings: Any
    ) -> PlonkField:
        """The network our flow has for these features."""
        return cls(flow_config(training.sizes, hidden, layers, **settings))

    @property
    def sizes(self) -> dict[str, int]:
        """Those of the network's condition."""
        sizes: dict[str, int] = self.config.condition_sizes
        return sizes

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Flow matching on geodesics, with the velocity as the network gives it."""
        y0 = random_uniform(len(batch.y), generator).to(batch.y)
        return flow_matching_loss(self.net, batch.y, batch.condition, y0, self.path, generator, batch.present)

    def prepare(self, training: FeatureSet) -> None:
        """Features enter as they enter our flow."""
        self.net.joined.standardise(training.condition, training.present)

    @torch.no_grad()
    def log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """What PLONK would report, in nats."""
        embedded = self.net.embed(batch.condition, batch.present)
        return reported(self.net, batch.y, embedded.expand(len(batch.y), -1))

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> PlonkDensity:
        """What it says of one clip; always from the uniform base."""
        check_query(self.config.condition_sizes, condition)
        with torch.no_grad():
            return PlonkDensity(self.net, self.net.embed(condition))


@dataclass(frozen=True, eq=False)
class PlonkDensity:
    """What PLONK would call the density of one clip."""

    net: AmbientNet
    """The trained network."""
    embedded: Float[Tensor, "1 hidden"]
    """The condition as it enters."""

    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """What PLONK would report at unit vectors, in nats; its exponential does not integrate to 1."""
        y = torch.as_tensor(units).to(self.embedded)
        with torch.no_grad():
            found = reported(self.net, y, self.embedded.expand(len(y), -1))
        return found.double().cpu().numpy()

    @cached_property
    def mass(self) -> float:
        """The integral of what is reported over the sphere, by an even grid: 1 for a density."""
        return float(4 * np.pi * np.exp(self.log_density(spiral(GRID_POINTS))).mean())

    def sample(self, count: int, seed: int, steps: int = EULER_STEPS) -> Float[ndarray, "count 3"]:
        """Unit vectors, by PLONK's own sampler."""
        y = random_uniform(count, Generator().manual_seed(seed)).to(self.embedded)
        with torch.no_grad():
            for step in range(steps):
                y = normalize(y + self.net.ambient(y, y.new_tensor([[step / steps]]), self.embedded) / steps)
        return y.double().cpu().numpy()

    def on_cells(self) -> CellDensity:
        """What is reported, on cells and made to add up to 1."""
        return self._cells

    @cached_property
    def _cells(self) -> CellDensity:
        return map_on_cells(self.log_density, self.sample(MAP_SAMPLES, seed=0, steps=50))[0]


def reported(
    net: AmbientNet, y: Float[Tensor, "n 3"], embedded: Float[Tensor, "n hidden"], steps: int = STEPS
) -> Float[Tensor, " n"]:
    """-log 4π less the integral of the trace in R³ along the way back; the way's end only matters to other bases."""
    parts = [y[:, 0]] if len(y) == 0 else []
    for some, entered in zip(y.split(CHUNK), embedded.split(CHUNK), strict=True):
        state = torch.cat([some, torch.zeros_like(some[:, :1])], dim=-1)
        times = _times(net.config.stretch, steps)
        for now, then in pairwise(times):
            state = _runge_kutta(partial(_with_trace, net, entered), state, now, then - now)
        parts.append(UNIFORM_LOG_DENSITY + state[:, 3])
    return torch.cat(parts)


def spiral(count: int) -> Float[ndarray, "count 3"]:
    """Points spread evenly over the sphere, each for the same area (a Fibonacci lattice, González 2010)."""
    z = 1 - (2 * np.arange(count) + 1) / count
    turn = np.pi * (3 - math.sqrt(5)) * np.arange(count)
    side = np.sqrt(1 - z * z)
    return np.stack([side * np.cos(turn), side * np.sin(turn), z], axis=1)


def _with_trace(
    net: AmbientNet, embedded: Float[Tensor, "n hidden"], state: Float[Tensor, "n 4"], t: float
) -> Float[Tensor, "n 4"]:
    """Velocity and trace of its Jacobian in R³, by three reverse passes."""
    with torch.enable_grad():
        y = state[:, :3].detach().requires_grad_()
        velocity = net.ambient(y, state.new_tensor([[t]]), embedded)
        rows = [torch.autograd.grad(velocity[:, i].sum(), y, retain_graph=i < 2)[0][:, i] for i in range(3)]
    return torch.cat([velocity.detach(), torch.stack(rows).sum(0)[:, None]], dim=-1)


def _runge_kutta(rate: Callable[[Tensor, float], Tensor], state: Tensor, t: float, step: float) -> Tensor:
    """One classical step of fourth order."""
    a = rate(state, t)
    b = rate(state + step / 2 * a, t + step / 2)
    c = rate(state + step / 2 * b, t + step / 2)
    d = rate(state + step * c, t + step)
    return state + step / 6 * (a + 2 * b + 2 * c + d)


def _times(stretch: float | None, steps: int) -> list[float]:
    """Times from 1 to 0; even in log(1 - t + δ) if there is a stretch δ."""
    if stretch is None:
        return [1 - i / steps for i in range(steps + 1)]
    span = math.log1p(1 / stretch)
    return [1.0, *(1 + stretch - stretch * math.exp(span * i / steps) for i in range(1, steps)), 0.0]
