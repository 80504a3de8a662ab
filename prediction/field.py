"""The velocity fields a solver integrates, with their exact divergence on the sphere.

In: a trained `VelocityNet` with its conditions, or any torch function. Out: tangent velocities at unit vectors, one
field for each row of points, and the divergence there.
The divergence is exact: two tangent derivatives are carried through the network beside the value, as three times
the rows in the same matrix products. Everything is computed in the type of the points and the network.
It does not know time steps: see `lookhear.prediction.solver`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import forward_ad

from lookhear.prediction.flow import VelocityNet
from lookhear.prediction.sphere import frame, project


@runtime_checkable
class Field(Protocol):
    """Velocities on the sphere; each row of points may have a field of its own."""

    def at(self, rows: Int[Tensor, " n"]) -> Field:
        """The field of these rows only, in this order."""

    def velocity(self, y: Float[Tensor, "n 3"], t: float) -> Float[Tensor, "n 3"]:
        """Tangent velocities at unit vectors."""

    def with_divergence(self, y: Float[Tensor, "n 3"], t: float) -> tuple[Float[Tensor, "n 3"], Float[Tensor, " n"]]:
        """The same, and the divergence on the sphere."""


class NetField:
    """The field of a network for queries × points; the condition's projection is computed once.

    With `guidance` w ≠ 1 the velocity is v(none) + w (v(ψ) - v(none)). Its density is exact too, but it is the density
    of another model: sharper for w > 1, and no longer what training fitted; do not report it as a likelihood.
    """

    def __init__(
        self,
        net: VelocityNet,
        entered: Float[Tensor, "queries hidden"],
        queries: Int[Tensor, " n"],
        guidance: float = 1.0,
    ) -> None:
        self.net, self.entered, self.queries, self.guidance = net, entered, queries, guidance
        self._rows = entered[:1] if len(entered) == 1 else entered[queries]
        self._none = NetField(net, net.embed({}), torch.zeros_like(queries)) if guidance != 1.0 else None

    def at(self, rows: Int[Tensor, " n"]) -> NetField:
        """The field of these rows only."""
        return NetField(self.net, self.entered, self.queries[rows], self.guidance)

    def velocity(self, y: Float[Tensor, "n 3"], t: float) -> Float[Tensor, "n 3"]:
        """Tangent velocities."""
        net, entered = self.net, self._entered(y, t)
        x = F.linear(net.features(y, y.new_tensor([[t]])), net.enter.weight, net.enter.bias)
        self._condition(x, entered)
        for depth, linear in enumerate([*net.body, net.leave]):
            x = linear(F.silu(self._modulate(x, entered, depth), inplace=True))
        v = project(y, x * self._speed(t))
        return v if self._none is None else torch.lerp(self._none.velocity(y, t), v, self.guidance)

    def with_divergence(self, y: Float[Tensor, "n 3"], t: float) -> tuple[Float[Tensor, "n 3"], Float[Tensor, " n"]]:
        """Tangent velocities and their divergence, Σ e·Dg e - 2 y·g over a frame e of the tangent plane."""
        net, n, entered = self.net, len(y), self._entered(y, t)
        basis = frame(y)
        x = self._stacked_features(y, basis, t) @ net.enter.weight.T
        self._condition(x[:n].add_(net.enter.bias), entered)
        for depth, linear in enumerate([*net.body, net.leave]):
            x = self._modulate_stacked(x, entered, depth)
            x = _silu_stacked(x) @ linear.weight.T
            x[:n] += linear.bias
        g, along, across = x.view(3, n, 3)
        turn = (along * basis[0] + across * basis[1] - 2 * y * g).sum(-1) * self._speed(t)
        v = project(y, g * self._speed(t))
        if self._none is None:
            return v, turn
        v0, turn0 = self._none.with_divergence(y, t)
        return torch.lerp(v0, v, self.guidance), torch.lerp(turn0, turn, self.guidance)

    def _entered(self, y: Tensor, t: float) -> Tensor:
        """What time and condition add; one row if all points share it."""
        moment = self.net.time_features(y.new_tensor([[t]]))
        return self._rows + F.linear(moment, self.net.enter_time.weight)

    def _condition(self, x: Tensor, entered: Tensor) -> None:
        if self.net.config.conditioning == "concat":
            x += entered

    def _speed(self, t: float) -> float:
        return float(self.net.speed(t))

    def _stacked_features(self, y: Tensor, basis: tuple[Tensor, Tensor], t: float) -> Float[Tensor, "stacked width"]:
        """Features of y, and their derivatives along the frame, below each other."""
        points = torch.cat([y, *basis])
        if not self.net.config.fourier:
            return points
        value, *turns = (points @ self.net.frequencies.T).chunk(3)
        loud = self.net.loudness(y.new_tensor([[t]]))
        sine, cosine = loud * value.sin(), loud * value.cos()
        sines = torch.cat([sine, *(cosine * turn for turn in turns)])
        cosines = torch.cat([cosine, *(-sine * turn for turn in turns)])
        return torch.cat([points, sines, cosines], dim=-1)

    def _scale_shift(self, entered: Tensor, depth: int) -> tuple[Tensor, Tensor]:
        scale, shift = self.net.modulate[depth](F.silu(entered)).chunk(2, dim=-1)
        return 1 + scale, shift

    def _modulate(self, x: Tensor, entered: Tensor, depth: int) -> Tensor:
        if self.net.config.conditioning == "concat":
            return x
        scale, shift = self._scale_shift(entered, depth)
        return F.layer_norm(x, x.shape[-1:]) * scale + shift

    def _modulate_stacked(self, x: Tensor, entered: Tensor, depth: int) -> Tensor:
        """Layer norm, scale and shift of the value, and their derivative for the two tangents."""
        if self.net.config.conditioning == "concat":
            return x
        scale, shift = self._scale_shift(entered, depth)
        centred = x.view(3, -1, x.shape[-1])
        centred = centred - centred.mean(-1, keepdim=True)
        size = (centred[0].square().mean(-1, keepdim=True) + 1e-5).sqrt()
        value, turns = centred[0] / size, centred[1:] / size
        turns = turns - value * (value * turns).mean(-1, keepdim=True)
        return torch.cat([(value * scale + shift)[None], turns * scale]).view_as(x)


class FunctionField:
    """The field of any torch function g(y, t) -> R³, projected; its divergence is found by forward differentiation.

    The function gets unit vectors [n, 3] and a time; it is taken to be the same for all rows.
    """

    def __init__(self, function: Callable[[Tensor, float], Tensor]) -> None:
        self.function = function

    def at(self, rows: Int[Tensor, " n"]) -> FunctionField:
        """Itself."""
        return self

    def velocity(self, y: Float[Tensor, "n 3"], t: float) -> Float[Tensor, "n 3"]:
        """The function, projected onto the tangent plane."""
        return project(y, self.function(y, t))

    def with_divergence(self, y: Float[Tensor, "n 3"], t: float) -> tuple[Float[Tensor, "n 3"], Float[Tensor, " n"]]:
        """The projected function and its divergence."""
        basis = frame(y)
        (value, along), (_, across) = (self._derivative(y, t, way) for way in basis)
        return project(y, value), (along * basis[0] + across * basis[1] - 2 * y * value).sum(-1)

    def _derivative(self, y: Tensor, t: float, way: Tensor) -> tuple[Tensor, Tensor]:
        with forward_ad.dual_level():
            value, along = forward_ad.unpack_dual(self.function(forward_ad.make_dual(y, way), t))
        return value, torch.zeros_like(y) if along is None else along


def _silu_stacked(x: Float[Tensor, "stacked hidden"]) -> Float[Tensor, "stacked hidden"]:
    """SiLU of the values in the first third, its derivative times the tangents in the others; in place."""
    value, tangents = x[: len(x) // 3], x[len(x) // 3 :].view(2, -1, x.shape[-1])
    gate = torch.sigmoid(value)
    value *= gate
    tangents *= gate.addcmul_(value, 1 - gate)
    return x
