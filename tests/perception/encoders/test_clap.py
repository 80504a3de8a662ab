from __future__ import annotations

import importlib
import importlib.util
import logging
import sys

import numpy as np
import pytest
import torch
from torchvision_on_cpu import make_importable

from lookhear.perception.encoders.clap_convert import ClapError, convert, read_laion

pytest.importorskip("transformers")
make_importable()

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def sounds(count: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    t = np.arange(480_000) / 48_000
    waves = [0.3 * np.sin(2 * np.pi * rng.uniform(100, 8000) * t) * (1 + np.sin(t)) for _ in range(count)]
    return torch.tensor(np.stack(waves) + 0.01 * rng.normal(size=(count, 480_000)), dtype=torch.float32)


@pytest.fixture(scope="module")
def reference():
    """laion_clap's own network with random weights; the package itself is never imported (see stack notes there)."""
    spec = importlib.util.find_spec("laion_clap")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("laion_clap is not installed")
    for needed in ("torchlibrosa", "librosa", "torchvision"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    sys.path.insert(0, spec.submodule_search_locations[0])
    try:
        logging.disable(logging.INFO)
        factory = importlib.import_module("clap_module.factory")
        torch.manual_seed(0)
        network = factory.create_model("HTSAT-tiny", "transformer")[0].eval()
    finally:
        logging.disable(logging.NOTSET)
        sys.path.pop(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -30, -20)
            torch.nn.init.uniform_(module.running_var, 50, 200)
    return network


def test_the_converted_network_is_laions(reference, tmp_path):
    from lookhear.perception.encoders.clap import ClapEncoder

    torch.save(
        {"epoch": 1, "state_dict": {f"module.{k}": v for k, v in reference.state_dict().items()}}, tmp_path / "x.pt"
    )
    encoder = ClapEncoder.load(tmp_path / "x.pt")
    waves = sounds(2)
    with torch.inference_mode():
        theirs = reference.audio_branch({"waveform": waves, "longer": torch.tensor([False, False])}, device="cpu")
        theirs = reference.audio_projection(theirs["embedding"])
    ours = encoder.embed(waves)
    assert ours.shape == (2, 512) and float(theirs.abs().max()) > 0.01
    error = float((ours - theirs).abs().max())
    print("largest difference", error, "of", float(theirs.abs().max()))
    assert error < 1e-5


@pytest.fixture(scope="module")
def small_clap():
    from transformers import ClapAudioConfig, ClapAudioModelWithProjection

    from lookhear.perception.encoders.clap import ClapEncoder

    torch.manual_seed(0)
    config = ClapAudioConfig(patch_embeds_hidden_size=16, hidden_size=128, depths=[1, 1, 1, 1], projection_dim=32)
    return ClapEncoder(ClapAudioModelWithProjection(config).eval().requires_grad_(False))


def test_an_embedding_does_not_change_with_its_batch(small_clap):
    waves = sounds(3)
    together = small_clap.embed(waves)
    assert together.shape == (3, small_clap.size)
    for k in range(3):
        assert torch.equal(small_clap.embed(waves[k : k + 1])[0], together[k])
    assert torch.equal(small_clap.embed(waves.flip(0)).flip(0), together)
    assert small_clap.feature_map(waves[:1]).shape[1:] == small_clap.map_shape


def test_a_louder_sound_has_another_embedding(small_clap):
    waves = sounds(1)
    assert not torch.allclose(small_clap.embed(waves), small_clap.embed(0.1 * waves), atol=1e-4)


def test_the_spectrogram_is_in_decibel_of_slaneys_bands(small_clap):
    mels = small_clap.log_mel(sounds(1))
    assert mels.shape == (1, 1001, 64) and float(small_clap.log_mel(torch.zeros(1, 480_000)).max()) == -100.0
    assert torch.allclose(small_clap.log_mel(0.1 * sounds(1)), mels - 20, atol=0.01)


def test_three_matrices_come_of_one(tmp_path):
    qkv = torch.arange(12.0).reshape(6, 2)
    made = convert({"audio_branch.layers.0.blocks.1.attn.qkv.weight": qkv, "text_branch.x": qkv})
    prefix = "audio_model.audio_encoder.layers.0.blocks.1.attention.self."
    assert {name.removeprefix(prefix) for name in made} == {"query.weight", "key.weight", "value.weight"}
    assert torch.equal(made[f"{prefix}key.weight"], qkv[2:4])


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"text_branch.x": torch.ones(1)}, "no HTSAT audio tower"),
        (
            {
                "audio_branch.patch_embed.proj.weight": torch.ones(1),
                "audio_branch.patch_embed.mel_conv2d.weight": torch.ones(1),
            },
            "fusion model",
        ),
    ],
)
def test_other_checkpoints_are_refused(tmp_path, state, said):
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(ClapError, match=said):
        read_laion(tmp_path / "x.pt")


def test_a_cut_checkpoint_and_code_in_one_are_refused(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ClapError, match="damaged"):
        read_laion(path)
    torch.save({"a": pytest.skip}, path)
    with pytest.raises(ClapError, match="more than weights"):
        read_laion(path)


def test_nothing_there_is_one_sentence(tmp_path):
    from lookhear.perception.encoders.clap import ClapEncoder

    with pytest.raises(ClapError, match="There is no CLAP at"):
        ClapEncoder.load(str(tmp_path))
