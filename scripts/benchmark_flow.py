"""How fast the flow is, and how exact: against adaptive dopri5, Euler steps and bare matrix products, in one run.

In: nothing (a field is trained on 16 mixtures of von Mises–Fisher densities, κ up to 20,000), or a field kept from an
earlier run. Out: a table. Each ratio is printed twice: both sides on torch's defaults, and both on one and the same
path for matrix products. Everything runs on one thread; the load of the machine stands beside the numbers.
The rivals stand in `lookhear.scripts.benchmark_flow_rivals`.

    python -m lookhear.scripts.benchmark_flow --train-steps 3000 --field field.pt
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import tyro
from torch import Generator, Tensor

from lookhear.data import cells
from lookhear.data.geo import EARTH_RADIUS_KM
from lookhear.prediction import sphere
from lookhear.prediction.field import FunctionField, NetField
from lookhear.prediction.flow import Ema, FlowConfig, VelocityNet
from lookhear.prediction.matching import PathConfig, flow_matching_loss
from lookhear.prediction.solver import Solution, SolverConfig, fast_gemm, from_base, to_base
from lookhear.scripts.benchmark_flow_rivals import JoinedNet, adaptive_dopri5, euler

T = TypeVar("T")
QUERIES, KERNELS, PSI, BATCH = 16, 4, 512, 1024
FINE = SolverConfig("rk4", 160, max_steps=160)
"""How reference solutions are made."""


@dataclass(frozen=True)
class BenchmarkFlowConfig:
    """What to measure."""

    points: int = 1000
    """Points whose log-density is asked for, and samples drawn."""
    train_steps: int = 3000
    """Steps the field is trained for."""
    field: Path | None = None
    """Where the trained field is kept; read if it is there."""
    repeats: int = 3
    """Each time is the best of this many."""
    seed: int = 0
    """Seed of the field and of the points."""


@dataclass(frozen=True)
class World:
    """The mixtures the field was trained on."""

    psi: Tensor
    """Condition of each mixture, [16, 512]."""
    means: Tensor
    """Unit vectors, [16, 4, 3]."""
    kappas: Tensor
    """Concentrations, [16, 4]."""

    def draw(self, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Numbers of mixtures, and a point from each."""
        query = torch.randint(QUERIES, (count,), generator=generator)
        kernel = torch.randint(KERNELS, (count,), generator=generator)
        return query, sphere.random_vmf(self.means[query, kernel], self.kappas[query, kernel], generator)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    """What ran."""
    seconds: tuple[float, float]
    """On torch's defaults, and with all matrix products on the checked path."""
    detail: str
    """How exact it is."""


def benchmark_flow(config: BenchmarkFlowConfig) -> int:
    """Measure everything and print it."""
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    print(f"load of this machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; one thread used")
    with fast_gemm() as used:
        print(f"fast float32 products: {'used' if used else 'not used, not exact here'}")
    print(f"bare product, 3000 × 512 × 512: {peak_gflops(3000):.1f} GFLOP/s; 1000 rows: {peak_gflops(1000):.1f}")
    world, net = trained_field(config)
    query, y = world.draw(config.points, Generator().manual_seed(config.seed + 1))
    log_densities(config, world, net, query, y)
    samples(config, world, net, query)
    training(config, world)
    geometry(config)
    print(f"load of this machine at the end: {os.getloadavg()[0]:.1f}")
    return 0


def trained_field(config: BenchmarkFlowConfig) -> tuple[World, VelocityNet]:
    """Train the field of docs/LOG.md, or read it."""
    generator = Generator().manual_seed(config.seed)
    psi = torch.randn(QUERIES, PSI, generator=generator)
    means = sphere.random_uniform(QUERIES * KERNELS, generator).reshape(QUERIES, KERNELS, 3)
    spread = torch.rand(QUERIES, KERNELS, generator=generator) * math.log(2000)
    world = World(psi, means, 10 * spread.exp())
    torch.manual_seed(config.seed)
    net = VelocityNet(FlowConfig({"psi": PSI}))
    if config.field is not None and config.field.exists():
        net.load_state_dict(torch.load(config.field, weights_only=True))
        return world, net.eval()
    ema, optimiser = Ema(net, 0.995), torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=config.train_steps)
    with fast_gemm():
        for _ in range(config.train_steps):
            train_step(net, world, optimiser, generator)
            schedule.step()
            ema.update(net)
    ema.copy_to(net)
    if config.field is not None:
        torch.save(net.state_dict(), config.field)
    return world, net.eval()


def train_step(net: VelocityNet, world: World, optimiser: torch.optim.Optimizer, generator: Generator) -> None:
    """One step as the trainer takes it: draw, path, loss, gradient, update."""
    query, y1 = world.draw(BATCH, generator)
    y0 = sphere.random_uniform(BATCH, generator)
    optimiser.zero_grad()
    flow_matching_loss(net, y1, {"psi": world.psi[query]}, y0, PathConfig(), generator).backward()
    optimiser.step()


