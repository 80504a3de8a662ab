"""Features as images: vectors of frozen encoders in, soft tokens in a LLaVA's image slots out.

A feature (GeoCLIP's 512 numbers of a picture, BirdNET's mean over a sound, how strongly each kernel of the dictionary
of atoms fired) travels wherever an image may, so that trainers made for images carry it unchanged: `FeatureProcessor`
packs it into a small "image" of pixels, `FeatureTower` in LLaVA's vision slot takes it out again and turns it into
`TOKENS` vectors, and LLaVA's own projector makes soft tokens of them. What stands in the pixels:

    [0, 1, …, n - 1]   the feature, scaled to the length √n
    [-1]               which kind of feature it is (index in `KINDS`)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from safetensors import safe_open
from torch import Tensor, nn
from transformers import BatchFeature, CLIPImageProcessor
from transformers.modeling_outputs import BaseModelOutputWithPooling

KINDS: dict[str, int] = {"sight": 512, "sound": 1024, "atoms": 348}
"""Features there may be, and their sizes; their order is that of the kinds. A new one comes last, so that adapters that
were trained before it keep theirs."""

PATCH = 10
SIDE = 2 * PATCH
"""Pixels: 3 · 20 · 20 numbers hold the largest feature."""

TOKENS = (SIDE // PATCH) ** 2
"""Soft tokens a feature."""


class FeatureProcessor(CLIPImageProcessor):  # type: ignore[misc,unused-ignore]
    """What LLaVA's processor takes for an image processor; its images are pixels made by `pixels_of`."""

    model_input_names = ("pixel_values",)

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> BatchFeature:
        """Pixels in, in lists or lists of lists; a batch out."""
        return BatchFeature({"pixel_values": torch.stack([torch.as_tensor(one) for one in _flat(images)])})

    preprocess = __call__


class FeatureTower(nn.Module):
    """Stands in LLaVA's vision slot: pixels in, the hidden states of `TOKENS` tokens out."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.spread = nn.ModuleList([nn.Linear(size, TOKENS * width) for size in KINDS.values()])

    def as_trained(self, adapter: Path) -> None:
        """Know no more kinds than an adapter does that was trained when there were fewer."""
        with safe_open(adapter / "adapter_model.safetensors", framework="pt") as file:
            known = sum(re.search(r"vision_tower\.spread\.\d+\.weight$", name) is not None for name in file.keys())
        self.spread = self.spread[: known or None]

    def forward(self, pixel_values: Float[Tensor, "n 3 s s"], **_: Any) -> BaseModelOutputWithPooling:
        """Hidden states [n, TOKENS, width]; LLaVA picks the last.

        Raises:
            ValueError: a feature is of a kind that its adapter never knew.
        """
        flat = pixel_values.flatten(1)
        if len(flat) and int(flat[:, -1].max()) >= len(self.spread):
            raise ValueError(f"The adapters of this model know {', '.join(list(KINDS)[: len(self.spread)])} only.")
        dtype = next(self.parameters()).dtype
        states = torch.zeros(len(flat), TOKENS * self.config.hidden_size, dtype=dtype, device=flat.device)
        for kind, (size, spread) in enumerate(zip(KINDS.values(), self.spread, strict=False)):
            mine = flat[:, -1] == kind
            states = torch.where(mine[:, None], spread(flat[:, :size].to(states)), states)
        states = states.view(len(flat), TOKENS, -1)
        return BaseModelOutputWithPooling(last_hidden_state=states, hidden_states=(states,))


def pixels_of(kind: str, feature: Float[ndarray, " size"]) -> Float[ndarray, "3 s s"]:
    """A feature as pixels.

    Raises:
        ValueError: there is no such kind, the size is another, or a number is not finite.
    """
    size = KINDS.get(kind)
    if size is None or feature.shape != (size,):
        known = ", ".join(f"{name} ({n})" for name, n in KINDS.items())
        raise ValueError(
            f"A feature {kind!r} of {len(feature)} numbers cannot become soft tokens; there are {known}. "
            "Atoms must be those of the dictionary that comes with the package."
        )
    length = float(np.linalg.norm(feature))
    if not np.isfinite(length):
        raise ValueError(f"A feature {kind!r} has numbers that are not finite; leave it out.")
    flat = np.zeros(3 * SIDE * SIDE, dtype=np.float32)
    flat[:size] = feature * (np.sqrt(size) / max(length, 1e-6))
    flat[-1] = list(KINDS).index(kind)
    return flat.reshape(3, SIDE, SIDE)


def _flat(images: Any) -> list[Any]:
    """The pixels in nested lists, in order."""
    if isinstance(images, Sequence) and not isinstance(images, (str, bytes)):
        return [pixels for one in images for pixels in _flat(one)]
    return [images]
