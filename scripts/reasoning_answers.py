"""What a language model says of many clips: ψ to train a flow on, and rewards with intervals to compare models by.

In: a model, clips with briefs. Out: rows of ψ; a table. On disk, so that a killed run goes on:

    RUN/answers/<split>-<stage>-<weights>.jsonl   one clip a line: what was written, what became of it, ψ
    RUN/measured-<stage>.json                     the table, and…
    RUN/compared-<stage>.json                     …how it differs, clip by clip, from what was measured before
    …-sampled….json                               the same of sampled traces
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from tqdm import tqdm

from lookhear.data.atomic import write_atomic
from lookhear.data.geo import GeoPoint
from lookhear.reasoning.training.sft import ADAPTER

if TYPE_CHECKING:
    from lookhear.prediction.example import Example
    from lookhear.prediction.psi_flow import PsiFlow, PsiRows
    from lookhear.reasoning.mllm.backend import Backend, BackendConfig
    from lookhear.reasoning.mllm.brief import Brief

THRESHOLDS_KM = (25, 200, 750, 2500)
"""Those of the published tables."""

BATCH = 32
"""Clips explained together; each token reads all weights once, however many clips share it."""

DRAWS = 2000
"""Draws of places for an interval of 95 %."""

STAGES = (NOTHING := "nothing", "sft", "grpo")
"""After which a model is asked; before all others the rules speak."""

Interval = tuple[float, float, float]
"""A mean and the ends of its 95 % interval."""


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
    asked: str = ""
    """What tells other questions apart, see `question`."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        psi = None if self.psi is None else self.psi.round(4).tolist()
        answer = [self.answer.lat_deg, self.answer.lon_deg] if self.answer else None
        said = {"clip_id": self.clip_id, "text": self.text, "state": self.state, "answer": answer, "psi": psi}
        return {**said, "asked": self.asked}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Answered:
        """What `to_json` wrote."""
        psi = None if record["psi"] is None else np.array(record["psi"], dtype=np.float32)
        answer = GeoPoint(*record["answer"]) if record["answer"] else None
        return cls(record["clip_id"], record["text"], record["state"], answer, psi, record["asked"])


@dataclass(frozen=True)
class Sampled:
    """How traces of held-out clips are sampled: what GRPO raises is the reward of these, not of the likeliest."""

    traces: int
    """For each clip."""
    temperature: float
    """As while learning."""

    def named(self, briefs: Sequence[Brief]) -> list[Brief]:
        """Every brief as often as it is asked about, each time under another name."""
        return [replace(one, clip_id=f"{one.clip_id} {k}") for k in range(self.traces) for one in briefs]


def psi_rows(
    run: Path,
    stage: str,
    backend: Backend,
    data: Path,
    split: str,
    examples: Sequence[Example],
    briefs: Sequence[Brief],
    asked_as: BackendConfig,
) -> PsiRows:
    """ψ of clips after a stage of a run, made where it is not in its folder yet."""
    from lookhear.prediction.psi_flow import PsiRows

    answers = list(_answers(answers_path(run, split, stage), backend, data, examples, briefs, asked_as))
    psi = np.stack([one.psi for one in answers if one.psi is not None])
    units = np.stack([example.row.point.unit for example in examples])
    return PsiRows(psi, units, tuple(example.row.location_id for example in examples))


def _answers(
    path: Path,
    backend: Backend,
    data: Path,
    examples: Sequence[Example],
    briefs: Sequence[Brief],
    asked_as: BackendConfig,
    temperature: float = 0.0,
    batch: int = BATCH,
) -> Iterator[Answered]:
    """What the model says of clips; each batch is kept at once, and asked only once."""
    from lookhear.reasoning.mllm.prompt import text_of

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = _kept(path, briefs, asked_as)
    reasoner = backend.reasoner(temperature)
    todo = [pair for pair in zip(examples, briefs, strict=True) if pair[1].clip_id not in kept]
    todo.sort(key=lambda pair: len(text_of(pair[1], backend.wording)))  # alike in length, so that little is padded
    with path.open("a", encoding="utf-8") as file, tqdm(total=len(todo), desc="Explaining", unit="clip") as bar:
        for start in range(0, len(todo), batch):
            some = todo[start : start + batch]
            cases = [(brief, backend.images(example.record, data, example.row.file_name)) for example, brief in some]
            for (_, brief), said in zip(some, reasoner.explain_all(cases, batch), strict=True):
                named = question(brief, asked_as)
                kept[brief.clip_id] = Answered(
                    brief.clip_id, said.reply, said.state, said.trace.answer, said.psi, named
                )
                file.write(json.dumps(kept[brief.clip_id].to_json()) + "\n")
            file.flush()
            bar.update(len(some))
    yield from (kept[brief.clip_id] for brief in briefs)


