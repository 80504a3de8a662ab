"""The curve of a training by TRL: `metrics.jsonl`, one line each time the trainer logs.

    {"step": 5, "loss": 1.31, "learning_rate": 0.0004, "mean_token_accuracy": 0.71, "seconds": 96.1}

It is always written; trackers are besides. When a run goes on from a checkpoint, lines after it are dropped first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear.data.atomic import write_atomic

METRICS = "metrics.jsonl"


def cut(path: Path, step: int) -> None:
    """Drop the lines after a step, and one that was cut short."""
    write_atomic(path, "".join(kept_lines(path, step)))


def add(path: Path, step: int, seconds: float, values: Mapping[str, Any]) -> None:
    """Add a line."""
    line = {"step": step, **{name: number(value) for name, value in values.items()}, "seconds": round(seconds, 1)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def number(value: Any) -> float | str | None:
    """A value as JSON has it; NaN and infinity become null."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    return None if value is None else str(value)


def kept_lines(path: Path, step: int) -> list[str]:
    """Whole lines up to a step; none where there is no file."""
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    return kept
