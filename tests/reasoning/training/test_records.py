import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from lookhear.data.training.metrics_log import MetricsLog
from lookhear.reasoning.rewards import load_reward
from lookhear.reasoning.training.checkpoints import is_whole, newest_whole, train_to
from lookhear.reasoning.training.grpo import GrpoConfig
from lookhear.reasoning.training.journal import METRICS, add
from lookhear.reasoning.training.sft import SftConfig
from lookhear.reasoning.training.watch import Watch, page

GOOD, BAD = "Near Paris in France. <answer>48.86, 2.35</answer>", "no"
COLUMNS = {"lat_deg": [48.86, 48.86], "lon_deg": [2.35, 2.35]}
PROMPTS = [[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "e1 siren"}]}]] * 2


def checkpoint(folder, step, without=()):
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        if name not in without:
            (path / name).write_bytes(b"")
    if "trainer_state.json" not in without:
        (path / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return path


def test_the_newest_whole_checkpoint_is_taken_and_broken_ones_go(tmp_path):
    old, new, torn = checkpoint(tmp_path, 5), checkpoint(tmp_path, 20), checkpoint(tmp_path, 100, ("optimizer.pt",))
    assert newest_whole(tmp_path, clean=False) == new and torn.exists()
    assert newest_whole(tmp_path, clean=True) == new and not torn.exists() and old.exists()
    assert (tmp_path / "broken-checkpoint-100").exists()


@pytest.mark.parametrize("missing", ["trainer_state.json", "adapter_model.safetensors", "scheduler.pt"])
def test_a_checkpoint_without_a_part_is_not_whole(tmp_path, missing):
    assert not is_whole(checkpoint(tmp_path, 3, (missing,)))


@pytest.mark.parametrize(
    ("instead", "of"),
    [
        ("optimizer.bin", ("optimizer.pt",)),
        ("optimizer_0", ("optimizer.pt",)),
        ("global_step3", ("optimizer.pt", "scheduler.pt")),
    ],
)
def test_optimisers_that_fsdp_and_deepspeed_wrote_are_whole(tmp_path, instead, of):
    path = checkpoint(tmp_path, 3, of)
    assert not is_whole(path)
    (path / instead).mkdir()
    assert is_whole(path)


def test_states_of_several_processes_count(tmp_path):
    path = checkpoint(tmp_path, 3, ("rng_state.pth",))
    (path / "rng_state_0.pth").write_bytes(b"")
    assert is_whole(path)


class FakeTrainer:
    """Notes what it is asked, and saves an adapter."""

    def __init__(self, first=True):
        self.first, self.began_with = first, []
        self.accelerator = SimpleNamespace(wait_for_everyone=lambda: None)

    def is_world_process_zero(self):
        return self.first

    def train(self, resume_from_checkpoint):
        self.began_with.append(resume_from_checkpoint)

    def save_model(self, folder):
        Path(folder).mkdir()


def test_a_run_goes_on_from_its_newest_checkpoint_and_not_beyond_its_end(tmp_path):
    fresh, further, ended = FakeTrainer(), FakeTrainer(), FakeTrainer()
    assert train_to(fresh, 4, tmp_path, tmp_path / "a").exists() and fresh.began_with == [None]
    newest = checkpoint(tmp_path, 4)
    assert train_to(further, 6, tmp_path, tmp_path / "b").exists() and further.began_with == [str(newest)]
    adapter = train_to(ended, 4, tmp_path, tmp_path / "c")
    assert ended.began_with == [] and [path.name for path in adapter.iterdir()] == ["adapter_model.safetensors"]
    assert not train_to(FakeTrainer(first=False), 4, tmp_path, tmp_path / "d").exists()


def test_a_state_cut_short_is_not_whole(tmp_path):
    path = checkpoint(tmp_path, 3)
    (path / "trainer_state.json").write_text('{"global_st')
    assert not is_whole(path) and newest_whole(tmp_path / "nowhere", clean=True) is None


def test_the_curve_is_cut_where_a_run_goes_on(tmp_path):
    path = tmp_path / METRICS
    for step in (1, 2, 3):
        add(path, step, 0.5, {"loss": math.nan if step == 2 else 1.0, "epoch": 1})
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    MetricsLog(path, writes=True).cut(2)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(1, 1.0), (2, None)]


def test_the_watch_passes_on_what_rewards_say_and_counts():
    watch = Watch()
    rewards = [watch.over(load_reward(name)) for name in ("distance", "answer_format")]
    assert [reward.__name__ for reward in rewards] == ["distance", "answer_format"]
    for _ in range(2):
        said = [reward(completions=[GOOD, BAD], prompts=PROMPTS, **COLUMNS) for reward in rewards]
    assert said == [[1.0, 0.0], [1.0, 0.0]]
    found = watch.metrics()
    assert found["parse_rate"] == 0.5 and found["reward_seconds"] >= 0 and watch.metrics() == {}


def test_a_page_shows_the_best_first_and_nothing_as_markup():
    watch = Watch()
    watch.over(load_reward("distance"))(completions=[BAD, GOOD + "\n# not a heading"], prompts=PROMPTS, **COLUMNS)
    text = page(watch.sampled, 7)
    assert text.startswith("# Step 7") and text.count("## Prompt") == 1 and "    e1 siren" in text
    assert text.index("### 1.000") < text.index("### 0.000") and "\n    # not a heading" in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SftConfig(steps=0), "steps must be at least 1"),
        (lambda: SftConfig(batch=5, parts=2), "cannot be cut into 2"),
        (lambda: GrpoConfig(group=1), "needs two traces"),
        (lambda: GrpoConfig(parts=3), "8 traces cannot be cut into 3"),
    ],
)
def test_settings_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()
