"""What a sound's features, as soft tokens, tell the offline model beside the text of what was found.

    python -m lookhear.scripts.benchmark_soft_tokens SOUNDS --out DIR

SOUNDS is a set with labels, as `train sound` reads it. Recordings of it get places as `perception.atoms.placed`
invents them: by their class, which the text tells, and by their kind, which it does not. A question is one window of
one recording and three countries, equally likely but for what is heard; the true one is drawn with the invented
chances. The model learns by the cold start's own machinery, of whose completion only the choice is taught: the
country's name, or the letter of one of three that are told. It is asked about fresh variants of the same recordings,
and the likeliest of the three counts, in one forward pass. Beside it stand a linear layer that learns from the same
rows, and what one could choose who knows the chances. In DIR, so that it goes on where it was stopped:

    cache/                   the encoder's maps
    <condition>/             checkpoints, the curve and the adapter of the cold start
    <condition>/chosen.json  what was chosen; not to be mixed with other questions (questions.txt)
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint
from lookhear.perception.atoms.placed import COUNTRIES
from lookhear.perception.evidence import Evidence, Moment
from lookhear.prediction.metrics.bootstrap import draw_places, interval, resampled_means
from lookhear.reasoning.mllm.brief import Brief, Option
from lookhear.reasoning.mllm.prompt import LETTERS, SHORT, Wording, messages
from lookhear.reasoning.outlook import Outlook
from lookhear.reasoning.training.cold_start import Aim
from lookhear.reasoning.training.lessons import Lesson
from lookhear.reasoning.training.machine import MachineConfig
from lookhear.reasoning.training.sft import ADAPTER, SftConfig
from lookhear.scripts.benchmark_soft_tokens_questions import (
    CHOICES,
    TOLD,
    Clips,
    ClipsConfig,
    Condition,
    Questions,
    ask,
    clips_of,
    digest_of,
    known,
    linear,
)

PLACES = {
    "GB": ("Great Britain", 51.51, -0.13),
    "DE": ("Germany", 52.52, 13.41),
    "IT": ("Italy", 41.89, 12.51),
    "US": ("United States", 38.9, -77.04),
    "MX": ("Mexico", 19.43, -99.13),
    "BR": ("Brazil", -15.79, -47.88),
    "EG": ("Egypt", 30.04, 31.24),
    "NG": ("Nigeria", 9.06, 7.49),
    "IN": ("India", 28.61, 77.21),
    "JP": ("Japan", 35.69, 139.69),
    "TH": ("Thailand", 13.75, 100.5),
    "CH": ("Switzerland", 46.95, 7.45),
}
"""Names of the countries, no two beginning with one token, and their capitals."""

By = Literal["name", "letter"]
"""What the model answers with."""

POINT = re.compile(r": -?\d+\.\d\d, -?\d+\.\d\d")
"""Coordinates as a place's line has them."""

DRAWS = 2_000
"""Resamples of the bootstrap."""


@dataclass(frozen=True)
class BenchmarkSoftTokensConfig:
    """Measure what soft tokens of sound add to the text."""

    sounds: Annotated[Path, tyro.conf.Positional]
    """A set of labelled sounds."""
    out: Annotated[Path, tyro.conf.arg(aliases=("-o",))]
    """Where checkpoints and results are kept."""
    conditions: tuple[Condition, ...] = ("text", "text+sound", "text+atoms", "atoms")
    """What the model is told."""
    by: By = "name"
    """Name the country, where none is told; or choose a letter, as in traces, of three that are told."""
    reader: Literal["audioset", "fsd50k", "esc50", "csv"] = "csv"
    """What kind of data set it is."""
    classes: int = 12
    """Classes that are heard…"""
    recordings: int = 2
    """…in so many recordings each, which the text cannot tell apart."""
    fresh: int = 40
    """Fresh variants of each to be asked about."""
    seed: int = 0
    """The questions follow from it, and all draws of the training."""
    sft: SftConfig = field(default_factory=lambda: SftConfig(steps=64))
    """How it is learnt; every row of every batch is a new question."""
    machine: MachineConfig = field(default_factory=lambda: MachineConfig(device="cpu"))
    """Where."""


