import importlib.util

import numpy as np
import pytest
import torch
import torchvision_on_cpu
from small_clip import write_folder
from torch import nn

from lookhear.data.models import MODELS, MissingModelError
from lookhear.perception import geoclip_image
from lookhear.perception.clip_pixels import clip_pixels, middle_square
from lookhear.perception.geoclip_image import ImageEncoder, clip_path, has_clip, load_mlp

RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 255, (40 + k, 60, 3), dtype=np.uint8) for k in range(11)]


def random_mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(768, 768), nn.ReLU(), nn.Linear(768, 512)).eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def mlp(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOOKHEAR_CLIP", raising=False)
    monkeypatch.setattr(geoclip_image, "load_mlp", random_mlp)


@pytest.fixture
def encoder(tmp_path):
    return ImageEncoder.load(write_folder(tmp_path / "clip"))


def test_an_embedding_is_the_mlp_of_the_towers_feature(encoder):
    squares = [encoder.square(picture) for picture in PICTURES[:2]]
    assert squares[0].shape == (28, 28, 3)
    expected = nn.functional.normalize(random_mlp()(encoder.tower(clip_pixels(squares))), dim=1)
    torch.testing.assert_close(encoder.embed(squares), expected)


def test_an_embedding_does_not_depend_on_its_place_among_others(encoder):
    squares = [encoder.square(picture) for picture in PICTURES]  # more than a batch
    whole = encoder.embed(squares)
    assert whole.shape == (11, 512)
    torch.testing.assert_close(encoder.embed(squares[::-1]), whole.flip(0), atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder.embed(squares[9:10]), whole[9:10], atol=1e-5, rtol=0)
    torch.testing.assert_close(whole.norm(dim=1), torch.ones(11))


def test_nothing_is_embedded_as_nothing(encoder):
    assert encoder.embed([]).shape == (0, 512)


def test_words_live_in_the_same_space(encoder):
    texts = encoder.embed_texts(["rain", "in ra", "rain"])
    assert texts.shape == (3, 512) and torch.equal(texts[0], texts[2]) and not torch.equal(texts[0], texts[1])


def test_another_clip_is_refused(tmp_path):
    with pytest.raises(ValueError, match="gives 24 numbers"):
        ImageEncoder.load(write_folder(tmp_path / "clip", out=24))


def test_without_clip_the_command_is_named():
    assert not has_clip()
    with pytest.raises(MissingModelError, match=r"run `lookhear fetch clip` \(1\.7 GB, MIT\)"):
        clip_path()


def test_a_named_clip_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKHEAR_CLIP", str(write_folder(tmp_path / "own")))
    assert ImageEncoder.load().source == tmp_path / "own"
    monkeypatch.setenv("LOOKHEAR_CLIP", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="LOOKHEAR_CLIP names"):
        clip_path()


def test_what_was_fetched_is_a_folder_that_can_be_read():
    names = {file.name for file in MODELS["clip"].files}
    assert {"model.safetensors", "config.json", "merges.txt"} <= names


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("geoclip") is None, reason="geoclip is not installed")
@pytest.mark.filterwarnings("ignore")
def test_it_is_what_geoclip_computes_with_the_published_mlp(tmp_path, monkeypatch):
    """ViT-L/14 at full size with random weights: 2 GB of memory and half a minute."""
    torchvision_on_cpu.make_importable()
    monkeypatch.delenv("LOOKHEAR_CACHE")
    origin = importlib.util.find_spec("geoclip").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("theirs", f"{origin}/model/image_encoder.py")
    theirs_module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs_module)
    torch.manual_seed(0)
    theirs = theirs_module.ImageEncoder(from_pretrained=False).eval()
    theirs.mlp.load_state_dict(load_mlp().state_dict())
    theirs.CLIP.save_pretrained(tmp_path)
    monkeypatch.setattr(geoclip_image, "load_mlp", load_mlp)
    squares = [middle_square(picture) for picture in PICTURES[:2]]
    with torch.inference_mode():
        expected = nn.functional.normalize(theirs(clip_pixels(squares)), dim=1)
    torch.testing.assert_close(ImageEncoder.load(tmp_path).embed(squares), expected, atol=1e-5, rtol=0)
