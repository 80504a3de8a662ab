"""Evidence: what was heard or seen, when, how surely, and where on Earth it points.

This is what perception hands on, and all that reasoning and prediction get to know of a clip. It round-trips
through JSON, so that the answer can be computed again from the record alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, UInt64
from numpy import ndarray

from lookhear.data import cells

Kind = Literal["species", "sound", "sight", "text"]
"""An animal with a known range; a sound without a place; something seen; something written."""

DIGITS = 3
"""Log-likelihoods are kept to a thousandth of a nat, so that the JSON record is short and exact."""


@dataclass(frozen=True, eq=False)
class CellLikelihood:
    """How much likelier a finding is in some cells than on average over land.

    Example:
        >>> where = CellLikelihood.of(np.array([cell], dtype=np.uint64), np.array([8.0]), elsewhere=-0.7)
    """

    ids: UInt64[ndarray, " n"]
    """S2 cells, sorted and disjoint."""
    log_ratio: Float[ndarray, " n"]
    """In each of them, log of likelihood over mean likelihood, in nats."""
    elsewhere: float
    """The same for every other place on Earth."""

    @classmethod
    def of(cls, ids: UInt64[ndarray, " n"], log_ratio: Float[ndarray, " n"], elsewhere: float) -> CellLikelihood:
        """Drop the cells that say no more than `elsewhere` does, and round."""
        elsewhere = round(float(elsewhere), DIGITS)
        log_ratio = np.round(log_ratio.astype(np.float64), DIGITS)
        telling = np.abs(log_ratio - elsewhere) > 0.01
        return cls(ids[telling], log_ratio[telling], elsewhere)

    def at(self, ids: UInt64[ndarray, " m"]) -> Float[ndarray, " m"]:
        """Log-ratio in nats in each of these cells; in one that is coarser than its own cells, of the mean ratio."""
        place = cells.find(self.ids, ids)
        values: ndarray = np.append(self.log_ratio, self.elsewhere)[place]
        first, last = cells.id_range(ids)
        start, stop = np.searchsorted(self.ids, first), np.searchsorted(self.ids, last, side="right")
        coarse = np.flatnonzero((place < 0) & (start < stop))
        if len(coarse):
            share = 4.0 ** (cells.levels(ids[coarse]) - cells.MAX_LEVEL)
            excess = self._excess[stop[coarse]] - self._excess[start[coarse]]
            values[coarse] = np.log(np.maximum(np.exp(self.elsewhere) + excess * share, np.exp(-500.0)))
        return values

    def finer(self, ids: UInt64[ndarray, " m"]) -> UInt64[ndarray, " k"]:
        """Its cells that are finer than the one of these (sorted, disjoint) cells that holds them."""
        place = cells.find(ids, self.ids)
        return np.asarray(self.ids[(place >= 0) & (cells.levels(self.ids) > cells.levels(ids[place]))])

    @cached_property
    def _excess(self) -> Float[ndarray, " ends"]:
        """Running sum over the cells of (ratio - elsewhere) times area, in leaf cells of even area.

        Four children share a cell's area evenly to within 2 % from level 6 on.
        """
        area = 4.0 ** (cells.MAX_LEVEL - cells.levels(self.ids))
        return np.append(0.0, np.cumsum((np.exp(self.log_ratio) - np.exp(self.elsewhere)) * area))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "cells": cells.tokens(self.ids),
            "log_ratio": self.log_ratio.tolist(),
            "elsewhere": self.elsewhere,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> CellLikelihood:
        """What `to_json` wrote."""
        return cls(cells.from_tokens(record["cells"]), np.array(record["log_ratio"]), record["elsewhere"])


@dataclass(frozen=True)
class Moment:
    """A stretch of the clip in which something was found."""

    start_s: float
    """Seconds from the beginning of the clip."""
    end_s: float
    """Seconds from the beginning of the clip."""
    score: float
    """The detector's own score in [0, 1] there."""


@dataclass(frozen=True)
class Evidence:
    """One finding."""

    id: str
    """Short name by which a trace cites it: e1, e2…"""
    kind: Kind
    """What sort of finding."""
    label: str
    """What it is, as a person says it: "Wood Thrush", "siren"."""
    name: str
    """Its exact name: the scientific name, the AudioSet class, the text itself."""
    moments: tuple[Moment, ...]
    """When, in order."""
    confidence: float
    """Chance in [0, 1] that it is really there."""
    detector: str
    """Which detector found it."""
    where: CellLikelihood | None = None
    """Where it points, or None where the detector does not know."""

    @property
    def is_heard(self) -> bool:
        """Whether it is a sound, rather than something in the pictures."""
        return self.kind in ("species", "sound")

    @property
    def start_s(self) -> float:
        """Beginning of the first moment, in seconds."""
        return self.moments[0].start_s

    @property
    def end_s(self) -> float:
        """End of the last moment, in seconds."""
        return self.moments[-1].end_s

    @property
    def score(self) -> float:
        """The detector's highest score."""
        return max(moment.score for moment in self.moments)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "id": self.id,
            "kind": self.kind,
            "label": self.label,
            "name": self.name,
            "moments": [[m.start_s, m.end_s, m.score] for m in self.moments],
            "confidence": self.confidence,
            "detector": self.detector,
            "where": self.where.to_json() if self.where else None,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Evidence:
        """What `to_json` wrote."""
        where = CellLikelihood.from_json(record["where"]) if record["where"] else None
        moments = tuple(Moment(*moment) for moment in record["moments"])
        return cls(**{**record, "moments": moments, "where": where})
