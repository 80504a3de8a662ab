"""What the IC-SAE is measured against: a plain top-k SAE, a linear probe, and BirdNET's own classifier.

In: pooled embeddings of the mixtures that the IC-SAE learnt from, with the class of the loudest sound and of all.
Out: functions that name classes, likeliest first. None of them subtracts anything:

- the *probe* is one linear layer, trained to name all sounds of a mixture; its classes are taken in order of score;
- the *top-k SAE* (Gao et al. 2024) learns k-sparse codes of mixtures without labels; each kernel is then named after
  the class with whose loudest sounds its activation correlates most, and kernels are taken in order of activation;
- *BirdNET's own* scores are read at the labels that mean a class (`OWN`); it knows no other everyday sound.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

OWN = {
    "Dog": ("Dog", "Bark", "Howl"),
    "Engine": ("Bus", "Car", "Truck", "Heavy engine (low frequency)", "Jet engine", "Traffic noise, roadway noise"),
    "Fireworks": ("Fireworks",),
    "Human vocal": ("Speech", "Children shouting", "Crowd", "Cheering"),
    "Power tools": ("Chainsaw", "Jackhammer", "Sawing"),
    "Siren": ("Siren", "Two-tone siren", "Wailing siren", "Police car (siren)", "Fire engine, fire truck (siren)"),
}
"""BirdNET's labels without a species, and our classes that each may mean; the first that a dictionary has counts."""


class TopKSae(nn.Module):
    """Codes of k kernels, one linear encoder and one linear decoder."""

    def __init__(self, features: int, kernels: int, k: int) -> None:
        super().__init__()
        self.k, self.encode, self.decode = k, nn.Linear(features, kernels), nn.Linear(kernels, features)
        self.encode.weight.data = F.normalize(self.decode.weight.data, dim=0).T.clone()

    def codes(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch kernels"]:
        """Activations, all but the k highest 0."""
        activation = F.relu(self.encode(x))
        best = activation.topk(self.k, dim=1)
        return torch.zeros_like(activation).scatter(1, best.indices, best.values)

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
        """The reconstruction."""
        made: Tensor = self.decode(self.codes(x))
        return made


def train_probe(
    x: Float[Tensor, "n features"], heard: Bool[Tensor, "n classes"], steps: int = 1000, lr: float = 3e-3
) -> nn.Linear:
    """A linear layer that scores every class; of several sounds, each is as right as the others."""
    torch.manual_seed(0)
    probe = nn.Linear(x.shape[1], heard.shape[1])
    share = heard.float() / heard.sum(1, keepdim=True).clamp(min=1)
    _fit(probe, len(x), steps, lr, lambda rows: F.cross_entropy(probe(x[rows]), share[rows]))
    return probe


def train_top_k(
    x: Float[Tensor, "n features"], kernels: int, k: int = 4, steps: int = 600, lr: float = 1e-3
) -> TopKSae:
    """A plain sparse autoencoder."""
    torch.manual_seed(0)
    sae = TopKSae(x.shape[1], kernels, k)
    _fit(sae, len(x), steps, lr, lambda rows: (sae(x[rows]) - x[rows]).square().mean())
    return sae


@torch.no_grad()
def named_kernels(
    sae: TopKSae, x: Float[Tensor, "n features"], loudest: Bool[Tensor, "n classes"]
) -> Int[Tensor, " kernels"]:
    """The class whose loudest sounds go best with each kernel's activation."""
    codes, wanted = sae.codes(x), loudest.float()
    codes = (codes - codes.mean(0)) / codes.std(0).clamp(min=1e-6)
    wanted = (wanted - wanted.mean(0)) / wanted.std(0).clamp(min=1e-6)
    return (codes.T @ wanted).argmax(1)


@torch.no_grad()
def classes_by_kernel(
    sae: TopKSae, owners: Int[Tensor, " kernels"], classes: int, x: Float[Tensor, "batch features"], steps: int
) -> Int[Tensor, "batch steps"]:
    """Classes in order of the strongest activation of their kernels."""
    best = torch.zeros(len(x), classes).scatter_reduce(1, owners.expand(len(x), -1), sae.codes(x), "amax")
    return best.topk(steps, dim=1).indices


def own_columns(labels: Sequence[str], classes: Sequence[str]) -> Int[Tensor, "known 2"]:
    """Pairs of a column of BirdNET's scores and the class that it is read as."""
    pairs = []
    for label, meanings in OWN.items():
        known = [name for name in meanings if name in classes]
        pairs += [[labels.index(label), classes.index(name)] for name in known[:1]]
    return torch.tensor(pairs)


def _fit(network: nn.Module, count: int, steps: int, lr: float, loss) -> None:  # type: ignore[no-untyped-def]
    optimiser = torch.optim.AdamW(network.parameters(), lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    draws = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(torch.randint(0, count, (128,), generator=draws)).backward()
        optimiser.step()
        schedule.step()
