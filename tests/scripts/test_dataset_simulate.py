import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lookhear.data.avg.check import check
from lookhear.data.avg.row import read_rows
from lookhear.data.clip import Clip
from lookhear.data.gazetteer import gazetteer
from lookhear.perception.gallery import Gallery, Sharpness
from lookhear.perception.geoclip import LocationEncoder
from lookhear.perception.ranges import RangeModel
from lookhear.perception.record import read_records
from lookhear.perception.simulated.composed import Studio
from lookhear.perception.simulated.world import Nature
from lookhear.scripts.dataset_simulate import DatasetSimulateConfig, dataset_simulate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    torch.manual_seed(0)
    names = [(f"Genus species{k}", f"Bird {k}") for k in range(6522)]
    gallery = Gallery.of(
        LocationEncoder(hidden=4).eval().requires_grad_(False), gazetteer().towns[1][::300], Sharpness()
    )
    nature = Nature(RangeModel().eval().requires_grad_(False), names, gallery)
    config = DatasetSimulateConfig(tmp_path_factory.mktemp("sim"), places=10, clips_per_place=3, composed=1, quiet=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKHEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(Nature, "load", classmethod(lambda cls, progress=None: nature))
        assert dataset_simulate(config) == 0
        before = {path: path.read_bytes() for path in config.out.rglob("*") if path.is_file()}
        assert dataset_simulate(replace(config, composed=3)) == 0
        assert dataset_simulate(config) == 0
    return config.out, before


def test_the_folder_is_whole(made):
    folder, _ = made
    rows, records = list(read_rows(folder)), list(read_records(folder))
    assert [row.clip_id for row in rows] == [record.clip_id for record in records] and len(rows) == 30
    assert np.isfinite(records[0].features["sight"]).all()
    assert "No clip was ever recorded" in (folder / "README.md").read_text()


def test_all_parameters_are_written_down(made):
    world = json.loads((made[0] / "world.json").read_text())
    assert world["name"] == "AVG-sim" and world["places"]["count"] == 10
    assert {"animals", "sounds", "sight", "everyday_sounds", "weights"} <= world.keys()


def test_a_later_run_writes_the_same_bytes_and_leaves_nothing_else(made):
    folder, before = made
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_composed_clips_can_be_seen_and_heard(made):
    folder = made[0] / "composed"
    rows = list(read_rows(folder))
    assert len(rows) == 1 and [row.source for row in rows] == [f"composed for AVG-sim {rows[0].clip_id}"]
    for row in rows:
        clip = Clip.open(folder / row.file_name)
        assert clip.has_sound and clip.has_picture and clip.sha256 == row.sha256
        assert 9.5 < clip.duration_s < 15.5
        assert max(float(np.abs(block).max()) for block in clip.sound(16_000)) > 0.05


def test_a_recording_of_the_class_is_used(tmp_path, media):
    media.write_sound(tmp_path / "Church_bell__loud.wav", media.tone(1.0, hz=1000.0))
    sound = Studio(recordings=tmp_path)._sound(["Church bell"], 4.0, np.random.default_rng(0))
    assert np.argmax(np.abs(np.fft.rfft(sound))) / 4.0 == pytest.approx(1000, abs=2)


def test_it_passes_its_own_check(made):
    assert check(made[0], quick=True).ok


@pytest.mark.parametrize("wrong", [{"places": 0}, {"clips_per_place": 0}, {"composed": -1}, {"photos": "nowhere"}])
def test_impossible_arguments_are_refused(tmp_path, wrong):
    wrong = {key: tmp_path / value if key == "photos" else value for key, value in wrong.items()}
    with pytest.raises(ValueError, match=r"at least one place|no folder"):
        DatasetSimulateConfig(tmp_path, **wrong)
