"""`lookhear evaluate-oracle`: how far the species of a place alone can locate it, beside AG-CLIP's Table 1.

Given a checklist of the true place by the range model itself, how near do species ranges come to it?
Candidates are the land places of GeoCLIP's gallery; the places asked about are others of the same gallery, drawn
by seed and never among the candidates. AG-CLIP made its checklists with SINR for iNatSounds' places, so
the two columns show the same experiment on other maps and other places.

Rows: the whole checklist (species with a chance of at least `threshold`); half of it dropped at random; ten species of
it. The first two use presence and absence, with a soft edge around the threshold; the last uses the likelihood of
`lookhear locate`, Π p_s/Z.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from jaxtyping import Bool, Float
from numpy import ndarray
from tqdm import tqdm

from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import great_circle_km, unit_vectors
from lookhear.data.models import model_path
from lookhear.prediction.density import geometric_median
from lookhear.prediction.metrics.accuracy import THRESHOLDS_KM, Accuracy

if TYPE_CHECKING:
    from torch import Tensor

    from lookhear.perception.ranges import RangeModel

PUBLISHED = {
    "whole checklist": (15.0, (0.640, 0.978, 0.999, 1.000)),
    "half dropped": (54.0, (0.328, 0.833, 0.988, 1.000)),
    "ten species": (325.0, (0.100, 0.376, 0.766, 0.983)),
}
"""AG-CLIP's Table 1, "Species Oracles": median km and shares within the thresholds."""

KNOWN_RANGE = 0.005
"""Labels that score no higher than this at any candidate are left out: no species, or no known range."""

SOFT_EDGE = 8.0
"""Steepness of a checklist's edge in units of log-odds: a species just at the threshold counts half."""

CHUNK = 8192


@dataclass(frozen=True)
class EvaluateOracleConfig:
    """How far the species of a place alone can locate it, beside AG-CLIP's Table 1."""

    places: int = 2000
    """How many places are asked about."""
    threshold: float = 0.18
    """A species is on a place's checklist from this chance on."""
    seed: int = 0
    """Draws the places and what is dropped."""
    out: Path | None = None
    """Where to write the table as JSON too."""

    def __post_init__(self) -> None:
        if self.places < 1 or not 0 < self.threshold < 1:
            raise ValueError(f"Ask about at least one place and give a threshold in (0, 1), not {self.threshold}.")


@dataclass(frozen=True)
class Row:
    """One experiment."""

    name: str
    """What was known of the checklist."""
    accuracy: Accuracy
    """How near the answers came."""
    coverage_50: float
    """Share of places inside their 50 % region."""
    coverage_90: float
    """Share of places inside their 90 % region."""


@dataclass
class Places:
    """Chances of all species at some places."""

    units: Float[ndarray, "n 3"]
    """Unit vectors."""
    chance: Float[Tensor, "n species"]
    """In half precision: the table is over a gigabyte."""


def evaluate_oracle(config: EvaluateOracleConfig) -> int:
    """Run the three experiments and print them beside the published figures."""
    asked, candidates = load_places(config)
    count = f"{len(candidates.units):,} candidates, {len(asked.units):,} other places (seed {config.seed})"
    print(f"{count}, {asked.chance.shape[1]:,} species, checklist from {config.threshold} on")
    rows = [
        with_checklists(config, asked, candidates, "whole checklist", kept=1.0),
        with_checklists(config, asked, candidates, "half dropped", kept=0.5),
        with_ten_species(config, asked, candidates),
    ]
    print(table(rows))
    if config.out:
        write_atomic(config.out, json.dumps([asdict(row) for row in rows], indent=1))
    return 0


def load_places(config: EvaluateOracleConfig) -> tuple[Places, Places]:
    """The places asked about, and the candidates."""
    import torch

    from lookhear.perception.ranges import RangeModel

    path = model_path("geoclip", "coordinates_100K.csv")
    lat_lon = np.unique(np.genfromtxt(path, delimiter=",", skip_header=1), axis=0)
    lat_lon = lat_lon[on_land(lat_lon)]
    lat_lon = lat_lon[np.random.default_rng(config.seed).permutation(len(lat_lon))]
    chance = chances(RangeModel.load(), torch.as_tensor(lat_lon, dtype=torch.float32))
    chance = chance[:, chance.amax(0) > KNOWN_RANGE]
    units, n = unit_vectors(lat_lon[:, 0], lat_lon[:, 1]), config.places
    return Places(units[:n], chance[:n]), Places(units[n:], chance[n:])


def on_land(lat_lon: Float[ndarray, "n 2"]) -> Bool[ndarray, " n"]:
    """Which places lie in a country, or within 0.1° of one."""
    tree = shapely.STRtree(list(gazetteer().countries.values()))
    points = shapely.points(lat_lon[:, 1], lat_lon[:, 0])
    held = np.zeros(len(lat_lon), dtype=bool)
    held[tree.query(points, predicate="dwithin", distance=0.1)[0]] = True
    return held


