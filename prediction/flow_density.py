"""A flow as a density people can ask: log-density anywhere, samples, a map on cells.

In: a trained `VelocityNet`, the condition of one clip, and the base the flow was trained from. Out: what `GeoDensity`
promises; mode, median (our one point estimate), candidates and credible regions are those of `on_cells()`.
Bases other than uniform: vMF kernels on known places plus an even part, or any density on cells, such as the
posterior of the evidence; both can be drawn from and asked, so the likelihood stays exact.
The map is coarse where next to no mass is: a peak narrower than a coarse cell is found by the flow's own samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from numpy import ndarray
from torch import Generator, Tensor

from lookhear.data import cells
from lookhear.prediction.cell_map import Mapped
from lookhear.prediction.condition import Condition, check_query
from lookhear.prediction.density import UNIFORM_LOG_DENSITY, CellDensity
from lookhear.prediction.field import NetField
from lookhear.prediction.flow import Base, UniformBase, VelocityNet
from lookhear.prediction.solver import SolverConfig, from_base, to_base
from lookhear.prediction.sphere import random_uniform, random_vmf, vmf_log_density


@dataclass(frozen=True, eq=False)
class KernelBase:
    """Start from known places: von Mises–Fisher kernels on them, and an even part for everywhere else.

    Raises:
        ValueError: there are no places, or the even part is not between 0 and 1.
    """

    means: Float[Tensor, "k 3"]
    """Unit vectors of the places, such as those of the training clips."""
    kappas: Float[Tensor, " k"]
    """Concentration of each kernel; the standard deviation is Earth radius / √κ (κ = 10,000: 64 km)."""
    even: float = 0.05
    """Share of the part spread evenly over the Earth."""
    weights: Float[Tensor, " k"] | None = None
    """Share of each kernel within the rest; alike if left out."""

    def __post_init__(self) -> None:
        if len(self.means) == 0 or len(self.kappas) != len(self.means):
            raise ValueError(f"A kernel base needs places and a κ for each, but has {len(self.means)} places.")
        if not 0 < self.even <= 1:
            raise ValueError(f"The even part must be above 0 and at most 1, but it is {self.even}.")

    def sample(self, rows: Int[Tensor, " n"], generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """Points drawn from the mixture; the same for every query."""
        count, means = len(rows), self.means
        chosen = torch.multinomial(self._shares, count, replacement=True, generator=generator)
        near = random_vmf(means[chosen], self.kappas[chosen], generator)
        anywhere = random_uniform(count, generator, means.dtype, means.device)
        lost = torch.rand(count, 1, generator=generator, device=means.device) < self.even
        return torch.where(lost, anywhere, near).to(rows.device)

    def log_density(self, y: Float[Tensor, "n 3"], rows: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Log-density in nats per steradian, in pieces that fit in memory."""
        even = float(np.log(self.even)) + UNIFORM_LOG_DENSITY
        shares = (self._shares.log() + float(np.log1p(-self.even)) if self.even < 1 else self._shares * 0 - 1e9).to(y)
        parts = []
        for some in y.split(max(1, 2_000_000 // len(self.means))):
            kernels = self._log_kernels(some).add_(shares)
            parts.append(torch.logaddexp(kernels.logsumexp(-1), torch.full_like(some[:, 0], even)))
        return torch.cat(parts) if parts else y[:, 0]

    def content(self) -> Iterator[bytes]:
        """Places and concentrations; fitted shares may differ in the last bit from machine to machine."""
        yield self.means.cpu().numpy().tobytes() + self.kappas.cpu().numpy().tobytes()

    def _log_kernels(self, y: Float[Tensor, "n 3"]) -> Float[Tensor, "n k"]:
        """Log-density of each kernel at each point.

        In float64 by one matrix product, in half the time or less: -κ |y - m|²/2 = κ (y·m - |y|²/2 - |m|²/2), which is
        off by 1e-7 at most for kernels 600 m wide, and holds for unit vectors that come from float32 too. In float32
        itself only differences are exact enough.
        """
        means, kappas = self.means.to(y), self.kappas.to(y)
        if y.dtype != torch.float64:
            return vmf_log_density(y[:, None], means, kappas)
        points = torch.cat([y, y.square().sum(-1, keepdim=True)], dim=-1)
        places = kappas[:, None] * torch.cat([means, torch.full_like(means[:, :1], -0.5)], dim=-1)
        peaks = vmf_log_density(means, means, kappas) - kappas * means.square().sum(-1) / 2
        return torch.addmm(peaks, points, places.T)

    @cached_property
    def _shares(self) -> Float[Tensor, " k"]:
        weights = torch.ones_like(self.kappas) if self.weights is None else self.weights
        return weights / weights.sum()


@dataclass(frozen=True, eq=False)
class CellBase:
    """Start from densities on cells, one a query (such as the evidence's posterior), or one for all.

    Raises:
        ValueError: a cell of some density has no mass, so the flow could never reach it.
    """

    densities: Sequence[CellDensity]
    """The density of each query; row i of a batch of queries starts from density i, or all from the only one."""

    def __post_init__(self) -> None:
        for number, density in enumerate(self.densities):
            if not (density.mass > 0).all():
                raise ValueError(f"Base {number} has cells without any mass; mix in a little of an even density.")

    def sample(self, rows: Int[Tensor, " n"], generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """One point for each row from its query's density, even within its cell."""
        seed = int(torch.randint(2**62, (1,), generator=generator))
        numbers = np.random.default_rng(seed)
        owner, draws = self._owners(rows), numbers.random(len(rows))
        chosen = np.empty(len(rows), dtype=np.uint64)
        for query in np.unique(owner):
            mine, density = owner == query, self.densities[query]
            at = np.searchsorted(self._cumulative[query], draws[mine] * self._cumulative[query][-1], side="right")
            chosen[mine] = density.ids[np.minimum(at, len(density.ids) - 1)]
        return torch.from_numpy(_points_within(chosen, numbers)).to(rows.device, torch.float32)

    def log_density(self, y: Float[Tensor, "n 3"], rows: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Log-density in nats per steradian of each point under its query's density."""
        owner, units = self._owners(rows), y.detach().cpu().double().numpy()
        result = np.empty(len(y))
        for query in np.unique(owner):
            mine = owner == query
            result[mine] = self.densities[query].log_density(units[mine])
        return torch.from_numpy(result).to(y)

    def content(self) -> Iterator[bytes]:
        """Cells and masses of all densities."""
        for density in self.densities:
            yield density.ids.tobytes() + density.mass.tobytes()

    def _owners(self, rows: Int[Tensor, " n"]) -> Int[ndarray, " n"]:
        return np.zeros(len(rows), dtype=np.int64) if len(self.densities) == 1 else rows.cpu().numpy()

    @cached_property
    def _cumulative(self) -> list[Float[ndarray, " _"]]:
        return [np.cumsum(density.mass) for density in self.densities]


@dataclass(frozen=True, eq=False)
class FlowDensity(Mapped):
    """The density of one query under a flow.

    Example:
        >>> density = FlowDensity(net, {"sound": embedding[None]})
        >>> density.on_cells().median
        GeoPoint(...)

    Raises:
        ValueError: the condition does not fit the network, is not finite, or has more than one row.
    """

    net: VelocityNet
    """The trained network."""
    condition: Condition
    """The named parts of ψ, each [1, size]; parts left out are missing."""
    base: Base = field(default_factory=UniformBase)
    """The base the flow was trained from."""
    row: int = 0
    """Which of the base's queries this is."""
    solver: SolverConfig | None = None
    """How finely to solve; None: the default, on the network's own time scale."""
    guidance: float = 1.0
    """Other than 1: the density of another, sharper model (see `NetField`); not a likelihood of this one."""

    def __post_init__(self) -> None:
        check_query(self.net.config.condition_sizes, self.condition)

    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Log-density in nats per steradian at unit vectors.

        Raises:
            ValueError: a vector is not finite.
        """
        if not np.isfinite(units).all():
            raise ValueError("A point on the Earth must have finite coordinates, but one here is NaN or infinite.")
        y = torch.as_tensor(units).to(self.net.enter.weight)
        rows = torch.zeros(len(y), dtype=torch.long, device=y.device)
        return log_density(self._field(rows), y, self.base, rows + self.row, self._solver).double().cpu().numpy()

    def sample(self, count: int, seed: int) -> Float[ndarray, "count 3"]:
        """Unit vectors drawn from the density, the same for the same seed."""
        rows = torch.full((count,), self.row)
        start = self.base.sample(rows, Generator().manual_seed(seed)).to(self.net.enter.weight)
        field = self._field(torch.zeros(count, dtype=torch.long, device=start.device))
        points = from_base(field, start, self._solver).points.double().cpu().numpy()
        return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))

    @property
    def _solver(self) -> SolverConfig:
        return self.solver or SolverConfig(stretch=self.net.config.stretch)

    def _field(self, rows: Int[Tensor, " n"]) -> NetField:
        with torch.no_grad():
            return NetField(self.net, self.net.embed(self.condition), rows, self.guidance)


def log_density(
    field: NetField,
    y: Float[Tensor, "n 3"],
    base: Base,
    rows: Int[Tensor, " n"],
    solver: SolverConfig | None = None,
) -> Float[Tensor, " n"]:
    """Log-densities in nats per steradian of points under a field; `rows` are the base's queries."""
    end = to_base(field, y, solver)
    return base.log_density(end.points, rows) - end.divergence


def _points_within(ids: UInt64[ndarray, " n"], numbers: np.random.Generator) -> Float[ndarray, "n 3"]:
    """A point drawn evenly from each cell: a child by its share of the area, and so on down."""
    for depth in range(cells.MAX_LEVEL):
        inner = cells.levels(ids) < cells.MAX_LEVEL
        if not inner.any():
            break
        parts = cells.children(ids[inner])
        share = cells.areas_sr(parts.ravel()).reshape(-1, 4).cumsum(1) if depth < 4 else np.arange(1.0, 5.0)[None]
        pick = (numbers.random((len(parts), 1)) * share[:, -1:] >= share[:, :3]).sum(1)
        ids = ids.copy()
        ids[inner] = parts[np.arange(len(parts)), pick]
    return cells.centers(ids)
