"""The solvers `lookhear.scripts.benchmark_flow` compares with, written as published.

In: a `VelocityNet` and conditions. Out: what flow_matching's dopri5 at 1e-5 with the divergence by reverse
differentiation, and PLONK's 250 Euler steps, make of it, both with [y, t, ψ] joined at every evaluation.
They do not know the clock.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lookhear.prediction import sphere
from lookhear.prediction.flow import VelocityNet


class JoinedNet:
    """The same network as peers evaluate it: [y, t, ψ] joined each time, nothing hoisted."""

    def __init__(self, net: VelocityNet, psi: Tensor) -> None:
        assert net.enter_condition is not None
        self.net, self.psi = net, psi
        first = (net.enter.weight, net.enter_time.weight, net.enter_condition.weight)
        self.weight = torch.cat(first, dim=1).detach()

    def ambient(self, y: Tensor, t: float) -> Tensor:
        """Before projection."""
        x = torch.cat([y, torch.full_like(y[:, :1], t), self.psi.to(y)], dim=-1)
        x = F.linear(x, self.weight, self.net.enter.bias)
        for linear in [*self.net.body, self.net.leave]:
            x = linear(F.silu(x))
        return x

    def __call__(self, y: Tensor, t: float) -> Tensor:
        """Tangent velocities, differentiable in y."""
        y = sphere.normalize(y)
        return sphere.project(y, self.ambient(y, t))

    def with_trace(self, state: Tensor, t: float) -> Tensor:
        """Velocity and divergence (the trace in R³ of the projected field), by three reverse passes."""
        with torch.enable_grad():
            y = state[:, :3].detach().requires_grad_()
            v = self(y, t)
            rows = [torch.autograd.grad(v[:, i].sum(), y, retain_graph=i < 2)[0][:, i] for i in range(3)]
        return torch.cat([v.detach(), torch.stack(rows).sum(0)[:, None]], dim=-1)


def euler(net: JoinedNet, y: Tensor, steps: int) -> Tensor:
    """PLONK's sampler: even steps, put back on the sphere."""
    with torch.no_grad():
        for i in range(steps):
            y = sphere.normalize(y + net(y, i / steps) / steps)
    return y


def adaptive_dopri5(net: JoinedNet, state: Tensor, tolerance: float) -> tuple[Tensor, int]:
    """Dormand–Prince 5(4) from t = 1 to 0 with one step size for all points (root mean square, as in torchdiffeq)."""
    t, step, count, first = 1.0, -0.05, 1, net.with_trace(state, 1.0)
    while t > 1e-12:
        step = max(step, -t)
        slopes = [first]
        for when, row in zip(DOPRI_TIMES, DOPRI_ROWS, strict=True):
            ahead = state + step * sum((w * k for w, k in zip(row, slopes, strict=True)), torch.zeros(()))
            slopes.append(net.with_trace(ahead, t + when * step))
        count += 6
        error = step * sum((w * k for w, k in zip(DOPRI_ERROR, slopes, strict=True)), torch.zeros(()))
        scale = tolerance * (1 + torch.maximum(state.abs(), ahead.abs()))
        size = float((error / scale).square().mean().sqrt())
        if size <= 1:
            t, state, first = t + step, ahead, slopes[-1]
        step *= min(10.0, max(0.2, 0.9 * max(size, 1e-10) ** -0.2))
    return state, count


DOPRI_TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
DOPRI_ROWS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
DOPRI_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
