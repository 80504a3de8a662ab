"""The training loop: one for the flow and for every baseline, from one CPU process to many GPUs on several machines.

In: a `Head`, places with features to learn from, others to validate on, a `TrainConfig` and a folder. Out: the head
with the averaged weights that did best in validation, in the folder:

    checkpoints/step-00001200.safetensors   all that is needed to go on; the same call does so by itself
    metrics.jsonl                           the curve (`lookhear.data.training.metrics_log`)

Losing power costs the steps since the last checkpoint and nothing else: what a step draws follows from the seed and its
number (`lookhear.prediction.training.sampler`), so on a CPU the curve is the same bit for bit as without the loss.
Only the main process writes. It does not know what the head is; files to hand on are written by
`lookhear.prediction.training.artefact`.
"""

from __future__ import annotations

import copy
import json
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from tqdm import tqdm

from lookhear.data.atomic import only_writer
from lookhear.data.training.checkpoint import read_newest, refuse_other, write_checkpoint
from lookhear.data.training.metrics_log import MetricsLog
from lookhear.data.training.processes import accelerator_for, refuse_separate_folders
from lookhear.prediction.matching import PathConfig, drop_condition
from lookhear.prediction.solver import fast_gemm
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.features import Batch, FeatureSet
from lookhear.prediction.training.head import Head
from lookhear.prediction.training.sampler import Sampler, generator, mixed_seed
from lookhear.prediction.training.state import Progress, State

if TYPE_CHECKING:
    from accelerate import Accelerator

VALIDATION_ROWS = 2000
"""Rows validated at once."""


def train(
    head: Head, training: FeatureSet, validation: FeatureSet, config: TrainConfig, folder: Path, quiet: bool = False
) -> Progress:
    """Train a head, or go on where an earlier call with the same folder stopped; the head gets the best weights.

    Raises:
        ValueError: there is one place only, features differ between the sets, the batch cannot be shared, the
            checkpoints are of another run, a weight is no longer a number, or accelerate is missing.
        BlockingIOError: another run holds the folder.
    """
    refuse_unfit(training, validation)
    accelerator = accelerator_for(config.device)
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder) if accelerator.is_main_process else nullcontext(), fast_gemm(accelerator.device):
        run = Run(head, training, validation, config, folder, accelerator)
        run.resume()
        run.to_the_end(quiet)
        return run.state.progress


def refuse_unfit(training: FeatureSet, validation: FeatureSet) -> None:
    """Say what makes sets unfit to be trained and validated on.

    Raises:
        ValueError: something does.
    """
    if training.places < 2:
        raise ValueError(
            f"All {len(training)} training clips are at one place, so any head would say that place; give more places."
        )
    if training.sizes != validation.sizes:
        raise ValueError(
            f"Training clips have features {training.sizes}, but validation clips {validation.sizes}; "
            "both must come from the same encoders."
        )


