"""How good the flow is as a density: the four earth sets of the literature, beside published figures and kernels.

In: the folder with the four files. Out: a table of test NLL in nats, mean ± standard deviation over seeds, as JSON
too with `--out`. Each run keeps its checkpoints and its result in `--runs`: the same command goes on where it stopped.
"As published" is the split of riemannian-fm, on which three of the four sets reward copying; "no copies" leaves
validation and test places within 1 km of a training place out. Flood is the set to look at.

    python -m lookhear.scripts.evaluate_earth EARTH_DIR --sets flood --seeds 5 --bases uniform places
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import tyro

from lookhear.data.atomic import write_atomic
from lookhear.prediction.flow import UniformBase
from lookhear.prediction.training.bases import RATIOS, SIGMAS_KM, PlaceKernels
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.flow_head import BLUR_KM, FlowHead, calm_flow_head, flow_config, flow_path
from lookhear.prediction.training.trainer import train
from lookhear.scripts.evaluate_earth_data import EarthName, Split, read_places, split, without_copies

PUBLISHED = {"volcano": (-7.93, -9.52), "earthquake": (-0.28, -0.40), "flood": (0.42, 0.25), "fire": (-1.86, -2.47)}
"""Test NLL of Riemannian flow matching (Chen and Lipman 2024, Table 2), and the best published one."""

FLOOR_KM = 64.0
"""The narrowest kernel of the rival that cannot copy."""

FINE_KM = (0.6, 1.0, 2.0, 4.0, *SIGMAS_KM)
"""Bandwidths of the mixed kernels, and of the base made of them."""

REFERENCES = 64
"""One place in so many of a batch is led through the network, against the mean over the batch."""

Version = Literal["as published", "no copies"]
VERSIONS: tuple[Version, ...] = ("as published", "no copies")


@dataclass(frozen=True)
class EvaluateEarthConfig:
    """What to train and to compare."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder with volerup.csv, quakes_all.csv, flood.csv and fire.csv."""
    sets: tuple[EarthName, ...] = ("flood",)
    """Which of them."""
    seeds: int = 5
    """How many splits."""
    first_seed: int = 0
    """The first of them."""
    bases: tuple[Literal["uniform", "places"], ...] = ("uniform", "places")
    """What flows start from; none: the rivals only."""
    versions: tuple[Version, ...] = ("as published",)
    """With the copies the published split has, without them, or both."""
    steps: int = 9_000
    """Steps from the uniform base; from the places a quarter as many."""
    hidden: int = 512
    """Width of the network."""
    batch: int = 16_384
    """Places a step; from the uniform base one in 64 is led through the network, from the places they are 256."""
    lr: float = 4e-3
    """Highest learning rate from the uniform base; from the places a tenth."""
    runs: Path = Path("earth-runs")
    """Where checkpoints and results of the runs are kept."""
    out: Path | None = None
    """Where to write all figures as JSON too."""

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.first_seed < 0:
            raise ValueError(f"There must be at least one seed, from 0 on, but these are {self.seeds}.")

    @property
    def numbers(self) -> range:
        """The seeds."""
        return range(self.first_seed, self.first_seed + self.seeds)


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: EarthName
    """Which set."""
    version: Version
    """Which split."""
    model: str
    """What was judged."""
    test_nll: tuple[float, ...]
    """Nats, one a seed."""
    seconds: float
    """Mean time of a seed."""

    def __str__(self) -> str:
        spread = f" ± {np.std(self.test_nll, ddof=1):.3f}" if len(self.test_nll) > 1 else ""
        return f"{self.name:<11}{self.version:<14}{self.model:<36}{np.mean(self.test_nll):>8.3f}{spread:<9}"


