"""What an optimiser remembers of each parameter, as named tensors: `0.step`, `0.exp_avg`, `1.step` and so on.

In: an optimiser. Out: its moments, and back. It does not know which parameter has which number.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer


def moments_of(optimiser: Optimizer) -> dict[str, Tensor]:
    """The moments; none before the first step."""
    state = optimiser.state_dict()["state"]
    return {f"{k}.{name}": torch.as_tensor(value) for k, one in state.items() for name, value in one.items()}


def load_moments(optimiser: Optimizer, moments: Mapping[str, Tensor]) -> None:
    """What `moments_of` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in moments.items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    counts = [one["step"] for one in state.values() if "step" in one]
    if any(not count.is_floating_point() for count in counts):
        for one in optimiser.state.values():  # geoopt counts in int; torch makes that float32, which rounds otherwise
            one["step"] = int(one["step"])
