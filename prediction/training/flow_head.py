"""The flow as a head: flow matching for its loss, the exact likelihood for its validation.

In: batches. Out: losses, log-densities, densities. The base comes with each batch, so one flow can start from knowing
nothing, from the training places, or from each clip's evidence.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lookhear.prediction.condition import Condition
from lookhear.prediction.field import NetField
from lookhear.prediction.flow import Base, FlowConfig, UniformBase, VelocityNet, save_flow
from lookhear.prediction.flow_density import FlowDensity, log_density
from lookhear.prediction.matching import PathConfig, flow_matching_loss
from lookhear.prediction.solver import SolverConfig
from lookhear.prediction.training.bases import SIGMAS_KM, PlaceKernels
from lookhear.prediction.training.features import Batch, FeatureSet
from lookhear.prediction.training.head import Head

BLUR_KM = 32.0
"""No place is sharper than this for a flow from the uniform base: sharper ones it cannot follow, and errs elsewhere."""

VALIDATION_REFINED = 4
"""Points a solver is unsure of take at most this many times its steps in validation, which happens often."""


def flow_config(sizes: dict[str, int], hidden: int = 512, layers: int = 4, fourier: int = 256) -> FlowConfig:
    """The network that learnt fastest on the earth sets (docs/LOG.md)."""
    return FlowConfig(
        sizes, hidden, layers, fourier=fourier, fourier_high=32.0, fade=0.7, stretch=0.01, stretch_power=0.0
    )


def flow_path(references: int = 0) -> PathConfig:
    """Ways for that network: most times are where narrow densities are decided."""
    return PathConfig(times="late", late_floor=1e-3, late_share=0.7, references=references)


def calm_flow_head(
    training: FeatureSet, validation: FeatureSet, config: FlowConfig, references: int, blur_km: float = BLUR_KM
) -> FlowHead:
    """A flow of places alone, from the uniform base, that is led towards mean velocities.

    Places stand for draws from their kernels, weighed on the validation places and no narrower than `blur_km`.
    """
    sigma_km = [sigma for sigma in SIGMAS_KM if sigma >= blur_km]
    return FlowHead(config, flow_path(references), PlaceKernels.fit(training.y, validation.y, sigma_km))


class FlowHead(Head):
    """Riemannian flow matching on S²; the base comes with each batch."""

    name = "flow"

    def __init__(self, config: FlowConfig, path: PathConfig | None = None, blur: PlaceKernels | None = None) -> None:
        """Make an untrained flow, which is its base.

        Args:
            config: the network.
            path: how times are drawn and errors weighed; conditions are dropped by the trainer.
            blur: kernels on the training places, in their order: at every step a place stands for a draw from its
                kernels, so the flow sharpens no further than they are.
        """
        super().__init__()
        self.net = VelocityNet(config)
        self.path, self.blur = path or PathConfig(), blur

    def prepare(self, training: FeatureSet) -> None:
        """Features enter the network centred and of unit size."""
        self.net.joined.standardise(training.condition, training.present)

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Squared error of the velocity on ways from the base to the places."""
        if self.path.references and not isinstance(batch.base, UniformBase):
            raise ValueError("Mean velocities are known for the uniform base only: leave references at 0.")
        rows = batch.rows.cpu()
        y0 = batch.base.sample(rows, generator).to(batch.y)
        y1 = batch.y if self.blur is None else self.blur.around(rows, generator).to(batch.y)
        return flow_matching_loss(self.net, y1, batch.condition, y0, self.path, generator, batch.present)

    @torch.no_grad()
    def log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Exact up to the solver, on its coarser settings."""
        numbers = torch.arange(len(batch.y), device=batch.y.device)
        entered = self.net.embed(batch.condition, batch.present)
        field = NetField(self.net, entered, numbers if len(entered) > 1 else numbers * 0)
        return log_density(field, batch.y, batch.base, batch.rows, self.solver(VALIDATION_REFINED))

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> FlowDensity:
        """The density of one query."""
        return FlowDensity(self.net, condition, base or UniformBase(), row, self.solver())

    def solver(self, refined: int = 2**7) -> SolverConfig:
        """How it is followed: even on its own time scale, and refined up to so many times."""
        return SolverConfig(stretch=self.net.config.stretch, max_steps=16 * refined)

    @property
    def sizes(self) -> dict[str, int]:
        """Those of the network's condition."""
        return self.net.config.condition_sizes

    @property
    def settings(self) -> dict[str, Any]:
        """The network and the ways it is trained on."""
        blur = None if self.blur is None else dict(zip(self.blur.names, self.blur.shares, strict=True))
        return {"flow": asdict(self.net.config), "path": asdict(self.path), "blur": blur}

    def save(self, folder: Path) -> None:
        """What `lookhear.prediction.flow.load_flow` reads."""
        save_flow(self.net, folder)
