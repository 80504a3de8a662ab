"""The small network all baselines share: named features in, one hidden vector for each clip out.

Features are joined as for the flow (`lookhear.prediction.condition`). Without any features the hidden vector is the
same for every clip, so a baseline becomes a density of places alone.
It does not know places.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.prediction.condition import Condition, Joined, Present


@dataclass(frozen=True)
class TrunkConfig:
    """What a trunk is; saved with every baseline.

    Raises:
        ValueError: a size is not positive.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    """Length of each named feature; none: the baseline knows nothing of a clip."""
    hidden: int = 512
    """Width of all layers."""
    layers: int = 3
    """Linear layers, each followed by SiLU; the head adds its own last one."""

    def __post_init__(self) -> None:
        for name, size in [("hidden", self.hidden), ("layers", self.layers), *self.sizes.items()]:
            if size < 1:
                raise ValueError(f"The size of {name!r} must be at least 1, but it is {size}.")


class Trunk(nn.Module):
    """A multilayer perceptron over the joined features.

    Example:
        >>> trunk = Trunk(TrunkConfig({"sound": 1024}))
        >>> trunk({"sound": torch.randn(8, 1024)}, {}, 8).shape
        torch.Size([8, 512])
    """

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        self.joined = Joined(config.sizes)
        widths = [max(1, sum(config.sizes.values())), *[config.hidden] * (config.layers - 1)]
        self.layers = nn.ModuleList(nn.Linear(width, config.hidden) for width in widths)

    def forward(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count hidden"]:
        """Hidden vectors of `count` clips.

        Raises:
            ValueError: a feature is unknown or of the wrong size.
        """
        x = self.joined(condition, present, count)
        if not self.config.sizes:
            x = x.new_ones(count, 1)
        for layer in self.layers:
            x = F.silu(layer(x))
        hidden: Tensor = x
        return hidden
