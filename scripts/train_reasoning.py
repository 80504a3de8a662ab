"""`lookhear train reasoning DATA --out DIR --stage sft`: a language model learns to explain, and is rewarded.

DATA is an AVG-style folder with the records of perception in it. The stages, each of which goes on where it stopped:

    --stage sft       the cold start, from traces made by rule          -> DIR/sft/adapter
    --stage flow      ψ of training clips, and the flow given ψ         -> DIR/flow-<model>/head
    --stage grpo      rewards; calibration asks the flow, if it is there  -> DIR/grpo/adapter
    --stage measure   rewards of held-out clips, with intervals     -> DIR/measured-<stage>.json, compared-….json

One process, or several (`torchrun --standalone --nproc_per_node 8 -m lookhear.scripts.main train reasoning …`).
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from lookhear.prediction.training.config import TrainConfig
from lookhear.reasoning.mllm.backend import BackendConfig, note_features
from lookhear.reasoning.training.grpo import GrpoConfig
from lookhear.reasoning.training.machine import MachineConfig
from lookhear.reasoning.training.sft import ADAPTER, SftConfig

if TYPE_CHECKING:
    from lookhear.data.avg.row import Split
    from lookhear.prediction.example import Example
    from lookhear.reasoning.mllm.backend import Backend
    from lookhear.reasoning.mllm.brief import Brief
    from lookhear.reasoning.rewards.rows import Reward
    from lookhear.reasoning.training.lessons import Lesson

Stage = Literal["sft", "flow", "grpo", "measure"]

LEARNT: tuple[str, ...] = ("sft", "grpo")
"""Stages that leave an adapter, in their order."""


@dataclass(frozen=True)
class TrainReasoningConfig:
    """Teach a language model to explain where clips were recorded."""

    data: Annotated[Path, tyro.conf.Positional]
    """The folder, with metadata.jsonl and the records of perception."""
    out: Annotated[Path, tyro.conf.arg(aliases=("-o",))]
    """Where everything is written; for several machines, a folder they share."""
    stage: Stage = "sft"
    """What to do."""
    after: Literal["nothing", "sft", "grpo"] | None = None
    """Stages flow and measure: ask the model as it is after this stage; the last that was done by default."""
    clips: int = 2000
    """Training clips; more need more briefs (about half a second each)."""
    clip_seed: int = 0
    """Draws the clips."""
    held_out: int = 200
    """Stage flow: validation clips; stage measure: test clips."""
    sampled: int = 0
    """Stage measure: traces sampled for each clip, at --grpo.temperature, as GRPO does; 0: one, written greedily."""
    records: Path | None = None
    """Where the records of perception are, if not in the folder itself."""
    briefs: Path | None = None
    """Where briefs are kept, to be shared between runs; `briefs` in the folder of this run by default."""
    backend: BackendConfig = field(default_factory=BackendConfig)
    """The model."""
    reward: tuple[str, ...] = ("distance", "consistency", "calibration", "answer_format", "grounding")
    """Rewards of ours by name (docs/rewards.md), or of yours as module:function."""
    weights: tuple[float, ...] = ()
    """What each is worth; all alike by default."""
    sft: SftConfig = field(default_factory=SftConfig)
    """The cold start."""
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    """Learning by rewards."""
    flow: TrainConfig = field(default_factory=lambda: TrainConfig(steps=2000, batch=256, validate_every=100))
    """The flow given ψ."""
    machine: MachineConfig = field(default_factory=MachineConfig)
    """Processes, precision, trackers."""

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.reward):
            raise ValueError(
                f"There are {len(self.reward)} rewards but {len(self.weights)} --weights; give one for each."
            )
        if self.clips < 1 or self.held_out < 2 or self.sampled < 0:
            raise ValueError(
                f"--clips counts from 1, --held-out from 2 and --sampled from 0, not {self.clips}, {self.held_out} and "
                f"{self.sampled}."
            )

    @property
    def asked_after(self) -> str:
        """The stage whose model is asked."""
        if self.after is not None:
            return self.after
        done = [stage for stage in LEARNT if (self.out / stage / ADAPTER / "adapter_config.json").exists()]
        return done[-1] if done else "nothing"


def train_reasoning(config: TrainReasoningConfig) -> int:
    """Run one stage; 0: it is done."""
    from lookhear.data.training.processes import leave_processes
    from lookhear.prediction.solver import fast_gemm

    config.out.mkdir(parents=True, exist_ok=True)
    with fast_gemm():
        {"sft": _sft, "flow": _flow, "grpo": _grpo, "measure": _measure}[config.stage](config)
    leave_processes()
    return 0


def _sft(config: TrainReasoningConfig) -> None:
    from lookhear.reasoning.training.sft import train_sft

    backend = open_after(config, "nothing")
    lessons = lessons_of(config, backend, "train", config.clips)
    folder = train_sft(
        backend.model, backend.processor, lessons, config.sft, config.out / "sft", backend.wording, config.machine
    )
    note_features(folder, config.backend)
    print(f"The adapter is in {folder}")


def _grpo(config: TrainReasoningConfig) -> None:
    from lookhear.reasoning.mllm.psi import PsiTap
    from lookhear.reasoning.training.grpo import train_grpo

    backend = open_after(config, "sft")
    # where nothing points, "unknown" is right, but rewards give it nothing: such clips would teach the model to guess
    lessons = [one for one in lessons_of(config, backend, "train", config.clips) if one.brief.options]
    weights = config.weights or (1.0,) * len(config.reward)
    with PsiTap(backend.model).listening() as tap:
        rewards = list(zip(rewards_of(config, tap), weights, strict=True))
        folder = train_grpo(
            backend.model,
            backend.processor,
            lessons,
            rewards,
            config.grpo,
            config.out / "grpo",
            backend.wording,
            config.machine,
        )
    note_features(folder, config.backend)
    print(f"The adapter is in {folder}")


def _flow(config: TrainReasoningConfig) -> None:
    from lookhear.prediction.psi_flow import train_psi_flow
    from lookhear.scripts.reasoning_answers import psi_rows

    asked = config.asked_after
    backend = open_after(config, asked)
    counts: dict[Split, int] = {"train": config.clips, "validation": config.held_out}
    training, validation = (
        psi_rows(config.out, asked, backend, config.data, split, *clips_of(config, split, count), config.backend)
        for split, count in counts.items()
    )
    folder = train_psi_flow(training, validation, config.flow, config.out / f"flow-{asked}", config.data.name)
    print(f"The flow is in {folder}")


def _measure(config: TrainReasoningConfig) -> None:
    from lookhear.scripts.reasoning_answers import Sampled, measure

    asked = config.asked_after
    examples, briefs = clips_of(config, "test", config.held_out)
    backend = None if asked == "nothing" else open_after(config, asked)
    flows = {stage: flow for stage in LEARNT if (flow := psi_flow(config, stage)) is not None}
    sampled = Sampled(config.sampled, config.grpo.temperature) if config.sampled else None
    print(measure(config.out, asked, backend, config.data, examples, briefs, flows, config.backend, sampled))


def open_after(config: TrainReasoningConfig, stage: str) -> Backend:
    """The model as it is after a stage.

    Raises:
        FileNotFoundError: that stage was not done.
    """
    from lookhear.reasoning.mllm.backend import open_backend

    done = () if stage == "nothing" else LEARNT[: LEARNT.index(stage) + 1]
    for one in done:
        if not (config.out / one / ADAPTER / "adapter_config.json").exists():
            raise FileNotFoundError(f"There is no adapter in {config.out / one}; run --stage {one} to its end first.")
    device = config.machine.asked_on if config.stage in ("flow", "measure") else "cpu"  # a trainer moves it itself
    return open_backend(config.backend.with_adapters([config.out / one / ADAPTER for one in done]), device)


def lessons_of(config: TrainReasoningConfig, backend: Backend, split: Split, count: int) -> list[Lesson]:
    """Clips to learn from, with their briefs."""
    from lookhear.reasoning.training.lessons import Lesson

    def lesson(example: Example, brief: Brief) -> Lesson:
        row = example.row
        columns = {"recorded_at": row.recorded_at, "location_id": row.location_id}
        return Lesson(brief, row.point, lambda: backend.images(example.record, config.data, row.file_name), columns)

    return [lesson(*pair) for pair in zip(*clips_of(config, split, count), strict=True)]


def clips_of(config: TrainReasoningConfig, split: Split, count: int) -> tuple[list[Example], list[Brief]]:
    """Clips of a split, drawn by seed, and their briefs, which are kept in the folder."""
    from lookhear.prediction.briefing import kept_briefs
    from lookhear.prediction.example import read_examples
    from lookhear.prediction.methods.log_linear import LogLinear
    from lookhear.prediction.methods.ours import ours

    chosen = drawn(config.data, split, count, config.clip_seed, config.records)

    def fitted() -> LogLinear:
        method = ours()
        method.fit(read_examples(config.data, "train", config.records))
        return method

    with _one_at_a_time(config):
        return chosen, kept_briefs(config.briefs or config.out / "briefs", split, fitted, chosen, config.machine.quiet)


def drawn(data: Path, split: Split, count: int, seed: int, records: Path | None = None) -> list[Example]:
    """Clips of a split; fewer of the same seed are the first of more.

    Raises:
        ValueError: there is none.
    """
    import numpy as np

    from lookhear.prediction.example import read_examples

    found = list(read_examples(data, split, records))
    if not found:
        raise ValueError(f"There is no clip of split {split!r} in {data}.")
    return [found[k] for k in np.random.default_rng(seed).permutation(len(found))[:count]]


def _one_at_a_time(config: TrainReasoningConfig) -> Any:
    """Of several processes the main one makes briefs, the others read them."""
    from lookhear.data.training.processes import accelerator_for

    accelerator = accelerator_for(config.flow.device)
    return accelerator.main_process_first() if accelerator.num_processes > 1 else nullcontext()


def rewards_of(config: TrainReasoningConfig, tap: Any) -> list[Reward]:
    """The rewards that were asked for; calibration asks the flow given ψ, if one was trained after the cold start."""
    from lookhear.reasoning.rewards import load_reward
    from lookhear.reasoning.rewards.calibration import Calibration
    from lookhear.reasoning.rewards.psi_density import UnderPsi, WithPsi

    flow = psi_flow(config, "sft")
    rewards: list[Reward] = [load_reward(name) for name in config.reward]
    if flow is None:
        return rewards
    calibration = WithPsi(Calibration(UnderPsi(flow)), tap.take)
    return [calibration if isinstance(one, Calibration) else one for one in rewards]


def psi_flow(config: TrainReasoningConfig, after: str) -> Any:
    """The flow given ψ of the model after a stage; None where there is none."""
    from lookhear.prediction.psi_flow import PsiFlow
    from lookhear.prediction.trained_head import HEAD

    folder = config.out / f"flow-{after}" / HEAD
    return PsiFlow.load(folder) if (folder / "model.safetensors").exists() else None
