import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch
import tyro
from small_world import make_examples, write_set

from lookhear.data.avg.row import write_rows
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.hearing import Hearing
from lookhear.prediction.baselines import BASELINES
from lookhear.prediction.flow import UniformBase
from lookhear.prediction.methods import METHODS
from lookhear.prediction.reports.published import PUBLISHED
from lookhear.prediction.score_files import read_scores
from lookhear.prediction.sphere import random_uniform
from lookhear.prediction.training.bases import save_base
from lookhear.prediction.training.features import FeatureSet
from lookhear.scripts.evaluate import EvaluateConfig, Paper, evaluate

KNOWING_NOTHING = ("random_place", "prior")


@pytest.fixture
def data(tmp_path):
    return write_set(tmp_path / "set", make_examples("train", 12) + make_examples("test", 10))


def run(data, out, **settings):
    settings = {"method": KNOWING_NOTHING, "jobs": 1, "quiet": True, "formats": ("json", "text"), **settings}
    return evaluate(EvaluateConfig(data, out=out, **settings))


def table(out):
    """The summary without the time that answers took."""
    summary = json.loads((out / "summary.json").read_bytes())
    for method in summary["methods"]:
        del method["seconds"]
    return summary


def test_every_clip_and_method_gets_a_score_and_a_table(data, tmp_path, capsys):
    assert run(data, tmp_path / "out") == 0
    for name in KNOWING_NOTHING:
        scored = {one.clip_id for one in read_scores(tmp_path / "out" / "scores", name)}
        assert scored == {f"test-{k}" for k in range(10)}
    summary = table(tmp_path / "out")
    assert [method["method"] for method in summary["methods"]] == list(KNOWING_NOTHING) and summary["clips"] == 10
    assert "evidence" in summary["methods"][0]["groups"] and "prior" in capsys.readouterr().out


def test_a_killed_run_goes_on_and_gives_the_same_table(data, tmp_path):
    assert run(data, tmp_path / "whole") == 0
    assert run(data, tmp_path / "killed", method=("prior",)) == 0
    scores = tmp_path / "killed" / "scores" / "prior.jsonl"
    lines = scores.read_bytes().splitlines(keepends=True)
    scores.write_bytes(b"".join(lines[:4]) + lines[4][:30])
    (tmp_path / "killed" / "summary.json").unlink()
    assert run(data, tmp_path / "killed") == 0
    assert len(scores.read_bytes().splitlines()) == 10 and scores.read_bytes().startswith(b"".join(lines[:4]))
    assert table(tmp_path / "killed") == table(tmp_path / "whole")


@pytest.mark.slow
def test_a_finished_run_fits_nothing_again(data, tmp_path, monkeypatch):
    assert run(data, tmp_path / "out") == 0
    monkeypatch.setattr("lookhear.prediction.methods.random_place.RandomPlace.fit", None)
    assert run(data, tmp_path / "out") == 0


def test_other_settings_or_other_data_are_refused(data, tmp_path):
    assert run(data, tmp_path / "out", limit=3) == 0
    with pytest.raises(ValueError, match="another run: its settings"):
        run(data, tmp_path / "out", limit=4)
    write_set(data, make_examples("train", 12, seed=1) + make_examples("test", 10))
    with pytest.raises(ValueError, match="another run: its data"):
        run(data, tmp_path / "out", limit=3)


def test_a_broken_method_is_a_miss_and_stops_nothing(data, tmp_path, monkeypatch):
    class Breaks(METHODS["random_place"]):
        def density(self, example):
            if example.row.clip_id == "test-3":
                raise RuntimeError("lost, with a comma")
            return super().density(example)

    monkeypatch.setitem(METHODS, "random_place", Breaks)
    assert run(data, tmp_path / "out") == 1
    (problem,) = csv.DictReader((tmp_path / "out" / "problems.csv").read_text().splitlines())
    assert problem == {"method": "random_place", "clip_id": "test-3", "error": "RuntimeError: lost, with a comma"}
    (random_place, prior) = table(tmp_path / "out")["methods"]
    assert random_place["overall"]["missing"] == 1 and prior["overall"]["missing"] == 0


def test_what_failed_is_tried_again(data, tmp_path, monkeypatch):
    class Breaks(METHODS["random_place"]):
        def density(self, example):
            raise MemoryError("not just now")

    with monkeypatch.context() as patch:
        patch.setitem(METHODS, "random_place", Breaks)
        assert run(data, tmp_path / "out") == 1
    failed, prior = table(tmp_path / "out")["methods"]
    assert (failed["method"], failed["overall"]["missing"], prior["overall"]["missing"]) == ("random_place", 10, 0)
    assert not list(read_scores(tmp_path / "out" / "scores", "random_place"))
    assert run(data, tmp_path / "out") == 0 and not (tmp_path / "out" / "problems.csv").exists()
    assert run(data, tmp_path / "whole") == 0 and table(tmp_path / "out") == table(tmp_path / "whole")


