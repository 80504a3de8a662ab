"""What TRL's trainers call while they train: the curve is written, and pages of sampled traces.

Only the main process writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from lookhear.data.atomic import write_atomic
from lookhear.data.training.metrics_log import MetricsLog
from lookhear.reasoning.training.journal import add
from lookhear.reasoning.training.watch import Watch, page


class Journal(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """Writes what the trainer logs, and what `more` adds."""

    def __init__(self, path: Path, more: Callable[[], Mapping[str, float]] = dict) -> None:
        self.path, self.more, self.began = path, more, time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Drop the lines after the step that is gone on from."""
        MetricsLog(self.path, state.is_world_process_zero).cut(state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Add a line."""
        more = self.more()
        if state.is_world_process_zero and logs:
            add(self.path, state.global_step, time.monotonic() - self.began, {**logs, **more})


class SamplePages(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """Writes a page after each step."""

    def __init__(self, watch: Watch, folder: Path) -> None:
        self.watch, self.folder = watch, folder

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the page of the step."""
        if state.is_world_process_zero and self.watch.sampled is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(self.folder / f"step-{state.global_step:06d}.md", page(self.watch.sampled, state.global_step))
