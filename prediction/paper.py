"""The paper's own chain on one screen: CLAP → IC-SAE → GeoCLIP → LLaVA-1.5 → flow.

In: folders of weights (docs/paper-preset.md says where each comes from), and a clip. Out: the `Result` that every
writer takes. What differs from `Locator`: sounds are atoms of an IC-SAE over CLAP, which point nowhere by themselves;
the trace is a language model's; the density is that of the flow given ψ. The evidence's own posterior only fills the
brief.

It does not know whether its parts were trained together: a flow must be that of this model after this training.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookhear.data.clip import Clip, SoundQuality
from lookhear.data.provenance import claims_of
from lookhear.perception.atoms.atoms import Atom, atoms_of
from lookhear.perception.atoms.store import Dictionary
from lookhear.perception.encoders.encoder import SoundEncoder, windows_of
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.seeing import Seeing, Seen
from lookhear.prediction.briefing import make_brief
from lookhear.prediction.locator import look_out, numbered
from lookhear.prediction.posterior import posterior
from lookhear.prediction.psi_flow import PsiFlow
from lookhear.prediction.result import Result
from lookhear.reasoning.mllm.backend import Backend, BackendConfig, frames_of, open_backend
from lookhear.reasoning.mllm.llava import LLAVA
from lookhear.reasoning.mllm.reasoner import Explained

NOTES = {
    "written": "The trace was written by {0}.",
    "repaired": "The trace was written by {0}, which had to be asked for its answer once more.",
    "replaced": "What {0} wrote could not be read; the trace was made by rule.",
}
"""What a reader is told of the trace."""


@dataclass(frozen=True)
class PaperWeights:
    """Where the weights are."""

    atoms: Path
    """Folder of an IC-SAE that was trained on CLAP (`lookhear train sound`)."""
    flow: Path
    """Folder of a flow given ψ (`lookhear train reasoning --stage flow`)."""
    clap: str = "laion/clap-htsat-unfused"
    """CLAP: a folder, a checkpoint of laion_clap, or its name on the hub."""
    clip: Path | None = None
    """CLIP ViT-L/14; by default what `lookhear fetch clip` got."""
    llava: BackendConfig = field(default_factory=lambda: BackendConfig(name=LLAVA, precision="bf16"))
    """The language model with its adapters."""


@dataclass
class PaperChain:
    """Says where clips were recorded, as the paper does.

    Example:
        >>> chain = PaperChain.load(PaperWeights(atoms=Path("ic-sae"), flow=Path("flow")))          # doctest: +SKIP
        >>> chain.locate("clip.mp4").outlook.headline
    """

    encoder: SoundEncoder
    """CLAP."""
    dictionary: Dictionary
    """The IC-SAE."""
    seeing: Seeing
    """GeoCLIP."""
    backend: Backend
    """LLaVA."""
    flow: PsiFlow
    """The flow."""

    @classmethod
    def load(cls, weights: PaperWeights, device: str = "cpu") -> PaperChain:
        """Open everything.

        Raises:
            ValueError: weights are damaged, or the IC-SAE was trained on another encoder.
            OSError: weights are not on this machine.
        """
        from lookhear.perception.encoders.clap import ClapEncoder
        from lookhear.perception.gallery import Gallery
        from lookhear.perception.geoclip_image import ImageEncoder
        from lookhear.perception.sight import Sight

        sight = Sight(ImageEncoder.load(weights.clip), Gallery.of_geoclip())
        encoder, dictionary = ClapEncoder.load(weights.clap), Dictionary.load(weights.atoms)
        backend = open_backend(weights.llava, device)
        return cls(encoder, dictionary, Seeing(lambda: sight), backend, PsiFlow.load(weights.flow))

    def __post_init__(self) -> None:
        wanted, there = self.dictionary.sae.config.features, (self.encoder.map_shape[0], self.encoder.size)
        if wanted not in there:
            raise ValueError(
                f"The IC-SAE hears {wanted} features, but {self.encoder.name} gives {there[0]} (map) or {there[1]}; "
                "they do not belong together."
            )

    def locate(self, path: str | PathLike[str]) -> Result:
        """Where a clip was recorded.

        Raises:
            ClipError: the file cannot be used.
        """
        started = time.perf_counter()
        clip = Clip.open(path)
        atoms, quality = self.hear(clip) if clip.has_sound else ([], None)
        seen = self.seeing.look(clip)
        evidence = numbered((*atom_evidence(atoms, self.encoder.name), *seen.evidence))
        explained = self.explain(clip, evidence)
        density = self.flow.density(explained.psi).on_cells()
        return Result(
            clip=clip,
            file_claims=claims_of(clip),
            sound=quality,
            evidence=evidence,
            density=density,
            outlook=look_out(density, points=True),
            trace=explained.trace,
            notes=(*seen.notes, NOTES[explained.state].format(self.backend.config.name)),
            settings={"preset": "paper"},
            run=self._run(time.perf_counter() - started),
            **_shown(seen),
        )

    def hear(self, clip: Clip) -> tuple[list[Atom], SoundQuality]:
        """The atoms of a clip's sound, and what it is like."""
        reader = clip.sound(self.encoder.sample_rate_hz)
        sound = np.concatenate(list(reader))
        windows = torch.from_numpy(windows_of(sound, self.encoder)[0])
        pooled = self.dictionary.sae.config.features == self.encoder.size
        heard = [
            self.encoder.embed(one[None])[:, :, None] if pooled else self.encoder.feature_map(one[None])
            for one in windows
        ]
        length_s = len(sound) / self.encoder.sample_rate_hz
        maps, sae = torch.cat(heard), self.dictionary.sae
        return atoms_of(sae, maps, self.encoder.hop_s, self.encoder.window_s, length_s), reader.quality

    def explain(self, clip: Clip, evidence: Sequence[Evidence]) -> Explained:
        """The language model's trace, and ψ."""
        brief = make_brief(clip.path.stem, evidence, posterior(evidence))
        return self.backend.reasoner().explain(brief, frames_of(clip.path, self.backend.config.frames))

    def _run(self, seconds: float) -> dict[str, Any]:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return {
            "lookhear": version("lookhear"),
            "models": {"clap": self.encoder.name, "llava": self.backend.config.name},
            "time": {"finished": now, "seconds": round(seconds, 3)},
        }


def atom_evidence(atoms: Sequence[Atom], encoder: str) -> list[Evidence]:
    """Atoms of one label as one finding, strongest first."""
    labels = dict.fromkeys(atom.label for atom in sorted(atoms, key=lambda atom: -atom.activation))
    found = []
    for label in labels:
        mine = sorted((atom for atom in atoms if atom.label == label), key=lambda atom: atom.start_s)
        moments = tuple(Moment(atom.start_s, atom.end_s, round(atom.chance, 4)) for atom in mine)
        confidence = max(moment.score for moment in moments)
        found.append(Evidence("", "sound", label, label, moments, confidence, f"IC-SAE on {encoder}"))
    return found


def _shown(seen: Seen) -> dict[str, Any]:
    return {"frames": seen.frames, "features": seen.features, "signs": seen.signs}
