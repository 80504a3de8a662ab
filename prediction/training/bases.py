"""Bases made from training places, and their files: a flow is no density without the base it starts from.

In: places to learn from, and others to choose bandwidths by. Out: von Mises–Fisher kernels on the places
(`PlaceKernels`): some bandwidths are the same everywhere, others go by how far the fourth neighbour of each place is,
and all are weighed by expectation maximisation on the other places; the `KernelBase` of it, and `base.json` beside
`base.safetensors`.
A place that stands among both makes the narrowest kernel look right: the shortest bandwidth given is the floor.

Source: Breiman, Meisel and Purcell 1977, "Variable kernel estimates of multivariate densities".
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Generator, Tensor

from lookhear.data.atomic import write_atomic
from lookhear.data.geo import EARTH_RADIUS_KM
from lookhear.prediction.density import UNIFORM_LOG_DENSITY
from lookhear.prediction.flow import Base, UniformBase
from lookhear.prediction.flow_density import KernelBase
from lookhear.prediction.sphere import random_uniform, random_vmf, vmf_log_density
from lookhear.prediction.training.config import BaseName

SIGMAS_KM = (8.0, 16.0, 32.0, 64.0, 90.0, 128.0, 180.0, 256.0, 360.0, 512.0, 724.0, 1024.0, 2048.0)
"""Bandwidths a kernel is mixed from."""

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Bandwidths as multiples of the distance to a place's `NEIGHBOUR`-th neighbour."""

NEIGHBOUR = 4
"""With it test NLL on flood is 0.06 nats lower than with fixed bandwidths alone; 2, 6, 10, 16 or 20 gain no more."""

LEAST_SHARE = 1e-3
"""Bandwidths with less are left out; the even part never has less."""

EM_STEPS = 300
"""The likelihood no longer changes in its fourth digit."""


@dataclass(frozen=True, eq=False)
class PlaceKernels:
    """A mixture of several von Mises–Fisher kernels on each place, and an even part."""

    places: Float[Tensor, "n 3"]
    """Unit vectors."""
    kappas: Float[Tensor, "n k"]
    """Concentrations of each place's kernels."""
    names: tuple[str, ...]
    """What the k kernels are, such as "64 km" or "0.5 of the way to the neighbour"."""
    shares: tuple[float, ...]
    """Share of each of them; with the even part they add up to 1."""

    @classmethod
    def fit(
        cls,
        places: Float[Tensor, "n 3"],
        others: Float[Tensor, "m 3"],
        sigma_km: Sequence[float] = SIGMAS_KM,
        ratios: Sequence[float] = RATIOS,
    ) -> PlaceKernels:
        """The shares under which kernels on the places explain the others best, by expectation maximisation."""
        names = [f"{sigma:g} km" for sigma in sigma_km] + [f"{ratio:g} of the way to the neighbour" for ratio in ratios]
        fixed = torch.tensor(sigma_km).expand(len(places), -1)
        going = neighbour_km(places)[:, None] * torch.tensor(ratios) if ratios else fixed[:, :0]
        kappas = (EARTH_RADIUS_KM / torch.cat([fixed, going], dim=1).clamp_min(min(sigma_km))).square()
        kept, shares = _weighed(_log_densities(places, kappas, others))
        return cls(places, kappas[:, kept], tuple(names[k] for k in kept), shares)

    @property
    def even(self) -> float:
        """Share of the part spread evenly over the Earth."""
        return max(0.0, 1 - sum(self.shares))

    def base(self) -> KernelBase:
        """The same density, for a flow to start from."""
        weights = torch.tensor(self.shares).repeat_interleave(len(self.places))
        return KernelBase(self.places.repeat(len(self.shares), 1), self.kappas.T.flatten(), self.even, weights)

    def log_density(self, y: Float[Tensor, "m 3"]) -> Float[Tensor, " m"]:
        """The density in nats per steradian and float64."""
        logs = F.pad(_log_densities(self.places, self.kappas, y), (0, 1), value=UNIFORM_LOG_DENSITY)
        return (logs + torch.tensor([*self.shares, self.even], dtype=torch.float64).log()).logsumexp(-1)

    def around(self, rows: Int[Tensor, " b"], generator: Generator) -> Float[Tensor, "b 3"]:
        """A draw from the kernels of each of these places; over all places, a draw from the density."""
        shares = torch.tensor([*self.shares, self.even]).expand(len(rows), -1)
        chosen = torch.multinomial(shares, 1, generator=generator)
        kappas = F.pad(self.kappas[rows], (0, 1)).gather(1, chosen)[:, 0]
        near = random_vmf(self.places[rows], kappas, generator)
        anywhere = random_uniform(len(rows), generator, near.dtype)
        return torch.where(chosen == len(self.shares), anywhere, near)


