"""Random CLIPs of the published formats, small enough for tests."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

PIECES = 256 + 256 + 3 + 2
"""Bytes, bytes that end a word, three merges, two marks."""

MERGES = "#version: 0.2\nr a\nra in</w>\ni n</w>\n"
"""Three merges in the format of the hub: "rain" is one piece."""


def openai_weights(out=768, width=64, size_px=28, seed=0):
    """A random CLIP in OpenAI's names: two layers a tower."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator) * 0.2

    def blocks(prefix):
        shapes = {"attn.in_proj_": 3 * width, "attn.out_proj.": width, "mlp.c_fc.": 4 * width}
        for k in range(2):
            for name, rows in shapes.items():
                yield f"{prefix}.{k}.{name}weight", draw(rows, width)
                yield f"{prefix}.{k}.{name}bias", draw(rows)
            yield f"{prefix}.{k}.mlp.c_proj.weight", draw(width, 4 * width)
            yield f"{prefix}.{k}.mlp.c_proj.bias", draw(width)
            for norm in ("ln_1", "ln_2"):
                yield f"{prefix}.{k}.{norm}.weight", 1 + draw(width)
                yield f"{prefix}.{k}.{norm}.bias", draw(width)

    weights = {
        "visual.conv1.weight": draw(width, 3, 14, 14),
        "visual.class_embedding": draw(width),
        "visual.positional_embedding": draw((size_px // 14) ** 2 + 1, width),
        "visual.proj": draw(width, out),
        "token_embedding.weight": draw(PIECES, width),
        "positional_embedding": draw(9, width),
        "text_projection": draw(width, out),
        "logit_scale": torch.tensor(4.6),
    }
    for norm in ("visual.ln_pre", "visual.ln_post", "ln_final"):
        weights[f"{norm}.weight"], weights[f"{norm}.bias"] = 1 + draw(width), draw(width)
    return weights | dict(blocks("visual.transformer.resblocks")) | dict(blocks("transformer.resblocks"))


def hugging_face_weights(openai):
    """The same CLIP in transformers' names."""
    names = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    whole = {
        "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
        "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
    }
    found = {"vision_model.embeddings.position_ids": torch.arange(5)[None]}
    for name, value in openai.items():
        tower = "vision_model" if name.startswith("visual.") else "text_model"
        if name in ("visual.proj", "text_projection"):
            found["visual_projection.weight" if tower == "vision_model" else "text_projection.weight"] = value.T
        elif name in whole:
            found[whole[name]] = value
        elif "resblocks" in name:
            layer, rest = name.split("resblocks.")[1].split(".", 1)
            base = f"{tower}.encoder.layers.{layer}"
            if "in_proj" in rest:
                for part, third in zip("qkv", value.chunk(3), strict=True):
                    found[f"{base}.self_attn.{part}_proj.{rest.removeprefix('attn.in_proj_')}"] = third
            else:
                kind, tensor = rest.rsplit(".", 1)
                found[f"{base}.{names.get(kind, 'self_attn.out_proj')}.{tensor}"] = value
        elif name != "logit_scale":
            norm = {"ln_pre": "pre_layrnorm", "ln_post": "post_layernorm", "ln_final": "final_layer_norm"}
            kind, tensor = name.removeprefix("visual.").split(".")
            found[f"{tower}.{norm[kind]}.{tensor}"] = value
    return {name: value.contiguous() for name, value in found.items()}


def write_folder(folder: Path, activation="quick_gelu", **sizes):
    """A folder as transformers saves it, with the list of word pieces; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(hugging_face_weights(openai_weights(**sizes)), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": activation}}))
    (folder / "merges.txt").write_text(MERGES)
    return folder
