import csv
import json
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookhear.data.atomic import only_writer
from lookhear.perception import seeing
from lookhear.prediction import locator
from lookhear.prediction.result import Result
from lookhear.scripts.locate import LocateConfig, find_clips, locate, name_clips
from lookhear.scripts.main import run as run_command


def sound(path, seconds=1.0, peak=0.3, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-peak, peak, round(16_000 * seconds))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


def run(*paths, out, formats=("json",), **settings):
    return locate(LocateConfig(paths=tuple(str(p) for p in paths), out=out, formats=formats, quiet=True, **settings))


def names(out):
    return sorted(path.name for path in out.iterdir() if not path.name.startswith("."))


def test_every_format_is_written(tmp_path, out, fake_locator, capsys):
    clip = sound(tmp_path / "dawn.wav")
    assert run(clip, out=out, formats=("html", "json", "geojson", "kml", "csv", "raven", "audacity")) == 0
    assert names(out) == [
        "dawn.audacity.txt", "dawn.geojson", "dawn.html", "dawn.json", "dawn.kml", "dawn.raven.txt", "results.csv",
    ]  # fmt: skip
    assert "United States" in capsys.readouterr().out
    result = Result.from_json(json.loads((out / "dawn.json").read_bytes()))
    assert result.best.distance_km(result.top(1)[0].point) < 400 and result.trace.answer == result.best


def test_the_same_file_gives_the_same_bytes_but_for_the_time_of_the_run(tmp_path, out, fake_locator):
    clip = sound(tmp_path / "dawn.wav")
    texts = []
    for folder in (out / "a", out / "b"):
        assert run(clip, out=folder) == 0
        record = json.loads((folder / "dawn.json").read_bytes())
        record["run"].pop("time")
        texts.append(json.dumps(record))
    assert texts[0] == texts[1]


def test_a_broken_clip_does_not_stop_the_batch(tmp_path, out, fake_locator, capsys):
    good, text, empty = sound(tmp_path / "good.wav"), tmp_path / "talk.mp4", tmp_path / "empty.mp3"
    text.write_text("this is no film")
    empty.touch()
    assert run(text, empty, good, out=out) == 1
    assert names(out) == ["failed.csv", "good.json"]
    rows = list(csv.DictReader((out / "failed.csv").read_text().splitlines()))
    assert [Path(row["file"]).name for row in rows] == ["talk.mp4", "empty.mp3"]
    assert "text" in rows[0]["error"] and "empty" in rows[1]["error"]
    text.unlink()
    empty.unlink()
    assert run(good, out=out) == 0 and names(out) == ["good.json"]


def test_a_second_run_does_not_listen_again(tmp_path, out, fake_locator):
    a, b = sound(tmp_path / "in" / "a.wav"), sound(tmp_path / "in" / "b.wav", seed=1)
    heard = fake_locator.hearing.listened
    assert run(a, out=out) == 0 and heard == ["a.wav"]
    assert run(tmp_path / "in", out=out) == 0 and heard == ["a.wav", "b.wav"]
    assert run(tmp_path / "in", out=out, formats=("kml", "csv")) == 0 and heard == ["a.wav", "b.wav"]
    assert {"a.kml", "b.kml", "results.csv"} <= set(names(out))
    assert len(list(csv.DictReader((out / "results.csv").read_text().splitlines()))) == 2
    assert run(b, out=out, week=20) == 0 and heard[2:] == ["b.wav"]  # other settings
    sound(a, seed=7)
    assert run(a, out=out) == 0 and heard[3:] == ["a.wav"]  # other bytes
    assert run(a, out=out, overwrite=True) == 0 and heard[4:] == ["a.wav"]


def test_pictures_are_looked_at_again_when_clip_comes(tmp_path, out, fake_locator, monkeypatch, capsys):
    Image.new("RGB", (30, 20)).save(tmp_path / "view.png")
    clips = sound(tmp_path / "dawn.wav"), tmp_path / "view.png"
    for clip_is_here, resumed in ((False, 0), (False, 2), (True, 1)):
        monkeypatch.setattr(seeing, "has_clip", lambda here=clip_is_here: here)
        assert run(*clips, out=out) == 0
        assert (f"({resumed} before)" if resumed else "2 located.") in capsys.readouterr().out


