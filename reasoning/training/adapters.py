"""What of a LLaVA-style model is trained: low-rank adapters on the language model, and what makes its soft tokens.

Source: Hu et al. 2021, "LoRA: Low-rank adaptation of large language models", through peft.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peft import LoraConfig

LANGUAGE = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
"""All linear layers of the language model, and none of a vision tower's."""


PROJECTORS = ("multi_modal_projector", "merger", "connector")
"""What LLaVA, Qwen2-VL and SmolVLM call the way from pictures into the language model."""


@dataclass(frozen=True)
class AdapterConfig:
    """The adapters."""

    rank: int = 16
    """Rank r of the low-rank matrices."""
    alpha: int = 32
    """Their scale is alpha / r."""
    dropout: float = 0.0
    """Dropout before them."""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1 or not 0 <= self.dropout < 1:
            raise ValueError(f"An adapter needs a rank and a scale above 0 and a dropout in [0, 1), but got {self}.")


def lora(config: AdapterConfig, model: Any, soft_tokens: bool) -> LoraConfig:
    """The settings of peft; with `soft_tokens` the projector is trained too, and a tower for features."""
    from peft import LoraConfig

    from lookhear.reasoning.mllm.soft_tokens import FeatureTower

    known = {name.rpartition(".")[2]: module for name, module in model.named_modules()}
    saved = [name for name in PROJECTORS if name in known]
    saved += [name for name in ("vision_tower",) if isinstance(known.get(name), FeatureTower)]
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        task_type="CAUSAL_LM",
        target_modules=LANGUAGE,
        modules_to_save=saved if soft_tokens else None,
    )
