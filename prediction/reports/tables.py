"""What the tables say, before it takes a form: text, LaTeX and HTML are three ways to write the same `Table`s.

In: a summary. Out: tables of formatted cells, with intervals, the best of each column marked, and the notes that a
reader needs. A method without densities is not in the tables of densities. Numbers from papers are never marked best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lookhear.prediction.metrics.likelihood import PLONK_UNIT_NATS, UNIFORM_NLL, WORST_NLL
from lookhear.prediction.metrics.measured import FEWEST_PLACES, Estimate, Measured
from lookhear.prediction.metrics.measures import MEASURES, Measure, Unit
from lookhear.prediction.metrics.summary import MethodSummary, Summary
from lookhear.prediction.reports.published import PUBLISHED, PublishedLine

NONE = "–"
"""Shown where a measure is not defined."""

DISTANCE = (
    "within_1_km",
    "within_25_km",
    "within_200_km",
    "within_750_km",
    "within_2500_km",
    "median_km",
    "mean_km",
    "geoscore",
)
DENSITY = ("nll", "nll_plonk", "inside_50", "inside_90", "calibration_error", "recall_area")
SAMPLES = ("precision", "recall", "density", "coverage")
BY_GROUP = ("within_750_km", "median_km", "inside_90")


@dataclass(frozen=True)
class Cell:
    """One number."""

    text: str
    """The number, as people read it."""
    interval: str = ""
    """Its interval, or ""."""
    best: bool = False
    """Whether no other of our lines is better."""


@dataclass(frozen=True)
class Line:
    """One method."""

    name: str
    """The method."""
    cells: tuple[Cell, ...]
    """One a column."""
    source: str = ""
    """The paper the line is from; "" for what was measured here."""


@dataclass(frozen=True)
class Table:
    """Methods against measures, or against parts of the set."""

    name: str
    """Short, for file names and anchors."""
    title: str
    """What is shown, with units."""
    heads: tuple[str, ...]
    """One a column."""
    lines: tuple[Line, ...]
    """One a method."""


def tables(summary: Summary, published: str | None = None) -> list[Table]:
    """All tables of a report.

    Raises:
        ValueError: there are no published numbers of that name.
    """
    if published is not None and published not in PUBLISHED:
        raise ValueError(f"There are no published numbers named {published!r}; choose from {', '.join(PUBLISHED)}.")
    papers = PUBLISHED[published] if published else ()
    whole = [(method.method, method.overall) for method in summary.methods]
    dense = [(method.method, method.overall) for method in summary.methods if _is_dense(method)]
    found = [_by_measure("distance", "Distance to the truth: clips within it (%), km, points", DISTANCE, whole, papers)]
    if dense:
        found.append(_by_measure("density", "Densities: NLL in nats, shares in %", DENSITY, dense, papers))
        found.append(_by_measure("samples", "One sample a clip against the truths (PRDC)", SAMPLES, dense, papers))
    able = {name: [m for m in summary.methods if not MEASURES[name].needs_density or _is_dense(m)] for name in BY_GROUP}
    kinds = [kind for kind, parts in summary.methods[0].groups.items() if len(parts) > 1]
    return found + [_by_part(able[name], kind, name) for kind in kinds for name in BY_GROUP if able[name]]


def notes(summary: Summary) -> list[str]:
    """What must be known to read the tables."""
    config, methods = summary.config, summary.methods
    lines = [
        f"{summary.clips:,} clips from {len(summary.places):,} places. A missing answer is a miss: infinitely far in "
        "the median, 20,015 km in the mean, 0 points.",
        f"A clip without a density, or with density 0 at the truth, has an NLL of {WORST_NLL:.2f} nats; knowing "
        f"nothing (uniform) has {UNIFORM_NLL:.3f} nats, or {UNIFORM_NLL / PLONK_UNIT_NATS:.3f} in PLONK's unit.",
        f"PRDC: k = {config.prdc_k}, up to {config.prdc_chunks} chunks, seed {config.seed}.",
    ]
    if config.draws and len(summary.places) > 1:
        drawn = f"{config.draws:,} draws of whole places with replacement, seed {config.seed}"
        words = f"In brackets: {config.level:.0%} intervals from {drawn}; none for under {FEWEST_PLACES} places."
        lines.insert(1, words)
    gaps = [_gap(method.method, method.overall) for method in methods]
    return lines + [gap for gap in gaps if gap]


def sources(found: Sequence[Table]) -> list[str]:
    """One sentence for each paper whose numbers are shown."""
    papers = dict.fromkeys(line.source for table in found for line in table.lines if line.source)
    return [f"† {paper}: the paper's numbers, from other clips; not measured here." for paper in papers]


def number(value: float, unit: Unit) -> str:
    """A value as people read it; shares in per cent.

    Example:
        >>> number(0.0834, "share"), number(float("inf"), "km"), number(float("nan"), "km")
        ('8.3', '∞', '–')
    """
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞"
    if unit == "share":
        return f"{100 * value:.1f}"
    return f"{value:,.0f}" if unit in ("km", "points") else f"{value:.2f}"


def _by_measure(
    name: str,
    title: str,
    measures: Sequence[str],
    methods: Sequence[tuple[str, Measured]],
    papers: Sequence[PublishedLine],
) -> Table:
    estimates = [[one.estimates[measure] for measure in measures] for _, one in methods]
    kinds = [MEASURES[measure] for measure in measures]
    ours = [Line(own, _cells(row, kinds)) for (own, _), row in zip(methods, estimates, strict=True)]
    theirs = [
        Line(paper.name, _cells([Estimate(paper.values.get(m, math.nan)) for m in measures], kinds), paper.source)
        for paper in papers
        if paper.values.keys() & set(measures)
    ]
    return Table(name, title, tuple(kind.label for kind in kinds), (*_marked(ours, estimates, kinds), *theirs))


def _is_dense(method: MethodSummary) -> bool:
    return method.overall.without_density < method.overall.clips


def _by_part(methods: Sequence[MethodSummary], kind: str, measure: str) -> Table:
    parts = methods[0].groups[kind]
    kinds = [MEASURES[measure]] * len(parts)
    estimates = [[method.groups[kind][part].estimates[measure] for part in parts] for method in methods]
    lines = [Line(own.method, _cells(row, kinds)) for own, row in zip(methods, estimates, strict=True)]
    label = f"{kinds[0].label} (%)" if kinds[0].unit == "share" else kinds[0].label
    heads = tuple(f"{part} ({one.clips:,})" for part, one in parts.items())
    title = f"By {kind}, number of clips in brackets: {label}"
    return Table(f"{kind.replace(' ', '-')}-{measure}", title, heads, tuple(_marked(lines, estimates, kinds)))


def _cells(row: Sequence[Estimate], kinds: Sequence[Measure]) -> tuple[Cell, ...]:
    return tuple(
        Cell(number(one.value, kind.unit), _interval(one, kind.unit)) for one, kind in zip(row, kinds, strict=True)
    )


def _interval(one: Estimate, unit: Unit) -> str:
    return "" if math.isnan(one.low) else f"[{number(one.low, unit)}, {number(one.high, unit)}]"


def _marked(lines: Sequence[Line], estimates: Sequence[Sequence[Estimate]], kinds: Sequence[Measure]) -> list[Line]:
    """The lines with the best of each column marked: all that read the same, but none if all do."""
    if len(lines) < 2:
        return list(lines)
    cells = [list(line.cells) for line in lines]
    for column, kind in enumerate(kinds):
        worth = [_badness(kind)(row[column].value) for row in estimates]
        best = cells[worth.index(min(worth))][column].text
        texts = [row[column].text for row in cells]
        for row in cells:
            row[column] = replace(row[column], best=row[column].text == best and len(set(texts)) > 1 and best != NONE)
    return [replace(line, cells=tuple(row)) for line, row in zip(lines, cells, strict=True)]


def _badness(kind: Measure) -> Callable[[float], float]:
    """A number that is least for the best value, infinite where there is none."""

    def badness(value: float) -> float:
        if math.isnan(value):
            return math.inf
        if isinstance(kind.better, float):
            return abs(value - kind.better)
        return -value if kind.better == "higher" else value

    return badness


def _gap(method: str, one: Measured) -> str:
    """What a method left open, or ""."""
    if one.without_density == one.clips:
        dense = "no densities"
    else:
        dense = f"no density for {one.without_density:,}" if one.without_density else ""
    missing = f"no answer for {one.missing:,}" if one.missing else ""
    impossible = f"density 0 at the truth for {one.impossible:,}" if one.impossible else ""
    parts = [part for part in (missing, dense, impossible) if part]
    return f"{method}: {', '.join(parts)} of {one.clips:,} clips." if parts else ""
