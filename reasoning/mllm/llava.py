"""Any LLaVA-style model of transformers, from a folder or from the hub's cache on this machine.

In: LLaVA-1.5's folder (the paper's model), Qwen2-VL's, or any that `AutoModelForImageTextToText` opens, and adapters.
Out: the model and its processor. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

LLAVA = "llava-hf/llava-1.5-7b-hf"
"""The paper's model."""


def load_llava(
    name: str = LLAVA,
    adapters: Sequence[Path] = (),
    precision: Literal["fp32", "bf16"] = "bf16",
    device: str = "cpu",
) -> tuple[Any, Any]:
    """A model and its processor, with adapters merged in.

    Raises:
        OSError: the model is not on this machine, or is none.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from lookhear.reasoning.mllm.small_llava import adapted

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    try:
        model = AutoModelForImageTextToText.from_pretrained(name, dtype=dtype, local_files_only=True)
        processor = AutoProcessor.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError) as error:
        raise OSError(
            f"The model {name} cannot be opened ({_first_line(error)}); "
            f"give its folder, or get it with `hf download {name}`."
        ) from error
    processor.tokenizer.padding_side = "left"
    if processor.tokenizer.pad_token_id is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return adapted(model, adapters).to(device).eval(), processor


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200].rstrip(".") if str(error).strip() else type(error).__name__
