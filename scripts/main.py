"""`lookhear COMMAND …`: finds the command and hands over; nothing heavy is imported before."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from importlib.metadata import version

COMMANDS = {
    "locate": "say where recordings were made, how sure that is, and why",
    "places": "list the places that look most like a picture, a video, or words",
    "fetch": "get the models (the only command that uses the network)",
    "doctor": "check this installation and say what is missing",
    "evaluate": "measure methods on a data set: how near, how sure, how well calibrated",
    "dataset queries": "draw places over the whole Earth and write phrases to search videos by",
    "dataset build": "cut raw videos into an AVG-style data set",
    "dataset perceive": "hear and see all clips of a data set, once, for what is measured and trained on it",
    "dataset check": "say what is wrong with a data set, and show its splits on a map",
    "dataset simulate": "make a simulated AVG, for training and comparing where no real set is at hand",
    "train flow": "train the flow on clips that perception has been through",
    "train sound": "train the dictionary of acoustic atoms on labelled sounds",
    "train reasoning": "teach a language model to explain, by traces made by rule and then by rewards",
    "train sight": "fit how much the look of a scene says of its place, on clips with known places",
    "rewards check": "hold rewards to gold traces and known hacks, without a model",
    "ablation": "measure what each part of the method adds: Table 4 of the AVG paper",
    "evaluate-oracle": "how far species ranges alone can locate, beside the published table",
}
"""Command to what it does; it lives in the module of that name, as a function with a config of that name."""


def main() -> None:
    """Entry point of the console script."""
    command, arguments = split_command(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without é must not stop a batch
    if command:
        sys.exit(run(command, arguments))
    if arguments == ["--version"]:
        print(f"lookhear {version('lookhear')}")
        sys.exit(0)
    wanted_help = not arguments or arguments[0] in ("-h", "--help")
    if not wanted_help:
        print(f"lookhear: there is no command {arguments[0]!r}.\n", file=sys.stderr)
    print(usage(), file=sys.stdout if wanted_help else sys.stderr)
    sys.exit(0 if wanted_help else 2)


def split_command(arguments: list[str]) -> tuple[str, list[str]]:
    """The command, of two words or of one, or "", and the rest."""
    for words in (2, 1):
        command = " ".join(arguments[:words])
        if command in COMMANDS and len(arguments) >= words:
            return command, arguments[words:]
    return "", arguments


def usage() -> str:
    """The list of commands."""
    lines = [f"  {name:<18}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: lookhear COMMAND [--help]",
            "",
            "Give it a video clip, or only its sound: it says where on Earth it was recorded, how sure it is, and why.",
            "",
            *lines,
        ]
    )


def run(command: str, arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    import tyro

    name = command.replace("-", "_").replace(" ", "_")
    module = import_module(f"lookhear.scripts.{name}")
    config_type = getattr(module, "".join(part.capitalize() for part in name.split("_")) + "Config")
    try:
        config = tyro.cli(config_type, args=arguments, prog=f"lookhear {command}")
        return int(getattr(module, name)(config))
    except BrokenPipeError:
        return 0
    except (ValueError, OSError) as error:
        plain = isinstance(error, OSError) and error.strerror and error.filename
        sentence = f"{error.filename}: {error.strerror}." if plain else error  # type: ignore[union-attr]
        print(f"lookhear {command}: {sentence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nlookhear {command}: stopped; what is done is kept, the same command goes on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    main()
