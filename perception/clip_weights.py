"""A file of CLIP's weights in, tensors in the names of our towers out.

Read are: a folder that transformers saved (`config.json` beside `model.safetensors` or `pytorch_model.bin`), and a
checkpoint of open_clip (.safetensors, .bin or .pt) or of its training (`state_dict` inside). Nothing in a file is run:
safetensors, or torch with `weights_only`. OpenAI's own .pt is a TorchScript program, which is refused for that reason.

Not known: whether the weights are those that GeoCLIP was trained upon. Only OpenAI's ViT-L/14 gives features that its
MLP understands, and no file says that of itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open
from torch import Tensor

Part = Literal["visual", "text"]
"""One of the two towers."""

FOLDER_FILES = ("model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What is looked for in a folder, in this order."""

HUGGING_FACE = {
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.token_embedding.weight": "token_embedding",
    "pre_layrnorm": "ln_pre",
    "post_layernorm": "ln_post",
    "final_layer_norm": "ln_final",
    "encoder.layers": "blocks",
    "self_attn.out_proj": "out_proj",
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "c_fc",
    "mlp.fc2": "c_proj",
}
"""Parts of transformers' names → ours."""

OPENAI = {
    "token_embedding.weight": "token_embedding",
    "transformer.resblocks": "blocks",
    "attn.in_proj_": "in_proj.",
    "attn.out_proj": "out_proj",
    "mlp.c_fc": "c_fc",
    "mlp.c_proj": "c_proj",
}
"""Parts of OpenAI's and open_clip's names → ours."""


def read_tower(path: Path, part: Part) -> dict[str, Tensor]:
    """The weights of one tower, in our names.

    Raises:
        FileNotFoundError: there is no such file or folder, or none of the known files in it.
        ValueError: it holds no such tower, or one of another kind.
    """
    file = weights_file(path)
    tensors = _read(file, lambda name: _belongs(name, part))
    try:
        hugging_face = any(name.startswith(("vision_model.", "text_model.")) for name in tensors)
        found = _of_hugging_face(tensors) if hugging_face else _of_openai(tensors, part)
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{file} holds a CLIP with parts missing ({error}); get the file again.") from error
    if "positional_embedding" not in found or "blocks.0.in_proj.weight" not in found:
        raise ValueError(f"{file} holds no {part} transformer of CLIP; give a checkpoint of ViT-L/14.")
    return found


def weights_file(path: Path) -> Path:
    """The file with the weights: the path itself, or the one in that folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the folder's config.json speaks of another activation than OpenAI's.
    """
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(f"There are no weights at {path}; give a checkpoint of CLIP or a folder with one.")
        return path
    _check_config(path / "config.json")
    found = next((path / name for name in FOLDER_FILES if (path / name).exists()), None)
    if found is None:
        raise FileNotFoundError(f"The folder {path} holds none of {', '.join(FOLDER_FILES)}.")
    return found


def _check_config(config: Path) -> None:
    if not config.exists():
        return
    try:
        vision = json.loads(config.read_bytes()).get("vision_config", {})
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{config} is no configuration of transformers ({error}).") from error
    activation = vision.get("hidden_act", "quick_gelu")
    if activation != "quick_gelu":
        raise ValueError(f"{config.parent} has activation {activation!r}, but OpenAI's CLIP has 'quick_gelu'.")


def _belongs(name: str, part: Part) -> bool:
    """Whether a tensor is of a tower, in either way of naming."""
    name = name.removeprefix("module.")
    visual = name.startswith(("vision_model.", "visual_projection.", "visual."))
    text = name.startswith(("text_model.", "text_projection", "token_embedding.", "transformer.", "ln_final."))
    return visual if part == "visual" else text or name == "positional_embedding"


def _read(file: Path, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """Wanted tensors of a file; of safetensors only they are read at all."""
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, "pt") as tensors:
                return {_plain(name): tensors.get_tensor(name) for name in tensors.keys() if wanted(name)}
        held: Any = torch.load(file, map_location="cpu", weights_only=True)
        held = held.get("state_dict", held)
        return {_plain(name): value for name, value in held.items() if wanted(name)}
    except OSError:
        raise
    except Exception as error:  # torch's reader raises whatever a torn file leads it to
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{file} cannot be read as tensors alone ({said}); save it as .safetensors.") from error


def _plain(name: str) -> str:
    return name.removeprefix("module.")


def _of_openai(tensors: Mapping[str, Tensor], part: Part) -> dict[str, Tensor]:
    prefix = "visual." if part == "visual" else ""
    return {_renamed(name.removeprefix(prefix), OPENAI): value for name, value in tensors.items()}


def _of_hugging_face(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values are joined into one matrix, projections turned."""
    found = {}
    for name, value in tensors.items():
        bare = name.removeprefix("vision_model.").removeprefix("text_model.")
        if ".self_attn.q_proj." in bare:
            three = [tensors[name.replace(".q_proj.", f".{one}_proj.")] for one in "qkv"]
            found[_renamed(bare, HUGGING_FACE).replace("self_attn.q_proj", "in_proj")] = torch.cat(three)
        elif name == "visual_projection.weight":
            found["proj"] = value.T.contiguous()
        elif name == "text_projection.weight":
            found["text_projection"] = value.T.contiguous()
        elif not bare.endswith("position_ids") and ".self_attn.k_" not in bare and ".self_attn.v_" not in bare:
            found[_renamed(bare, HUGGING_FACE)] = value
    return found


def _renamed(name: str, names: Mapping[str, str]) -> str:
    for theirs, ours in names.items():
        name = name.replace(theirs, ours)
    return name
