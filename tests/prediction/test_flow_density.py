import math

import numpy as np
import pytest
import torch

from lookhear.data import cells
from lookhear.data.geo import GeoPoint
from lookhear.prediction import cell_map
from lookhear.prediction.density import UNIFORM_LOG_DENSITY, CellDensity, GeoDensity
from lookhear.prediction.field import NetField
from lookhear.prediction.flow import Base, FlowConfig, UniformBase, VelocityNet
from lookhear.prediction.flow_density import CellBase, FlowDensity, KernelBase, log_density
from lookhear.prediction.solver import SolverConfig
from lookhear.prediction.sphere import normalize, random_uniform, vmf_log_density

GENERATOR = torch.Generator().manual_seed(0)
PLACES = [GeoPoint(48.0, 2.0), GeoPoint(-89.9, 0.0), GeoPoint(10.0, -179.99)]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def kernels(kappa: float = 400.0, even: float = 0.1) -> KernelBase:
    means = torch.tensor(np.array([place.unit for place in PLACES]), dtype=torch.float32)
    return KernelBase(means, torch.full((3,), kappa), even)


def two_places() -> CellDensity:
    """A fifth everywhere, the rest in two cells of level 5 that also cross the date line and a pole."""
    ids = cells.all_cells(5)
    wanted = cells.cell_ids(np.array([PLACES[1].unit, PLACES[2].unit]), 5)
    mass = 0.2 * cells.areas_sr(ids) / (4 * np.pi)
    mass[np.searchsorted(ids, wanted)] += 0.4
    return CellDensity(ids, mass)


BASES = {"uniform": UniformBase, "kernels": kernels, "cells": lambda: CellBase([two_places()])}


def shaken(sizes: dict[str, int], strength: float = 0.1) -> VelocityNet:
    torch.manual_seed(3)
    net = VelocityNet(FlowConfig(sizes, hidden=16)).eval()
    torch.nn.init.normal_(net.leave.weight, std=strength)
    torch.nn.init.normal_(net.enter.weight, std=0.5)
    return net


@pytest.mark.parametrize("name", BASES)
def test_bases_have_mass_one_and_their_samples_agree(name):
    base = BASES[name]()
    assert isinstance(base, Base)
    ids = cells.all_cells(6)
    rows = torch.zeros(len(ids), dtype=torch.long)
    density = base.log_density(torch.from_numpy(cells.centers(ids)), rows).exp().numpy()
    mass = density * cells.areas_sr(ids)
    assert abs(mass.sum() - 1) < 2e-3
    drawn, few = (base.sample(rows[:count], torch.Generator().manual_seed(0)) for count in (10000, 100))
    assert torch.equal(few, base.sample(rows[:100], torch.Generator().manual_seed(0)))
    assert torch.allclose(drawn.norm(dim=-1), torch.ones(10000), atol=1e-5)
    coarse = np.unique(cells.parents(ids, 2), return_inverse=True)[1]
    expected = np.bincount(coarse, mass)
    owner = np.searchsorted(cells.all_cells(2), cells.cell_ids(drawn.double().numpy(), 2))
    counts = np.bincount(owner, minlength=96)
    chi = float(np.sum((counts - 10000 * expected) ** 2 / (10000 * expected)))
    assert chi < 95 + 4 * math.sqrt(2 * 95)


def test_queries_start_from_their_own_density():
    north, south = (CellDensity.of(ids := cells.all_cells(3), s * 4 * cells.centers(ids)[:, 2]) for s in (1, -1))
    base = CellBase([north, south])
    rows = torch.tensor([0, 1] * 500)
    drawn = base.sample(rows, torch.Generator().manual_seed(1))
    assert float(drawn[::2, 2].mean()) > 0.5 and float(drawn[1::2, 2].mean()) < -0.5
    pole = torch.tensor([[0.0, 0, 1]]).expand(2, 3)
    values = base.log_density(pole, torch.tensor([0, 1]))
    assert abs(float(values[0] - values[1]) - 8 * 0.99) < 0.3


def test_impossible_bases_are_refused():
    with pytest.raises(ValueError, match="needs places"):
        KernelBase(torch.zeros(0, 3), torch.zeros(0))
    with pytest.raises(ValueError, match="even part"):
        kernels(even=0.0)
    mass = np.zeros(6)
    mass[0] = 1.0
    with pytest.raises(ValueError, match="cells without any mass"):
        CellBase([CellDensity(cells.all_cells(0), mass)])


def test_one_place_only_is_a_fine_base():
    base = KernelBase(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([1e4]))
    at = base.log_density(torch.tensor([[0.0, 0, 1], [0, 0, -1]]), torch.zeros(2, dtype=torch.long))
    assert abs(float(at[0]) - math.log(0.95 * 1e4 / (2 * math.pi))) < 1e-3
    assert abs(float(at[1]) - math.log(0.05) - UNIFORM_LOG_DENSITY) < 1e-4


