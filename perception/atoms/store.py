"""A trained dictionary on disk.

    FOLDER/config.json             shape and classes of the dictionary, and which encoder it hears with
    FOLDER/model.safetensors       its weights

`load` refuses a folder that lacks a file, was cut short, or does not fit its own settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from lookhear.data.atomic import write_atomic
from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
from lookhear.perception.encoders.encoder import SoundEncoder

SCHEMA = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"


class DictionaryError(ValueError):
    """A folder that holds no dictionary we can use; the message says why."""


@dataclass(frozen=True, eq=False)
class Dictionary:
    """A trained IC-SAE and what belongs to it."""

    sae: IcSae
    """The network, ready to listen."""
    encoder: str
    """Name of its encoder among `ENCODERS`."""
    fingerprint: str
    """That encoder's fingerprint when the dictionary was trained."""
    about: dict[str, Any]
    """What it was trained on and how well it does, for people."""

    def refuse_other(self, encoder: SoundEncoder) -> None:
        """Say that an encoder is not the one that the dictionary was trained with.

        Raises:
            DictionaryError: it is not.
        """
        if encoder.fingerprint() != self.fingerprint:
            raise DictionaryError(
                f"The dictionary was trained with {self.encoder} ({self.fingerprint}), but this is {encoder.name} "
                f"({encoder.fingerprint()}); use the same weights, or train it again."
            )

    def save(self, folder: Path) -> None:
        """Write both files; the weights first, for `config.json` means "finished"."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.detach().cpu().contiguous() for name, value in self.sae.state_dict().items()}
        write_atomic(folder / WEIGHTS, save(weights))
        record = {"schema": SCHEMA, "encoder": self.encoder, "fingerprint": self.fingerprint, "about": self.about}
        write_atomic(folder / CONFIG, json.dumps(record | {"sae": self.sae.config.to_json()}, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Dictionary:
        """What `save` wrote.

        Raises:
            DictionaryError: something is missing, cut short, or of another version.
        """
        config, weights = (folder / name for name in (CONFIG, WEIGHTS))
        for path in (config, weights):
            if not path.is_file():
                raise DictionaryError(f"There is no {path.name} in {folder}; give a folder that `train sound` wrote.")
        try:
            record = json.loads(config.read_text(encoding="utf-8"))
            if record["schema"] != SCHEMA:
                raise DictionaryError(f"{config} is of version {record['schema']}, not {SCHEMA}; train it again.")
            sae = IcSae(IcSaeConfig.from_json(record["sae"]))
            sae.load_state_dict(load(weights.read_bytes()))
        except (SafetensorError, RuntimeError, KeyError, TypeError, json.JSONDecodeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise DictionaryError(f"The dictionary in {folder} is damaged ({reason}); get it again.") from error
        bad = [name for name, value in sae.state_dict().items() if not torch.isfinite(value).all()]
        if bad:
            raise DictionaryError(
                f"{bad[0]} of the dictionary in {folder} has values that are no numbers; train it again."
            )
        return cls(sae.eval().requires_grad_(False), record["encoder"], record["fingerprint"], record["about"])
