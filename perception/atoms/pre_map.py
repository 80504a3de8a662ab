"""A learnt map from the encoder's features to the space in which sounds add up.

In: an encoder's map [features, positions]. Out: vectors [size, positions]. A frozen encoder's embedding of a sum is
not the sum of its embeddings, but matching pursuit needs that; this small network comes before it. It mixes positions
twice over three neighbours, so a vector sees five positions of the map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class PreMap(nn.Module):
    """Root, two residual blocks, projection.

    The encoder's maps have a long tail; their square roots, with the sign kept, do not.
    """

    def __init__(self, features: int, hidden: int, size: int, dropout: float) -> None:
        super().__init__()
        self.widen = nn.Linear(features, hidden)
        self.blocks = nn.ModuleList(MixingBlock(hidden, dropout) for _ in range(2))
        self.norm = nn.LayerNorm(hidden)
        self.project = nn.Linear(hidden, size)
        self.dropout = dropout
        self.centre = nn.Buffer(torch.zeros(features))
        self.spread = nn.Buffer(torch.ones(features))

    @torch.no_grad()
    def fit(self, maps: Float[Tensor, "batch features positions"]) -> None:
        """Centre and scale what comes in, then what goes out, on single sounds.

        Without this all vectors begin nearly parallel, and training collapsed within 100 steps.
        """
        roots = _root(maps).transpose(1, 2).flatten(0, 1)
        self.centre.copy_(roots.mean(0))
        self.spread.copy_(roots.std(0).clamp(min=1e-3 * float(roots.std()) + 1e-9))
        vectors = self(maps)
        scale = (vectors - vectors.mean((0, 2))[:, None]).mean(2).norm(dim=1).mean()
        self.project.bias.sub_(vectors.mean((0, 2))).div_(scale)
        self.project.weight.div_(scale)

    def forward(self, maps: Float[Tensor, "batch features positions"]) -> Float[Tensor, "batch size positions"]:
        """Each position's vector."""
        x = (_root(maps).transpose(1, 2) - self.centre) / self.spread
        x = self.widen(F.dropout(x, self.dropout, self.training))
        for block in self.blocks:
            x = block(x)
        projected: Tensor = self.project(self.norm(x))
        return projected.transpose(1, 2)


def _root(maps: Float[Tensor, "batch features positions"]) -> Float[Tensor, "batch features positions"]:
    roots: Tensor = torch.sign(maps) * maps.abs().sqrt()
    return roots


class MixingBlock(nn.Module):
    """Neighbouring positions and their mean, then features."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.near = nn.Conv1d(hidden, hidden, 3, padding=1, groups=hidden)
        self.far = nn.Linear(hidden, hidden)
        self.feed = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
        )

    def forward(self, x: Float[Tensor, "batch positions hidden"]) -> Float[Tensor, "batch positions hidden"]:
        """One block."""
        normed = self.norm(x)
        near = self.near(normed.transpose(1, 2)).transpose(1, 2)
        x = x + near + self.far(normed.mean(1, keepdim=True))
        fed: Tensor = self.feed(x)
        return x + fed