@pytest.mark.parametrize("name", BASES)
def test_a_flow_that_does_nothing_is_its_base(name):
    base = BASES[name]()
    density: GeoDensity = FlowDensity(VelocityNet(FlowConfig(hidden=8)), {}, base)
    units = random_uniform(300, torch.Generator().manual_seed(2)).double().numpy()
    expected = base.log_density(torch.from_numpy(units), torch.zeros(300, dtype=torch.long)).numpy()
    assert np.mean(np.abs(density.log_density(units) - expected) < 1e-4) > 0.99  # a cell's border may be crossed


@pytest.mark.slow
def test_the_map_is_fine_where_the_mass_is(monkeypatch):
    monkeypatch.setattr(cell_map, "MAP_SAMPLES", 600)
    density = FlowDensity(VelocityNet(FlowConfig(hidden=8)), {}, kernels(40000.0))
    cover = density.on_cells()
    assert abs(density.mass - 1) < 0.03
    near = cells.find(cover.ids, cells.cell_ids(np.array([place.unit for place in PLACES]), cells.MAX_LEVEL))
    assert cells.levels(cover.ids[near]).min() >= 7 and cells.levels(cover.ids).min() == 3
    found = cover.candidates(3)
    assert all(min(one.point.distance_km(place) for place in PLACES) < 15 for one in found)
    assert all(abs(one.probability - 0.3) < 0.03 for one in found) and len(found) == 3
    assert cover.region(0.5).area_km2 < 1e5


@pytest.mark.slow
def test_map_samples_and_likelihood_tell_the_same_story(monkeypatch):
    monkeypatch.setattr(cell_map, "MAP_SAMPLES", 600)
    density = FlowDensity(shaken({"x": 2}), {"x": torch.ones(1, 2)}, kernels(20.0))
    cover, drawn = density.on_cells(), density.sample(3000, seed=5)
    assert np.array_equal(density.sample(9, seed=5), density.sample(9, seed=5))
    assert not np.array_equal(density.sample(9, seed=5), density.sample(9, seed=6))
    inside = [
        np.mean(cells.find(region.ids, cells.cell_ids(drawn, 30)) >= 0) for region in map(cover.region, (0.5, 0.9))
    ]
    assert abs(inside[0] - 0.5) < 0.04 and abs(inside[1] - 0.9) < 0.03
    values = density.log_density(drawn)
    assert abs(-values.mean() - cover.entropy) < 0.06 and values.std() > 0.3


def test_rows_of_a_batch_are_what_single_queries_say():
    net, parts = shaken({"x": 2}), torch.randn(3, 2)
    y, queries = random_uniform(6), torch.tensor([0, 1, 2, 0, 1, 2])
    field = NetField(net, net.embed({"x": parts}).detach(), queries)
    batch = log_density(field, y, UniformBase(), queries)
    single = FlowDensity(net, {"x": parts[1:2]}).log_density(y[1::3].double().numpy())
    assert np.allclose(batch[1::3].numpy(), single, atol=1e-4)


@pytest.mark.slow
def test_guidance_is_another_density_with_mass_one():
    net, ids = shaken({"x": 2}), cells.all_cells(4)
    plain, guided = (FlowDensity(net, {"x": torch.full((1, 2), 20.0)}, guidance=w) for w in (1.0, 3.0))
    values = guided.log_density(cells.centers(ids))
    assert abs(float(np.sum(np.exp(values) * cells.areas_sr(ids))) - 1) < 1e-3
    assert np.abs(values - plain.log_density(cells.centers(ids))).max() > 0.1


def test_poles_and_the_date_line_are_no_special_places():
    density = FlowDensity(shaken({}), {}, solver=SolverConfig(steps=24))
    pairs = [(GeoPoint(90, 0), GeoPoint(89.9999, 77)), (GeoPoint(5, 180), GeoPoint(5, 179.9999))]
    for a, b in [*pairs, (GeoPoint(-90, 0), GeoPoint(-89.9999, -120))]:
        values = density.log_density(np.array([a.unit, b.unit]))
        assert np.isfinite(values).all() and abs(values[0] - values[1]) < 1e-3


def test_bad_input_is_refused_in_a_sentence():
    net = shaken({"x": 2})
    with pytest.raises(ValueError, match="finite coordinates"):
        FlowDensity(net, {"x": torch.ones(1, 2)}).log_density(np.array([[np.nan, 0, 1]]))
    with pytest.raises(ValueError, match="NaN or infinite"):
        FlowDensity(net, {"x": torch.tensor([[1.0, float("inf")]])})
    with pytest.raises(ValueError, match="one query"):
        FlowDensity(net, {"x": torch.ones(2, 2)})
    with pytest.raises(ValueError, match=r"\[batch, 2\]"):
        FlowDensity(net, {"x": torch.ones(1, 3)})


def test_kernels_600_m_wide_are_exact_by_one_product():
    means, kappas = random_uniform(50, GENERATOR).double(), torch.logspace(0, 8, 50, dtype=torch.float64)
    y = normalize(means[:, None] + torch.randn(50, 4, 3, generator=GENERATOR).double() / kappas.sqrt()[:, None, None])
    found = KernelBase(means, kappas)._log_kernels(y.flatten(0, 1))
    assert torch.allclose(found, vmf_log_density(y.flatten(0, 1)[:, None], means, kappas), rtol=1e-12, atol=1e-6)
