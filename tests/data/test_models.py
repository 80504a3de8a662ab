import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from lookhear.data import models
from lookhear.data.model_file import FromHub, FromWheel, ModelFile, Wheel
from lookhear.data.models import (
    MODELS,
    SETS,
    MissingModelError,
    Model,
    cache_dir,
    download_bytes,
    model_path,
    select,
    size_text,
    state,
    verify,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONTENT = b"weights"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A model of one file, alone in its set, with an empty cache."""
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path))
    wheel = Wheel("tiny-package", "1.0", "00" * 32, 61_000_000)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    file = ModelFile("tiny.bin", len(CONTENT), sha256, FromWheel(wheel, "tiny/tiny.bin"))
    model = Model("tiny", "Tiny", "does little", "CC BY-NC 4.0", "https://x", None, True, "nobody", (file,))
    monkeypatch.setitem(MODELS, "tiny", model)
    monkeypatch.setitem(SETS, "small", ("tiny",))
    return model


def put(model, content):
    path = model.path(model.files[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_pinned_and_says_its_licence(name):
    model = MODELS[name]
    assert model.name == name
    assert model.licence
    assert model.licence_url.startswith("https://")
    names = [file.name for file in model.files]
    assert len(set(names)) == len(names)
    assert model.licence_file is None or model.licence_file in names
    for file in model.files:
        assert file.size_bytes > 0
        assert "/" not in file.name
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
        if isinstance(file.source, FromWheel):
            assert re.fullmatch("[0-9a-f]{64}", file.source.wheel.sha256)


def test_non_commercial_licences_are_marked():
    assert {model.name: "NC" in model.licence for model in MODELS.values()} == {
        model.name: model.non_commercial for model in MODELS.values()
    }


def test_sets_hold_models_and_no_name_means_two_things():
    assert {member for members in SETS.values() for member in members} <= set(MODELS)
    assert not set(SETS) & set(MODELS)


def test_own_cache_folder_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOOKHEAR_CACHE", "~/mine")
    assert cache_dir() == Path.home() / "mine"
    monkeypatch.setenv("LOOKHEAR_CACHE", "relative")
    assert cache_dir().is_absolute()
    monkeypatch.setenv("LOOKHEAR_CACHE", "")
    assert cache_dir() == tmp_path / "xdg" / "lookhear"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", ".cache/lookhear"), ("darwin", "Library/Caches/lookhear"), ("win32", "local/lookhear")],
)
def test_the_systems_cache_folder(monkeypatch, tmp_path, platform, expected):
    monkeypatch.delenv("LOOKHEAR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr(models.sys, "platform", platform)
    assert cache_dir() == tmp_path / expected


def test_a_missing_model_names_the_command_its_size_and_licence(tiny):
    with pytest.raises(MissingModelError) as error:
        model_path("tiny", "tiny.bin")
    expected = "Tiny is not on this machine; run `lookhear fetch small` (61 MB, CC BY-NC 4.0) first."
    assert str(error.value) == expected
    assert isinstance(error.value, FileNotFoundError)


def test_a_model_outside_every_set_is_fetched_by_name(tiny, monkeypatch):
    monkeypatch.delitem(SETS, "small")
    with pytest.raises(MissingModelError, match="`lookhear fetch tiny`"):
        model_path("tiny", "tiny.bin")


def test_the_sentence_counts_only_what_the_set_still_needs(tiny, monkeypatch):
    wheel = Wheel("other", "1.0", "11" * 32, 39_000_000)
    file = ModelFile("other.bin", 3, hashlib.sha256(b"abc").hexdigest(), FromWheel(wheel, "o/other.bin"))
    other = dataclasses.replace(tiny, name="other", licence="MIT", non_commercial=False, files=(file,))
    monkeypatch.setitem(MODELS, "other", other)
    monkeypatch.setitem(SETS, "small", ("tiny", "other"))
    with pytest.raises(MissingModelError, match=r"\(100 MB, CC BY-NC 4.0, MIT\)"):
        model_path("tiny", "tiny.bin")
    put(other, b"abc")
    with pytest.raises(MissingModelError, match=r"\(61 MB, CC BY-NC 4.0\)"):
        model_path("tiny", "tiny.bin")


def test_a_file_of_the_right_size_is_used_and_one_of_another_is_not(tiny):
    path = put(tiny, CONTENT)
    assert model_path("tiny", "tiny.bin") == path
    put(tiny, CONTENT[:-1])
    with pytest.raises(MissingModelError, match="Tiny is damaged; run `lookhear fetch small`"):
        model_path("tiny", "tiny.bin")


def test_only_the_full_check_sees_a_changed_byte(tiny):
    put(tiny, b"Weights")
    assert state(tiny) == "present"
    assert state(tiny, full=True) == "damaged"
    assert verify(tiny) == {"tiny.bin": "damaged"}
    put(tiny, CONTENT)
    assert verify(tiny) == {"tiny.bin": "present"}


def test_a_model_half_there_is_missing(tiny):
    both = dataclasses.replace(tiny, files=(*tiny.files, dataclasses.replace(tiny.files[0], name="b.bin")))
    put(both, CONTENT)
    assert state(both) == "missing"
    assert verify(both) == {"tiny.bin": "present", "b.bin": "missing"}


def test_wrong_names_are_told_what_there_is():
    with pytest.raises(ValueError, match=r"no model called 'brdnet'; there are birdnet, .*offline"):
        model_path("brdnet", "x")
    with pytest.raises(ValueError, match="no model called 'offline'"):
        model_path("offline", "x")
    with pytest.raises(ValueError, match=r"BirdNET has no file called 'x'; it has .*Labels\.txt"):
        model_path("birdnet", "x")
    with pytest.raises(ValueError, match="'nothing'"):
        select(["birdnet", "nothing"])


def test_sets_and_models_are_joined_without_doubles():
    assert [model.name for model in select(["geoclip", "offline", "birdnet"])] == ["geoclip", "birdnet"]


def test_a_wheel_that_serves_several_files_is_counted_once():
    (birdnet,) = select(["birdnet"])
    assert len(birdnet.files) > 1
    assert download_bytes([birdnet, birdnet]) == 61_103_455


def test_what_is_not_pinned_is_refused():
    with pytest.raises(ValueError, match=r"Nothing pins the content of a\.bin"):
        ModelFile("a.bin", 1, None, FromHub("owner/name", "main", "a.bin"))
    with pytest.raises(ValueError, match="Nothing pins"):
        ModelFile("a.bin", 1, None, FromWheel(Wheel("p", "1", "0", 1), "a.bin"))
    assert ModelFile("a.bin", 1, None, FromHub("owner/name", COMMIT, "a.bin")).sha256 is None
    assert ModelFile("a.bin", 1, "ab", FromHub("owner/name", "v1.0", "a.bin")).sha256 == "ab"


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0.0 MB"), (300_000, "0.3 MB"), (61_103_455, "61 MB"), (1_710_000_000, "1.7 GB")],
)
def test_sizes_are_read_in_powers_of_a_thousand(size_bytes, text):
    assert size_text(size_bytes) == text
