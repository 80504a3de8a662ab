"""What the language model learns from: clips with briefs, pictures and truths in, rows as TRL reads them out.

A row has `prompt` and `images` (frames, or features as pixels), `completion` for the cold start, and what rewards read:
`lat_deg`, `lon_deg`, `evidence`, `clip_id`, and any column of one's own. Rows are made when they are asked for, so that
frames are decoded one batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lookhear.data.geo import GeoPoint
from lookhear.reasoning.mllm.brief import Brief
from lookhear.reasoning.mllm.prompt import Wording, messages, text_of
from lookhear.reasoning.training.cold_start import Aim, cold_completion

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, eq=False)
class Lesson:
    """One clip to learn from."""

    brief: Brief
    """What the model is told."""
    truth: GeoPoint
    """Where it was recorded."""
    images: Callable[[], list[Any]]
    """Its frames or features, as the model's processor takes them."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """More columns for rewards."""

    def completion(self, wording: Wording, aim: Aim) -> str:
        """What the cold start teaches."""
        return cold_completion(self.brief, self.truth, aim, wording)

    def row(self, wording: Wording, aim: Aim) -> dict[str, Any]:
        """The row of this clip."""
        images = self.images()
        found = [{"id": one.id, "kind": one.kind, "label": one.label} for one in self.brief.evidence]
        completion = [{"role": "assistant", "content": self.completion(wording, aim)}]
        return {
            **self.columns,
            "clip_id": self.brief.clip_id,
            "prompt": messages(self.brief, len(images), wording),
            "images": images,
            "completion": completion,
            "lat_deg": self.truth.lat_deg,
            "lon_deg": self.truth.lon_deg,
            "evidence": found,
        }


def by_length(lessons: Sequence[Lesson], wording: Wording, aim: Aim, batch: int, seed: int) -> list[Lesson]:
    """The lessons by chance in batches of about one length, so that little is padded; batches by chance too."""
    order = np.random.default_rng(seed).permutation(len(lessons))
    sizes = [len(text_of(one.brief, wording)) + len(one.completion(wording, aim)) for one in lessons]
    alike = sorted(order.tolist(), key=lambda k: sizes[k])
    batches = [alike[start : start + batch] for start in range(0, len(alike), batch)]
    whole = len(alike) // batch
    drawn = [*np.random.default_rng(seed).permutation(whole).tolist(), *range(whole, len(batches))]
    return [lessons[k] for number in drawn for k in batches[number]]


def as_dataset(lessons: Sequence[Lesson], wording: Wording, aim: Aim = "supported") -> Dataset:
    """The rows of all lessons, made when asked for.

    Raises:
        ValueError: there are no lessons.
    """
    from datasets import Dataset

    if not lessons:
        raise ValueError("There is no clip to learn from; is the split empty, or was nothing perceived yet?")

    rows = Rows(lessons, wording, aim)
    return Dataset.from_dict({"lesson": list(range(len(lessons)))}).with_transform(rows)


class Rows:
    """Makes the rows of some lessons; datasets pickles it for a fingerprint, for which the clips' names are enough."""

    def __init__(self, lessons: Sequence[Lesson], wording: Wording, aim: Aim) -> None:
        self.lessons, self.wording, self.aim = lessons, wording, aim

    def __call__(self, batch: dict[str, list[int]]) -> dict[str, list[Any]]:
        """The columns of these lessons."""
        made = [self.lessons[k].row(self.wording, self.aim) for k in batch["lesson"]]
        return {name: [row.get(name) for row in made] for name in made[0]}

    def __getstate__(self) -> dict[str, Any]:
        return {"clips": [one.brief.clip_id for one in self.lessons], "wording": str(self.wording), "aim": self.aim}
