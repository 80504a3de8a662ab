import json
from itertools import pairwise

import numpy as np
import pytest
import tyro
from tiny_llava import feature_llava, transformers, write_world

from lookhear.scripts.ablation import AblationConfig, ablation
from lookhear.scripts.ablation_tables import ROWS, accuracies, as_text

TINY = "--clips 8 --held-out 3 --sft.steps 1 --sft.batch 2 --grpo.steps 1 --grpo.group 2 --grpo.longest 4"
TINY += " --flow.steps 2 --flow.batch 8 --flow.device cpu --machine.device cpu --machine.quiet"


def config(*arguments):
    return tyro.cli(AblationConfig, args=[str(one) for one in arguments])


def test_a_row_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no row '3'; choose from 0, 1, 2, 4, 5, 6"):
        AblationConfig(tmp_path, tmp_path, rows=("3",))


def test_a_cold_start_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no cold start in .*; run `train reasoning --stage sft` there"):
        AblationConfig(tmp_path, tmp_path, cold=tmp_path / "run")


def test_each_row_adds_one_thing_to_the_row_before():
    rows = list(ROWS.values())
    for before, row in pairwise(rows):
        assert set(before.rewards) <= set(row.rewards)
        added = (row.perceives - before.perceives) + (row.reasons - before.reasons)
        assert added + len(row.rewards) - len(before.rewards) == 1


def test_a_missing_answer_is_a_miss_and_intervals_hold_the_mean(tmp_path):
    errors_km = np.array([[10.0, 100.0, np.inf, 3000.0], [30.0, 100.0, 500.0, 3000.0]])
    found = accuracies(errors_km, np.array(["a", "b", "c", "d"]))
    assert [round(mean, 1) for mean, _, _ in found] == [12.5, 50.0, 62.5, 62.5]
    assert all(low <= mean <= high for mean, low, high in found)
    assert "| 0 | prediction only | 12.5 <sub>0" in as_text(config(tmp_path, "--out", tmp_path), {"0": found})


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_all_rows_and_again_from_what_is_kept(tmp_path, monkeypatch, capsys):
    transformers()
    pytest.importorskip("trl", exc_type=ImportError)
    from lookhear.reasoning.mllm import small_llava
    from lookhear.scripts import ablation as command

    monkeypatch.setattr(small_llava, "small_llava", feature_llava)
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    world = write_world(tmp_path / "set", monkeypatch)
    asked = [world, "--out", tmp_path / "run", "--seeds", 0, *TINY.split()]
    assert ablation(config(*asked)) == 0
    table = json.loads((tmp_path / "run" / "ablation.json").read_text())
    assert list(table["flow"]) == list(ROWS) and all(len(values) == 4 for values in table["flow"].values())
    assert list(table["answers"]) == ["rules", "2", "4", "5", "6"]
    assert table["answers"]["rules"]["can be read"] == [100.0, 100.0, 100.0]
    answered = command.answered
    monkeypatch.setattr(command, "answered", lambda *_: pytest.fail("asked again"))
    assert ablation(config(*asked)) == 0
    printed = capsys.readouterr().out
    assert "| 6 | + R_calib |" in printed and "| the rules | " in printed
    monkeypatch.setattr(command, "answered", answered)
    monkeypatch.setattr(command, "train_reasoning", lambda *_: pytest.fail("trained a cold start of its own"))
    cold = tmp_path / "run/seed-0/reasoning"
    borrowed = [world, "--out", tmp_path / "other", "--seeds", 1, "--rows", 2, "--cold", cold, *TINY.split()]
    assert ablation(config(*borrowed)) == 0
    (tmp_path / "other/seed-1/row-2/distances.jsonl").unlink()
    (tmp_path / "other/seed-1/reasoning/sft/adapter/adapter_model.safetensors").write_bytes(b"another")
    with pytest.raises(ValueError, match="has another cold start than"):
        ablation(config(*borrowed))