@pytest.mark.parametrize("comes", ["writing", "tesseract", "sharpness 1a2b"])
def test_pictures_are_looked_at_again_with_other_eyes(tmp_path, out, fake_locator, monkeypatch, capsys, comes):
    Image.new("RGB", (30, 20)).save(tmp_path / "view.png")
    for now, resumed in (([], 0), ([], 1), ([comes], 0)):
        monkeypatch.setattr(locator, "eyes", lambda now=now: now)
        assert run(tmp_path / "view.png", out=out) == 0
        assert ("(1 before)" in capsys.readouterr().out) == bool(resumed)


def test_sounds_are_heard_again_with_another_dictionary(tmp_path, out, fake_locator, monkeypatch, capsys):
    clip = sound(tmp_path / "a.wav")
    for now, resumed in (("atoms 1", 0), ("atoms 1", 1), ("atoms 2", 0)):
        monkeypatch.setattr(locator, "ears", lambda now=now: [now])
        assert run(clip, out=out) == 0
        assert ("(1 before)" in capsys.readouterr().out) == bool(resumed)


def test_half_a_record_is_made_again(tmp_path, out, fake_locator):
    clip = sound(tmp_path / "a.wav")
    assert run(clip, out=out) == 0
    record = out / "a.json"
    record.write_bytes(record.read_bytes()[:1000])
    assert run(clip, out=out) == 0
    assert Result.from_json(json.loads(record.read_bytes())).best is not None


def test_clips_of_one_name_do_not_overwrite_each_other(tmp_path, out, fake_locator):
    sound(tmp_path / "in" / "x.wav")
    sound(tmp_path / "in" / "x.wave.wav", seed=2).rename(tmp_path / "in" / "X.flac")
    sound(tmp_path / "in" / "sub" / "x.wav", seed=3)
    assert run(tmp_path / "in", out=out) == 0
    assert len(names(out)) == 3 and "sub__x.json" in names(out)
    assert names(out) == sorted(f"{name}.json" for _, name in name_clips(find_clips([str(tmp_path / "in")])[0]))


@pytest.mark.parametrize("name", ["a b.wav", 'it\'s "quoted".wav', "🐦 dawn.wav", "-rf.wav", ".hidden.wav"])
@pytest.mark.slow
def test_odd_names(tmp_path, out, fake_locator, name):
    clip = sound(tmp_path / name)
    assert run(clip, out=out, formats=("json", "html", "geojson", "kml", "csv", "raven", "audacity")) == 0
    assert not (out / "failed.csv").exists() and len(names(out)) == 7


@pytest.mark.slow
def test_silence_and_a_picture_lead_to_cannot_say(tmp_path, out, fake_locator, capsys):
    silence = sound(tmp_path / "silence.wav", peak=0.0)
    Image.new("RGB", (64, 48), "green").save(tmp_path / "wood.png")
    short = sound(tmp_path / "short.wav", seconds=0.2, peak=0.0)
    assert run(silence, tmp_path / "wood.png", short, out=out, formats=("json", "html", "kml")) == 0
    assert capsys.readouterr().out.count("Cannot say") == 3
    for name in ("silence", "wood", "short"):
        result = Result.from_json(json.loads((out / f"{name}.json").read_bytes()))
        assert result.best is None and result.top() == [] and result.outlook.scale == "earth"


@pytest.mark.slow
def test_a_region_is_searched_and_said(tmp_path, out, fake_locator):
    clip = sound(tmp_path / "a.wav")
    assert run(clip, out=out, region="Canada") == 0
    result = Result.from_json(json.loads((out / "a.json").read_bytes()))
    assert result.outlook.countries[0].name == "Canada" and result.outlook.countries[0].probability > 0.95
    assert "Only Canada was searched" in result.trace.text and result.outlook.headline.startswith("Within Canada: ")


@pytest.mark.slow
def test_coarse_results_hide_the_fine_place(tmp_path, out, fake_locator):
    clip = sound(tmp_path / "a.wav")
    assert run(clip, out=out / "fine") == 0
    assert run(clip, out=out / "coarse", coarsen_km=500, formats=("json", "html", "geojson", "kml", "csv")) == 0
    fine = Result.from_json(json.loads((out / "fine" / "a.json").read_bytes()))
    coarse = Result.from_json(json.loads((out / "coarse" / "a.json").read_bytes()))
    assert 1 < coarse.best.distance_km(fine.best) < 500 and coarse.outlook.place.town == ""
    assert all(one.where is None for one in coarse.evidence)
    assert (coarse.density.mass.max() > fine.density.mass.max()) and len(coarse.density.ids) < len(fine.density.ids)
    width_km = coarse.top(1)[0].radius_km
    assert width_km >= 250 and coarse.clip.path == Path("a.wav")
    for path in (out / "coarse").iterdir():
        assert str(tmp_path) not in path.read_text(errors="replace")
        assert str(fine.best.lat_deg) not in path.read_text(errors="replace")


