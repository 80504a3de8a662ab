"""What heads are trained on: places, and named features of the clips recorded there.

In: arrays, or a folder of an AVG-style set with the records of perception in it. Out: a `FeatureSet`, and batches
of it. A feature that is not there, or is NaN or infinite in any of its numbers, is missing as a whole; how many rows
were missing in part only is counted, never silently filled.
It does not know what the features mean, nor which head is trained on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from lookhear.perception.record import TOLD_ALONE
from lookhear.prediction.example import Example
from lookhear.prediction.flow import Base, UniformBase


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a set."""

    y: Float[Tensor, "n 3"]
    """Unit vectors of the places."""
    condition: dict[str, Tensor]
    """Named features, each [n, size]; zero where they are missing."""
    present: dict[str, Tensor]
    """For each feature, which rows have it, [n]."""
    rows: Int[Tensor, " n"]
    """Their numbers in the set, by which `base` knows them."""
    base: Base
    """Where a flow starts for each row."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Places with the features of the clips recorded there.

    Example:
        >>> FeatureSet.from_arrays(units, {"sound": embeddings})
        FeatureSet(4200 clips at 611 places, sound: 512)

    Raises:
        ValueError: there is nothing in it, its parts differ in length, or a place is no unit vector.
    """

    y: Float[Tensor, "n 3"]
    """Unit vectors of the places."""
    condition: dict[str, Tensor] = field(default_factory=dict)
    """Named features, each [n, size] and finite; zero where they are missing."""
    present: dict[str, Tensor] = field(default_factory=dict)
    """For each feature, which rows have it, [n]."""
    location_ids: tuple[str, ...] | None = None
    """The place each row belongs to, if that is known better than by its coordinates."""
    base: Base = field(default_factory=UniformBase)
    """Where a flow starts for each row of this set."""
    cut: dict[str, int] = field(default_factory=dict)
    """For each feature, rows that had some of its numbers but not all, and count as missing."""

    def __post_init__(self) -> None:
        if len(self.y) == 0:
            raise ValueError("There is no clip in this set, so nothing can be learnt from it or judged by it.")
        wrong = ~((self.y.norm(dim=-1) - 1).abs() < 1e-3)
        if wrong.any():
            row = int(wrong.nonzero()[0, 0])
            raise ValueError(f"The place of row {row} is {self.y[row].tolist()}, which is no unit vector.")
        lengths = {"location_ids": len(self.location_ids)} if self.location_ids is not None else {}
        lengths |= {name: len(part) for name, part in self.condition.items()}
        for name, length in lengths.items():
            if length != len(self.y):
                raise ValueError(f"There are {len(self.y)} places but {length} rows of {name!r}; give one for each.")

    @classmethod
    def from_arrays(
        cls,
        units: Float[ndarray, "n 3"],
        condition: Mapping[str, Float[ndarray, "_ _"]] | None = None,
        location_ids: Sequence[str] | None = None,
        base: Base | None = None,
    ) -> FeatureSet:
        """A set from unit vectors and features; a row of a feature with NaN or infinity in it is missing."""
        known, present, cut = {}, {}, {}
        for name, part in (condition or {}).items():
            with np.errstate(over="ignore"):
                values = torch.from_numpy(np.asarray(part, dtype=np.float32))
            finite = torch.isfinite(values)
            present[name] = finite.all(-1)
            cut[name] = int((finite.any(-1) & ~present[name]).sum())
            known[name] = torch.where(present[name][:, None], values, 0.0)
        y = torch.from_numpy(np.asarray(units, dtype=np.float32))
        ids = tuple(location_ids) if location_ids is not None else None
        return cls(y, known, present, ids, base or UniformBase(), cut)

    @classmethod
    def of(cls, examples: Sequence[Example]) -> FeatureSet:
        """Clips of an AVG-style set; features are those perception wrote for heads (`lookhear.perception.record`).

        Raises:
            ValueError: there is no clip, or features of one name differ in size.
        """
        names = sorted({name for one in examples for name in one.record.features} - set(TOLD_ALONE))
        parts = {name: _rows([one.record.features.get(name) for one in examples], name) for name in names}
        units = np.array([one.row.point.unit for one in examples]).reshape(-1, 3)
        return cls.from_arrays(units, parts, [one.row.location_id for one in examples])

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        parts = "".join(f", {name}: {size}" for name, size in self.sizes.items())
        return f"FeatureSet({len(self)} clips at {self.places} places{parts})"

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each feature."""
        return {name: part.shape[1] for name, part in self.condition.items()}

    @property
    def places(self) -> int:
        """How many different places there are."""
        if self.location_ids is not None:
            return len(set(self.location_ids))
        return len(torch.unique((self.y * 1e6).round(), dim=0))

    def only(self, names: Sequence[str], sizes: Mapping[str, int]) -> FeatureSet:
        """The same clips with these features; those that no clip here has are of the sizes given, and missing."""
        n = len(self)
        condition = {name: self.condition.get(name, torch.zeros(n, sizes[name])) for name in names}
        present = {name: self.present.get(name, torch.zeros(n, dtype=torch.bool)) for name in names}
        return replace(self, condition=condition, present=present, cut={name: self.cut.get(name, 0) for name in names})

    def take(self, rows: Int[Tensor, " n"], device: torch.device | str = "cpu") -> Batch:
        """Some rows, on a device."""
        condition = {name: part[rows].to(device) for name, part in self.condition.items()}
        present = {name: mask[rows].to(device) for name, mask in self.present.items()}
        return Batch(self.y[rows].to(device), condition, present, rows.to(device), self.base)

    def digest(self) -> str:
        """SHA-256 of all places and features, and of the base: by it a checkpoint knows its data."""
        whole = hashlib.sha256(self.y.numpy().tobytes())
        for name in sorted(self.condition):
            whole.update(name.encode() + self.condition[name].numpy().tobytes() + self.present[name].numpy().tobytes())
        for part in self.base.content():
            whole.update(part)
        return whole.hexdigest()


def _rows(parts: Sequence[Float[ndarray, " _"] | None], name: str) -> Float[ndarray, "n size"]:
    """One row a clip, NaN where it has none."""
    sizes = {len(part) for part in parts if part is not None}
    if len(sizes) > 1:
        raise ValueError(f"Features called {name!r} have sizes {sorted(sizes)}; they must come from one encoder.")
    none = np.full(sizes.pop(), np.nan, dtype=np.float32)
    return np.stack([none if part is None else part for part in parts])
