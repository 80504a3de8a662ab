"""The optimiser of MART, and its moments as named tensors.

Two ways to keep kernels on the unit sphere: AdamW with kernels scaled back after each step, or geoopt's RiemannianAdam,
whose steps follow the sphere. Which does better on real sounds has not been measured yet (`--sphere`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
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


def moments_of(optimiser: Optimizer) -> dict[str, Tensor]:
    """What the optimiser remembers of each parameter."""
    state = optimiser.state_dict()["state"]
    return {f"moment.{k}.{name}": torch.as_tensor(value) for k, one in state.items() for name, value in one.items()}


def load_moments(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    """What `moments_of` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("moment."):
            _, number, key = name.split(".", 2)
            state.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    if any(not one["step"].is_floating_point() for one in state.values()):
        for one in optimiser.state.values():  # geoopt counts in int; torch makes that float32, which rounds otherwise
            one["step"] = int(one["step"])
