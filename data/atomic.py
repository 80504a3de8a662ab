"""Files that are either whole or not there.

A file is written beside its place under a hidden name and then renamed, so a killed run leaves no half of it; the
hidden rest is removed by the next run that holds the folder (`only_writer`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lookhear.lock"
"""Stays in the folder: removing it would let a third process in between two others."""


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a whole file or nothing.

    Raises:
        OSError: the folder is missing or cannot be written to.
    """
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{_cut(path.name)}.part{os.getpid()}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _cut(name: str) -> str:
    """At most 200 bytes of a name, whole letters only: with what is put around it, systems allow 255."""
    return os.fsencode(name)[:200].decode("utf-8", errors="ignore")


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the system lets go of it however the process ends.

    What a killed process had begun to write in it (`write_atomic`) is removed first.

    Raises:
        BlockingIOError: another process holds it.
    """
    with (folder / LOCK).open("a") as file:
        _lock(file.fileno(), folder)
        remove_halves(folder)
        yield


def remove_halves(folder: Path) -> None:
    """Remove what killed processes had begun to write in a folder; nobody else may be writing there."""
    for rest in folder.glob(".*.part*"):
        if rest.suffix.removeprefix(".part").isdecimal():
            rest.unlink()


def _lock(file: int, folder: Path) -> None:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BlockingIOError(
            f"Another run is writing to {folder}; wait until it ends, or give another folder with -o."
        ) from error
