"""MART: training the dictionary on mixtures (AVG, section 3.1), from one CPU process to eight GPUs.

In: an `IcSae`, encoded mixtures to learn from and others to validate on, a `MartConfig` and a folder. Out: the trained
dictionary; in the folder the checkpoint and the curve:

    step-00001200.safetensors   all that is needed to go on; the same call does so by itself (and the one before it)
    metrics.jsonl               a line at every validation

Losing power costs the steps since the last checkpoint and nothing else: what a step draws follows from the seed and its
number, so on a CPU the curve is the same bit for bit. Only the main process writes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from lookhear.data.atomic import only_writer
from lookhear.data.training.checkpoint import (
    Checkpoint,
    read_newest,
    refuse_not_finite,
    refuse_other,
    write_checkpoint,
)
from lookhear.data.training.metrics_log import MetricsLog
from lookhear.data.training.moments import load_moments, moments_of
from lookhear.data.training.processes import accelerator_for, refuse_separate_folders
from lookhear.perception.atoms.config import MartConfig
from lookhear.perception.atoms.examples import Examples
from lookhear.perception.atoms.ic_sae import IcSae
from lookhear.perception.atoms.mart_loss import mart_loss
from lookhear.perception.atoms.optimiser import optimiser_for
from lookhear.perception.atoms.virtual import draw_virtual

if TYPE_CHECKING:
    from accelerate import Accelerator

Validate = Callable[[IcSae], dict[str, float]]
"""Numbers for a line of metrics.jsonl; the first of them is shown while training."""

KEEP = 2
"""Checkpoints that stay: the older one serves if the newest is damaged."""


def train(
    sae: IcSae, examples: Examples, config: MartConfig, folder: Path, validate: Validate, quiet: bool = False
) -> None:
    """Train a dictionary, or go on where an earlier call with the same folder stopped.

    Raises:
        ValueError: the batch cannot be shared, the checkpoint is of another run, a weight is no longer a number, or
            accelerate is missing.
        BlockingIOError: another run holds the folder.
    """
    accelerator = accelerator_for(config.device)
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder) if accelerator.is_main_process else nullcontext():
        run = MartRun(sae, examples, config, folder, validate, accelerator)
        run.resume()
        run.to_the_end(quiet)


class Objective(nn.Module):
    """The loss as a module, so that processes share its gradients."""

    def __init__(self, sae: IcSae, config: MartConfig) -> None:
        super().__init__()
        self.sae, self.config = sae, config

    def forward(self, examples: Examples, rows: Int[Tensor, " batch"], dead: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted loss of some mixtures, and which kernels they took."""
        config, device = self.config, self.sae.dictionary.device
        maps, truth, parts, gains = self._mixtures(examples, rows)
        some = max(1, round(config.reconstructed * len(rows)))
        targets = examples.singles[parts[:some].clamp(min=0)].float() if config.reconstruction else None
        loss = mart_loss(
            self.sae,
            maps.to(device),
            truth.to(device),
            None if targets is None else targets.to(device),
            gains[:some].to(device),
            (torch.rand(len(rows)) < config.forced).to(device),
            dead if config.revival else None,
        )
        total = loss.classes + config.reconstruction * loss.reconstruction + config.revival * loss.revival
        return total, loss.used

    def _mixtures(self, examples: Examples, rows: Int[Tensor, " batch"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Maps, classes, parts and gains: real mixtures, and after them virtual ones in place of a share of them."""
        made = draw_virtual(examples, round(self.config.virtual * len(rows)), self.config.step_db)
        rows = rows[: len(rows) - len(made.maps)]
        return (
            torch.cat([examples.maps[rows].float(), made.maps]),
            torch.cat([examples.truth(rows), made.truth]),
            torch.cat([examples.parts[rows], made.parts]),
            torch.cat([examples.gains[rows], made.gains]),
        )


class MartRun:
    """One training, and what is done in it."""

    def __init__(
        self,
        sae: IcSae,
        examples: Examples,
        config: MartConfig,
        folder: Path,
        validate: Validate,
        accelerator: Accelerator,
    ) -> None:
        config.share(accelerator.num_processes)
        self.examples, self.config, self.folder, self.check = examples, config, folder, validate
        self.accelerator, self.sae = accelerator, sae.to(accelerator.device)
        self.optimiser = optimiser_for(self.sae, config)
        self.objective = accelerator.prepare_model(Objective(self.sae, config))
        self.unused = torch.zeros(sae.config.kernels, dtype=torch.long, device=accelerator.device)
        self.step, self.seconds = 0, 0.0
        self.metrics = MetricsLog(folder / "metrics.jsonl", accelerator.is_main_process)
        self.losses: list[Tensor] = []
        self._orders: dict[int, Int[Tensor, " n"]] = {}

    def resume(self) -> None:
        """Go on from the newest whole checkpoint, if there is one; metrics after it are dropped."""
        found = read_newest(self.folder)
        refuse_separate_folders(self.accelerator, self.folder, 0 if found is None else found.step)
        if found is not None:
            refuse_other(self.folder, found.record["identity"], self.identity)
            self.load(found)
        self.metrics.cut(-1 if found is None else found.step)

    def load(self, found: Checkpoint) -> None:
        """What `kept` gave."""
        weights = {name[4:]: value for name, value in found.tensors.items() if name.startswith("sae.")}
        self.sae.load_state_dict(weights)
        moments = {name[7:]: value for name, value in found.tensors.items() if name.startswith("moment.")}
        load_moments(self.optimiser, moments)
        self.unused = found.tensors["unused"].to(self.unused.device)
        self.losses = list(found.tensors.get("losses", self.unused.new_empty(0)).to(self.unused.device).unbind())
        self.step, self.seconds = found.step, found.record["seconds"]

    def to_the_end(self, quiet: bool) -> None:
        """Take all steps that are left."""
        config, began = self.config, time.monotonic() - self.seconds
        silent = quiet or not self.accelerator.is_main_process
        with tqdm(total=config.steps, initial=self.step, desc="Training", unit="step", disable=silent) as bar:
            while self.step < config.steps:
                self.take_step()
                self.seconds = time.monotonic() - began
                ends = self.step == config.steps
                if self.step % config.validate_every == 0 or ends:
                    bar.set_postfix(self.validate(), refresh=False)
                if self.step % config.checkpoint_every == 0 or ends:
                    kept = self.kept()
                    if self.accelerator.is_main_process:
                        write_checkpoint(self.folder, kept, KEEP)
                bar.update()
        self.sae.eval()
        self.accelerator.wait_for_everyone()

    def take_step(self) -> None:
        """One step of the optimiser, kernels back at unit norm, and who was used."""
        self.sae.train()
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 64 + self.accelerator.process_index)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.lr_at(self.step)
        self.optimiser.zero_grad()
        loss, used = self.objective(self.examples, self.rows(), self.unused >= self.config.dead_after)
        self.accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.sae.parameters(), self.config.clip_norm)
        self.optimiser.step()
        with torch.no_grad():
            self.sae.dictionary.copy_(F.normalize(self.sae.dictionary, dim=1))
        anyone: Tensor = self.accelerator.reduce(used.long(), "sum")
        self.unused = torch.where(anyone > 0, 0, self.unused + 1)
        self.losses.append(loss.detach())
        self.step += 1

    def rows(self) -> Int[Tensor, " share"]:
        """This process's share of the step's mixtures: every epoch is a new order of all."""
        first, count = self.step * self.config.batch, len(self.examples)
        places = torch.arange(first, first + self.config.batch)
        mine = places[self.accelerator.process_index :: self.accelerator.num_processes]
        orders = [
            self._order(epoch)[mine[mine // count == epoch] % count] for epoch in (mine // count).unique().tolist()
        ]
        return torch.cat(orders)

    def _order(self, epoch: int) -> Int[Tensor, " n"]:
        if epoch not in self._orders:
            draws = torch.Generator().manual_seed(self.config.seed + 7919 * epoch)
            self._orders = {epoch: torch.randperm(len(self.examples), generator=draws)}
        return self._orders[epoch]

    def validate(self) -> dict[str, float]:
        """Numbers of the moment; they join the metrics."""
        self.sae.eval()
        numbers = self.check(self.sae)
        dead = int((self.unused >= self.config.dead_after).sum())
        mean: Float[Tensor, ""] = self.accelerator.reduce(torch.stack(self.losses).mean(), "mean")
        self.metrics.add(self.step, self.seconds, loss=float(mean), dead_kernels=dead, **numbers)
        self.losses.clear()
        return dict(list(numbers.items())[:2])

    def kept(self) -> Checkpoint:
        """All that is needed to go on from here.

        Raises:
            ValueError: a weight is no longer a number.
        """
        weights = self.sae.state_dict()
        refuse_not_finite(weights, self.step)
        tensors = {f"sae.{name}": value for name, value in weights.items()} | {"unused": self.unused}
        tensors |= {f"moment.{name}": value for name, value in moments_of(self.optimiser).items()}
        if self.losses:  # since the last validation
            tensors["losses"] = self.accelerator.reduce(torch.stack(self.losses), "mean")
        return Checkpoint(self.step, tensors, {"seconds": self.seconds, "identity": self.identity})

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have been made with to be gone on from."""
        data = {"mixtures": len(self.examples), "first_map": round(float(self.examples.maps[0].double().sum()), 3)}
        whole = {"sae": asdict(self.sae.config), **self.config.fixed(), **data}
        return json.loads(json.dumps(whole))  # type: ignore[no-any-return]
