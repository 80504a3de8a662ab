"""`lookhear ablation DATA --out DIR`: what each part of the method adds, as in Table 4 of the AVG paper.

Each row adds one thing to the row before, and is trained and asked once a seed:

    0  a flow given the features of sight and sound
    1  + perception   the flow starts from the evidence posterior, and is given where the evidence points
    2  + reasoning    it is given ψ of the language model too, after the cold start
    4  + R_geo        … after GRPO with the ladder of S2 cells (the paper's numbers leave out 3)
    5  + R_align      … with the hardened consistency beside it
    6  + R_calib      … with the calibration under the flow of row 2 beside it

A row whose language model is rewarded is rewarded for the form as well. A second table has what the language model
itself answers, since a flow that starts from the evidence may be content with that. On disk, all of it gone on from:

    DIR/briefs/, DIR/seed-<k>/reasoning/ (cold start), DIR/seed-<k>/row-<id>/ (GRPO, ψ, flow, distances.jsonl)
    DIR/ablation.json, and the tables that are printed, as ablation.md
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro
from tqdm import tqdm

from lookhear.data.atomic import write_atomic
from lookhear.data.geo import GeoPoint
from lookhear.prediction.training.config import TrainConfig
from lookhear.reasoning.mllm.backend import BackendConfig
from lookhear.reasoning.training.grpo import GrpoConfig
from lookhear.reasoning.training.machine import MachineConfig
from lookhear.reasoning.training.sft import ADAPTER, SftConfig
from lookhear.scripts.ablation_tables import ANSWERED, ROWS, RULES, accuracies, as_text, own_as_text
from lookhear.scripts.reasoning_answers import NOTHING, Interval, psi_rows, scores_of, told, with_interval
from lookhear.scripts.train_reasoning import TrainReasoningConfig, clips_of, open_after, train_reasoning

if TYPE_CHECKING:
    from lookhear.data.avg.row import Split
    from lookhear.prediction.example import Example
    from lookhear.prediction.training.features import FeatureSet
    from lookhear.reasoning.mllm.brief import Brief
    from lookhear.scripts.reasoning_answers import Answered

DRAWS = 2000
"""Points drawn from a flow, whose geometric median is its answer."""


@dataclass(frozen=True)
class AblationConfig:
    """Measure what each part of the method adds."""

    data: Annotated[Path, tyro.conf.Positional]
    """An AVG-style folder with the records of perception in it."""
    out: Annotated[Path, tyro.conf.arg(aliases=("-o",))]
    """Where everything is written."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Each row is trained once a seed; the clips stay the same."""
    rows: tuple[str, ...] = tuple(ROWS)
    """Rows to measure, by the paper's numbers."""
    clips: int = 2000
    """Training clips; a quarter as many for validation."""
    held_out: int = 400
    """Test clips."""
    jobs: int = 1
    """Processes that compute evidence posteriors."""
    cold: Path | None = None
    """A run of `lookhear train reasoning` with whose cold start, and flow given ψ if there is one, each seed begins; by
    default each has its own."""
    backend: BackendConfig = field(default_factory=BackendConfig)
    """The language model."""
    sft: SftConfig = field(default_factory=SftConfig)
    """The cold start."""
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    """Learning by rewards."""
    flow: TrainConfig = field(default_factory=lambda: TrainConfig(steps=2000, batch=256, validate_every=100))
    """The flow."""
    machine: MachineConfig = field(default_factory=MachineConfig)
    """Processes, precision."""

    def __post_init__(self) -> None:
        for one in self.rows:
            if one not in ROWS:
                raise ValueError(f"There is no row {one!r}; choose from {', '.join(ROWS)}.")
        if self.cold is not None and not (self.cold / "sft" / ADAPTER / "adapter_config.json").exists():
            raise FileNotFoundError(f"There is no cold start in {self.cold}; run `train reasoning --stage sft` there.")
        if not self.seeds or self.clips < 8 or self.held_out < 2:
            raise ValueError(
                f"One seed, 8 clips and 2 held out are the least, not {self.seeds}, {self.clips} and {self.held_out}."
            )

    def reasoning(self, seed: int, folder: str, **changes: object) -> TrainReasoningConfig:
        """The settings of a stage of the language model; clips are drawn by seed 0, all else by this one."""
        given = TrainReasoningConfig(
            data=self.data,
            out=self.out / f"seed-{seed}" / folder,
            briefs=self.out / "briefs",
            clips=self.clips,
            held_out=self.held_out,
            backend=self.backend,
            sft=self.sft,
            grpo=self.grpo,
            flow=self.flow,
            machine=replace(self.machine, seed=seed),
            clip_seed=0,
        )
        return replace(given, **changes)  # type: ignore[arg-type]


