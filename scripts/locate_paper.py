"""`lookhear locate --preset paper`: the folders of the paper's own chain in, the opened chain out.

Nothing is downloaded. What is missing is told in one sentence, before the first clip; `lookhear fetch paper` says what
the chain takes (docs/paper-preset.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lookhear.data.local_file import sha256_of
from lookhear.data.models import MissingModelError

if TYPE_CHECKING:
    from lookhear.prediction.paper import PaperWeights
    from lookhear.prediction.result import Result

TAKES = "`lookhear fetch paper` says what the paper's chain takes."


@dataclass(frozen=True)
class PaperConfig:
    """Where the weights of the paper's own chain are."""

    atoms: Path | None = None
    """Folder of an IC-SAE that was trained on CLAP."""
    flow: Path | None = None
    """Folder of the flow given what the language model thinks."""
    clap: str | None = None
    """CLAP: a folder, a checkpoint of laion_clap, or a name on the hub; laion/clap-htsat-unfused by default."""
    clip: Path | None = None
    """CLIP ViT-L/14; by default what `lookhear fetch clip` got."""
    llava: str | None = None
    """The language model: a folder or a name on the hub; llava-hf/llava-1.5-7b-hf by default."""
    adapters: tuple[Path, ...] = ()
    """Its trained adapters, in their order."""
    frames: int = 4
    """Frames of a clip that it sees."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Type of its weights; bf16 wants a GPU."""

    def settings(self) -> dict[str, Any]:
        """What tells answers of other weights apart: names, and the content of what one trains oneself."""
        named = [self.clap, self.clip, self.llava, self.frames, self.precision]
        trained = [sha256_of(file) for file in self._trained_files()]
        digest = hashlib.sha256("\n".join(map(str, [*named, *trained])).encode()).hexdigest()
        return {"preset": "paper", "weights": digest[:16]}

    def weights(self) -> PaperWeights:
        """As the chain takes them.

        Raises:
            MissingModelError: a folder that must be named is not, or is not there.
        """
        from lookhear.prediction.paper import PaperWeights
        from lookhear.reasoning.mllm.backend import BackendConfig

        if self.atoms is None or self.flow is None:
            raise MissingModelError(f"--preset paper needs the folders --paper.atoms and --paper.flow; {TAKES}")
        for folder in filter(None, (self.atoms, self.flow, self.clip)):
            if not folder.exists():
                raise MissingModelError(f"There is no {folder}; {TAKES}")
        weights = PaperWeights(self.atoms, self.flow, clip=self.clip)
        llava = BackendConfig(self.llava or weights.llava.name, self.adapters, self.frames, self.precision)
        return replace(weights, clap=self.clap or weights.clap, llava=llava)

    def _trained_files(self) -> Iterator[Path]:
        for folder in (self.atoms, self.flow, *self.adapters):
            if folder is not None and folder.is_dir():
                yield from sorted(file for file in folder.rglob("*") if file.is_file())


def load_paper(config: PaperConfig, settings: dict[str, Any]) -> Callable[[Path], Result]:
    """Open the chain; what comes back says where a clip was recorded.

    Raises:
        MissingModelError: something of it is not on this machine, or cannot be used.
    """
    import torch

    from lookhear.prediction.paper import PaperChain

    try:
        chain = PaperChain.load(config.weights(), "cuda" if torch.cuda.is_available() else "cpu")
    except (OSError, ValueError, ImportError) as error:
        told = str(error).removesuffix(TAKES).rstrip(" ;.")
        raise MissingModelError(f"{told}; {TAKES}") from error
    except torch.OutOfMemoryError as error:
        raise MissingModelError(
            "The paper's chain does not fit into this GPU's memory; see docs/paper-preset.md for what it takes, "
            "or hide the GPU (CUDA_VISIBLE_DEVICES=) to run it on the processor."
        ) from error
    return lambda file: replace(chain.locate(file), settings=settings)
