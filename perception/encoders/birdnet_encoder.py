"""BirdNET V2.4 as an encoder: three seconds to 1024 numbers, and a map from the middle of it.

The map is what leaves the third stage, 108 channels × 6 bands × 16 times: sounds that overlap in time often part in
frequency, and the fourth stage halves bands and times once more. On it, mixtures are taken apart better than on the
fourth stage's (docs/train-sound.md). The embedding is the mean over the 6 times of the last convolution. BirdNET
stretches each window to full scale, so it does not hear gain: f(g·c) = f(c).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.perception.birdnet import EARLY_SHAPE, EMBEDDING_SIZE, SAMPLE_RATE_HZ, WINDOW_S, BirdNet
from lookhear.perception.encoders.encoder import digest_of

CHANNELS, BANDS, TIMES = EARLY_SHAPE
FEATURES = CHANNELS * BANDS


class OverheardMaps:
    """Listens in while BirdNET runs: the maps of all windows, at no cost; of silence, 0 throughout.

    Example:
        >>> with OverheardMaps(birdnet) as maps:                                    # doctest: +SKIP
        ...     heard = listen(clip, birdnet)
        >>> maps.stacked().shape                                                    # doctest: +SKIP
    """

    def __init__(self, birdnet: BirdNet) -> None:
        self._birdnet = birdnet
        self._seen: list[Float[Tensor, "batch 648 16"]] = []

    def __enter__(self) -> OverheardMaps:
        sound = self._birdnet.low.register_forward_pre_hook(self._hear)
        self._hooks = [sound, self._birdnet.early.register_forward_hook(self._see)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def _hear(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """BirdNET stretches silence to a constant: then this is so, and the map says nothing."""
        stretched: Tensor = inputs[0]
        self._silent = stretched.amax(1) == stretched.amin(1)

    def _see(self, module: nn.Module, inputs: tuple[Any, ...], early: Float[Tensor, "batch 108 6 16"]) -> None:
        self._seen.append(early.detach().flatten(1, 2).masked_fill(self._silent[:, None, None], 0.0))

    def stacked(self) -> Float[Tensor, "windows 648 16"]:
        """All maps so far, in order."""
        return torch.cat(self._seen) if self._seen else torch.zeros(0, FEATURES, TIMES)


@dataclass
class BirdNetEncoder:
    """The published network, frozen.

    Example:
        >>> encoder = BirdNetEncoder(BirdNet.load())                                # doctest: +SKIP
        >>> encoder.feature_map(torch.zeros(1, 144_000)).shape                      # doctest: +SKIP
        torch.Size([1, 648, 16])
    """

    birdnet: BirdNet = field(default_factory=BirdNet.load)
    """The network."""
    name: ClassVar[str] = "birdnet"
    sample_rate_hz: ClassVar[int] = SAMPLE_RATE_HZ
    window_s: ClassVar[float] = WINDOW_S
    hop_s: ClassVar[float] = 1.5
    size: ClassVar[int] = EMBEDDING_SIZE
    map_shape: ClassVar[tuple[int, int]] = (FEATURES, TIMES)
    hears_gain: ClassVar[bool] = False
    repeats_short: ClassVar[bool] = False

    @torch.inference_mode()
    def embed(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 1024"]:
        """One vector a window."""
        return self.birdnet.embed(windows)

    @torch.inference_mode()
    def feature_map(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 648 16"]:
        """The third stage's map; the rest of the network does not run."""
        with OverheardMaps(self.birdnet) as maps:
            self.birdnet.early_map(windows)
        return maps.stacked()

    @torch.inference_mode()
    def pooled(self, maps: Float[Tensor, "batch 648 16"]) -> Float[Tensor, "batch 1024"]:
        """The embedding that belongs to a map: the rest of the network."""
        return self.birdnet.late_map(maps.unflatten(1, (CHANNELS, BANDS))).mean((2, 3))

    def fingerprint(self) -> str:
        """Changes with the weights."""
        return digest_of(self.birdnet, "birdnet third stage 648x16, window 3 s")
