import math

import pytest
import torch

from lookhear.data import cells
from lookhear.prediction import solver, walk
from lookhear.prediction.field import FunctionField, NetField
from lookhear.prediction.flow import FlowConfig, VelocityNet
from lookhear.prediction.solver import SolverConfig, fast_gemm, from_base, to_base
from lookhear.prediction.sphere import normalize, project, random_uniform, random_vmf, vmf_log_density
from lookhear.prediction.walk import Grid

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
UNIFORM = -math.log(4 * math.pi)
MEANS = {"pole": [0.0, 0, 1], "south": [0.0, 0, -1], "dateline": [-1.0, 0, 0], "somewhere": [0.6, -0.48, 0.64]}
KINDS = {
    "concat": FlowConfig({"x": 4}, hidden=24),
    "adaln": FlowConfig({"x": 4}, hidden=24, conditioning="adaln"),
    "fourier": FlowConfig({"x": 4}, hidden=24, fourier=5, fourier_high=1.0),
    "stretched": FlowConfig({"x": 4}, hidden=24, stretch=0.2),
    "faded": FlowConfig({"x": 4}, hidden=24, fourier=5, fourier_high=1.0, fade=0.3, stretch=0.1, stretch_power=0.5),
    "all": FlowConfig({"x": 4}, hidden=24, conditioning="adaln", fourier=5, fourier_high=1.0, stretch=0.2),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def vmf_flow(mean: list[float], kappa: float) -> FunctionField:
    """The flow whose density at time t is exactly von Mises–Fisher with κ(t), its width shrinking evenly in t.

    It moves points along meridians so that the mass of the cap beyond each stays the same.
    """
    end = 1 / math.sqrt(kappa + 1)

    def velocity(y: torch.Tensor, t: float) -> torch.Tensor:
        towards = torch.tensor(mean).to(y)
        width = 1 - t * (1 - end)
        k, growth = width**-2 - 1, 2 * (1 - end) * width**-3
        drop = ((y - towards) ** 2).sum(-1, keepdim=True) / 2
        if k < 1e-3:
            return growth / 2 * torch.ones_like(drop) * towards
        rest = torch.exp(-k * (2 - drop)) * torch.expm1(-k * drop) / math.expm1(-2 * k)
        return growth / k * (drop - 2 * rest) / (drop * (2 - drop)) * towards

    return FunctionField(velocity)


def net_field(kind: str, rows: int, dtype=torch.float64, queries: int = 3, **options) -> NetField:
    torch.manual_seed(5)
    net = VelocityNet(KINDS[kind]).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3 if parameter.ndim > 1 else 0.1)
    torch.nn.init.normal_(net.leave.weight, std=0.2 if kind == "concat" else 0.02)
    net = net.to(dtype)
    entered = net.embed({"x": torch.randn(queries, 4).to(dtype)}).detach()
    return NetField(net, entered, torch.arange(rows) % queries, **options)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("kind", KINDS)
def test_the_stacked_divergence_is_the_trace_of_the_jacobian(kind, guidance):
    field, y = net_field(kind, 12, guidance=guidance), random_uniform(12, dtype=torch.float64)
    with torch.no_grad():
        v, divergence = field.with_divergence(y.clone(), 0.3)
        assert torch.allclose(v, field.velocity(y.clone(), 0.3), atol=1e-12)
    jacobian = torch.autograd.functional.jacobian(lambda x: field.velocity(normalize(x), 0.3).sum(0), y)
    trace = torch.einsum("ini->n", jacobian)
    assert torch.allclose(divergence, trace, atol=1e-10)
    assert float((v * y).sum(-1).abs().max()) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_the_solver_sees_the_network_that_was_trained(kind):
    field, y = net_field(kind, 6, queries=6), random_uniform(6, dtype=torch.float64)
    torch.manual_seed(5)
    VelocityNet(KINDS[kind])
    direct = field.net.eval()
    t = torch.full((6, 1), 0.7, dtype=torch.float64)
    x = torch.randn(6, 4, dtype=torch.float64)
    again = NetField(direct, direct.embed({"x": x}).detach(), torch.arange(6))
    with torch.no_grad():
        assert torch.allclose(again.velocity(y, 0.7), direct(y, t, {"x": x}), atol=1e-12)


def test_guidance_is_linear_between_none_and_all():
    y = random_uniform(6, dtype=torch.float64)
    with torch.no_grad():
        plain, none, strong = (net_field("concat", 6, guidance=w).velocity(y, 0.5) for w in (1.0, 0.0, 3.0))
    assert torch.allclose(strong, none + 3 * (plain - none), atol=1e-12)
    assert not torch.allclose(plain, none, atol=1e-2)


def test_a_function_field_has_the_divergence_of_its_projection():
    matrix = torch.randn(3, 3, dtype=torch.float64)
    y = random_uniform(9, dtype=torch.float64)
    field = FunctionField(lambda x, t: x @ matrix.T + t)
    _, divergence = field.with_divergence(y, 0.5)
    jacobian = torch.autograd.functional.jacobian(lambda x: field.velocity(normalize(x), 0.5).sum(0), y)
    assert torch.allclose(divergence, torch.einsum("ini->n", jacobian), atol=1e-12)


