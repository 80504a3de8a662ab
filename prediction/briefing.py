"""What the language model is told of a clip: its evidence and a density over the Earth in, a `Brief` out.

The places that fit are the density's candidates, rounded to a hundredth of a degree (1 km), so that a model can copy
them; they are named by the gazetteer. Which findings support a place follows from where they point.

On disk, where briefs of a set are kept: `<split>-<first clip>.jsonl`, fifty each and whole or not there, so that a run
that is killed loses a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from tqdm import tqdm

from lookhear.data.gazetteer import gazetteer
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.record import record_digest
from lookhear.perception.writing.reading import point
from lookhear.prediction.density import CellDensity
from lookhear.prediction.example import Example
from lookhear.prediction.locator import look_out
from lookhear.prediction.methods.log_linear import LogLinear
from lookhear.prediction.methods.sense import shared_gallery, shared_pointing
from lookhear.reasoning.mllm.brief import Brief, Option, read_briefs, write_briefs
from lookhear.reasoning.rules import supporting

OPTIONS = 3
"""Places that fit, at most."""

DIGITS = 2
"""Decimals of their coordinates in degrees."""

KEPT = 50
"""Briefs of a file."""

PICTURE = "the look of the scene"
"""What the evidence of the eyes is called."""


def make_brief(clip_id: str, evidence: Sequence[Evidence], density: CellDensity) -> Brief:
    """The brief of a clip whose evidence points somewhere or nowhere, and of the density that it leaves."""
    pointed = any(one.where is not None for one in evidence)
    outlook = look_out(density, points=pointed)
    options = tuple(_option(density, evidence)) if pointed else ()
    return Brief(clip_id, tuple(evidence), outlook, options)


def briefs_of(method: LogLinear, examples: Iterable[Example]) -> Iterator[Brief]:
    """The briefs of clips of a set, with the density of a fitted method."""
    for example in examples:
        brief = make_brief(example.row.clip_id, pointed_evidence(example), method.density(example))
        yield replace(brief, record=record_digest(example.record))


def kept_briefs(
    folder: Path, split: str, fitted: Callable[[], LogLinear], examples: Sequence[Example], quiet: bool = False
) -> list[Brief]:
    """The briefs of clips, made where those of their records are not in the folder; only then is the method fitted."""
    folder.mkdir(parents=True, exist_ok=True)
    method, briefs = cache(fitted), list[Brief]()
    with tqdm(total=len(examples), desc=f"Briefs ({split})", unit="clip", disable=quiet) as bar:
        for start in range(0, len(examples), KEPT):
            some, path = examples[start : start + KEPT], folder / f"{split}-{start:06d}.jsonl"
            kept = list(read_briefs(path)) if path.exists() else []
            known = [(one.clip_id, one.record) for one in kept[: len(some)]]
            if known != [(one.row.clip_id, record_digest(one.record)) for one in some]:
                kept = list(briefs_of(method(), some))
                write_briefs(path, kept)
            briefs += kept[: len(some)]
            bar.update(len(some))
    return briefs


def pointed_evidence(example: Example) -> tuple[Evidence, ...]:
    """What was found in a clip, with where it points; a picture that was embedded is a finding too."""
    record = example.record
    found = point(shared_pointing().point(record.evidence, record.week))
    feature = record.features.get("sight")
    if feature is None or any(one.kind == "sight" for one in found):
        return found
    end_s = max((one.end_s for one in found), default=1.0)
    seen = Evidence(f"e{len(found) + 1}", "sight", PICTURE, "GeoCLIP", (Moment(0.0, end_s, 1.0),), 1.0, "GeoCLIP")
    return (*found, replace(seen, where=shared_gallery().where(feature)))


def _option(density: CellDensity, evidence: Sequence[Evidence]) -> Iterator[Option]:
    for candidate in density.candidates(OPTIONS):
        point = candidate.point.rounded(DIGITS)
        cites = tuple(one.id for one in supporting(evidence, point))
        yield Option(point, gazetteer().name(point), round(candidate.probability, 4), cites)
