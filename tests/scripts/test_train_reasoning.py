import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tyro
from tiny_llava import feature_llava, transformers, vision_llava, write_world
from tiny_qwen import qwen

from lookhear.data.avg.row import write_rows
from lookhear.scripts.train_reasoning import TrainReasoningConfig, clips_of, train_reasoning

FAST = "--machine.device cpu --machine.quiet --clips 6 --held-out 6 --sft.batch 2 --grpo.group 2 --grpo.longest 6"
FAST += " --sft.log-every 1 --sft.save-every 2 --grpo.save-every 2 --flow.device cpu"


def config(*arguments):
    return tyro.cli(TrainReasoningConfig, args=[str(one) for one in arguments])


@pytest.fixture
def world(tmp_path, monkeypatch):
    return write_world(tmp_path / "set", monkeypatch)


def test_as_many_weights_as_rewards(tmp_path):
    with pytest.raises(ValueError, match="5 rewards but 1 --weights"):
        TrainReasoningConfig(tmp_path, tmp_path, weights=(1.0,))


def test_an_adapter_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no adapter in"):
        TrainReasoningConfig(
            tmp_path, tmp_path, backend=replace(config(tmp_path, "--out", tmp_path).backend, adapters=(tmp_path,))
        )


def test_rewards_come_after_the_cold_start(tmp_path):
    with pytest.raises(FileNotFoundError, match="run --stage sft to its end first"):
        train_reasoning(config(tmp_path, "--out", tmp_path / "run", "--stage", "grpo"))


def test_the_last_stage_that_was_done_is_asked(tmp_path):
    asked = config(tmp_path, "--out", tmp_path)
    assert asked.asked_after == "nothing"
    for stage in ("sft", "grpo"):
        (tmp_path / stage / "adapter").mkdir(parents=True)
        (tmp_path / stage / "adapter" / "adapter_config.json").write_text("{}")
        assert asked.asked_after == stage
    assert config(tmp_path, "--out", tmp_path, "--after", "nothing").asked_after == "nothing"


@pytest.mark.slow
def test_rules_are_measured_without_a_model(world, tmp_path, capsys):
    out = tmp_path / "run"
    assert train_reasoning(config(world, "--out", out, "--stage", "measure", *FAST.split())) == 0
    table = json.loads((out / "measured-nothing.json").read_text())
    assert table["consistency"][0] > 0.9 and table["grounding"][0] == 1.0
    assert all(low <= mean <= high for mean, low, high in table.values())
    assert "6 held-out clips" in capsys.readouterr().out


@pytest.mark.slow
def test_briefs_are_made_once(world, tmp_path, monkeypatch):
    asked = config(world, "--out", tmp_path / "run", *FAST.split())
    first = clips_of(asked, "train", 6)[1]
    monkeypatch.setattr("lookhear.prediction.briefing.briefs_of", lambda *_: pytest.fail("made again"))
    assert [one.to_json() for one in clips_of(asked, "train", 6)[1]] == [one.to_json() for one in first]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_all_stages_one_after_the_other(world, tmp_path, monkeypatch, capsys):
    transformers()
    pytest.importorskip("trl", exc_type=ImportError)
    from lookhear.reasoning.mllm import small_llava

    monkeypatch.setattr(small_llava, "small_llava", feature_llava)
    (tmp_path / "my_module.py").write_text(
        "def longer(completions, clip_id, **columns):\n    return [1.0] * len(clip_id)\n"
    )
    monkeypatch.chdir(tmp_path)
    out, rewards = tmp_path / "run", ["--reward", "distance", "calibration", "my_module:longer", "--weights", 1, 2, 0.5]
    for stage in ("sft", "flow", "grpo", "measure"):
        steps = ["--sft.steps", 2, "--grpo.steps", 2, "--flow.steps", 2, "--flow.batch", 8]
        assert train_reasoning(config(world, "--out", out, "--stage", stage, *steps, *FAST.split(), *rewards)) == 0
    lines = [json.loads(line) for line in (out / "grpo" / "metrics.jsonl").read_text().splitlines()]
    assert {"rewards/longer/mean", "rewards/calibration/mean", "kl"} <= set(lines[0])
    assert (out / "flow-sft" / "head" / "model.safetensors").exists()
    assert json.loads((out / "measured-grpo.json").read_text())["parse rate"][0] == 0.0
    assert "grpo: 6 held-out clips" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("make", "processes"), [(vision_llava, 2), (qwen, 1)])
def test_a_model_with_two_frames(make, processes, world, tmp_path, media):
    transformers()
    pytest.importorskip("trl", exc_type=ImportError)
    from lookhear.prediction.example import read_examples

    make(tmp_path / "model")
    rows = [replace(one.row, file_name="clip.mp4") for one in read_examples(world)]
    write_rows(world, rows)
    media.write_video(world / "clip.mp4", [0.0, 0.5, 1.0, 1.5], [20, 90, 160, 230])
    out = tmp_path / "run"
    model = ["--backend.name", tmp_path / "model", "--backend.frames", 2]
    both = [world, "--out", out, *model, *FAST.split(), "--sft.steps", 2, "--grpo.steps", 2, "--grpo.longest", 4]
    clips_of(config(*both), "train", 6)  # the processes read these briefs
    for stage in ("sft", "grpo"):
        asked = [*both, "--stage", stage, "--reward", "distance", "answer_format"]
        run_in_two_processes("train", "reasoning", *asked) if processes == 2 else train_reasoning(config(*asked))
    lines = [json.loads(line) for line in (out / "grpo" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "reward" in line] == [1, 2]
    assert (out / "grpo" / "adapter" / "adapter_model.safetensors").exists()


def run_in_two_processes(*arguments):
    runner = Path(__file__).parents[1] / "run_lookhear.py"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(runner)]
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*torchrun, *map(str, arguments)], env={**os.environ, **quiet}, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-4000:]
