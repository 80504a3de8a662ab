import pytest
import torch

from lookhear.prediction.condition import Joined, check_query


def test_parts_are_centred_and_scaled_as_a_whole_by_the_rows_that_have_them():
    joined, rows = Joined({"a": 2, "b": 1}), {"a": torch.tensor([[1.0, 10.0], [3.0, 14.0], [9.0, 9.0]])}
    rows["b"] = torch.full((3, 1), 7.0)
    present = {"a": torch.tensor([True, True, False])}
    joined.standardise(rows, present)
    found = joined(rows, present, 3)
    spread = (torch.tensor([[-1.0, -2.0], [1.0, 2.0]]).square().mean()).sqrt()
    assert torch.allclose(found[:2, :2], torch.tensor([[-1.0, -2.0], [1.0, 2.0]]) / spread)
    assert torch.equal(found[2], torch.zeros(3)), "missing, and a constant part, are both at the middle"


def test_a_part_no_row_has_stays_as_it_is():
    joined = Joined({"a": 2})
    joined.standardise({"a": torch.full((3, 2), 5.0)}, {"a": torch.zeros(3, dtype=torch.bool)})
    assert torch.equal(joined({"a": torch.ones(1, 2)}, {}, 1), torch.ones(1, 2))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"a": torch.zeros(2, 2)}, "'a' has 2 rows"),
        ({"a": torch.tensor([[0.0, float("inf")]])}, "NaN or infinite"),
        ({"b": torch.zeros(1, 2)}, "knows no condition 'b'; it takes a"),
    ],
)
def test_a_query_is_one_finite_row(bad, said):
    with pytest.raises(ValueError, match=said):
        check_query({"a": 2}, bad)
