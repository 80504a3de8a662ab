"""The paper's chain end to end, on random weights in the files that the real ones come in."""

import pytest
from tiny_paper import CLASSES, cut_replies, write_atoms, write_weights

from lookhear.perception.atoms.atoms import Atom
from lookhear.prediction.paper import PaperChain, PaperWeights, atom_evidence

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    write_weights(tmp_path, monkeypatch)
    from lookhear.reasoning.mllm.backend import BackendConfig

    return PaperWeights(
        atoms=tmp_path / "atoms",
        flow=tmp_path / "flow",
        clap=str(tmp_path / "clap"),
        clip=tmp_path / "clip",
        llava=BackendConfig(str(tmp_path / "llava"), frames=2),
    )


@pytest.mark.slow
def test_a_clip_goes_through_the_whole_chain(weights, tmp_path, media, monkeypatch):
    cut_replies(monkeypatch)
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
