import json
import subprocess
import sys

import pytest

from lookhear.scripts.main import COMMANDS

HELPS = """
import contextlib, io, json, sys
from lookhear.scripts.main import main
found = {}
for command in sys.argv[1:]:
    sys.argv = ["lookhear", *command.split(), "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            main()
        except SystemExit as end:
            code = end.code
    found[command] = (code, "transformers" in sys.modules, out.getvalue())
print(json.dumps(found))
"""


def lookhear(*arguments):
    command = [sys.executable, "-m", "lookhear.scripts.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_lists_every_command_and_imports_nothing_heavy():
    program = "import sys; from lookhear.scripts.main import main; sys.argv = ['lookhear', '--help']\n"
    program += "HEAVY = ('torch', 'transformers', 'numpy')\n"
    program += "try: main()\nexcept SystemExit: print([m for m in HEAVY if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert all(command in done.stdout for command in COMMANDS)


@pytest.fixture(scope="module")
def helps():
    """Of every command: the exit code of its help, whether that imported transformers, and the text."""
    done = subprocess.run([sys.executable, "-c", HELPS, *COMMANDS], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_without_transformers(helps, command):
    code, heavy, text = helps[command]
    assert code == 0 and not heavy
    assert f"usage: lookhear {command}" in text


def test_an_unknown_command_is_refused():
    done = lookhear("lokate")
    assert done.returncode == 2 and "lokate" in done.stderr and "locate" in done.stderr


def test_the_version():
    assert lookhear("--version").stdout.startswith("lookhear ")
