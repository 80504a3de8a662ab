from functools import cache

import numpy as np
import pytest
import torch

from lookhear.data import cells
from lookhear.data.gazetteer import gazetteer
from lookhear.perception.ranges import ALL_YEAR, RangeModel
from lookhear.perception.species import MONTH_WEEKS, SpeciesRanges


@pytest.fixture(scope="module")
def ranges(tmp_path_factory):
    """A small world: random ranges; label 3 has none."""
    torch.manual_seed(0)
    model = RangeModel().eval().requires_grad_(False)
    model.phase.copy_(torch.arange(48) * np.pi / 48)
    model.classify.weight[:] = torch.randn(6522, 1024) * 3
    model.classify.weight[3], model.classify.bias[3] = 0.0, -12.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKHEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield SmallEarth(model)


class SmallEarth(SpeciesRanges):
    """Every hundredth land cell."""

    __hash__ = object.__hash__

    @property
    def ids(self):
        return gazetteer().land[0][::100]

    @property
    def _area(self):
        return torch.as_tensor(cells.areas_sr(self.ids) * gazetteer().land[1][::100], dtype=torch.float32)


@cache
def chances(ranges, week):
    with torch.inference_mode():
        return torch.sigmoid(ranges.model.classify(ranges._hidden(week))).double()


def textbook_log_ratio(ranges, label, sure, week):
    """log(c · (p/Z)/mean + 1 − c), in float64."""
    chance = chances(ranges, week)
    share = (chance[:, label] / chance.sum(1)).numpy()
    area = ranges._area.double().numpy()
    mean = (area * share).sum() / area.sum()
    return np.log(sure * share / mean + 1 - sure)


@pytest.mark.parametrize("week", [2, 20])
def test_a_known_week_follows_the_formula(ranges, week):
    labels, sure = np.array([10, 500]), np.array([0.9, 0.4])
    for k, where in enumerate(ranges.where(labels, sure, week)):
        expected = textbook_log_ratio(ranges, labels[k], sure[k], week)
        np.testing.assert_allclose(where.at(ranges.ids), expected, atol=0.011)
        assert where.elsewhere == pytest.approx(np.log1p(-sure[k]), abs=1e-3)


def test_a_likelihood_has_mean_one_over_land(ranges):
    (where,) = ranges.where(np.array([77]), np.array([0.8]), 20)
    area = ranges._area.double().numpy()
    assert (area * np.exp(where.at(ranges.ids))).sum() / area.sum() == pytest.approx(1.0, abs=0.01)


def test_a_label_without_a_range_points_nowhere(ranges):
    first, none = ranges.where(np.array([10, 3]), np.array([0.9, 0.9]))
    assert first is not None and none is None


@pytest.mark.slow
def test_an_unknown_week_is_integrated_out(ranges):
    labels, sure = np.array([10, 500, 3]), np.array([0.9, 0.4, 0.9])
    weights = ranges.month_weights(labels, sure)
    logs = np.array([sum(textbook_log_ratio(ranges, k, c, w) for k, c in ((10, 0.9), (500, 0.4))) for w in MONTH_WEEKS])
    evidence = (ranges._area.double().numpy() * np.exp(logs)).sum(1)
    np.testing.assert_allclose(weights, evidence / evidence.sum(), atol=1e-4)
    where = ranges.where(labels, sure)[0]
    ratio = [(np.exp(textbook_log_ratio(ranges, 10, 0.9, w)) - 0.1) / 0.9 for w in MONTH_WEEKS]
    np.testing.assert_allclose(where.at(ranges.ids), np.log(0.9 * (weights @ np.array(ratio)) + 0.1), atol=0.011)


def test_the_tables_are_computed_once(ranges):
    ranges.where(np.array([10]), np.array([0.5]))
    shown = []

    def progress(steps, what):
        shown.append(what)
        return iter(steps)

    SmallEarth(ranges.model, progress).where(np.array([10]), np.array([0.5]))
    assert shown == []


@pytest.mark.parametrize("week", [0, 49, -2])
def test_an_impossible_week_is_refused(ranges, week):
    with pytest.raises(ValueError, match="week"):
        ranges.model(torch.zeros(1), torch.zeros(1), week)


def test_all_year_ignores_the_week(ranges):
    with torch.inference_mode():
        assert torch.isfinite(ranges.model(torch.tensor([40.0]), torch.tensor([-79.0]), ALL_YEAR)).all()
