"""The files a person gets: a page, the record, maps, a table, and labels for sound editors.

A writer is a module with an `EXTENSION` and a `write` that turns a result into bytes. To add one, write such a
module and name it in `WRITERS`. A file is written whole or not at all; nothing here looks at the clip's own file
but the page, which carries its sound and pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from lookhear.data.atomic import write_atomic
from lookhear.prediction.result import Result
from lookhear.prediction.writers import audacity, csv_table, geojson, html, json_record, kml, raven


@runtime_checkable
class Writer(Protocol):
    """What a module of this package offers."""

    EXTENSION: str
    """End of the file's name, without the dot before it."""

    def write(self, result: Result) -> bytes:
        """The whole file."""


WRITERS: dict[str, Writer] = {
    "html": html,
    "json": json_record,
    "geojson": geojson,
    "kml": kml,
    "csv": csv_table,
    "raven": raven,
    "audacity": audacity,
}
"""Every format by the name that `-f` takes."""


def save(result: Result, folder: Path, formats: Sequence[str], name: str) -> list[Path]:
    """Write a result in some formats.

    Args:
        result: what to write.
        folder: where to; it is made if need be.
        formats: keys of `WRITERS`; one named twice is written once.
        name: file name before the dot and the writer's extension.

    Returns:
        The paths written, in the order of `formats`.

    Raises:
        ValueError: a format is unknown; nothing has been written then.
        OSError: the folder cannot be made or written to.
    """
    for unknown in [wanted for wanted in formats if wanted not in WRITERS]:
        raise ValueError(f"There is no format {unknown!r}; choose from {', '.join(WRITERS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for writer in (WRITERS[wanted] for wanted in dict.fromkeys(formats)):
        path = folder / f"{name}.{writer.EXTENSION}"
        write_atomic(path, writer.write(result))
        paths.append(path)
    return paths
