"""The IC-SAE: an embedding in, one atom after another out (AVG, section 3.1, Algorithm 1).

Matching pursuit with a tied dictionary of unit-norm kernels in blocks, one block a class. On a residual r with
positions t (times of an un-pooled map; one position for a pooled embedding), step k takes

    z_j(t) = ReLU(w_j · r(t)),   a_j = mean over t of w_j · r(t),   j* = argmax a_j,   r(t) ← r(t) − z_j*(t) · w_j*;

in the mean, negative products count a tenth: a moment without a sound does not undo the moment with it.

"Convolutional": the same kernels stand at every position and in every window. With one position this is Algorithm 1
to the letter. The products w · r are computed once and then kept up to date through the kernels' products with one
another, so a step costs next to nothing. It stops after K steps, or where the class of no kernel beats the learnt
score of "nothing more", or where too little of the energy is left. It knows no sound and no encoder, only vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lookhear.perception.atoms.blocks import Blocks, by_class
from lookhear.perception.atoms.pre_map import PreMap

LEAK = 0.1
"""What a negative product counts for in a score: with 0, a class that is nowhere positive would never learn."""

BARRED = -1e4
"""Score of a class that was taken already: far below all others, and finite."""


@dataclass(frozen=True)
class IcSaeConfig:
    """The shape of a dictionary.

    Raises:
        ValueError: the kernels do not suffice for the classes, or a size is not positive.
    """

    classes: tuple[str, ...]
    """Names, in the order of the blocks."""
    features: int
    """Features of what comes in."""
    kernels: int
    """Kernels of all classes together."""
    pre_map: Literal["none", "learnt"] = "none"
    """Whether a small network comes before the dictionary."""
    hidden: int = 256
    """Width of that network."""
    size: int = 256
    """Length of a kernel behind that network; without one it is `features`."""
    dropout: float = 0.1
    """Share of inputs that training leaves out before that network."""
    temperature: float = 0.1
    """τ of the scores of classes, where training begins; it is learnt."""

    def __post_init__(self) -> None:
        Blocks(len(self.classes), self.kernels)
        if min(self.features, self.hidden, self.size) < 1 or not self.temperature > 0:
            raise ValueError("Sizes and the temperature of a dictionary must be above 0.")

    @property
    def depth(self) -> int:
        """Length of a kernel."""
        return self.size if self.pre_map == "learnt" else self.features

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> IcSaeConfig:
        """What `to_json` wrote."""
        return cls(**{**record, "classes": tuple(record["classes"])})


@dataclass(frozen=True, eq=False)
class Residual:
    """What is left of some windows."""

    vectors: Float[Tensor, "batch depth positions"]
    """r at each position."""
    products: Float[Tensor, "batch kernels positions"]
    """w_j · r of every kernel."""


@dataclass(frozen=True, eq=False)
class Step:
    """One atom of every window."""

    class_logits: Float[Tensor, "batch classes_and_stop"]
    """Scores of the classes over τ, and last of "nothing more"."""
    kernel_logits: Float[Tensor, "batch kernels"]
    """Scores of the kernels over τ, those of classes that were taken included."""
    kernel: Int[Tensor, " batch"]
    """The kernel that was subtracted."""
    activation: Float[Tensor, "batch positions"]
    """How strongly, at each position."""
    residual: Residual
    """What is left."""


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The atoms of some windows, step by step."""

    classes: Int[Tensor, "batch steps"]
    """The class of each atom; -1: it had stopped."""
    kernels: Int[Tensor, "batch steps"]
    """Its kernel; -1: it had stopped."""
    chances: Float[Tensor, "batch steps"]
    """How sure the class was, against the others and "nothing more"."""
    activations: Float[Tensor, "batch steps positions"]
    """z at each position."""
    energy_left: Float[Tensor, "batch steps"]
    """Share of the energy left after each step."""


