"""A picture's feature in, where on Earth it points out: a likelihood over S2 cells, fine where it says much.

The feature lives in the space of GeoCLIP's location encoder. With e_i the unit embedding of place i, z the unit
feature, and the mean over land (each place stands for the land of its cell, however many places there are),

    log ratio_i = log((1 − ν) · exp(β cos(z, e_i)) / mean over land of exp(β cos(z, e)) + ν).

exp(β cos) is von Mises and Fisher's density of z about e_i, whose constant is the same for every place; ν is the
chance that the picture tells nothing of its place. At sea only ν is left. GeoCLIP's own "probability" is a softmax
over whatever is in the gallery, so a town with a hundred entries is a hundred times likelier: here it is not. β and ν
are fitted on features of known places (`sharpness.py`), not taken from training.

Places and cells are those of `gallery_places`: GeoCLIP's 100,000 coordinates and the rest of the land, or a table of
one's own, over all land or within a region. In an answer, only the most telling level-6 cells are in parts (`WORTH`,
`APART`).

On disk: `cache_dir()/derived/gallery-<content>.safetensors`, "embeddings" [places, 512] float16, made on first use.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely
import torch
from jaxtyping import Float, Int, UInt64
from numpy import ndarray
from safetensors.torch import load_file, save
from torch import Tensor

from lookhear.data import cells
from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import LEVEL
from lookhear.data.geo import GeoPoint
from lookhear.data.models import cache_dir, model_path
from lookhear.perception.evidence import CellLikelihood
from lookhear.perception.gallery_places import GalleryPlaces, read_places
from lookhear.perception.geoclip import LocationEncoder
from lookhear.perception.species import Progress, silent

WORTH = 2.0
"""A level-6 cell is kept in parts only if one of them is so many times likelier than the mean of land…"""

APART = 128
"""…and among so many of the likeliest; others are one cell (without it an answer has 32,000 cells that say little)."""

BATCH = 2048


@dataclass(frozen=True)
class Sharpness:
    """How much a cosine says; fitted on simulated pictures (docs/avg-sim.md) for want of real ones."""

    beta: float = 25.0
    """Concentration: nats per unit of cosine."""
    nothing: float = 0.1
    """Chance that a picture tells nothing of its place."""


@dataclass(frozen=True)
class Match:
    """A place of the gallery that a picture looks like."""

    point: GeoPoint
    """The place."""
    cosine: float
    """How alike, from -1 to 1; no probability."""


@dataclass
class Gallery:
    """Places with their embeddings, in cells.

    Example:
        >>> gallery = Gallery.of_geoclip()                                          # doctest: +SKIP
        >>> where = gallery.where(feature)
        >>> Gallery.of_csv("stations.csv", read_outline("Poland")).top(feature, 5)
    """

    encoder: LocationEncoder
    """Embeds places."""
    places: GalleryPlaces
    """What a picture is compared with."""
    sharpness: Sharpness = field(default_factory=Sharpness)
    """How much a cosine says."""
    progress: Progress = silent
    """Shows that the first use takes a while."""

    @classmethod
    def of_geoclip(
        cls,
        sharpness: Sharpness | None = None,
        progress: Progress = silent,
        region: shapely.Geometry | None = None,
    ) -> Gallery:
        """GeoCLIP's own coordinates, and the rest of the land, or of a region's.

        Raises:
            MissingModelError: GeoCLIP was not fetched.
        """
        return cls.of_csv(model_path("geoclip", "coordinates_100K.csv"), region, sharpness, progress)

    @classmethod
    def of_csv(
        cls,
        path: str | Path,
        region: shapely.Geometry | None = None,
        sharpness: Sharpness | None = None,
        progress: Progress = silent,
    ) -> Gallery:
        """The places of a table with columns of latitude and longitude, and the rest of the land, or of a region's.

        Raises:
            MissingModelError: GeoCLIP was not fetched.
            OSError: the table cannot be read.
            ValueError: it holds no places, or the region no land.
        """
        places = GalleryPlaces.cached(read_places(Path(path)), region)
        return cls(LocationEncoder.load(), places, sharpness or Sharpness(), progress)

    @classmethod
    def of(
        cls,
        encoder: LocationEncoder,
        units: Float[ndarray, "n 3"],
        sharpness: Sharpness,
        progress: Progress = silent,
    ) -> Gallery:
        """Own places; the land without any is represented by the centres of its cells."""
        return cls(encoder, GalleryPlaces.of(units), sharpness, progress)

    @property
    def leaves(self) -> UInt64[ndarray, " cells"]:
        """Cells of land, sorted and disjoint."""
        return self.places.leaves

    @property
    def leaf(self) -> Int[ndarray, " places"]:
        """Index of the cell of each place, ascending."""
        return self.places.leaf

    @property
    def units(self) -> Float[ndarray, "places 3"]:
        """Unit vectors of the places."""
        return self.places.units

    @property
    def land(self) -> Float[ndarray, " cells"]:
        """Share of all land that each cell holds."""
        return self.places.land

    def where(self, feature: Float[ndarray, " 512"]) -> CellLikelihood:
        """How much likelier such a picture is in each cell than on average over land."""
        log_ratio = self.log_ratio(self.cosines(feature))
        best = np.maximum.reduceat(log_ratio, self._first_of_group)
        bar = np.sort(best)[-APART - 1] if len(best) > APART else -np.inf
        telling = best > max(np.log(WORTH), bar)
        apart = telling[self._group]
        whole = np.flatnonzero(~telling)
        mean = self._group_mean(np.exp(log_ratio))[whole]
        ids = np.concatenate([self.leaves[apart], self._groups[whole]])
        values = np.concatenate([log_ratio[apart], np.log(mean)])
        order = np.argsort(ids)
        return CellLikelihood.of(ids[order], values[order], float(np.log(max(self.sharpness.nothing, 1e-6))))

    def top(self, feature: Float[ndarray, " 512"], count: int = 5) -> list[Match]:
        """The places most like a picture, at most one a cell, most alike first."""
        cosines = self.cosines(feature)
        highest = np.maximum.reduceat(cosines, self._first)
        best = np.argsort(-highest, kind="stable")[:count]
        place = [self._first[k] + int(np.argmax(cosines[self._first[k] :][: self._count[k]])) for k in best]
        return [Match(GeoPoint.from_unit(self.units[k]), float(cosines[k])) for k in place]

    def cosines(self, feature: Float[ndarray, " 512"]) -> Float[ndarray, " places"]:
        """Cosine of a feature of any length with each place's embedding."""
        unit = torch.as_tensor(feature, dtype=torch.float32)
        unit = unit / unit.norm().clamp_min(1e-12)
        return np.asarray((self.embeddings @ unit).numpy())

    def log_ratio(
        self, cosines: Float[ndarray, " places"], sharpness: Sharpness | None = None
    ) -> Float[ndarray, " cells"]:
        """Each cell's log-ratio in nats, from the mean over its places; `sharpness` is the gallery's own by default."""
        beta, nothing = astuple(sharpness or self.sharpness)
        density = np.add.reduceat(np.exp(beta * (cosines - cosines.max())), self._first) / self._count
        return np.asarray(np.log((1 - nothing) * density / (self.land @ density) + nothing))

    @cached_property
    def embeddings(self) -> Float[Tensor, "places 512"]:
        """Unit embeddings of the places, kept in a file."""
        path = cache_dir() / "derived" / f"gallery-{self._fingerprint}.safetensors"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, save({"embeddings": self._embed().half()}))
        return load_file(path)["embeddings"].float()

    def _embed(self) -> Float[Tensor, "places 512"]:
        starts = range(0, len(self.units), BATCH)
        steps = self.progress(range(len(starts)), "Embedding places (once)")
        return torch.cat([self.encoder.embed(self.units[starts[k] : starts[k] + BATCH]) for k in steps])

    def _group_mean(self, cell_values: Float[ndarray, " cells"]) -> Float[ndarray, " groups"]:
        """Means over level-6 cells, by land area."""
        total = np.add.reduceat(self.land * cell_values, self._first_of_group)
        return np.asarray(total / np.add.reduceat(self.land, self._first_of_group))

    @cached_property
    def _parents(self) -> UInt64[ndarray, " cells"]:
        return cells.parents(self.leaves, LEVEL)

    @cached_property
    def _groups(self) -> UInt64[ndarray, " groups"]:
        return np.unique(self._parents)

    @cached_property
    def _group(self) -> Int[ndarray, " cells"]:
        return np.searchsorted(self._groups, self._parents)

    @cached_property
    def _first_of_group(self) -> Int[ndarray, " groups"]:
        return np.searchsorted(self._parents, self._groups)

    @cached_property
    def _first(self) -> Int[ndarray, " cells"]:
        return np.searchsorted(self.leaf, np.arange(len(self.leaves)))

    @cached_property
    def _count(self) -> Int[ndarray, " cells"]:
        return np.bincount(self.leaf, minlength=len(self.leaves))

    @cached_property
    def _fingerprint(self) -> str:
        """Changes with the places and the encoder: all that the embeddings are made of."""
        digest = hashlib.sha256(np.ascontiguousarray(self.units).tobytes())
        for tensor in self.encoder.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:16]
