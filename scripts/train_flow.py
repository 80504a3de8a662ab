"""`lookhear train flow DATA --out DIR`: train the flow, or a rival, on clips that perception has been through.

DATA is an AVG-style folder (`metadata.jsonl`) with the records of perception in it; its train and validation splits
are used. In DIR: checkpoints and metrics while it trains, and at the end the folder `head` with the weights, the base
and the model card. The same command goes on where it stopped. One process, or several:

    lookhear train flow DATA --out DIR
    torchrun --standalone --nproc_per_node 8 -m lookhear.scripts.main train flow DATA --out DIR
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from lookhear.data.avg.row import Split
from lookhear.prediction.training.config import BaseName, TrainConfig

if TYPE_CHECKING:
    from lookhear.prediction.density import CellDensity
    from lookhear.prediction.example import Example
    from lookhear.prediction.flow import Base
    from lookhear.prediction.training.features import FeatureSet
    from lookhear.prediction.training.head import Head


@dataclass(frozen=True)
class TrainFlowConfig:
    """Train the flow, or a rival of it, on the clips of an AVG-style folder."""

    data: Annotated[Path, tyro.conf.Positional]
    """The folder, with metadata.jsonl and the records of perception."""
    out: Annotated[Path, tyro.conf.arg(aliases=("-o",))]
    """Where everything is written; for several machines, a folder they share."""
    records: Path | None = None
    """Where the records of perception are, if not in the folder itself."""
    head: str = "flow"
    """What is trained: flow, or a baseline of docs/baselines.md such as vmf_mixture."""
    features: tuple[str, ...] | None = None
    """Features it is given, by default those that the clips have (sight, sound); also "evidence", where the evidence
    points; none: an unconditional head."""
    base: BaseName = "uniform"
    """What a flow starts from: knowing nothing, kernels on the training places, or each clip's evidence posterior."""
    hidden: int = 512
    """Width of the network."""
    layers: int = 4
    """Its linear layers."""
    fourier: int = 256
    """Fourier features a flow sees of a point; 0: its coordinates alone."""
    references: int = 0
    """For a flow of places alone from the uniform base: every so many-th place of a batch is led through the network,
    against the mean velocity of the ways to all of them; `--features --references 64 --batch 16384` learns best."""
    clips: int | None = None
    """Learn from so many training clips, and stop by a quarter as many, spread evenly over the set; all by default."""
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes that compute evidence posteriors."""
    train: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(
        default_factory=lambda: TrainConfig(drop_all=0.1, drop_part=0.1)
    )
    """How it is trained."""

    def __post_init__(self) -> None:
        from lookhear.prediction.baselines import BASELINES

        if self.head != "flow" and self.head not in BASELINES:
            raise ValueError(f"There is no head {self.head!r}; choose flow, {', '.join(BASELINES)}.")
        if self.head != "flow" and self.base != "uniform":
            raise ValueError(f"Only a flow starts from somewhere; leave --base out for the head {self.head!r}.")
        if self.references and (self.head != "flow" or self.base != "uniform" or self.features != ()):
            raise ValueError("--references are for a flow of places alone from the uniform base; add --features alone.")
        if self.clips is not None and self.clips < 4:
            raise ValueError(f"--clips must be at least 4, but it is {self.clips}.")


def train_flow(config: TrainFlowConfig) -> int:
    """Read the data, train, and write the folder to hand on."""
    import torch

    from lookhear.data.training.processes import accelerator_for, leave_processes
    from lookhear.prediction.trained_head import HEAD
    from lookhear.prediction.training.artefact import Trained, write_artefact
    from lookhear.prediction.training.trainer import train

    accelerator = accelerator_for(config.train.device)
    speaks = accelerator.is_main_process
    with accelerator.main_process_first():  # the others read the posteriors it wrote
        training, validation = read_sets(config)
    torch.manual_seed(config.train.seed)
    head = make_head(config, training, validation)
    if speaks:
        print(f"training: {training}\nvalidation: {validation}")
    progress = train(head, training, validation, config.train, config.out)
    if speaks:
        trained = Trained(head, config.base, training, validation, config.data.name, config.train, progress)
        write_artefact(config.out / HEAD, trained)
        print(f"validation NLL {progress.best_nll:.3f} nats per steradian; the head is in {config.out / HEAD}")
    leave_processes()
    return 0


def make_head(config: TrainFlowConfig, training: FeatureSet, validation: FeatureSet) -> Head:
    """An untrained one."""
    from lookhear.prediction.baselines import BASELINES
    from lookhear.prediction.training.flow_head import FlowHead, calm_flow_head, flow_config, flow_path

    if config.head != "flow":
        return BASELINES[config.head](training, validation, hidden=config.hidden, layers=config.layers)
    net = flow_config(training.sizes, config.hidden, config.layers, config.fourier)
    if config.references:
        return calm_flow_head(training, validation, net, config.references)
    return FlowHead(net, flow_path())


def read_sets(config: TrainFlowConfig) -> tuple[FeatureSet, FeatureSet]:
    """Training and validation clips with the features asked for, and what the head starts from.

    Raises:
        ValueError: a split is empty, or no training clip has one of the features.
    """
    from lookhear.prediction.training.features import FeatureSet

    clips = read_clips(config, "train", config.clips), read_clips(config, "validation", (config.clips or 0) // 4)
    training, validation = (FeatureSet.of(some) for some in clips)
    names = chosen_features(config, training)
    found: tuple[list[CellDensity], ...] = ([], [])
    if config.base == "evidence" or "evidence" in names:
        from lookhear.data.models import cache_dir
        from lookhear.prediction.training.posteriors import posteriors, with_evidence

        found = tuple(posteriors(some, cache_dir() / "derived", config.jobs) for some in clips)
        training, validation = with_evidence(training, found[0]), with_evidence(validation, found[1])
    bases = make_bases(config.base, training, validation, found)
    chosen = training.only(names, training.sizes), validation.only(names, training.sizes)
    return replace(chosen[0], base=bases[0]), replace(chosen[1], base=bases[1])


def chosen_features(config: TrainFlowConfig, training: FeatureSet) -> tuple[str, ...]:
    """The features asked for, or by default those that training clips have.

    Raises:
        ValueError: no training clip has one that was asked for, or any.
    """
    there = tuple(training.condition)
    lacking = [name for name in config.features or () if name not in (*there, "evidence")]
    if lacking or (config.features is None and not there):
        what = f"the feature {lacking[0]!r}, only {', '.join(there) or 'none'}" if lacking else "any feature"
        raise ValueError(
            f"No training clip in {config.data} has {what}; `lookhear dataset perceive` makes sight and sound from "
            "media, and --features alone trains an unconditional head."
        )
    return there if config.features is None else config.features


def read_clips(config: TrainFlowConfig, split: Split, count: int | None) -> list[Example]:
    """The clips of a split, or so many of them, spread evenly."""
    from lookhear.prediction.example import read_examples

    found = list(read_examples(config.data, split, config.records))
    if not found:
        raise ValueError(f"There is no clip of split {split!r} in {config.data}.")
    kept = min(count or len(found), len(found))
    return [found[k * len(found) // kept] for k in range(kept)]


def make_bases(
    name: BaseName, training: FeatureSet, validation: FeatureSet, evidence: Sequence[list[CellDensity]]
) -> tuple[Base, Base]:
    """What a flow starts from in training and in validation; bandwidths of kernels are chosen on validation places."""
    import torch

    from lookhear.prediction.flow import UniformBase
    from lookhear.prediction.flow_density import CellBase
    from lookhear.prediction.training.bases import PlaceKernels

    if name == "evidence":
        return CellBase(evidence[0]), CellBase(evidence[1])
    if name == "uniform":
        return UniformBase(), UniformBase()
    places = torch.unique(training.y, dim=0)
    kernels = PlaceKernels.fit(places, torch.unique(validation.y, dim=0)).base()
    return kernels, kernels
