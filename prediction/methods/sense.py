"""What a clip's findings of one kind say of its place: a clip in, likelihoods over cells out.

A method is made of senses (`LogLinear`). A sense that must learn first does so from the clips of the training split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol, runtime_checkable

from lookhear.perception.evidence import CellLikelihood
from lookhear.perception.gallery import Gallery
from lookhear.perception.pointing import Pointing
from lookhear.perception.writing.reading import point
from lookhear.prediction.example import Example


@runtime_checkable
class Sense(Protocol):
    """One kind of finding."""

    def fit(self, train: Sequence[Example]) -> None:
        """Learn what there is to learn from training clips."""

    def wheres(self, example: Example) -> list[CellLikelihood]:
        """Where the findings of a clip point; none where there are none, or none that point anywhere."""


@cache
def shared_pointing() -> Pointing:
    """The one set of range maps of this process."""
    return Pointing.load(by_month=True)


@cache
def shared_gallery() -> Gallery:
    """The one gallery of this process."""
    return Gallery.of_geoclip()


@dataclass
class HeardSpecies:
    """Species that were heard, together or only the surest of them."""

    surest: bool = False
    """Use only the one species heard most surely."""
    pointing: Pointing = field(default_factory=lambda: shared_pointing())
    """Knows where they live."""

    def fit(self, train: Sequence[Example]) -> None:
        """Range maps are known."""

    def wheres(self, example: Example) -> list[CellLikelihood]:
        """One likelihood a species."""
        species = [one for one in example.record.evidence if one.kind == "species"]
        if self.surest:
            species = sorted(species, key=lambda one: -one.confidence)[:1]
        pointed = self.pointing.point(species, example.record.week)
        return [one.where for one in pointed if one.where is not None]


@dataclass
class AnnotatedSpecies:
    """Species that people say are in the clip (`ClipRow.labels`)."""

    confidence: float = 0.98
    """How far annotations are trusted."""
    pointing: Pointing = field(default_factory=lambda: shared_pointing())
    """Knows where they live."""

    def fit(self, train: Sequence[Example]) -> None:
        """Range maps are known."""

    def wheres(self, example: Example) -> list[CellLikelihood]:
        """One likelihood a species; labels that are no species point nowhere."""
        named = [(label, self.confidence) for label in dict.fromkeys(example.row.labels)]
        return [where for where in self.pointing.where(named, example.record.week) if where is not None]


@dataclass
class Writing:
    """What is written in the scene."""

    def fit(self, train: Sequence[Example]) -> None:
        """Names of places and languages are known."""

    def wheres(self, example: Example) -> list[CellLikelihood]:
        """One likelihood a sign that points somewhere."""
        signs = point([one for one in example.record.evidence if one.kind == "text"])
        return [one.where for one in signs if one.where is not None]


@dataclass
class Sight:
    """The picture, by the places of a gallery that look like it."""

    gallery: Gallery = field(default_factory=lambda: shared_gallery())
    """Knows what places look like."""

    def fit(self, train: Sequence[Example]) -> None:
        """The gallery is known; how far it is trusted is the pool's weight."""

    def wheres(self, example: Example) -> list[CellLikelihood]:
        """One likelihood, or none without a picture."""
        feature = example.record.features.get("sight")
        return [] if feature is None else [self.gallery.where(feature)]
