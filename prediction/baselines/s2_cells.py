"""A hierarchical softmax over S2 cells that are small where the training places are many; even within a cell.

A cell is cut in four while it holds at least so many training clips. The mass of a leaf is the product of the choices
on the way to it: one of 6 faces, then one of 4 children, all read from one trunk. So the masses of cells of every size
are exact, the likelihood is bounded, and the map costs nothing. Untrained, it is uniform over the Earth's area.

Labels are smoothed over neighbours: the label of a cell is the mass in it of a kernel exp(-d/τ) around the place. It is
estimated by `draws` points of that kernel, right in the mean for cells of any size; the published form, weights
exp(-(d(centre) - d(own centre))/τ), is meant for cells of about one size.

Source: Haas et al. 2024, "PIGEON: predicting image geolocations", for the smoothing (τ = 75 km); Weyand, Kostrikov and
Philbin 2016, "PlaNet", for adaptive S2 cells; Morin and Bengio 2005 for the hierarchical softmax.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from numpy import ndarray
from torch import Generator, Tensor, nn

from lookhear.data import cells
from lookhear.data.geo import EARTH_RADIUS_KM
from lookhear.prediction import sphere
from lookhear.prediction.baselines.baseline import Trunked
from lookhear.prediction.baselines.trunk import TrunkConfig
from lookhear.prediction.condition import Condition, Present, check_query
from lookhear.prediction.density import CellDensity
from lookhear.prediction.flow import Base
from lookhear.prediction.training.features import Batch, FeatureSet


@dataclass(frozen=True)
class S2Config:
    """Settings of a hierarchical softmax.

    Raises:
        ValueError: a number is outside its range.
    """

    trunk: TrunkConfig
    """The network."""
    split_at: int = 20
    """A cell with at least this many training clips is cut in four."""
    finest: int = 10
    """No cell is finer than this level (10: 9 km)."""
    smoothing_km: float = 75.0
    """τ of the labels' kernel; 0: no smoothing."""
    draws: int = 4
    """Points drawn from that kernel for each clip and step."""

    def __post_init__(self) -> None:
        if self.split_at < 1 or self.draws < 1 or self.smoothing_km < 0 or not 0 <= self.finest <= cells.MAX_LEVEL:
            raise ValueError(
                "split_at and draws must be at least 1, smoothing_km at least 0 and finest a level of S2, "
                f"but this is {self}."
            )