@pytest.mark.parametrize(
    ("where", "kappa"),
    [(where, kappa) for where in MEANS for kappa in (1.0, 50.0) if kappa == 1.0 or where in ("pole", "somewhere")]
    + [pytest.param(where, 50.0, marks=pytest.mark.slow) for where in ("south", "dateline")]
    + [pytest.param("dateline", 2e3, marks=pytest.mark.slow)],
)
def test_known_densities_come_out_at_default_settings(where, kappa):
    field, mean = vmf_flow(MEANS[where], kappa), torch.tensor(MEANS[where], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    y = random_vmf(mean.expand(40, 3), torch.full((40,), kappa, dtype=torch.float64), generator)
    result = UNIFORM - to_base(field, y).divergence
    error = (result - vmf_log_density(y, mean, torch.tensor(kappa))).abs()
    assert float(error.mean()) < 0.01 and float(error.max()) < 0.05


@pytest.mark.parametrize("kappa", [1.0, *(pytest.param(one, marks=pytest.mark.slow) for one in (30.0, 20000.0))])
def test_known_densities_have_mass_one(kappa):
    drop = torch.linspace(1e-3, 0.9999, 81, dtype=torch.float64) ** 2 * min(2.0, 15 / kappa)
    y = torch.stack([(drop * (2 - drop)).clamp_min(0).sqrt(), 0 * drop, 1 - drop], dim=-1)
    density = (UNIFORM - to_base(vmf_flow(MEANS["pole"], kappa), y).divergence).exp()
    truth = vmf_log_density(y, torch.tensor(MEANS["pole"]).double(), torch.tensor(kappa))
    assert float((density.log() - truth).abs().mean()) < 0.01
    root = drop.sqrt()  # substitution: the density is smooth in the angle
    assert abs(2 * math.pi * float(torch.trapezoid(density * 2 * root, root)) - 1) < 1e-3


def test_a_stiff_field_is_refined_and_not_wrong():
    kappa, mean = 1000.0, torch.tensor(MEANS["somewhere"], dtype=torch.float64)
    field = vmf_flow(MEANS["somewhere"], kappa)
    y = random_vmf(mean.expand(8, 3), torch.full((8,), kappa, dtype=torch.float64))
    truth = vmf_log_density(y, mean, torch.tensor(kappa))
    fixed = to_base(field, y, SolverConfig(max_steps=18))
    refined = to_base(field, y)
    assert float((UNIFORM - fixed.divergence - truth).abs().mean()) > 0.03
    assert float(fixed.error.min()) > SolverConfig().tolerance_nats
    assert float((UNIFORM - refined.divergence - truth).abs().max()) < 0.02
    assert float(refined.error.max()) <= SolverConfig().tolerance_nats
    assert int(refined.steps.min()) > 16


def test_samples_follow_the_density_they_are_given():
    kappa, count = 300.0, 4000
    start = random_uniform(count, torch.Generator().manual_seed(4), dtype=torch.float64)
    end = from_base(vmf_flow(MEANS["dateline"], kappa), start)
    drop = ((end.points - torch.tensor(MEANS["dateline"]).double()) ** 2).sum(-1) / 2
    expected = torch.expm1(-kappa * drop) / math.expm1(-2 * kappa)
    steps = torch.arange(1, count + 1, dtype=torch.float64) / count
    assert float((expected.sort().values - steps).abs().max()) < 1.63 / math.sqrt(count)  # Kolmogorov, 1 %


@pytest.mark.parametrize("kind", ["concat", pytest.param("all", marks=pytest.mark.slow)])
def test_samples_and_likelihood_agree(kind):
    field = net_field(kind, 1500, queries=1)
    start = random_uniform(1500, torch.Generator().manual_seed(4), dtype=torch.float64)
    there = from_base(field, start)
    back = to_base(field, there.points)
    assert float((back.points - start).norm(dim=-1).max()) < 1e-2
    weight = (back.divergence).exp()  # E[uniform / density] over samples is the mass of the uniform density: 1
    assert abs(float(weight.mean()) - 1) < 4 * float(weight.std()) / math.sqrt(1500)
    assert float(back.divergence.std()) > 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_a_random_network_has_mass_one(kind):
    ids = cells.all_cells(4)
    y, area = torch.from_numpy(cells.centers(ids)).float(), torch.from_numpy(cells.areas_sr(ids))
    result = to_base(net_field(kind, len(y), torch.float32, queries=1), y)
    density = (UNIFORM - result.divergence.double()).exp()
    assert abs(float((density * area).sum()) - 1) < 1e-3
    assert float(result.divergence.std()) > 0.05


@pytest.mark.parametrize("method", ["adams", "rk4", "ralston3"])
@pytest.mark.slow
def test_every_method_converges_to_the_same_float64_truth(method):
    y = random_uniform(100, torch.Generator().manual_seed(1), dtype=torch.float64)
    truth = to_base(net_field("concat", 100), y, SolverConfig("rk4", 48, max_steps=48))
    errors = []
    for steps in (8, 16):
        found = to_base(net_field("concat", 100), y, SolverConfig(method, steps, max_steps=steps))
        errors.append(float((found.divergence - truth.divergence).abs().mean()))
    assert errors[1] < errors[0] / 5 and errors[1] < 2e-3
    single = to_base(net_field("concat", 100, torch.float32), y.float())
    assert float((single.divergence - truth.divergence).abs().mean()) < 1e-3


def test_rotating_everything_rotates_the_answer():
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    field, rotated = net_field("concat", 50), net_field("concat", 50)
    with torch.no_grad():
        rotated.net.enter.weight.copy_(rotated.net.enter.weight @ turn.T)
        rotated.net.leave.weight.copy_(turn @ rotated.net.leave.weight)
        rotated.net.leave.bias.copy_(turn @ rotated.net.leave.bias)
    y = random_uniform(50, dtype=torch.float64)
    before, after = to_base(field, y), to_base(rotated, y @ turn.T)
    assert torch.allclose(before.points @ turn.T, after.points, atol=1e-10)
    assert torch.allclose(before.divergence, after.divergence, atol=1e-10)
    assert torch.allclose(from_base(field, y).points @ turn.T, from_base(rotated, y @ turn.T).points, atol=1e-10)


def test_zero_velocity_stays_put():
    net = VelocityNet(FlowConfig(hidden=8))
    y = random_uniform(10)
    field = NetField(net, net.embed({}).detach(), torch.zeros(10, dtype=torch.long))
    result = to_base(field, y)
    assert torch.allclose(result.points, y, atol=1e-6) and not result.divergence.any() and not result.error.any()


def test_chunks_and_batches_do_not_change_the_answer():
    y = random_uniform(20, dtype=torch.float64)
    whole = to_base(net_field("adaln", 20), y)
    pieces = to_base(net_field("adaln", 20), y, SolverConfig(chunk=7))
    alone = to_base(net_field("adaln", 20).at(torch.tensor([17])), y[17:18])
    assert torch.allclose(whole.divergence, pieces.divergence, atol=1e-12)
    assert torch.allclose(whole.points[17:18], alone.points, atol=1e-12)
    assert len(to_base(net_field("adaln", 0), y[:0]).points) == 0


@pytest.mark.parametrize("stretch", [None, 0.01])
def test_the_time_grid_runs_from_0_to_1_and_its_slope_is_its_derivative(stretch):
    grid = Grid.of(1000, 0.6, stretch, backward=False)
    back = Grid.of(1000, 0.6, stretch, backward=True)
    assert grid.times[0] == 0.0 and grid.times[-1] == 1.0 and back.times == grid.times[::-1]
    assert grid.step == 1e-3 and back.step == -1e-3
    for i in (1, 400, 998):
        assert abs((grid.times[i + 1] - grid.times[i - 1]) * 500 - grid.slopes[i]) < 1e-4


@pytest.mark.parametrize("count", [2, 4, 6, 12])
def test_quadrature_is_exact_for_cubics(count):
    s = torch.linspace(0, 1, count + 1, dtype=torch.float64)[:, None]
    assert abs(float(walk._end_corrected(4 * s**3 - 6 * s**2 + 1))) < (1e-12 if count < 5 else 2e-3)


@pytest.mark.parametrize("exact", [True, False])
def test_the_fast_product_is_used_only_if_exact_and_given_back(monkeypatch, exact):
    before = torch.get_float32_matmul_precision()
    monkeypatch.setattr(solver, "_medium_is_exact", lambda device: exact)
    with fast_gemm() as used:
        assert used == exact
        assert torch.get_float32_matmul_precision() == ("medium" if exact else before)
    assert torch.get_float32_matmul_precision() == before
    monkeypatch.undo()
    with fast_gemm():
        a, b = torch.randn(100, 512), torch.randn(512, 512)
        assert float((a @ b - (a.double() @ b.double())).abs().max()) < 5e-4


def test_the_check_of_the_fast_product_leaves_random_numbers_alone():
    solver._medium_is_exact.cache_clear()
    before = torch.get_rng_state()
    with fast_gemm():
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("change", [{"steps": 7}, {"steps": 2}, {"tolerance_nats": 0.0}, {"warp": 2.0}, {"chunk": 0}])
def test_an_impossible_config_is_refused(change):
    with pytest.raises(ValueError, match="but"):
        SolverConfig(**change)


def test_velocities_of_a_function_are_projected():
    field, y = FunctionField(lambda x, t: torch.ones_like(x)), random_uniform(5)
    assert torch.allclose(field.velocity(y, 0.0), project(y, torch.ones_like(y)))
