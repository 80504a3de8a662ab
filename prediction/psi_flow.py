"""A flow given ψ, the language model's last hidden state: what the calibration reward asks, and what locates.

In: rows of ψ with their places, or the folder of a trained flow. Out: that folder, or a function of ψ and places that
`reasoning` can call without knowing a flow. Its weights do not change while they are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from lookhear.prediction.field import NetField
from lookhear.prediction.flow import Base, VelocityNet, load_flow
from lookhear.prediction.flow_density import FlowDensity, log_density
from lookhear.prediction.solver import SolverConfig
from lookhear.prediction.trained_head import HEAD
from lookhear.prediction.training.artefact import Trained, write_artefact
from lookhear.prediction.training.bases import load_base
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.flow_head import FlowHead, flow_config, flow_path
from lookhear.prediction.training.trainer import train

PSI = "psi"
"""What the feature is called."""


@dataclass(frozen=True, eq=False)
class PsiFlow:
    """A frozen flow.

    Example:
        >>> PsiFlow.load(folder)(psi, truths)                                       # doctest: +SKIP
    """

    net: VelocityNet
    """The trained network."""
    base: Base
    """What it starts from, the same for every clip."""

    @classmethod
    def load(cls, folder: Path) -> PsiFlow:
        """What `train_psi_flow` wrote."""
        net = load_flow(folder).eval().requires_grad_(False)
        return cls(net, load_base(folder))

    def __call__(self, psi: Float[ndarray, "n size"], units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Nats per steradian, log p(y | ψ), of each row."""
        y = torch.as_tensor(units).to(self.net.enter.weight)
        rows = torch.arange(len(y), device=y.device)
        with torch.no_grad():
            field = NetField(self.net, self.net.embed({PSI: torch.as_tensor(psi).to(y)}), rows)
            found = log_density(field, y, self.base, torch.zeros_like(rows), self._solver)
        return np.asarray(found.double().cpu().numpy())

    def density(self, psi: Float[ndarray, " size"]) -> FlowDensity:
        """The density of one clip."""
        condition = {PSI: torch.as_tensor(psi)[None].to(self.net.enter.weight)}
        return FlowDensity(self.net, condition, self.base, solver=self._solver)

    @property
    def _solver(self) -> SolverConfig:
        return SolverConfig(stretch=self.net.config.stretch)


@dataclass(frozen=True, eq=False)
class PsiRows:
    """ψ of clips, and where they were recorded."""

    psi: Float[ndarray, "n size"]
    """One row a clip."""
    units: Float[ndarray, "n 3"]
    """Unit vectors of the places."""
    location_ids: tuple[str, ...]
    """The places they belong to."""

    def features(self) -> FeatureSet:
        """As the trainer takes them."""
        return FeatureSet.from_arrays(self.units, {PSI: self.psi}, self.location_ids)


def train_psi_flow(
    training: PsiRows, validation: PsiRows, config: TrainConfig, folder: Path, data: str, hidden: int = 128
) -> Path:
    """Train a flow on ψ, from knowing nothing, or go on; returns the folder of the flow."""
    sets = training.features(), validation.features()
    torch.manual_seed(config.seed)
    head = FlowHead(flow_config(sets[0].sizes, hidden, layers=4, fourier=64), flow_path())
    progress = train(head, *sets, config, folder)
    write_artefact(folder / HEAD, Trained(head, "uniform", *sets, data, config, progress))
    return folder / HEAD
