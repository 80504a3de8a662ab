"""`lookhear fetch clip` from a hub on this machine, and a picture that is looked at with what came."""

import functools
import hashlib
import http.server
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_clip import write_folder
from torch import nn

from lookhear.data.model_file import FromHub
from lookhear.data.models import MODELS, state
from lookhear.perception import geoclip_image
from lookhear.perception.geoclip_image import ImageEncoder, clip_path
from lookhear.scripts.fetch import FetchConfig, fetch


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A tiny CLIP where the hub has the real one, and its pins in place of the real ones."""
    import huggingface_hub
    from huggingface_hub import constants

    clip = MODELS["clip"]
    assert isinstance(clip.files[0].source, FromHub)
    folder = write_folder(tmp_path / f"hub/{clip.files[0].source.repo}/resolve/{clip.files[0].source.revision}")
    contents = {file.name: (folder / file.name).read_bytes() for file in clip.files}
    pinned = [
        replace(file, size_bytes=len(contents[file.name]), sha256=hashlib.sha256(contents[file.name]).hexdigest())
        for file in clip.files
    ]
    monkeypatch.setitem(MODELS, "clip", replace(clip, files=tuple(pinned)))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "hub"))
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    here = functools.partial(huggingface_hub.hf_hub_url, endpoint=f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", here)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOOKHEAR_CLIP", raising=False)
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_fetched_looks_at_pictures(hub, monkeypatch, capsys):
    mlp = nn.Sequential(nn.Linear(768, 768), nn.ReLU(), nn.Linear(768, 512)).requires_grad_(False)
    monkeypatch.setattr(geoclip_image, "load_mlp", lambda: mlp)
    assert fetch(FetchConfig(("clip",), quiet=True)) == 0
    said = capsys.readouterr().out
    assert "CLIP ViT-L/14: by OpenAI; licence MIT: https://" in said
    assert "MB from openai/clip-vit-large-patch14 @ 32bd642: sees what a picture shows" in said
    encoder, squares = ImageEncoder.load(), [np.full((28, 28, 3), 99, np.uint8)]
    assert encoder.source == clip_path() != hub
    torch.testing.assert_close(encoder.embed(squares), ImageEncoder.load(hub).embed(squares))
    assert torch.equal(encoder.embed_texts(["rain"]), ImageEncoder.load(hub).embed_texts(["rain"]))


def test_other_weights_than_the_pinned_ones_are_dropped(hub, capsys):
    weights = bytearray((hub / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (hub / "model.safetensors").write_bytes(weights)
    assert fetch(FetchConfig(("clip",), quiet=True)) == 1
    assert "SHA-256" in capsys.readouterr().err and state(MODELS["clip"]) == "missing"
