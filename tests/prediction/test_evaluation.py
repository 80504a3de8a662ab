import math

import numpy as np
import pytest
from small_world import HOMES, heard, make_examples

from lookhear.perception.record import ClipRecord
from lookhear.prediction.density import CellDensity
from lookhear.prediction.evaluation import Contest, Task, answers, evidence_kind, fit_pooling, surest_species, tasks
from lookhear.prediction.example import Example
from lookhear.prediction.methods.prior import prior
from lookhear.prediction.pooling import Grouping, pool
from lookhear.prediction.score_files import append_scores, mend, read_scores, score_path

CLIPS = make_examples("test", 12)


class Uniform:
    """Knows nothing, cannot do clip 1, and has no answer to clip 2."""

    def fit(self, train):
        pass

    def density(self, example):
        if example.row.clip_id == "test-1":
            raise RuntimeError("lost")
        return None if example.row.clip_id == "test-2" else CellDensity.uniform(1)


class NotANumber(Uniform):
    def density(self, example):
        density = CellDensity.uniform(1)
        object.__setattr__(density, "mass", np.full(len(density.ids), np.nan))
        return density


def test_a_broken_clip_is_a_miss_and_the_others_are_answered():
    contest = Contest({"uniform": Uniform()}, broken=frozenset({"test-0"}))
    scores, problems = contest.scores(Task(tuple(CLIPS[:4]), ("uniform",)))
    assert [math.isinf(score.error_km) for score in scores] == [True, True, True, False]
    assert problems == [("uniform", "test-1", "RuntimeError: lost")]
    assert scores[3].log_density == pytest.approx(-math.log(4 * math.pi), abs=0.2)


def test_nan_is_a_miss():
    (score,), ((_, clip_id, _),) = Contest({"nan": NotANumber()}).scores(Task((CLIPS[3],), ("nan",)))
    assert math.isinf(score.error_km) and score.point is None and clip_id == "test-3"


def test_only_what_is_missing_is_asked():
    done = {"a": {"test-0", "test-1"}, "b": {"test-1"}}
    left = {task.clips[0].row.clip_id: task.methods for task in tasks(CLIPS[:3], done)}
    assert left == {"test-0": ("b",), "test-2": ("a", "b")}


@pytest.mark.parametrize(
    "sure, label",
    [((), "none"), ((0.59, 0.2), "under 60 %"), ((0.3, 0.6), "60 to 90 %"), ((0.9,), "90 % or more")],
)
def test_clips_are_told_apart_by_their_surest_species(sure, label):
    evidence = (heard("Siren", "sound", 0.97), *(heard(f"Avis {k}", sure=one) for k, one in enumerate(sure)))
    assert surest_species(Example(CLIPS[0].row, ClipRecord("x", evidence))) == label


def test_a_group_is_asked_as_a_whole_and_shares_its_answer():
    grouping = Grouping(2, "year")
    (*_, task) = (t for t in tasks(CLIPS, {"p": set()}, grouping) if t.clips[0].row.location_id == "test-place-0")
    assert [clip.row.clip_id for clip in task.clips] == ["test-0", "test-6"]
    method = prior()
    scores, _ = Contest({"p": method}, {"p": 0.5}).scores(Task(task.clips, ("p",)))
    expected = pool([method.density(clip) for clip in task.clips], 0.5).median
    assert [score.point.distance_km(expected) < 1e-6 for score in scores] == [True, True]
    assert scores[0].sample != scores[1].sample


def test_alpha_is_fitted_for_every_method():
    assert fit_pooling({"p": prior()}, CLIPS, Grouping(2, "year"))["p"] in (0.0, 0.25, 0.5, 0.75, 1.0)
    assert fit_pooling({"p": prior()}, CLIPS[:2], Grouping(2, "year")) == {"p": 1.0}


@pytest.mark.slow
def test_processes_give_the_same_scores_as_one():
    contest = Contest({"prior": prior()})
    told = []
    for jobs in (1, 2):
        found = [score for scores, _ in answers(contest, tasks(CLIPS, {"prior": set()}), jobs) for score in scores]
        told.append({score.clip_id: (score.point, score.log_density, score.sample) for score in found})
    assert told[0] == told[1] and len(told[0]) == 12


def test_half_a_line_is_dropped(tmp_path):
    scores, _ = Contest({"u": Uniform()}).scores(Task(tuple(CLIPS[3:6]), ("u",)))
    append_scores(tmp_path, scores)
    whole = score_path(tmp_path, "u").read_bytes()
    score_path(tmp_path, "u").write_bytes(whole[:-20])
    assert [score.clip_id for score in read_scores(tmp_path, "u")] == ["test-3", "test-4"]
    mend(tmp_path, "u")
    append_scores(tmp_path, scores[2:])
    assert score_path(tmp_path, "u").read_bytes() == whole
    score_path(tmp_path, "u").write_bytes(b"{}\n" + whole)
    with pytest.raises(ValueError, match="Line 1"):
        list(read_scores(tmp_path, "u"))


def test_clips_are_labelled_by_what_there_is():
    kinds = {evidence_kind(clip) for clip in make_examples("test", 60)}
    assert {"nothing heard, no picture", "species heard, picture", "everyday sounds only, picture"} <= kinds
    assert HOMES and len(kinds) <= 6
