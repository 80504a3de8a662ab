from __future__ import annotations

import json

import pytest

from lookhear.data.training.metrics_log import MetricsLog


@pytest.fixture
def log(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl", writes=True)
    for step in (5, 10, 15):
        log.add(step, step / 3, loss=1 / step, **{"held out K=1": 0.5})
    return log


def steps(log):
    return [json.loads(line)["step"] for line in log.path.read_text().splitlines()]


def test_a_line_has_the_step_the_numbers_and_the_time(log):
    lines = log.path.read_text().splitlines()
    assert json.loads(lines[1]) == {"step": 10, "loss": 0.1, "held out K=1": 0.5, "seconds": 3.33}


@pytest.mark.parametrize(("step", "left"), [(-1, []), (4, []), (10, [5, 10]), (12, [5, 10]), (99, [5, 10, 15])])
def test_lines_after_the_checkpoint_are_dropped(log, step, left):
    log.cut(step)
    assert steps(log) == left


def test_a_line_that_was_cut_short_is_dropped_and_said(log, capsys):
    log.path.write_text(log.path.read_text()[:-9])
    log.cut(99)
    assert steps(log) == [5, 10] and "cut short" in capsys.readouterr().err


def test_where_there_is_no_file_nothing_is_cut(tmp_path):
    MetricsLog(tmp_path / "metrics.jsonl", writes=True).cut(5)
    assert not list(tmp_path.iterdir())


def test_other_processes_write_nothing(log):
    other, before = MetricsLog(log.path, writes=False), log.path.read_text()
    other.add(20, 1.0, loss=0.0)
    other.cut(-1)
    assert log.path.read_text() == before
