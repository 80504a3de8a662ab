import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from lookhear.data.atomic import only_writer
from lookhear.data.avg import build as build_module
from lookhear.data.avg import cut_pool
from lookhear.data.avg.build import build
from lookhear.data.avg.build_report import minutes, reason_counts
from lookhear.data.avg.cut_pool import Task, cut_all
from lookhear.data.avg.cut_video import CutSettings, complaints
from lookhear.data.avg.cuts import CutConfig
from lookhear.data.avg.planted import Scene, SoundBank
from lookhear.data.avg.repeats import Prints, find_repeats
from lookhear.data.avg.row import SPLITS, read_rows
from lookhear.data.clip import Clip, ClipError
from lookhear.data.provenance import claims_of
from lookhear.scripts.make_raw_videos import MakeRawVideosConfig, video_bytes

SETTINGS = CutSettings(CutConfig(min_s=2.0, max_s=4.0), filters=("silence", "clipping"))

VIDEOS = {
    "a": [Scene("", 1, 3.0), Scene("silence", 2, 2.5), Scene("", 3, 1.0)],
    "b": [Scene("", 4, 5.0)],
    "c": [Scene("", 1, 2.8, skip_s=0.2)],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    config = MakeRawVideosConfig(folder, size=(64, 48), rate=10)
    for k, (name, scenes) in enumerate(VIDEOS.items()):
        (folder / f"{name}.mp4").write_bytes(video_bytes(scenes, config, SoundBank(), ()))
        info = {"lat": 10.0 * k, "lon": 20.0, "license": "CC BY", "webpage_url": f"https://example.org/{name}"}
        (folder / f"{name}.info.json").write_text(json.dumps(info))
    return folder


@pytest.fixture
def raw(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "raw"))


@pytest.fixture
def one(made, tmp_path):
    """Only the shortest video."""
    (tmp_path / "one").mkdir()
    for ending in ("mp4", "info.json"):
        shutil.copy(made / f"c.{ending}", tmp_path / "one")
    return tmp_path / "one"


