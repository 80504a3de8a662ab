from __future__ import annotations

import pytest
import torch

from lookhear.perception.atoms.families import CERTAIN
from lookhear.perception.atoms.store import Dictionary
from lookhear.perception.encoders.birdnet_encoder import FEATURES, TIMES, OverheardMaps
from lookhear.perception.hearing import ATOM_DETECTOR, Hearing


class FakeMaps(OverheardMaps):
    def __init__(self, maps: torch.Tensor) -> None:
        self.maps = maps

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


def windows(hearing: Hearing, *kernels: int | None) -> FakeMaps:
    sae = hearing.dictionary.sae
    maps = torch.zeros(len(kernels), FEATURES, TIMES)
    for k, kernel in enumerate(kernels):
        if kernel is not None:
            maps[k] = sae.dictionary.detach()[kernel][:, None]
    return FakeMaps(maps)


def test_everyday_sounds_are_evidence_with_moments(hearing):
    found = hearing._everyday(windows(hearing, 2, 2, None, 3, 1), 9.0, set())
    assert {(one.label, one.name, one.kind, one.detector) for one in found} == {
        ("water", "Rain", "sound", ATOM_DETECTOR),
        ("train", "Train", "sound", ATOM_DETECTOR),
    }
    water = next(one for one in found if one.label == "water")
    assert [(m.start_s, m.end_s) for m in water.moments] == [(0.0, 4.5)] and water.confidence == CERTAIN
    assert all(one.where is None for one in found)


def test_silence_and_what_birdnet_told_already_give_nothing(hearing):
    assert hearing._everyday(windows(hearing, None, None), 4.5, set()) == []
    assert hearing._everyday(windows(hearing, 0), 3.0, {"dog barking"}) == []
    assert len(hearing._everyday(windows(hearing, 0), 3.0, set())) == 1
    loud = windows(hearing, 2)
    hearing.dictionary = None
    assert hearing._everyday(loud, 3.0, set()) == []
