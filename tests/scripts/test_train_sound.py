from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import wave

import numpy as np
import pytest

from lookhear.perception.atoms.config import MartConfig
from lookhear.perception.atoms.mixtures import MixtureConfig
from lookhear.perception.atoms.sources import SourceError
from lookhear.perception.atoms.store import Dictionary
from lookhear.scripts.train_sound import TrainSoundConfig, train_sound

pytest.importorskip("accelerate")
pytestmark = pytest.mark.usefixtures("one_thread")

TONES = {"Rain": 300, "Bell": 1000, "Siren": 2000, "Train": 3000}


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    folder.mkdir()
    rows = [("file", "labels", "source")]
    for label, hertz in TONES.items():
        for k in range(2):
            t = np.arange(12_000) / 8000
            tone = 8000 * np.sin(2 * np.pi * hertz * t) * (1 + 0.3 * np.sin((k + 3) * t))
            with wave.open(str(folder / f"{label}{k}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(tone.astype("<i2").tobytes())
            rows.append((f"{label}{k}.wav", label, f"origin{k}"))
    with (folder / "sounds.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def config(sounds, out, **change):
    train = MartConfig(steps=30, batch=32, lr=0.01, validate_every=15, checkpoint_every=15, device="cpu")
    settings = {
        "reader": "csv",
        "encoder": "placeholder",
        "synthetic": 0,
        "mixtures": 200,
        "tests": 20,
        "size": 16,
        "hidden": 16,
        "mixture": MixtureConfig(most=3, variants=2),
        "train": train,
    }
    return TrainSoundConfig(sounds, out, **{**settings, **change})


@pytest.mark.slow
def test_from_a_folder_of_sounds_to_a_dictionary(sounds, tmp_path, capsys):
    out = tmp_path / "out"
    assert train_sound(config(sounds, out)) == 0
    said = capsys.readouterr().out
    assert "8 clips read; no row passed over." in said and "4 recordings of other origins are held out." in said
    assert all(name in said for name in ("new mixtures", "new variants", "unseen sounds", "K = 3"))
    dictionary = Dictionary.load(out / "dictionary")
    assert dictionary.sae.config.classes == ("Bell", "Rain", "Siren", "Train") and dictionary.encoder == "placeholder"
    assert dictionary.about["accuracy"]["new mixtures"]["1"]["ordered"] > 0.8
    assert [json.loads(line)["step"] for line in (out / "metrics.jsonl").read_text().splitlines()] == [15, 30]
    weights = (out / "dictionary" / "model.safetensors").read_bytes()
    assert train_sound(config(sounds, out)) == 0  # nothing is left to do, and nothing changes
    assert (out / "dictionary" / "model.safetensors").read_bytes() == weights


@pytest.mark.slow
def test_two_processes_share_encoding_and_training(sounds, tmp_path):
    together = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"]
    what = ["lookhear.scripts.main", "train", "sound", str(sounds), "-o", str(tmp_path / "out")]
    how = "--encoder placeholder --synthetic 0 --mixtures 400 --tests 20 --size 16 --hidden 16 --mixture.most 3"
    steps = "--mixture.variants 2 --steps 20 --batch 16 --validate-every 10 --checkpoint-every 10 --device cpu"
    ran = subprocess.run([*together, *what, *how.split(), *steps.split()], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]
    encoded = [int(count) for count in re.findall(r"Process \d of 2 encoded (\d+) windows", ran.stdout)]
    windows = 1208  # how many fall to which process is a race: a late one finds its neighbour's work done
    assert len(encoded) == 2 and windows <= sum(encoded) < 2 * windows
    assert ran.stdout.count("The dictionary is in") == 1 and Dictionary.load(tmp_path / "out" / "dictionary")


def test_what_cannot_be_trained_on_is_one_sentence(sounds, tmp_path):
    with pytest.raises(SourceError, match="sounds of 4 classes, but mixtures of 6"):
        train_sound(config(sounds, tmp_path / "out", mixture=MixtureConfig(most=6, variants=1)))
    with pytest.raises(ValueError, match="--weights are for CLAP, but the encoder is placeholder"):
        train_sound(config(sounds, tmp_path / "out", weights=tmp_path / "x.pt"))
    with pytest.raises(FileNotFoundError, match="must be a CSV table"):
        train_sound(config(tmp_path / "nothing", tmp_path / "out"))
    for constant in (0, 9000):
        samples = np.full(12_000, constant, "<i2").tobytes()
        (sounds / "Rain0.wav").write_bytes((sounds / "Rain0.wav").read_bytes()[:44] + samples)
        with pytest.raises(SourceError, match=r"Rain0.wav is silent; take it out"):
            train_sound(config(sounds, tmp_path / "silent"))
