import pytest
from small_world import make_examples, write_set

from lookhear.perception.record import write_records
from lookhear.prediction.example import read_examples

SET = make_examples("train", 4) + make_examples("test", 3)


def test_rows_find_their_records_whatever_the_order_and_others_are_passed_over(tmp_path):
    write_set(tmp_path, SET)
    write_records(tmp_path / "records", [one.record for one in (*make_examples("validation", 2), *SET[::-1])])
    found = list(read_examples(tmp_path, "train", tmp_path / "records"))
    assert [one.row.clip_id for one in found] == [f"train-{k}" for k in (3, 2, 1, 0)]
    assert all(one.row.clip_id == one.record.clip_id for one in found)


def test_clips_without_records_are_counted_with_the_command_that_helps(tmp_path):
    write_set(tmp_path, SET)
    some = tmp_path / "some"
    write_records(some, [one.record for one in SET[1:]])
    assert len(list(read_examples(tmp_path, "test", some))) == 3
    with pytest.raises(ValueError, match=r"^1 of the 4 train clips in .*, such as train-0, .*`lookhear dataset p"):
        list(read_examples(tmp_path, "train", some))
    with pytest.raises(FileNotFoundError, match=r"no records.jsonl in .*none; `lookhear dataset perceive`"):
        list(read_examples(tmp_path, None, tmp_path / "none"))
