"""What a training by TRL is told of the machine, the same for the cold start and for GRPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class MachineConfig:
    """Processors, precision, trackers."""

    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 wants a GPU, or a processor that computes in it; on others it is many times slower."""
    device: Literal["auto", "cpu"] = "auto"
    """"auto" takes CUDA devices where there are some."""
    checkpointing: bool = False
    """Compute activations twice to save memory (gradient checkpointing)."""
    tracker: Literal["none", "tensorboard", "wandb", "trackio"] = "none"
    """Where curves go besides metrics.jsonl; the package must be installed."""
    seed: int = 0
    """Everything that is drawn follows from it."""
    quiet: bool = False
    """No progress bar."""

    @property
    def asked_on(self) -> str:
        """Where a model is that is asked and not trained."""
        import torch

        return "cuda" if self.device == "auto" and torch.cuda.is_available() else "cpu"

    def arguments(self) -> dict[str, Any]:
        """As TRL's configs take them."""
        import torch

        return {
            "use_cpu": self.device == "cpu" or not torch.cuda.is_available(),
            "bf16": self.precision == "bf16",
            "activation_checkpointing": self.checkpointing,
            "gradient_checkpointing": None,  # TRL's default is True, under the older name
            "report_to": self.tracker,
            "seed": self.seed,
            "disable_tqdm": self.quiet,
            "dataloader_pin_memory": torch.cuda.is_available(),
        }
