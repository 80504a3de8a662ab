from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tyro
from small_world import make_examples, write_set

from lookhear.data import cells
from lookhear.data.avg.row import ClipRow, write_rows
from lookhear.perception.record import ClipRecord, write_records
from lookhear.prediction.density import CellDensity
from lookhear.prediction.flow import load_flow
from lookhear.prediction.flow_density import KernelBase
from lookhear.prediction.trained_head import TrainedHead
from lookhear.prediction.training import posteriors
from lookhear.prediction.training.bases import load_base
from lookhear.prediction.training.config import TrainConfig
from lookhear.scripts.train_flow import TrainFlowConfig, train_flow

pytest.importorskip("accelerate")
pytestmark = pytest.mark.usefixtures("one_thread")

TINY = ["--hidden", "8", "--fourier", "2", "--batch", "8", "--steps", "2", "--device", "cpu"]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Sixty clips in the north and the south; the sound says which, and some clips have none."""
    folder, numbers = tmp_path / "clips", np.random.default_rng(0)
    rows, records = [], []
    for k in range(60):
        north, part = k % 2 == 0, ("train", "validation")[k % 5 == 4]
        lat_deg, lon_deg = numbers.normal(60 if north else -60, 3), numbers.uniform(-180, 180)
        rows.append(ClipRow(None, f"c{k}", float(lat_deg), float(lon_deg), f"p{k}", part))  # type: ignore[arg-type]
        records.append(ClipRecord(f"c{k}", (), None, {} if k % 10 == 0 else {"sound": np.array([north, 1.0])}))
    folder.mkdir()
    write_rows(folder, rows)
    write_records(folder, records)
    return folder


def config(*arguments: str | Path) -> TrainFlowConfig:
    return tyro.cli(TrainFlowConfig, args=[str(one) for one in arguments])


def test_the_command_leaves_a_flow_with_its_base_and_card(clips, tmp_path, capsys):
    assert train_flow(config(clips, "--out", tmp_path / "run", "--base", "places", *TINY)) == 0
    folder = tmp_path / "run" / "head"
    net, base = load_flow(folder), load_base(folder)
    assert net.config.condition_sizes == {"sound": 2}
    assert isinstance(base, KernelBase) and len(base.means) % 48 == 0
    card, record = (folder / "README.md").read_text(), json.loads((folder / "training.json").read_text())
    nll = record["progress"]["best_nll"]
    assert f"{nll:.3f}" in card and "48 clips at 48 places" in card and "`sound` is missing for 6" in card
    assert f"validation NLL {nll:.3f}" in capsys.readouterr().out


def test_it_can_be_trained_on_places_alone(clips, tmp_path, capsys):
    assert train_flow(config(clips, "--out", tmp_path, "--features", *TINY)) == 0
    assert load_flow(tmp_path / "head").config.condition_sizes == {}
    assert "given nothing" in (tmp_path / "head" / "README.md").read_text()


def test_places_alone_can_be_led_by_mean_velocities(clips, tmp_path):
    calm = [clips, "--out", tmp_path, "--features", *TINY, "--references", "4"]
    assert train_flow(config(*calm)) == 0
    settings = json.loads((tmp_path / "head" / "training.json").read_text())
    assert '"references": 4' in json.dumps(settings) and "blur" in json.dumps(settings)
    for wrong in ({"features": ("sound",)}, {"features": (), "base": "places"}, {"features": (), "head": "h3_0"}):
        with pytest.raises(ValueError, match="--references are for a flow of places alone from the uniform base"):
            TrainFlowConfig(clips, tmp_path, references=4, **wrong)


def test_a_folder_without_the_features_is_refused_in_a_sentence(clips, tmp_path):
    with pytest.raises(ValueError, match=r"has the feature 'sght', only sound; `lookhear dataset perceive` makes"):
        train_flow(config(clips, "--out", tmp_path, "--features", "sound", "sght"))
    bare = tmp_path / "bare"
    write_set(bare, make_examples("train", 6) + make_examples("validation", 3))
    (bare / "sight.safetensors").unlink()
    with pytest.raises(ValueError, match=r"No training clip in .*bare has any feature; .* --features alone"):
        train_flow(config(bare, "--out", tmp_path))


def test_settings_have_names_of_their_own_and_defaults_that_allow_missing_parts(tmp_path):
    found = config("DATA", "--out", tmp_path, "--lr", "0.5", "--precision", "bf16")
    assert found.train.lr == 0.5 and found.train.precision == "bf16" and found.train.drop_part == 0.1
    assert found.train.batch == TrainConfig().batch


@pytest.mark.slow
def test_two_processes_train_one_flow(clips, tmp_path):
    """Under torchrun: both take part, the main one writes, and the same command goes on."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = ["-m", "lookhear.scripts.main", "train", "flow", str(clips), "--out", str(tmp_path / "run"), *TINY]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for _ in range(2):
        done = subprocess.run([*run, *command], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("validation NLL") == 1
    assert load_flow(tmp_path / "run" / "head").config.condition_sizes == {"sound": 2}
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [2]


def test_a_rival_is_trained_by_the_same_command_and_read_back(clips, tmp_path):
    arguments = ("--out", tmp_path / "run", "--head", "vmf_mixture", *TINY)
    assert train_flow(config(clips, *arguments)) == 0
    head = TrainedHead.load(tmp_path / "run")
    assert head.head.name == "vmf_mixture" and not head.wants_evidence
    north, south = np.array([[0.5, 0.0, 0.866]]), np.array([[0.5, 0.0, -0.866]])
    density = head.density({"sound": np.array([1.0, 1.0], dtype=np.float32), "unknown": np.zeros(9)})
    assert np.isfinite(density.log_density(np.concatenate([north, south]))).all()


def test_a_flow_can_start_from_the_evidence_of_each_clip(clips, tmp_path, monkeypatch):
    halves = [
        CellDensity.of(cells.all_cells(2), np.where(cells.centers(cells.all_cells(2))[:, 2] > 0, a, -a))
        for a in (3.0, -3.0)
    ]

    class Evidence:
        def density(self, example):
            return halves[0 if example.row.lat_deg > 0 else 1]

    monkeypatch.setattr(posteriors, "EvidencePosterior", Evidence)
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    arguments = ("--out", tmp_path / "run", "--base", "evidence", "--features", "evidence", "--jobs", "1", *TINY)
    assert train_flow(config(clips, *arguments)) == 0
    head = TrainedHead.load(tmp_path / "run")
    assert head.wants_evidence
    density = head.density({}, halves[0])
    assert (
        density.log_density(np.array([[0.6, 0.0, 0.8]]))[0] > density.log_density(np.array([[0.6, 0.0, -0.8]]))[0] + 2
    )
    with pytest.raises(ValueError, match="evidence posterior"):
        head.density({})
    kept = list((tmp_path / "cache" / "derived").glob("posteriors-*.safetensors"))
    monkeypatch.setattr(posteriors, "_computed", None)
    assert len(kept) == 2 and train_flow(config(clips, *arguments)) == 0, "posteriors are read again"


def test_a_head_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no head 'magic'; choose flow, regression_euclidean"):
        TrainFlowConfig(tmp_path, tmp_path, head="magic")
    with pytest.raises(ValueError, match="Only a flow starts from somewhere"):
        TrainFlowConfig(tmp_path, tmp_path, head="h3_0", base="places")
