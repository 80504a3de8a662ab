from __future__ import annotations

import numpy as np
import pytest
import torch

from lookhear.perception.atoms.atoms import atoms_of
from lookhear.perception.atoms.blocks import Blocks, by_class
from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
from lookhear.perception.atoms.measure import accuracy
from lookhear.perception.atoms.store import Dictionary, DictionaryError
from lookhear.perception.encoders.placeholder import PlaceholderEncoder


def test_the_papers_blocks():
    blocks = Blocks(527, 4096)
    assert blocks.sizes()[:407].unique().tolist() == [8] and blocks.sizes()[407:].unique().tolist() == [7]
    assert blocks.owners().bincount().tolist() == blocks.sizes().tolist()
    slots = blocks.slots()
    assert slots[0].tolist() == list(range(8)) and slots[-1].tolist() == [*range(4089, 4096), 4096]
    values = torch.randn(2, 4096, dtype=torch.float64)
    slow = torch.stack([torch.logsumexp(values[:, blocks.owners() == c], 1) for c in range(527)], 1)
    assert torch.allclose(by_class(values, slots), slow)
    with pytest.raises(ValueError, match="3 kernels cannot be shared by 4 classes"):
        Blocks(4, 3)


def by_hand(weights, owners, x, steps):
    """Algorithm 1, line by line, with each class taken once."""
    residual, found = x.copy(), []
    for _ in range(steps):
        scores = weights @ residual
        scores[np.isin(owners, [owners[j] for j, _ in found])] = -np.inf
        best = int(scores.argmax())
        z = max(float(weights[best] @ residual), 0.0)
        found.append((best, z))
        residual = residual - z * weights[best]
    return found, residual


def test_one_position_is_algorithm_1_to_the_letter(small_sae):
    sae = small_sae().double()
    x = torch.randn(20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = sae.decompose(x[:, :, None], 4, stops=False)
    for k in range(20):
        steps, left = by_hand(sae.dictionary.detach().numpy(), sae.owners.numpy(), x[k].numpy(), 4)
        assert found.kernels[k].tolist() == [j for j, _ in steps]
        assert found.activations[k, :, 0].numpy() == pytest.approx([z for _, z in steps])
        assert float(found.energy_left[k, -1]) == pytest.approx(float((left**2).sum() / (x[k] ** 2).sum()))


def test_it_stops_at_silence_at_nothing_and_when_all_is_told(small_sae):
    sae = small_sae()
    pure = sae.dictionary.detach()[:3, :, None].clone()
    with torch.no_grad():
        sae.nothing.fill_(0.3)
    assert (sae.decompose(torch.zeros(2, 24, 1)).classes == -1).all()
    assert (sae.decompose(1e-3 * pure).classes == -1).all()
    assert (sae.decompose(torch.full((1, 24, 1), torch.nan)).classes == -1).all()
    found = sae.decompose(5 * pure, 4, least_energy=0.01)
    assert found.kernels[:, 0].tolist() == [0, 1, 2] and (found.classes[:, 1:] == -1).all()


def test_windows_do_not_change_with_their_batch(small_sae):
    sae = small_sae(pre_map="learnt", hidden=8, size=8).eval()
    maps = torch.rand(5, 24, 4, generator=torch.Generator().manual_seed(0))
    whole, alone = sae.decompose(maps), sae.decompose(maps[3:4])
    assert torch.equal(whole.kernels[3:4], alone.kernels)
    assert torch.allclose(whole.activations[3:4], alone.activations, atol=1e-6)


def test_atoms_have_the_times_at_which_their_kernel_sounds(small_sae):
    sae = small_sae()
    maps = torch.zeros(3, 24, 6)
    maps[1, :, 2:4] = 4 * sae.dictionary.detach()[5, :, None]
    atoms = atoms_of(sae, maps, hop_s=1.5, window_s=3.0, duration_s=3.2, least_energy=0.1)
    assert [(a.label, a.kernel, a.start_s, a.end_s) for a in atoms] == [("class 2", 5, 2.5, 3.2)]
    assert str(atoms[0]).startswith("class 2 1.33 at 2.5–3.2 s") and atoms[0].to_json()["kernel"] == 5


def test_accuracy_in_order_and_as_a_set():
    truth = torch.zeros(3, 2, 4, dtype=torch.bool)
    truth[:, 0, 1] = truth[:, 1, 2] = truth[2, 1, 3] = True
    found = accuracy(torch.tensor([[1, 2], [2, 1], [1, 3]]), truth)
    assert (found.ordered, found.found, found.by_step) == (pytest.approx(4 / 6), 1.0, (pytest.approx(2 / 3),) * 2)
    none = accuracy(torch.full((3, 2), -1), truth)
    assert (none.ordered, none.found, none.mixtures) == (0.0, 0.0, 3)


def test_a_dictionary_survives_the_disk(small_sae, tmp_path):
    sae = small_sae(pre_map="learnt", hidden=8, size=8).eval()
    Dictionary(sae, "placeholder", "abc", {"note": 1}).save(tmp_path)
    again = Dictionary.load(tmp_path)
    maps = torch.rand(4, 24, 3)
    assert torch.equal(again.sae.decompose(maps).kernels, sae.decompose(maps).kernels)
    assert (again.encoder, again.fingerprint, again.about) == ("placeholder", "abc", {"note": 1})


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        ("model.safetensors", lambda data: data[:-30], "damaged"),
        ("model.safetensors", lambda data: b"", "damaged"),
        ("config.json", lambda data: data[:40], "damaged"),
        ("config.json", lambda data: data.replace(b'"features": 24', b'"features": 25'), "damaged"),
        ("config.json", lambda data: data.replace(b'"schema": 1', b'"schema": 9'), "version 9"),
    ],
)
def test_a_damaged_dictionary_is_refused(small_sae, tmp_path, name, harm, said):
    Dictionary(small_sae(), "placeholder", "abc", {}).save(tmp_path)
    path = tmp_path / name
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(DictionaryError, match=said):
        Dictionary.load(tmp_path)
    path.unlink()
    with pytest.raises(DictionaryError, match="There is no"):
        Dictionary.load(tmp_path)


def test_another_encoder_is_refused(small_sae):
    dictionary = Dictionary(small_sae(), "placeholder", PlaceholderEncoder().fingerprint(), {})
    dictionary.refuse_other(PlaceholderEncoder())
    with pytest.raises(DictionaryError, match="use the same weights, or train it again"):
        dictionary.refuse_other(PlaceholderEncoder(times=8))


def test_a_dictionary_needs_kernels_for_its_classes():
    with pytest.raises(ValueError, match="cannot be shared"):
        IcSae(IcSaeConfig(("a", "b"), 4, 1))
    with pytest.raises(ValueError, match="must be above 0"):
        IcSaeConfig(("a",), 0, 1)
