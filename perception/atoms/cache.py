"""Maps of a frozen encoder on disk, addressed by content: no sound goes through the encoder twice.

In: an encoder, and pieces of work: a text that says all that the waves of a piece follow from, and a function that
makes them. Out: their maps as float16. On disk:

    CACHE/<encoder's fingerprint>/3f/3f9c…e1.safetensors     "maps" [n, features, positions]

A file's name is the SHA-256 of the encoder's fingerprint and the text, so other weights, settings or sounds never meet
a wrong entry. A piece is whole or not there; a killed run loses one piece at most; a damaged one is made again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, Float32
from numpy import ndarray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lookhear.data.atomic import write_atomic
from lookhear.perception.encoders.encoder import SoundEncoder, check_sound

BATCH = 8
"""Windows that go through the encoder together."""

HEADER = "lookhear"


class CacheError(ValueError):
    """A cache that holds something else than its names say."""


class MapCache:
    """The maps of one encoder.

    Example:
        >>> cache = MapCache(folder, PlaceholderEncoder())                          # doctest: +SKIP
        >>> cache.maps("tone 440 Hz", lambda: [tone]).shape                         # doctest: +SKIP
        torch.Size([1, 16, 4])
    """

    def __init__(self, folder: Path, encoder: SoundEncoder) -> None:
        self.encoder, self._fingerprint = encoder, encoder.fingerprint()
        self.folder = folder / self._fingerprint
        self.encoded = 0

    def maps(
        self, content: str, waves: Callable[[], Iterable[Float32[ndarray, " samples"]]]
    ) -> Float16[Tensor, "n features positions"]:
        """The maps of a piece of work, from disk or made now.

        Raises:
            CacheError: a file there was made by another encoder or of other sounds.
            SoundError: a wave is not finite.
        """
        key = hashlib.sha256(f"{self._fingerprint}\n{content}".encode()).hexdigest()
        path = self.folder / key[:2] / f"{key}.safetensors"
        found = self._read(path, key)
        if found is None:
            found = self._encode(waves())
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, save({"maps": found}, {HEADER: json.dumps(self._header(key))}))
        return found

    def _header(self, key: str) -> dict[str, str]:
        return {"encoder": self.encoder.name, "fingerprint": self._fingerprint, "key": key}

    def _read(self, path: Path, key: str) -> Float16[Tensor, "n features positions"] | None:
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})[HEADER])
                maps: Tensor = file.get_tensor("maps")
        except (SafetensorError, KeyError, ValueError) as error:
            print(f"{path} is damaged ({error}) and made again.", file=sys.stderr)
            return None
        if header != self._header(key) or tuple(maps.shape[1:]) != self.encoder.map_shape:
            raise CacheError(f"{path} was written by other settings ({header}); remove it, or give another cache.")
        return maps

    def _encode(self, waves: Iterable[Float32[ndarray, " samples"]]) -> Float16[Tensor, "n features positions"]:
        stack = list(waves)
        for wave in stack:
            check_sound(wave)
        self.encoded += len(stack)
        batches = [torch.from_numpy(np.stack(stack[k : k + BATCH])) for k in range(0, len(stack), BATCH)]
        return torch.cat([self.encoder.feature_map(batch).half() for batch in batches])
