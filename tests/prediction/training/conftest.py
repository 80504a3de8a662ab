"""A small world to train on: two towns, a feature that says which, and a head of a few weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lookhear.prediction.sphere import normalize, random_vmf, vmf_log_density
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.head import Head
from lookhear.prediction.training.state import Progress
from lookhear.prediction.training.trainer import train

TOWNS = torch.tensor([[0.0, 0, -1], [-1, 0, 0]])
"""One at the South Pole, one on the date line."""

SMALL = TrainConfig(
    steps=12, batch=32, lr=1e-2, warmup_steps=2, validate_every=4, checkpoint_every=4, log_every=1, device="cpu"
)


class OneKernel(Head):
    """One von Mises–Fisher kernel, where a linear map of the features says; places are shaken in training."""

    name = "one kernel"

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 4)

    def loss(self, batch, generator):
        shaken = normalize(batch.y + 0.1 * torch.randn(batch.y.shape, generator=generator))
        return -self._of(shaken, batch).mean()

    @torch.no_grad()
    def log_density(self, batch):
        return self._of(batch.y, batch)

    def _of(self, y, batch):
        known = torch.where(batch.present["which"][:, None], batch.condition["which"], 0.5)
        out = self.linear(F.dropout(known, 0.1, self.training))
        return vmf_log_density(y, normalize(out[:, :3]), out[:, 3].exp())

    def density(self, condition, base=None, row=0):
        raise NotImplementedError

    @property
    def sizes(self):
        return {"which": 2}

    @property
    def settings(self):
        return {}

    def save(self, folder):
        raise NotImplementedError


def two_towns(count: int, seed: int) -> FeatureSet:
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(2, (count,), generator=generator)
    units = random_vmf(TOWNS[which], torch.full((count,), 200.0), generator).numpy()
    feature = np.eye(2)[which]
    feature[::10] = np.nan
    return FeatureSet.from_arrays(units, {"which": feature})


Train = Callable[..., tuple[Head, Progress]]


@pytest.fixture(scope="session")
def sets() -> tuple[FeatureSet, FeatureSet]:
    return two_towns(300, 0), two_towns(40, 1)


@pytest.fixture
def one_kernel() -> type[OneKernel]:
    return OneKernel


@pytest.fixture
def train_small(sets: tuple[FeatureSet, FeatureSet]) -> Train:
    """`train_small(folder, config, make)`: the head that `make` made, and how its training went."""

    def run(folder: Path, config: TrainConfig = SMALL, make: Callable[[], Head] = OneKernel) -> tuple[Head, Progress]:
        torch.manual_seed(config.seed)
        head = make()
        return head, train(head, *sets, config, folder, quiet=True)

    return run
