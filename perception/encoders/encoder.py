"""What every sound encoder can do, and how long sound is cut into its windows.

In: mono samples at the encoder's rate. Out: windows of one length at fixed times, and for each an embedding and the
map that the embedding is pooled from. The same sound always gives the same windows: nothing here draws at random
(CLAP's own extractor crops at random; the cosine between two of its answers for one file was seen as low as 0.30).
"""

from __future__ import annotations

import hashlib
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor, nn


class SoundError(ValueError):
    """A sound that cannot be encoded; the message says why."""


@runtime_checkable
class SoundEncoder(Protocol):
    """A frozen network that hears windows of one length.

    Example:
        >>> encoder = PlaceholderEncoder()
        >>> encoder.embed(torch.zeros(2, window_samples(encoder))).shape
        torch.Size([2, 16])
    """

    @property
    def name(self) -> str:
        """What `ENCODERS` calls it."""
        ...

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the samples."""
        ...

    @property
    def window_s(self) -> float:
        """Length of a window."""
        ...

    @property
    def hop_s(self) -> float:
        """From one window's start to the next one's."""
        ...

    @property
    def size(self) -> int:
        """Length of the embedding."""
        ...

    @property
    def map_shape(self) -> tuple[int, int]:
        """Features and positions in time of the map."""
        ...

    @property
    def hears_gain(self) -> bool:
        """Whether a louder sound has another embedding; BirdNET stretches every window to full scale first."""
        ...

    @property
    def repeats_short(self) -> bool:
        """Whether a sound shorter than a window is repeated as often as it fits, as it was in training."""
        ...

    def embed(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch size"]:
        """One vector a window."""
        ...

    def feature_map(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch features positions"]:
        """The same before it is pooled over time."""
        ...

    def pooled(self, maps: Float[Tensor, "batch features positions"]) -> Float[Tensor, "batch size"]:
        """The embedding that belongs to a map."""
        ...

    def fingerprint(self) -> str:
        """Changes with the weights and with every setting that changes what comes out."""
        ...


def window_samples(encoder: SoundEncoder) -> int:
    """Samples of a window."""
    return round(encoder.window_s * encoder.sample_rate_hz)


def windows_of(
    sound: Float32[ndarray, " samples"], encoder: SoundEncoder
) -> tuple[Float32[ndarray, "windows length"], Float[ndarray, " windows"]]:
    """The windows of a whole sound and the second at which each starts; the last one is padded with silence.

    Raises:
        SoundError: there are no samples, or some are not numbers.
    """
    check_sound(sound)
    length, hop = window_samples(encoder), round(encoder.hop_s * encoder.sample_rate_hz)
    if encoder.repeats_short and len(sound) < length:
        sound = np.tile(sound, length // len(sound))
    starts = np.arange(0, max(1, len(sound) - length + hop), hop)
    padded = np.pad(sound, (0, int(starts[-1]) + length - len(sound)))
    return np.stack([padded[start : start + length] for start in starts]), starts / encoder.sample_rate_hz


def check_sound(sound: Float32[ndarray, " samples"]) -> None:
    """Refuse what is no sound.

    Raises:
        SoundError: there are no samples, or some are not numbers.
    """
    if not len(sound):
        raise SoundError("The sound has no samples; give at least one.")
    bad = int((~np.isfinite(sound)).sum())
    if bad:
        raise SoundError(f"{bad} of {len(sound)} samples are NaN or infinite; set them to 0 before encoding.")


def digest_of(module: nn.Module, settings: str) -> str:
    """SHA-256 over a network's weights, its buffers and some settings, 16 hexadecimal digits."""
    digest = hashlib.sha256(settings.encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
