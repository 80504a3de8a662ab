"""Frames of a clip in, what they look like and where such a look points out.

Each frame goes through GeoCLIP's image encoder; the mean of their unit features stands for the clip (section 3.1 of the
paper), and a gallery of places says where on Earth it points. Frames come one by one and are kept as small squares, so
a long video takes no memory; of many, `MOST_FRAMES` spread over the clip are encoded, since each takes seconds on one
processor. Not known: writing (see `writing`), and how sure a look is on real pictures (see `sharpness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lookhear.data.clip import Clip
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.gallery import Gallery, Match
from lookhear.perception.geoclip_image import ImageEncoder
from lookhear.perception.sharpness import Fitted
from lookhear.perception.species import Progress, silent

DETECTOR = "GeoCLIP"

MOST_FRAMES = 8
"""Frames of a clip that are encoded."""

DIGITS = 5
"""Digits of a feature's numbers that are kept in a record."""


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """What the frames of a clip look like."""

    times_s: tuple[float, ...]
    """Moments of the frames, in seconds from the start of the clip."""
    features: Float[ndarray, "frames 512"]
    """A unit feature each, in GeoCLIP's space."""

    @property
    def mean(self) -> Float[ndarray, " 512"]:
        """The clip's feature: the mean over frames, of unit length."""
        mean = self.features.mean(0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"times_s": list(self.times_s), "features": np.round(self.features.astype(float), DIGITS).tolist()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> FrameFeatures:
        """What `to_json` wrote."""
        return cls(tuple(record["times_s"]), np.array(record["features"]))


@dataclass
class Sight:
    """GeoCLIP's image encoder and the places it is compared with.

    Example:
        >>> sight = Sight.load()                                                    # doctest: +SKIP
        >>> seen = sight.look([(f.time_s, sight.square(f.pixels)) for f in clip.frames(8)])
        >>> sight.evidence(seen, clip.duration_s).where
        >>> [match.point for match in sight.gallery.top(sight.words("a tram in Lisbon"))]
    """

    encoder: ImageEncoder
    """Embeds pictures and words."""
    gallery: Gallery
    """Knows what places look like."""
    fitted: bool = False
    """Whether the gallery's sharpness was fitted on real pictures."""

    @classmethod
    def load(cls, progress: Progress = silent) -> Sight:
        """The fetched models, and the sharpness that was fitted on this machine, if one was.

        Raises:
            MissingModelError: CLIP or GeoCLIP is not on this machine.
            ValueError: the weights are another model's.
        """
        fitted = Fitted.read()
        sharpness = fitted.sharpness if fitted else None
        return cls(ImageEncoder.load(), Gallery.of_geoclip(sharpness, progress), fitted is not None)

    def square(self, pixels: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "size size 3"]:
        """What of a frame is looked at: small enough to keep."""
        return self.encoder.square(pixels)

    def look(self, squares: Sequence[tuple[float, UInt8[ndarray, "size size 3"]]]) -> FrameFeatures:
        """Encode squares with their moments; of many, some spread evenly.

        Raises:
            ValueError: there are none.
        """
        if not squares:
            raise ValueError("There is no frame to look at; give at least one.")
        chosen = [squares[k] for k in spread(len(squares), MOST_FRAMES)]
        features = self.encoder.embed([square for _, square in chosen]).numpy()
        return FrameFeatures(tuple(time_s for time_s, _ in chosen), features)

    def feature(self, clip: Clip) -> Float[ndarray, " 512"]:
        """What a clip looks like as a whole, for a record.

        Raises:
            ClipError: it has no pictures, or none of them can be decoded.
        """
        frames = clip.frames(MOST_FRAMES)
        return np.round(self.look([(f.time_s, self.square(f.pixels)) for f in frames]).mean, DIGITS)

    def evidence(self, seen: FrameFeatures, duration_s: float | None = None) -> Evidence:
        """Where the look of a clip points; a frame's score is how far it agrees with the mean."""
        mean = seen.mean
        agreement = np.clip(seen.features @ mean, 0.0, 1.0).round(4)
        edges = _edges(seen.times_s, duration_s or 0.0)
        moments = tuple(Moment(a, b, float(s)) for (a, b), s in zip(pairwise(edges), agreement, strict=True))
        confidence = round(1.0 - self.gallery.sharpness.nothing, 4)
        name = f"mean of {len(moments)} frames" if len(moments) > 1 else "one frame"
        where = self.gallery.where(mean)
        return Evidence("", "sight", "the look of the scene", name, moments, confidence, DETECTOR, where)

    def words(self, text: str) -> Float[ndarray, " 512"]:
        """The feature of a text, such as "rainforest", to be looked up in the gallery like a picture's.

        Raises:
            FileNotFoundError: CLIP's word list is not beside its weights.
            ValueError: the weights hold no text tower.
        """
        return np.asarray(self.encoder.embed_texts([text])[0].numpy())

    def places_like(self, text: str, count: int = 5) -> list[Match]:
        """The places of the gallery that a text describes best."""
        return self.gallery.top(self.words(text), count)


def spread(count: int, most: int) -> list[int]:
    """Indices of at most so many of a row of things, in the middle of equal parts."""
    return list(range(count)) if count <= most else [int((k + 0.5) * count / most) for k in range(most)]


def _edges(times_s: Sequence[float], duration_s: float) -> list[float]:
    """Where each frame's part of the clip begins and ends: half-way to its neighbours."""
    middles = [(a + b) / 2 for a, b in pairwise(times_s)]
    return [round(edge, 3) for edge in (0.0, *middles, max(duration_s, times_s[-1]))]