@pytest.fixture
def done(whole, tmp_path):
    """A finished build to go on with."""
    return Path(shutil.copytree(whole[0], tmp_path / "done"))


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory):
    """An uninterrupted build, and what it said."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return out, build(made, out, SETTINGS)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_set_is_what_it_says(whole):
    out, result = whole
    rows = list(read_rows(out))
    assert rows == list(result.rows) and [row.clip_id for row in rows] == sorted(row.clip_id for row in rows)
    assert len(rows) == 3  # a's first scene or its repeat, and b's two halves
    for row in rows:
        content = (out / row.file_name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256 and row.file_name.startswith(row.split)
        assert row.licence == "CC BY" and row.source.startswith("https://example.org/")
        assert Clip.open(out / row.file_name).duration_s == pytest.approx(row.end_s - row.start_s, abs=0.1)
        assert claims_of(out / row.file_name).place is None
    assert len({row.split for row in rows if row.source.endswith("b")}) == 1


def test_every_split_lists_its_clips(whole):
    out, result = whole
    listed = {}
    for split in {row.split for row in result.rows}:
        for record in parquet.read_table(out / split / "metadata.parquet").to_pylist():
            assert (out / split / record["file_name"]).exists()
            listed[record["clip_id"]] = record["split"], record["lat_deg"], record["sha256"]
    assert listed == {row.clip_id: (row.split, row.lat_deg, row.sha256) for row in result.rows}


def test_what_is_left_out_says_why(whole):
    out, result = whole
    assert reason_counts(result) == {"silence": 1, "short": 1, "repeat": 1} and not result.problems
    lines = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert [line["reasons"] for line in lines] == [one.reasons for one in result.rejected]
    assert all(sentence.endswith(".") for line in lines for sentence in line["reasons"].values())
    repeat = next(one for one in result.rejected if "repeat" in one.reasons)
    kept = next(row.clip_id for row in result.rows if row.clip_id in repeat.reasons["repeat"])
    assert kept < repeat.clip_id


def test_the_page_shows_every_clip(whole):
    page = (whole[0] / "report.html").read_text()
    assert page.count("<figure") == 6 and page.count("data:image/jpeg;base64,") == 5
    assert "silence" in page and "http-equiv" not in page and "<script" not in page and 'src="http' not in page


def test_a_finished_build_cuts_nothing_again(whole, made, monkeypatch):
    out, _ = whole
    before = tree(out)
    monkeypatch.setattr(cut_pool, "cut_video", None)
    build(made, out, SETTINGS)
    assert tree(out) == before


@pytest.mark.slow
def test_broken_off_while_cutting_it_goes_on(whole, made, tmp_path, monkeypatch):
    out, real = tmp_path / "out", cut_pool.cut_video

    def dies(path, recording_id, folder, settings):
        if path.name == "b.mp4":
            monkeypatch.setattr("lookhear.data.avg.cut_video.save_state", interrupt)
            (folder / ".build" / f".{recording_id}.json.part123").write_text("half")
        return real(path, recording_id, folder, settings)

    with monkeypatch.context() as patch:
        patch.setattr(cut_pool, "cut_video", dies)
        with pytest.raises(KeyboardInterrupt):
            build(made, out, SETTINGS)
    monkeypatch.undo()
    assert not (out / "metadata.jsonl").exists() and len(list((out / ".build").glob("*.json"))) == 1
    build(made, out, SETTINGS)
    assert tree(out) == tree(whole[0])


def interrupt(*arguments):
    raise KeyboardInterrupt


@pytest.mark.parametrize("moves", [0, 2])
def test_broken_off_while_the_set_is_put_together_it_goes_on(whole, made, done, monkeypatch, moves):
    left, real = [None] * moves, build_module.os.replace
    for path in done.glob("*/*.mp4"):
        path.rename(done / ".build" / path.name)

    def move(a, b):
        real(a, b) if left and left.pop() is None else interrupt()

    with monkeypatch.context() as patch:
        patch.setattr(build_module.os, "replace", move)
        with pytest.raises(KeyboardInterrupt):
            build(made, done, SETTINGS)
    assert not (done / "metadata.jsonl").exists()
    build(made, done, SETTINGS)
    assert tree(done) == tree(whole[0])


def test_a_new_side_car_changes_the_rows_and_cuts_nothing(raw, done, monkeypatch):
    (raw / "b.info.json").write_text(json.dumps({"lat": -35.0, "lon": 149.0, "license": "CC0"}))
    monkeypatch.setattr(cut_pool, "cut_video", None)
    rows = [row for row in build(raw, done, SETTINGS).rows if row.licence == "CC0"]
    assert [row.lat_deg for row in rows] == [-35.0, -35.0]


def test_a_video_that_is_taken_away_leaves_the_set_and_comes_back(raw, done, tmp_path, monkeypatch):
    before = tree(done)
    (raw / "b.mp4").rename(tmp_path / "b.mp4")
    monkeypatch.setattr(cut_pool, "cut_video", None)
    (row,) = build(raw, done, SETTINGS).rows
    assert [path.stem for split in SPLITS for path in (done / split).glob("*.mp4")] == [row.clip_id]
    assert sum((done / split / "metadata.parquet").exists() for split in SPLITS) == 1
    (tmp_path / "b.mp4").rename(raw / "b.mp4")
    build(raw, done, SETTINGS)
    assert tree(done) == before


@pytest.mark.slow
def test_other_settings_cut_again_and_leave_nothing_of_before(one, tmp_path):
    other = CutSettings(CutConfig(min_s=1.0, max_s=2.0), filters=())
    build(one, tmp_path / "out", SETTINGS)
    build(one, tmp_path / "out", other)
    build(one, tmp_path / "fresh", other)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")


def test_what_cannot_be_used_is_said_and_the_rest_goes_on(one, media, tmp_path):
    (one / "broken.mp4").write_bytes((one / "c.mp4").read_bytes()[:3000])
    media.write_video(one / "mute.mp4", [0, 1, 2], [10, 20, 30])
    (one / "again.mp4").write_bytes((one / "c.mp4").read_bytes())
    for name in ("broken", "mute", "again"):
        (one / f"{name}.info.json").write_text(json.dumps({"lat": 1, "lon": 2}))
    (one / "nowhere.mp4").write_bytes(b"x")
    result = build(one, tmp_path / "out", SETTINGS)
    assert [problem.name for problem in result.problems] == ["broken.mp4", "mute.mp4", "nowhere.mp4"]
    assert "no sound" in result.problems[1].sentence and [row.lat_deg for row in result.rows] == [1.0]
    (rejection,) = result.rejected
    assert rejection.video == "c.mp4" and rejection.reasons == {"repeat": "It is the same file as again.mp4."}


def test_a_video_that_may_not_be_read_stops_no_other(one, tmp_path, monkeypatch):
    def denied(file):
        raise ClipError(f"{file.name} cannot be read (Permission denied).")

    monkeypatch.setattr(build_module, "sha256_of", denied)
    result = build(one, tmp_path / "out", SETTINGS)
    assert not result.rows and {"Permission denied" in problem.sentence for problem in result.problems} == {True}


def test_folders_of_others_are_left_alone(raw, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "metadata.jsonl").write_text("")
    with pytest.raises(FileExistsError, match="not built here"):
        build(raw, tmp_path / "theirs", SETTINGS)
    for out in (raw, raw / "out"):
        with pytest.raises(FileExistsError, match="among the raw videos"):
            build(raw, out, SETTINGS)
    out = tmp_path / "out"
    (out / ".build").mkdir(parents=True)
    with only_writer(out), pytest.raises(BlockingIOError, match="Another run"):
        build(raw, out, SETTINGS)


def test_a_video_that_brings_its_process_down_stops_no_other(monkeypatch):
    tasks = [Task(Path(name), name, Path("out"), SETTINGS) for name in ("good", "bad", "late")]
    pools = []

    def pool(some, jobs):
        pools.append([task.recording_id for task in some])
        for task in some:
            fell = task.recording_id == "bad" or (len(some) > 1 and task.recording_id == "late")
            yield task, None if fell else "done."

    monkeypatch.setattr(cut_pool, "_in_pool", pool)
    results = {task.recording_id: result for task, result in cut_all(tasks, 2)}
    assert pools == [["good", "bad", "late"], ["bad"], ["late"]]
    assert results["good"] == results["late"] == "done." and "brought down" in results["bad"]


def test_every_filter_that_complains_is_named():
    filters = {"music": lambda segment: "It hums.", "wind": lambda segment: None, "still": lambda segment: "It stands."}
    assert complaints(None, filters) == {"music": "It hums.", "still": "It stands."}
    with pytest.raises(ValueError, match="no filter named 'humour'"):
        CutSettings(filters=("humour",))


def test_a_repeat_needs_sound_and_picture(made):
    one, other = Prints.of(Clip.open(made / "a.mp4")), Prints.of(Clip.open(made / "c.mp4"))
    far = Prints.of(Clip.open(made / "b.mp4"))
    dubbed, painted = Prints(far.sound, one.picture), Prints(one.sound, far.picture)
    named = [("1", one), ("2", far), ("3", other), ("4", dubbed), ("5", painted), ("6", one)]
    found = find_repeats(named)
    assert found["6"] == "1" and "2" not in found and found.get("5") is None
    assert found["4"] == "2" if far.looks_like(dubbed) else "4" not in found
    again = Prints.from_json(json.loads(json.dumps(one.to_json())))
    assert np.array_equal(again.sound.codes, one.sound.codes) and np.array_equal(again.sound.heard, one.sound.heard)
    assert np.array_equal(again.picture.hashes, one.picture.hashes)


def test_lengths_for_people():
    assert minutes(59.94) == "59.9 s" and minutes(90) == "1.5 min"
