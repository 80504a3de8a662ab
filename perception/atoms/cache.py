"""Maps of a frozen encoder on disk, addressed by content: no sound goes through the encoder twice.

In: an encoder, and pieces of work: a text that says all that the waves of a piece follow from, and a function that
makes them. Out: their maps as float16. On disk:

    CACHE/<encoder's fingerprint>/3f/3f9c…e1.safetensors     "maps" [n, features, positions]

A file's name is the SHA-256 of the encoder's fingerprint and the text, so other weights, settings or sounds never meet
a wrong entry. A piece is whole or not there; a killed run loses one piece at most; a damaged one is made again. Several
processes on one folder share the work without a word to one another: each begins elsewhere, passes over what is there
already, and at the end helps its neighbours, so none waits, also not for one that was killed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, Float32
from numpy import ndarray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from tqdm import tqdm

from lookhear.data.atomic import write_atomic
from lookhear.perception.encoders.encoder import SoundEncoder, check_sound

BATCH = 8
"""Windows that go through the encoder together."""

HEADER = "lookhear"


class CacheError(ValueError):
    """A cache that holds something else than its names say."""


@dataclass(frozen=True)
class Piece:
    """A piece of work: what is encoded and stored together."""

    content: str
    """All that the waves follow from."""
    waves: Callable[[], Iterable[Float32[ndarray, " samples"]]]
    """Makes them."""


class MapCache:
    """The maps of one encoder, filled by one of so many processes.

    Example:
        >>> cache = MapCache(folder, PlaceholderEncoder())                          # doctest: +SKIP
        >>> cache.maps([Piece("tone 440 Hz", lambda: [tone])]).shape                # doctest: +SKIP
        torch.Size([1, 16, 4])
    """

    def __init__(self, folder: Path, encoder: SoundEncoder, process: int = 0, processes: int = 1) -> None:
        self.encoder, self._fingerprint = encoder, encoder.fingerprint()
        self.folder = folder / self._fingerprint
        self.process, self.processes = process, processes
        self.encoded = 0

    def maps(
        self, pieces: Sequence[Piece], what: str = "Encoding", quiet: bool = True
    ) -> Float16[Tensor, "n features positions"]:
        """The maps of all pieces, from disk or made now.

        Args:
            pieces: the work.
            what: what the progress bar says.
            quiet: no progress bar.

        Raises:
            CacheError: a file there was made by another encoder or of other sounds.
            SoundError: a wave is not finite.
        """
        for k in tqdm(turns(len(pieces), self.process, self.processes), what, unit="piece", disable=quiet):
            if not self._is_known(self._path(pieces[k])):
                self._make(pieces[k])
        return torch.cat([self._read(self._path(piece)) for piece in pieces])

    def _path(self, piece: Piece) -> Path:
        key = hashlib.sha256(f"{self._fingerprint}\n{piece.content}".encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.safetensors"

    def _make(self, piece: Piece) -> None:
        path, made = self._path(piece), self._encode(piece.waves())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save({"maps": made}, {HEADER: json.dumps(self._header(path.stem))}))

    def _header(self, key: str) -> dict[str, str]:
        return {"encoder": self.encoder.name, "fingerprint": self._fingerprint, "key": key}

    def _is_known(self, path: Path) -> bool:
        """Whether the maps of a piece are there and whole; only the file's head is read."""
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})[HEADER])
                shape = file.get_slice("maps").get_shape()
        except FileNotFoundError:
            return False
        except (SafetensorError, KeyError, ValueError) as error:
            print(f"{path} is damaged ({error}) and made again.", file=sys.stderr)
            return False
        if header != self._header(path.stem) or tuple(shape[1:]) != self.encoder.map_shape:
            raise CacheError(f"{path} was written by other settings ({header}); remove it, or give another cache.")
        return True

    def _read(self, path: Path) -> Float16[Tensor, "n features positions"]:
        with safe_open(path, framework="pt") as file:
            maps: Tensor = file.get_tensor("maps")
        return maps

    def _encode(self, waves: Iterable[Float32[ndarray, " samples"]]) -> Float16[Tensor, "n features positions"]:
        stack = list(waves)
        for wave in stack:
            check_sound(wave)
        self.encoded += len(stack)
        batches = [torch.from_numpy(np.stack(stack[k : k + BATCH])) for k in range(0, len(stack), BATCH)]
        return torch.cat([self.encoder.feature_map(batch).half() for batch in batches])


def turns(count: int, process: int, processes: int) -> list[int]:
    """In which order a process goes through the pieces: its own share, then backwards round through the others'.

    So two that help each other meet once, and do not walk side by side.

    Example:
        >>> turns(6, 0, 2), turns(6, 1, 2)
        ([0, 1, 2, 5, 4, 3], [3, 4, 5, 2, 1, 0])
    """
    first, end = count * process // processes, count * (process + 1) // processes
    return [*range(first, end), *reversed([k % count for k in range(end, count + first)])]
