"""A trained head among the methods: `lookhear evaluate --head FOLDER`. It was fitted when it was trained."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lookhear.prediction.density import GeoDensity
from lookhear.prediction.example import Example
from lookhear.prediction.methods.evidence import EvidencePosterior
from lookhear.prediction.trained_head import TrainedHead


class Trained:
    """The density a trained head gives, from the features and, if it wants it, the evidence posterior of a clip."""

    def __init__(self, folder: Path) -> None:
        self.head = TrainedHead.load(folder)
        self.evidence = EvidencePosterior() if self.head.wants_evidence else None

    def fit(self, train: Iterable[Example]) -> None:
        """It is not trained again."""

    def density(self, example: Example) -> GeoDensity:
        """The head's answer."""
        evidence = self.evidence.density(example) if self.evidence else None
        return self.head.density(example.record.features, evidence)
