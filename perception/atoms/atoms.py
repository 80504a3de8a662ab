"""The atoms of a clip: what was heard, when, from which kernel and how strongly.

In: a trained dictionary and the encoder's maps of a clip's windows. Out: a list of `Atom`s. The same dictionary slides
over the windows, and within a window over the positions of the map, so an atom knows its seconds better than its
window does: it lasts as long as its kernel gives more than a half of its highest activation there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from lookhear.perception.atoms.ic_sae import IcSae

FADED = 0.5
"""An atom ends where its activation falls under this share of its highest."""


@dataclass(frozen=True)
class Atom:
    """One sound in one window.

    Example:
        >>> str(Atom("Siren", 12, 3.0, 6.0, 0.42, 0.9))
        'Siren 0.42 at 3.0–6.0 s'
    """

    label: str
    """Its class."""
    kernel: int
    """Which kernel of the dictionary."""
    start_s: float
    """From when, in seconds from the beginning of the clip."""
    end_s: float
    """Until when."""
    activation: float
    """z, mean over the window: how much of the vector it explains."""
    chance: float
    """How sure its class is, against the others and "nothing more"."""

    def __str__(self) -> str:
        return f"{self.label} {self.activation:.2f} at {self.start_s:.1f}–{self.end_s:.1f} s"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def atoms_of(
    sae: IcSae,
    maps: Float[Tensor, "windows features positions"],
    hop_s: float,
    window_s: float,
    duration_s: float,
    steps: int = 4,
    least_energy: float = 0.05,
) -> list[Atom]:
    """The atoms of a clip, in order of time, the strongest of a window first.

    Args:
        sae: the dictionary.
        maps: the encoder's maps, one a window; those of silent windows are all 0 and give nothing.
        hop_s: from one window's start to the next one's.
        window_s: length of a window.
        duration_s: length of the clip, where atoms end at the latest.
        steps: at most this many atoms a window.
        least_energy: a window with this share of its energy left or less is done.
    """
    found = sae.decompose(maps, steps, least_energy)
    atoms = []
    for window, step in (found.classes >= 0).nonzero().tolist():
        first, last = _lasting(found.activations[window, step].numpy())
        begins, each = window * hop_s, window_s / maps.shape[2]
        atoms.append(
            Atom(
                sae.config.classes[int(found.classes[window, step])],
                int(found.kernels[window, step]),
                round(min(begins + first * each, duration_s), 2),
                round(min(begins + last * each, duration_s), 2),
                round(float(found.activations[window, step].mean()), 4),
                round(float(found.chances[window, step]), 4),
            )
        )
    return [atom for atom in atoms if atom.end_s > atom.start_s]


def _lasting(activation: Float[ndarray, " positions"]) -> tuple[int, int]:
    """The first position, and the one past the last, where the activation has not faded."""
    loud: Bool[ndarray, " positions"] = activation > FADED * float(activation.max())
    where = np.flatnonzero(loud)
    return int(where[0]), int(where[-1]) + 1
