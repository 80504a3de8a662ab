"""The cold start: a model that never saw the form learns to write traces made by rule (TRL's SFTTrainer, LoRA).

In: a model with its processor, lessons, a `SftConfig` and a folder. Out: in the folder

    checkpoint-<step>/   all that is needed to go on; the same call does so by itself
    metrics.jsonl        the curve (`journal.py`)
    adapter/             the trained adapter, written last

Only the completion is learnt, not the prompt. Batches hold clips of about one length, so that little is padded. One
process, or several under `torchrun` or `accelerate launch`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear.reasoning.mllm.prompt import Wording
from lookhear.reasoning.training.adapters import AdapterConfig, lora
from lookhear.reasoning.training.checkpoints import train_to
from lookhear.reasoning.training.cold_start import Aim
from lookhear.reasoning.training.journal import METRICS
from lookhear.reasoning.training.lessons import Lesson, as_dataset, by_length
from lookhear.reasoning.training.machine import MachineConfig

ADAPTER = "adapter"
"""Folder of the result."""


@dataclass(frozen=True)
class SftConfig:
    """How the cold start is learnt."""

    steps: int = 400
    """Steps of the optimiser."""
    batch: int = 8
    """Clips a step and process, in all parts together."""
    parts: int = 1
    """Parts that a step is cut into, where memory is short."""
    lr: float = 5e-4
    """Highest learning rate; it rises over a twentieth of the steps and falls as a cosine."""
    aim: Aim = "supported"
    """What the answer is: the place that fits and is nearest to the truth, or the truth."""
    log_every: int = 5
    """Steps between lines of metrics.jsonl."""
    save_every: int = 20
    """Steps between checkpoints."""
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    """What is trained."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "parts", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but it is {getattr(self, name)}.")
        if self.batch % self.parts:
            raise ValueError(f"A batch of {self.batch} cannot be cut into {self.parts} equal parts.")


def train_sft(
    model: Any,
    processor: Any,
    lessons: Sequence[Lesson],
    config: SftConfig,
    folder: Path,
    wording: Wording,
    machine: MachineConfig | None = None,
) -> Path:
    """Learn, or go on where an earlier call with the same folder stopped; returns the adapter's folder."""
    from trl import SFTConfig, SFTTrainer

    from lookhear.reasoning.training.callbacks import Journal
    from lookhear.reasoning.training.scored import score_labels_only

    machine = machine or MachineConfig()
    share, processes = config.batch // config.parts, int(os.environ.get("WORLD_SIZE", "1"))
    epochs = max(1, math.ceil(config.steps * config.batch * processes / max(1, len(lessons))))
    ordered = [
        one for epoch in range(epochs) for one in by_length(lessons, wording, config.aim, share, machine.seed + epoch)
    ]
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            max_steps=config.steps,
            per_device_train_batch_size=share,
            gradient_accumulation_steps=config.parts,
            learning_rate=config.lr,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, config.steps // 20),
            logging_steps=config.log_every,
            save_steps=config.save_every,
            save_total_limit=2,
            train_sampling_strategy="sequential",
            completion_only_loss=True,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            **machine.arguments(),
        ),
        train_dataset=as_dataset(ordered, wording, config.aim),
        processing_class=processor,
        peft_config=lora(config.adapter, model, soft_tokens=True),
        callbacks=[Journal(folder / METRICS)],
    )
    score_labels_only(trainer.model.get_base_model())
    return train_to(trainer, config.steps, folder, folder / ADAPTER)
