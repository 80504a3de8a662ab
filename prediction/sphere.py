"""The unit sphere S² in torch: distances, geodesics, tangent vectors, random points.

In: unit vectors in R³ and tangent vectors at them, batched, float32 or float64. Out: the same.
Everything has finite, right values and gradients in float32 when points coincide or are antipodal: differences of
nearby points are taken first (they are exact), and a series replaces 0/0. Lengths are in radians.
Where the shortest way is not unique (antipodes), one fixed way is chosen, the same in `log` and `transport`.
It does not know kilometres: see `lookhear.data.geo`.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

SERIES_BELOW = 1e-3
"""Under this squared angle cos and sin x/x are summed as series; four terms are exact in float64."""


def normalize(y: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """The unit vectors that point the same way; a zero vector stays zero."""
    length: Tensor = y.norm(dim=-1, keepdim=True)
    return y / length.clamp_min(1e-30)


def dot(a: Float[Tensor, "*n 3"], b: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 1"]:
    """Inner products, with the last axis kept."""
    return (a * b).sum(-1, keepdim=True)


def project(y: Float[Tensor, "*n 3"], v: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """The part of a vector that is tangent at y."""
    return v - dot(y, v) * y


def distance(a: Float[Tensor, "*n 3"], b: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
    """Great-circle distances in radians; the gradient is 0 where points coincide or are antipodal.

    atan2(|a × b|, a · b), with a × (b ∓ a) for a × b: the difference of neighbours is exact, so the relative error
    stays at 1e-7 in float32 down to the last metre.
    """
    cosine = (a * b).sum(-1)
    near = torch.where(cosine < 0, -1.0, 1.0).to(a.dtype)[..., None]
    return torch.atan2(torch.linalg.cross(a, b - near * a).norm(dim=-1), cosine)


def exp(y: Float[Tensor, "*n 3"], v: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """Where a walk from y with tangent vector v ends."""
    cosine, sinc = _cos_sinc(dot(v, v))
    return cosine * y + sinc * v


def log(y: Float[Tensor, "*n 3"], z: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """The tangent vector at y whose `exp` is z; its length is the distance. Antipodes: one fixed way of length π."""
    cosine = dot(y, z)
    near = torch.where(cosine < 0, -1.0, 1.0).to(y.dtype)
    flat = project(y, z - near * y)
    square = dot(flat, flat)
    series = (cosine > 0) & (square < SERIES_BELOW)
    opposite = (cosine < 0) & (square < _tiny(y))
    safe = torch.where(series | opposite, torch.ones_like(square), square)
    sine = safe.sqrt()
    ratio = torch.where(series, _arcsin_over(square), torch.atan2(sine, cosine) / sine)
    return torch.where(opposite, math.pi * any_tangent(y), ratio * flat)


def transport(y: Float[Tensor, "*n 3"], z: Float[Tensor, "*n 3"], v: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """Tangent vectors at y carried in parallel along the shortest way to z.

    v - 2 (w·v) w with w the middle between y and z: bounded everywhere, since it is a reflection.
    """
    middle = y + z
    square = dot(middle, middle)
    opposite = square < _tiny(y)
    safe = torch.where(opposite, torch.ones_like(square), square)
    middle = torch.where(opposite, any_tangent(y), middle)
    return v - 2 * (dot(middle, v) / safe) * middle


def geodesic(
    y0: Float[Tensor, "*n 3"], y1: Float[Tensor, "*n 3"], t: Float[Tensor, "*n 1"]
) -> tuple[Float[Tensor, "*n 3"], Float[Tensor, "*n 3"]]:
    """Points exp_{y0}(t log_{y0} y1) on the way from y0 to y1, and the velocity there, in closed form.

    Source: Chen and Lipman 2024, "Flow matching on general geometries", equations 13 and 15.
    """
    way = log(y0, y1)
    square = dot(way, way)
    cosine, sinc = _cos_sinc(t * t * square)
    along = t * sinc
    return cosine * y0 + along * way, cosine * way - square * along * y0


def any_tangent(y: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """A unit tangent vector at y, always the same for the same y and without gradient."""
    with torch.no_grad():
        return frame(y)[0]


def frame(y: Float[Tensor, "*n 3"]) -> tuple[Float[Tensor, "*n 3"], Float[Tensor, "*n 3"]]:
    """Two unit vectors that span the tangent plane at y.

    Source: Duff et al. 2017, "Building an orthonormal basis, revisited".
    """
    x, north, z = y.unbind(-1)
    sign = torch.where(z < 0, -1.0, 1.0).to(y.dtype)
    a = -1.0 / (sign + z)
    b = x * north * a
    first = torch.stack([1.0 + sign * x * x * a, sign * b, -sign * x], dim=-1)
    return first, torch.stack([b, sign + north * north * a, -north], dim=-1)


def random_uniform(
    count: int,
    generator: Generator | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "count 3"]:
    """Points drawn evenly over the sphere."""
    return normalize(torch.randn(count, 3, generator=generator, dtype=dtype, device=device))


def random_vmf(
    mean: Float[Tensor, "n 3"], kappa: Float[Tensor, " n"], generator: Generator | None = None
) -> Float[Tensor, "n 3"]:
    """One point from each von Mises–Fisher density, by its exact inverse: nothing is rejected.

    Source: Jakob 2012, "Numerically stable sampling of the von Mises–Fisher distribution on S²".
    """
    uniform = torch.rand(len(mean), 2, generator=generator, dtype=mean.dtype, device=mean.device)
    drop = -torch.log1p(uniform[:, 0] * torch.expm1(-2 * kappa)) / kappa.clamp_min(1e-6)
    drop = torch.where(kappa > 1e-4, drop, 2 * uniform[:, 0]).clamp(0, 2)[:, None]
    turn = 2 * math.pi * uniform[:, 1:]
    first, second = frame(mean)
    side = (drop * (2 - drop)).sqrt()
    return normalize((1 - drop) * mean + side * (turn.cos() * first + turn.sin() * second))


def vmf_log_density(
    y: Float[Tensor, "*#n 3"], mean: Float[Tensor, "*#n 3"], kappa: Float[Tensor, "*#n"]
) -> Float[Tensor, "*m"]:
    """Log-density of von Mises–Fisher in nats per steradian; κ = 0 is uniform."""
    away = y - mean
    drop = 0.5 * (away * away).sum(-1)
    spread = torch.where(kappa > 1e-3, -torch.expm1(-2 * kappa) / (2 * kappa.clamp_min(1e-3)), 1 - kappa)
    return -kappa * drop - spread.log() - math.log(4 * math.pi)


def _tiny(y: Tensor) -> float:
    """Squared lengths under this are rounding noise."""
    return 10.0 * float(torch.finfo(y.dtype).eps) ** 2


def _cos_sinc(square: Float[Tensor, "*n"]) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    """Return cos x and (sin x)/x of x², smooth at 0."""
    small = square < SERIES_BELOW
    x = torch.where(small, torch.ones_like(square), square).sqrt()
    series_cos = 1 - square / 2 * (1 - square / 12 * (1 - square / 30 * (1 - square / 56)))
    series_sinc = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72)))
    return torch.where(small, series_cos, x.cos()), torch.where(small, series_sinc, x.sin() / x)


def _arcsin_over(square: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """(arcsin x)/x of a small x²."""
    return 1 + square / 6 * (1 + square * 9 / 20 * (1 + square * 25 / 42 * (1 + square * 49 / 72)))
