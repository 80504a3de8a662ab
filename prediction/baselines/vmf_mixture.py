"""A mixture density network whose components are von Mises–Fisher: every clip has its own means, κ and shares.

In two dimensions this closed form is a serious rival of the flow: its likelihood is exact at no cost, and a few dozen
kernels can take any shape that a few dozen places have.

Source: Bishop 1994, "Mixture density networks"; Izbicki, Papalexakis and Tsotras 2019, "Exploiting the Earth's
spherical geometry to geolocate images" (MvMF), for the components.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lookhear.prediction import sphere
from lookhear.prediction.baselines.baseline import Trunked
from lookhear.prediction.baselines.kernels import KernelMixture
from lookhear.prediction.baselines.trunk import TrunkConfig
from lookhear.prediction.condition import Condition, Present, check_query
from lookhear.prediction.density import UNIFORM_LOG_DENSITY
from lookhear.prediction.flow import Base
from lookhear.prediction.training.features import Batch


@dataclass(frozen=True)
class VmfMixtureConfig:
    """Settings of a mixture.

    Raises:
        ValueError: there is no component, or the concentrations are not in order.
    """

    trunk: TrunkConfig
    """The network."""
    components: int = 32
    """Kernels of each clip, besides the even part."""
    least_kappa: float = 1.0
    """Widest kernel."""
    most_kappa: float = 1e5
    """Narrowest kernel: 1e5 is 20 km."""

    def __post_init__(self) -> None:
        if self.components < 1 or not 0 < self.least_kappa < self.most_kappa:
            raise ValueError(
                f"A mixture needs at least one component and 0 < least_kappa < most_kappa, but this is {self}."
            )


class VmfMixture(Trunked):
    """Means, concentrations and shares from one network."""

    name = "vmf_mixture"
    config_type = VmfMixtureConfig

    def __init__(self, config: VmfMixtureConfig) -> None:
        """Make an untrained one: means spread over the Earth, all kernels about 1,200 km wide, all shares alike."""
        super().__init__(config, 5 * config.components + 1)
        k = config.components
        with torch.no_grad():
            self.leave.bias[: 3 * k] = sphere.random_uniform(k, Generator().manual_seed(k)).flatten()
            low, high = math.log(config.least_kappa), math.log(config.most_kappa)
            share = min(0.9, max(0.1, (math.log(30.0) - low) / (high - low)))
            self.leave.bias[3 * k : 4 * k] = math.log(share / (1 - share))

    def rows_log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log of the sum over a row's components."""
        means, kappas, log_shares = self.components(batch.condition, batch.present, len(batch.y))
        kernels = sphere.vmf_log_density(batch.y[:, None], means, kappas)
        even = torch.full_like(kernels[:, :1], UNIFORM_LOG_DENSITY)
        return torch.logsumexp(log_shares + torch.cat([kernels, even], dim=-1), dim=-1)

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> KernelMixture:
        """The mixture of one clip."""
        check_query(self.config.trunk.sizes, condition)
        with torch.no_grad():
            means, kappas, log_shares = (part[0] for part in self.components(condition, {}, 1))
        return KernelMixture.of(means, kappas, log_shares[:-1], float(log_shares[-1]))

    def components(
        self, condition: Condition, present: Present, count: int
    ) -> tuple[Float[Tensor, "count k 3"], Float[Tensor, "count k"], Float[Tensor, "count shares"]]:
        """Means, concentrations, and log-shares of which the last is the even part's."""
        k, config = self.config.components, self.config
        directions, sizes, logits = self.read(condition, present, count).split([3 * k, k, k + 1], dim=-1)
        low, high = math.log(config.least_kappa), math.log(config.most_kappa)
        kappas = (low + (high - low) * torch.sigmoid(sizes)).exp()
        return sphere.normalize(directions.view(count, k, 3)), kappas, logits.log_softmax(-1)