def log_densities(config: BenchmarkFlowConfig, world: World, net: VelocityNet, query: Tensor, y: Tensor) -> None:
    """Ours at several settings against dopri5."""
    truth = to_base(in_float64(net, world, query), y.double(), FINE).divergence
    plain = JoinedNet(net, world.psi[query])
    evaluations: list[int] = []

    def dopri5() -> Tensor:
        state, count = adaptive_dopri5(plain, torch.cat([y, torch.zeros_like(y[:, :1])], -1), 1e-5)
        evaluations.append(count)
        return -state[:, 3]

    rows = [timed("dopri5 1e-5, reverse-mode divergence", dopri5, config, lambda found: nats_off(found, truth))]
    rows[0] = Row(rows[0].name, rows[0].seconds, f"{rows[0].detail}, {evaluations[0]} evaluations")
    settings = {
        "ours, default (Adams × 18)": SolverConfig(),
        "ours, Adams × 14": SolverConfig(steps=14, tolerance_nats=0.06),
        "ours, Adams × 24": SolverConfig(steps=24, tolerance_nats=0.01),
        "ours, Adams × 36": SolverConfig(steps=36, tolerance_nats=0.003),
        "ours, RK4 × 12": SolverConfig("rk4", steps=12, tolerance_nats=0.06),
        "Ralston-3 × 12, unchecked": SolverConfig("ralston3", 12, max_steps=12),
        "RK4 × 16, unchecked": SolverConfig("rk4", 16, max_steps=16),
    }
    for name, solver in settings.items():
        rows.append(
            timed(name, solve_backward(net, world, query, y, solver), config, lambda s: nats_off(s.divergence, truth))
        )
    show(f"log-density of {len(y)} points", rows)
    print(f"  share of peak of the default: {share_of_peak(net, world, query, y):.0%} of its time is bare products")
    forward_modes(config, net, world, query, y)


def solve_backward(
    net: VelocityNet, world: World, query: Tensor, y: Tensor, solver: SolverConfig
) -> Callable[[], Solution]:
    """Ours, with the condition's projection counted in."""
    return lambda: to_base(NetField(net, net.embed({"psi": world.psi}).detach(), query), y, solver)


def samples(config: BenchmarkFlowConfig, world: World, net: VelocityNet, query: Tensor) -> None:
    """Ours against 250 Euler steps."""
    start = sphere.random_uniform(len(query), Generator().manual_seed(config.seed + 2))
    truth = from_base(in_float64(net, world, query), start.double(), FINE).points
    plain = JoinedNet(net, world.psi[query])
    rows = [timed("Euler × 250", lambda: euler(plain, start, 250), config, lambda found: km_off(found, truth))]
    for name, solver in {
        "ours, default (Adams × 18)": SolverConfig(),
        "ours, Adams × 18, unchecked": SolverConfig(max_steps=18),
        "ours, Adams × 14": SolverConfig(steps=14, tolerance_rad=0.02),
        "ours, Ralston-3 × 10": SolverConfig("ralston3", 10, tolerance_rad=0.03),
        "ours, RK4 × 8": SolverConfig("rk4", 8, tolerance_rad=0.02),
    }.items():
        rows.append(
            timed(name, solve_forward(net, world, query, start, solver), config, lambda s: km_off(s.points, truth))
        )
    show(f"{len(start)} samples", rows)


def solve_forward(
    net: VelocityNet, world: World, query: Tensor, start: Tensor, solver: SolverConfig
) -> Callable[[], Solution]:
    """Ours, with the condition's projection counted in."""
    return lambda: from_base(NetField(net, net.embed({"psi": world.psi}).detach(), query), start, solver)


def training(config: BenchmarkFlowConfig, world: World) -> None:
    """A step against its bare products: forward, and two backward for all layers but the first."""
    generator, net = Generator().manual_seed(0), VelocityNet(FlowConfig({"psi": PSI}))
    optimiser = torch.optim.AdamW(net.parameters(), 1e-4, fused=True)
    x, weights = torch.randn(BATCH, 512), [torch.randn(512, 512) for _ in range(3)]
    last = torch.randn(512, 3)
    out = torch.randn(BATCH, 3)

    def bare() -> None:
        for weight in weights:
            torch.mm(x, weight)
            torch.mm(x.T, x)
        for weight in weights[1:]:
            torch.mm(x, weight.T)
        torch.mm(x, last), torch.mm(x.T, out), torch.mm(out, last.T)

    often = BenchmarkFlowConfig(repeats=10 * config.repeats)
    rows = [timed("bare products", bare, often, lambda _: "")]
    step = timed("training step, batch 1024", lambda: train_step(net, world, optimiser, generator), often, lambda _: "")
    show("training", [*rows, step])
    print("  step / bare: " + " and ".join(f"{a / b:.2f}" for a, b in zip(step.seconds, rows[0].seconds, strict=True)))