class Run:
    """One training, and what is done in it."""

    def __init__(
        self,
        head: Head,
        training: FeatureSet,
        validation: FeatureSet,
        config: TrainConfig,
        folder: Path,
        accelerator: Accelerator,
    ) -> None:
        self.training, self.validation, self.config, self.folder = training, validation, config, folder
        self.accelerator, self.device = accelerator, accelerator.device
        self.rank, self.processes = accelerator.process_index, accelerator.num_processes
        config.share(self.processes)
        self.sampler = Sampler(len(training), config.batch, config.seed)
        head.prepare(training)
        self.shared = accelerator.prepare_model(head)
        self.state = State(head, config)
        self.averaged = copy.deepcopy(head).eval().requires_grad_(False)
        self.metrics = MetricsLog(folder / "metrics.jsonl", accelerator.is_main_process)
        self.losses: list[Tensor] = []

    def resume(self) -> None:
        """Go on from the newest whole checkpoint, if there is one; metrics after it are dropped."""
        found = read_newest(self.folder / "checkpoints")
        refuse_separate_folders(self.accelerator, self.folder, 0 if found is None else found.step)
        if found is not None:
            refuse_other(self.folder, found.record["identity"], self.identity)
            self.state.load(found, self.device)
        self.metrics.cut(-1 if found is None else found.step)

    def to_the_end(self, quiet: bool) -> None:
        """Take all steps that are left, then give the head the best weights."""
        steps, progress, silent = self.config.steps, self.state.progress, quiet or self.rank > 0
        began = time.monotonic() - progress.seconds
        with tqdm(total=steps, initial=progress.step, unit="step", disable=silent) as bar:
            if progress.best_step < 0:
                self.validate()
            while progress.step < steps and not progress.ended_early:
                self.take_step()
                progress.seconds = time.monotonic() - began
                self.after_step()
                bar.update()
                bar.set_postfix_str(f"best NLL {progress.best_nll:.3f}", refresh=False)
        self.state.head.load_state_dict(self.state.best)
        self.accelerator.wait_for_everyone()

    def take_step(self) -> None:
        """Losses and gradients of all parts of a batch, then one step of the optimiser and of the average."""
        state, parts = self.state, self.config.accumulate
        for group in state.optimiser.param_groups:
            group["lr"] = self.config.lr_at(state.progress.step)
        state.optimiser.zero_grad()
        for part in range(parts):
            last = part == parts - 1
            with nullcontext() if last else self.accelerator.no_sync(self.shared):
                loss = self.loss(state.progress.step, self.rank * parts + part) / parts
                self.accelerator.backward(loss)
            self.losses.append(loss.detach())
        torch.nn.utils.clip_grad_norm_(state.head.parameters(), self.config.clip_norm)
        state.optimiser.step()
        state.ema.update(state.head)
        state.progress.step += 1

    def loss(self, step: int, part: int) -> Tensor:
        """The loss of one part of a step; all that is drawn follows from the numbers of the step and the part."""
        config = self.config
        draws = generator(config.seed, step, part)
        torch.manual_seed(mixed_seed(config.seed, step, part, 1))  # for layers that draw by themselves, as dropout
        rows = self.sampler.share(step, part, self.processes * config.accumulate)
        batch = dropped(self.training.take(rows, self.device), config, draws)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            return self.shared(batch, draws)  # type: ignore[no-any-return]

    def after_step(self) -> None:
        """Metrics, validation and checkpoint, where they are due."""
        config, progress = self.config, self.state.progress
        ends = progress.step == config.steps
        if progress.step % config.log_every == 0:
            self.log_losses()
        if progress.step % config.validate_every == 0 or ends:
            self.validate()
        if progress.step % config.checkpoint_every == 0 or ends or progress.ended_early:
            self.log_losses()
            kept = self.state.kept(self.identity)
            if self.accelerator.is_main_process:
                write_checkpoint(self.folder / "checkpoints", kept, config.keep)

    def validate(self) -> None:
        """Mean NLL of the validation places under the averaged weights; the best weights are remembered."""
        state = self.state
        state.ema.copy_to(self.averaged)
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        for rows in torch.arange(len(self.validation))[self.rank :: self.processes].split(VALIDATION_ROWS):
            found = self.averaged.log_density(self.validation.take(rows, self.device)).double()
            total += torch.stack([found.sum(), torch.ones_like(found).sum()])
        summed: Tensor = self.accelerator.reduce(total, "sum")
        nll = -float(summed[0] / summed[1])
        state.judge(nll, self.config.patience)
        progress = state.progress
        self.metrics.add(progress.step, progress.seconds, validation_nll=nll, best_nll=progress.best_nll)

    def log_losses(self) -> None:
        """The mean loss since the last line; none is left over when a checkpoint is written."""
        if self.losses:
            mean = self.accelerator.reduce(torch.stack(self.losses).mean() * self.config.accumulate, "mean")
            step, seconds = self.state.progress.step, self.state.progress.seconds
            self.metrics.add(step, seconds, loss=float(mean), lr=self.config.lr_at(step - 1))
        self.losses.clear()

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have been made with to be gone on from."""
        data = {"training": self.training.digest(), "validation": self.validation.digest()}
        head = {"head": self.state.head.name, **self.state.head.settings}
        whole = head | self.config.fixed() | data | {"base": type(self.training.base).__name__}
        return json.loads(json.dumps(whole))  # type: ignore[no-any-return]


def dropped(batch: Batch, config: TrainConfig, draws: torch.Generator) -> Batch:
    """A batch of which some conditions were dropped."""
    if config.drop_all == config.drop_part == 0:
        return batch
    path = PathConfig(drop_all=config.drop_all, drop_part=config.drop_part)
    return replace(batch, present=drop_condition(batch.condition, batch.present, path, draws))
