"""Random weights of the paper's chain at a tiny size, in the files that the real ones come in."""

from types import SimpleNamespace

import numpy as np
import torch
from small_clip import write_folder
from small_world import Views
from tiny_llava import transformers, vision_llava
from torch import nn

CLASSES = ("Siren", "Bird", "Rain", "Speech")


class Places(Views):
    """A gallery in which every look is that of the same few cells."""

    sharpness = SimpleNamespace(nothing=0.1)

    def where(self, feature):
        return super().where(np.array([0.6, 0.1, 0.79]))


def random_mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(768, 768), nn.ReLU(), nn.Linear(768, 512)).eval().requires_grad_(False)


def write_clap(folder):
    from transformers import ClapAudioConfig, ClapAudioModelWithProjection

    torch.manual_seed(0)
    config = ClapAudioConfig(patch_embeds_hidden_size=16, hidden_size=128, depths=[1, 1, 1, 1], projection_dim=32)
    ClapAudioModelWithProjection(config).save_pretrained(folder)
    return str(folder)


def write_atoms(folder, features):
    from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
    from lookhear.perception.atoms.store import Dictionary

    torch.manual_seed(0)
    Dictionary(IcSae(IcSaeConfig(CLASSES, features, kernels=8)).eval(), "clap", "random", {}).save(folder)
    return folder


def write_flow(folder, size):
    from lookhear.prediction.flow import UniformBase, VelocityNet, save_flow
    from lookhear.prediction.training.bases import save_base
    from lookhear.prediction.training.flow_head import flow_config

    torch.manual_seed(0)
    folder.mkdir()
    save_flow(VelocityNet(flow_config({"psi": size}, hidden=8, layers=2, fourier=2)), folder)
    save_base(folder, "uniform", UniformBase())
    return folder


def write_weights(folder, monkeypatch):
    """Every part in a folder of its own; GeoCLIP's wheel is not needed."""
    transformers()
    from lookhear.perception import gallery, geoclip_image

    monkeypatch.setattr(geoclip_image, "load_mlp", random_mlp)
    monkeypatch.setattr(gallery.Gallery, "of_geoclip", classmethod(lambda cls, *_: Places()))
    vision_llava(folder / "llava")
    write_atoms(folder / "atoms", features=32)
    write_flow(folder / "flow", size=32)
    write_clap(folder / "clap")
    write_folder(folder / "clip")


def cut_replies(monkeypatch, longest=6):
    """Random weights write until they are stopped; a few tokens are enough."""
    from lookhear.reasoning.mllm.reasoner import Reasoner

    write = Reasoner._write
    monkeypatch.setattr(Reasoner, "_write", lambda one, prompts, images, _: write(one, prompts, images, longest))
