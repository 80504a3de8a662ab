"""What a language model says of many clips: ψ to train a flow on, and rewards with intervals to compare models by.

In: a model, clips with briefs. Out: rows of ψ; a table. On disk, so that a killed run goes on:

    <folder>/answers-<split>….jsonl   one clip a line: what was written, what became of it, ψ
    <folder>/measured-<model>.json    the table
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from tqdm import tqdm

from lookhear.data.atomic import write_atomic
from lookhear.data.geo import GeoPoint

if TYPE_CHECKING:
    from lookhear.prediction.example import Example
    from lookhear.prediction.psi_flow import PsiFlow, PsiRows
    from lookhear.reasoning.mllm.backend import Backend
    from lookhear.reasoning.mllm.brief import Brief

THRESHOLDS_KM = (25, 200, 750, 2500)
"""Those of the published tables."""

BATCH = 32
"""Clips explained together; each token reads all weights once, however many clips share it."""

DRAWS = 2000
"""Draws of places for an interval of 95 %."""


@dataclass(frozen=True, eq=False)
class Answered:
    """What came of one clip."""

    clip_id: str
    """Which clip."""
    text: str
    """What the model wrote at first, which is what rewards judge, or the rules."""
    state: str
    """written, repaired, replaced; "rules" where no model was asked."""
    answer: GeoPoint | None
    """The answer of the trace that is given, which may be repaired or replaced."""
    psi: Float[ndarray, " size"] | None
    """The last hidden state at the answer's last token."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        psi = None if self.psi is None else self.psi.round(4).tolist()
        answer = [self.answer.lat_deg, self.answer.lon_deg] if self.answer else None
        return {"clip_id": self.clip_id, "text": self.text, "state": self.state, "answer": answer, "psi": psi}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Answered:
        """What `to_json` wrote."""
        psi = None if record["psi"] is None else np.array(record["psi"], dtype=np.float32)
        answer = GeoPoint(*record["answer"]) if record["answer"] else None
        return cls(record["clip_id"], record["text"], record["state"], answer, psi)


def psi_rows(
    folder: Path, backend: Backend, data: Path, split: str, examples: Sequence[Example], briefs: Sequence[Brief]
) -> PsiRows:
    """ψ of clips, made where it is not in the folder yet."""
    from lookhear.prediction.psi_flow import PsiRows

    folder.mkdir(parents=True, exist_ok=True)
    answers = list(_answers(folder / f"answers-{split}.jsonl", backend, data, examples, briefs))
    psi = np.stack([one.psi for one in answers if one.psi is not None])
    units = np.stack([example.row.point.unit for example in examples])
    return PsiRows(psi, units, tuple(example.row.location_id for example in examples))


def _answers(
    path: Path,
    backend: Backend,
    data: Path,
    examples: Sequence[Example],
    briefs: Sequence[Brief],
    batch: int = BATCH,
) -> Iterator[Answered]:
    """What the model says of clips; each batch is kept at once, and asked only once."""
    from lookhear.reasoning.mllm.prompt import text_of

    kept = {one.clip_id: one for one in _kept(path)}
    reasoner = backend.reasoner()
    todo = [pair for pair in zip(examples, briefs, strict=True) if pair[1].clip_id not in kept]
    todo.sort(key=lambda pair: len(text_of(pair[1], backend.wording)))  # alike in length, so that little is padded
    with path.open("a", encoding="utf-8") as file, tqdm(total=len(todo), desc="Explaining", unit="clip") as bar:
        for start in range(0, len(todo), batch):
            some = todo[start : start + batch]
            cases = [(brief, backend.images(example.record, data, example.row.file_name)) for example, brief in some]
            for (_, brief), said in zip(some, reasoner.explain_all(cases, batch), strict=True):
                kept[brief.clip_id] = Answered(brief.clip_id, said.reply, said.state, said.trace.answer, said.psi)
                file.write(json.dumps(kept[brief.clip_id].to_json()) + "\n")
            file.flush()
            bar.update(len(some))
    yield from (kept[brief.clip_id] for brief in briefs)


