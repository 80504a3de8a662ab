from __future__ import annotations

import json

import pytest
import torch

from lookhear.data.training.checkpoint import EARLIER, checkpoints
from lookhear.perception.atoms.config import MartConfig
from lookhear.perception.atoms.mart import MartRun, train
from lookhear.perception.atoms.measure import measure
from lookhear.perception.atoms.revival import revival
from lookhear.perception.atoms.start import start_at_sounds

pytest.importorskip("accelerate")

SMALL = MartConfig(steps=20, batch=16, lr=0.02, warmup_steps=2, validate_every=5, checkpoint_every=5, device="cpu")


def counted(sae):
    return {"size": float(sae.dictionary.detach().double().sum())}


def curve(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.slow
def test_a_known_dictionary_is_recovered(known_world, small_sae, tmp_path):
    atoms, examples = known_world(4000)
    sae = small_sae()
    start_at_sounds(sae, examples)
    before = float((sae.dictionary.detach() @ atoms.T).amax(0).min())
    config = MartConfig(steps=200, batch=64, lr=0.02, reconstruction=1.0, reconstructed=1.0, device="cpu")
    train(sae, examples, config, tmp_path, counted, quiet=True)
    cosine = sae.dictionary.detach() @ atoms.T
    assert float(cosine.amax(0).min()) > max(0.98, before + 0.003)
    assert sae.owners[cosine.argmax(0)].tolist() == [k // 2 for k in range(12)]
    _, fresh = known_world(500, seed=9)
    truth, present = fresh.parts // 20, fresh.parts >= 0
    found = sae.decompose(fresh.maps[present[:, 2]].float(), 3, stops=False).classes
    assert float((found == truth[present[:, 2]]).double().mean()) > 0.95
    stopped = sae.decompose(fresh.maps.float(), 4).classes
    assert float(((stopped >= 0).sum(1) == present.sum(1)).double().mean()) > 0.8


@pytest.mark.parametrize("sphere", ["renormalise", "riemannian"])
@pytest.mark.parametrize("pre_map", ["none", "learnt"])
@pytest.mark.slow
def test_a_run_that_was_cut_goes_on_bit_for_bit(known_world, small_sae, tmp_path, monkeypatch, sphere, pre_map):
    if sphere == "riemannian":
        pytest.importorskip("geoopt")
    config = MartConfig(**{**SMALL.__dict__, "sphere": sphere, "checkpoint_every": 7})
    _, examples = known_world(100)
    shape = {"pre_map": pre_map, "hidden": 8, "size": 8}
    whole = small_sae(**shape)
    train(whole, examples, config, tmp_path / "whole", counted, quiet=True)
    take_step = MartRun.take_step

    def cut(self):
        if self.step == 12:
            raise KeyboardInterrupt
        take_step(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MartRun, "take_step", cut)
        train(small_sae(**shape), examples, config, tmp_path / "cut", counted, quiet=True)
    again = small_sae(**shape)
    train(again, examples, config, tmp_path / "cut", counted, quiet=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))
    assert curve(tmp_path / "whole") == curve(tmp_path / "cut") and len(curve(tmp_path / "cut")) == 4
    assert torch.allclose(again.dictionary.norm(dim=1), torch.ones(12))


@pytest.mark.slow
def test_a_cut_checkpoint_costs_the_steps_since_the_one_before(known_world, small_sae, tmp_path, capsys):
    _, examples = known_world(100)
    sae = small_sae()
    train(sae, examples, SMALL, tmp_path, counted, quiet=True)
    newest = checkpoints(tmp_path)[0]
    newest.write_bytes(newest.read_bytes()[:-50])
    again = small_sae()
    train(again, examples, SMALL, tmp_path, counted, quiet=True)
    assert "cut short" in capsys.readouterr().err
    assert torch.equal(sae.dictionary, again.dictionary)
    for path in checkpoints(tmp_path):
        path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"Every checkpoint in .* is damaged"):
        train(small_sae(), examples, SMALL, tmp_path, counted, quiet=True)


@pytest.mark.slow
def test_a_run_under_the_earlier_names_goes_on(known_world, small_sae, tmp_path):
    _, examples = known_world(100)
    whole = small_sae()
    train(whole, examples, SMALL, tmp_path, counted, quiet=True)
    for name, path in zip(EARLIER, checkpoints(tmp_path), strict=True):
        path.rename(tmp_path / name)
    (tmp_path / EARLIER[0]).unlink()
    again = small_sae()
    train(again, examples, SMALL, tmp_path, counted, quiet=True)
    assert torch.equal(whole.dictionary, again.dictionary)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000020.safetensors", EARLIER[1]]


def test_other_settings_are_refused_and_nothing_is_touched(known_world, small_sae, tmp_path):
    _, examples = known_world(100)
    train(small_sae(), examples, SMALL, tmp_path, counted, quiet=True)
    before = checkpoints(tmp_path)[0].read_bytes()
    with pytest.raises(ValueError, match=r"lr: 0.02 there, 0.5 now"):
        train(small_sae(), examples, MartConfig(**{**SMALL.__dict__, "lr": 0.5}), tmp_path, counted, quiet=True)
    assert checkpoints(tmp_path)[0].read_bytes() == before


def test_a_dead_kernel_is_pulled_to_what_its_class_leaves_over():
    dictionary = torch.nn.functional.normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    dictionary.requires_grad_(True)
    residual = torch.randn(3, 8, 2, generator=torch.Generator().manual_seed(1))
    serves = torch.zeros(3, 6, dtype=torch.bool)
    serves[1, [2, 3]] = True
    optimiser = torch.optim.SGD([dictionary], 0.2)
    costs = []
    for _ in range(60):
        optimiser.zero_grad()
        cost = revival(dictionary, residual, serves)
        cost.backward()
        assert dictionary.grad is not None and dictionary.grad[[0, 1, 4, 5]].abs().max() == 0
        optimiser.step()
        dictionary.data = torch.nn.functional.normalize(dictionary.data, dim=1)
        costs.append(float(cost.detach()))
    assert costs[-1] < costs[0] - 0.1
    assert float(revival(dictionary, residual, torch.zeros_like(serves)).detach()) == 0.0


def test_weights_that_are_no_numbers_are_never_kept(known_world, small_sae, tmp_path):
    _, examples = known_world(50)
    examples.maps[:] = torch.nan
    with pytest.raises(ValueError, match=r"no longer a number.*lower learning rate"):
        train(small_sae(), examples, SMALL, tmp_path, counted, quiet=True)
    assert not checkpoints(tmp_path)


@pytest.mark.slow
def test_tones_are_told_apart_from_sound_to_atoms(studio, small_sae, tmp_path):
    sae = small_sae(4, 16)
    training = studio(nothing=0.1).examples(range(300))
    train(sae, training, MartConfig(steps=200, batch=32, lr=0.02, device="cpu"), tmp_path / "run", counted, quiet=True)
    tests = studio(seed=4).examples(range(60), 2)
    score = measure(lambda maps, steps: sae.decompose(maps, steps, stops=False).classes, tests, 2)
    assert score.ordered > 0.75 and score.by_step[0] > 0.95 and score.mixtures == 60
