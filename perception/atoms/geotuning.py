"""Fine-tuning a dictionary through a location loss, without losing what its atoms mean.

In: a trained dictionary, windows whose place is known, and mixtures with known classes. Out: the tuned dictionary and
the small head that points. The paper's decomposition accuracy falls from 92 % to 68 % when the location loss flows
into the dictionary. The *label-consistency* term is MART's own loss on mixtures with labels, added at each step: a
kernel may move, but must stay the best kernel of its class.

The head is a linear layer from the atoms' codes (which kernels, how surely, over K steps, free running) to places, so
the location loss can only be lowered through what the atoms say. Within a class it is the kernels that tell kinds of
sound apart: there a location loss can teach what labels do not.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from lookhear.perception.atoms.examples import Examples
from lookhear.perception.atoms.ic_sae import IcSae
from lookhear.perception.atoms.mart_loss import mart_loss


@dataclass(frozen=True)
class GeotuningConfig:
    """How a dictionary is tuned."""

    steps: int = 600
    """Steps of the optimiser."""
    head_steps: int = 2_000
    """Steps of the head alone, on the dictionary as it is, before that."""
    batch: int = 96
    """Windows with a place a step, and as many mixtures with labels."""
    lr: float = 1e-3
    """Learning rate of AdamW for the dictionary, and for the head; it falls as a cosine to nothing."""
    consistency: float = 0.05
    """Weight of the label-consistency term; 0: the paper's fine-tuning. At 1 half of what tuning gains is lost."""
    atoms: int = 1
    """Steps of the pursuit in each window: as many as it has sounds."""
    seed: int = 0
    """Everything that is drawn follows from it."""


class PlaceHead(nn.Module):
    """Codes to logits of places."""

    def __init__(self, sae: IcSae, places: int, atoms: int) -> None:
        super().__init__()
        self.atoms = atoms
        self.point = nn.Linear(sae.config.kernels, places)
        nn.init.zeros_(self.point.weight)

    def forward(self, sae: IcSae, maps: Float[Tensor, "batch features positions"]) -> Float[Tensor, "batch places"]:
        """Logits of the places."""
        logits: Tensor = self.point(codes(sae, maps, self.atoms))
        return logits


def codes(sae: IcSae, maps: Float[Tensor, "batch features positions"], atoms: int) -> Float[Tensor, "batch kernels"]:
    """The chance of each kernel at the step that took its class; 0 where that was not taken. Gradients flow through it.

    A class's chance is the sum over its kernels.
    """
    residual, likeness = sae.begin(sae(maps)), sae.likeness()
    taken = torch.zeros(len(maps), len(sae.config.classes), dtype=torch.bool, device=maps.device)
    found = torch.zeros(len(maps), sae.config.kernels, device=maps.device)
    for _ in range(atoms):
        step = sae.step(residual, likeness, taken)
        chances = torch.exp(step.kernel_logits - torch.logsumexp(step.class_logits, 1, keepdim=True))
        own = F.one_hot(sae.owners[step.kernel], taken.shape[1]).bool()
        found = found + torch.where(own[:, sae.owners], chances, 0.0)
        residual, taken = step.residual, taken | own
    return found


def geotune(
    sae: IcSae,
    maps: Float[Tensor, "n features positions"],
    places: Float[Tensor, "n places"],
    labelled: Examples,
    config: GeotuningConfig,
    quiet: bool = False,
) -> tuple[IcSae, PlaceHead]:
    """A tuned copy of a dictionary, and its head; the given one is not changed.

    Args:
        sae: the dictionary.
        maps: windows with a place.
        places: how likely each place is for each.
        labelled: mixtures with known classes, for the consistency term.
        config: how.
        quiet: no progress bar.
    """
    head = train_head(sae, maps, places, config).requires_grad_(True)
    tuned = copy.deepcopy(sae).requires_grad_(True).train()
    optimiser = torch.optim.AdamW([*tuned.parameters(), *head.parameters()], config.lr, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    for _ in tqdm(range(config.steps), "Tuning", unit="step", disable=quiet):
        rows = torch.randint(0, len(maps), (config.batch,))
        loss = F.cross_entropy(head(tuned, maps[rows].float()), places[rows])
        if config.consistency:
            loss = loss + config.consistency * _consistency(tuned, labelled, config.batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            tuned.dictionary.copy_(F.normalize(tuned.dictionary, dim=1))
    return tuned.eval().requires_grad_(False), head.eval().requires_grad_(False)


def train_head(
    sae: IcSae, maps: Float[Tensor, "n features positions"], places: Float[Tensor, "n places"], config: GeotuningConfig
) -> PlaceHead:
    """The head on the dictionary as it is: what "before" means."""
    torch.manual_seed(config.seed)
    head = PlaceHead(sae, places.shape[1], config.atoms)
    with torch.inference_mode():
        parts = [codes(sae, part.float(), config.atoms) for part in maps.split(256)]
    heard = torch.cat(parts).clone()
    optimiser = torch.optim.AdamW(head.parameters(), 1e-2, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.head_steps)
    for _ in range(config.head_steps):
        rows = torch.randint(0, len(maps), (config.batch,))
        optimiser.zero_grad()
        F.cross_entropy(head.point(heard[rows]), places[rows]).backward()
        optimiser.step()
        schedule.step()
    return head.eval().requires_grad_(False)


def _consistency(sae: IcSae, labelled: Examples, batch: int) -> Float[Tensor, ""]:
    rows = torch.randint(0, len(labelled), (batch,))
    maps, truth = labelled.maps[rows].float(), labelled.truth(rows)
    return mart_loss(sae, maps, truth, None, labelled.gains[:0], torch.rand(batch) < 0.5).classes
