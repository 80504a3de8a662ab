from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lookhear.data import cells
from lookhear.data.training.checkpoint import checkpoints, read_checkpoint
from lookhear.prediction.density import CellDensity, GeoDensity
from lookhear.prediction.flow import FlowConfig
from lookhear.prediction.flow_density import CellBase
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.flow_head import FlowHead
from lookhear.prediction.training.head import Head
from lookhear.prediction.training.trainer import Run, train

pytest.importorskip("accelerate")
pytestmark = pytest.mark.usefixtures("one_thread")

SMALL_FLOW = FlowConfig({"which": 2}, hidden=16)
SMALL = TrainConfig(
    steps=12, batch=32, lr=1e-2, warmup_steps=2, validate_every=4, checkpoint_every=4, log_every=1, device="cpu"
)


def small_flow() -> FlowHead:
    return FlowHead(SMALL_FLOW)


def curve(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def same_weights(one: Head, other: Head) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def stop_before(monkeypatch, step: int) -> None:
    """Stand in for a power cut: the run ends in the middle, with nothing written since its last checkpoint."""
    take_step = Run.take_step

    def cut(self):
        if self.state.progress.step == step:
            raise KeyboardInterrupt
        take_step(self)

    monkeypatch.setattr(Run, "take_step", cut)


@pytest.mark.parametrize("step", [7, *(pytest.param(one, marks=pytest.mark.slow) for one in (2, 11))])
def test_a_run_that_was_cut_goes_on_bit_for_bit(train_small, one_kernel, tmp_path, monkeypatch, step):
    config = replace(SMALL, drop_all=0.2, drop_part=0.2, accumulate=2)
    whole, told = train_small(tmp_path / "whole", config)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_before(patch, step)
        train_small(tmp_path / "cut", config)
    assert len(curve(tmp_path / "cut")) < len(curve(tmp_path / "whole"))
    again, told_again = train_small(tmp_path / "cut", config)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert same_weights(again, whole) and not same_weights(again, one_kernel())
    assert (told_again.best_nll, told_again.best_step) == (told.best_nll, told.best_step)


def test_a_finished_run_is_not_run_again(train_small, tmp_path, monkeypatch):
    first, _ = train_small(tmp_path)
    monkeypatch.setattr(Run, "take_step", lambda self: pytest.fail("a step was taken"))
    again, _ = train_small(tmp_path)
    assert same_weights(first, again)


def test_a_cut_checkpoint_costs_the_steps_since_the_one_before(train_small, tmp_path, capsys):
    whole, _ = train_small(tmp_path)
    before = curve(tmp_path)
    newest = checkpoints(tmp_path / "checkpoints")[0]
    newest.write_bytes(newest.read_bytes()[:-100])
    again, _ = train_small(tmp_path)
    assert "damaged" in capsys.readouterr().err
    assert same_weights(again, whole) and curve(tmp_path) == before


def test_a_line_that_was_cut_is_written_again(train_small, tmp_path, capsys):
    train_small(tmp_path)
    before, path = curve(tmp_path), tmp_path / "metrics.jsonl"
    path.write_text(path.read_text()[:-20])
    checkpoints(tmp_path / "checkpoints")[0].unlink()
    train_small(tmp_path)
    assert curve(tmp_path) == before and "cut short" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"), [({"lr": 0.5}, "lr: 0.01 there, 0.5 now"), ({"seed": 9}, "seed: 0 there, 9 now")]
)
def test_checkpoints_of_other_settings_are_refused_and_left_alone(train_small, tmp_path, change, said):
    train_small(tmp_path)
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    with pytest.raises(ValueError, match=said):
        train_small(tmp_path, replace(SMALL, **change))
    assert before == {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}


def test_how_often_to_write_may_change(train_small, tmp_path):
    train_small(tmp_path)
    train_small(tmp_path, replace(SMALL, keep=1, log_every=3, checkpoint_every=1))


def test_checkpoints_of_other_data_are_refused(train_small, sets, tmp_path):
    head, _ = train_small(tmp_path)
    other = replace(sets[0], y=sets[0].y.flip(0))
    with pytest.raises(ValueError, match="training: "):
        train(head, other, sets[1], SMALL, tmp_path, quiet=True)


def test_a_cut_flow_goes_on_bit_for_bit(train_small, tmp_path, monkeypatch):
    config = replace(SMALL, steps=6, validate_every=6, drop_part=0.3)
    whole, _ = train_small(tmp_path / "whole", config, small_flow)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_before(patch, 5)
        train_small(tmp_path / "cut", config, small_flow)
    again, _ = train_small(tmp_path / "cut", config, small_flow)
    assert same_weights(again, whole) and curve(tmp_path / "cut") == curve(tmp_path / "whole")


