"""The paper's chain end to end, on random weights in the files that the real ones come in."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_clip import write_folder
from small_world import Views
from tiny_llava import transformers, vision_llava
from torch import nn

from lookhear.perception.atoms.atoms import Atom
from lookhear.prediction.paper import PaperChain, PaperWeights, atom_evidence

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

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


@pytest.fixture
def weights(tmp_path, monkeypatch):
    transformers()
    from lookhear.perception import gallery, geoclip_image
    from lookhear.reasoning.mllm.backend import BackendConfig

    monkeypatch.setattr(geoclip_image, "load_mlp", random_mlp)
    monkeypatch.setattr(gallery.Gallery, "of_geoclip", classmethod(lambda cls, *_: Places()))
    vision_llava(tmp_path / "llava")
    return PaperWeights(
        atoms=write_atoms(tmp_path / "atoms", features=32),
        flow=write_flow(tmp_path / "flow", size=32),
        clap=write_clap(tmp_path / "clap"),
        clip=write_folder(tmp_path / "clip"),
        llava=BackendConfig(str(tmp_path / "llava"), frames=2),
    )


@pytest.mark.slow
def test_a_clip_goes_through_the_whole_chain(weights, tmp_path, media, monkeypatch):
    from lookhear.reasoning.mllm import reasoner

    monkeypatch.setattr(reasoner.Reasoner, "longest", 6)
    sound = media.tone(1.0)
    clip = media.write_video(tmp_path / "clip.mp4", [0.0, 0.5], [40, 200], sound=sound)
    chain = PaperChain.load(weights)
    result, again = chain.locate(clip), chain.locate(clip)
    assert {one.kind for one in result.evidence} == {"sound", "sight"}
    assert all(one.name in CLASSES for one in result.evidence if one.kind == "sound")
    assert result.density.mass.sum() == pytest.approx(1.0) and result.best == again.best
    assert "could not be read" in result.notes[-1] and result.trace.made_by.startswith("rules")
    assert result.save(tmp_path / "out", ["html", "json", "geojson"])


@pytest.mark.slow
def test_parts_that_do_not_belong_together_are_refused(weights, tmp_path):
    from dataclasses import replace

    with pytest.raises(ValueError, match="hears 7 features, but clap gives"):
        PaperChain.load(replace(weights, atoms=write_atoms(tmp_path / "other", features=7)))


def test_atoms_of_one_label_are_one_finding():
    atoms = [
        Atom("Rain", 1, 5.0, 6.0, 0.2, 0.3),
        Atom("Siren", 0, 0.0, 2.0, 0.9, 0.8),
        Atom("Rain", 1, 0.0, 1.0, 0.4, 0.5),
    ]
    siren, rain = atom_evidence(atoms, "clap")
    assert (siren.label, siren.confidence) == ("Siren", 0.8)
    assert [moment.start_s for moment in rain.moments] == [0.0, 5.0] and rain.confidence == 0.5
