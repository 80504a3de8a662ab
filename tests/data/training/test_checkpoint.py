from __future__ import annotations

import pytest
import torch

from lookhear.data.training.checkpoint import (
    EARLIER,
    Checkpoint,
    checkpoints,
    read_newest,
    refuse_not_finite,
    refuse_other,
    write_checkpoint,
)


def kept(folder, *steps, keep=2):
    for step in steps:
        write_checkpoint(
            folder, Checkpoint(step, {"a": torch.full((2, 3), float(step))}, {"note": "é", "x": 0.1}), keep
        )
    return folder


def test_what_was_written_comes_back_and_only_the_newest_stay(tmp_path):
    found = read_newest(kept(tmp_path, 5, 10, 100))
    assert found is not None
    assert (found.step, found.record) == (100, {"note": "é", "x": 0.1})
    assert torch.equal(found.tensors["a"], torch.full((2, 3), 100.0))
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000100.safetensors", "step-00000010.safetensors"]


def test_an_empty_folder_has_none(tmp_path):
    assert read_newest(tmp_path / "not there") is None


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_damaged_one_is_passed_over_and_kept(tmp_path, capsys, length):
    newest = checkpoints(kept(tmp_path, 5, 10))[0]
    newest.write_bytes(newest.read_bytes()[:length])
    found = read_newest(tmp_path)
    assert found is not None and found.step == 5
    assert "step-00000010.safetensors is damaged" in capsys.readouterr().err
    assert newest.exists()


def test_a_file_of_somebody_else_is_damaged_too(tmp_path, capsys):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, kept(tmp_path, 5) / "step-00000009.safetensors")
    found = read_newest(tmp_path)
    assert found is not None and found.step == 5 and "step-00000009" in capsys.readouterr().err


def test_when_all_are_damaged_that_is_said(tmp_path, capsys):
    for path in checkpoints(kept(tmp_path, 5, 10)):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="Every checkpoint in"):
        read_newest(tmp_path)
    assert len(checkpoints(tmp_path)) == 2
    assert capsys.readouterr().err.count("is damaged or") == 2


def test_other_settings_are_named(tmp_path):
    refuse_other(tmp_path, {"lr": 0.1, "batch": 4}, {"lr": 0.1, "batch": 4})
    with pytest.raises(ValueError, match=r"lr: 0.1 there, 0.2 now.*another folder"):
        refuse_other(tmp_path, {"lr": 0.1, "batch": 4}, {"lr": 0.2, "batch": 4})


def test_checkpoints_of_earlier_names_are_gone_on_from_and_make_room(tmp_path, capsys):
    for name, path in zip(EARLIER, checkpoints(kept(tmp_path, 5, 10)), strict=True):
        path.rename(tmp_path / name)
    found = read_newest(tmp_path)
    assert found is not None and found.step == 10
    (tmp_path / EARLIER[0]).write_bytes(b"cut")
    found = read_newest(tmp_path)
    assert found is not None and found.step == 5 and "damaged" in capsys.readouterr().err
    kept(tmp_path, 15, 20)
    assert [path.name for path in tmp_path.iterdir() if path.name in EARLIER] == []
    assert len(checkpoints(tmp_path)) == 2


def test_the_weight_that_is_no_number_is_named():
    refuse_not_finite({"a": torch.ones(2), "b": torch.arange(3)}, 7)
    with pytest.raises(ValueError, match=r"After 7 steps b is no longer a number.*lower learning rate"):
        refuse_not_finite({"a": torch.ones(2), "b": torch.tensor([1.0, torch.inf])}, 7)
