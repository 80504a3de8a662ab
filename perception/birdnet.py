"""BirdNET V2.4: three seconds of sound in, scores of 6522 labels and a 1024-d embedding out.

The network is Kahl et al.'s; this is our own torch module of it, with the weights read from the published
TFLite file. 11 labels are no species (engine, siren, voices…). It knows nothing of places: see `ranges.py`.

Source: Kahl et al. 2021, "BirdNET: A deep learning solution for avian diversity monitoring", and the operators of
BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite. The weights are CC BY-NC-SA 4.0.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.data.models import model_path
from lookhear.perception.tflite import DEPTHWISE_CONV_2D, FULLY_CONNECTED, TfliteFile

SAMPLE_RATE_HZ = 48_000
WINDOW_S = 3.0
WINDOW_SAMPLES = 144_000
EMBEDDING_SIZE = 1024
LABEL_COUNT = 6522

STAGES = ((36, 72, 3, 0), (72, 288, 4, 18), (108, 864, 5, 27), (192, 1536, 4, 48))
"""Of each stage of the trunk: channels, channels inside a block, blocks, and squeezed channels (0: no squeeze)."""

EARLY_SHAPE = (108, 6, 16)
"""Channels, bands and times of the map that leaves the third stage."""


class MelSpectrogram(nn.Module):
    """96 mel bands with a learnt power-law scaling; BirdNET stacks two, for low and for high frequencies.

    The published graph casts the complex spectrum to its real part before the mel filter. That is kept: the trunk was
    trained on it. No band weighs a bin from `bins` on.
    """

    def __init__(self, frame: int, hop: int, bins: int) -> None:
        super().__init__()
        self.frame, self.hop, self.bins = frame, hop, bins
        self.window = nn.Buffer(torch.zeros(frame))
        self.mel = nn.Buffer(torch.zeros(96, bins))
        self.exponent = nn.Buffer(torch.ones(()))

    def forward(self, sound: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 96 frames"]:
        """Band energies, highest band first."""
        spectrum = torch.fft.rfft(sound.unfold(1, self.frame, self.hop) * self.window)[:, :, : self.bins].real
        bands: Tensor = (spectrum @ self.mel.T).square().pow(self.exponent)
        return bands.flip(2).transpose(1, 2)


class SqueezeExcite(nn.Module):
    """Channels weighted by what the whole map shows."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """The map, reweighted."""
        return x * torch.sigmoid(self.excite(F.silu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class InvertedResidual(nn.Module):
    """Expand, convolve each channel, squeeze-excite, project; added to its input where the shapes agree."""

    def __init__(self, channels_in: int, channels: int, inner: int, stride: int, squeezed: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels_in, inner, 1)
        self.depthwise = nn.Conv2d(inner, inner, 3, stride, padding=1, groups=inner)
        self.squeeze_excite = SqueezeExcite(inner, squeezed) if squeezed else nn.Identity()
        self.project = nn.Conv2d(inner, channels, 1)
        self.residual = stride == 1

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch d h2 w2"]:
        """One block."""
        y: Tensor = F.silu(self.depthwise(F.silu(self.expand(x))))
        y = self.project(self.squeeze_excite(y))
        return x + y if self.residual else y


class BirdNet(nn.Module):
    """The whole classifier.

    Example:
        >>> birdnet = BirdNet.load()                          # doctest: +SKIP
        >>> logits, embedding = birdnet(torch.zeros(1, 144_000))
    """

    sample_rate_hz = SAMPLE_RATE_HZ
    window_s = WINDOW_S

    def __init__(self) -> None:
        super().__init__()
        self.low = MelSpectrogram(2048, 278, 128)
        self.high = MelSpectrogram(1024, 280, 320)
        self.spectrogram_scale = nn.Buffer(torch.ones(2, 1, 1))
        self.spectrogram_shift = nn.Buffer(torch.zeros(2, 1, 1))
        self.stem = nn.Conv2d(2, 24, (4, 8), 2)
        self.mix = nn.Conv2d(48, 24, 1)
        *early, late = _stages()
        self.early, self.late = nn.Sequential(*early), late
        self.trunk_scale = nn.Buffer(torch.ones(192, 1, 1))
        self.trunk_shift = nn.Buffer(torch.zeros(192, 1, 1))
        self.head = nn.Conv2d(192, EMBEDDING_SIZE, 3)
        self.classify = nn.Linear(EMBEDDING_SIZE, LABEL_COUNT)

    @classmethod
    def load(cls, path: Path | None = None) -> BirdNet:
        """The published network, ready to listen; `path` is its TFLite file, by default the fetched one.

        Raises:
            MissingModelError: it was not fetched.
            ValueError: the file is not BirdNET V2.4 or is damaged.
        """
        file = TfliteFile.read(path or model_path("birdnet", "BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"))
        model = cls()
        with torch.no_grad():
            _copy_front_end(model, file)
            _copy_layers(model, file)
        return model.eval().requires_grad_(False)

    def forward(
        self, sound: Float[Tensor, "batch 144000"]
    ) -> tuple[Float[Tensor, "batch 6522"], Float[Tensor, "batch 1024"]]:
        """Logits of the labels (each its own sigmoid) and the embedding."""
        embedding = self.feature_map(sound).mean((2, 3))
        return self.classify(embedding), embedding

    def embed(self, sound: Float[Tensor, "batch 144000"]) -> Float[Tensor, "batch 1024"]:
        """The embedding alone."""
        return self.feature_map(sound).mean((2, 3))

    def feature_map(self, sound: Float[Tensor, "batch 144000"]) -> Float[Tensor, "batch 1024 1 time"]:
        """The map whose mean over time is the embedding."""
        return self.late_map(self.early_map(sound))

    def early_map(self, sound: Float[Tensor, "batch 144000"]) -> Float[Tensor, "batch 108 6 16"]:
        """The map that leaves the third stage: channels, bands, times."""
        x = self.spectrogram(sound) * self.spectrogram_scale + self.spectrogram_shift
        x = F.relu(self.stem(_pad_same(x, (4, 8), 2)))
        x = self.mix(torch.cat([F.max_pool2d(x, (1, 2)), F.avg_pool2d(x, (1, 2))], 1))
        early: Tensor = self.early(x)
        return early

    def late_map(self, early: Float[Tensor, "batch 108 6 16"]) -> Float[Tensor, "batch 1024 1 time"]:
        """The rest of `feature_map`."""
        x = self.late(early)
        return F.relu(self.head(F.relu(x * self.trunk_scale + self.trunk_shift)))

    def spectrogram(self, sound: Float[Tensor, "batch 144000"]) -> Float[Tensor, "batch 2 96 511"]:
        """Both mel spectrograms of the window, stretched to [-1, 1] first."""
        sound = sound - sound.amin(1, keepdim=True)
        sound = sound / (sound.amax(1, keepdim=True) + 1e-6)
        sound = (sound - 0.5) * 2.0
        return torch.stack([self.low(sound), self.high(sound)], 1)


def read_labels(path: Path | None = None) -> list[tuple[str, str]]:
    """The 6522 labels as (scientific name, common name), in the order of both networks' outputs."""
    path = path or model_path("birdnet", "BirdNET_GLOBAL_6K_V2.4_Labels.txt")
    rows = path.read_text(encoding="utf-8").split("\n")
    labels = [tuple(row.strip().split("_", 1)) for row in rows if row.strip()]
    if len(labels) != LABEL_COUNT:
        raise ValueError(f"{path} has {len(labels)} labels, not {LABEL_COUNT}; run `lookhear fetch offline` again.")
    return [(scientific, common) for scientific, common in labels]


