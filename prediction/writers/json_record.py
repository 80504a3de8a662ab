"""The whole record as JSON: everything that a result holds, and the only format that is read back.

In: a result. Out: UTF-8 text, keys in the order of `Result.to_json` (most wanted first), lists of plain values on one
line however long, so that a person can scroll through it. The same result gives the same bytes. NaN and infinity
are refused: JSON has neither. Sound and pictures are not in it, only the clip's path and digest.
"""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from lookhear.prediction.result import Result

EXTENSION = "json"

WIDTH = 110
"""What fits into a line of so many characters is not broken."""


def write(result: Result) -> bytes:
    """The record, to be read back by `read`."""
    # a path may hold half a surrogate pair (a byte that is no UTF-8); its backslash form is valid JSON
    return (_pretty(result.to_json()) + "\n").encode("utf-8", "backslashreplace")


def read(path: str | PathLike[str]) -> Result:
    """The result that a record holds.

    Example:
        >>> read("out/dawn.json").best                                  # doctest: +SKIP
        GeoPoint(lat_deg=40.16, lon_deg=-79.27)

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no record of this schema.
    """
    try:
        record = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); give a file that `-f json` wrote.") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path} holds no record of Lookhear; give a file that `-f json` wrote.")
    return Result.from_json(record)


def _pretty(value: Any, indent: str = "") -> str:
    """JSON in which short containers, and lists of plain values of any length, take one line."""
    if not isinstance(value, dict | list | tuple) or _is_row(value):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    deeper = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {_pretty(item, deeper)}" for key, item in value.items()]
    else:
        items = [_pretty(item, deeper) for item in value]
    open_, close = "{}" if isinstance(value, dict) else "[]"
    line = f"{open_}{', '.join(items)}{close}"
    if len(indent) + len(line) <= WIDTH and "\n" not in line:
        return line
    return f"{open_}\n{deeper}" + f",\n{deeper}".join(items) + f"\n{indent}{close}"


def _is_row(value: Any) -> bool:
    return not isinstance(value, dict) and not any(isinstance(item, dict | list | tuple) for item in value)
