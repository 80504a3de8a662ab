from __future__ import annotations

import pytest
import torch

from lookhear.data.clip import Clip
from lookhear.data.sound import SoundQuality
from lookhear.perception.atoms.atoms import atoms_of
from lookhear.perception.atoms.families import CERTAIN
from lookhear.perception.atoms.store import Dictionary
from lookhear.perception.encoders.birdnet_encoder import FEATURES, TIMES, OverheardMaps
from lookhear.perception.hearing import ATOM_DETECTOR, Hearing, everyday
from lookhear.perception.listen import Heard


class FakeMaps(OverheardMaps):
    def __init__(self, maps: torch.Tensor) -> None:
        self.maps = maps

    def __enter__(self) -> FakeMaps:
        return self

    def __exit__(self, kind, error, where) -> None:
        pass

    def stacked(self) -> torch.Tensor:
        return self.maps


@pytest.fixture
def hearing(monkeypatch):
    from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig

    torch.manual_seed(0)
    sae = IcSae(IcSaeConfig(("Bark", "Bird", "Rain", "Train"), FEATURES, 4, temperature=0.02)).eval()
    with torch.no_grad():
        sae.nothing.fill_(0.2)
    made = object.__new__(Hearing)
    made.dictionary = Dictionary(sae, "birdnet", "", {})
    return made


def windows(hearing: Hearing, *kernels: int | None) -> torch.Tensor:
    sae = hearing.dictionary.sae
    maps = torch.zeros(len(kernels), FEATURES, TIMES)
    for k, kernel in enumerate(kernels):
        if kernel is not None:
            maps[k] = sae.dictionary.detach()[kernel][:, None]
    return maps


def told(hearing: Hearing, *kernels: int | None, duration_s: float = 9.0, birdnet: set[str] | None = None):
    atoms = atoms_of(hearing.dictionary.sae, windows(hearing, *kernels), 1.5, 3.0, duration_s)
    return everyday(atoms, birdnet or set())


def test_everyday_sounds_are_evidence_with_moments(hearing):
    found = told(hearing, 2, 2, None, 3, 1)
    assert {(one.label, one.name, one.kind, one.detector) for one in found} == {
        ("water", "Rain", "sound", ATOM_DETECTOR),
        ("train", "Train", "sound", ATOM_DETECTOR),
    }
    water = next(one for one in found if one.label == "water")
    assert [(m.start_s, m.end_s) for m in water.moments] == [(0.0, 4.5)] and water.confidence == CERTAIN
    assert all(one.where is None for one in found)


def test_silence_and_what_birdnet_told_already_give_nothing(hearing):
    assert told(hearing, None, None) == []
    assert told(hearing, 0, birdnet={"dog barking"}) == []
    assert len(told(hearing, 0)) == 1


def test_a_clip_is_heard_once_for_its_findings_and_for_what_fired(hearing, monkeypatch):
    heard = Heard((), 0, 3, 0, SoundQuality(samples=1, duration_s=6.0, peak=0.5, rms=0.1))
    maps = windows(hearing, 2, None, 3)
    calls = []
    monkeypatch.setattr("lookhear.perception.hearing.listen", lambda clip, birdnet: calls.append("listen") or heard)
    monkeypatch.setattr("lookhear.perception.hearing.atoms_of", lambda *a: calls.append("atoms") or atoms_of(*a))
    monkeypatch.setattr("lookhear.perception.hearing.OverheardMaps", lambda birdnet: FakeMaps(maps))
    hearing.birdnet, hearing.pointing, hearing.ranges = None, Nothing(), None
    clip = object.__new__(Clip)
    found, known = hearing.evidence(clip)
    assert calls == ["listen", "atoms"]
    assert {one.label for one in found} == {"train", "water"} and [one.id for one in found] == ["e1", "e2"]
    assert (known.atoms > 0).tolist() == [False, False, True, True]
    assert hearing.evidence(clip)[1].quality is heard.quality and heard.atoms is None
    hearing.dictionary = None
    assert hearing.evidence(clip) == ((), heard)


class Nothing:
    def point(self, found, week):
        return found