@pytest.mark.slow
def test_a_flow_learns_and_keeps_its_best_weights(train_small, sets, tmp_path):
    config = replace(SMALL, steps=60, validate_every=60, checkpoint_every=60, ema_decay=0.9)
    head, told = train_small(tmp_path, config, small_flow)
    validated = {line["step"]: line["validation_nll"] for line in curve(tmp_path) if "validation_nll" in line}
    assert told.best_nll == min(validated.values()) < 2.0 < 2.52 < validated[0]
    assert -float(head.log_density(sets[1].take(torch.arange(40))).mean()) == pytest.approx(told.best_nll, abs=1e-4)
    density = head.density({"which": torch.tensor([[1.0, 0.0]])})
    assert isinstance(density, GeoDensity)
    south, west = density.log_density(torch.tensor([[0.0, 0, -1], [-1, 0, 0]]).double().numpy())
    assert south > west + 1


def test_training_ends_when_validation_no_longer_gets_better(train_small, one_kernel, tmp_path, monkeypatch):
    told_nll = iter([3.0, 2.0, 1.0, 1.5, float("nan"), 1.0])
    monkeypatch.setattr(one_kernel, "log_density", lambda self, batch: torch.full_like(batch.y[:, 0], -next(told_nll)))
    _, told = train_small(tmp_path, replace(SMALL, steps=1000, validate_every=2, patience=3))
    assert (told.ended_early, told.step, told.best_step, told.best_nll) == (True, 10, 4, 1.0)
    assert checkpoints(tmp_path / "checkpoints")[0].stem.endswith("00000010")


def test_accumulated_parts_are_one_step(train_small, one_kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(one_kernel, "loss", lambda self, batch, generator: self.linear(batch.y[:, :2]).square().mean())
    whole, _ = train_small(tmp_path / "whole", replace(SMALL, steps=4))
    parts, _ = train_small(tmp_path / "parts", replace(SMALL, steps=4, accumulate=4))
    for a, b in zip(whole.state_dict().values(), parts.state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_bf16_keeps_float32_weights_and_errs_little(train_small, tmp_path):
    config = replace(SMALL, steps=8, validate_every=8, checkpoint_every=8, ema_decay=0.5)
    _, exact = train_small(tmp_path / "fp32", config, small_flow)
    head, told = train_small(tmp_path / "bf16", replace(config, precision="bf16"), small_flow)
    assert 0 < abs(told.best_nll - exact.best_nll) < 0.05
    assert all(weight.dtype == torch.float32 for weight in head.state_dict().values())


def test_a_flow_can_start_from_each_clips_own_density(sets, tmp_path):
    ids = cells.all_cells(3)
    peaked = [CellDensity.of(ids, 20 * (cells.centers(ids) @ y.double().numpy())) for y in sets[1].y]
    whole = FeatureSet(sets[1].y, base=CellBase(peaked))
    head = FlowHead(FlowConfig(hidden=8))
    told = train(head, whole, whole, replace(SMALL, steps=2), tmp_path, quiet=True)
    assert told.best_nll < 0.0
    answer = head.density({}, whole.base, row=5).log_density(sets[1].y[5:6].double().numpy())
    assert float(answer[0]) > 0


def test_sets_unfit_to_train_on_are_refused_in_a_sentence(sets, tmp_path):
    head = FlowHead(FlowConfig({"which": 2}, hidden=8))
    one_place = replace(sets[0], y=sets[0].y[:1].expand(300, 3).contiguous())
    with pytest.raises(ValueError, match="All 300 training clips are at one place"):
        train(head, one_place, sets[1], SMALL, tmp_path)
    with pytest.raises(ValueError, match=r"\{'which': 2\}, but validation clips \{\}"):
        train(head, sets[0], FeatureSet(sets[1].y), SMALL, tmp_path)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_no_numbers_are_never_kept(train_small, one_kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(
        one_kernel, "loss", lambda self, batch, generator: self.linear(batch.y[:, :2]).mean() * torch.nan
    )
    with pytest.raises(ValueError, match=r"no longer a number.*lower learning rate"):
        train_small(tmp_path, replace(SMALL, validate_every=100))
    assert not checkpoints(tmp_path / "checkpoints")


KILLED = """
import sys, torch
from pathlib import Path
from lookhear.prediction.flow import FlowConfig
from lookhear.prediction.sphere import random_uniform
from lookhear.prediction.training.config import TrainConfig
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.flow_head import FlowHead
from lookhear.prediction.training.head import Head
from lookhear.prediction.training.trainer import train

torch.set_num_threads(1)
y = random_uniform(200, torch.Generator().manual_seed(0))
torch.manual_seed(0)
config = TrainConfig(steps=400, batch=32, checkpoint_every=10, validate_every=50, log_every=1, device="cpu")
train(FlowHead(FlowConfig(hidden=16)), FeatureSet(y[:150]), FeatureSet(y[150:]), config, Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_kill_9_and_the_same_command_give_the_same_curve(tmp_path):
    def start(folder: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / folder)], stderr=subprocess.DEVNULL)

    assert start("whole").wait() == 0
    process, killed = start("killed"), tmp_path / "killed"
    while process.poll() is None and len(checkpoints(killed / "checkpoints")) < 2:
        pass
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert start("killed").wait() == 0
    assert curve(killed) == curve(tmp_path / "whole")
    newest = [checkpoints(tmp_path / name / "checkpoints")[0] for name in ("whole", "killed")]
    tensors = [read_checkpoint(path).tensors for path in newest]
    assert all(torch.equal(value, tensors[1][name]) for name, value in tensors[0].items())
