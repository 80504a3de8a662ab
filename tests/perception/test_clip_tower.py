import importlib.util
import pickle

import pytest
import torch
import torchvision_on_cpu
from safetensors.torch import save_file
from small_clip import hugging_face_weights, openai_weights, write_folder

from lookhear.perception.clip_tower import ImageTower, TextTower
from lookhear.perception.clip_weights import read_tower

PIXELS = torch.randn(5, 3, 28, 28, generator=torch.Generator().manual_seed(1))
TOKENS = torch.tensor([[514, 5, 6, 516, 0], [514, 3, 516, 0, 0]])


def towers(path):
    return ImageTower.of(read_tower(path, "visual")), TextTower.of(read_tower(path, "text"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("clip"), out=24)


def written(tmp_path, form):
    weights = openai_weights(out=24)
    path = tmp_path / form
    if form == "open_clip.safetensors":
        save_file(weights, path)
    elif form == "training.pt":
        torch.save({"epoch": 3, "state_dict": {f"module.{name}": value for name, value in weights.items()}}, path)
    elif form == "half.pt":
        torch.save({name: value.half() for name, value in weights.items()}, path)
    else:
        path.mkdir()
        torch.save(hugging_face_weights(weights), path / "pytorch_model.bin")
    return path


@pytest.mark.parametrize("form", ["open_clip.safetensors", "training.pt", "half.pt", "folder"])
def test_every_format_gives_the_same_features(tmp_path, folder, form):
    atol = 0.02 if form == "half.pt" else 1e-5
    for ours, expected, what in zip(towers(written(tmp_path, form)), towers(folder), (PIXELS, TOKENS), strict=True):
        torch.testing.assert_close(ours(what), expected(what), atol=atol, rtol=0)


def test_sizes_are_told_from_the_weights(folder):
    image, text = towers(folder)
    assert (image.size_px, image.size, len(image.blocks), text.tokens) == (28, 24, 2, 9)
    assert not any(parameter.requires_grad for parameter in image.parameters())


def test_a_picture_does_not_depend_on_its_batch(folder):
    image, _ = towers(folder)
    whole = image(PIXELS)
    for order in ([4, 2, 0, 1, 3], [3], [1, 1, 1]):
        torch.testing.assert_close(image(PIXELS[order]), whole[order], atol=1e-5, rtol=0)


def test_a_text_ends_where_it_ends(folder):
    _, text = towers(folder)
    torch.testing.assert_close(text(TOKENS)[1:], text(TOKENS[1:, :3]), atol=1e-5, rtol=0)
    assert (text(TOKENS)[0] - text(TOKENS)[1]).abs().max() > 0.01


def test_a_missing_path_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights at"):
        read_tower(tmp_path / "none.pt", "visual")
    with pytest.raises(FileNotFoundError, match=r"none of model\.safetensors"):
        read_tower(tmp_path, "visual")


def test_what_is_no_clip_is_refused(tmp_path):
    save_file({"visual.something": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="holds no visual transformer"):
        read_tower(tmp_path / "a.safetensors", "visual")


def test_a_torn_file_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"torn")
    (tmp_path / "a.pt").write_bytes(b"torn")
    for name in ("a.safetensors", "a.pt"):
        with pytest.raises(ValueError, match="cannot be read as tensors alone"):
            read_tower(tmp_path / name, "visual")


class Evil:
    def __reduce__(self):
        return (open, ("evil.txt", "w"))


def test_a_program_in_a_checkpoint_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Evil()}, "a.pt", pickle_module=pickle)
    with pytest.raises(ValueError, match="cannot be read as tensors alone"):
        read_tower(tmp_path / "a.pt", "visual")
    assert not (tmp_path / "evil.txt").exists()


def test_a_lost_tensor_is_said(tmp_path):
    weights = hugging_face_weights(openai_weights())
    del weights["vision_model.encoder.layers.1.self_attn.k_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="parts missing"):
        read_tower(tmp_path, "visual")


def test_another_activation_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'gelu'"):
        read_tower(write_folder(tmp_path / "laion", activation="gelu"), "visual")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="transformers is not installed")
@pytest.mark.filterwarnings("ignore")
def test_it_is_what_transformers_computes(tmp_path):
    torchvision_on_cpu.make_importable()
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    text = {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 1, "num_hidden_layers": 2}
    text |= {"vocab_size": 520, "projection_dim": 24, "bos_token_id": 514, "eos_token_id": 516}
    vision = {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 2, "num_hidden_layers": 2}
    vision |= {"patch_size": 14, "image_size": 28, "projection_dim": 24}
    theirs = CLIPModel(CLIPConfig(projection_dim=24, text_config=text, vision_config=vision)).eval()
    theirs.save_pretrained(tmp_path)
    image, words = towers(tmp_path)
    with torch.inference_mode():
        seen = theirs.get_image_features(pixel_values=PIXELS).pooler_output
        read = theirs.get_text_features(input_ids=TOKENS, attention_mask=(TOKENS > 0).long()).pooler_output
    torch.testing.assert_close(image(PIXELS), seen, atol=1e-5, rtol=0)
    torch.testing.assert_close(words(TOKENS), read, atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="open_clip is not installed")
@pytest.mark.filterwarnings("ignore")
def test_it_is_what_open_clip_computes(tmp_path):
    torchvision_on_cpu.make_importable()
    from open_clip.model import CLIP

    torch.manual_seed(0)
    vision = {"image_size": 28, "layers": 2, "width": 128, "patch_size": 14}
    text = {"context_length": 5, "vocab_size": 520, "width": 64, "heads": 1, "layers": 2}
    theirs = CLIP(24, vision, text, quick_gelu=True).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    torch.save(theirs.state_dict(), tmp_path / "clip.pt")
    image, words = towers(tmp_path / "clip.pt")
    with torch.inference_mode():
        torch.testing.assert_close(image(PIXELS), theirs.encode_image(PIXELS), atol=1e-5, rtol=0)
        torch.testing.assert_close(words(TOKENS), theirs.encode_text(TOKENS), atol=1e-5, rtol=0)
