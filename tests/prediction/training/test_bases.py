from __future__ import annotations

import math

import pytest
import torch

from lookhear.prediction.flow import UniformBase
from lookhear.prediction.sphere import distance, random_uniform, random_vmf, vmf_log_density
from lookhear.prediction.training.bases import Kernel, PlaceKernels, kappa, load_base, neighbour_km, save_base

GENERATOR = torch.Generator().manual_seed(0)


def around(center, count, sigma_km):
    kappas = torch.full((count,), kappa(sigma_km))
    return random_vmf(center.expand(count, 3).contiguous(), kappas, GENERATOR)


def some_kernels(count: int = 5) -> PlaceKernels:
    kappas = torch.tensor([[kappa(64.0), kappa(512.0)]]) * (1 + torch.rand(count, 2, generator=GENERATOR))
    return PlaceKernels(random_uniform(count, GENERATOR), kappas, ("a", "b"), (0.5, 0.4))


def test_the_density_is_that_of_the_base_and_its_kernels():
    kernels, y = some_kernels(), random_uniform(6, GENERATOR).double()
    even = math.log(0.1 / (4 * math.pi))
    single = vmf_log_density(y[:, None, None], kernels.places[:, None].double(), kernels.kappas.double())
    slow = (single + torch.tensor([0.5, 0.4]).log() - math.log(5)).flatten(1).logsumexp(-1)
    found = kernels.log_density(y.float())
    assert torch.allclose(found, torch.logaddexp(slow, torch.tensor(even)), atol=1e-5)
    assert torch.allclose(found, kernels.base().log_density(y, torch.zeros(6, dtype=torch.long)), atol=1e-5)


def test_the_bandwidth_that_made_the_places_is_found():
    towns = random_uniform(40, GENERATOR)
    others = torch.cat([around(town[None], 30, 180.0) for town in towns])
    kernels = PlaceKernels.fit(towns, others)
    assert max(zip(kernels.shares, kernels.names, strict=True))[1] == "180 km"
    assert sum(kernels.shares) + kernels.even == pytest.approx(1)
    alone, same = Kernel.fit(towns, others), PlaceKernels.fit(towns, others, ratios=())
    assert alone.shares == pytest.approx(same.shares, rel=1e-6)
    assert [f"{sigma:g} km" for sigma in alone.sigma_km] == list(same.names)


@pytest.mark.slow
def test_neighbours_say_the_bandwidth_where_crowds_differ():
    def world() -> torch.Tensor:
        return torch.cat(
            [around(torch.tensor([[0.0, 0, 1]]), 60, 5.0), around(torch.tensor([[0.0, 0, -1]]), 60, 500.0)]
        )

    places, others, test = world(), world(), world()
    fixed = PlaceKernels.fit(places, others, (30.0, 128.0), ())
    going = PlaceKernels.fit(places, others, (1.0,))
    assert any("neighbour" in name for name in going.names)
    assert going.log_density(test).mean() > fixed.log_density(test).mean() + 0.5


def test_the_distance_to_the_fourth_neighbour_is_exact_when_near():
    north = torch.tensor([0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 90.0]).double().deg2rad()
    places = torch.stack([north.cos(), 0 * north, north.sin()], -1).float()
    assert neighbour_km(places)[:1].tolist() == pytest.approx([0.08 * 111.19], rel=1e-3)
    assert neighbour_km(places[:2]).tolist() == pytest.approx([1.1119, 1.1119], rel=1e-2)


def test_places_from_anywhere_make_the_even_part_large():
    kernels = PlaceKernels.fit(around(torch.tensor([[0.0, 0, 1]]), 50, 100.0), random_uniform(200, GENERATOR))
    assert kernels.even > 0.8


def test_copies_make_no_kernel_sharper_than_the_floor():
    place = torch.tensor([[0.0, 0, 1]]).expand(9, 3).contiguous()
    kernels = PlaceKernels.fit(place, place, (50.0, 100.0))
    assert float(kernels.kappas.max()) <= kappa(50.0) * 1.001 and torch.isfinite(kernels.log_density(place)).all()


def test_draws_around_places_follow_their_kernels():
    places = random_uniform(4000, GENERATOR)
    kappas = torch.tensor([[kappa(100.0), kappa(1000.0)]]).expand(4000, 2)
    kernels = PlaceKernels(places, kappas, ("a", "b"), (0.5, 0.3))
    rows = torch.arange(4000).flip(0)
    away = distance(places[rows], kernels.around(rows, torch.Generator().manual_seed(1))) * 6371
    assert abs(float((away > 5000).float().mean()) - 0.2 * 0.85) < 0.03
    assert abs(float((away < 300).float().mean()) - 0.5 - 0.3 * 0.04) < 0.03


def test_bases_come_back(tmp_path):
    base = some_kernels().base()
    save_base(tmp_path, "places", base)
    y, rows = random_uniform(6, GENERATOR), torch.zeros(6, dtype=torch.long)
    assert torch.equal(load_base(tmp_path).log_density(y, rows), base.log_density(y, rows))
    save_base(tmp_path / "even", "uniform", UniformBase())
    assert isinstance(load_base(tmp_path / "even"), UniformBase)


def test_a_base_that_is_not_there_or_damaged_is_said(tmp_path):
    save_base(tmp_path, "evidence", UniformBase())
    with pytest.raises(ValueError, match="each clip's evidence"):
        load_base(tmp_path)
    save_base(tmp_path, "places", some_kernels().base())
    (tmp_path / "base.safetensors").write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        load_base(tmp_path)
