"""What a page shows of a clip: a few frames, a spectrogram, and sound to play.

In: a `Clip`. Out: a `Preview` of JPEG, PNG and MP3 (or M4A) bytes; the same clip gives the same bytes.
The sound is read once, in pieces, at 32 kHz, which carries all of the spectrogram. Not for analysis: it has 8
bits, its contrast follows the clip, and sound after `max_sound_s` is left out.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from PIL import Image

from lookhear.data.clip import Clip, Frame

SAMPLE_RATE_HZ = 32_000
WIDTH_PX, HEIGHT_PX = 1600, 256
LOW_HZ, HIGH_HZ = 50.0, 15_000.0
"""Lower and upper edge of the spectrogram."""

WINDOW = 1024
"""32 ms: short enough for a bird's trill, long enough to part its overtones."""

FRAME_SIDE_PX = 480
DARK_DB, RANGE_DB, FLATTEN = 3.0, 48.0, 0.7
"""Black lies so far under the median, white so far above black; the share of a row's background that goes."""

COLOUR_STOPS = ("#08051d", "#1e1150", "#57157e", "#942c80", "#d3436e", "#f8765c", "#febb81", "#fcfdbf")
"""Evenly spaced from soft to loud; lightness only rises, so it reads in grey and with any colour vision."""


@dataclass(frozen=True)
class PreviewFrame:
    """One frame, ready for a page."""

    time_s: float
    """The moment in the clip."""
    jpeg: bytes
    """The picture."""
    width_px: int
    """Its width."""
    height_px: int
    """Its height."""


@dataclass(frozen=True)
class Preview:
    """What a page needs to show a clip; what the clip lacks is empty or None.

    Example:
        >>> preview = Preview.of(Clip.open("dawn.mp4"))                 # doctest: +SKIP
        >>> Path("dawn.png").write_bytes(preview.spectrogram_png)
    """

    frames: tuple[PreviewFrame, ...] = ()
    """Frames evenly spaced in time."""
    spectrogram_png: bytes | None = None
    """`WIDTH_PX` × `HEIGHT_PX`: time to the right, frequency upwards on the mel scale (see `height_of`)."""
    sound: bytes | None = None
    """Mono sound to play."""
    sound_mime: str | None = None
    """Its media type, `audio/mpeg` or `audio/mp4`."""
    sound_s: float = 0.0
    """Seconds that spectrogram and sound cover, from the start of the clip."""

    @classmethod
    def of(cls, clip: Clip, max_sound_s: float = 120.0, frames: int = 6) -> Preview:
        """Make the preview of a clip.

        Args:
            clip: an opened clip.
            max_sound_s: most seconds of sound to show and play.
            frames: most frames to show.

        Raises:
            ClipError: the file is gone or can no longer be read.
        """
        shown = clip.frames(frames, FRAME_SIDE_PX) if clip.has_picture and frames > 0 else []
        preview = cls(frames=tuple(thumbnail(frame) for frame in shown))
        return _with_sound(preview, clip, max_sound_s) if clip.has_sound and max_sound_s > 0 else preview


def height_of(frequency_hz: float) -> float:
    """Height of a frequency in the spectrogram: 0 at its lower edge, 1 at its upper one."""
    low, high, here = _mel(LOW_HZ), _mel(HIGH_HZ), _mel(max(frequency_hz, 0.0))
    return float((here - low) / (high - low))


def thumbnail(frame: Frame) -> PreviewFrame:
    """A frame as a JPEG, at most `FRAME_SIDE_PX` long."""
    image = Image.fromarray(frame.pixels)
    image.thumbnail((FRAME_SIDE_PX, FRAME_SIDE_PX), reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=82, optimize=True)
    return PreviewFrame(frame.time_s, file.getvalue(), image.width, image.height)


def _with_sound(preview: Preview, clip: Clip, max_sound_s: float) -> Preview:
    """One pass over the sound, into the encoder and the spectrogram at once."""
    limit = round(max_sound_s * SAMPLE_RATE_HZ)
    length_s = min(clip.duration_s or max_sound_s, max_sound_s)
    encoder, picture = _Encoder(), _Spectrogram(hop=_hop(length_s))
    samples = 0
    for block in clip.sound(SAMPLE_RATE_HZ, block_s=5.0):
        block = block[: limit - samples]
        samples += len(block)
        encoder.write(block)
        picture.write(block)
        if samples >= limit:
            break
    if samples == 0:
        return preview
    return replace(
        preview,
        spectrogram_png=_png(picture.finish()),
        sound=encoder.finish(),
        sound_mime=encoder.mime,
        sound_s=samples / SAMPLE_RATE_HZ,
    )


# --- sound to play ---


