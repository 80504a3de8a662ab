"""Where on Earth a heard species lives, as a likelihood over land cells.

In: indices of BirdNET labels with the chance that each was really heard, and a week or none. Out: a `CellLikelihood`
for each. With p_s(cell) the range model's chance of meeting species s, Z(cell) = Σ_s p_s(cell) the local richness,
and c_s the confidence of the detection,

    log ratio = log(c_s · r_s(cell) + 1 − c_s),   r_s(cell) = (p_s/Z)(cell) / mean over land of p_s/Z.

The confidence is thus that of a recording anywhere on land. Where people record more of what was heard lives than
elsewhere (thrushes: Europe, North America), the prior of recordings makes it surer than c_s: 0.64 acts like 0.89.
Dividing by the richness is what makes it work: without it the richest tropical cell always wins. At sea and where
nothing of it lives only 1 − c_s is left, the chance of a false alarm.

Without a date the year is integrated out: the species heard together say which months fit (`month_weights`), and
each map is the mean of its monthly maps under those weights. On draws of ten species in an unknown week that
loses 0.005 nats against the exact sum over months, BirdNET's own "all year" answer loses 0.13 (docs/LOG.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from numpy import ndarray
from safetensors.torch import load_file, save
from torch import Tensor

from lookhear.data import cells
from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import lat_lon_deg
from lookhear.data.models import cache_dir
from lookhear.perception.evidence import CellLikelihood
from lookhear.perception.ranges import WEEKS, RangeModel

MONTH_WEEKS = tuple(range(2, WEEKS + 1, 4))
"""The weeks that stand for the twelve months."""

KNOWN_RANGE = 0.005
"""A label that is likelier than this at no cell's centre has no known range (11 sounds, frogs, insects, islanders)."""

Progress = Callable[[range, str], Iterator[int]]
"""Wraps a loop that takes seconds, with a line that says what it does."""


def silent(steps: range, what: str) -> Iterator[int]:
    """The progress that shows nothing."""
    return iter(steps)


