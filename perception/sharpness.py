"""How much a cosine in GeoCLIP's space says, fitted on features of known places.

In: features and where they were seen. Out: the `Sharpness` (β, ν) with the highest mean log-probability of the true
cell,

    log π(cell) + log ratio(cell) − log Σ π · ratio,

π being each cell's share of the gallery's places, which lie about where pictures are taken. A grid is searched: the
mean is flat near its top, and a grid gives the same answer everywhere.

On disk: `cache_dir()/sharpness.json`, what `lookhear train sight` fitted on real pictures, with how many they were;
without it, the default holds, which simulated pictures gave.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lookhear.data import cells
from lookhear.data.atomic import write_atomic
from lookhear.data.models import cache_dir
from lookhear.perception.gallery import Gallery, Sharpness

BETAS = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0)
"""Concentrations that are tried."""

NOTHINGS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85)
"""Chances of a picture that tells nothing, that are tried."""


@dataclass(frozen=True)
class Fitted:
    """A sharpness and what it was fitted on."""

    beta: float
    """Concentration: nats per unit of cosine."""
    nothing: float
    """Chance that a picture tells nothing of its place."""
    clips: int
    """Clips with known places."""
    mean_log_probability: float
    """Mean log-probability of the true cell that it gives them, in nats."""

    @property
    def sharpness(self) -> Sharpness:
        """What a gallery takes."""
        return Sharpness(self.beta, self.nothing)

    def write(self) -> Path:
        """Make it what `lookhear locate` uses from now on."""
        path = fitted_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(asdict(self), indent=1) + "\n")
        return path

    @classmethod
    def read(cls) -> Fitted | None:
        """What was fitted on this machine, or None.

        Raises:
            ValueError: the file is none of ours.
        """
        path = fitted_path()
        if not path.exists():
            return None
        try:
            return cls(**json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} cannot be read ({error}); remove it or run `lookhear train sight`.") from error


def fitted_path() -> Path:
    """Where the fitted sharpness lies."""
    return cache_dir() / "sharpness.json"


def fit_sharpness(
    gallery: Gallery, features: Float[ndarray, "n 512"], units: Float[ndarray, "n 3"]
) -> tuple[Sharpness, float]:
    """The best of the grid, and the mean log-probability of the true cell that it gives, in nats.

    Raises:
        ValueError: none of the places lies in a cell of the gallery.
    """
    true = cells.find(gallery.leaves, cells.cell_ids(units, cells.MAX_LEVEL))
    if not (true >= 0).any():
        raise ValueError("None of the places lies on the gallery's land, so nothing can be fitted on them.")
    grid = [Sharpness(beta, nothing) for beta in BETAS for nothing in NOTHINGS]
    total = np.zeros(len(grid))
    for k in np.flatnonzero(true >= 0):
        total += [gain[true[k]] for gain in _log_probabilities(gallery, grid, gallery.cosines(features[k]))]
    best = int(np.argmax(total))
    return grid[best], float(total[best] / (true >= 0).sum())


def _log_probabilities(
    gallery: Gallery, grid: list[Sharpness], cosines: Float[ndarray, " places"]
) -> list[Float[ndarray, " cells"]]:
    """Log-probability of every cell under each sharpness."""
    share = np.bincount(gallery.leaf, minlength=len(gallery.leaves)) / len(gallery.leaf)
    found = []
    for sharpness in grid:
        log_ratio = gallery.log_ratio(cosines, sharpness)
        found.append(np.log(share) + log_ratio - np.log(share @ np.exp(log_ratio)))
    return found
