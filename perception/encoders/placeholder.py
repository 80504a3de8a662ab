"""An encoder without weights, for tests: the power of sixteen bands of sound at four times.

It hears gain, knows tones apart, and is linear in power; nothing else of it is like a real encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

BANDS = 16


@dataclass(frozen=True)
class PlaceholderEncoder:
    """Band powers.

    Example:
        >>> PlaceholderEncoder().feature_map(torch.zeros(1, 8_000)).shape
        torch.Size([1, 16, 4])
    """

    sample_rate_hz: int = 8_000
    """Rate of the samples."""
    window_s: float = 1.0
    """Length of a window."""
    hop_s: float = 0.5
    """From one window's start to the next one's."""
    times: int = 4
    """Positions of the map."""
    name: str = "placeholder"
    size: int = BANDS
    hears_gain: bool = True
    repeats_short: bool = False

    @property
    def map_shape(self) -> tuple[int, int]:
        """Features and positions."""
        return BANDS, self.times

    def embed(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 16"]:
        """Mean power of each band."""
        return self.feature_map(windows).mean(2)

    def pooled(self, maps: Float[Tensor, "batch 16 times"]) -> Float[Tensor, "batch 16"]:
        """The mean over time."""
        return maps.mean(2)

    def feature_map(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 16 times"]:
        """Power of each band at each time."""
        pieces = windows.unflatten(1, (self.times, -1))
        power = torch.view_as_real(torch.fft.rfft(pieces)).square().sum(3)
        power = power[:, :, 1 : 1 + power.shape[2] // BANDS * BANDS]
        bands: Tensor = power.unflatten(2, (BANDS, -1)).sum(3).transpose(1, 2) / pieces.shape[2] ** 2
        return bands

    def fingerprint(self) -> str:
        """Changes with the settings."""
        return f"placeholder-{self.sample_rate_hz}-{self.window_s}-{self.times}"