@dataclass(frozen=True)
class Kernel:
    """Bandwidths that are the same at every place, and their shares: what is left of `PlaceKernels` without places."""

    sigma_km: tuple[float, ...]
    """Bandwidths: standard deviation along each of the two axes, in kilometres."""
    shares: tuple[float, ...]
    """Share of each; with the even part they add up to 1."""

    @classmethod
    def fit(
        cls, places: Float[Tensor, "n 3"], others: Float[Tensor, "m 3"], sigma_km: Sequence[float] = SIGMAS_KM
    ) -> Kernel:
        """The shares under which kernels on the places explain the others best, by expectation maximisation."""
        kappas = torch.tensor([kappa(sigma) for sigma in sigma_km]).expand(len(places), -1)
        kept, shares = _weighed(_log_densities(places, kappas, others))
        return cls(tuple(sigma_km[k] for k in kept), shares)

    @property
    def even(self) -> float:
        """Share of the part spread evenly over the Earth."""
        return max(0.0, 1 - sum(self.shares))


def kappa(sigma_km: float) -> float:
    """Concentration of a von Mises–Fisher kernel with this standard deviation along each axis."""
    return (EARTH_RADIUS_KM / sigma_km) ** 2


def neighbour_km(places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
    """Distance from each place to its fourth neighbour (or to its last one, where there are fewer)."""
    rank, y = min(NEIGHBOUR + 1, len(places)), places.double()
    return torch.cat([_chords(some, y).kthvalue(rank).values for some in y.split(_rows(y))]).float() * EARTH_RADIUS_KM


def _weighed(found: Float[Tensor, "m k"]) -> tuple[list[int], tuple[float, ...]]:
    """Which densities count, and their shares beside an even part, by expectation maximisation."""
    logs = F.pad(found, (0, 1), value=UNIFORM_LOG_DENSITY)
    shares = torch.full((logs.shape[1],), 1 / logs.shape[1], dtype=logs.dtype)
    for _ in range(EM_STEPS):
        shares = torch.softmax(logs + shares.log(), dim=-1).mean(0).clamp_min(1e-12)
    kept = [k for k, share in enumerate(shares[:-1].tolist()) if share >= LEAST_SHARE]
    kept = kept or [len(shares) - 2]
    even = min(max(float(shares[-1]), LEAST_SHARE), 1 - LEAST_SHARE)
    return kept, tuple((shares[kept] / shares[kept].sum() * (1 - even)).tolist())


def _log_densities(
    places: Float[Tensor, "n 3"], kappas: Float[Tensor, "n k"], y: Float[Tensor, "m 3"]
) -> Float[Tensor, "m k"]:
    """Log-density of each of the k kernel densities by itself, in float64."""
    centers, sharp = places.double(), kappas.double().T
    tops = [vmf_log_density(centers, centers, k) - math.log(len(places)) for k in sharp]
    found = []
    for some in y.double().split(_rows(places)):
        drop = _chords(some, centers).square() / 2
        found.append(torch.stack([(top - k * drop).logsumexp(-1) for k, top in zip(sharp, tops, strict=True)], -1))
    return torch.cat(found)


def _chords(y: Float[Tensor, "m 3"], places: Float[Tensor, "n 3"]) -> Float[Tensor, "m n"]:
    """Straight distances; differences are taken first, so that near places are not lost in rounding."""
    return torch.cdist(y, places, compute_mode="donot_use_mm_for_euclid_dist")


def _rows(places: Tensor) -> int:
    """How many rows at once fit in memory."""
    return max(1, 1_000_000 // len(places))


def save_base(folder: Path, name: BaseName, base: Base) -> None:
    """Write what a flow starts from; the evidence is another one for each clip and is only named."""
    folder.mkdir(parents=True, exist_ok=True)
    record: dict[str, object] = {"base": name}
    if isinstance(base, KernelBase):
        weights = torch.ones_like(base.kappas) if base.weights is None else base.weights
        tensors = {"means": base.means, "kappas": base.kappas, "weights": weights}
        write_atomic(folder / "base.safetensors", save({key: x.cpu().contiguous() for key, x in tensors.items()}))
        record["even"] = base.even
    write_atomic(folder / "base.json", json.dumps(record) + "\n")


def base_name(folder: Path) -> BaseName:
    """What the head in a folder starts from.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is damaged.
    """
    try:
        name: BaseName = json.loads((folder / "base.json").read_text())["base"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"The base in {folder} is damaged or cut short ({error}); copy it again.") from error
    return name


def load_base(folder: Path) -> Base:
    """What `save_base` wrote.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or the flow starts from each clip's evidence, which is not in the folder.
    """
    path = folder / "base.json"
    try:
        record = json.loads(path.read_text())
        if record["base"] == "uniform":
            return UniformBase()
        if record["base"] == "evidence":
            raise ValueError(f"The flow in {folder} starts from each clip's evidence: give its posterior as the base.")
        tensors = load((folder / "base.safetensors").read_bytes())
        return KernelBase(tensors["means"], tensors["kappas"], float(record["even"]), tensors["weights"])
    except (json.JSONDecodeError, SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"The base in {folder} is damaged or cut short ({error}); copy it again.") from error
