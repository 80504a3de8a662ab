"""The rules of the house that no linter checks."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("data", "perception", "reasoning", "prediction", "scripts")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_every_package_is_listed_and_mapped():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT).as_posix() for path in MODULES}
    assert {name: f"lookhear.{name.replace('/', '.')}" for name in folders} == {
        folder: name for name, folder in tools["package-dir"].items()
    }
    assert sorted(tools["packages"]) == sorted(tools["package-dir"])


def test_type_checkers_see_every_package():
    for package in PACKAGES:
        assert (ROOT / ".typing" / "lookhear" / package).resolve() == ROOT / package
        assert (ROOT / package / "py.typed").exists()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_keep_to_the_house_style(path):
    text = path.read_text()
    assert path.stem not in ("utils", "common", "helpers")
    assert "from ." not in text, "no relative imports"
    assert len(text.splitlines()) <= 350, "one idea a file"
