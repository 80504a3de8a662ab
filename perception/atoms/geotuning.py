"""Fine-tuning a dictionary through a location loss, without losing what its atoms mean.

In: a trained dictionary, windows with a known region each, and mixtures with known classes.
Out: the tuned dictionary and the small head that points. The paper's decomposition accuracy falls from 92 % to 68 %
when the location loss flows into the dictionary. The *label-consistency* term is MART's own loss on mixtures with
labels, added at each step: a kernel may move, but must stay the best kernel of its class.

The head is a linear layer from the atoms' activations (the highest of each class over K steps, free running) to places'
cells, so the location loss can only be lowered through what the atoms say.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from lookhear.perception.atoms.examples import Examples
from lookhear.perception.atoms.ic_sae import IcSae
from lookhear.perception.atoms.mart_loss import mart_loss


@dataclass(frozen=True)
class GeotuningConfig:
    """How a dictionary is tuned."""

    steps: int = 120
    """Steps of the optimiser."""
    head_steps: int = 500
    """Steps of the head alone, on the dictionary as it is, before that."""
    batch: int = 48
    """Windows with a place a step, and as many mixtures with labels."""
    lr: float = 3e-4
    """Learning rate of AdamW for the dictionary; ten times as much for the head."""
    consistency: float = 1.0
    """Weight of the label-consistency term; 0: the paper's fine-tuning."""
    atoms: int = 3
    """Steps of the pursuit in each window."""
    seed: int = 0
    """Everything that is drawn follows from it."""


class PlaceHead(nn.Module):
    """Atoms to logits of regions."""

    def __init__(self, sae: IcSae, regions: int, atoms: int) -> None:
        super().__init__()
        self.atoms = atoms
        self.point = nn.Linear(len(sae.config.classes), regions)
        nn.init.zeros_(self.point.weight)

    def forward(self, sae: IcSae, maps: Float[Tensor, "batch features positions"]) -> Float[Tensor, "batch regions"]:
        """Logits of the regions."""
        logits: Tensor = self.point(activations(sae, maps, self.atoms))
        return logits


def activations(
    sae: IcSae, maps: Float[Tensor, "batch features positions"], atoms: int
) -> Float[Tensor, "batch classes"]:
    """How sure each class was at the step that took it; 0 for one that was not taken. Gradients flow through it."""
    residual, likeness = sae.begin(sae(maps)), sae.likeness()
    taken = torch.zeros(len(maps), len(sae.config.classes), dtype=torch.bool, device=maps.device)
    found = torch.zeros(taken.shape, device=maps.device)
    for _ in range(atoms):
        step = sae.step(residual, likeness, taken)
        chances = torch.softmax(step.class_logits, 1)[:, :-1]
        own = F.one_hot(sae.owners[step.kernel], found.shape[1]).bool()
        found = found + torch.where(own, chances, 0.0)
        residual, taken = step.residual, taken | own
    return found


def geotune(
    sae: IcSae,
    placed: Float[Tensor, "n features positions"],
    regions: Int[Tensor, " n"],
    labelled: Examples,
    config: GeotuningConfig,
    quiet: bool = False,
) -> tuple[IcSae, PlaceHead]:
    """A tuned copy of a dictionary, and its head; the given one is not changed.

    Args:
        sae: the dictionary.
        placed: maps of windows with a known place.
        regions: the region of each.
        labelled: mixtures with known classes, for the consistency term.
        config: how.
        quiet: no progress bar.
    """
    torch.manual_seed(config.seed)
    tuned = copy.deepcopy(sae).requires_grad_(True).train()
    head = train_head(sae, placed, regions, config).requires_grad_(True)
    own, pointing = list(tuned.parameters()), list(head.parameters())
    groups: list[dict[str, Any]] = [{"params": own}, {"params": pointing, "lr": 10 * config.lr}]
    optimiser = torch.optim.AdamW(groups, config.lr, weight_decay=0.0)
    for _ in tqdm(range(config.steps), "Tuning", unit="step", disable=quiet):
        rows = torch.randint(0, len(placed), (config.batch,))
        loss = F.cross_entropy(head(tuned, placed[rows].float()), regions[rows])
        if config.consistency:
            loss = loss + config.consistency * _consistency(tuned, labelled, config.batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            tuned.dictionary.copy_(F.normalize(tuned.dictionary, dim=1))
    return tuned.eval().requires_grad_(False), head.eval().requires_grad_(False)


def train_head(
    sae: IcSae,
    placed: Float[Tensor, "n features positions"],
    regions: Int[Tensor, " n"],
    config: GeotuningConfig,
) -> PlaceHead:
    """The head on the dictionary as it is: what "before" means."""
    torch.manual_seed(config.seed)
    head = PlaceHead(sae, int(regions.max()) + 1, config.atoms)
    with torch.inference_mode():
        parts = [activations(sae, part.float(), config.atoms) for part in placed.split(256)]
    heard = torch.cat(parts).clone()
    optimiser = torch.optim.AdamW(head.parameters(), 1e-2, weight_decay=0.0)
    for _ in range(config.head_steps):
        rows = torch.randint(0, len(placed), (config.batch,))
        optimiser.zero_grad()
        F.cross_entropy(head.point(heard[rows]), regions[rows]).backward()
        optimiser.step()
    return head.eval().requires_grad_(False)


def _consistency(sae: IcSae, labelled: Examples, batch: int) -> Float[Tensor, ""]:
    rows = torch.randint(0, len(labelled), (batch,))
    maps, truth = labelled.maps[rows].float(), labelled.truth(rows)
    return mart_loss(sae, maps, truth, None, labelled.gains[:0], torch.rand(batch) < 0.5).classes
