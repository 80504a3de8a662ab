"""GeoCLIP's image encoder: a picture in, 512 numbers in the space of its places out.

CLIP's image tower, frozen, then GeoCLIP's own MLP 768 → 512 (Vivanco Cepeda, Nayak and Shah 2023, section 3.1), whose
weights lie in the geoclip wheel. CLIP's weights (ViT-L/14, OpenAI) are got with `lookhear fetch clip`, or lie where
`LOOKHEAR_CLIP` says: an open_clip checkpoint or a folder of transformers. Upstream's output has no fixed length and
is compared by direction only, so `embed` normalises.

Words travel the same way: CLIP's text tower, then the same MLP.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor, nn

from lookhear.data.models import MODELS, MissingModelError, missing_sentence, model_path, state
from lookhear.perception.clip_pixels import clip_pixels, middle_square
from lookhear.perception.clip_tower import ImageTower, TextTower
from lookhear.perception.clip_weights import read_tower
from lookhear.perception.clip_words import Words
from lookhear.perception.geoclip import SIZE

BATCH = 8
"""Pictures at once: more take more memory and, on a processor, no less time."""

WORDS_FILE = "merges.txt"
"""CLIP's list of word pieces, beside its weights."""


class ImageEncoder:
    """CLIP's tower and GeoCLIP's MLP.

    Example:
        >>> encoder = ImageEncoder.load()                                           # doctest: +SKIP
        >>> encoder.embed([middle_square(frame.pixels)]).shape
        torch.Size([1, 512])
    """

    def __init__(self, tower: ImageTower, mlp: nn.Sequential, source: Path | None = None) -> None:
        self.tower, self.mlp, self.source = tower, mlp, source
        self.device = next(mlp.parameters()).device

    @classmethod
    def load(cls, path: Path | None = None) -> ImageEncoder:
        """The published encoder; `path` is CLIP's checkpoint or folder, by default `clip_path()`.

        Raises:
            MissingModelError: CLIP or GeoCLIP is not on this machine.
            ValueError: the weights are another model's.
        """
        mlp = load_mlp()
        path = path or clip_path()
        tower = ImageTower.of(read_tower(path, "visual"))
        if tower.size != mlp[0].in_features:
            raise ValueError(f"CLIP at {path} gives {tower.size} numbers, but GeoCLIP takes those of ViT-L/14, 768.")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(tower.to(device), mlp.to(device), path)

    def square(self, pixels: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "size size 3"]:
        """What of a picture is looked at."""
        return middle_square(pixels, self.tower.size_px)

    def embed(self, squares: Sequence[UInt8[ndarray, "size size 3"]]) -> Float[Tensor, "n 512"]:
        """Unit embeddings of square pictures, each for itself."""
        if not squares:
            return torch.zeros(0, SIZE)
        with torch.inference_mode():
            batches = (squares[k : k + BATCH] for k in range(0, len(squares), BATCH))
            return torch.cat([self._unit(self.tower(clip_pixels(batch).to(self.device))) for batch in batches])

    def embed_texts(self, texts: Sequence[str]) -> Float[Tensor, "n 512"]:
        """Unit embeddings of words, such as "rainforest", in the space of pictures and places.

        Raises:
            FileNotFoundError: there is no list of word pieces beside the weights.
            ValueError: the weights hold no text tower.
        """
        tower, words = self._text
        with torch.inference_mode():
            return self._unit(tower(words.tokens(texts, tower.tokens)).to(self.device))

    def _unit(self, features: Float[Tensor, "n clip"]) -> Float[Tensor, "n 512"]:
        return nn.functional.normalize(self.mlp(features), dim=1).cpu()

    @cached_property
    def _text(self) -> tuple[TextTower, Words]:
        if self.source is None:
            raise ValueError("This encoder was made without a file, so its text tower is not known.")
        folder = self.source if self.source.is_dir() else self.source.parent
        return TextTower.of(read_tower(self.source, "text")), Words.read(folder / WORDS_FILE)


def load_mlp() -> nn.Sequential:
    """GeoCLIP's MLP, as published.

    Raises:
        MissingModelError: GeoCLIP was not fetched.
        ValueError: the file is another model.
    """
    path = model_path("geoclip", "image_encoder_mlp_weights.pth")
    with torch.device("meta"):
        mlp = nn.Sequential(nn.Linear(768, 768), nn.ReLU(), nn.Linear(768, SIZE))
    try:
        mlp.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), assign=True)
    except RuntimeError as error:
        raise ValueError(f"{path} does not hold GeoCLIP's image MLP; fetch it again.") from error
    return mlp.eval().requires_grad_(False)


def clip_path() -> Path:
    """Where CLIP's weights lie: what `LOOKHEAR_CLIP` names, else what was fetched.

    Raises:
        FileNotFoundError: what was named is not there.
        MissingModelError: nothing was named, and it was not fetched.
    """
    own = os.environ.get("LOOKHEAR_CLIP")
    if own:
        path = Path(own).expanduser()
        if not path.exists():
            raise FileNotFoundError(
                f"LOOKHEAR_CLIP names {path}, which does not exist; name CLIP's weights, or unset it."
            )
        return path
    found = state(MODELS["clip"])
    if found != "present":
        raise MissingModelError(missing_sentence(MODELS["clip"], found))
    return MODELS["clip"].path(MODELS["clip"].files[0]).parent


def has_clip() -> bool:
    """Whether pictures can be looked at: CLIP is named or fetched, and GeoCLIP is there."""
    named = bool(os.environ.get("LOOKHEAR_CLIP")) or state(MODELS["clip"]) == "present"
    return named and state(MODELS["geoclip"]) == "present"
