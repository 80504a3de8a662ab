"""What a frame is, and how many of them a clip is sampled at.

In: the length of a clip. Out: how many moments, evenly spaced, are looked at. Seeing and reading share one sampling,
so that a video is decoded once (`Clip.sampled_frames`). Not known: what the frames show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import UInt8
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Frame:
    """What is on screen at one moment."""

    time_s: float
    """The moment, in seconds from the start of the clip; 0 for a picture."""
    pixels: UInt8[ndarray, "h w 3"]
    """RGB, upright."""


@dataclass(frozen=True)
class Sampling:
    """How densely a clip is looked at.

    Example:
        >>> Sampling().count(10.0), Sampling().count(3600.0)
        (10, 64)

    Raises:
        ValueError: it asks for no frame at all.
    """

    per_s: float = 1.0
    """Frames a second: a sign passes in a second or more."""
    at_least: int = 4
    """Frames of even the shortest video; fewer if fewer are different."""
    at_most: int = 64
    """Frames of even the longest one."""
    max_side_px: int = 1600
    """Longest side of the frames; small writing is lost when they are smaller."""

    def __post_init__(self) -> None:
        if not (0 < self.at_least <= self.at_most and self.per_s > 0 and self.max_side_px > 0):
            raise ValueError(f"A sampling must ask for at least one frame of one pixel, which {self} does not.")

    def count(self, duration_s: float | None) -> int:
        """Frames of a clip of this length."""
        wanted = math.ceil(self.per_s * (duration_s or 0.0))
        return min(self.at_most, max(self.at_least, wanted))
