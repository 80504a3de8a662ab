"""A frame in, the pixels that CLIP sees out: 224 × 224 from its middle, in CLIP's own colours.

The same steps as OpenAI's CLIP and open_clip: the shorter side is made `size` pixels long with Pillow's bicubic filter,
the middle square is cut out, and each colour is centred and scaled. transformers cuts a pixel further up or left where
the rest is odd, and rounds after its own filter (docs/sight.md has the differences).

Not CLIP's: a picture more than `LONGEST` times as long as wide loses its ends first, since they would be cut off anyhow
and a strip of one pixel in width would take gigabytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image
from torch import Tensor

SIZE_PX = 224
"""Side of the square that ViT-L/14 takes."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
SCALE = (0.26862954, 0.26130258, 0.27577711)
"""Mean and standard deviation of red, green and blue in CLIP's training pictures, full scale 1."""

LONGEST = 8
"""Long side over short side, beyond which the ends are dropped before anything else."""


def middle_square(pixels: UInt8[ndarray, "h w 3"], size_px: int = SIZE_PX) -> UInt8[ndarray, "size size 3"]:
    """The middle of a picture, shrunk or enlarged to a square."""
    image = Image.fromarray(_without_ends(pixels))
    short = min(image.size)
    width, height = (size_px * side // short for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size_px) / 2), round((height - size_px) / 2)
    return np.asarray(image.crop((left, top, left + size_px, top + size_px)))


def clip_pixels(squares: Sequence[UInt8[ndarray, "size size 3"]]) -> Float[Tensor, "n 3 size size"]:
    """Squares as the numbers that CLIP was trained on."""
    whole = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
    mean, scale = (torch.tensor(part).view(3, 1, 1) for part in (MEAN, SCALE))
    return (whole - mean) / scale


def _without_ends(pixels: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "_ _ 3"]:
    height, width = pixels.shape[:2]
    most = LONGEST * min(height, width)
    top, left = max(0, height - most) // 2, max(0, width - most) // 2
    return np.ascontiguousarray(pixels[top : top + most, left : left + most])
