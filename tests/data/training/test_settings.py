from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from lookhear.data.training.settings import (
    rate_at,
    refuse_below_one,
    refuse_negative,
    refuse_not_positive,
    refuse_outside_unit,
    share_of,
)


@pytest.mark.parametrize(
    ("refuse", "good", "bad", "said"),
    [
        (refuse_below_one, (1, 7), (0, -3), "must be at least 1, but it is"),
        (refuse_negative, (0, 0.5), (-0.1, float("nan")), "must not be negative, but it is"),
        (refuse_not_positive, (1e-9, 3), (0.0, -1.0, float("nan")), "must be above 0, but it is"),
        (refuse_outside_unit, (0, 0.5, 1), (-0.1, 1.1, float("nan")), "must lie between 0 and 1, but it is"),
    ],
)
def test_what_is_out_of_range_is_named(refuse, good, bad, said):
    for value in good:
        refuse(SimpleNamespace(a=good[0], b=value), "a", "b")
    for value in bad:
        with pytest.raises(ValueError, match=f"^b {said} {value}"):
            refuse(SimpleNamespace(a=good[0], b=value), "a", "b")


def test_the_learning_rate_rises_and_falls():
    rates = [rate_at(step, 100, 1.0, 10, 0.1) for step in range(101)]
    assert rates[0] == 0.1 and rates[9] == rates[10] == 1.0
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[55] == pytest.approx(0.55) and rates[100] == pytest.approx(0.1)
    assert rate_at(4, 5, 1.0, 10, 0.1) == 0.5


def test_a_batch_is_shared_evenly_or_not_at_all():
    assert share_of(96, 8, 3) == 4 and share_of(7, 1) == 7
    with pytest.raises(ValueError, match="A batch of 100 cannot be shared by 8 processes in 3 parts each; take 120"):
        share_of(100, 8, 3)
    with pytest.raises(ValueError, match="A batch of 10 cannot be shared by 4 processes; take 12"):
        share_of(10, 4)
