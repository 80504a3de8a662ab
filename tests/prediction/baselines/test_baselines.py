from __future__ import annotations

import h3
import numpy as np
import pytest
import torch

from lookhear.data import cells
from lookhear.data.geo import GeoPoint
from lookhear.prediction.baselines import BASELINES, load_baseline
from lookhear.prediction.density import UNIFORM_LOG_DENSITY, GeoDensity
from lookhear.prediction.training.features import FeatureSet

EVERYDAY = {"regression_haversine"}
ALL = [name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.slow) for name in BASELINES]
MASSES = [
    pytest.param(name, marks=pytest.mark.slow if "kernel" in name or name not in EVERYDAY else ())
    for name in BASELINES
    if name != "plonk_field"
]
WITHOUT = [one for one in ALL if "retrieval" not in str(one)]
DENSITIES = [one for one in ALL if "plonk" not in str(one)]


def query(validation, row=1):
    return {"sound": validation.condition["sound"][row : row + 1]}


def nll(head, validation, rows=slice(None)):
    return -float(head.log_density(validation.take(torch.arange(len(validation))[rows])).mean())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.slow
def test_a_feature_that_tells_the_place_is_learnt(name, toy, trained):
    least = 0.4 if name in ("regression_euclidean", "kernel_density", "h3_2") else 0.8
    judged = toy[0] if name == "h3_2" else toy[1]  # its 5,882 cells are too many for 160 clips to say more
    assert nll(trained(name), judged) < -UNIFORM_LOG_DENSITY - least


@pytest.mark.parametrize("name", MASSES)
@pytest.mark.parametrize("heard", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_mass_on_the_sphere_is_1(name, heard, toy, trained, spread):
    head = trained(name)
    density = head.density(query(toy[1]) if heard else {})
    assert isinstance(density, GeoDensity)
    units, areas_sr = spread
    if name == "s2_cells":
        units, areas_sr = cells.centers(head.tree.leaves), cells.areas_sr(head.tree.leaves)
    elif name.startswith("h3"):
        names = [h3.int_to_str(int(cell)) for cell in head.tables[-1].ids]
        units = np.array([GeoPoint(*h3.cell_to_latlng(cell)).unit for cell in names])
        areas_sr = np.array([h3.cell_area(cell, "rads^2") for cell in names])
    assert (np.exp(density.log_density(units)) * areas_sr).sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", DENSITIES)
def test_the_map_the_density_and_the_rows_agree(name, toy, trained):
    head, validation = trained(name), toy[1]
    one = validation.take(torch.tensor([1]))
    density = head.density(query(validation))
    found = density.log_density(one.y.double().numpy())
    assert found == pytest.approx(head.log_density(one).numpy(), abs=2e-3)
    shown = density.on_cells()
    drawn = shown.sample(2000, seed=0)
    ratio = np.exp(density.log_density(drawn) - shown.log_density(drawn))
    assert np.median(np.abs(ratio - 1)) < 0.1


@pytest.mark.parametrize("name", ALL)
def test_what_was_saved_comes_back(name, toy, trained, tmp_path):
    head = trained(name)
    head.save(tmp_path)
    again = load_baseline(tmp_path)
    assert again.settings == head.settings
    batch = toy[1].take(torch.arange(10))
    assert torch.equal(again.log_density(batch), head.log_density(batch))
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        load_baseline(tmp_path)


@pytest.mark.parametrize("name", WITHOUT)
def test_each_works_without_any_feature(name, toy, make_head):
    training, validation = (FeatureSet.from_arrays(some.y.numpy()) for some in toy)
    head = make_head(name, training, validation)
    head(training.take(torch.arange(20)), torch.Generator().manual_seed(0)).backward()
    one, other = (
        head.log_density(validation.take(torch.tensor([0]))),
        head.density({}).log_density(validation.y[:1].double().numpy()),
    )
    assert other == pytest.approx(one.numpy(), abs=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_all_that_is_drawn_comes_from_the_generator(name, toy, make_head):
    head, batch = make_head(name, *toy), toy[0].take(torch.arange(30))
    first, again = (head(batch, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("name", ["vmf_mixture", "kernel_regression", "plonk_field"])
def test_a_wrong_condition_is_refused(name, toy, make_head):
    head = make_head(name, *toy)
    with pytest.raises(ValueError, match="smell"):
        head.density({"smell": torch.zeros(1, 6)})
    with pytest.raises(ValueError, match="one query"):
        head.density({"sound": torch.zeros(2, 6)})
    with pytest.raises(ValueError, match="leave the part out"):
        head.density({"sound": torch.full((1, 6), torch.nan)})


@pytest.mark.slow
def test_the_trainer_takes_a_baseline(toy, make_head, tmp_path):
    from lookhear.prediction.training.config import TrainConfig
    from lookhear.prediction.training.trainer import train

    head = make_head("s2_cells", *toy)
    config = TrainConfig(steps=20, batch=64, lr=0.02, warmup_steps=1, validate_every=10, drop_part=0.2, device="cpu")
    progress = train(head, *toy, config, tmp_path, quiet=True)
    assert progress.best_step == 20
    assert nll(head, toy[1]) == pytest.approx(progress.best_nll, abs=1e-5)