def _kept(path: Path) -> Iterator[Answered]:
    """Whole lines of a file that may be cut short."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            yield Answered.from_json(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue


def by_rule(briefs: Sequence[Brief]) -> list[Answered]:
    """What the rules say: the trace to the likeliest place that fits."""
    from lookhear.reasoning.mllm.prompt import SHORT
    from lookhear.reasoning.training.cold_start import completion_to

    chosen = [next(iter(brief.options), None) for brief in briefs]
    texts = [completion_to(brief, option, SHORT) for brief, option in zip(briefs, chosen, strict=True)]
    rows = zip(briefs, texts, chosen, strict=True)
    return [
        Answered(brief.clip_id, text, "rules", option.point if option else None, None) for brief, text, option in rows
    ]


def measure(
    folder: Path,
    name: str,
    backend: Backend | None,
    data: Path,
    examples: Sequence[Example],
    briefs: Sequence[Brief],
    flow: PsiFlow | None,
) -> str:
    """Rewards of held-out clips, with intervals over places; without a model, those of the rules."""
    if backend is None:
        answers = by_rule(briefs)
    else:
        answers = list(_answers(folder / f"answers-test-{name}.jsonl", backend, data, examples, briefs))
    table = measured(answers, examples, briefs, flow)
    write_atomic(folder / f"measured-{name}.json", json.dumps(table, indent=1) + "\n")
    lines = [f"{key:<24}{mean:8.3f}  ({low:.3f} to {high:.3f})" for key, (mean, low, high) in table.items()]
    return "\n".join([f"{name}: {len(briefs)} held-out clips, mean (95 % interval over places)", *lines])


def measured(
    answers: Sequence[Answered], examples: Sequence[Example], briefs: Sequence[Brief], flow: PsiFlow | None
) -> dict[str, tuple[float, float, float]]:
    """Each number with its interval."""
    places = np.array([example.row.location_id for example in examples])
    columns = _scores(answers, examples, briefs, flow)
    return {name: with_interval(np.array(values, dtype=float), places) for name, values in columns.items()}


def _scores(
    answers: Sequence[Answered], examples: Sequence[Example], briefs: Sequence[Brief], flow: PsiFlow | None
) -> dict[str, Any]:
    """One number a clip, by name."""
    from lookhear.reasoning.rewards import REWARDS, load_reward

    truths = [example.row.point for example in examples]
    columns = {
        "lat_deg": [truth.lat_deg for truth in truths],
        "lon_deg": [truth.lon_deg for truth in truths],
        "evidence": [[one.to_json() for one in brief.evidence] for brief in briefs],
    }
    texts = [one.text for one in answers]
    scores = {name: load_reward(name)(completions=texts, **columns) for name in REWARDS}
    scores["parse rate"] = [float(one.state in ("written", "rules") and one.answer is not None) for one in answers]
    errors = [
        one.answer.distance_km(truth) if one.answer else np.inf for one, truth in zip(answers, truths, strict=True)
    ]
    points = [brief.outlook.point for brief in briefs]  # geometric medians of the evidence's densities
    medians = [point.distance_km(truth) if point else np.inf for point, truth in zip(points, truths, strict=True)]
    for km in THRESHOLDS_KM:
        scores[f"answer <= {km} km"] = [float(error <= km) for error in errors]
        scores[f"evidence <= {km} km"] = [float(error <= km) for error in medians]
    if flow is not None and all(one.psi is not None for one in answers):
        psi = np.stack([one.psi for one in answers if one.psi is not None])
        scores["log p(truth | psi)"] = flow(psi, np.stack([truth.unit for truth in truths])).tolist()
    return scores


def with_interval(values: Float[ndarray, " n"], places: ndarray) -> tuple[float, float, float]:
    """The mean and its 95 % interval; places are drawn, since clips of one go together."""
    known = np.isfinite(values)
    _, owner = np.unique(places[known], return_inverse=True)
    totals, counts = np.bincount(owner, values[known]), np.bincount(owner)
    drawn = np.random.default_rng(0).integers(0, len(counts), (DRAWS, len(counts)))
    means = totals[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values[known].mean()), float(low), float(high)