class _Encoder:
    """MP3, or AAC where FFmpeg came without an MP3 encoder."""

    def __init__(self) -> None:
        mp3 = "libmp3lame" in av.codecs_available
        self.mime = "audio/mpeg" if mp3 else "audio/mp4"
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="mp3" if mp3 else "mp4")
        self._stream: Any = self._container.add_stream(
            "libmp3lame" if mp3 else "aac",
            rate=SAMPLE_RATE_HZ,
            layout="mono",
            options={"compression_level": "7"},
        )
        self._stream.bit_rate = 64_000
        self._samples = 0

    def write(self, block: Float32[ndarray, " samples"]) -> None:
        """Encode some more, in full scale ±1; louder sound is limited."""
        frame: Any = av.AudioFrame.from_ndarray(np.clip(block, -1, 1)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, self._samples
        frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
        self._samples += len(block)
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """The whole file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue()


# --- spectrogram ---


def _hop(length_s: float) -> int:
    """Samples between two spectra: two a column, but not more than half a window."""
    return max(16, min(WINDOW // 2, int(length_s * SAMPLE_RATE_HZ / WIDTH_PX / 2)))


class _Spectrogram:
    """Mel power spectra of sound that comes in pieces; the ends are padded with half a window of silence."""

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._waiting = np.zeros(WINDOW // 2, np.float32)
        self._spectra: list[Float32[ndarray, "times rows"]] = []

    def write(self, block: Float32[ndarray, " samples"]) -> None:
        """Take some more sound."""
        sound = np.concatenate([self._waiting, block])
        count = max(0, (len(sound) - WINDOW) // self._hop + 1)
        for first in range(0, count, 1024):
            starts = np.arange(first, min(count, first + 1024)) * self._hop
            windows = sound[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW).astype(np.float32)
            power = np.square(np.abs(np.fft.rfft(windows))).astype(np.float32)
            self._spectra.append(power @ _mel_rows())
        self._waiting = sound[count * self._hop :]

    def finish(self) -> Float32[ndarray, "times rows"]:
        """Power by time and mel row, lowest frequency first."""
        self.write(np.zeros(WINDOW // 2, np.float32))
        return np.concatenate(self._spectra)


def _mel(frequency_hz: Any) -> Any:
    """The mel scale (O'Shaughnessy 1987): about linear under 700 Hz, logarithmic above."""
    return 2595.0 * np.log10(1.0 + frequency_hz / 700.0)


@cache
def _mel_rows() -> Float32[ndarray, "bins rows"]:
    """Triangles around each row's frequency, wide enough to reach a bin on either side; each sums to 1."""
    bins_hz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE_HZ)
    rows_mel = np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), HEIGHT_PX)
    rows_hz = 700.0 * (10.0 ** (rows_mel / 2595.0) - 1.0)
    half_hz = np.maximum(np.gradient(rows_hz), bins_hz[1])
    triangles = np.clip(1.0 - np.abs(bins_hz[:, None] - rows_hz) / half_hz, 0.0, None)
    rows: ndarray = (triangles / triangles.sum(axis=0)).astype(np.float32)
    return rows


def _png(power: Float32[ndarray, "times rows"]) -> bytes:
    """Spectra as a picture of fixed size with a palette of 256 colours."""
    image = Image.fromarray(np.ascontiguousarray(_levels(_columns(power)).T[::-1]))
    image.putpalette(_palette().tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def _columns(power: Float32[ndarray, "times rows"]) -> Float32[ndarray, "columns rows"]:
    """One row of mel power a pixel: the mean of those that fall into it, or the nearest one."""
    edges = np.linspace(0, len(power), WIDTH_PX + 1)
    starts = np.minimum(edges[:-1].astype(int), len(power) - 1)
    ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
    return np.stack([power[a:b].mean(axis=0) for a, b in zip(starts, ends, strict=True)])


def _levels(power: Float32[ndarray, "columns rows"]) -> UInt8[ndarray, "columns rows"]:
    """Loudness as 0 to 255, up to the loudest two in a thousand, down to the background or `RANGE_DB` below.

    Most of each row's own background (its median) is taken off, so that rumble does not outshine birds.
    """
    decibels = 10.0 * np.log10(power + 1e-9)
    background = np.median(decibels, axis=0)
    decibels -= FLATTEN * (background - np.median(background))
    bright = float(np.quantile(decibels, 0.998))
    dark = max(float(np.median(decibels)) - DARK_DB, bright - RANGE_DB)
    scaled = (decibels - dark) / max(bright - dark, RANGE_DB / 2)
    levels: ndarray = np.rint(np.clip(scaled, 0.0, 1.0) * 255.0).astype(np.uint8)
    return levels


@cache
def _palette() -> UInt8[ndarray, "256 3"]:
    """The colour stops, joined by straight lines."""
    stops = np.array([list(bytes.fromhex(stop[1:])) for stop in COLOUR_STOPS], dtype=np.float64)
    at, places = np.linspace(0, 1, 256), np.linspace(0, 1, len(stops))
    colours = np.stack([np.interp(at, places, stops[:, k]) for k in range(3)], axis=1)
    palette: ndarray = np.rint(colours).astype(np.uint8)
    return palette
