"""Kernel density: von Mises–Fisher kernels on the training places, and an even part; with features, Nadaraya–Watson.

Without features every place weighs the same whatever a clip has. Kernels of several bandwidths, some of which go by how
far a place's neighbours are, are weighed by expectation maximisation on the validation places: what a map of where
people record says before anything is seen or heard.
With features, a training clip weighs exp(Σ_k s_k cos_k): its cosine with the query in each feature both have, times a
learnt sharpness; all clips weigh alike where the query has no feature. It is nearest neighbours with a soft edge.
Both learn by leave-one-out likelihood: a clip is explained by the clips of other places only.

Source: Parzen 1962; Nadaraya 1964 and Watson 1964; Habbema, Hermans and van den Broek 1974 for leaving one out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from lookhear.data.geo import EARTH_RADIUS_KM
from lookhear.prediction.baselines.baseline import FAST, Baseline
from lookhear.prediction.baselines.kernels import SAME_CHORD, KernelMixture, chords, kernel_matrix, with_even
from lookhear.prediction.condition import Condition, Present, check_condition, check_query
from lookhear.prediction.flow import Base
from lookhear.prediction.training.bases import PlaceKernels
from lookhear.prediction.training.features import Batch, FeatureSet

LADDER_KM = (16.0, 64.0, 180.0, 512.0, 1024.0, 2048.0)
"""Bandwidths kernels are mixed from where features say which clips count."""

FIRST_SHARPNESS = 5.0
"""Nats per unit of cosine before training."""

HAS = "has_"
"""Before the name of a feature: which clips have it."""


@dataclass(frozen=True)
class KernelDensityConfig:
    """Settings of a kernel density."""

    kernels: tuple[str, ...]
    """What the kernels of each place are, such as "64 km"."""
    shares: tuple[float, ...]
    """Share of each before training; the rest is even over the Earth."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Length of each feature clips are compared by; none: all places weigh alike."""

    def __post_init__(self) -> None:
        if not 0 < 1 - sum(self.shares) < 1 or len(self.shares) != len(self.kernels):
            raise ValueError(f"Each kernel needs a share, and less than 1 together, but the shares are {self.shares}.")


class KernelDensity(Baseline):
    """Kernels on what was seen in training."""

    name = "kernel_density"
    config_type = KernelDensityConfig

    def __init__(
        self,
        config: KernelDensityConfig,
        places: Float[Tensor, "m 3"],
        kappas: Float[Tensor, "m k"],
        **features: Tensor,
    ) -> None:
        """Make one.

        Args:
            config: its settings.
            places: where kernels stand.
            kappas: concentrations of the kernels of each place.
            features: each feature of the clips there, [m, size], and which clips have it, `has_<name>` [m].
        """
        super().__init__()
        self.config = config
        self.places, self.kappas = (nn.Buffer(part, persistent=False) for part in (places, kappas))
        self.known = sorted(features)
        for name, value in features.items():
            self.register_buffer(f"clips_{name}", value, persistent=False)
        shares = torch.tensor([*config.shares, 1 - sum(config.shares)], dtype=torch.float32)
        self.shares = nn.Parameter(shares.clamp_min(1e-6).log() / FAST)
        self.sharpness = nn.Parameter(torch.full((len(config.sizes),), math.log(FIRST_SHARPNESS) / FAST))

    @classmethod
    def of(
        cls,
        training: FeatureSet,
        validation: FeatureSet,
        hidden: int = 512,
        layers: int = 3,
        conditional: bool = False,
        **settings: Any,
    ) -> KernelDensity:
        """Kernels on the training places, or on the training clips if their features are to count."""
        if conditional:
            shares = (0.9 / len(LADDER_KM),) * len(LADDER_KM)
            names = tuple(f"{sigma:g} km" for sigma in LADDER_KM)
            config = KernelDensityConfig(names, shares, dict(training.sizes), **settings)
            has = {HAS + name: mask for name, mask in training.present.items()}
            kappas = (EARTH_RADIUS_KM / torch.tensor(LADDER_KM)).square().repeat(len(training), 1)
            return cls(config, training.y, kappas, **training.condition, **has)
        fitted = PlaceKernels.fit(torch.unique(training.y, dim=0), torch.unique(validation.y, dim=0))
        return cls(KernelDensityConfig(fitted.names, fitted.shares, **settings), fitted.places, fitted.kappas)

    @property
    def sizes(self) -> dict[str, int]:
        """Features clips are compared by."""
        sizes: dict[str, int] = self.config.sizes
        return sizes

    @property
    def fixed(self) -> dict[str, Tensor]:
        """Places, and features of the clips there."""
        return {"places": self.places, "kappas": self.kappas, **{name: self._clips(name) for name in self.known}}

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Negative log-likelihood of each place under the clips of all others."""
        chord = chords(batch.y, self.places)
        logits = self.logits(batch.condition, batch.present, len(batch.y))
        return -self._log_density(chord, logits.masked_fill(chord < SAME_CHORD, -math.inf)).mean()

    @torch.no_grad()
    def log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log-density of each row's place, in nats per steradian."""
        logits = self.logits(batch.condition, batch.present, len(batch.y))
        return self._log_density(chords(batch.y, self.places), logits)

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> KernelMixture:
        """All kernels, weighed for one clip."""
        check_query(self.config.sizes, condition if self.config.sizes else {})  # without features any will do
        with torch.no_grad():
            log_weights = self.logits(condition, {}, 1)[0].log_softmax(0)
            shares = (self.shares * FAST).log_softmax(0)
        log_shares = (shares[:-1, None] + log_weights).flatten()
        means = self.places.repeat(len(shares) - 1, 1)
        return KernelMixture.of(means, self.kappas.T.flatten(), log_shares, float(shares[-1]))

    def logits(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count m"]:
        """How much each training clip counts for each query, in nats up to a constant."""
        if self.config.sizes:
            check_condition(self.config.sizes, condition)
        total = self.places.new_zeros(count, len(self.places))
        with torch.autocast(total.device.type, enabled=False):
            for number, name in enumerate(self.config.sizes):
                if name in condition:
                    cosine = F.normalize(condition[name].float(), dim=-1) @ F.normalize(self._clips(name), dim=-1).T
                    both = self._clips(HAS + name).to(cosine).expand_as(cosine)
                    both = both * present[name][:, None] if name in present else both
                    total = total + (self.sharpness[number] * FAST).exp() * cosine * both
        return total

    def _log_density(self, chord: Float[Tensor, "n m"], logits: Float[Tensor, "n m"]) -> Float[Tensor, " n"]:
        shares = (self.shares * FAST).log_softmax(0)
        within = kernel_matrix(chord, self.kappas, shares[:-1].log_softmax(0))
        return with_even((logits.log_softmax(-1) + within).logsumexp(-1), shares[-1])

    def _clips(self, name: str) -> Tensor:
        return self.get_buffer(f"clips_{name}")
