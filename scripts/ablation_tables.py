"""The rows of the ablation, as in Table 4 of the AVG paper, and its two tables in Markdown.

In: distances to the truth and scores, by row. Out: text. What the rows are made of is in `ablation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lookhear.scripts.reasoning_answers import THRESHOLDS_KM, Interval, with_interval

if TYPE_CHECKING:
    from lookhear.scripts.ablation import AblationConfig

ANSWERED = {
    **{f"≤ {km} km": (f"answer <= {km} km", 100.0) for km in THRESHOLDS_KM},
    "S2 ladder": ("s2_ladder", 1.0),
    "consistency": ("consistency", 1.0),
    "can be read": ("parse rate", 100.0),
}
"""Columns of the second table: names of scores, and what they are multiplied by."""

RULES = "rules"
"""Its first row."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    name: str
    """What it adds."""
    published: tuple[float, ...]
    """The paper's accuracies on AVG, in per cent."""
    perceives: bool = True
    """Whether the flow starts from the evidence."""
    reasons: bool = True
    """Whether the flow is given ψ."""
    rewards: tuple[str, ...] = ()
    """What the language model was rewarded for."""


ROWS: dict[str, Row] = {
    "0": Row("prediction only", (6.2, 10.9, 19.6, 31.0), perceives=False, reasons=False),
    "1": Row("+ perception", (6.9, 11.3, 20.3, 32.4), reasons=False),
    "2": Row("+ reasoning", (7.2, 11.8, 21.4, 33.9)),
    "4": Row("+ R_geo", (7.8, 11.7, 21.8, 34.2), rewards=("s2_ladder",)),
    "5": Row("+ R_align", (8.2, 12.3, 22.5, 35.2), rewards=("s2_ladder", "consistency")),
    "6": Row("+ R_calib", (8.3, 12.5, 22.8, 35.4), rewards=("s2_ladder", "consistency", "calibration")),
}
"""By the paper's numbers."""


def accuracies(errors_km: np.ndarray, places: np.ndarray) -> list[Interval]:
    """For each threshold the share of clips within it in per cent, over all seeds, with its interval over places."""
    return [
        tuple(100 * value for value in with_interval((errors_km <= km).mean(axis=0), places))  # type: ignore[misc]
        for km in THRESHOLDS_KM
    ]


def as_text(config: AblationConfig, table: dict[str, list[Interval]]) -> str:
    """The table in Markdown, beside the paper's, which is of real clips."""
    seeds = ", ".join(map(str, config.seeds))
    lines = [
        f"{config.held_out} test clips of {config.data.name}; means over seeds {seeds}; 95 % intervals over places. "
        "In brackets the paper's on AVG.",
        "",
        "| | | ≤ 25 km | ≤ 200 km | ≤ 750 km | ≤ 2500 km |",
        "|---|---|---|---|---|---|",
    ]
    for name, values in table.items():
        cells = [
            f"{mean:.1f} <sub>{low:.0f}–{high:.0f}</sub> ({theirs})"
            for (mean, low, high), theirs in zip(values, ROWS[name].published, strict=True)
        ]
        lines.append(f"| {name} | {ROWS[name].name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def own_as_text(table: dict[str, dict[str, Interval]]) -> str:
    """The second table in Markdown."""
    lines = [f"| answered by | {' | '.join(ANSWERED)} |", "|---" * (len(ANSWERED) + 1) + "|"]
    for name, values in table.items():
        shown = [f"{mean:.3g} <sub>{low:.3g}–{high:.3g}</sub>" for mean, low, high in values.values()]
        lines.append(f"| {'the rules' if name == RULES else f'{name} {ROWS[name].name}'} | {' | '.join(shown)} |")
    return "\n".join(lines)
