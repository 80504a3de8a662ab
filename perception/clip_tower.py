"""CLIP's two towers in torch: pictures or words in, features of one common space out.

Our own module of Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section
2.4; names follow OpenAI's code. Sizes are told from the weights (`clip_weights`), so a tiny random tower is built by
the same lines as ViT-L/14. It gives what open_clip and transformers give to 1e-5 and needs neither of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

HEAD_WIDTH = 64
"""Width of an attention head in every CLIP that OpenAI published."""

Tower = TypeVar("Tower", bound=nn.Module)


class Block(nn.Module):
    """Attention, then a small network, each beside a bypass."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Float[Tensor, "n tokens width"], causal: bool) -> Float[Tensor, "n tokens width"]:
        """The next layer's tokens; `causal`: each sees only those before it."""
        parts = self.in_proj(self.ln_1(x)).unflatten(-1, (3, self.heads, HEAD_WIDTH))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value, is_causal=causal)
        x = x + self.out_proj(seen.transpose(1, 2).flatten(2))
        hidden = self.c_fc(self.ln_2(x))
        out: Tensor = x + self.c_proj(hidden * torch.sigmoid(1.702 * hidden))  # OpenAI's quick GELU
        return out


class ImageTower(nn.Module):
    """The vision transformer."""

    def __init__(self, width: int, layers: int, patch_px: int, tokens: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch_px, patch_px, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(tokens, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.proj = nn.Parameter(torch.empty(width, out))

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> ImageTower:
        """The tower that weights in our names make."""
        out, (tokens, width) = weights["proj"].shape[1], weights["positional_embedding"].shape
        with torch.device("meta"):
            tower = cls(width, _layers(weights), weights["conv1.weight"].shape[-1], tokens, out)
        return _filled(tower, weights)

    @property
    def size_px(self) -> int:
        """Side of the square that it takes."""
        side: float = (len(self.positional_embedding) - 1) ** 0.5
        return self.conv1.kernel_size[0] * round(side)

    @property
    def size(self) -> int:
        """Numbers of a feature."""
        return self.proj.shape[1]

    def forward(self, pixels: Float[Tensor, "n 3 size size"]) -> Float[Tensor, "n out"]:
        """Features, of any length."""
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(pixels), 1, -1)
        x = self.ln_pre(torch.cat([first, patches], 1) + self.positional_embedding)
        for block in self.blocks:
            x = block(x, causal=False)
        out: Tensor = self.ln_post(x[:, 0]) @ self.proj
        return out


class TextTower(nn.Module):
    """The transformer over words; a text's feature is read where it ends."""

    def __init__(self, width: int, layers: int, words: int, tokens: int, out: int) -> None:
        super().__init__()
        self.token_embedding = nn.Parameter(torch.empty(words, width))
        self.positional_embedding = nn.Parameter(torch.empty(tokens, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, out))

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> TextTower:
        """The tower that weights in our names make."""
        words, tokens = len(weights["token_embedding"]), len(weights["positional_embedding"])
        width, out = weights["text_projection"].shape
        with torch.device("meta"):
            tower = cls(width, _layers(weights), words, tokens, out)
        return _filled(tower, weights)

    @property
    def tokens(self) -> int:
        """Most tokens of a text, its beginning and end included."""
        return len(self.positional_embedding)

    def forward(self, tokens: Int[Tensor, "n tokens"]) -> Float[Tensor, "n out"]:
        """Features, of any length; the end of a text has the highest number of all tokens."""
        x = self.token_embedding[tokens] + self.positional_embedding[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, causal=True)
        ends = self.ln_final(x)[torch.arange(len(tokens)), tokens.argmax(1)]
        out: Tensor = ends @ self.text_projection
        return out


def _layers(weights: Mapping[str, Tensor]) -> int:
    return sum(name.startswith("blocks.") and name.endswith(".in_proj.weight") for name in weights)


def _filled(tower: Tower, weights: Mapping[str, Tensor]) -> Tower:
    """The weights in single precision, put in without a copy where they have it already."""
    tower.load_state_dict({name: value.float() for name, value in weights.items()}, assign=True)
    return tower.eval().requires_grad_(False)
