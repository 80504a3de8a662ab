"""The curve of a training by TRL: `metrics.jsonl`, one line each time the trainer logs.

    {"step": 5, "loss": 1.31, "learning_rate": 0.0004, "mean_token_accuracy": 0.71, "seconds": 96.1}

It is always written; trackers are besides. When a run goes on from a checkpoint, lines after it are dropped first
(`lookhear.data.training.metrics_log`). What TRL logs may be no number: it is written as null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METRICS = "metrics.jsonl"


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
