"""The optimiser of MART.

Two ways to keep kernels on the unit sphere: AdamW with kernels scaled back after each step, or geoopt's RiemannianAdam,
whose steps follow the sphere. On real sounds the first was 2 points better at one and two sounds after 400 steps,
within chance (docs/train-sound.md).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Optimizer

from lookhear.perception.atoms.config import MartConfig
from lookhear.perception.atoms.ic_sae import IcSae


def optimiser_for(sae: IcSae, config: MartConfig) -> Optimizer:
    """The optimiser that the settings ask for; weight decay spares kernels and vectors.

    Raises:
        ValueError: geoopt is missing.
    """
    if config.sphere == "riemannian":
        return _riemannian(sae, config)
    decayed = [p for name, p in sae.named_parameters() if p.ndim >= 2 and name != "dictionary"]
    others = [p for name, p in sae.named_parameters() if p.ndim < 2 or name == "dictionary"]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], config.lr)


def _riemannian(sae: IcSae, config: MartConfig) -> Optimizer:
    try:
        import geoopt  # type: ignore[import-untyped]
    except ImportError as error:
        raise ValueError("RiemannianAdam needs geoopt: pip install 'lookhear[train]'.") from error
    kernels: nn.Parameter = geoopt.ManifoldParameter(sae.dictionary.detach(), manifold=geoopt.Sphere())
    sae.dictionary = kernels
    optimiser: Optimizer = geoopt.optim.RiemannianAdam(sae.parameters(), lr=config.lr)
    return optimiser
