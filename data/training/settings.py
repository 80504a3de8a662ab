"""What the settings of trainings have in common.

In: settings (any dataclass) and names of their fields, or numbers. Out: one sentence where a number is outside its
range, the learning rate of a step, a process's share of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def refuse_below_one(settings: object, *names: str) -> None:
    """Counts: a ValueError if one of them is below 1."""
    _refuse(settings, names, lambda value: value >= 1, "be at least 1")


def refuse_negative(settings: object, *names: str) -> None:
    """What may be nothing at all: a ValueError if one of them is below 0."""
    _refuse(settings, names, lambda value: value >= 0, "not be negative")


def refuse_not_positive(settings: object, *names: str) -> None:
    """Rates and lengths: a ValueError if one of them is 0 or below."""
    _refuse(settings, names, lambda value: value > 0, "be above 0")


def refuse_outside_unit(settings: object, *names: str) -> None:
    """Shares, chances and decays: a ValueError if one of them is not from 0 to 1."""
    _refuse(settings, names, lambda value: 0 <= value <= 1, "lie between 0 and 1")


def _refuse(settings: object, names: Sequence[str], fits: Callable[[float], bool], must: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not fits(value):  # a NaN fits nowhere
            raise ValueError(f"{name} must {must}, but it is {value}.")


def rate_at(step: int, steps: int, highest: float, warmup_steps: int, final: float) -> float:
    """The learning rate of a step: linear warm-up, then a cosine down to the share `final` of the highest."""
    if step < warmup_steps:
        return highest * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return highest * (final + (1 - final) * fall)


def share_of(batch: int, processes: int, parts: int = 1) -> int:
    """Examples a process takes at once, where each cuts its share of a batch into parts.

    Raises:
        ValueError: the batch cannot be cut into equal parts.
    """
    whole = processes * parts
    if batch % whole:
        cut = f" in {parts} parts each" if parts > 1 else ""
        raise ValueError(
            f"A batch of {batch} cannot be shared by {processes} processes{cut}; take {-(-batch // whole) * whole}."
        )
    return batch // whole
