"""Dead kernels come back to life: those that were not taken for long learn what their own class leaves over.

In: the dictionary, residuals, and which dead kernels may serve each row. Out: a loss. It is the auxiliary term of
Gao et al. 2024 ("Scaling and evaluating sparse autoencoders", section 2.2, AuxK) with one kernel instead of many.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def revival(
    dictionary: Float[Tensor, "kernels depth"],
    residual: Float[Tensor, "batch depth positions"],
    may_serve: Bool[Tensor, "batch kernels"],
) -> Float[Tensor, ""]:
    """Share of the residual that the best dead kernel of its class leaves, mean over rows that have one."""
    rows = may_serve.any(1)
    if not bool(rows.any()):
        return residual.new_zeros(())
    left, serve = residual[rows], may_serve[rows]
    scores = torch.einsum("nd,bdt->bn", dictionary, left)
    best = scores.masked_fill(~serve, -torch.inf).argmax(1)
    kernel = dictionary[best]
    activation = F.relu(torch.einsum("bd,bdt->bt", kernel, left) + 1e-3 * left.norm(dim=1))
    rest = left - kernel[:, :, None] * activation[:, None, :]
    return (rest.square().sum((1, 2)) / left.square().sum((1, 2)).clamp(min=1e-9)).mean()
