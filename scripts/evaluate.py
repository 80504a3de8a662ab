"""`lookhear evaluate DATA -o DIR`: an AVG-style folder in, tables and figures of how near methods come out.

In DIR: `scores/<method>.jsonl` with a line a clip, `fitted.json` with what the methods learned, `problems.csv` with
what went wrong in the last run and is tried again in the next, `run.json` with the data and the settings, and the
reports. Where DATA has media but no records of perception (`lookhear dataset perceive` makes them), the clips that are
needed are heard first, and what was heard is kept in `records/`. A killed run goes on where it was; a run on other data
or with other settings is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from tqdm import tqdm

from lookhear.data.atomic import only_writer, write_atomic
from lookhear.data.avg.row import METADATA, METADATA_PARQUET, ClipRow, Split, read_rows, write_rows
from lookhear.data.local_file import sha256_of

if TYPE_CHECKING:
    from lookhear.prediction.evaluation import Contest, Task
    from lookhear.prediction.example import Example
    from lookhear.prediction.methods.method import Method
    from lookhear.prediction.metrics.score import Score
    from lookhear.prediction.pooling import Grouping

Format = Literal["text", "json", "csv", "latex", "figures", "page"]

Paper = Literal["avg", "inatsounds"]

PROBLEMS = "problems.csv"
"""Name of the file that says what went wrong."""

TRAIN_HEARD = 600
"""Training clips that are heard where there are no records yet: enough to fit weights."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure methods on a data set."""

    data: tyro.conf.Positional[Path]
    """Folder of an AVG-style data set, with records of perception or with media."""
    method: tuple[str, ...] = ()
    """Names of methods, see docs/evaluate.md; all of them by default."""
    head: tuple[Path, ...] = ()
    """Folders of trained heads (`lookhear train flow`) to compare as well; each is called as its folder."""
    split: Split = "test"
    """Part of the set that is asked about; methods are fitted on its training part."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("lookhear-evaluation")
    """Folder for scores and reports."""
    records: Path | None = None
    """Folder with the records of perception, if they do not lie in the data set's own."""
    group: str | None = None
    """Pool recordings of one H3 cell and season: h3:5/month, or h3:6/week, or h3:5/year."""
    pooling: Literal["likelihood", "mean"] = "likelihood"
    """How a group is pooled: by likelihood, with the prior counted once, or by the mean, as AG-CLIP does."""
    limit: int | None = None
    """Ask about so many clips only, spread evenly over the set."""
    formats: Annotated[tuple[Format, ...], tyro.conf.arg(aliases=["-f"])] = ("text", "json", "csv", "latex")
    """Reports to write."""
    published: Paper | None = None
    """Show published rows beside ours."""
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    """How many processes."""
    seed: int = 0
    """Draws one sample from each density."""
    quiet: bool = False
    """No progress bars."""

    def __post_init__(self) -> None:
        if self.jobs < 1 or (self.limit is not None and self.limit < 1):
            raise ValueError(f"--jobs and --limit start at 1, but {self.jobs} and {self.limit} were given.")
        names = [path.name for path in self.head]
        if len(set(names)) < len(names):
            raise ValueError(f"Heads are called as their folders, so those must differ, but they are {names}.")

    def settings(self) -> dict[str, Any]:
        """The settings that shape a score."""
        pooling = self.pooling if self.group else None
        return {"split": self.split, "group": self.group, "pooling": pooling, "seed": self.seed, "limit": self.limit}


def evaluate(config: EvaluateConfig) -> int:
    """Run the command; 0: every answer came, 1: some clips or answers were broken."""
    from lookhear.prediction.evaluation import tasks

    methods, grouping, asked = _methods(config), _grouping(config), _asked(config)
    names = list(methods)
    config.out.mkdir(parents=True, exist_ok=True)
    with only_writer(config.out):
        (config.out / PROBLEMS).unlink(missing_ok=True)
        unkept: list[Score] = []
        source = _perceived(config, asked)
        _same_run(config, source)
        done = _done(config, names)
        left = [name for name in names if any(row.clip_id not in done[name] for row in asked)]
        if left:
            contest = _contest(config, {name: methods[name] for name in left}, grouping, source)
            examples = source.examples(config.split, {row.clip_id for row in asked})
            todo = tasks(examples, {name: done[name] for name in left}, grouping)
            unkept = _ask(config, contest, todo, len(asked), done)
        _report(config, names, asked, source, unkept)
    return 1 if source.broken or (config.out / PROBLEMS).exists() else 0