def ablation(config: AblationConfig) -> int:
    """Run what is not done yet, and print the table."""
    errors: dict[str, list[np.ndarray]] = {}
    for seed in config.seeds:
        for name in config.rows:
            errors.setdefault(name, []).append(errors_of(config, seed, name))
    places = np.array([example.row.location_id for example in clips(config, "test")])
    table = {name: accuracies(np.stack(each), places) for name, each in errors.items()}
    reasoning = [name for name in config.rows if ROWS[name].reasons]
    own = {name: own_answers(config, name, places) for name in ([RULES, *reasoning] if reasoning else ())}
    text = f"{as_text(config, table)}\n\n{own_as_text(own)}" if own else as_text(config, table)
    write_atomic(config.out / "ablation.json", json.dumps({"flow": table, "answers": own}, indent=1) + "\n")
    write_atomic(config.out / "ablation.md", text + "\n")
    print(text)
    return 0


def errors_of(config: AblationConfig, seed: int, name: str) -> np.ndarray:
    """Distances to the truth of the test clips, in kilometres; those that are known are read."""
    folder = config.out / f"seed-{seed}" / f"row-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    path, test = folder / "distances.jsonl", clips(config, "test")
    kept = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    said = not ROWS[name].reasons or own_told(config, seed, name, test) is not None
    if not said or [clip_id for clip_id, _ in kept] != [one.row.clip_id for one in test]:
        reason(config, seed, name)
        kept = list(answered(config, seed, name))
        write_atomic(path, "".join(json.dumps(one) + "\n" for one in kept))
    return np.array([math.inf if error is None else error for _, error in kept])


