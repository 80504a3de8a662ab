"""What the settings of trainings have in common.

In: settings (any dataclass) and names of their fields, or numbers. Out: one sentence where a number is outside its
range, the learning rate of a step, a process's share of a batch.
"""

from __future__ import annotations

import math


def refuse_below_one(settings: object, *names: str) -> None:
    """Counts.

    Raises:
        ValueError: one of them is below 1.
    """
    for name in names:
        if not getattr(settings, name) >= 1:
            raise ValueError(f"{name} must be at least 1, but it is {getattr(settings, name)}.")


def refuse_negative(settings: object, *names: str) -> None:
    """What may be nothing at all.

    Raises:
        ValueError: one of them is below 0.
    """
    for name in names:
        if not getattr(settings, name) >= 0:
            raise ValueError(f"{name} must not be negative, but it is {getattr(settings, name)}.")


def refuse_not_positive(settings: object, *names: str) -> None:
    """Rates and lengths.

    Raises:
        ValueError: one of them is 0 or below.
    """
    for name in names:
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name} must be above 0, but it is {getattr(settings, name)}.")


def refuse_outside_unit(settings: object, *names: str) -> None:
    """Shares, chances and decays, which lie in the unit interval.

    Raises:
        ValueError: one of them is not from 0 to 1.
    """
    for name in names:
        if not 0 <= getattr(settings, name) <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, but it is {getattr(settings, name)}.")


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
