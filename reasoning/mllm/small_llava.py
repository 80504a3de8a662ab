"""The offline model: SmolLM2-135M made LLaVA-style, with features in its image slots.

In: `SmolLM2-135M-Instruct.Q4_1.gguf` (`lookhear fetch reasoner`), and the folders of adapters where some were trained.
Out: an unmodified `LlavaForConditionalGeneration` and its processor. The tower and the projector begin at random, by
seed, and mean nothing until a cold start has trained them.

On disk: `cache_dir()/derived/smollm2-<content>/`, the language model with its weights unpacked (0.5 GB, made on first
use in about a minute; a folder without `DONE` is made again).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from lookhear.data.atomic import write_atomic
from lookhear.data.models import MODELS, cache_dir, model_path
from lookhear.reasoning.mllm.soft_tokens import PATCH, SIDE, FeatureProcessor, FeatureTower

MODEL = "smollm2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"

IMAGE_TOKEN = "<empty_output>"
"""A token of SmolLM2's own that it never needs here; it marks an image, so that no embedding has to be added."""

TOWER_WIDTH = 256
"""Width of the hidden states between tower and projector."""

DONE = "DONE"

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<empty_output>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""SmolLM2's chat template, with images and without its system prompt."""


def small_llava(seed: int = 0) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """The model and its processor, before any training.

    Raises:
        MissingModelError: the language model was not fetched.
    """
    folder = unpacked()
    language, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    config = LlavaConfig(**settings(language.config, tokenizer))
    return with_tower(language, config, seed), processor_of(tokenizer)


def with_tower(language: Any, config: LlavaConfig, seed: int) -> LlavaForConditionalGeneration:
    """A LLaVA of a language model and a tower for features."""
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    model.model.multi_modal_projector = type(model.model.multi_modal_projector)(config)
    model.model.vision_tower = FeatureTower(config.vision_config)
    torch.random.set_rng_state(state)
    model.model.language_model, model.lm_head = language.model, language.lm_head
    model.tie_weights()
    model.generation_config = language.generation_config
    return model.eval()


def processor_of(tokenizer: Any) -> LlavaProcessor:
    """Words through a tokenizer that has `IMAGE_TOKEN`, features through `FeatureProcessor`."""
    tokenizer.padding_side, tokenizer.chat_template = "left", CHAT
    return LlavaProcessor(
        image_processor=FeatureProcessor(),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        image_token=IMAGE_TOKEN,
        chat_template=CHAT,
    )


def unpacked() -> Path:
    """The folder of the language model with its weights in full, made where it is not there yet."""
    gguf = model_path(MODEL, GGUF)
    sha256 = next(file.sha256 for file in MODELS[MODEL].files if file.name == GGUF)
    folder = cache_dir() / "derived" / f"smollm2-{str(sha256)[:16]}"
    if not (folder / DONE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _unpack(gguf, folder)
        write_atomic(folder / DONE, "")
    return folder


def _unpack(gguf: Path, folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model.hf_quantizer, model.is_quantized = None, False  # the weights are plain numbers now
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def settings(text_config: Any, tokenizer: Any) -> dict[str, Any]:
    """LLaVA's settings around a language model."""
    vision = CLIPVisionConfig(
        hidden_size=TOWER_WIDTH,
        intermediate_size=TOWER_WIDTH,
        num_hidden_layers=1,
        num_attention_heads=1,
        image_size=SIDE,
        patch_size=PATCH,
    )
    return {
        "text_config": text_config,
        "vision_config": vision,
        "image_token_id": tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full",
    }


def adapted(model: Any, adapters: Sequence[Path]) -> Any:
    """The model with adapters merged into it, one after the other."""
    from peft import PeftModel

    for folder in adapters:
        for tower in [module for module in model.modules() if isinstance(module, FeatureTower)]:
            tower.as_trained(folder)
        model = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    return model
