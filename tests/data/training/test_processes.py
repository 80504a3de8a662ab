from __future__ import annotations

import sys

import pytest
import torch

from lookhear.data.training.processes import accelerator_for, leave_processes, refuse_separate_folders


class TwoMachines:
    """Stands in for an accelerator whose other machine is at `other`."""

    device, process_index = torch.device("cpu"), 1

    def __init__(self, other: int) -> None:
        self.other = other

    def reduce(self, value, how):
        assert how == "mean"
        return (value + self.other) / 2


def test_one_process_is_the_main_one():
    pytest.importorskip("accelerate")
    accelerator = accelerator_for("cpu")
    assert accelerator.is_main_process and accelerator.device.type == "cpu"
    leave_processes()


def test_machines_with_folders_of_their_own_are_refused(tmp_path):
    refuse_separate_folders(TwoMachines(500), tmp_path, 500)
    with pytest.raises(ValueError, match=r"Process 1 sees a checkpoint of step 500 .* folder that all machines share"):
        refuse_separate_folders(TwoMachines(0), tmp_path, 500)


def test_without_accelerate_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ValueError, match=r"pip install 'lookhear\[train\]'"):
        accelerator_for("cpu")
