"""ψ: the language model's last hidden state at the last token of the answer, taken while it writes.

In: a model that generates. Out: one vector a completion, at no cost: what is multiplied with the vocabulary to choose
token s is the state at token s - 1, so the state that chose the end of the text is that of the answer's last token. A
completion that was cut off has the state at its last token but one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor


class PsiTap:
    """Listens to what goes into a model's output embeddings, one token at a time, while nothing is learnt.

    Example:
        >>> with PsiTap(model).listening() as tap:
        ...     model.generate(**inputs)
        ...     psi = tap.take(lengths)
    """

    def __init__(self, model: Any) -> None:
        self.head, self.states = model.get_output_embeddings(), list[Tensor]()

    @contextmanager
    def listening(self) -> Iterator[PsiTap]:
        """Listen within a block."""
        handle = self.head.register_forward_pre_hook(self._heard)
        try:
            yield self
        finally:
            handle.remove()
            self.states.clear()

    def take(self, lengths: Sequence[int]) -> Float[ndarray, "n size"]:
        """ψ of the completions since the last call, by their lengths in tokens, the end of the text included.

        Raises:
            ValueError: what was heard does not belong to so many completions of these lengths.
        """
        steps, self.states = self.states, []
        if len(steps) != max(lengths, default=0) or any(len(step) != len(lengths) for step in steps):
            shape = f"{len(steps)} tokens of {len(steps[0]) if steps else 0} completions"
            raise ValueError(f"ψ was heard for {shape}, but there are {len(lengths)} of at most {max(lengths)} tokens.")
        rows = [steps[max(0, length - 1)][row] for row, length in enumerate(lengths)]
        return np.stack([row.float().cpu().numpy() for row in rows])

    def _heard(self, module: Any, arguments: tuple[Any, ...]) -> None:
        states = arguments[0]
        if states.shape[1] == 1 and not torch.is_grad_enabled():
            self.states.append(states[:, 0].detach())
