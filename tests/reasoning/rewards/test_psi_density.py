import pickle

import numpy as np
import pytest

from lookhear.data.geo import GeoPoint
from lookhear.reasoning.rewards.calibration import UNIFORM_LOG_DENSITY, Calibration
from lookhear.reasoning.rewards.psi_density import UnderPsi, WithPsi

PARIS = GeoPoint(48.86, 2.35)


def first_number(psi, units):
    assert psi.shape == (len(units), 2)
    return psi[:, 0].astype(float)


def take(lengths):
    return np.array([[float(length), 0.0] for length in lengths], dtype=np.float32)


COLUMNS = {
    "lat_deg": [48.86, None, 48.86],
    "lon_deg": [2.35, None, 2.35],
    "completion_ids": [[1, 2, 3], [4], [5, 6]],
}


def test_each_row_is_judged_by_its_own_psi():
    reward = WithPsi(Calibration(UnderPsi(first_number), scale_nats=10.0), take)
    first, unknown, last = reward(completions=["a", "b", "c"], **COLUMNS)
    assert reward.__name__ == "calibration" and unknown is None
    assert first == pytest.approx((3.0 - UNIFORM_LOG_DENSITY) / 10) and last == pytest.approx(first - 0.1)


def test_the_flow_is_given_the_truths_as_unit_vectors():
    seen = []
    density = UnderPsi(lambda psi, units: seen.append(units) or np.zeros(len(units)))
    WithPsi(Calibration(density), take)(completions=["a", "b", "c"], **COLUMNS)
    assert np.allclose(seen[0], np.stack([PARIS.unit] * 2))


def test_it_goes_to_other_processes():
    reward = WithPsi(Calibration(UnderPsi(first_number)), take)
    assert pickle.loads(pickle.dumps(reward))(completions=["a"], lat_deg=[1.0], lon_deg=[1.0], completion_ids=[[1]])
