from dataclasses import replace

import numpy as np
import pytest
from tiny_llava import write_world

from lookhear.data.gazetteer import gazetteer
from lookhear.prediction.briefing import DIGITS, PICTURE, kept_briefs, make_brief, pointed_evidence
from lookhear.prediction.example import read_examples
from lookhear.prediction.methods.ours import ours
from lookhear.prediction.posterior import posterior


@pytest.fixture
def examples(tmp_path, monkeypatch):
    return list(read_examples(write_world(tmp_path / "set", monkeypatch), "train"))


def without_picture(example):
    return replace(example, record=replace(example.record, features={}))


def test_the_picture_is_a_finding_that_points(examples):
    seen = next(one for one in examples if "sight" in one.record.features)
    found = pointed_evidence(seen)
    assert found[-1].label == PICTURE and found[-1].where is not None
    assert found[-1].id == f"e{len(found)}" and [one.id for one in found[:-1]] == [
        one.id for one in pointed_evidence(without_picture(seen))
    ]


def test_options_are_named_rounded_and_say_what_supports_them(examples):
    one = next(one for one in examples if len(pointed_evidence(one)) > 1)
    found = pointed_evidence(one)
    brief = make_brief("a", found, posterior(found))
    assert 1 <= len(brief.options) <= 3 and brief.clip_id == "a"
    assert [option.probability for option in brief.options] == sorted(
        (o.probability for o in brief.options), reverse=True
    )
    best = brief.options[0]
    assert best.point == best.point.rounded(DIGITS) and best.place == gazetteer().name(best.point)
    assert set(best.cites) <= {e.id for e in found if e.where is not None} and best.cites


def test_where_nothing_points_there_are_no_options(examples):
    brief = make_brief("a", [], posterior([]))
    assert brief.options == () and brief.outlook.point is None


def test_briefs_are_kept_and_the_method_fitted_only_for_missing_ones(examples, tmp_path):
    fits = []

    def fitted():
        fits.append(1)
        return ours()

    first = kept_briefs(tmp_path / "briefs", "train", fitted, examples[:3], quiet=True)
    again = kept_briefs(tmp_path / "briefs", "train", fitted, examples[:3], quiet=True)
    assert [one.to_json() for one in again] == [one.to_json() for one in first] and fits == [1]
    fewer = kept_briefs(tmp_path / "briefs", "train", fitted, examples[:2], quiet=True)
    assert [one.to_json() for one in fewer] == [one.to_json() for one in first[:2]] and fits == [1]
    assert len(kept_briefs(tmp_path / "briefs", "train", fitted, examples[:3], quiet=True)) == 3 and fits == [1]
    others = kept_briefs(tmp_path / "briefs", "train", fitted, examples[1:4], quiet=True)
    assert [one.clip_id for one in others] == [one.row.clip_id for one in examples[1:4]] and fits == [1, 1]


def test_the_same_clip_gives_the_same_brief(examples):
    found = pointed_evidence(examples[0])
    both = [make_brief("a", found, posterior(found)).to_json() for _ in range(2)]
    assert both[0] == both[1] and np.isfinite(both[0]["outlook"]["area_50_km2"])
