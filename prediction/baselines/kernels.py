"""Mixtures of von Mises–Fisher kernels: as the density of one clip, and as log-densities of many clips at once.

In: unit vectors, concentrations, log-shares. Out: `KernelMixture`, which people ask, and the functions heads learn by.
Every mixture here has an even part, so its log-density is bounded below everywhere on Earth.
A kernel is κ/(2π(1 − exp(−2κ))) exp(κ(cos − 1)), which neither overflows nor cancels; sinh κ overflows from κ = 90 on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Generator, Tensor

from lookhear.prediction.cell_map import Mapped
from lookhear.prediction.density import UNIFORM_LOG_DENSITY
from lookhear.prediction.flow_density import KernelBase

SAME_CHORD = 1e-5
"""Places closer than this (64 m) are one place."""


@dataclass(frozen=True, eq=False)
class KernelMixture(Mapped):
    """A mixture of kernels and an even part, as a density people can ask."""

    kernels: KernelBase
    """Means, concentrations and shares, in float64."""

    @classmethod
    def of(
        cls,
        means: Float[Tensor, "k 3"],
        kappas: Float[Tensor, " k"],
        log_shares: Float[Tensor, " k"],
        log_even: float,
    ) -> KernelMixture:
        """One from log-shares; together with the even part's they are normalised."""
        means, kappas, logs = merged(*(part.detach().cpu().double() for part in (means, kappas, log_shares)))
        even = float(torch.sigmoid(log_even - logs.logsumexp(0)))
        return cls(KernelBase(means, kappas, max(even, 1e-12), (logs - logs.logsumexp(0)).exp()))

    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Log-density in nats per steradian at unit vectors."""
        y = torch.from_numpy(np.asarray(units, dtype=np.float64))
        return self.kernels.log_density(y, torch.zeros(len(y), dtype=torch.long)).numpy()

    def sample(self, count: int, seed: int) -> Float[ndarray, "count 3"]:
        """Unit vectors drawn from the density, the same for the same seed."""
        generator = Generator().manual_seed(seed)
        return self.kernels.sample(torch.zeros(count, dtype=torch.long), generator).numpy()


def merged(
    means: Float[Tensor, "n 3"], kappas: Float[Tensor, " n"], log_shares: Float[Tensor, " n"]
) -> tuple[Float[Tensor, "k 3"], Float[Tensor, " k"], Float[Tensor, " k"]]:
    """The same mixture with one kernel where several are the same: clips of one place stand on each other."""
    both, number = torch.unique(torch.cat([means, kappas[:, None]], dim=1), dim=0, return_inverse=True)
    top = log_shares.max()
    shares = both.new_zeros(len(both)).index_add_(0, number, (log_shares - top).exp())
    kept = shares > 0
    return both[kept, :3], both[kept, 3], shares[kept].log() + top


def kernel_matrix(
    chord: Float[Tensor, "n m"], kappas: Float[Tensor, "m k"], log_shares: Float[Tensor, " k"]
) -> Float[Tensor, "n m"]:
    """Log-densities (nats per steradian) at these chords from places, whose kernels are mixed from k each."""
    drop = chord.square() / 2
    tops = kappas.log() - math.log(2 * math.pi) - torch.log(-torch.expm1(-2 * kappas)) + log_shares
    parts = [top - kappa * drop for top, kappa in zip(tops.T, kappas.T, strict=True)]
    mixed: Tensor = reduce(torch.logaddexp, parts)
    return mixed


def chords(y: Float[Tensor, "n 3"], places: Float[Tensor, "m 3"]) -> Float[Tensor, "n m"]:
    """Straight distances in Earth radii; differences are taken first, so near ones are exact in float32."""
    found: Tensor = torch.cdist(y, places, compute_mode="donot_use_mm_for_euclid_dist")
    return found


def with_even(log_kernels: Float[Tensor, " n"], log_even: Float[Tensor, ""]) -> Float[Tensor, " n"]:
    """Log-densities of a mixture with an even part of this log-share; the rest is theirs."""
    rest = torch.log(-torch.expm1(log_even))
    return torch.logaddexp(log_kernels + rest, log_even + UNIFORM_LOG_DENSITY)
