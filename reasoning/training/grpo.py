"""Fine-tuning by rewards: groups of sampled traces, each judged against the others of its group (TRL's GRPOTrainer).

In: a model that knows the form (after the cold start), its processor, lessons, rewards with weights, a `GrpoConfig` and
a folder. Out: in the folder what the cold start leaves (`sft.py`), and

    samples/step-<step>.md   the sampled traces of each step, with the parts of their rewards

The settings are those of the paper (G = 8, β = 0.01) and of the classic loss (Shao et al. 2024, "DeepSeekMath",
equation 3), which are not TRL's defaults. The reference model is the one that is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lookhear.reasoning.mllm.prompt import Wording
from lookhear.reasoning.rewards.rows import Reward
from lookhear.reasoning.training.adapters import AdapterConfig, lora
from lookhear.reasoning.training.checkpoints import train_to
from lookhear.reasoning.training.journal import METRICS
from lookhear.reasoning.training.lessons import Lesson, as_dataset
from lookhear.reasoning.training.machine import MachineConfig
from lookhear.reasoning.training.sft import ADAPTER
from lookhear.reasoning.training.watch import Watch

SAMPLES = "samples"


@dataclass(frozen=True)
class GrpoConfig:
    """How rewards are learnt from."""

    steps: int = 100
    """Steps of the optimiser."""
    group: int = 8
    """G: traces sampled for one clip."""
    clips: int = 1
    """Clips a step and process."""
    parts: int = 1
    """Parts that a process cuts its traces of a step into, where memory is short."""
    scale: Literal["group", "batch", "none"] = "group"
    """What advantages are divided by: the spread of rewards in their group, as in the paper, or in the whole step, or
    nothing; where rewards differ by little in most groups, the first makes as much of that as of a gross mistake."""
    beta: float = 0.01
    """β: weight of the divergence from the model that is begun with."""
    lr: float = 2e-5
    """Highest learning rate; it rises over a twentieth of the steps and stays."""
    temperature: float = 1.0
    """Of sampling."""
    longest: int = 120
    """Tokens of a trace; what is longer is cut off."""
    log_every: int = 1
    """Steps between lines of metrics.jsonl."""
    save_every: int = 5
    """Steps between checkpoints."""
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    """What is trained."""

    def __post_init__(self) -> None:
        for name in ("steps", "clips", "parts", "longest", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, but it is {getattr(self, name)}.")
        if self.group < 2:
            raise ValueError(f"A group needs two traces to compare, but the group has {self.group}.")
        if self.group * self.clips % self.parts:
            raise ValueError(f"{self.group * self.clips} traces cannot be cut into {self.parts} equal parts.")


def train_grpo(
    model: Any,
    processor: Any,
    lessons: Sequence[Lesson],
    rewards: Sequence[tuple[Reward, float]],
    config: GrpoConfig,
    folder: Path,
    wording: Wording,
    machine: MachineConfig | None = None,
) -> Path:
    """Learn, or go on where an earlier call with the same folder stopped; returns the adapter's folder.

    Rewards come with their weights.

    Raises:
        RewardError: a reward of one's own failed in every row of several calls.
    """
    from trl import GRPOTrainer

    from lookhear.reasoning.training.callbacks import Journal, SamplePages
    from lookhear.reasoning.training.scored import score_labels_only
    from lookhear.reasoning.training.shared_prompts import share_prompts

    watch, machine = Watch(), machine or MachineConfig()
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[watch.over(reward) for reward, _ in rewards],
        args=_arguments(model, config, folder, [weight for _, weight in rewards], machine),
        train_dataset=as_dataset(lessons, wording),
        processing_class=processor,
        peft_config=lora(config.adapter, model, soft_tokens=False),
        callbacks=[Journal(folder / METRICS, watch.metrics), SamplePages(watch, folder / SAMPLES)],
    )
    inner = trainer.model.get_base_model()
    score_labels_only(inner, config.temperature)
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        share_prompts(inner, config.temperature)
    return train_to(trainer, config.steps, folder, folder / ADAPTER)


def _arguments(model: Any, config: GrpoConfig, folder: Path, weights: list[float], machine: MachineConfig) -> Any:
    from trl import GRPOConfig

    return GRPOConfig(
        output_dir=str(folder),
        max_steps=config.steps,
        per_device_train_batch_size=config.group * config.clips // config.parts,
        gradient_accumulation_steps=config.parts,
        num_generations=config.group,
        max_completion_length=config.longest,
        beta=config.beta,
        loss_type="grpo",
        scale_rewards=config.scale,
        reward_weights=weights,
        temperature=config.temperature,
        generation_kwargs={"suppress_tokens": image_tokens(model)},
        learning_rate=config.lr,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=config.steps // 20,  # its first step learns nothing, which a short run cannot afford
        logging_steps=config.log_every,
        save_steps=config.save_every,
        save_total_limit=2,
        **machine.arguments(),
    )


def image_tokens(model: Any) -> list[int]:
    """Tokens that stand for pictures and films: one that was sampled would ask for a picture that is not there."""
    names = ("image_token_id", "image_token_index", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    found = (getattr(model.config, name, None) for name in names)
    return sorted({token for token in found if isinstance(token, int)})