class S2Cells(Trunked):
    """A quadtree of choices."""

    name = "s2_cells"
    config_type = S2Config

    def __init__(self, config: S2Config, leaves: Int[Tensor, " n"]) -> None:
        """Make an untrained one.

        Args:
            config: its settings.
            leaves: ids of its leaves, whose 64 bits are read as signed numbers.
        """
        tree = Tree(np.sort(leaves.cpu().numpy().view(np.uint64)))
        super().__init__(config, len(tree.nodes))
        self.tree = tree
        self.leaves = nn.Buffer(torch.from_numpy(tree.leaves.view(np.int64)), persistent=False)

    @classmethod
    def of(
        cls, training: FeatureSet, validation: FeatureSet, hidden: int = 512, layers: int = 3, **settings: Any
    ) -> S2Cells:
        """Cells as the training clips are spread."""
        config = S2Config(TrunkConfig(training.sizes, hidden, layers), **settings)
        leaves = grown(training.y.double().numpy(), config.split_at, config.finest)
        return cls(config, torch.from_numpy(leaves.view(np.int64)))

    @property
    def fixed(self) -> dict[str, Tensor]:
        """The leaves."""
        return {"leaves": self.leaves}

    def loss(self, batch: Batch, generator: Generator) -> Float[Tensor, ""]:
        """Cross-entropy to the smoothed labels, as a mean NLL: the areas of the cells are counted."""
        if self.config.smoothing_km == 0:
            return -self.rows_log_density(batch).mean()
        near = strewn(batch.y.cpu(), self.config.smoothing_km / EARTH_RADIUS_KM, self.config.draws, generator)
        log_mass = self.log_masses(batch.condition, batch.present, len(batch.y))
        return -self._log_density_at(log_mass, near).mean()

    def rows_log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log of the mass of each row's leaf over its area."""
        log_mass = self.log_masses(batch.condition, batch.present, len(batch.y))
        return self._log_density_at(log_mass, batch.y[:, None])[:, 0]

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> CellDensity:
        """The leaves' masses: a density on cells as it stands."""
        check_query(self.config.trunk.sizes, condition)
        with torch.no_grad():
            log_mass = self.log_masses(condition, {}, 1)[0].cpu().double().numpy()
        return CellDensity.of(self.tree.leaves, log_mass - self.tree.log_areas)

    def log_masses(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count leaves"]:
        """Log-masses of the leaves."""
        return self.node_log_masses(condition, present, count)[:, torch.from_numpy(self.tree.leaf_nodes)]

    def node_log_masses(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count nodes"]:
        """Log-masses of the cells of all sizes, in the order of `Tree.nodes`."""
        logits = self.read(condition, present, count)
        logits = logits + torch.from_numpy(np.log(cells.areas_sr(self.tree.nodes))).to(logits)
        layers, begin = [logits[:, :6].log_softmax(-1)], 6
        for inner in self.tree.inner:
            choice = logits[:, begin : begin + 4 * len(inner)].view(count, -1, 4).log_softmax(-1)
            above = layers[-1][:, torch.from_numpy(inner)]
            layers.append((above[:, :, None] + choice).flatten(1))
            begin += 4 * len(inner)
        return torch.cat(layers, dim=-1)

    def _log_density_at(self, log_mass: Float[Tensor, "n leaves"], y: Float[Tensor, "n k 3"]) -> Float[Tensor, "n k"]:
        ids = cells.cell_ids(y.reshape(-1, 3).cpu().double().numpy(), cells.MAX_LEVEL)
        at = torch.from_numpy(cells.find(self.tree.leaves, ids)).view(y.shape[:2]).to(log_mass.device)
        return log_mass.gather(1, at) - torch.from_numpy(self.tree.log_areas).to(log_mass)[at]


class Tree:
    """The cells above and at the leaves, level by level.

    Raises:
        ValueError: the leaves do not cover the Earth once.
    """

    def __init__(self, leaves: UInt64[ndarray, " n"]) -> None:
        levels = cells.levels(leaves)
        if abs(float(np.sum(4.0**-levels)) - 6.0) > 1e-9:
            raise ValueError("The leaves of a tree of cells must cover the whole Earth exactly once.")
        self.leaves = leaves
        layers, self.inner = [cells.all_cells(0)], list[Int[ndarray, " _"]]()
        for level in range(int(levels.max())):
            split = np.unique(cells.parents(leaves[levels > level], level))
            self.inner.append(np.searchsorted(layers[-1], split))
            layers.append(cells.children(split).ravel())
        self.nodes = np.concatenate(layers)

    @cached_property
    def leaf_nodes(self) -> Int[ndarray, " n"]:
        """Index of each leaf among the nodes."""
        order = np.argsort(self.nodes)
        return np.asarray(order[np.searchsorted(self.nodes[order], self.leaves)])

    @cached_property
    def log_areas(self) -> Float[ndarray, " n"]:
        """Logarithms of the leaves' areas in steradian."""
        return np.asarray(np.log(cells.areas_sr(self.leaves)))


def grown(units: Float[ndarray, "n 3"], split_at: int, finest: int) -> UInt64[ndarray, " m"]:
    """Leaves, sorted: the faces of the cube, cut while they hold so many points."""
    points = np.sort(cells.cell_ids(units, cells.MAX_LEVEL))
    done, ids = [], cells.all_cells(0)
    for _ in range(finest):
        first, last = cells.id_range(ids)
        held = np.searchsorted(points, last, side="right") - np.searchsorted(points, first)
        done.append(ids[held < split_at])
        ids = cells.children(ids[held >= split_at]).ravel()
    return np.sort(np.concatenate([*done, ids]))


def strewn(y: Float[Tensor, "n 3"], tau_rad: float, draws: int, generator: Generator) -> Float[Tensor, "n draws 3"]:
    """Points around each place whose density falls as exp(-d/τ): the distance is the sum of two exponentials."""
    y = y.repeat_interleave(draws, dim=0)
    uniform = torch.rand(len(y), 3, generator=generator)
    away = (-tau_rad * (1 - uniform[:, :2]).log().sum(-1, keepdim=True)).clamp(max=math.pi)
    turn = 2 * math.pi * uniform[:, 2:]
    first, second = sphere.frame(y)
    return sphere.normalize(sphere.exp(y, away * (turn.cos() * first + turn.sin() * second))).view(-1, draws, 3)