class IcSae(nn.Module):
    """A dictionary, and the pursuit in it.

    Example:
        >>> sae = IcSae(IcSaeConfig(("rain", "siren"), features=16, kernels=16))
        >>> sae.decompose(torch.zeros(1, 16, 1), steps=2).classes.tolist()
        [[-1, -1]]
    """

    dictionary: nn.Parameter
    """W transposed: a kernel a row, each of unit norm."""
    owners: Tensor
    """The class of each kernel."""
    slots: Tensor
    """The kernels of each class, see `Blocks.slots`."""

    def __init__(self, config: IcSaeConfig) -> None:
        super().__init__()
        blocks = Blocks(len(config.classes), config.kernels)
        self.config = config
        learnt = config.pre_map == "learnt"
        self.pre_map = PreMap(config.features, config.hidden, config.size, config.dropout) if learnt else nn.Identity()
        self.dictionary = nn.Parameter(F.normalize(torch.randn(config.kernels, config.depth), dim=1))
        self.log_temperature = nn.Parameter(torch.tensor(config.temperature).log())
        self.nothing = nn.Parameter(torch.tensor(0.0))
        self.register_buffer("owners", blocks.owners(), persistent=False)
        self.register_buffer("slots", blocks.slots(), persistent=False)

    def forward(self, maps: Float[Tensor, "batch features positions"]) -> Float[Tensor, "batch depth positions"]:
        """The vectors that are decomposed."""
        mapped: Tensor = self.pre_map(maps)
        return mapped

    def begin(self, vectors: Float[Tensor, "batch depth positions"]) -> Residual:
        """All of some windows."""
        return Residual(vectors, torch.einsum("nd,bdt->bnt", self.dictionary, vectors))

    def likeness(self) -> Float[Tensor, "kernels kernels"]:
        """Products of the kernels with one another."""
        products: Tensor = self.dictionary @ self.dictionary.T
        return products

    def step(
        self,
        residual: Residual,
        likeness: Float[Tensor, "kernels kernels"],
        taken: Bool[Tensor, "batch classes"],
        forced: Bool[Tensor, "batch classes"] | None = None,
    ) -> Step:
        """Score the classes, take the best kernel, subtract it.

        Args:
            residual: what is left so far.
            likeness: of the kernels, see `likeness`.
            taken: classes that cannot come again.
            forced: classes of which one must be taken; rows without any choose freely (teacher forcing).
        """
        scores = F.leaky_relu(residual.products, LEAK).mean(2)
        each = scores / self.log_temperature.exp()
        logits = by_class(each, self.slots).masked_fill(taken, BARRED)
        nothing = (self.nothing / self.log_temperature.exp()).expand(len(scores), 1)
        barred = taken if forced is None else taken | (~forced & forced.any(1, keepdim=True))
        kernel = scores.masked_fill(barred[:, self.owners], BARRED).argmax(1)
        at = F.relu(residual.products[torch.arange(len(scores), device=scores.device), kernel])
        left = Residual(
            residual.vectors - self.dictionary[kernel][:, :, None] * at[:, None, :],
            residual.products - likeness[kernel][:, :, None] * at[:, None, :],
        )
        return Step(torch.cat([logits, nothing], 1), each, kernel, at, left)

    @torch.inference_mode()
    def decompose(
        self,
        maps: Float[Tensor, "batch features positions"],
        steps: int = 4,
        least_energy: float = 0.0,
        stops: bool = True,
    ) -> Decomposition:
        """The atoms of each window, strongest first.

        Args:
            maps: what the encoder gave; a pooled embedding has one position.
            steps: at most this many atoms.
            least_energy: stop where this share of the energy or less is left.
            stops: whether to stop by the score of "nothing more"; without it, every window gets all its steps.
        """
        residual, likeness = self.begin(self(maps)), self.likeness()
        whole = residual.vectors.square().sum((1, 2)).clamp(min=1e-12)
        taken = torch.zeros(len(maps), len(self.config.classes), dtype=torch.bool, device=maps.device)
        running = torch.isfinite(whole) & (maps.abs().amax((1, 2)) > 0)
        left, found = torch.ones_like(whole), []
        for _ in range(steps):
            one = self.step(residual, likeness, taken)
            owner = self.owners[one.kernel]
            chance = torch.softmax(one.class_logits, 1).gather(1, owner[:, None])[:, 0]
            if stops:
                running = running & (one.class_logits[:, :-1].amax(1) > one.class_logits[:, -1])
            left = torch.where(running, left - one.activation.square().sum(1) / whole, left)
            found.append((owner, one.kernel, chance, one.activation, left, running))
            residual, taken = one.residual, taken.scatter(1, owner[:, None], True)
            running = running & (left > least_energy)
        return _stacked(found)


def _stacked(found: Sequence[tuple[Tensor, ...]]) -> Decomposition:
    owner, kernel, sure, activation, left, ran = (torch.stack(parts, 1) for parts in zip(*found, strict=True))
    return Decomposition(
        torch.where(ran, owner, -1),
        torch.where(ran, kernel, -1),
        torch.where(ran, sure, 0.0),
        torch.where(ran[:, :, None], activation, 0.0),
        left,
    )
