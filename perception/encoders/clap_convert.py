"""A checkpoint of laion_clap as the network of transformers: the same layers under other names.

In: the state of a `.pt` file of https://github.com/LAION-AI/CLAP (HTSAT audio towers without fusion). Out: the settings
and the state of a `transformers.ClapAudioModelWithProjection`. laion_clap itself is never imported: doing so looks up
tokenizers in the network and shadows other packages.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

NAMES = (
    ("audio_branch.", "audio_model.audio_encoder."),
    ("audio_projection.0.", "audio_projection.linear1."),
    ("audio_projection.2.", "audio_projection.linear2."),
    (".attn.proj.", ".attention.output.dense."),
    (".attn.", ".attention.self."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".bn0.", ".batch_norm."),
)
"""Theirs and ours, in the order in which they are replaced."""

LEFT_OUT = re.compile(r"spectrogram_extractor|logmel_extractor|tscam_conv|\.head\.|attn_mask|audio_transform")
"""Parts of the audio tower that the embedding does not go through, and tables that are computed again."""


class ClapError(ValueError):
    """Weights that are no CLAP we can run; the message says what to give instead."""


def read_laion(path: Path) -> dict[str, Tensor]:
    """The state in a `.pt` file, with the prefix of parallel training taken off.

    Raises:
        ClapError: the file is damaged, holds more than tensors, or is no CLAP with an HTSAT audio tower.
    """
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClapError(
            f"{path} is damaged or holds more than weights ({reason}); get the checkpoint again."
        ) from error
    state = found.get("state_dict", found) if isinstance(found, dict) else {}
    state = {name.removeprefix("module."): value for name, value in state.items() if isinstance(value, Tensor)}
    if "audio_branch.patch_embed.proj.weight" not in state:
        raise ClapError(f"{path} has no HTSAT audio tower; give a laion_clap checkpoint such as 630k-best.pt.")
    if any("fusion_model" in name or "mel_conv2d" in name for name in state):
        raise ClapError(f"{path} is a fusion model, which crops at random; give one without fusion (630k-best.pt).")
    return state


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The audio tower's weights under transformers' names; one matrix for query, key and value becomes three."""
    converted: dict[str, Tensor] = {}
    for name, value in state.items():
        if not name.startswith(("audio_branch.", "audio_projection.")) or LEFT_OUT.search(name):
            continue
        for theirs, ours in NAMES:
            name = name.replace(theirs, ours)
        if ".qkv." in name:
            for part, piece in zip(("query", "key", "value"), value.chunk(3), strict=True):
                converted[name.replace("qkv", part)] = piece.clone()
        else:
            converted[name] = value
    return converted


def shape_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The settings of `transformers.ClapAudioConfig` that the weights tell."""
    first = state["audio_branch.patch_embed.proj.weight"].shape[0]
    places = {
        tuple(map(int, m.groups()))
        for m in map(re.compile(r"audio_branch\.layers\.(\d+)\.blocks\.(\d+)\.").match, state)
        if m
    }
    layers = sorted({layer for layer, _ in places})
    heads = [
        state[f"audio_branch.layers.{layer}.blocks.0.attn.relative_position_bias_table"].shape[1] for layer in layers
    ]
    return {
        "patch_embeds_hidden_size": first,
        "hidden_size": first * 2 ** (len(layers) - 1),
        "depths": [max(block for at, block in places if at == layer) + 1 for layer in layers],
        "num_attention_heads": heads,
        "projection_dim": state["audio_projection.2.weight"].shape[0],
        "projection_hidden_act": "relu",
        "enable_fusion": False,
    }
