"""Classification of places into H3 cells of resolution 0, 1 or 2, flat or hierarchical; even within a cell.

A place's cell is what h3 itself says: the nearest centre is another cell for 1 to 2.4 % of the Earth (measured).
Flat: one softmax. Hierarchical: softmax over the 122 cells of resolution 0, then over the children of each, twice; a
place's path is that of its resolution-2 cell, whose ancestors need not hold it (6 to 7 % do not: H3 cells do not nest
exactly). The published hierarchy picks the best cell of three separate models from coarse to fine and has no
likelihood; this is the product of three softmaxes, trained at once. Untrained, both are uniform over the Earth's area.

Source: the classification baselines of Chasmai et al. 2025, "Bioacoustic geolocation" (AG-CLIP, A.5);
Brodsky 2018, "H3".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from numpy import ndarray
from torch import Tensor

from lookhear.data import cells
from lookhear.data.geo import lat_lon_deg
from lookhear.prediction.baselines.baseline import Trunked
from lookhear.prediction.baselines.trunk import TrunkConfig
from lookhear.prediction.condition import Condition, Present, check_query
from lookhear.prediction.density import CellDensity
from lookhear.prediction.flow import Base
from lookhear.prediction.training.features import Batch

MAP_LEVEL = 7
"""Level of the S2 cells of a map: 72 km, a quarter of the width of H3's resolution 2."""


@dataclass(frozen=True)
class H3Config:
    """Settings of a classification.

    Raises:
        ValueError: a hierarchy was asked for that has one level only.
    """

    trunk: TrunkConfig
    """The network."""
    resolution: Literal[0, 1, 2] = 2
    """122, 842 or 5,882 cells."""
    hierarchical: bool = False
    """Whether each cell is chosen among its siblings, from resolution 0 on."""

    def __post_init__(self) -> None:
        if self.hierarchical and self.resolution == 0:
            raise ValueError("A hierarchy needs at least resolution 1, but 0 was asked for.")


class H3Cells(Trunked):
    """A softmax over cells."""

    name = "h3_cells"
    config_type = H3Config

    def __init__(self, config: H3Config) -> None:
        steps = range(config.resolution + 1) if config.hierarchical else [config.resolution]
        super().__init__(config, sum(len(h3_table(step).ids) for step in steps))
        self.tables = [h3_table(step) for step in steps]
        self.log_areas = [np.log(self.tables[-1].areas_sr)]
        for table in self.tables[:0:-1]:  # a cell counts for what its descendants cover
            self.log_areas.insert(0, np.log(np.bincount(table.parent, np.exp(self.log_areas[0]))))

    def rows_log_density(self, batch: Batch) -> Float[Tensor, " n"]:
        """Log of the mass of each row's cell over its area."""
        log_mass = self.log_masses(batch.condition, batch.present, len(batch.y))
        table = self.tables[-1]
        at = torch.from_numpy(table.index(batch.y.cpu().double().numpy())).to(log_mass.device)
        areas = torch.from_numpy(np.log(table.areas_sr)).to(log_mass)
        return log_mass.gather(1, at[:, None])[:, 0] - areas[at]

    def density(self, condition: Condition, base: Base | None = None, row: int = 0) -> H3Density:
        """Masses of one clip."""
        check_query(self.config.trunk.sizes, condition)
        with torch.no_grad():
            log_mass = self.log_masses(condition, {}, 1)[0].cpu().double()
        return H3Density(self.tables[-1], log_mass.log_softmax(0).numpy())

    def log_masses(self, condition: Condition, present: Present, count: int) -> Float[Tensor, "count cells"]:
        """Log-masses of the cells of the finest resolution."""
        parts = self.read(condition, present, count).split([len(table.ids) for table in self.tables], dim=-1)
        logits = [part + torch.from_numpy(area).to(part) for part, area in zip(parts, self.log_areas, strict=True)]
        log_mass: Tensor = logits[0].log_softmax(-1)
        for table, part in zip(self.tables[1:], logits[1:], strict=True):
            parent = torch.from_numpy(table.parent).to(part.device)
            above: Tensor = log_mass[:, parent]
            log_mass = above + _softmax_within(part, parent, log_mass.shape[1])
        return log_mass


@dataclass(frozen=True, eq=False)
class H3Table:
    """All cells of a resolution."""

    resolution: int
    """H3's."""
    ids: UInt64[ndarray, " n"]
    """Sorted."""
    areas_sr: Float[ndarray, " n"]
    """Areas in steradian; they add up to 4π."""
    parent: Int[ndarray, " n"]
    """Index of each cell's parent among those of the resolution before; 0 at resolution 0."""

    def index(self, units: Float[ndarray, "n 3"]) -> Int[ndarray, " n"]:
        """Index of the cell that holds each point: h3's own answer, at 4 µs a point."""
        from h3.api.basic_int import latlng_to_cell

        lat_deg, lon_deg = lat_lon_deg(units)
        pairs = zip(lat_deg.tolist(), lon_deg.tolist(), strict=True)
        found = np.array([latlng_to_cell(lat, lon, self.resolution) for lat, lon in pairs], dtype=np.uint64)
        return np.searchsorted(self.ids, found)


@dataclass(frozen=True, eq=False)
class H3Density:
    """Probability spread evenly within each H3 cell."""

    table: H3Table
    """The cells."""
    log_mass: Float[ndarray, " n"]
    """Log-probability of each."""

    def log_density(self, units: Float[ndarray, "n 3"]) -> Float[ndarray, " n"]:
        """Log-density in nats per steradian at unit vectors."""
        return np.asarray((self.log_mass - np.log(self.table.areas_sr))[self.table.index(units)])

    def on_cells(self) -> CellDensity:
        """The same on S2 cells of level 7: each belongs to the H3 cell at its centre, whose mass is kept."""
        return self._cells

    @cached_property
    def _cells(self) -> CellDensity:
        owner, areas_sr = _on_map(self.table.resolution)
        return CellDensity.of(cells.all_cells(MAP_LEVEL), (self.log_mass - np.log(areas_sr))[owner])


@cache
def h3_table(resolution: int) -> H3Table:
    """The cells of a resolution."""
    from h3.api.basic_int import cell_area, cell_to_children, cell_to_parent, get_res0_cells

    ids = sorted(cell for root in get_res0_cells() for cell in cell_to_children(root, resolution))
    parent = np.zeros(len(ids), dtype=np.int64)
    if resolution:
        owners = np.array([cell_to_parent(cell, resolution - 1) for cell in ids], dtype=np.uint64)
        parent = np.searchsorted(h3_table(resolution - 1).ids, owners)
    areas = np.array([cell_area(cell, "rads^2") for cell in ids])
    return H3Table(resolution, np.array(ids, dtype=np.uint64), areas, parent)


@cache
def _on_map(resolution: int) -> tuple[Int[ndarray, " n"], Float[ndarray, " m"]]:
    """The H3 cell at the centre of each S2 cell of the map, and the area each H3 cell gets by that."""
    ids, table = cells.all_cells(MAP_LEVEL), h3_table(resolution)
    owner = table.index(cells.centers(ids))
    return owner, np.bincount(owner, cells.areas_sr(ids), len(table.ids))


def _softmax_within(logits: Float[Tensor, "n m"], group: Int[Tensor, " m"], groups: int) -> Float[Tensor, "n m"]:
    """Log-softmax among the entries of each group."""
    top = logits.detach().amax(-1, keepdim=True)
    sums = torch.zeros(len(logits), groups, dtype=logits.dtype, device=logits.device)
    sums = sums.index_add(1, group, (logits - top).exp())
    return logits - top - sums.log()[:, group]
