from __future__ import annotations

import pytest
import torch

from lookhear.perception.atoms.geotuning import GeotuningConfig, codes, geotune, train_head
from lookhear.perception.atoms.start import start_at_sounds

SHORT = GeotuningConfig(steps=15, head_steps=150, batch=32, lr=1e-3, atoms=2)


def trained(small_sae, examples):
    sae = small_sae()
    start_at_sounds(sae, examples)
    return sae.requires_grad_(False)


def test_codes_are_chances_of_kernels_of_the_classes_that_were_taken(known_world, small_sae):
    _, examples = known_world(50)
    sae, maps = trained(small_sae, examples), examples.maps.float()
    found, taken = codes(sae, maps, 2), sae.decompose(maps, 2, stops=False)
    by_class = found.unflatten(1, (6, 2)).sum(2)
    assert ((by_class > 0).sum(1) == 2).all()
    assert torch.allclose(by_class.gather(1, taken.classes), taken.chances, atol=1e-6)
    assert (found.gather(1, taken.kernels) >= by_class.gather(1, taken.classes) / 2).all()


@pytest.mark.slow
def test_tuning_learns_the_places_and_leaves_the_given_dictionary_alone(known_world, small_sae):
    _, examples = known_world(400)
    sae = trained(small_sae, examples)
    before = sae.dictionary.clone()
    regions = (examples.truth(torch.arange(400))[:, 0].float().argmax(1) // 3).long()
    places = torch.nn.functional.one_hot(regions).float()
    for tuned, head in (
        (sae, train_head(sae, examples.maps, places, SHORT)),
        geotune(sae, examples.maps, places, examples, SHORT, quiet=True),
    ):
        right = (head(tuned, examples.maps.float()).argmax(1) == regions).double().mean()
        assert float(right) > 0.8
    assert torch.equal(sae.dictionary, before)


@pytest.mark.slow
def test_the_consistency_term_keeps_what_atoms_mean(known_world, small_sae):
    _, examples = known_world(400)
    sae = trained(small_sae, examples)
    places = torch.eye(4)[torch.randint(0, 4, (400,), generator=torch.Generator().manual_seed(0))]
    truth = examples.truth(torch.arange(400))[:, 0].float().argmax(1)

    def accuracy(weight: float) -> float:
        config = GeotuningConfig(steps=60, head_steps=150, batch=32, lr=5e-2, consistency=weight, atoms=2)
        tuned, _ = geotune(sae, examples.maps, places, examples, config, quiet=True)
        return float((tuned.decompose(examples.maps.float(), 1, stops=False).classes[:, 0] == truth).double().mean())

    assert accuracy(1.0) > accuracy(0.0) + 0.02 and accuracy(1.0) > 0.9
