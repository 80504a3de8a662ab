"""The curve of a training: `metrics.jsonl`, a line every few steps.

    {"step": 50, "loss": 2.41, "lr": 0.00025, "seconds": 1.3}
    {"step": 500, "validation_nll": 1.52, "best_nll": 1.52, "seconds": 14.0}

Lines are added as training goes on; when it goes on from a checkpoint, those after it are dropped first, so the file
is the same as if nothing had happened (but for the seconds).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lookhear.data.atomic import write_atomic


class MetricsLog:
    """One file; on processes that do not write, it does nothing."""

    def __init__(self, path: Path, writes: bool) -> None:
        self.path, self.writes = path, writes

    def add(self, step: int, seconds: float, **numbers: float) -> None:
        """Add a line."""
        if self.writes:
            with self.path.open("a") as file:
                file.write(json.dumps({"step": step, **numbers, "seconds": round(seconds, 2)}) + "\n")

    def cut(self, step: int) -> None:
        """Drop the lines after a step, and one that was cut short."""
        if not self.writes or not self.path.exists():
            return
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except (json.JSONDecodeError, KeyError):
                print(f"A line of {self.path} is cut short and left out.", file=sys.stderr)
        write_atomic(self.path, "".join(kept))
