"""A head that was trained, read from its folder and asked about clips.

In: the folder that training left (`lookhear.prediction.training.artefact`), a clip's features and its evidence
posterior. Out: a density. What the head starts from, and whether it wants the posterior, stand in the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from numpy import ndarray

from lookhear.data.local_file import sha256_of
from lookhear.perception.evidence import Evidence, Kind
from lookhear.prediction.baselines import load_baseline
from lookhear.prediction.density import CellDensity, GeoDensity
from lookhear.prediction.flow import Base, load_flow
from lookhear.prediction.flow_density import CellBase
from lookhear.prediction.training.bases import base_name, load_base
from lookhear.prediction.training.flow_head import FlowHead
from lookhear.prediction.training.head import Head
from lookhear.prediction.training.posteriors import EVIDENCE, evidence_feature

FEATURE_OF: dict[Kind, str] = {"species": "sound", "sound": "sound", "sight": "sight", "text": EVIDENCE}
"""The feature in which each kind of evidence is, beside the posterior."""

HEAD = "head"
"""The folder within a training's folder."""


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """A head with what it starts from.

    Example:
        >>> head = TrainedHead.load(Path("runs/flow"))                              # doctest: +SKIP
        >>> head.density(record.features, posterior).on_cells().median
    """

    head: Head
    """With its weights."""
    base: Base | None
    """What it starts from; None: each clip's evidence posterior."""
    digest: str = ""
    """SHA-256 of its weights, by which records name it."""

    @classmethod
    def load(cls, folder: Path) -> TrainedHead:
        """The head in a folder, or in the folder of its training.

        Raises:
            FileNotFoundError: there is none.
            ValueError: a file is damaged, or files do not belong together.
        """
        digest, folder = head_digest(folder), head_folder(folder)
        base = None if base_name(folder) == "evidence" else load_base(folder)
        return cls(load_head(folder), base, digest)

    @property
    def wants_evidence(self) -> bool:
        """Whether it cannot answer without the evidence posterior."""
        return self.base is None or EVIDENCE in self.head.sizes

    def density(self, features: Mapping[str, Float[ndarray, " _"]], evidence: CellDensity | None = None) -> GeoDensity:
        """Where a clip may have been recorded; features the head does not know are passed over.

        Raises:
            ValueError: it wants the evidence posterior and gets none, or a feature has the wrong size or is NaN.
        """
        if self.wants_evidence and evidence is None:
            raise ValueError("This head starts from the evidence posterior of a clip, but none was given.")
        known = dict(features) | ({EVIDENCE: evidence_feature(evidence)} if evidence is not None else {})
        condition = {
            name: torch.as_tensor(known[name], dtype=torch.float32)[None] for name in self.head.sizes if name in known
        }
        base = CellBase((evidence,)) if self.base is None and evidence is not None else self.base
        return self.head.density(condition, base)

    def told(self, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
        """The evidence with where it points, as far as this head is told of it: reasons must be its own."""
        kinds = {kind for kind, feature in FEATURE_OF.items() if self.wants_evidence or feature in self.head.sizes}
        return tuple(replace(one, where=one.where if one.kind in kinds else None) for one in evidence)

    def knows(self, features: Iterable[str]) -> bool:
        """Whether it takes any of these features, so that its density is one of the clip."""
        return any(name in self.head.sizes for name in features)

    @property
    def note(self) -> str:
        """What a reader must know where its density is the answer."""
        taken = ", ".join(self.head.sizes) or "nothing"
        rest = "" if self.wants_evidence else "; nothing else of what was found enters it"
        return f"The density is that of a trained head, {self.head.name}, which is given {taken}{rest}."


def head_folder(folder: Path) -> Path:
    """Where the head is: the folder itself, or `head` within it."""
    return folder if (folder / "config.json").exists() else folder / HEAD


def head_digest(folder: Path) -> str:
    """SHA-256 of the weights in a folder.

    Raises:
        FileNotFoundError: there is no trained head.
    """
    path = head_folder(folder) / "model.safetensors"
    if not path.exists():
        raise FileNotFoundError(f"There is no trained head in {folder}: it has no {path.name}.")
    return sha256_of(path)


def load_head(folder: Path) -> Head:
    """The flow or the baseline in a folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a file is damaged.
    """
    try:
        record = json.loads((folder / "config.json").read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{folder / 'config.json'} is damaged or cut short ({error}); copy it again.") from error
    if "head" in record:
        return load_baseline(folder)
    net = load_flow(folder)
    head = FlowHead(net.config)
    head.net.load_state_dict(net.state_dict())
    return head.eval()