def _grouping(config: EvaluateConfig) -> Grouping | None:
    from lookhear.prediction.pooling import Grouping

    return Grouping.parse(config.group) if config.group else None


def _methods(config: EvaluateConfig) -> dict[str, Callable[[], Method]]:
    """What makes each method that was asked for, trained heads last."""
    from lookhear.prediction.methods import METHODS
    from lookhear.prediction.methods.trained import Trained

    for name in config.method:
        if name not in METHODS:
            raise ValueError(f"There is no method {name!r}; choose from {', '.join(METHODS)}.")
    for path in (path for path in config.head if path.name in METHODS):
        raise ValueError(f"{path} is called as a method; give the head's folder another name.")
    chosen = {name: make for name, make in METHODS.items() if not config.method or name in config.method}
    return {**chosen, **{path.name: partial(Trained, path) for path in config.head}}


def _asked(config: EvaluateConfig) -> list[ClipRow]:
    """The rows of the clips that are asked about."""
    rows = [row for row in read_rows(config.data) if row.split == config.split]
    if not rows:
        raise ValueError(f"{config.data} has no clip in its {config.split} split; choose another with --split.")
    count = min(config.limit or len(rows), len(rows))
    return [rows[k * len(rows) // count] for k in range(count)]


@dataclass(frozen=True)
class Source:
    """Where the clips lie that methods are fitted on and asked about."""

    rows: Path
    """Folder of the rows."""
    records: Path
    """Folder of the records."""
    broken: dict[str, str]
    """clip_id → why it could not be perceived."""

    def examples(self, split: Split, wanted: Container[str] | None = None) -> Iterator[Example]:
        """The clips of a split, or those of them that are wanted, by clip_id."""
        from lookhear.prediction.example import read_examples

        found = read_examples(self.rows, split, self.records)
        return (one for one in found if wanted is None or one.row.clip_id in wanted)


def _perceived(config: EvaluateConfig, asked: Sequence[ClipRow]) -> Source:
    """The records that are there, or those of what is heard now."""
    from lookhear.perception.record import RECORDS
    from lookhear.prediction.perceiving import broken_clips, perceive

    if config.records is not None or (config.data / RECORDS).exists():
        return Source(config.data, config.records or config.data, broken_clips(config.records or config.data))
    if not any(row.file_name for row in asked):
        raise FileNotFoundError(f"{config.data} has neither {RECORDS} nor media; give a folder with --records.")
    train = [row for row in read_rows(config.data) if row.split == "train" and config.split != "train"]
    rows = [*asked, *train[:: max(1, len(train) // TRAIN_HEARD)][:TRAIN_HEARD]]
    folder = config.out / "records"
    broken = perceive(config.data, rows, folder, config.jobs, config.quiet)
    write_rows(folder, rows)
    return Source(folder, folder, broken)


def _same_run(config: EvaluateConfig, source: Source) -> None:
    """Remember the data and the settings, or refuse to mix scores of others with these.

    Raises:
        ValueError: the folder holds the scores of another run.
    """
    from importlib.metadata import version

    from lookhear.perception.record import RECORDS
    from lookhear.prediction.trained_head import head_digest

    files = [source.rows / METADATA, source.rows / METADATA_PARQUET, source.records / RECORDS]
    files += sorted(source.records.glob("*.safetensors"))
    data = {path.name: sha256_of(path) for path in files if path.exists()}
    run: dict[str, Any] = {"lookhear": version("lookhear"), "data": data, "settings": config.settings()}
    path = config.out / "run.json"
    before = json.loads(path.read_bytes()) if path.exists() else run
    heads = {folder.name: head_digest(folder) for folder in config.head}
    known: dict[str, str] = before.get("heads", {})
    run["heads"], before["heads"] = known | heads, heads | known
    for key in run:
        if before.get(key) != run[key]:
            raise ValueError(
                f"{config.out} holds scores of another run: its {key} was {before.get(key)}, now it is {run[key]}; "
                "give another folder with -o."
            )
    write_atomic(path, json.dumps(run, indent=1))


def _done(config: EvaluateConfig, names: Sequence[str]) -> dict[str, set[str]]:
    """The clips that each method has a score for."""
    from lookhear.prediction.score_files import mend, read_scores

    folder = config.out / "scores"
    folder.mkdir(exist_ok=True)
    for name in names:
        mend(folder, name)
    return {name: {score.clip_id for score in read_scores(folder, name)} for name in names}


def _contest(
    config: EvaluateConfig, wanted: Mapping[str, Callable[[], Method]], grouping: Grouping | None, source: Source
) -> Contest:
    """The methods, fitted on the training split."""
    from lookhear.prediction.evaluation import Contest, fit_pooling
    from lookhear.prediction.methods.log_linear import learned
    from lookhear.prediction.score_files import add_learned

    train = list(source.examples("train"))
    methods = {name: make() for name, make in wanted.items()}
    for method in tqdm(methods.values(), "Fitting", unit="method", disable=config.quiet):
        method.fit(train)
    alpha: dict[str, float | None] = dict.fromkeys(methods)
    if grouping is not None and config.pooling == "likelihood":
        alpha = fit_pooling(methods, train, grouping)
    add_learned(
        config.out / "fitted.json", {name: {**learned(methods[name]), "alpha": alpha[name]} for name in methods}
    )
    return Contest(methods, alpha, frozenset(source.broken), config.seed)


def _ask(
    config: EvaluateConfig, contest: Contest, todo: Iterable[Task], count: int, done: dict[str, set[str]]
) -> list[Score]:
    """Ask about every clip that has no score yet, and keep each score at once; or what went wrong, to be tried again.

    Returns:
        The scores that are not kept: those of a clip, or of its group, with which something went wrong.
    """
    from lookhear.prediction.evaluation import answers
    from lookhear.prediction.score_files import append_problems, append_scores

    unkept: list[Score] = []
    with tqdm(total=count, desc="Locating", unit="clip", disable=config.quiet) as bar:
        for scores, problems in answers(contest, todo, config.jobs):
            failed = {name for name, _, _ in problems}
            new = [one for one in scores if one.clip_id not in done[one.method]]
            append_scores(config.out / "scores", [one for one in new if one.method not in failed])
            append_problems(config.out / PROBLEMS, problems)
            unkept += [one for one in new if one.method in failed]
            bar.update(len({score.clip_id for score in scores}))
    return unkept


def _report(
    config: EvaluateConfig, names: Sequence[str], asked: Sequence[ClipRow], source: Source, unkept: Sequence[Score]
) -> None:
    from lookhear.prediction.evaluation import evidence_kind, surest_species
    from lookhear.prediction.metrics.summary import SummaryConfig, summarise
    from lookhear.prediction.reports import save
    from lookhear.prediction.score_files import read_scores

    wanted = {row.clip_id for row in asked}
    kept = {name: read_scores(config.out / "scores", name) for name in names}
    scores = (score for name in names for score in chain(kept[name], (one for one in unkept if one.method == name)))
    groups: dict[str, dict[str, str]] = {"evidence": {}, "surest species": {}}
    for one in source.examples(config.split, wanted):
        groups["evidence"][one.row.clip_id] = evidence_kind(one)
        groups["surest species"][one.row.clip_id] = surest_species(one)
    title = f"{config.data.name}, {config.split} split" + (f", pooled by {config.group}" if config.group else "")
    summary = summarise((score for score in scores if score.clip_id in wanted), asked, groups, SummaryConfig(title))
    paths = save(summary, config.out, config.formats, config.published)
    print(f"{len(asked)} clips, {len(names)} methods. Reports: {', '.join(str(path) for path in paths)}")
    for path in (path for path in paths if path.suffix in (".txt", ".md")):
        print(path.read_text(encoding="utf-8"))