def question(brief: Brief, asked_as: BackendConfig) -> str:
    """Changes with what a model is told of a clip, and with how it is opened."""
    return hashlib.sha256((json.dumps(brief.to_json()) + repr(asked_as)).encode()).hexdigest()[:12]


def _kept(path: Path, briefs: Sequence[Brief], asked_as: BackendConfig) -> dict[str, Answered]:
    """Answers to these very questions, by clip, from the whole lines of a file that may be cut short."""
    asked, kept = {brief.clip_id: question(brief, asked_as) for brief in briefs}, dict[str, Answered]()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            one = Answered.from_json(json.loads(line))
        except (ValueError, KeyError, TypeError):
            continue
        if asked.get(one.clip_id) == one.asked:
            kept[one.clip_id] = one
    return kept


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
    run: Path,
    name: str,
    backend: Backend | None,
    data: Path,
    examples: Sequence[Example],
    briefs: Sequence[Brief],
    flows: Mapping[str, PsiFlow],
    asked_as: BackendConfig,
    sampled: Sampled | None = None,
) -> str:
    """Rewards of held-out clips, with intervals over places, and how they differ from what was measured before.

    Both are written to the run's folder too.

    Args:
        run: its folder.
        name: the stage after which the model is asked.
        backend: the model; without one the rules are measured.
        data: folder of the clips.
        examples: the clips.
        briefs: what the model is told of them.
        flows: given ψ, by the stage after which they were fitted.
        asked_as: how the model is opened, without the run's own adapters.
        sampled: how traces are sampled; without it there is one for each clip, written greedily.

    Returns:
        The table for a terminal.
    """
    temperature, ending = (sampled.temperature, "-sampled") if sampled else (0.0, "")
    if sampled:
        examples, briefs = [*examples] * sampled.traces, sampled.named(briefs)
    places = np.array([example.row.location_id for example in examples])
    if backend is not None:
        path = answers_path(run, "test", name, temperature)
        list(_answers(path, backend, data, examples, briefs, asked_as, temperature))  # keeps them
    before = STAGES[: STAGES.index(name) + 1]
    known = {one: answers for one in before if (answers := told(run, one, briefs, asked_as, temperature)) is not None}
    scores = {one: scores_of(answers, examples, briefs, flows, one) for one, answers in known.items()}
    mine = scores.pop(name)
    table = {key: with_interval(values, places) for key, values in mine.items()}
    write_atomic(run / f"measured-{name}{ending}.json", json.dumps(table, indent=1) + "\n")
    differences = {
        other: {key: with_interval(mine[key] - theirs[key], places) for key in mine if key in theirs}
        for other, theirs in scores.items()
    }
    write_atomic(run / f"compared-{name}{ending}.json", json.dumps(differences, indent=1) + "\n")
    return _as_text(name, f"{len(briefs)} {'sampled traces' if sampled else 'held-out clips'}", table, differences)


def _as_text(name: str, of_what: str, table: dict[str, Interval], differences: dict[str, dict[str, Interval]]) -> str:
    """The table for a terminal."""
    than = ("the rules" if other == NOTHING else other for other in differences)
    heads = "".join(f"   {f'less {other}, clip by clip':<30}" for other in than)
    lines = [f"{f'{name}: {of_what}':<34}{'mean (95 % interval over places)':<32}{heads}".rstrip()]
    for key, value in table.items():
        shown = [_cell(value, "")] + [_cell(other.get(key), "+") for other in differences.values()]
        lines.append(f"{key:<34}{' '.join(shown)}".rstrip())
    return "\n".join(lines)