def test_a_group_with_a_failure_is_tried_again_as_a_whole(data, tmp_path, monkeypatch):
    class Breaks(METHODS["random_place"]):
        def density(self, example):
            if example.row.clip_id == "test-0":
                raise MemoryError("not just now")
            return super().density(example)

    monkeypatch.setitem(METHODS, "random_place", Breaks)
    settings = {"group": "h3:2/year", "pooling": "mean", "method": ("random_place",)}
    assert run(data, tmp_path / "out", **settings) == 1
    kept = {one.clip_id for one in read_scores(tmp_path / "out" / "scores", "random_place")}
    assert not kept & {"test-0", "test-6"} and len(kept) == 8
    (method,) = table(tmp_path / "out")["methods"]
    assert method["overall"]["missing"] == 1


def test_papers_are_named_before_anything_is_run(capsys):
    assert set(get_args(Paper)) == set(PUBLISHED)
    with pytest.raises(SystemExit):
        tyro.cli(EvaluateConfig, args=["DATA", "--published", "nosuch"])
    assert "nosuch" in capsys.readouterr().err


@pytest.mark.slow
def test_trained_heads_are_compared_and_others_of_their_name_are_refused(data, tmp_path):
    def kernel_head(seed):
        units = random_uniform(30, torch.Generator().manual_seed(seed)).numpy()
        sets = FeatureSet.from_arrays(units[:20]), FeatureSet.from_arrays(units[20:])
        BASELINES["kernel_density"](*sets).save(tmp_path / "kernels" / "head")
        save_base(tmp_path / "kernels" / "head", "uniform", UniformBase())

    kernel_head(0)
    assert run(data, tmp_path / "out", head=(tmp_path / "kernels",)) == 0
    assert [one["method"] for one in table(tmp_path / "out")["methods"]] == [*KNOWING_NOTHING, "kernels"]
    assert run(data, tmp_path / "out") == 0, "without the head the same folder still serves"
    kernel_head(1)
    with pytest.raises(ValueError, match="another run: its heads"):
        run(data, tmp_path / "out", head=(tmp_path / "kernels",))


def test_a_limit_is_spread_over_the_set(data, tmp_path):
    assert run(data, tmp_path / "out", limit=5, method=("prior",)) == 0
    asked = {one.clip_id for one in read_scores(tmp_path / "out" / "scores", "prior")}
    assert asked == {f"test-{k}" for k in range(0, 10, 2)}


@pytest.mark.slow
def test_groups_share_an_answer(data, tmp_path):
    assert run(data, tmp_path / "out", group="h3:2/year", pooling="mean", method=("random_place",)) == 0
    scores = {one.clip_id: one for one in read_scores(tmp_path / "out" / "scores", "random_place")}
    assert scores["test-0"].point == scores["test-6"].point != scores["test-4"].point  # the fourth is alone


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"method": ("oracle",)}, "late_fusion_average"),
        ({"split": "validation"}, "validation"),
        ({"group": "h3:5"}, "h3:5/month"),
        ({"jobs": 0}, "start at 1"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(data, tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        run(data, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_set_without_records_and_media_is_said(data, tmp_path):
    (data / "records.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="--records"):
        run(data, tmp_path / "out")


class Ears(Hearing):
    """Hears a bird in every clip but those called broken."""

    def __init__(self):
        self.listened = []

    def evidence(self, clip, week=None):
        self.listened.append(clip.path.name)
        return (Evidence("e1", "species", "Bird", "Avis 1", (Moment(0, 1, 0.9),), 0.9, "test"),), None


def test_media_are_heard_first_and_only_once(tmp_path, media, monkeypatch):
    ears, rows = Ears(), []
    monkeypatch.setattr(Hearing, "load", classmethod(lambda cls: ears))
    for one in make_examples("train", 2) + make_examples("test", 3):
        name = f"{one.row.clip_id}.wav"
        rows.append(type(one.row)(**{**one.row.__dict__, "file_name": name, "labels": ()}))
        media.write_sound(tmp_path / name, media.tone(1.0, 16_000), 16_000)
    (tmp_path / "test-1.wav").write_text("no sound at all")
    write_rows(tmp_path, rows)
    assert run(tmp_path, tmp_path / "out", method=("prior",)) == 1
    assert sorted(ears.listened) == ["test-0.wav", "test-2.wav", "train-0.wav", "train-1.wav"]
    (method,) = table(tmp_path / "out")["methods"]
    assert method["overall"]["missing"] == 1 and method["overall"]["clips"] == 3
    assert "test-1" in json.loads((tmp_path / "out" / "records" / "broken.json").read_bytes())
    assert run(tmp_path, tmp_path / "out", method=KNOWING_NOTHING) == 1 and len(ears.listened) == 4


def test_help_is_quick_to_import():
    program = "import sys; import lookhear.scripts.evaluate; print('matplotlib' in sys.modules, 'h3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["False", "False"] and Path(sys.executable).exists()