def chances(model: RangeModel, lat_lon: Float[Tensor, "n 2"]) -> Float[Tensor, "n 6522"]:
    """The range model's year-round chances, in half precision."""
    import torch

    with torch.inference_mode():
        parts = tqdm(lat_lon.split(CHUNK), "Range model")
        return torch.cat([model(part[:, 0], part[:, 1]).half() for part in parts])


def checklist(chance: Float[Tensor, "n s"], threshold: float) -> Float[Tensor, "n s"]:
    """Chance that each species is on a place's checklist: a soft step at the threshold."""
    import torch

    odds = torch.logit(chance.float(), eps=1e-6) - float(np.log(threshold / (1 - threshold)))
    return torch.sigmoid(SOFT_EDGE * odds).clamp(1e-6, 1 - 1e-6)


def with_checklists(config: EvaluateOracleConfig, asked: Places, candidates: Places, name: str, kept: float) -> Row:
    """Presence and absence of every species, of which a share was kept on the list."""
    import torch

    generator = torch.Generator().manual_seed(config.seed)
    listed = asked.chance >= config.threshold
    seen = (listed & (torch.rand(listed.shape, generator=generator) < kept)).float()

    def log_likelihood(places: Places) -> Float[Tensor, "asked n"]:
        parts = []
        for chance in tqdm(places.chance.split(CHUNK), name):
            on_list = kept * checklist(chance, config.threshold)
            present, absent = torch.log(on_list), torch.log1p(-on_list)
            parts.append(seen @ (present - absent).T + absent.sum(1))
        return torch.cat(parts, 1)

    return score(name, log_likelihood, asked, candidates)


def with_ten_species(config: EvaluateOracleConfig, asked: Places, candidates: Places) -> Row:
    """Ten species of the list (all, where it is shorter), by the likelihood of `lookhear locate`: Π p_s/Z."""
    import torch

    generator = torch.Generator().manual_seed(config.seed)
    listed = asked.chance >= config.threshold
    order = torch.where(listed, torch.rand(listed.shape, generator=generator), torch.inf)
    chosen = order.argsort(1)[:, :10]
    used = torch.gather(listed, 1, chosen).float()

    def log_likelihood(places: Places) -> Float[Tensor, "asked n"]:
        parts = []
        for chance in tqdm(places.chance.split(CHUNK), "ten species"):
            share = torch.log(chance.float().clamp_min(1e-6)) - torch.log(chance.float().sum(1, keepdim=True))
            by_species = share.T.contiguous()
            parts.append(torch.stack([u @ by_species[c] for u, c in zip(used, chosen, strict=True)]))
        return torch.cat(parts, 1)

    return score("ten species", log_likelihood, asked, candidates)


def score(
    name: str, log_likelihood: Callable[[Places], Float[Tensor, "asked n"]], asked: Places, candidates: Places
) -> Row:
    """Distances of the geometric medians, and how often the true place is in the 50 and 90 % regions."""
    import torch

    logs, own = log_likelihood(candidates), log_likelihood(asked).diagonal()
    errors, held = [], np.zeros((len(own), 2), dtype=bool)
    for k, one in enumerate(tqdm(logs, f"{name}: answers")):
        mass = torch.softmax(one.double(), 0).numpy()
        center = geometric_median(candidates.units, mass)
        errors.append(float(great_circle_km(center, asked.units[k])))
        order = np.argsort(-mass)
        edges = np.searchsorted(np.cumsum(mass[order]), (0.5, 0.9))
        held[k] = [float(own[k]) >= float(one[order[min(edge, len(order) - 1)]]) for edge in edges]
    covered = held.mean(0)
    return Row(name, Accuracy.of(np.array(errors)), float(covered[0]), float(covered[1]))


def table(rows: list[Row]) -> str:
    """Both systems side by side, as text."""
    heads = "".join(f"≤{threshold:g} km".rjust(11) for threshold in THRESHOLDS_KM)
    lines = [f"{'':<27}{'median km':>10}{heads}{'in 50 %':>10}{'in 90 %':>10}"]
    for row in rows:
        ours, (their_median, theirs) = row.accuracy, PUBLISHED[row.name]
        shares = "".join(f"{share:>11.1%}" for share in ours.within)
        covered = f"{row.coverage_50:>10.1%}{row.coverage_90:>10.1%}"
        lines.append(f"{row.name + ', ours':<27}{ours.median_km:>10.0f}{shares}{covered}")
        published = "".join(f"{share:>11.1%}" for share in theirs)
        lines.append(f"{'  AG-CLIP':<27}{their_median:>10.0f}{published}")
    return "\n".join(lines)