def test_coarse_pages_show_nothing_of_the_clip_even_where_it_lies(tmp_path, out, fake_locator, monkeypatch):
    monkeypatch.chdir(sound(tmp_path / "a.wav").parent)
    for km in (0.0, 500.0):
        assert run("a.wav", out=out / f"{km:g}", coarsen_km=km, formats=("html",)) == 0
    assert b"<audio" in (out / "0" / "a.html").read_bytes()
    page = (out / "500" / "a.html").read_bytes()
    assert b"<audio" not in page and b"neither shown nor played" in page


def test_coarse_results_hide_the_outline_that_was_searched(tmp_path, out, fake_locator):
    ring = [[-82, 40], [-79, 40], [-79, 43], [-82, 43], [-82, 40]]
    (tmp_path / "annas_home.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    asked = {"region": str(tmp_path / "annas_home.geojson"), "coarsen_km": 500.0}
    assert run(sound(tmp_path / "a.wav"), out=out, formats=("html", "kml", "geojson", "csv"), **asked) == 0
    for path in out.iterdir():
        text = path.read_text(errors="replace")
        assert "annas_home" not in text and "SHA-256" not in text
    assert "Within the given region" in (out / "results.csv").read_text()


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"week": 49}, "48"),
        ({"date": "31.5.2024"}, "2024-05-31"),
        ({"date": "2024-05-31", "week": 3}, "one of them"),
        ({"coarsen_km": -1.0}, "negative"),
        ({"region": "Atlantis"}, "Atlantis"),
        ({"coarsen_km": 20_000.0}, "coarsen"),
        ({"head": Path("run"), "prior": "earth"}, "learnt its prior"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(tmp_path, out, fake_locator, settings, words):
    with pytest.raises(ValueError, match=words):
        run(sound(tmp_path / "a.wav"), out=out, **settings)
    assert not out.exists()


def test_nothing_to_locate_is_said(tmp_path, out, fake_locator):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run(tmp_path / "nowhere.wav", out=out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no video"):
        run(tmp_path / "empty", out=out)


def test_what_is_missing_is_a_line_and_the_rest_goes_on(tmp_path, out, fake_locator):
    good = sound(tmp_path / "good.wav")
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "gone.wav", good, tmp_path / "empty", out=out) == 1
    errors = [row["error"] for row in csv.DictReader((out / "failed.csv").read_text().splitlines())]
    assert len(errors) == 2 and "gone.wav does not exist" in errors[0] and "no video" in errors[1]
    assert (out / "good.json").exists()


def test_results_among_the_inputs_are_left_alone(tmp_path, fake_locator):
    sound(tmp_path / "a.wav")
    sound(tmp_path / "results" / "old.wav")
    for _ in range(2):
        assert run(tmp_path, tmp_path / "results", out=tmp_path / "results") == 0
    assert names(tmp_path / "results") == ["a.json", "old.wav"]


@pytest.mark.slow
def test_no_file_of_another_answer_is_left(tmp_path, out, fake_locator):
    clip = sound(tmp_path / "a.wav")
    assert run(clip, out=out, formats=("json", "kml", "csv")) == 0
    assert run(clip, out=out, region="Canada") == 0
    assert names(out) == ["a.json", "results.csv"] and "Canada" in (out / "results.csv").read_text()
    assert run(clip, out=out, region="Canada", formats=("kml", "csv")) == 0
    assert "Canada" in (out / "a.kml").read_text()


def test_the_table_has_every_answer_of_the_folder(tmp_path, out, fake_locator):
    assert run(sound(tmp_path / "one" / "x.wav"), out=out, formats=("csv",)) == 0
    assert run(sound(tmp_path / "two" / "x.wav", seed=1), sound(tmp_path / "y.wav", seed=2), out=out) == 0
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [Path(row["file"]).name for row in rows] == ["x.wav", "x.wav", "y.wav"] and len(names(out)) == 4


def test_the_same_file_with_new_content_gets_a_new_answer_under_its_name(tmp_path, out, fake_locator):
    for seed in range(2):
        assert run(sound(tmp_path / "x.wav", seed=seed), out=out) == 0
    assert names(out) == ["x.json"] and len(fake_locator.hearing.listened) == 2


@pytest.mark.slow
def test_an_edited_outline_is_noticed(tmp_path, out, fake_locator):
    clip, area = sound(tmp_path / "a.wav"), tmp_path / "area.geojson"
    for west in (-82, 4):
        ring = [[west, 40], [west + 3, 40], [west + 3, 43], [west, 43], [west, 40]]
        area.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
        assert run(clip, out=out, region=str(area)) == 0
        best = Result.from_json(json.loads((out / "a.json").read_bytes())).best
        assert west <= best.lon_deg <= west + 3


def test_files_of_others_are_not_overwritten(tmp_path, out, fake_locator, capsys):
    out.mkdir()
    (out / "a.json").write_text("[1, 2]")
    assert run(sound(tmp_path / "a.wav"), out=out) == 1
    assert (out / "a.json").read_text() == "[1, 2]" and "not a record" in capsys.readouterr().err


@pytest.mark.slow
def test_another_clip_of_the_same_name_gets_another_name(tmp_path, out, fake_locator):
    assert run(sound(tmp_path / "one" / "x.wav"), out=out) == 0
    assert run(sound(tmp_path / "two" / "x.flac.wav", seed=1).rename(tmp_path / "two" / "x.flac"), out=out) == 0
    assert len(names(out)) == 2
    moved = (tmp_path / "one" / "x.wav").rename(tmp_path / "x.wav")
    heard = list(fake_locator.hearing.listened)
    assert run(moved, out=out, formats=("html",)) == 0 and fake_locator.hearing.listened == heard
    assert b"<audio" in (out / "x.html").read_bytes()


def test_globs_and_repeated_paths_count_once(tmp_path):
    a, b = sound(tmp_path / "a.wav"), sound(tmp_path / "b.wav")
    found = [path for path, _ in find_clips([str(tmp_path / "*.wav"), str(a), str(tmp_path)])[0]]
    assert found == [a, b]


def test_a_folder_in_use_is_refused(tmp_path, out, fake_locator):
    out.mkdir()
    with only_writer(out), pytest.raises(BlockingIOError, match="Another run"):
        run(sound(tmp_path / "a.wav"), out=out)


def test_an_output_that_cannot_be_written_is_said(tmp_path, fake_locator):
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(OSError, match="file"):
        run(sound(tmp_path / "a.wav"), out=blocked / "results")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_is_said(tmp_path, out, fake_locator):
    out.mkdir()
    out.chmod(0o500)
    with pytest.raises(PermissionError):
        run(sound(tmp_path / "a.wav"), out=out)


def test_models_that_are_missing_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    arguments = [str(sound(tmp_path / "a.wav")), "-o", str(tmp_path / "out")]
    assert run_command("locate", arguments) == 2
    said = capsys.readouterr().err
    assert "lookhear fetch offline" in said and said.count("\n") == 1


def test_interrupted_runs_leave_no_half_files_and_go_on(tmp_path, out, fake_locator, monkeypatch):
    for k in range(4):
        sound(tmp_path / "in" / f"{k}.wav", seed=k)
    real = type(fake_locator.hearing).evidence

    def interrupted(self, clip, week=None):
        if clip.path.name == "2.wav":
            raise KeyboardInterrupt
        return real(self, clip, week)

    with monkeypatch.context() as patch:
        patch.setattr(type(fake_locator.hearing), "evidence", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "in", out=out)
    assert names(out) == ["0.json", "1.json"] and not [p for p in out.iterdir() if ".part" in p.name]
    fake_locator.hearing.listened.clear()
    assert run(tmp_path / "in", out=out) == 0
    assert fake_locator.hearing.listened == ["2.wav", "3.wav"] and len(names(out)) == 4


def test_ctrl_c_ends_with_130(tmp_path):
    program = (
        "import os, signal, sys; import lookhear.scripts.locate as module\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # workers of a test run may ignore it
        "module.locate = lambda config: os.kill(os.getpid(), signal.SIGINT)\n"
        "from lookhear.scripts.main import run; sys.exit(run('locate', [sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", program, "x.wav"], capture_output=True, text=True, check=False)
    assert done.returncode == 130 and "stopped" in done.stderr and signal.SIGINT
