"""Retrieval in GeoCLIP's location space: a clip is led to where the embedding of its place lies.

In: features, and a gallery of places with their embeddings (the training places, as in AG-CLIP, or the middles of land
cells). Out: a softmax of scaled cosines over the gallery; a kernel on each gallery place makes a density of it.
The loss is InfoNCE with the whole gallery as keys, which is exact and in which two clips of one place are no rivals;
the published one takes the rest of the batch. The kernels' bandwidths and the even part are found by expectation
maximisation on the validation places, without features; the scale of the cosines is learnt.
AG-CLIP's checklist loss: a second decoder says which species live at the clip's place, by binary cross-entropy at a
hundredth of the weight. Targets come from `lookhear.prediction.baselines.checklist`; they are not saved.

Source: Vivanco Cepeda, Nayak and Shah 2023, "GeoCLIP"; Chasmai et al. 2025, "Bioacoustic geolocation" (AG-CLIP, A.5:
decoders with a hidden layer of 128, weight 0.01); van den Oord, Li and Vinyals 2018, "Representation learning with
contrastive predictive coding".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Generator, Tensor, nn

from lookhear.prediction.baselines.baseline import Trunked
from lookhear.prediction.baselines.kernels import KernelMixture, chords, kernel_matrix, with_even
from lookhear.prediction.baselines.trunk import TrunkConfig
from lookhear.prediction.condition import Condition, Present, check_query
from lookhear.prediction.flow import Base
from lookhear.prediction.training.bases import PlaceKernels
from lookhear.prediction.training.features import Batch, FeatureSet

FIRST_SCALE = 1 / 0.07
"""CLIP's scale of a cosine before training."""

MOST_SCALE = 100.0
"""And its bound."""

DECODER = 128
"""Hidden width of the checklist decoder."""

Embed = Callable[[Float[ndarray, "n 3"]], Tensor]
"""Unit embeddings of places."""


@dataclass(frozen=True)
class RetrievalConfig:
    """Settings of a retrieval."""

    trunk: TrunkConfig
    """The network."""
    kernels: tuple[str, ...]
    """What the kernels on each gallery place are, such as "64 km"."""
    shares: tuple[float, ...]
    """Share of each; the rest is even over the Earth."""
    size: int = 512
    """Length of an embedding."""
    species: int = 0
    """Length of a checklist; 0: there is no checklist loss."""
    checklist_weight: float = 0.01
    """Weight of the checklist loss."""


class Retrieval(Trunked):
    """A softmax over a gallery."""

    name = "retrieval"
    config_type = RetrievalConfig

    def __init__(
        self,
        config: RetrievalConfig,
        places: Float[Tensor, "m 3"],
        kappas: Float[Tensor, "m k"],
        embeddings: Float[Tensor, "m size"],
        checklists: Bool[Tensor, "m species"] | None = None,
    ) -> None:
        """Make an untrained one.

        Args:
            config: its settings.
            places: the gallery.
            kappas: concentrations of the kernels on each place.
            embeddings: of length 1, one for each place.
            checklists: the species of each place; only training needs them.
        """
        super().__init__(config, config.size, zeros=False)
        self.places, self.kappas = (nn.Buffer(part, persistent=False) for part in (places, kappas))
        self.embeddings = nn.Buffer(embeddings, persistent=False)
        self.checklists = nn.Buffer(torch.zeros(0, 0) if checklists is None else checklists, persistent=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))
        if config.species:
            layers = nn.Linear(config.trunk.hidden, DECODER), nn.SiLU(), nn.Linear(DECODER, config.species)
            self.decoder = nn.Sequential(*layers)

    @classmethod
    def of(
        cls,
        training: FeatureSet,
        validation: FeatureSet,
        hidden: int = 512,
        layers: int = 3,
        embed: Embed | None = None,
        gallery: Literal["places", "land"] = "places",
        checklists: Callable[[Float[ndarray, "n 3"]], Tensor] | None = None,
        **settings: Any,
    ) -> Retrieval:
        """A gallery of the training places or of land; places are embedded by GeoCLIP unless told otherwise.

        Raises:
            MissingModelError: GeoCLIP, or the range model, was not fetched.
        """
        places = torch.unique(training.y, dim=0) if gallery == "places" else _land()
        fitted = PlaceKernels.fit(places, torch.unique(validation.y, dim=0))
        units = places.double().numpy()
        embeddings = (embed or _geoclip())(units).clone()
        lists = checklists(units) if checklists else None
        sizes = {"size": embeddings.shape[1], "species": 0 if lists is None else lists.shape[1]}
        trunk = TrunkConfig(training.sizes, hidden, layers)
        config = RetrievalConfig(trunk, fitted.names, fitted.shares, **sizes, **settings)
        return cls(config, places, fitted.kappas, embeddings, lists)

    @property
    def fixed(self) -> dict[str, Tensor]:
        """The gallery."""
        return {"places": self.places, "kappas": self.kappas, "embeddings": self.embeddings}

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """InfoNCE to the gallery place nearest to each clip's own, and its checklist.

        Raises:
            ValueError: there is a checklist decoder, but no checklists.
        """
        own = chords(batch.y, self.places).argmin(-1)
        loss = F.nll_loss(self.log_weights(batch.condition, batch.present, len(batch.y)), own)
        if self.config.species:
            if not self.checklists.numel():
                raise ValueError("Checklists are not saved with the weights; make the retrieval anew to train it.")
            said = self.decoder(self.trunk(batch.condition, batch.present, len(batch.y))).float()
            listed = self.checklists[own].to(said)
            loss = loss + self.config.checklist_weight * F.binary_cross_entropy_with_logits(said, listed)
        return loss

    def rows_log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log-density of each row's place."""
        shares = torch.tensor(self.config.shares).to(self.places)
        within = kernel_matrix(chords(batch.y, self.places), self.kappas, (shares / shares.sum()).log())
        log_weights = self.log_weights(batch.condition, batch.present, len(batch.y))
        return with_even((log_weights + within).logsumexp(-1), torch.log1p(-shares.sum()))

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> KernelMixture:
        """A kernel on each gallery place, weighed for one clip."""
        check_query(self.config.trunk.sizes, condition)
        with torch.no_grad():
            log_weights = self.log_weights(condition, {}, 1)[0]
        shares = torch.tensor(self.config.shares).to(self.places)
        log_shares = (shares.log()[:, None] + log_weights).flatten()
        means, kappas = self.places.repeat(len(shares), 1), self.kappas.T.flatten()
        return KernelMixture.of(means, kappas, log_shares, math.log1p(-sum(self.config.shares)))

    def log_weights(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count m"]:
        """Log-softmax of the scaled cosines with the gallery."""
        found = F.normalize(self.read(condition, present, count), dim=-1)
        scale = self.log_scale.exp().clamp(max=MOST_SCALE)
        with torch.autocast(found.device.type, enabled=False):
            cosines = found @ self.embeddings.to(found).T
        return (scale * cosines).log_softmax(-1)


def _geoclip() -> Embed:
    from lookhear.perception.geoclip import LocationEncoder

    return LocationEncoder.load().embed


def _land() -> Float[Tensor, "m 3"]:
    """Middles of the level-6 cells with land."""
    from lookhear.data import cells
    from lookhear.data.gazetteer import gazetteer

    return torch.from_numpy(cells.centers(gazetteer().land[0]).astype(np.float32))
