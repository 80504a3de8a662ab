"""Regression: one point for each clip, by one of three losses; and a density around it.

The loss is the distance itself, as published: between latitudes and longitudes scaled to [-1, 1] ("euclidean"),
great-circle between the points they mean ("haversine"), or between points in R³ ("cartesian", whose answer is put back
on the sphere). Euclidean latitudes and longitudes do not know that longitude is a circle.
A point has no likelihood. So that NLL is defined at all, a von Mises–Fisher density of one κ for all clips, and an even
part, are learnt around the points by maximum likelihood; their gradient does not reach the points.

Source: the regression baselines of Chasmai et al. 2025, "Bioacoustic geolocation" (AG-CLIP, A.5); Perotin et al. 2019,
"Regression versus classification for neural network based audio source localization", for the Cartesian form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from lookhear.prediction import sphere
from lookhear.prediction.baselines.baseline import FAST, Trunked
from lookhear.prediction.baselines.kernels import KernelMixture, with_even
from lookhear.prediction.baselines.trunk import TrunkConfig
from lookhear.prediction.condition import Condition, check_query
from lookhear.prediction.flow import Base
from lookhear.prediction.training.features import Batch

FIRST_KAPPA, FIRST_EVEN = 5.0, 0.2
"""The density around a point before training: 2,850 km wide."""


@dataclass(frozen=True)
class RegressionConfig:
    """Settings of a regression."""

    trunk: TrunkConfig
    """The network."""
    loss: Literal["euclidean", "haversine", "cartesian"] = "haversine"
    """Which distance training makes small."""


class Regression(Trunked):
    """A point for each clip."""

    name = "regression"
    config_type = RegressionConfig

    def __init__(self, config: RegressionConfig) -> None:
        super().__init__(config, 3 if config.loss == "cartesian" else 2, zeros=False)
        first = [math.log(FIRST_KAPPA), math.log(FIRST_EVEN / (1 - FIRST_EVEN))]
        self.spread = nn.Parameter(torch.tensor(first) / FAST)

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Mean distance, and the NLL of the density around the points, which are held still for it."""
        found = self.read(batch.condition, batch.present, len(batch.y))
        points = self.points(found)
        if self.config.loss == "euclidean":
            away = (found - scaled_degrees(batch.y)).norm(dim=-1)
        elif self.config.loss == "haversine":
            away = sphere.distance(points, batch.y)
        else:
            away = (found - batch.y).norm(dim=-1)
        loss: Tensor = away.mean() - self._around(points.detach(), batch.y).mean()
        return loss

    def rows_log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log-density around each row's point."""
        return self._around(self.points(self.read(batch.condition, batch.present, len(batch.y))), batch.y)

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> KernelMixture:
        """One kernel and an even part."""
        check_query(self.config.trunk.sizes, condition)
        with torch.no_grad():
            point = self.points(self.read(condition, {}, 1))
            kappa, log_even = self._spread
        return KernelMixture.of(point, kappa[None], torch.log1p(-log_even.exp())[None], float(log_even))

    def points(self, found: Float[Tensor, "n outputs"]) -> Float[Tensor, "n 3"]:
        """Unit vectors of what the network says; a latitude beyond a pole goes on down the other side."""
        if self.config.loss == "cartesian":
            return sphere.normalize(found)
        lat, lon = found[:, 0] * (math.pi / 2), found[:, 1] * math.pi
        return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=-1)

    def _around(self, points: Float[Tensor, "n 3"], y: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        kappa, log_even = self._spread
        return with_even(sphere.vmf_log_density(y, points, kappa.expand(len(y))), log_even)

    @property
    def _spread(self) -> tuple[Tensor, Tensor]:
        """κ, at most 1e6 (6 km), and the log-share of the even part."""
        log_kappa, logit = (self.spread * FAST).unbind()
        return log_kappa.clamp(max=math.log(1e6)).exp(), F.logsigmoid(logit.clamp(-9, 9))


def scaled_degrees(y: Float[Tensor, "n 3"]) -> Float[Tensor, "n 2"]:
    """Latitude over 90° and longitude over 180°."""
    lat = torch.atan2(y[:, 2], torch.hypot(y[:, 0], y[:, 1]))
    return torch.stack([lat / (math.pi / 2), torch.atan2(y[:, 1], y[:, 0]) / math.pi], dim=-1)
