from __future__ import annotations

import numpy as np
import pytest
import torch

from lookhear.data.audioset.labels import classes
from lookhear.perception.atoms.atoms import Atom
from lookhear.perception.atoms.families import CERTAIN, FAMILIES, findings
from lookhear.perception.atoms.page import Window, listening_page
from lookhear.perception.atoms.placed import ABROAD, COUNTRIES, HOMES, by_class, by_kind, places_of
from lookhear.perception.atoms.shipped import shipped_dictionary
from lookhear.perception.atoms.synthetic import SYNTHETIC
from lookhear.perception.encoders.birdnet_encoder import BirdNetEncoder


def atom(label: str, start_s: float, chance: float) -> Atom:
    return Atom(label, 0, start_s, start_s + 2.0, 0.5, chance)


def test_only_what_is_sure_and_has_a_family_is_told():
    atoms = [atom("Bus", 0, 0.9997), atom("Truck", 1, 0.9999), atom("Bus", 6, 0.9996), atom("Thunder", 0, 0.9994)]
    found = findings([*atoms, atom("Bird", 0, 0.9996), atom("Church bell", 3, 0.9996)])
    assert [(one.family, one.label) for one in found] == [("road vehicle", "Truck"), ("bell", "Church bell")]
    assert [(m.start_s, m.end_s, m.score) for m in found[0].moments] == [(0.0, 3.0, 0.9999), (6.0, 8.0, 0.9996)]
    assert found[0].confidence == CERTAIN and findings([]) == []


def test_families_are_made_of_classes_and_share_none():
    labels = [label for its in FAMILIES.values() for label in its]
    assert len(set(labels)) == len(labels)
    assert set(labels) <= {one.name for one in classes()} | set(SYNTHETIC)


def test_countries_follow_the_table_and_the_kinds():
    names = ("Steelpan", "Two-tone siren", "Wailing siren", "no such class")
    table = dict(zip(COUNTRIES, by_class(names), strict=True))
    assert table["DE"][1] > 5 * table["US"][1] and table["US"][2] > 5 * table["DE"][2]
    assert {row[3] for row in table.values()} == {1.0}
    homes = by_kind(5, seed=3)
    assert ((homes == 1).sum(0) == HOMES).all() and ((homes == ABROAD).sum(0) == 12 - HOMES).all()
    heard = torch.tensor([[False, True, False, False], [False, False, False, True]])
    found = places_of(heard, names, torch.tensor([[4, -1], [0, 2]]), seed=3).numpy()
    expected = np.stack([by_class(names)[:, 1] * homes[:, 4], homes[:, 0] * homes[:, 2]])
    assert found == pytest.approx(expected / expected.sum(1, keepdims=True), abs=1e-6)


def test_the_page_needs_nothing_else_and_says_what_is_right(small_sae):
    sae = small_sae()
    with torch.no_grad():
        sae.nothing.fill_(-1.0)
    maps = sae.dictionary.detach()[[0, 4], :, None].clone()
    wave = (0.1 * np.sin(np.arange(24_000) / 9)).astype(np.float32)
    page = listening_page(sae, maps, [Window(wave, ("class 0",), "unseen"), Window(wave, ("<other>",), "unseen")])
    assert page.count('class="window right"') == 1 and 'class="window wrong"' in page and "&lt;other&gt;" in page
    assert "data:audio/ogg;base64," in page and "http" not in page.replace("http-equiv", "")


def test_what_ships_is_whole_and_hears_with_birdnet():
    found = shipped_dictionary()
    if found is None:
        pytest.skip("this package ships no dictionary")
    features, times = BirdNetEncoder.map_shape
    assert found.encoder == "birdnet" and found.sae.config.features == features
    assert (found.sae.decompose(torch.zeros(1, features, times)).classes == -1).all()


@pytest.mark.models
def test_what_ships_was_trained_with_this_birdnet():
    assert shipped_dictionary().fingerprint == BirdNetEncoder().fingerprint()