def benchmark_soft_tokens(config: BenchmarkSoftTokensConfig) -> int:
    """Measure and print."""
    from lookhear.perception.atoms.shipped import shipped_dictionary
    from lookhear.prediction.solver import fast_gemm

    dictionary = shipped_dictionary()
    if dictionary is None:
        print("The package has no dictionary of atoms, so nothing can be measured.", file=sys.stderr)
        return 1
    kinds = ClipsConfig(config.sounds, config.reader, config.classes, config.recordings, fresh=config.fresh)
    learnt, asked = clips_of(kinds, dictionary, config.out / "cache")
    lessons = ask(learnt, config.sft.steps * config.sft.batch, config.seed)
    tests = ask(asked, len(asked.recording), config.seed + 1)
    right = known(asked, tests)
    with fast_gemm():
        for name in config.conditions:
            right[name] = learn_and_answer(name, config, (learnt, lessons), (asked, tests)) == tests.right
            right[f"{name}, linear"] = linear(name, (learnt, lessons), (asked, tests)) == tests.right
            print(table(right, asked.recording[tests.clip]), flush=True)
    return 0


@dataclass(frozen=True, eq=False)
class ChoiceLesson(Lesson):
    """A lesson of which only the choice is learnt: what follows in the cold start is a copy of that place's line."""

    choices: tuple[str, ...] = ()
    """Letters or names."""
    right: int = 0
    """Which is true."""

    def completion(self, wording: Wording, aim: Aim) -> str:
        """The true one."""
        return self.choices[self.right]

    def row(self, wording: Wording, aim: Aim) -> dict[str, Any]:
        """The row of this clip."""
        row = super().row(wording, aim)
        return row | {"prompt": chat(self.brief, len(row["images"]), wording)}


def chat(brief: Brief, images: int, wording: Wording) -> list[dict[str, Any]]:
    """The prompt without the coordinates of places: half of its tokens, and nobody has to copy them."""
    (user,) = messages(brief, images, wording)
    *slots, text = user["content"]
    return [{**user, "content": [*slots, {**text, "text": POINT.sub("", text["text"])}]}]


def lessons_of(name: Condition, by: By, clips: Clips, questions: Questions) -> list[ChoiceLesson]:
    """The questions as clips to learn from."""
    from lookhear.reasoning.mllm.soft_tokens import pixels_of

    says, kinds = TOLD[name]

    def images(clip: int) -> list[Any]:
        return [pixels_of(kind, clips.features[kind][clip]) for kind in kinds]

    def lesson(k: int) -> ChoiceLesson:
        clip, right = int(questions.clip[k]), int(questions.right[k])
        options = tuple(map(option_of, questions.countries[k]))
        choices = tuple(LETTERS[:CHOICES]) if by == "letter" else tuple(one.place.country for one in options)
        label = clips.classes[clips.recording[clip]] if says else None
        brief = brief_of(f"{name} {k}", label, options if by == "letter" else ())
        return ChoiceLesson(brief, options[right].point, partial(images, clip), {}, choices, right)

    return [lesson(k) for k in range(len(questions.clip))]


def brief_of(clip_id: str, label: str | None, options: tuple[Option, ...]) -> Brief:
    """What the model is told in words."""
    nothing = Outlook(None, None, (), (), (), 0.0, 0.0, 0.0)
    moments = (Moment(0.0, 3.0, 1.0),)
    evidence = () if label is None else (Evidence("e1", "sound", label, label, moments, 1.0, "the set's label"),)
    return Brief(clip_id, evidence, nothing, options)


