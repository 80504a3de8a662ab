import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from lookhear.prediction import sphere

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
"""torch's own forward mode warns of itself when first used."""

EARTH_KM = 6371.0088
KM = [1e-3, 0.1, 1.0, 90.0, 1000.0, 10000.0, 20000.0]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def oracle() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("geoopt").Sphere()


def pairs(km: float, count: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Float64 pairs a distance apart, the poles and the date line among them."""
    generator = torch.Generator().manual_seed(1)
    a = sphere.random_uniform(count, generator, dtype=torch.float64)
    a[:4] = torch.tensor([[0.0, 0, 1], [0, 0, -1], [-1, 0, 0], [1, 0, 0]], dtype=torch.float64)
    way = sphere.normalize(sphere.project(a, torch.randn(count, 3, generator=generator, dtype=torch.float64)))
    return a, sphere.exp(a, way * km / EARTH_KM)


def tangents(y: torch.Tensor, seed: int = 2) -> torch.Tensor:
    return sphere.project(y, torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=y.dtype))


@pytest.mark.parametrize("km", KM)
def test_distance_in_float32_is_right_to_the_last_metre(km):
    a, b = (points.float() for points in pairs(km))
    x, y = a.double(), b.double()
    truth = torch.atan2(torch.linalg.cross(x, y).norm(dim=-1), (x * y).sum(-1))
    assert torch.allclose(sphere.distance(a, b).double(), truth, rtol=4e-7, atol=0)


@pytest.mark.parametrize("km", [90.0, 1000.0, 10000.0, 20000.0])
def test_geoopt_agrees_in_float64(oracle, km):
    a, b = pairs(km)
    v = tangents(a)
    assert torch.allclose(sphere.distance(a, b), oracle.dist(a, b), rtol=1e-7)
    assert torch.allclose(sphere.log(a, b), oracle.logmap(a, b), atol=1e-6)
    assert torch.allclose(sphere.exp(a, v), oracle.expmap(a, v), atol=1e-12)
    assert torch.allclose(sphere.project(a, v + a), oracle.proju(a, v + a), atol=1e-12)
    carried = sphere.transport(a, b, v)
    assert torch.allclose(carried.norm(dim=-1), v.norm(dim=-1), rtol=1e-12)
    assert float((carried * b).sum(-1).abs().max()) < 1e-9
    ahead = sphere.log(a, b)
    assert torch.allclose(sphere.transport(a, b, ahead), -sphere.log(b, a), atol=1e-6)


@pytest.mark.parametrize("km", KM)
def test_log_undoes_exp_in_float32(km):
    a, b = (points.float() for points in pairs(km))
    truth = sphere.log(a.double(), b.double())
    error = (sphere.log(a, b).double() - truth).norm(dim=-1) / truth.norm(dim=-1)
    assert float(error.max()) < 1e-6
    assert torch.allclose(sphere.exp(a, sphere.log(a, b)), b, atol=5e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_coincident_and_antipodal_points_have_values_and_gradients(dtype, sign):
    a = pairs(1.0)[0].to(dtype).requires_grad_()
    b = (sign * a.detach()).requires_grad_()
    v = tangents(a.detach())
    far = 0.0 if sign > 0 else math.pi
    assert torch.allclose(sphere.distance(a, b), torch.full_like(a[:, 0], far), atol=1e-6)
    assert torch.allclose(sphere.log(a, b).norm(dim=-1), torch.full_like(a[:, 0], far), atol=1e-6)
    assert torch.allclose(sphere.exp(a, sphere.log(a, b)), b, atol=1e-6)
    assert torch.allclose(sphere.transport(a, b, v).norm(dim=-1), v.norm(dim=-1), rtol=1e-5)
    point, velocity = sphere.geodesic(a, b, torch.full_like(a[:, :1], 0.3))
    assert torch.allclose(velocity.norm(dim=-1), torch.full_like(a[:, 0], far), atol=1e-5)
    total = sum(x.sum() for x in (sphere.distance(a, b), sphere.log(a, b), point, velocity))
    (total + sphere.exp(a, 0 * v).sum() + sphere.transport(a, b, v).sum()).backward()
    assert torch.isfinite(a.grad).all() and torch.isfinite(b.grad).all()


@pytest.mark.parametrize("km", [1e-2, 1.0, 20.0, 5000.0, 19990.0])
def test_gradients_in_float32_are_those_of_float64(km):
    gradients = []
    a, b = (points.float() for points in pairs(km, 50))
    for dtype in (torch.float32, torch.float64):
        x, z = a.detach().to(dtype, copy=True).requires_grad_(), b.to(dtype)
        weight = tangents(a.double()).to(dtype)
        point, velocity = sphere.geodesic(x, z, torch.full_like(x[:, :1], 0.4))
        (sphere.distance(x, z).sum() + (weight * (sphere.log(x, z) + point + velocity)).sum()).backward()
        gradients.append(x.grad.double())
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 2e-4


def test_distance_pulls_along_the_geodesic():
    a, b = pairs(0.5)
    x = a.float().requires_grad_()
    sphere.distance(x, b.float()).sum().backward()
    way = sphere.log(a.float().double(), b.float().double())
    assert torch.allclose(sphere.project(a, x.grad.double()), -sphere.normalize(way), atol=1e-4)


def test_exp_of_nothing_has_the_identity_as_derivative():
    y = pairs(1.0)[0].float()
    (gradient,) = torch.autograd.functional.jacobian(lambda v: sphere.exp(y, v).sum(0), (torch.zeros_like(y),))
    assert torch.allclose(gradient[:, 7], torch.eye(3))


@pytest.mark.parametrize("km", KM)
def test_geodesic_velocity_is_the_derivative_of_the_path(km):
    a, b = pairs(km, 50)
    t = torch.rand(50, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    point, velocity = sphere.geodesic(a, b, t)
    _, derivative = torch.func.jvp(lambda s: sphere.exp(a, s * sphere.log(a, b)), (t,), (torch.ones_like(t),))
    assert torch.allclose(velocity, derivative, atol=1e-10)
    assert torch.allclose(point.norm(dim=-1), torch.ones(50, dtype=torch.float64), rtol=1e-12)
    single = sphere.geodesic(a.float(), b.float(), t.float())[1].double()
    again = sphere.geodesic(a.float().double(), b.float().double(), t)[1]
    assert float(((single - again).norm(dim=-1) / again.norm(dim=-1)).max()) < 2e-6


def test_frames_are_orthonormal_everywhere():
    y = pairs(1.0)[0].float()
    first, second = sphere.frame(y)
    basis = torch.stack([first, second, y], dim=1)
    assert torch.allclose(basis @ basis.mT, torch.eye(3).expand(len(y), 3, 3), atol=1e-6)


def test_uniform_points_are_uniform_and_repeat():
    y = sphere.random_uniform(20000, torch.Generator().manual_seed(3))
    assert float(y.mean(0).norm()) < 0.02
    assert torch.allclose(y.T @ y / len(y), torch.eye(3) / 3, atol=0.01)
    assert torch.equal(y, sphere.random_uniform(20000, torch.Generator().manual_seed(3)))


@pytest.mark.parametrize("kappa", [0.0, 0.5, 30.0, 20000.0])
def test_vmf_density_has_mass_one_and_fits_its_samples(kappa):
    mean = torch.tensor([[0.0, 0.0, -1.0]], dtype=torch.float64)
    drop = torch.linspace(0, 1, 200001, dtype=torch.float64) ** 2 * min(2.0, 60 / max(kappa, 1e-9))
    y = torch.stack([(drop * (2 - drop)).clamp_min(0).sqrt(), 0 * drop, drop - 1], dim=-1)
    density = sphere.vmf_log_density(y, mean, torch.tensor(kappa, dtype=torch.float64)).exp()
    assert abs(float(torch.trapezoid(density, drop)) * 2 * math.pi - 1) < 1e-6
    sample = sphere.random_vmf(mean.expand(20000, 3), torch.full((20000,), kappa, dtype=torch.float64))
    expected = 1 / math.tanh(kappa) - 1 / kappa if kappa else 0.0
    spread = float((sample @ mean[0]).std()) / math.sqrt(20000)
    assert abs(float((sample @ mean[0]).mean()) - expected) < 5 * spread


def test_distances_are_those_of_the_data_package():
    from lookhear.data.geo import great_circle_km

    a, b = pairs(1234.0)
    assert np.allclose(sphere.distance(a, b).numpy() * EARTH_KM, great_circle_km(a.numpy(), b.numpy()))
