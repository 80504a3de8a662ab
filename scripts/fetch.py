"""`lookhear fetch`: get models onto this machine, or list what there is.

In: names of models or sets. Out: their files in the cache, and an exit code. No other command downloads.
It asks before it fetches what must not be used commercially; with nobody to ask it refuses.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tyro.conf import FlagCreatePairsOff, Positional

from lookhear.data.download import DownloadError, download, unfinished
from lookhear.data.models import MODELS, SETS, Model, cache_dir, download_bytes, select, size_text, state
from lookhear.scripts.fetch_paper import PAPER, paper_rows


@dataclass(frozen=True)
class FetchConfig:
    """Get models onto this machine; without a name, list what there is.

    Example: lookhear fetch offline --accept-licences
    """

    names: Positional[tuple[str, ...]] = ()
    """Models or sets; "offline" is what `lookhear locate` needs, "clip" lets it look at pictures too; "paper" lists
    what the paper's own chain takes, and gets nothing."""
    accept_licences: FlagCreatePairsOff[bool] = False
    """Accept the licences, also those that forbid commercial use, without being asked."""
    quiet: FlagCreatePairsOff[bool] = False
    """Show no progress."""


def fetch(config: FetchConfig) -> int:
    """Run the command; returns its exit code (0: all wanted models are here, 1: not, 130: interrupted)."""
    try:
        if PAPER in config.names:
            return _list_paper(config)
        return _fetch(config) if config.names else _list()
    except (DownloadError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; nothing half-written remains. Run the same command to go on.", file=sys.stderr)
        return 130


def _list() -> int:
    header = ("name", "download", "licence", "from", "here")
    print("\n".join(aligned([header, *(_row(model) for model in MODELS.values())])))
    print()
    print("\n".join(aligned([(model.name, f"{model.what}; by {model.origin}") for model in MODELS.values()])))
    print()
    for name, members in SETS.items():
        size = size_text(download_bytes(select([name])))
        print(f"`lookhear fetch {name}` gets {', '.join(members)} ({size}).")
    print("`lookhear fetch paper` says what the paper's own chain takes.")
    print(f"Models lie in {cache_dir() / 'models'}.")
    return 0


def _list_paper(config: FetchConfig) -> int:
    """Say what the paper's own chain takes; get the rest of what was named, if anything."""
    print("\n".join(aligned(paper_rows())))
    print("Nothing of it is downloaded by this command; docs/paper-preset.md has the whole chain.")
    rest = tuple(name for name in config.names if name != PAPER)
    return _fetch(replace(config, names=rest)) if rest else 0


def _row(model: Model) -> tuple[str, ...]:
    licence = model.licence + (" (non-commercial)" if model.non_commercial else "")
    return (model.name, size_text(download_bytes([model])), licence, ", ".join(_sources(model)), state(model))


def _sources(model: Model) -> list[str]:
    """The wheels and repositories that a model's files come from."""
    sources = (file.source for file in model.files)
    return list(dict.fromkeys(str(getattr(source, "wheel", source)) for source in sources))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text as lines whose columns start below each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _fetch(config: FetchConfig) -> int:
    wanted = select(config.names)
    todo = list({model.name: model for model, _ in unfinished(wanted)}.values())
    for model in todo:
        print(f"{_licence_line(model)}\n  {_download_line(model)}")
    if not _accepted(todo, config.accept_licences):
        return 1
    download(todo, quiet=config.quiet)
    for model in wanted:
        already = "" if model in todo else " already"
        where = cache_dir() / "models" / model.name
        print(f"{model.title} is here{already}: {size_text(model.size_bytes)} in {where}")
    return 0


def _licence_line(model: Model) -> str:
    limits = ", not for commercial use" if model.non_commercial else ""
    return f"{model.title}: by {model.origin}; licence {model.licence}{limits}: {model.licence_url}"


def _download_line(model: Model) -> str:
    """What will come over the network, and from where."""
    return f"{size_text(download_bytes([model]))} from {' and '.join(_sources(model))}: {model.what}"


def _accepted(models: Iterable[Model], accept_licences: bool) -> bool:
    """Whether every licence that forbids commercial use is accepted: by the option, or by a person now."""
    asking = [model for model in models if model.non_commercial]
    if accept_licences or not asking:
        return True
    which = " and ".join(f"{model.title} ({model.licence})" for model in asking)
    if sys.stdin is not None and sys.stdin.isatty():
        if _answer(f"Do you accept the licence of {which}: no commercial use? [y/N] "):
            return True
        print("Nothing was downloaded.", file=sys.stderr)
        return False
    step = "add --accept-licences if you accept that; nothing was downloaded."
    print(f"{which} must not be used commercially: {step}", file=sys.stderr)
    return False


def _answer(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False