def option_of(country: int) -> Option:
    """A country, as likely as the two others."""
    name, lat_deg, lon_deg = PLACES[COUNTRIES[country]]
    return Option(GeoPoint(lat_deg, lon_deg), PlaceName("", name, "", "", 0.0), 1 / CHOICES)


def learn_and_answer(
    name: Condition, config: BenchmarkSoftTokensConfig, learnt: tuple[Clips, Questions], asked: tuple[Clips, Questions]
) -> Int[ndarray, " n"]:
    """What is chosen for each question, from disk or now."""
    from lookhear.reasoning.mllm.backend import BackendConfig, open_backend
    from lookhear.reasoning.training.sft import train_sft

    folder, machine = config.out / name, replace(config.machine, seed=config.seed)
    claim(folder, digest_of(name, (config.by, config.sft, machine.seed, machine.precision), learnt, asked))
    said = folder / "chosen.json"
    if not said.exists():
        if not (folder / ADAPTER / "adapter_config.json").exists():
            fresh = open_backend(BackendConfig(), config.machine.asked_on)
            lessons = lessons_of(name, config.by, *learnt)
            train_sft(fresh.model, fresh.processor, lessons, config.sft, folder, SHORT, machine)
        taught = open_backend(BackendConfig(adapters=(folder / ADAPTER,)), config.machine.asked_on)
        chosen = choices(taught.model, taught.processor, lessons_of(name, config.by, *asked))
        write_atomic(said, json.dumps(chosen.tolist()))
    return np.array(json.loads(said.read_text()))


def claim(folder: Path, digest: str) -> None:
    """Make a folder that of these questions.

    Raises:
        ValueError: it belongs to others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "questions.txt"
    if known.exists() and known.read_text() != digest:
        raise ValueError(f"{folder} was made with other sounds, questions or settings; give another --out.")
    write_atomic(known, digest)


def choices(model: Any, processor: Any, lessons: Sequence[ChoiceLesson], batch: int = 16) -> Int[ndarray, " n"]:
    """The choice whose first token the model thinks likeliest for each, in one forward pass."""
    import torch
    from tqdm import tqdm

    words = {word for one in lessons for word in one.choices}
    first = {word: processor.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in words}
    chosen: list[int] = []
    for start in tqdm(range(0, len(lessons), batch), "Asking", unit="batch"):
        some = lessons[start : start + batch]
        seen = [one.images() for one in some]
        chats = [chat(one.brief, len(images), SHORT) for one, images in zip(some, seen, strict=True)]
        texts = processor.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)
        inputs = processor(images=seen if seen[0] else None, text=texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model.eval()(**inputs.to(model.device), logits_to_keep=1).logits[:, -1]
        tokens = torch.tensor([[first[word] for word in one.choices] for one in some], device=logits.device)
        chosen += logits.gather(1, tokens).argmax(1).tolist()
    return np.array(chosen)


def table(right: dict[str, Bool[ndarray, " n"]], recording: Int[ndarray, " n"]) -> str:
    """Share of right choices, and what is added to the text, with 95 % intervals over recordings."""
    counts = draw_places(int(recording.max()) + 1, DRAWS, 0)

    def with_interval(values: Float[ndarray, " n"]) -> str:
        low, high = interval(resampled_means(values[:, None], recording, counts)[:, 0])
        return f"{values.mean():+6.1f} ({low:+.1f} to {high:+.1f})"

    lines = [f"{len(recording)} questions on {counts.shape[1]} recordings; by chance {100 / CHOICES:.1f} % are right"]
    for name, hits in right.items():
        text = right.get("text, linear" if name.endswith("linear") else "text", hits)
        added = with_interval(100.0 * hits - 100.0 * text) if text is not hits else ""
        lines.append(f"{name:<26}{with_interval(100.0 * hits):>26}{added:>28}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(benchmark_soft_tokens(tyro.cli(BenchmarkSoftTokensConfig)))