@dataclass
class SpeciesRanges:
    """Ranges of all species on the land cells of level 6; the first use on a machine takes some 10 s.

    Example:
        >>> ranges = SpeciesRanges(RangeModel.load())                               # doctest: +SKIP
        >>> where = ranges.where(np.array([4711]), np.array([0.9]), week=20)
    """

    model: RangeModel
    """The range model."""
    progress: Progress = silent
    """Shows that the first use takes a while."""

    def where(
        self, labels: Int[ndarray, " k"], confidence: Float[ndarray, " k"], week: int | None = None
    ) -> list[CellLikelihood | None]:
        """Where each label points, or None for those without a known range; `week` 1..48, or None: unknown."""
        ratio = self._ratio(torch.as_tensor(labels), (week,) if week else MONTH_WEEKS)
        if not week:
            weights = self._month_weights(ratio, confidence)
            ratio = (weights[:, None, None] * ratio).sum(0, keepdim=True)
        found: list[CellLikelihood | None] = []
        for k, sure in enumerate(confidence.tolist()):
            log_ratio = torch.log1p(sure * (ratio[0, :, k] - 1.0)).double().numpy()
            known = bool(self._known[labels[k]])
            found.append(CellLikelihood.of(self.ids, log_ratio, float(np.log1p(-sure))) if known else None)
        return found

    def month_weights(self, labels: Int[ndarray, " k"], confidence: Float[ndarray, " k"]) -> Float[ndarray, " 12"]:
        """How well each month fits the species heard together; the weights add up to 1."""
        ratio = self._ratio(torch.as_tensor(labels), MONTH_WEEKS)
        return self._month_weights(ratio, confidence).double().numpy()

    def _month_weights(
        self, ratio: Float[Tensor, "months cells k"], confidence: Float[ndarray, " k"]
    ) -> Float[Tensor, " months"]:
        sure = torch.as_tensor(confidence, dtype=torch.float32)
        joint = torch.log1p(sure * (ratio - 1.0)).sum(2) + torch.log(self._area)
        return torch.softmax(torch.logsumexp(joint, 1), 0)

    def _ratio(self, labels: Int[Tensor, " k"], weeks: tuple[int, ...]) -> Float[Tensor, "weeks cells k"]:
        """(p_s/Z) over its mean on land, by week; 1 everywhere for a label without a known range."""
        with torch.inference_mode():
            weight, bias = self.model.classify.weight[labels], self.model.classify.bias[labels]
            chance = torch.stack([torch.sigmoid(self._hidden(w) @ weight.T + bias) for w in weeks])
            share = chance / torch.stack([self._richness(w) for w in weeks])[:, :, None]
            mean = (self._area[:, None] * share).sum(1, keepdim=True) / self._area.sum()
            return torch.where(self._known[labels], share / mean, torch.ones(()))

    @cached_property
    def ids(self) -> UInt64[ndarray, " cells"]:
        """The land cells, sorted."""
        return gazetteer().land[0]

    @cached_property
    def _area(self) -> Float[Tensor, " cells"]:
        """Land area of each cell in steradian."""
        ids, land_share = gazetteer().land
        return torch.as_tensor(cells.areas_sr(ids) * land_share, dtype=torch.float32)

    @cached_property
    def _hidden_by_week(self) -> dict[int, Float[Tensor, "cells 1024"]]:
        return {}

    def _hidden(self, week: int) -> Float[Tensor, "cells 1024"]:
        """The range model's last hidden layer on all cells: 36 MB a week, kept for the next clip."""
        if week not in self._hidden_by_week:
            lat_deg, lon_deg = lat_lon_deg(cells.centers(self.ids))
            lat, lon = (torch.as_tensor(x, dtype=torch.float32) for x in (lat_deg, lon_deg))
            with torch.inference_mode():
                self._hidden_by_week[week] = self.model.hidden(lat, lon, week)
        return self._hidden_by_week[week]

    def _richness(self, week: int) -> Float[Tensor, " cells"]:
        """Z: the expected number of species in each cell in a week."""
        if week in MONTH_WEEKS:
            return self._tables["richness"][MONTH_WEEKS.index(week)]
        if week not in self._richness_by_week:
            self._richness_by_week[week] = self._chances(week).sum(1)
        return self._richness_by_week[week]

    @cached_property
    def _richness_by_week(self) -> dict[int, Float[Tensor, " cells"]]:
        return {}

    @cached_property
    def _known(self) -> Tensor:
        """Which labels have a known range."""
        return self._tables["peak"] > KNOWN_RANGE

    @cached_property
    def _tables(self) -> dict[str, Tensor]:
        """Richness by month and each label's highest chance; they take seconds to compute, so they are cached."""
        path = cache_dir() / "derived" / f"species-{self._fingerprint}.safetensors"
        if path.exists():
            return load_file(path)
        tables = self._compute_tables()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save(tables))
        return tables

    def _compute_tables(self) -> dict[str, Tensor]:
        richness, peak = [], torch.zeros(self.model.classify.out_features)
        for k in self.progress(range(len(MONTH_WEEKS)), "Reading the range maps (once)"):
            chances = self._chances(MONTH_WEEKS[k])
            richness.append(chances.sum(1))
            peak = torch.maximum(peak, chances.amax(0))
        return {"richness": torch.stack(richness), "peak": peak}

    def _chances(self, week: int) -> Float[Tensor, "cells labels"]:
        with torch.inference_mode():
            parts = [torch.sigmoid(self.model.classify(part)) for part in self._hidden(week).split(1024)]
            return torch.cat(parts)

    @cached_property
    def _fingerprint(self) -> str:
        """Changes with the cells, the months, and the model's weights: all that the tables are made of."""
        digest = hashlib.sha256(self.ids.tobytes() + repr(MONTH_WEEKS).encode())
        for tensor in self.model.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:16]
