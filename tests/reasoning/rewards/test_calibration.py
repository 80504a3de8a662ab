import math
import pickle

import numpy as np
import pytest

from lookhear.data import cells
from lookhear.reasoning.rewards.calibration import UNIFORM_LOG_DENSITY, AroundAnswer, Calibration

ROWS = {"lat_deg": [10.0, 20.0, None], "lon_deg": [0.0, 0.0, 0.0]}


def test_it_is_scaled_against_the_even_density_and_clipped():
    def given(texts, truths, columns):
        return UNIFORM_LOG_DENSITY + np.array([3.5, -40.0, 40.0, 0.0, math.nan])

    rewards = Calibration(given, scale_nats=7.0)([""] * 5, lat_deg=[0.0] * 5, lon_deg=[0.0] * 5)
    assert rewards == pytest.approx([0.5, -1.0, 1.0, 0.0, None])


def test_the_density_is_asked_for_rows_with_a_truth_only():
    asked = []

    def given(texts, truths, columns):
        asked.append((list(texts), len(truths), columns))
        return np.full(len(texts), UNIFORM_LOG_DENSITY)

    reward = Calibration(given)
    assert reward(["a", "b", "c"], psi=[1, 2, 3], state="kept", **ROWS) == [0.0, 0.0, None]
    assert asked == [(["a", "b"], 2, {"lat_deg": [10.0, 20.0], "lon_deg": [0.0, 0.0], "psi": [1, 2], "state": "kept"})]
    assert reward(["a"], lat_deg=[None], lon_deg=[None]) == [None] and len(asked) == 1


def test_refresh_takes_the_next_density():
    reward = Calibration(lambda texts, truths, columns: np.full(len(texts), UNIFORM_LOG_DENSITY))
    assert reward(["a"], lat_deg=[1.0], lon_deg=[1.0]) == [0.0]
    reward.refresh(lambda texts, truths, columns: np.full(len(texts), 100.0))
    assert reward(["a"], lat_deg=[1.0], lon_deg=[1.0]) == [1.0]


@pytest.mark.parametrize("spread_km", [1000.0, 5000.0])
@pytest.mark.slow
def test_the_density_around_the_answer_integrates_to_one(spread_km):
    ids = cells.all_cells(4)
    values = AroundAnswer(spread_km, lost=0.2)(["<answer>0.3, 0.7</answer>"] * len(ids), cells.centers(ids), {})
    assert np.sum(np.exp(values) * cells.areas_sr(ids)) == pytest.approx(1.0, abs=0.02)


def test_a_near_answer_is_better_than_none_and_a_far_one_worse():
    texts = ["<answer>10, 0.2</answer>", "no answer", "<answer>-10, 180</answer>"]
    near, none, far = Calibration()(texts, lat_deg=[10.0] * 3, lon_deg=[0.0] * 3)
    assert near > 0.8 and none == 0.0 and far < -0.3


def test_it_pickles_and_refuses_what_is_impossible():
    again = pickle.loads(pickle.dumps(Calibration(AroundAnswer(50.0), 5.0)))
    assert again == Calibration(AroundAnswer(50.0), 5.0) and again.__name__ == "calibration"
    with pytest.raises(ValueError, match="above 0 nats"):
        Calibration(scale_nats=0.0)
