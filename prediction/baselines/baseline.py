"""What all baselines share: a trunk, how they are made from data, and their files.

On disk, in a folder:

    config.json          {"head": its name, "settings": what it was made with}
    model.safetensors    its weights, and under "fixed." what was fixed before training (places, cells, embeddings)

The weights are written last. What is fixed is kept out of `state_dict`, so that no average is taken of it.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Generator, Tensor, nn

from lookhear.data.atomic import write_atomic
from lookhear.prediction.baselines.trunk import Trunk, TrunkConfig
from lookhear.prediction.condition import Condition, Present
from lookhear.prediction.training.features import Batch, FeatureSet
from lookhear.prediction.training.head import Head

FAST = 20.0
"""Single numbers that may have to travel far, such as log κ, are learnt as a twentieth of themselves: AdamW moves every
parameter by about the learning rate, whatever it means."""


class Baseline(Head):
    """A head with a dataclass of settings; subclasses with a trunk call `read` for what it says."""

    config_type: ClassVar[type[Any]]
    """The dataclass of its settings."""
    config: Any
    """Its settings."""

    @classmethod
    def of(
        cls, training: FeatureSet, validation: FeatureSet, hidden: int = 512, layers: int = 3, **settings: Any
    ) -> Baseline:
        """An untrained one for these sets."""
        return cls(cls.config_type(trunk=TrunkConfig(training.sizes, hidden, layers), **settings))

    @classmethod
    def made(cls, settings: Mapping[str, Any], fixed: Mapping[str, Tensor]) -> Baseline:
        """One like that which was saved, with weights still untrained."""
        said: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
        }
        if "trunk" in said:
            said["trunk"] = TrunkConfig(**said["trunk"])
        return cls(cls.config_type(**said), **fixed)

    @property
    def sizes(self) -> dict[str, int]:
        """Those of the trunk, where there is one."""
        sizes: dict[str, int] = self.config.trunk.sizes
        return sizes

    @property
    def settings(self) -> dict[str, Any]:
        """The dataclass, as JSON gives it back."""
        settings: dict[str, Any] = json.loads(json.dumps(asdict(self.config)))
        return settings

    @property
    def fixed(self) -> dict[str, Tensor]:
        """What `__init__` takes beside the settings, by name."""
        return {}

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`; `lookhear.prediction.baselines.load_baseline` reads them."""
        folder.mkdir(parents=True, exist_ok=True)
        record = {"head": self.name, "settings": self.settings}
        write_atomic(folder / "config.json", json.dumps(record, indent=2) + "\n")
        tensors = self.state_dict() | {f"fixed.{name}": value for name, value in self.fixed.items()}
        whole = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
        write_atomic(folder / "model.safetensors", save(whole))


class Trunked(Baseline):
    """A baseline whose last layer reads the trunk."""

    def __init__(self, config: Any, outputs: int, zeros: bool = True) -> None:
        """Make an untrained one; with `zeros`, its last layer says the same of all clips at first."""
        super().__init__()
        self.config = config
        self.trunk, self.leave = Trunk(config.trunk), nn.Linear(config.trunk.hidden, outputs)
        if zeros:
            nn.init.zeros_(self.leave.weight)
            nn.init.zeros_(self.leave.bias)

    def prepare(self, training: FeatureSet) -> None:
        """Features enter the trunk centred and of unit size."""
        self.trunk.joined.standardise(training.condition, training.present)

    def read(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count outputs"]:
        """The last layer's outputs, in float32 under autocast too."""
        hidden: Tensor = self.trunk(condition, present, count)
        with torch.autocast(hidden.device.type, enabled=False):
            outputs: Tensor = self.leave(hidden.to(self.leave.weight.dtype))
        return outputs

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Negative log-likelihood, unless a subclass says otherwise."""
        return -self.rows_log_density(batch).mean()

    @torch.no_grad()
    def log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log-density of each row's place, in nats per steradian."""
        return self.rows_log_density(batch)

    @abstractmethod
    def rows_log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """The same, with gradients."""
