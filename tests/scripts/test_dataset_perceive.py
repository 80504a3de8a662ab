import json
from dataclasses import replace

import numpy as np
import pytest
from small_world import make_examples, write_set

from lookhear.data.avg.row import METADATA, write_rows
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.hearing import Hearing
from lookhear.perception.listen import Heard
from lookhear.perception.record import RECORDS
from lookhear.prediction import perceiving
from lookhear.prediction.example import read_examples
from lookhear.scripts.dataset_perceive import DatasetPerceiveConfig, dataset_perceive
from lookhear.scripts.evaluate import EvaluateConfig, evaluate
from lookhear.scripts.train_flow import TrainFlowConfig, read_sets
from lookhear.scripts.train_sight import TrainSightConfig, train_sight


class Ears(Hearing):
    """Hears one bird, and an embedding that names the file's number; may be interrupted."""

    def __init__(self):
        self.listened, self.patience = [], 99

    def evidence(self, clip, week=None):
        if len(self.listened) == self.patience:
            raise KeyboardInterrupt
        self.listened.append(clip.path.name)
        number = int(clip.path.stem.split("-")[1])
        bird = Evidence("e1", "species", "Bird", "Avis 1", (Moment(0, 1, 0.9),), 0.9, "test")
        embedding, atoms = np.full(1024, number + 0.123456789), np.eye(348, dtype=np.float32)[number]
        return (bird,), Heard((), 0, 1, 0, clip.sound(16_000).quality, embedding, atoms)


@pytest.fixture
def ears(monkeypatch):
    made = Ears()
    monkeypatch.setattr(Hearing, "load", classmethod(lambda cls: made))
    return made


@pytest.fixture
def data(tmp_path, media):
    """Four, two and two clips with media; one of them is broken."""
    folder, rows = tmp_path / "set", []
    folder.mkdir()
    for split, count in (("train", 4), ("validation", 2), ("test", 2)):
        for one in make_examples(split, count):
            rows.append(replace(one.row, file_name=f"{one.row.clip_id}.wav"))
            media.write_sound(folder / f"{one.row.clip_id}.wav", media.tone(1.0, 16_000), 16_000)
    (folder / "train-1.wav").write_text("no sound at all")
    write_rows(folder, rows)
    return folder


def perceive(folder, **settings):
    return dataset_perceive(DatasetPerceiveConfig(folder, jobs=1, quiet=True, **settings))


def test_a_whole_set_is_perceived_and_every_reader_finds_it(data, tmp_path, ears, capsys):
    listed = (data / METADATA).read_bytes()
    assert perceive(data) == 1, "one clip is broken"
    assert "7 of 8 clips perceived" in (said := capsys.readouterr().out) and "  train-1: ClipError: " in said
    assert (data / METADATA).read_bytes() == listed
    assert set(json.loads((data / "broken.json").read_text())) == {"train-1"}
    first, broken, *_ = read_examples(data, "train")
    assert first.record.evidence[0].name == "Avis 1" and broken.record.evidence == () == tuple(broken.record.features)
    assert first.record.features["atoms"].argmax() == 0 and first.record.features["atoms"].shape == (348,)
    training, validation = read_sets(TrainFlowConfig(data, tmp_path / "run", jobs=1))
    assert training.sizes == validation.sizes == {"sound": 1024}
    np.testing.assert_allclose(training.condition["sound"][:, 7], [0.12346, 0.0, 2.12346, 3.12346], atol=2e-3)
    assert training.present["sound"].tolist() == [True, False, True, True]
    with pytest.raises(ValueError, match=r"`lookhear fetch clip`, then `lookhear dataset perceive "):
        train_sight(TrainSightConfig(data, quiet=True))
    before = list(ears.listened)
    evaluate(EvaluateConfig(data, ("prior",), out=tmp_path / "out", jobs=1, formats=("json",), quiet=True))
    assert ears.listened == before, "nothing is heard again"


def test_a_stopped_run_goes_on_and_only_what_is_new_is_heard(data, tmp_path, ears, media, monkeypatch):
    records, ears.patience = tmp_path / "records", 3
    with pytest.raises(KeyboardInterrupt):
        perceive(data, records=records)
    assert len(ears.listened) == 3 and not (records / RECORDS).exists()
    ears.patience = 99
    assert perceive(data, records=records) == 1 and len(ears.listened) == len(set(ears.listened)) == 7
    assert len(list(read_examples(data, None, records))) == 8 and not (data / RECORDS).exists()
    assert perceive(data, records=records) == 1 and len(ears.listened) == 7
    media.write_sound(data / "train-1.wav", media.tone(1.0, 16_000), 16_000)
    assert perceive(data, records=records) == 0 and ears.listened[7:] == ["train-1.wav"], (
        "what was broken is tried again"
    )
    monkeypatch.setattr(perceiving, "ears", lambda: ["other atoms"])
    assert perceive(data, records=records) == 0 and len(ears.listened) == 16, "other senses perceive anew"


def test_what_only_evaluate_heard_is_too_little_to_train_on_and_says_so(data, tmp_path, ears):
    evaluate(EvaluateConfig(data, ("prior",), out=tmp_path / "out", jobs=1, formats=("json",), quiet=True))
    with pytest.raises(ValueError, match=r"2 of the 2 validation clips .*`lookhear dataset perceive /"):
        train_sight(TrainSightConfig(data, tmp_path / "out" / "records", quiet=True))


def test_records_made_otherwise_are_kept_and_a_set_without_media_is_refused(data, tmp_path, ears):
    simulated = write_set(tmp_path / "simulated", make_examples("train", 3))
    with pytest.raises(FileNotFoundError, match="lists no media"):
        perceive(simulated)
    told = (simulated / RECORDS).read_bytes()
    with pytest.raises(FileExistsError, match=r"was not made here; give another folder with --records"):
        perceive(data, records=simulated)
    assert (simulated / RECORDS).read_bytes() == told and not ears.listened
    with pytest.raises(ValueError, match="--jobs starts at 1"):
        DatasetPerceiveConfig(data, jobs=0)