def _cell(value: Interval | None, sign: str) -> str:
    """A mean and its interval; blanks where there is none."""
    if value is None:
        return " " * 32
    mean, low, high = (f"{one:{sign}.3f}" for one in value)
    return f"{mean:>8}  {f'({low} to {high})':<22}"


def answers_path(run: Path, split: str, stage: str, temperature: float = 0.0) -> Path:
    """Where answers after a stage are kept; those of other weights, or sampled, are elsewhere."""
    weights = hashlib.sha256()
    for one in STAGES[1 : STAGES.index(stage) + 1]:
        weights.update((run / one / ADAPTER / "adapter_model.safetensors").read_bytes())
    sampled = f"-sampled-{temperature:g}" if temperature else ""
    return run / "answers" / f"{split}-{stage}-{weights.hexdigest()[:8]}{sampled}.jsonl"


def told(
    run: Path, name: str, briefs: Sequence[Brief], asked_as: BackendConfig, temperature: float = 0.0
) -> list[Answered] | None:
    """What is known of what a model said of these clips; None where it was not asked about all of them."""
    if name == NOTHING:
        return by_rule(briefs)
    if not (run / name / ADAPTER / "adapter_model.safetensors").exists():
        return None
    kept = _kept(answers_path(run, "test", name, temperature), briefs, asked_as)
    return [kept[brief.clip_id] for brief in briefs] if all(brief.clip_id in kept for brief in briefs) else None


def scores_of(
    answers: Sequence[Answered],
    examples: Sequence[Example],
    briefs: Sequence[Brief],
    flows: Mapping[str, PsiFlow] = MappingProxyType({}),
    name: str = NOTHING,
) -> dict[str, Float[ndarray, " n"]]:
    """One number a clip, by name.

    Flows that are there judge ψ: the one fitted after the cold start, which GRPO holds frozen, and the model's own.
    """
    from lookhear.reasoning.rewards import REWARDS, load_reward

    truths = [example.row.point for example in examples]
    columns = {
        "lat_deg": [truth.lat_deg for truth in truths],
        "lon_deg": [truth.lon_deg for truth in truths],
        "evidence": [[one.to_json() for one in brief.evidence] for brief in briefs],
    }
    texts = [one.text for one in answers]
    scores = {name: load_reward(name)(completions=texts, **columns) for name in REWARDS}
    scores["parse rate"] = [float(one.state in ("written", "rules")) for one in answers]
    errors = [
        one.answer.distance_km(truth) if one.answer else np.inf for one, truth in zip(answers, truths, strict=True)
    ]
    points = [brief.outlook.point for brief in briefs]  # geometric medians of the evidence's densities
    medians = [point.distance_km(truth) if point else np.inf for point, truth in zip(points, truths, strict=True)]
    for km in THRESHOLDS_KM:
        scores[f"answer <= {km} km"] = [float(error <= km) for error in errors]
        scores[f"evidence <= {km} km"] = [float(error <= km) for error in medians]
    if all(one.psi is not None for one in answers):
        psi = np.stack([one.psi for one in answers if one.psi is not None])
        units = np.stack([truth.unit for truth in truths])
        for key, stage in (("log p(truth | psi)", "sft"), ("log p(truth | psi), own flow", name)):
            if stage in flows:
                scores[key] = flows[stage](psi, units).tolist()
    return {key: np.array(values, dtype=float) for key, values in scores.items()}


def with_interval(values: Float[ndarray, " n"], places: ndarray) -> Interval:
    """The mean and its 95 % interval; places are drawn, since clips of one go together."""
    known = np.isfinite(values)
    _, owner = np.unique(places[known], return_inverse=True)
    totals, counts = np.bincount(owner, values[known]), np.bincount(owner)
    drawn = np.random.default_rng(0).integers(0, len(counts), (DRAWS, len(counts)))
    means = totals[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values[known].mean()), float(low), float(high)