def geometry(config: BenchmarkFlowConfig) -> None:
    """Path construction against automatic differentiation, and cell ids against s2sphere."""
    import s2sphere

    a, b, t = sphere.random_uniform(BATCH), sphere.random_uniform(BATCH), torch.rand(BATCH, 1)

    def one(y0: Tensor, y1: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        path: Callable[[Tensor], Tensor] = lambda s: sphere.exp(y0, s * sphere.log(y0, y1))  # noqa: E731
        point, velocity, *_ = torch.func.jvp(path, (at,), (torch.ones_like(at),))
        return point, velocity

    often = BenchmarkFlowConfig(repeats=10 * config.repeats)
    automatic = timed("vmap(jvp) of exp and log", lambda: torch.func.vmap(one)(a, b, t), often, lambda _: "")
    closed = timed("closed form", lambda: sphere.geodesic(a, b, t), often, lambda _: "")
    show("paths, batch 1024", [automatic, closed])
    units = sphere.random_uniform(200_000, dtype=torch.float64).numpy()
    start = time.process_time()
    theirs = [s2sphere.CellId.from_point(s2sphere.Point(*unit)).id() for unit in units[:5000].tolist()]
    slow = (time.process_time() - start) / 5000
    fast = best_of(config.repeats, lambda: cells.cell_ids(units, 30)) / len(units)
    same = np.array_equal(cells.cell_ids(units[:5000], 30), np.array(theirs, dtype=np.uint64))
    print(
        f"\nS2 ids: {1 / slow / 1e3:.0f} K/s s2sphere, {1 / fast / 1e6:.2f} M/s ours: {slow / fast:.0f}×, equal: {same}"
    )


def forward_modes(config: BenchmarkFlowConfig, net: VelocityNet, world: World, query: Tensor, y: Tensor) -> None:
    """One value with divergence: stacked by hand, and by torch's forward mode."""
    field = NetField(net, net.embed({"psi": world.psi}).detach(), query)
    psi = world.psi[query]
    automatic = FunctionField(lambda x, t: JoinedNet(net, psi).ambient(x, t))
    with torch.no_grad():
        stacked = best_of(3 * config.repeats, lambda: field.with_divergence(y, 0.5))
        dual = best_of(3 * config.repeats, lambda: automatic.with_divergence(y, 0.5))
        gap = (field.with_divergence(y, 0.5)[1] - automatic.with_divergence(y, 0.5)[1]).abs().max()
    print(
        f"  one evaluation: {stacked * 1e3:.1f} ms stacked, {dual * 1e3:.1f} ms forward mode; they differ by {gap:.1e}"
    )


def in_float64(net: VelocityNet, world: World, query: Tensor) -> NetField:
    """The same field for reference solutions."""
    double = VelocityNet(net.config).double()
    double.load_state_dict(net.state_dict())
    return NetField(double, double.embed({"psi": world.psi.double()}).detach(), query)


def share_of_peak(net: VelocityNet, world: World, query: Tensor, y: Tensor) -> float:
    """Time of the bare products in the default's unrefined steps, over the time they take.

    With the divergence at its 19 nodes an evaluation is three rows, and four more start it.
    """
    solver = SolverConfig(max_steps=SolverConfig.steps)
    seconds = best_of(3, solve_backward(net, world, query, y, solver))
    flops = 2 * len(y) * (2 * 512 * 512 + 6 * 512) * ((solver.steps + 1) * 3 + 4)
    return flops / (peak_gflops(3000) * 1e9) / seconds


def peak_gflops(rows: int) -> float:
    """Speed of a bare product of `rows` × 512 by 512 × 512."""
    a, b = torch.randn(rows, 512), torch.randn(512, 512)
    with fast_gemm():
        return 2e-9 * rows * 512 * 512 / best_of(20, lambda: torch.mm(a, b))


def timed(name: str, run: Callable[[], T], config: BenchmarkFlowConfig, judge: Callable[[T], str]) -> Row:
    """Best time on torch's defaults and on the checked path for both sides."""
    detail = judge(run())
    default = best_of(config.repeats, run)
    with fast_gemm():
        same = best_of(config.repeats, run)
    return Row(name, (default, same), detail)


def best_of(repeats: int, run: Callable[[], object]) -> float:
    """Fewest processor seconds of several runs: other programs take the clock's, not this one's."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return min(seconds)


def nats_off(found: Tensor, truth: Tensor) -> str:
    """Mean and largest error in nats."""
    error = (found.double() - truth).abs()
    return f"error {error.mean():.1e} nats, at most {error.max():.1e}"


def km_off(found: Tensor, truth: Tensor) -> str:
    """Median and 99 % error in kilometres."""
    error = sphere.distance(found.double(), truth) * EARTH_RADIUS_KM
    return f"error {error.median():.2g} km, 99 % under {error.quantile(0.99):.2g} km"


def show(title: str, rows: list[Row]) -> None:
    """A table; ratios are against its first row."""
    print(f"\n{title:<40} default        same path")
    for row in rows:
        ratios = [before / now for before, now in zip(rows[0].seconds, row.seconds, strict=True)]
        times = "  ".join(f"{s * 1e3:7.1f} ms {r:5.1f}×" for s, r in zip(row.seconds, ratios, strict=True))
        print(f"  {row.name:<38} {times}  {row.detail}", flush=True)


if __name__ == "__main__":
    benchmark_flow(tyro.cli(BenchmarkFlowConfig))
