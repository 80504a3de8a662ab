"""The loss of MART (AVG, Algorithm 1, line 8), for mixtures of several numbers of sounds at once.

Per step: the cross-entropy of the class, and ‖x̂_k − f(g_k c_k)‖². In: maps of mixtures, the classes of their parts from
loudest to faintest, and the maps of the parts alone. After the last part, "nothing more" is the right answer, so the
stop rule is learnt too. A part with several labels is right with any of them. With teacher forcing the kernel that is
subtracted is the best of the right class; running free it is the best of all, as in use.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lookhear.perception.atoms.ic_sae import IcSae, Step
from lookhear.perception.atoms.revival import revival


@dataclass(frozen=True, eq=False)
class MartLoss:
    """What one batch of mixtures cost."""

    classes: Float[Tensor, ""]
    """Cross-entropy, mean over steps, in nats."""
    reconstruction: Float[Tensor, ""]
    """‖x̂_k − f(g_k c_k)‖² over the mean energy of the targets, mean over steps."""
    revival: Float[Tensor, ""]
    """What dead kernels leave of the residuals of their own classes, as a share (see `revival`)."""
    used: Bool[Tensor, " kernels"]
    """Kernels that were taken."""


def mart_loss(
    sae: IcSae,
    maps: Float[Tensor, "batch features positions"],
    truth: Bool[Tensor, "batch most classes"],
    targets: Float[Tensor, "some most features positions"] | None,
    gains: Float[Tensor, "some most"],
    forced: Bool[Tensor, " batch"],
    dead: Bool[Tensor, " kernels"] | None = None,
) -> MartLoss:
    """The loss of a batch.

    Args:
        sae: the dictionary.
        maps: the mixtures.
        truth: classes of each part; none where there is no part.
        targets: maps of the parts of the first rows alone at a gain of 1; None: no reconstruction loss is wanted.
        gains: of those parts.
        forced: which rows are taught; the others run free.
        dead: kernels to revive.
    """
    residual, likeness, real = sae.begin(sae(maps)), sae.likeness(), truth.any(2)
    aims = None if targets is None else _aims(sae, targets, gains)
    taken = torch.zeros_like(truth[:, 0])
    costs, errors, revivals, used = [], [], [], torch.zeros(sae.config.kernels, dtype=torch.bool, device=maps.device)
    for k in range(truth.shape[1] + 1):
        wanted = truth[:, k] if k < truth.shape[1] else torch.zeros_like(taken)
        step = sae.step(residual, likeness, taken & ~wanted, wanted & forced[:, None])
        due = _due(real, k)
        costs.append((_cross_entropy(step, wanted) * due).sum() / due.sum().clamp(min=1))
        if aims is not None and k < truth.shape[1]:
            made = (residual.vectors - step.residual.vectors)[: len(aims)]
            errors.append(_error(made, aims[:, k], real[: len(aims), k]))
        if dead is not None and k < truth.shape[1]:
            revivals.append(revival(sae.dictionary, residual.vectors.detach(), wanted[:, sae.owners] & dead))
        used[step.kernel[due]] = True
        residual = step.residual
        own = torch.zeros_like(taken).scatter(1, sae.owners[step.kernel][:, None], True)
        taken = taken | torch.where(forced[:, None], wanted, own)
    return MartLoss(_mean(costs), _mean(errors), _mean(revivals), used)


def _mean(parts: list[Tensor]) -> Float[Tensor, ""]:
    return torch.stack(parts).mean() if parts else torch.zeros(())


def _due(real: Bool[Tensor, "batch most"], k: int) -> Bool[Tensor, " batch"]:
    """Rows that have a k-th part, or had a part before: those must now say "nothing more"."""
    here = real[:, k] if k < real.shape[1] else torch.zeros_like(real[:, 0])
    before = real[:, k - 1] if k else torch.ones_like(real[:, 0])
    return here | before


def _cross_entropy(step: Step, wanted: Bool[Tensor, "batch classes"]) -> Float[Tensor, " batch"]:
    nothing = ~wanted.any(1, keepdim=True)
    right = torch.cat([wanted, nothing], 1)
    logits = step.class_logits
    return torch.logsumexp(logits, 1) - torch.logsumexp(logits.masked_fill(~right, -torch.inf), 1)


@torch.no_grad()
def _aims(
    sae: IcSae, targets: Float[Tensor, "some most features positions"], gains: Float[Tensor, "some most"]
) -> Float[Tensor, "some most depth positions"]:
    """Where each reconstruction should end; no gradient flows here, or a learnt map would shrink to nothing."""
    alone: Tensor = sae(targets.flatten(0, 1)).unflatten(0, targets.shape[:2])
    return alone * gains[:, :, None, None]


def _error(
    made: Float[Tensor, "batch depth positions"],
    aim: Float[Tensor, "batch depth positions"],
    real: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    off, energy = ((made - aim).square().sum((1, 2)) * real).sum(), (aim.square().sum((1, 2)) * real).sum()
    return off / energy.clamp(min=1e-9)
