"""Evidence posteriors of a training set: computed once, kept in a file, and given to heads as a feature and as a base.

In: clips with the records of perception. Out: a `CellDensity` each, in their order. The feature "evidence" is how much
the evidence raises each of the 384 S2 cells of level 3, in nats: what a network can read of a posterior.

On disk: `posteriors-<content>.safetensors`, "cells" and "mass" of all clips one after the other, "count" of each; it is
made again if it is not there, takes some 440 KB a clip, and is CC BY-NC-SA 4.0 as the range maps are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from safetensors.numpy import load_file, save
from tqdm import tqdm

from lookhear.data import cells
from lookhear.data.atomic import write_atomic
from lookhear.perception.record import record_digest
from lookhear.prediction.density import CellDensity
from lookhear.prediction.example import Example
from lookhear.prediction.methods.evidence import EvidencePosterior
from lookhear.prediction.posterior import prior_density
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.workers import in_processes

EVIDENCE = "evidence"
"""Name of the feature."""

LEVEL = 3
"""Its cells are about 1,150 km wide."""

FLOOR = 1e-5
"""Masses below this are alike."""


def posteriors(examples: Sequence[Example], folder: Path, jobs: int, quiet: bool = False) -> list[CellDensity]:
    """The evidence posterior of each clip.

    Raises:
        MissingModelError: the range maps were not fetched.
    """
    content = hashlib.sha256("".join(record_digest(one.record) for one in examples).encode())
    path = folder / f"posteriors-{content.hexdigest()[:16]}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save(_computed(examples, jobs, quiet)))
    return _densities(load_file(path))


def with_evidence(clips: FeatureSet, densities: Sequence[CellDensity]) -> FeatureSet:
    """The same clips with the feature "evidence"."""
    rows = torch.from_numpy(np.stack([evidence_feature(density) for density in densities]))
    there = torch.ones(len(rows), dtype=torch.bool)
    condition, present = {**clips.condition, EVIDENCE: rows}, {**clips.present, EVIDENCE: there}
    return replace(clips, condition=condition, present=present)


def evidence_feature(density: CellDensity) -> Float[ndarray, " 384"]:
    """Log of mass over the prior's mass on the cells of level 3, both no smaller than `FLOOR`."""
    return np.asarray(np.log(_coarse_mass(density) + FLOOR) - _prior_log_mass(), dtype=np.float32)


@cache
def _prior_log_mass() -> Float[ndarray, " 384"]:
    return np.asarray(np.log(_coarse_mass(prior_density("recordings")) + FLOOR))


def _coarse_mass(density: CellDensity) -> Float[ndarray, " 384"]:
    ids, mass = density.on_level(LEVEL)
    place = np.searchsorted(cells.all_cells(LEVEL), cells.parents(ids, LEVEL))
    return np.bincount(place, weights=mass, minlength=len(cells.all_cells(LEVEL)))


def _computed(examples: Sequence[Example], jobs: int, quiet: bool) -> dict[str, ndarray]:
    found: list[CellDensity | None] = [None] * len(examples)
    asked = in_processes(_posterior, enumerate(examples), jobs, _load)
    for k, density in tqdm(asked, "Evidence", len(examples), unit="clip", disable=quiet):
        found[k] = density
    whole = [density for density in found if density is not None]
    return {
        "cells": np.concatenate([density.ids for density in whole]),
        "mass": np.concatenate([density.mass for density in whole]),
        "count": np.array([len(density.ids) for density in whole]),
    }


def _densities(table: dict[str, ndarray]) -> list[CellDensity]:
    ends = np.cumsum(table["count"])
    return [
        CellDensity(table["cells"][a:b], table["mass"][a:b]) for a, b in zip(ends - table["count"], ends, strict=True)
    ]


_evidence: list[EvidencePosterior] = []
"""What this process asks."""


def _load() -> None:
    _evidence[:] = [EvidencePosterior()]


def _posterior(task: tuple[int, Example]) -> tuple[int, CellDensity]:
    return task[0], _evidence[0].density(task[1])
