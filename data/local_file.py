"""Opening a local file, with kind errors.

In: a path. Out: its first bytes, its digest or an open stream; else a `ClipError` that says what to do.
Files are only read; a folder, a named pipe and an empty file are refused, and an address is the name of no file.
Not known: what is in the file, but for whether bytes are text.
"""

from __future__ import annotations

import hashlib
from io import BufferedReader
from pathlib import Path

MEDIA = frozenset(
    ".3gp .aac .ac3 .aif .aiff .amr .avi .avif .bmp .caf .flac .flv .gif .heic .heif .jp2 .jpeg .jpg .m2ts .m4a "
    ".m4v .mka .mkv .mov .mp2 .mp3 .mp4 .mpeg .mpg .mts .mxf .oga .ogg .ogv .opus .png .tif .tiff .ts .vob .wav "
    ".webm .webp .wma .wmv".split()
)
"""Endings by which clips are found in a folder; a file that is named is tried whatever its ending."""


class ClipError(ValueError):
    """A file cannot be used; the message is one sentence for people."""


def checked_head(file: Path) -> bytes:
    """The first 4 KB of a file that exists and can be read.

    Raises:
        ClipError: it is missing, no ordinary file, unreadable, or empty.
    """
    try:
        if file.is_dir():
            raise ClipError(f"{file.name} is a folder; name a file in it.")
        if not file.is_file():
            raise ClipError(f"{file} does not exist or is no ordinary file; check the name.")
    except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
        if isinstance(error, ClipError):
            raise
        raise ClipError(f"{file.name!r} is no name of a file ({error}); check it.") from error
    with opened(file) as stream:
        head = stream.read(4096)
    if not head:
        raise ClipError(f"{file.name} is empty (0 bytes); copy or download it again.")
    return head


def opened(file: Path) -> BufferedReader:
    """The file, open for reading bytes; close it with `with`.

    Raises:
        ClipError: the system does not let us.
    """
    try:
        return file.open("rb")
    except OSError as error:
        why = error.strerror or str(error)
        raise ClipError(f"{file.name} cannot be read ({why}); check the name and your rights to it.") from error


def sha256_of(file: Path) -> str:
    """SHA-256 of the whole file, hexadecimal; it is read in pieces."""
    with opened(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_text(head: bytes) -> bool:
    """Whether bytes are printable text; this also turns playlists and subtitles away."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if len(head) - error.start < 4 else "\0"  # a letter cut in two
    return all(letter.isprintable() or letter in "\t\r\n\f\x1b\ufeff" for letter in text)
