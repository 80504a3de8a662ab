"""LLaVAs of a few thousand random weights: one with features in its image slots, one with a vision tower."""

from dataclasses import replace

import numpy as np
import pytest
import torchvision_on_cpu
from small_world import Views, birds, make_examples, write_set

from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import Evidence, Moment
from lookhear.reasoning.mllm.brief import Brief, Option
from lookhear.reasoning.outlook import Chance, Outlook

PARIS, ROUEN = GeoPoint(48.86, 2.35), GeoPoint(49.44, 1.1)

IN_PARIS = PlaceName("Europe", "France", "Paris", "Paris", 1.0)


def found(number=1, kind="sound", label="siren", sure=0.9):
    return Evidence(f"e{number}", kind, label, label, (Moment(0.0, 3.0, sure),), sure, "test")


def outlook(point=PARIS, country=0.8):
    europe, france = Chance("Europe", 0.9), Chance("France", country, "Europe")
    return Outlook(point, IN_PARIS if point else None, (europe,), (france,), (), 0.05, 1e5, 1e6)


def brief(evidence=None, options=None):
    evidence = (found(),) if evidence is None else evidence
    near = Option(PARIS, IN_PARIS, 0.6, ("e1",))
    far = Option(ROUEN, PlaceName("Europe", "France", "Seine-Maritime", "Rouen", 2.0), 0.2, ())
    return Brief("clip", tuple(evidence), outlook(), (near, far) if options is None else options)


def transformers():
    torchvision_on_cpu.make_importable()
    try:
        import transformers
        from transformers import LlamaForCausalLM, LlavaForConditionalGeneration  # noqa: F401
    except ImportError as error:
        pytest.skip(f"there is no LLaVA here: {error}")
    return transformers


def tokenizer(image_token):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<pad>", "<s>", "</s>", image_token]
    model = Tokenizer(models.BPE(vocab={token: k for k, token in enumerate([*special, *letters])}, merges=[]))
    model.pre_tokenizer, model.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    more = {"extra_special_tokens": {"image_token": image_token}, "padding_side": "left"}
    return transformers().PreTrainedTokenizerFast(tokenizer_object=model, **names, **more)


def text_config(words):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    return transformers().LlamaConfig(vocab_size=len(words), max_position_embeddings=2048, **sizes, **ids)


def feature_llava():
    """The offline model's build around a tiny language model."""
    import torch

    kit = transformers()
    from lookhear.reasoning.mllm import small_llava

    words = tokenizer(small_llava.IMAGE_TOKEN)
    torch.manual_seed(0)
    language = kit.LlamaForCausalLM(text_config(words))
    settings = small_llava.settings(language.config, words)
    return small_llava.with_tower(language, kit.LlavaConfig(**settings), 0), small_llava.processor_of(words)


def vision_llava(folder=None):
    """LLaVA-1.5's own classes at a tiny size; with a folder, saved there."""
    import torch

    kit, side = transformers(), 16
    words = tokenizer("<image>")
    words.chat_template = (
        "{% for m in messages %}{% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
    )
    crop = {"height": side, "width": side}
    processor = kit.LlavaProcessor(
        image_processor=kit.CLIPImageProcessor(size={"shortest_edge": side}, crop_size=crop),
        tokenizer=words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=words.chat_template,
    )
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = kit.LlavaConfig(
        vision_config=kit.CLIPVisionConfig(image_size=side, patch_size=8, **sizes),
        text_config=text_config(words),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    model = kit.LlavaForConditionalGeneration(config).eval()
    if folder is not None:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    return model, processor


def write_world(folder, monkeypatch):
    """A set whose birds and views are known, and no model is needed to know them; sight has 512 numbers."""
    from lookhear.prediction import briefing
    from lookhear.prediction.methods import sense

    for module in (briefing, sense):
        monkeypatch.setattr(module, "shared_pointing", birds)
        monkeypatch.setattr(module, "shared_gallery", Views)
    made = [one for k, split in enumerate(("train", "validation", "test")) for one in make_examples(split, 8, seed=k)]
    wide = [{name: np.resize(part, 512) for name, part in one.record.features.items()} for one in made]
    return write_set(
        folder, [replace(a, record=replace(a.record, features=b)) for a, b in zip(made, wide, strict=True)]
    )


def sight(seed=0):
    return np.random.default_rng(seed).normal(size=512).astype(np.float32)
