"""What rewards cost: how many times a second a place is asked whether it holds a point; each reward a completion.

In: the gazetteer, and as wanted a data set with what perception found, and the `metrics.jsonl` of a run of GRPO. Out,
as a table: checks a second by kind of place, for many points at once and for one point at a time, as a completion asks;
microseconds of each reward for a gold trace; the rewards' share of a step of GRPO. Times are processor time of one
thread.

    python -m lookhear.scripts.benchmark_rewards --data DATA --metrics RUN/grpo/metrics.jsonl
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import Float
from numpy import ndarray

from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import unit_vectors
from lookhear.reasoning.named_place import Named
from lookhear.reasoning.place_index import named, place_index

KINDS = ("continent", "country", "area", "region", "sea", "town")
ALL = "all kinds"


@dataclass(frozen=True)
class BenchmarkRewardsConfig:
    """What rewards cost."""

    data: Path | None = None
    """A data set with the records of perception; without it rewards are not timed."""
    metrics: Path | None = None
    """metrics.jsonl of a run of GRPO; without it the share of a step is not shown."""
    places: int = 100
    """Places of each kind, drawn by chance; fewer where there are not so many."""
    points: int = 1000
    """Points that each place is asked about: half near its own towns and half anywhere."""
    clips: int = 200
    """Clips of the data set whose gold traces are judged."""
    seed: int = 0
    """Draws places and points."""


def benchmark_rewards(config: BenchmarkRewardsConfig) -> int:
    """Print the tables."""
    print(f"{'place':<12}{'checks/s':>12}{'one at a time':>16}")
    for kind, at_once, single in containment(config):
        print(f"{kind:<12}{at_once:>12,.0f}{single:>16,.0f}")
    if config.data is not None:
        print("\n".join(f"{name:<14}{cost_us:8.0f} µs a completion" for name, cost_us in costs(config, config.data)))
    if config.metrics is not None:
        print(f"Rewards take {share_of_step(config.metrics):.2%} of a step of GRPO.")
    return 0


def containment(config: BenchmarkRewardsConfig) -> Iterator[tuple[str, float, float]]:
    """For each kind of place, and for all together, checks a second: many points at once, and one by one."""
    rng = np.random.default_rng(config.seed)
    spent = np.zeros((len(KINDS), 4))
    for row, kind in enumerate(KINDS):
        for place in drawn_places(kind, config.places, rng):
            points = drawn_points(config.points, rng)
            place.holds(points[:1])  # prepares the outline
            few = points[:: max(1, len(points) // 50)]
            spent[row] += [
                len(points),
                _seconds(place, [points]),
                len(few),
                _seconds(place, [one[None] for one in few]),
            ]
    for name, (many, at_once_s, few, single_s) in zip((*KINDS, ALL), [*spent, spent.sum(0)], strict=True):
        yield name, many / at_once_s, few / single_s


def drawn_places(kind: str, count: int, rng: np.random.Generator) -> list[Named]:
    """Places of one kind."""
    mine = sorted({one for some in place_index().candidates.values() for one in some if one.kind == kind}, key=str)
    return [named((mine[k],)) for k in rng.permutation(len(mine))[:count]]


def drawn_points(count: int, rng: np.random.Generator) -> Float[ndarray, "n 3"]:
    """Half of them towns, so that borders are near; half anywhere on Earth."""
    towns = gazetteer().towns[1]
    anywhere = np.degrees(np.arcsin(rng.uniform(-1, 1, count - count // 2))), rng.uniform(-180, 180, count - count // 2)
    return np.concatenate([towns[rng.integers(0, len(towns), count // 2)], unit_vectors(*anywhere)])


def costs(config: BenchmarkRewardsConfig, data: Path) -> Iterator[tuple[str, float]]:
    """Each reward's microseconds for a gold trace."""
    from lookhear.prediction.example import read_examples
    from lookhear.reasoning.gold import gold_completion
    from lookhear.reasoning.rewards import REWARDS, load_reward

    some = [example for example, _ in zip(read_examples(data), range(config.clips), strict=False)]
    texts = [gold_completion(one.row.point, one.record.evidence) for one in some]
    rows = [asdict(one.row) | {"evidence": [found.to_json() for found in one.record.evidence]} for one in some]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    for name in REWARDS:
        reward = load_reward(name)
        reward(completions=texts[:2], **{key: values[:2] for key, values in columns.items()})
        began = time.process_time()
        reward(completions=texts, **columns)
        yield name, 1e6 * (time.process_time() - began) / len(texts)


def share_of_step(metrics: Path) -> float:
    """Seconds of rewards over seconds of steps, sampling included."""
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if line.get("step_time") and "reward_seconds" in line]
    if not steps:
        raise ValueError(f"{metrics} has no step of GRPO.")
    return sum(float(line["reward_seconds"]) for line in steps) / sum(float(line["step_time"]) for line in steps)


def _seconds(place: Named, batches: Sequence[Float[ndarray, "n 3"]]) -> float:
    began = time.process_time()
    for units in batches:
        place.holds(units)
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(benchmark_rewards(tyro.cli(BenchmarkRewardsConfig)))
