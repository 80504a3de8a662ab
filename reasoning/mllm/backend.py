"""A language model to explain with, by name: the offline one, or any LLaVA-style one.

smollm2                        SmolLM2-135M with features in its image slots (`small_llava.py`)
llava-hf/llava-1.5-7b-hf       any model on this machine, by its name on the hub…
models/llava                   …or by its folder (`llava.py`); it sees frames
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lookhear.data.atomic import write_atomic
from lookhear.data.clip import Clip
from lookhear.perception.record import ClipRecord
from lookhear.reasoning.mllm.prompt import SHORT, Wording

if TYPE_CHECKING:
    from lookhear.reasoning.mllm.reasoner import Reasoner

SMALL = "smollm2"
"""The offline model's name."""

FEATURES = "features.json"
"""Which features an adapter of the offline model was trained with, in its folder."""

FRAME_SIDE_PX = 672
"""Frames are no larger than this; LLaVA-1.5 looks at 336 pixels."""


@dataclass(frozen=True)
class BackendConfig:
    """Which model explains."""

    name: str = SMALL
    """smollm2, or a LLaVA-style model by its folder or its name on the hub."""
    adapters: tuple[Path, ...] = ()
    """Trained adapters that are merged into it, in this order."""
    frames: int = 4
    """Frames of a clip that a model with eyes of its own sees."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Type of its weights; bf16 wants a GPU."""
    features: tuple[Literal["sight", "sound", "atoms"], ...] = ("sight", "sound")
    """What of a clip the offline model gets as soft tokens, where the clip has it; adapters want those they learnt."""

    def __post_init__(self) -> None:
        if self.frames < 0:
            raise ValueError(f"A clip has 0 frames or more, but {self.frames} were asked for.")
        for folder in self.adapters:
            if not (folder / "adapter_config.json").exists():
                raise FileNotFoundError(f"There is no adapter in {folder}; name the folder with adapter_config.json.")

    def with_adapters(self, more: Sequence[Path]) -> BackendConfig:
        """The same model with more adapters."""
        return replace(self, adapters=(*self.adapters, *more))

    @property
    def is_small(self) -> bool:
        """Whether it is the offline model."""
        return self.name == SMALL


def note_features(adapter: Path, config: BackendConfig) -> None:
    """Leave beside an adapter which features it was trained with, if it is one of the offline model."""
    if config.is_small:
        write_atomic(adapter / FEATURES, json.dumps(sorted(config.features)) + "\n")


def _refuse_other_features(config: BackendConfig) -> None:
    for folder in config.adapters:
        noted = folder / FEATURES
        known = json.loads(noted.read_text()) if noted.exists() else sorted(config.features)
        if known != sorted(config.features):
            raise ValueError(
                f"The adapter in {folder} knows {' and '.join(known)}; give --backend.features {' '.join(known)}."
            )


@dataclass(frozen=True, eq=False)
class Backend:
    """A model that was opened."""

    model: Any
    """A LLaVA-style model."""
    processor: Any
    """Its processor."""
    wording: Wording
    """How it is told of a clip."""
    config: BackendConfig
    """What it was opened with."""

    def images(self, record: ClipRecord, folder: Path, file_name: str | None) -> list[Any]:
        """What the model sees of a clip of a set: its features, or frames of its file."""
        if self.config.is_small:
            from lookhear.reasoning.mllm.soft_tokens import KINDS, pixels_of

            given = [kind for kind in KINDS if kind in self.config.features and kind in record.features]
            return [pixels_of(kind, record.features[kind]) for kind in given]
        return frames_of(folder / file_name, self.config.frames) if file_name else []

    def reasoner(self, temperature: float = 0.0) -> Reasoner:
        """The model as one that explains, greedily or by sampling."""
        from lookhear.reasoning.mllm.reasoner import Reasoner

        trained = f", {len(self.config.adapters)} adapters" if self.config.adapters else ""
        name = f"{self.config.name}{trained}"
        return Reasoner(self.model.eval(), self.processor, self.wording, name, self.wording.longest, temperature)


def open_backend(config: BackendConfig, device: str = "cpu") -> Backend:
    """Open a model.

    Raises:
        MissingModelError: the offline model was not fetched.
        OSError: the model is not on this machine.
        ValueError: an adapter was trained with other features.
    """
    if config.is_small:
        _refuse_other_features(config)
        from lookhear.reasoning.mllm.small_llava import adapted, small_llava

        model, processor = small_llava()
        return Backend(adapted(model, config.adapters).to(device), processor, SHORT, config)
    from lookhear.reasoning.mllm.llava import load_llava

    model, processor = load_llava(config.name, config.adapters, config.precision, device)
    return Backend(model, processor, Wording(), config)


def frames_of(file: Path, count: int) -> list[Any]:
    """Frames of a clip, evenly in time; none of a clip without pictures."""
    from PIL import Image

    clip = Clip.open(file)
    frames = clip.frames(count, FRAME_SIDE_PX) if clip.has_picture and count else []
    return [Image.fromarray(frame.pixels) for frame in frames]
