"""Where a video changes its scene, and the clips that are cut from each scene.

In: a video. Out: `Span`s, each within one scene. Ten pictures a second are compared by their colours: the difference of
two is half the sum of the absolute differences of their histograms (luma in 16 steps, the two chromas in 8 each; every
quarter of the picture has its own), averaged over the three, so 0 is the same and 1 is nothing in common. A change is a
difference of at least `threshold` that is also 3 times the mean of its neighbours within a second, so that a shaking or
fast panning camera is not cut to pieces. Histograms: Zhang, Kankanhalli and Smoliar 1993, section 2.2.2.
Not seen: slow fades, and cuts between scenes of the same colours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lookhear.data.avg.moments import Span, frames_at
from lookhear.data.clip import Clip

STEP_S = 0.1
"""From one compared picture to the next."""

SIDE_PX = 64
"""Longer side of the compared pictures."""

NEIGHBOURS_S, STANDS_OUT = 1.0, 3.0
"""A change is so many times larger than the mean difference around it."""


@dataclass(frozen=True)
class CutConfig:
    """How clips are cut."""

    min_s: float = 10.0
    """Shorter scenes are dropped; AVG's clips have 10 to 20 s."""
    max_s: float = 20.0
    """Longer scenes are cut evenly."""
    threshold: float = 0.25
    """Difference of two histograms, 0 to 1, from which a scene may change."""

    def __post_init__(self) -> None:
        if not 0 < 2 * self.min_s <= self.max_s < math.inf:
            raise ValueError(
                f"The longest clip must be at least twice the shortest, so that every longer scene can be cut evenly, "
                f"but clips of {self.min_s:g} to {self.max_s:g} s were asked for."
            )
        if not 0 < self.threshold <= 1:
            raise ValueError(f"The threshold of a scene change lies within (0, 1], but {self.threshold:g} was given.")


def clip_spans(clip: Clip, config: CutConfig) -> tuple[list[Span], list[Span]]:
    """The clips to cut from a video, and the scenes that are too short for one."""
    if clip.duration_s is None:
        return [], []
    scenes = scenes_of(clip, config.threshold)
    short = [(start_s, end_s) for start_s, end_s in scenes if end_s - start_s < config.min_s]
    return [piece for scene in scenes for piece in even_pieces(scene, config)], short


def scenes_of(clip: Clip, threshold: float) -> list[Span]:
    """Stretches without a change, to a tenth of a second; what lies between two pictures on either side is left out."""
    assert clip.duration_s is not None, "without a length there are no scenes"
    count = max(1, math.ceil(round(clip.duration_s / STEP_S, 6)))
    histograms = np.array(list(_histograms(clip, count)))
    changes = scene_changes(histogram_differences(histograms), threshold)
    starts_s = [0.0, *((change + 1) * STEP_S for change in changes)]
    ends_s = [*(change * STEP_S for change in changes), clip.duration_s]
    return [(round(a, 3), round(b, 3)) for a, b in zip(starts_s, ends_s, strict=True) if round(b - a, 3) > 0]


def scene_changes(differences: Float[ndarray, " n"], threshold: float) -> list[int]:
    """Indices of the differences that are changes; a short dissolve is several."""
    reach = round(NEIGHBOURS_S / STEP_S)
    found: list[int] = []
    for k in np.flatnonzero(differences >= threshold):
        around = differences[max(0, k - reach) : k + reach + 1]
        others = (around.sum() - differences[k]) / max(1, len(around) - 1)
        if differences[k] >= STANDS_OUT * others:
            found.append(int(k))
    return found


def histogram_differences(histograms: Float[ndarray, "pictures channels bins"]) -> Float[ndarray, " pairs"]:
    """Difference of each picture from the one before, 0 to 1, the mean over luma and the two chromas."""
    return np.asarray(np.abs(np.diff(histograms, axis=0)).sum(axis=2).mean(axis=1) / 2)


def even_pieces(scene: Span, config: CutConfig) -> list[Span]:
    """A scene as one clip, as several of one length where it is too long, or as none where it is too short."""
    start_s, end_s = scene
    length_s = round(end_s - start_s, 3)
    if length_s < config.min_s:
        return []
    count = math.ceil(length_s / config.max_s)
    edges = [round(start_s + k * length_s / count, 3) for k in range(count + 1)]
    return list(itertools.pairwise(edges))


def _histograms(clip: Clip, count: int) -> Iterator[Float[ndarray, "3 bins"]]:
    """One for each step; the picture is compared in quarters, so that what moves to another one counts."""
    moments_s = [k * STEP_S for k in range(count)]
    for frame in frames_at(clip.path, moments_s, SIDE_PX):
        yield colour_histograms(frame.pixels)


def colour_histograms(image: UInt8[ndarray, "height width 3"]) -> Float[ndarray, "3 64"]:
    """Luma and the two chromas (BT.601), each by the four quarters; each sums to 1."""
    red, green, blue = np.moveaxis(image.astype(np.float32), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    steps = (luma / 16, (0.564 * (blue - luma) + 128) / 32, (0.713 * (red - luma) + 128) / 32)
    height, width = luma.shape
    quarter = 2 * (np.arange(height)[:, None] * 2 // height) + np.arange(width)[None] * 2 // width
    bins = (16 * quarter + np.clip(step, 0, 15).astype(np.int64) for step in steps)
    return np.stack([np.bincount(index.ravel(), minlength=64) / luma.size for index in bins])