def reason(config: AblationConfig, seed: int, name: str) -> None:
    """Bring the language model to where the row needs it."""
    row = ROWS[name]
    if not row.reasons:
        return
    cold = config.reasoning(seed, "reasoning")
    adapter = cold.out / "sft" / ADAPTER
    if config.cold is not None:
        for part in ("sft", "answers", "flow-sft"):
            _copy(config.cold / part, cold.out / part)
        theirs, ours = (run / "sft" / ADAPTER / "adapter_model.safetensors" for run in (config.cold, cold.out))
        if theirs.read_bytes() != ours.read_bytes():
            raise ValueError(f"{cold.out} has another cold start than {config.cold}; give another --out.")
    if not (adapter / "adapter_config.json").exists():
        train_reasoning(cold)
    if "calibration" in row.rewards and not (cold.out / "flow-sft" / "head" / "README.md").exists():
        train_reasoning(replace(cold, stage="flow", after="sft", held_out=config.clips // 4))
    if row.rewards:
        mine = config.reasoning(seed, f"row-{name}", stage="grpo", reward=(*row.rewards, "answer_format"))
        for part in ("sft", "flow-sft") if "calibration" in row.rewards else ("sft",):
            _copy(cold.out / part, mine.out / part)
        if not (mine.out / "grpo" / ADAPTER / "adapter_config.json").exists():
            train_reasoning(mine)


def _copy(folder: Path, to: Path) -> None:
    """Copy a folder without its checkpoints, if it is there and the copy is not; the copy is whole or not there."""
    if folder.exists() and not to.exists():
        half = to.with_name(f"{to.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(folder, half, ignore=shutil.ignore_patterns("checkpoint*"))
        half.rename(to)


def answered(config: AblationConfig, seed: int, name: str) -> Iterator[tuple[str, float | None]]:
    """A flow trained for the row, and how far its answers lie from the truth."""
    import torch

    from lookhear.data.models import cache_dir
    from lookhear.prediction.density import geometric_median
    from lookhear.prediction.flow_density import CellBase
    from lookhear.prediction.training.bases import PlaceKernels
    from lookhear.prediction.training.flow_head import FlowHead, flow_config, flow_path
    from lookhear.prediction.training.posteriors import posteriors, with_evidence
    from lookhear.prediction.training.trainer import train

    splits: tuple[Split, ...] = ("train", "validation", "test")
    sets = [with_psi(config, seed, name, split) for split in splits]
    if ROWS[name].perceives:
        found = [posteriors(clips(config, split), cache_dir() / "derived", config.jobs) for split in splits]
        sets = [with_evidence(one, some) for one, some in zip(sets, found, strict=True)]
        sets = [replace(one, base=CellBase(some)) for one, some in zip(sets, found, strict=True)]
    else:
        places = (torch.unique(one.y, dim=0) for one in sets[:2])
        kernels = PlaceKernels.fit(*places).base()
        sets = [replace(one, base=kernels) for one in sets]
    torch.manual_seed(seed)
    head = FlowHead(flow_config(sets[0].sizes, hidden=256, fourier=64), flow_path())
    folder = config.out / f"seed-{seed}" / f"row-{name}" / "flow"
    train(head, sets[0], sets[1], replace(config.flow, seed=seed), folder, quiet=config.machine.quiet)
    for k, example in enumerate(tqdm(clips(config, "test"), f"Row {name}", disable=config.machine.quiet)):
        known = {part: values[k : k + 1] for part, values in sets[2].condition.items() if sets[2].present[part][k]}
        drawn = head.density(known, sets[2].base, k).sample(DRAWS, seed=k)  # seven times as fast as a map
        middle = geometric_median(drawn, np.full(DRAWS, 1 / DRAWS))
        error_km = GeoPoint.from_unit(middle).distance_km(example.row.point) if np.isfinite(middle).all() else None
        yield example.row.clip_id, error_km


def with_psi(config: AblationConfig, seed: int, name: str, split: Split) -> FeatureSet:
    """The features of a split, with ψ where the row reasons."""
    from lookhear.prediction.psi_flow import PSI
    from lookhear.prediction.training.features import FeatureSet

    row, some = ROWS[name], clips(config, split)
    if not row.reasons:
        return FeatureSet.of(some)
    asked, stage = asked_of(config, seed, name)
    briefs = clips_of(asked, split, len(some))[1]
    psi = psi_rows(asked.out, stage, open_after(asked, stage), config.data, split, some, briefs, config.backend).psi
    told = [
        replace(one, record=replace(one.record, features={**one.record.features, PSI: vector}))
        for one, vector in zip(some, psi, strict=True)
    ]
    return FeatureSet.of(told)


def asked_of(config: AblationConfig, seed: int, name: str) -> tuple[TrainReasoningConfig, str]:
    """The run whose language model a row asks, and the stage after which it does."""
    rewarded = bool(ROWS[name].rewards)
    folder, after = (f"row-{name}", "grpo") if rewarded else ("reasoning", "sft")
    return config.reasoning(seed, folder, stage="flow"), after


def own_answers(config: AblationConfig, name: str, places: np.ndarray) -> dict[str, Interval]:
    """Scores of what the language model of a row answers itself, or the rules do, over all seeds, with intervals."""
    test, each = clips(config, "test"), []
    for seed in config.seeds[:1] if name == RULES else config.seeds:
        said = own_told(config, seed, name, test)
        assert said is not None  # or the row would have been asked again
        each.append(scores_of(said[0], test, said[1]))
    return {
        column: tuple(times * value for value in with_interval(np.mean([one[key] for one in each], axis=0), places))  # type: ignore[misc]
        for column, (key, times) in ANSWERED.items()
    }


def own_told(
    config: AblationConfig, seed: int, name: str, test: Sequence[Example]
) -> tuple[list[Answered], list[Brief]] | None:
    """What the language model of a row, or the rules, said of the test clips, and what it was told of them."""
    asked, stage = (config.reasoning(seed, RULES), NOTHING) if name == RULES else asked_of(config, seed, name)
    briefs = clips_of(asked, "test", len(test))[1]
    answers = told(asked.out, stage, briefs, config.backend)
    return None if answers is None else (answers, briefs)


def clips(config: AblationConfig, split: Split) -> list[Example]:
    """The clips of a split, the same for every row and seed."""
    from lookhear.scripts.train_reasoning import drawn

    count = {"train": config.clips, "validation": config.clips // 4, "test": config.held_out}[split]
    return drawn(config.data, split, count, 0)
