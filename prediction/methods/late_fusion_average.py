"""Late fusion as the AVG paper has it: a sound-only and a picture-only method answer, and the answers are averaged.

The paper (section 5, "a standard Late Fusion strategy that averages the results of GLOBE and GeoCLAP") averages
points. So the answer is the middle of the great circle between the two; the density is the mean of the two densities.
A clip of which one sense has nothing to say gets the other's answer alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from lookhear.data.geo import GeoPoint
from lookhear.prediction.density import CellDensity
from lookhear.prediction.example import Example
from lookhear.prediction.methods.answer import WithAnswer
from lookhear.prediction.methods.log_linear import LogLinear
from lookhear.prediction.methods.sight import sight
from lookhear.prediction.methods.sound import sound
from lookhear.prediction.pooling import mean


@dataclass
class LateFusionAverage:
    """The mean of two methods."""

    parts: tuple[LogLinear, ...] = field(default_factory=lambda: (sound(), sight()))
    """The methods."""

    def fit(self, train: Iterable[Example]) -> None:
        """Fit each by itself."""
        clips = list(train)
        for part in self.parts:
            part.fit(clips)

    def density(self, example: Example) -> CellDensity:
        """The mean of the densities, and the middle of the answers, of those that have something to say."""
        found = [(part, part.findings(example)) for part in self.parts]
        telling = [(part, findings) for part, findings in found if any(findings)]
        densities = [part.pool(findings) for part, findings in telling or found[:1]]
        if len(densities) == 1:
            return densities[0]
        fused = mean(densities)
        return WithAnswer(fused.ids, fused.mass, middle([density.median for density in densities]))


def middle(points: list[GeoPoint]) -> GeoPoint:
    """The place in the middle of some; the first one where they are opposite each other."""
    total = sum((point.unit for point in points), np.zeros(3))
    return GeoPoint.from_unit(total) if np.linalg.norm(total) > 1e-6 else points[0]