def _stages() -> list[nn.Sequential]:
    stages, channels_in = [], 24
    for channels, inner, count, squeezed in STAGES:
        first = InvertedResidual(channels_in, channels, inner, 2, squeezed)
        others = [InvertedResidual(channels, channels, inner, 1, squeezed) for _ in range(count - 1)]
        stages.append(nn.Sequential(first, *others))
        channels_in = channels
    return stages


def _pad_same(x: Tensor, kernel: tuple[int, int], stride: int) -> Tensor:
    """TensorFlow's SAME padding: the odd pixel goes right and below."""
    total = [max(0, (-(-n // stride) - 1) * stride + k - n) for n, k in zip(x.shape[2:], kernel, strict=True)]
    (top, left) = (n // 2 for n in total)
    return F.pad(x, (left, total[1] - left, top, total[0] - top))


def _copy_front_end(model: BirdNet, file: TfliteFile) -> None:
    for name, spectrogram in (("MEL_SPEC1", model.low), ("MEL_SPEC2", model.high)):
        spectrogram.window.copy_(torch.tensor(file.named(f"{name}/stft/hann_window/sub_2")))
        spectrogram.mel.copy_(torch.tensor(file.named(f"{name}/Tensordot/MatMul"))[:, : spectrogram.bins])
        spectrogram.exponent.copy_(torch.tensor(file.named(f"{name}/truediv_1")))
    for name, scale, shift in (
        ("BNORM_SPEC_NOQUANT", model.spectrogram_scale, model.spectrogram_shift),
        ("BNORM_POST_NOQUANT", model.trunk_scale, model.trunk_shift),
    ):
        scale.copy_(torch.tensor(file.named(f"{name}/FusedBatchNormV31")).reshape(-1, 1, 1))
        shift.copy_(torch.tensor(file.named(f"{name}/FusedBatchNormV3")).reshape(-1, 1, 1))


def _copy_layers(model: BirdNet, file: TfliteFile) -> None:
    """Both networks run the same layers in the same order, after the front end's two mel products."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    operators = [op for op in file.weighted() if len(op.constants) == 2]
    if len(layers) != len(operators):
        raise ValueError(f"The file has {len(operators)} layers with weights, BirdNET V2.4 has {len(layers)}.")
    for layer, operator in zip(layers, operators, strict=True):
        weight, bias = (torch.tensor(constant) for constant in operator.constants)
        if operator.code == DEPTHWISE_CONV_2D:
            weight = weight.permute(3, 0, 1, 2)
        elif operator.code != FULLY_CONNECTED:
            weight = weight.permute(0, 3, 1, 2)
        if weight.shape != layer.weight.shape:
            raise ValueError(f"A layer has shape {tuple(weight.shape)}, BirdNET V2.4 {tuple(layer.weight.shape)}.")
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)  # type: ignore[union-attr]
