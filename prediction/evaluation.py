"""Methods in, clips in, one `Score` a method and clip out.

A method is fitted once, here, and then shared by all processes. What goes wrong with one clip is said and counts as a
miss: an exception, no answer, a density that is NaN at the truth. Clips of one group (`Grouping`) are answered each by
itself and scored with the pool of their densities.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from lookhear.prediction.density import CellDensity, GeoDensity
from lookhear.prediction.example import Example
from lookhear.prediction.methods.method import Method
from lookhear.prediction.metrics.score import Score
from lookhear.prediction.pooling import Grouping, fit_alpha, mean, pool
from lookhear.prediction.workers import in_processes

Problem = tuple[str, str, str]
"""Method, clip_id, and what went wrong."""

FIT_GROUPS = 40
"""Training groups on which α is fitted, and…"""

FIT_GROUP_CLIPS = 8
"""…clips of each, at most."""


@dataclass
class Contest:
    """Fitted methods, and how clips are put to them."""

    methods: Mapping[str, Method]
    """By name."""
    alpha: dict[str, float | None] = field(default_factory=dict)
    """How a method's densities of one group are pooled (`pool`); None: AG-CLIP's way."""
    broken: frozenset[str] = frozenset()
    """Clips that could not be perceived: a miss for every method."""
    seed: int = 0
    """Draws one sample a clip."""

    def scores(self, task: Task) -> tuple[list[Score], list[Problem]]:
        """The scores of a group of clips by some of the methods."""
        scores, problems = [], []
        for name in task.methods:
            answers = [self._answer(name, clip) for clip in task.clips]
            densities = self._pooled(name, [density for density, _, _ in answers])
            for clip, density, (_, seconds, problem) in zip(task.clips, densities, answers, strict=True):
                score, worse = self._score(name, clip, density, seconds)
                scores.append(score)
                problems += [(name, clip.row.clip_id, text) for text in (problem, worse) if text]
        return scores, problems

    def _answer(self, name: str, clip: Example) -> tuple[GeoDensity | None, float, str]:
        started = time.perf_counter()
        density, problem = None, ""
        if clip.row.clip_id not in self.broken:
            try:
                density = self.methods[name].density(clip)
                if density is not None:
                    density.on_cells()  # what a reader waits for
            except Exception as error:  # one bad clip must not stop the others, whatever is wrong with it
                problem = f"{type(error).__name__}: {error}"
        return density, time.perf_counter() - started, problem

    def _pooled(self, name: str, densities: Sequence[GeoDensity | None]) -> Sequence[GeoDensity | None]:
        """The same pooled density for every clip of a group that has a density."""
        given = [density.on_cells() for density in densities if density is not None]
        if len(given) < 2:
            return densities
        alpha = self.alpha.get(name)
        pooled = mean(given) if alpha is None else pool(given, alpha)
        return [None if density is None else pooled for density in densities]

    def _score(self, name: str, clip: Example, density: GeoDensity | None, seconds: float) -> tuple[Score, str]:
        clip_id, truth = clip.row.clip_id, clip.row.point
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {clip_id}".encode()).digest()[:4])
        miss = Score.of(name, clip_id, None, truth, seed, seconds)
        try:
            score = Score.of(name, clip_id, density, truth, seed, seconds)
        except Exception as error:
            return miss, f"{type(error).__name__}: {error}"
        if density is not None and np.isnan([score.log_density, score.error_km, score.credibility]).any():
            return miss, "The density is NaN at the truth."
        return score, ""


@dataclass(frozen=True, eq=False)
class Task:
    """Clips that belong together, and the methods that have not answered all of them yet."""

    clips: tuple[Example, ...]
    """One clip, or those of a group."""
    methods: tuple[str, ...]
    """Names."""


def tasks(
    examples: Iterable[Example], done: Mapping[str, set[str]], grouping: Grouping | None = None
) -> Iterator[Task]:
    """What is left to ask, clip by clip, or group by group, for which all clips are read first."""
    for clips in _groups(examples, grouping):
        left = [name for name, known in done.items() if any(clip.row.clip_id not in known for clip in clips)]
        if left:
            yield Task(clips, tuple(left))


def answers(contest: Contest, left: Iterable[Task], jobs: int) -> Iterator[tuple[list[Score], list[Problem]]]:
    """Scores and problems of each task, as they come."""
    return in_processes(_work, left, jobs, _share, contest)


def fit_pooling(methods: Mapping[str, Method], train: Iterable[Example], grouping: Grouping) -> dict[str, float | None]:
    """Each method's α, from groups of training clips."""
    groups = [clips[:FIT_GROUP_CLIPS] for clips in _groups(train, grouping) if len(clips) > 1]
    chosen = list(islice((groups[k] for k in np.random.default_rng(0).permutation(len(groups))), FIT_GROUPS))
    alpha: dict[str, float | None] = {}
    for name, method in methods.items():
        found = [(_densities(method, clips), [clip.row.point for clip in clips]) for clips in chosen]
        alpha[name] = fit_alpha([(densities, truths) for densities, truths in found if len(densities) > 1])
    return alpha


def evidence_kind(example: Example) -> str:
    """What perception had to go on, as the reports group clips."""
    kinds = {one.kind for one in example.record.evidence}
    heard = "species heard" if "species" in kinds else "everyday sounds only" if "sound" in kinds else "nothing heard"
    seen = "sight" in example.record.features or "sight" in kinds
    return f"{heard}, {'picture' if seen else 'no picture'}"


def surest_species(example: Example) -> str:
    """How sure perception was of the species that it was surest of, as the reports group clips."""
    sure = max((one.confidence for one in example.record.evidence if one.kind == "species"), default=None)
    if sure is None:
        return "none"
    return "under 60 %" if sure < 0.6 else "60 to 90 %" if sure < 0.9 else "90 % or more"


def _groups(examples: Iterable[Example], grouping: Grouping | None) -> Iterator[tuple[Example, ...]]:
    if grouping is None:
        yield from ((example,) for example in examples)
        return
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(grouping.key(example.row), []).append(example)
    yield from map(tuple, groups.values())


def _densities(method: Method, clips: Iterable[Example]) -> list[CellDensity]:
    densities = [method.density(clip) for clip in clips]
    return [density.on_cells() for density in densities if density is not None]


_contests: list[Contest] = []
"""The contest that this process works on."""


def _share(contest: Contest) -> None:
    _contests[:] = [contest]


def _work(task: Task) -> tuple[list[Score], list[Problem]]:
    return _contests[0].scores(task)