def evaluate_earth(config: EvaluateEarthConfig) -> int:
    """Train and judge everything that was asked for, and print a line as soon as it is known."""
    torch.set_num_threads(1)
    print(f"test NLL in nats, uniform {math.log(4 * math.pi):.3f}, seeds {config.numbers[0]} to {config.numbers[-1]}")
    lines = []
    for name, version in product(config.sets, config.versions):
        if version == "as published":
            rfm, best = PUBLISHED[name]
            print(f"{name:<11}{version:<14}published: RFM {rfm:.2f}, best {best:.2f}")
        for line in judged(config, name, version):
            print(f"{line}  {line.seconds:.0f} s a seed", flush=True)
            lines.append(line)
            if config.out:
                write_atomic(config.out, json.dumps([asdict(one) for one in lines], indent=1) + "\n")
    return 0


def judged(config: EvaluateEarthConfig, name: EarthName, version: Version) -> Iterator[Line]:
    """The rivals and the flows on one set."""
    units = read_places(config.folder, name)
    splits = {seed: split(units, seed) for seed in config.numbers}
    if version == "no copies":
        splits = {seed: without_copies(one) for seed, one in splits.items()}
    models: dict[str, Callable[[int], tuple[float, float]]] = {
        f"kernels, σ ≥ {FLOOR_KM:g} km": lambda seed: (kernels(splits[seed], FLOOR_KM), 0.0),
        f"kernels, σ ≥ {FINE_KM[0]:g} km": lambda seed: (kernels(splits[seed], FINE_KM[0]), 0.0),
        "the same, and σ by neighbours": lambda seed: (kernels(splits[seed], FINE_KM[0], RATIOS), 0.0),
    }
    for base in config.bases:
        models[f"flow from {base}"] = lambda seed, base=base: flow(  # type: ignore[misc]
            config, splits[seed], base, seed, config.runs / f"{name}-{version.replace(' ', '-')}-{base}-{seed}"
        )
    for model, judge in models.items():
        found = [judge(seed) for seed in config.numbers]
        nll, seconds = zip(*found, strict=True)
        yield Line(name, version, model, nll, float(np.mean(seconds)))


def kernels(places: Split, floor_km: float, ratios: tuple[float, ...] = ()) -> float:
    """Test NLL of kernels of several bandwidths and an even part, weighed by expectation maximisation on validation."""
    sigma_km = [sigma for sigma in FINE_KM if sigma >= floor_km]
    found = PlaceKernels.fit(places.training, places.validation, sigma_km, ratios)
    return -float(found.log_density(places.test).mean())


def flow(config: EvaluateEarthConfig, places: Split, base: str, seed: int, folder: Path) -> tuple[float, float]:
    """Test NLL of a flow and the seconds its training took; read from the folder if it is known already."""
    kept = folder / "result.json"
    settings = {"steps": config.steps, "hidden": config.hidden, "batch": config.batch, "lr": config.lr}
    settings |= {"references": REFERENCES, "blur_km": BLUR_KM}
    if kept.exists() and (record := json.loads(kept.read_text()))["settings"] == settings:
        return record["test_nll"], record["seconds"]
    even = base == "uniform"
    start = UniformBase() if even else PlaceKernels.fit(places.training, places.validation, FINE_KM).base()
    known, others = (FeatureSet(y, base=start) for y in (places.training, places.validation))
    torch.manual_seed(seed)
    net = flow_config({}, config.hidden)
    head = calm_flow_head(known, others, net, REFERENCES) if even else FlowHead(net, flow_path())
    progress = train(head, known, others, train_config(config, base, seed), folder)
    units = places.test.double().numpy()
    nll = -float(head.density({}, start).log_density(units).mean())
    record = {"settings": settings, "test_nll": nll, "validation_nll": progress.best_nll, "seconds": progress.seconds}
    write_atomic(kept, json.dumps(record) + "\n")
    return nll, progress.seconds


def train_config(config: EvaluateEarthConfig, base: str, seed: int) -> TrainConfig:
    """From the places there is little left to learn: fewer and shorter steps."""
    if base == "uniform":
        return TrainConfig(config.steps, config.batch, lr=config.lr, seed=seed, validate_every=1000)
    steps = max(1, config.steps // 4)
    batch = max(1, config.batch // REFERENCES)
    return TrainConfig(steps, batch, lr=config.lr / 10, seed=seed, validate_every=250, patience=2)


if __name__ == "__main__":
    evaluate_earth(tyro.cli(EvaluateEarthConfig))
