"""CLAP as an encoder: ten seconds to 512 numbers in the space that LAION's CLAP shares with text.

The network is `transformers.ClapAudioModelWithProjection` (HTSAT, Chen et al. 2022; CLAP, Wu et al. 2023), the
log-mel spectrogram in front of it is ours: 64 bands of Slaney's scale from 50 Hz to 14 kHz, as laion_clap trained it
(transformers' own extractor begins at 0 Hz, which is wrong for these weights, and crops long sounds at random). The
embedding is projected, but not L2-normalised: with unit norm the target f(g·c) would lose its gain. The map is the
768 × 2 × 32 before the average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.perception.encoders.clap_convert import ClapError, convert, read_laion, shape_of
from lookhear.perception.encoders.encoder import digest_of

if TYPE_CHECKING:
    from transformers import ClapAudioModelWithProjection

HUB_ID = "laion/clap-htsat-unfused"
BANDS, FRAME, HOP = 64, 1024, 480
LOW_HZ, HIGH_HZ = 50.0, 14_000.0
FLOOR = 1e-10
"""Power under which a band counts as silent: -100 dB."""


@dataclass(frozen=True, eq=False)
class ClapEncoder:
    """A frozen CLAP audio tower.

    Example:
        >>> encoder = ClapEncoder.load(Path("630k-best.pt"))                        # doctest: +SKIP
        >>> encoder.embed(torch.zeros(1, 480_000)).shape                            # doctest: +SKIP
        torch.Size([1, 512])
    """

    network: ClapAudioModelWithProjection
    """The network, in evaluation mode."""
    name: ClassVar[str] = "clap"
    sample_rate_hz: ClassVar[int] = 48_000
    window_s: ClassVar[float] = 10.0
    hop_s: ClassVar[float] = 5.0
    hears_gain: ClassVar[bool] = True
    repeats_short: ClassVar[bool] = True

    @classmethod
    def load(cls, where: str | Path = HUB_ID) -> ClapEncoder:
        """A hub id, a folder that transformers wrote, or a `.pt` file of laion_clap.

        Raises:
            ClapError: transformers is missing, or there are no such weights.
        """
        try:
            from transformers import ClapAudioModelWithProjection
        except ImportError as error:
            raise ClapError("CLAP needs transformers: pip install 'lookhear[train]'.") from error
        if Path(where).is_file():
            return cls.from_laion(read_laion(Path(where)))
        try:
            network = ClapAudioModelWithProjection.from_pretrained(where, local_files_only=True)
        except OSError as error:
            raise ClapError(
                f"There is no CLAP at {where!r} on this machine; give a folder or a laion_clap .pt file, "
                f"or download it once (hf download {HUB_ID})."
            ) from error
        return cls(network.eval().requires_grad_(False))

    @classmethod
    def from_laion(cls, state: dict[str, Tensor]) -> ClapEncoder:
        """The network of a laion_clap state.

        Raises:
            ClapError: weights are missing or have another shape.
        """
        from transformers import ClapAudioConfig, ClapAudioModelWithProjection

        network = ClapAudioModelWithProjection(ClapAudioConfig(**shape_of(state)))
        try:
            loaded = network.load_state_dict(convert(state), strict=False)
        except RuntimeError as error:
            raise ClapError(
                f"These weights do not fit CLAP's audio tower: {str(error).splitlines()[-1].strip()}"
            ) from error
        missing = [name for name in loaded.missing_keys if "relative_position_index" not in name]
        if missing or loaded.unexpected_keys:
            odd = [*missing, *loaded.unexpected_keys]
            raise ClapError(f"The checkpoint and CLAP's audio tower differ in {len(odd)} weights, such as {odd[0]}.")
        return cls(network.eval().requires_grad_(False))

    @property
    def size(self) -> int:
        """Length of the embedding: 512."""
        return int(self.network.config.projection_dim)

    @property
    def map_shape(self) -> tuple[int, int]:
        """Features and positions of the map: two halves of the spectrum, 32 times."""
        return 2 * int(self.network.config.hidden_size), 32

    @torch.inference_mode()
    def embed(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch size"]:
        """The projected embedding of each window, not normalised."""
        return torch.cat([self.pooled(self.feature_map(window)) for window in windows.split(1)])

    @torch.inference_mode()
    def pooled(self, maps: Float[Tensor, "batch features 32"]) -> Float[Tensor, "batch size"]:
        """The embedding that belongs to a map: the projection of its mean."""
        mean = maps.unflatten(1, (-1, 2)).mean((2, 3))
        projected: Tensor = self.network.audio_projection(mean)
        return projected

    @torch.inference_mode()
    def feature_map(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch features 32"]:
        """What the embedding is the projected mean of.

        One window at a time: the order of a sum must not depend on who else is in the batch.
        """
        return torch.cat([self._hidden(window) for window in windows.split(1)]).flatten(1, 2)

    def _hidden(self, window: Float[Tensor, "1 samples"]) -> Float[Tensor, "1 hidden 2 32"]:
        hidden: Tensor = self.network.audio_model(input_features=self.log_mel(window)[:, None]).last_hidden_state
        return hidden

    def log_mel(self, windows: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames 64"]:
        """Power of each band in dB."""
        spectrum = torch.stft(
            windows, FRAME, HOP, window=torch.hann_window(FRAME), center=True, pad_mode="reflect", return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(3)
        return 10 * torch.log10((power.transpose(1, 2) @ self._mel).clamp(min=FLOOR))

    @cached_property
    def _mel(self) -> Float[Tensor, "bins 64"]:
        from transformers.audio_utils import mel_filter_bank

        return torch.as_tensor(
            mel_filter_bank(
                FRAME // 2 + 1, BANDS, LOW_HZ, HIGH_HZ, self.sample_rate_hz, norm="slaney", mel_scale="slaney"
            )
        ).float()

    def fingerprint(self) -> str:
        """Changes with the weights and the front end."""
        return digest_of(self.network, f"clap window 10 s, mel {BANDS} {LOW_HZ} {HIGH_HZ} {FRAME} {HOP}")
