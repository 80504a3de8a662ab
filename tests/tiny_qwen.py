"""Qwen2-VL's own classes at a tiny size, with random weights."""

import pytest
from tiny_llava import tokenizer, transformers

CHAT = (
    "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
)

TOKENS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}


def qwen(folder):
    """Saved in a folder; a picture of 20 × 24 pixels is nine tokens at most."""
    import torch

    kit = transformers()
    pytest.importorskip("torchvision", reason="Qwen2-VL's processor needs it")
    words = tokenizer("<|image_pad|>")
    words.add_tokens([token for token in TOKENS.values() if token != "<|image_pad|>"], special_tokens=True)
    patches = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    seen = kit.Qwen2VLImageProcessor(**patches, min_pixels=64, max_pixels=576)
    films = kit.Qwen2VLVideoProcessor(**patches)
    kit.Qwen2VLProcessor(seen, words, films, chat_template=CHAT).save_pretrained(folder)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    rope = {"type": "mrope", "mrope_section": [2, 3, 3]}
    ends = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    text = {**sizes, **ends, "num_key_value_heads": 2, "vocab_size": len(words), "rope_scaling": rope}
    vision = {"depth": 2, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 4}
    ids = {name: words.convert_tokens_to_ids(token) for name, token in TOKENS.items()}
    torch.manual_seed(0)
    config = kit.Qwen2VLConfig(text_config=text, vision_config=vision, **ids)
    kit.Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
