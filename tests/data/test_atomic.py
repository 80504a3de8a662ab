import os
import subprocess
import sys

import pytest

from lookhear.data.atomic import LOCK, only_writer, write_atomic


class Interrupted(Exception):
    pass


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.json"
    write_atomic(path, "old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomic(path, "old")

    def interrupted(_):
        raise Interrupted

    monkeypatch.setattr("lookhear.data.atomic.os.fsync", interrupted)
    with pytest.raises(Interrupted):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x" * 255, "🐦" * 63 + "a", "a" + "🐦" * 63, "é" * 127])
def test_the_longest_names_a_system_allows_can_be_written(tmp_path, name):
    write_atomic(tmp_path / name, "whole")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "whole")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want names in Unicode")
def test_a_name_that_is_no_text_can_be_written(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.json")
    write_atomic(path, "whole")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_has_one_writer(tmp_path):
    holder = "import sys, pathlib; from lookhear.data.atomic import LOCK, only_writer\n"
    holder += "with only_writer(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], **pipes) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError, match="Another run"), only_writer(tmp_path):
            pass
        other.kill()
    with only_writer(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    killed = "import os, sys, pathlib; from lookhear.data import atomic\n"
    killed += "atomic.os.fsync = lambda _: os._exit(9)\natomic.write_atomic(pathlib.Path(sys.argv[1]), 'half')"
    assert subprocess.run([sys.executable, "-c", killed, str(tmp_path / "a.json")], check=False).returncode == 9
    (rest,) = tmp_path.iterdir()
    assert rest.name.startswith(".a.json.part")
    (tmp_path / ".film.part1.rar").write_text("somebody's own")
    with only_writer(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".film.part1.rar", LOCK]
