"""`lookhear locate --preset paper`, on random weights in the files that the real ones come in."""

import json

import pytest
from tiny_paper import CLASSES, cut_replies, write_atoms, write_weights

from lookhear.scripts.fetch_paper import PARTS
from lookhear.scripts.locate import LocateConfig
from lookhear.scripts.main import run

warnings = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def options(folder, **other):
    named = {name: folder / name for name in ("clap", "atoms", "clip", "llava", "flow")} | other
    paths = [text for name, path in named.items() for text in (f"--paper.{name}", str(path))]
    return ["--preset", "paper", *paths, "--paper.frames", "2", "--paper.precision", "fp32"]


def last_line(text):
    return text.rstrip().splitlines()[-1]


@pytest.fixture
def world(tmp_path, media, monkeypatch):
    write_weights(tmp_path, monkeypatch)
    cut_replies(monkeypatch)
    return media.write_video(tmp_path / "clip.mp4", [0.0, 0.5], [40, 200], sound=media.tone(1.0))


@pytest.mark.slow
@warnings
def test_the_command_goes_through_the_whole_chain(world, tmp_path, capsys):
    out = tmp_path / "out"
    command = [str(world), "-o", str(out), "-f", "html", "geojson", *options(tmp_path)]
    assert run("locate", command) == 0
    record = json.loads((out / "clip.json").read_bytes())
    assert record["settings"]["preset"] == "paper" and set(record["run"]["models"]) >= {"clap", "llava"}
    assert {one["kind"] for one in record["evidence"]} == {"sound", "sight"}
    assert {one["name"] for one in record["evidence"] if one["kind"] == "sound"} <= set(CLASSES)
    assert {"clip.html", "clip.geojson"} <= {path.name for path in out.iterdir()}
    assert "1 located." in capsys.readouterr().out
    assert run("locate", command) == 0 and "(1 before)" in capsys.readouterr().out
    write_atoms(tmp_path / "atoms", features=16)  # other weights in the same folder: asked again, and refused
    assert run("locate", command) == 2
    assert "they do not belong together; `lookhear fetch paper` says" in last_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (["--preset", "paper"], "needs the folders --paper.atoms and --paper.flow"),
        (["--preset", "paper", "--paper.atoms", "nowhere", "--paper.flow", "nowhere"], "There is no nowhere"),
    ],
)
def test_what_is_missing_is_one_sentence(media, tmp_path, capsys, missing, message):
    clip = media.write_video(tmp_path / "clip.mp4", [0.0, 0.5], [40, 200])
    assert run("locate", [str(clip), "-o", str(tmp_path / "out"), *missing]) == 2
    error = capsys.readouterr().err
    assert message in error and error.endswith("`lookhear fetch paper` says what the paper's chain takes.\n")
    assert error.count("\n") == 1 and not (tmp_path / "out" / "failed.csv").exists()


@pytest.mark.slow
@warnings
@pytest.mark.parametrize("part", ["clap", "llava", "atoms", "flow", "clip"])
def test_an_empty_folder_of_any_part_is_one_sentence(world, tmp_path, capsys, part):
    (tmp_path / "empty").mkdir()
    command = [str(world), "-o", str(tmp_path / "out"), *options(tmp_path, **{part: tmp_path / "empty"})]
    assert run("locate", command) == 2
    error = last_line(capsys.readouterr().err)
    assert error.startswith("lookhear locate: ") and error.endswith(
        "`lookhear fetch paper` says what the paper's chain takes."
    )


def test_what_the_flow_cannot_use_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--preset paper answers by its own flow"):
        LocateConfig(("a.wav",), preset="paper", week=20)


def test_fetch_lists_every_part_and_gets_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub" / "models--laion--clap-htsat-unfused").mkdir(parents=True)
    assert run("fetch", ["paper"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PARTS) + 2 and "Nothing of it is downloaded" in lines[-1]
    assert "present" in lines[1] and all("missing" in line for line in lines if "LLaVA" in line or "CLIP " in line)
    assert not (tmp_path / "cache" / "models").exists()


def test_names_are_those_of_the_chain():
    pytest.importorskip("transformers")
    from lookhear.reasoning.mllm.llava import LLAVA

    assert {part.hub for part in PARTS if part.hub} == {LLAVA, "laion/clap-htsat-unfused"}
