"""Small recordings and videos for tests, made with PyAV; reached through the `media` fixture."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy import ndarray


def tone(seconds: float, rate_hz: int = 48_000, hz: float = 440.0, peak: float = 0.5, channels: int = 1) -> ndarray:
    """A sine as float32, shape (channels, samples)."""
    wave = peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return np.tile(wave.astype(np.float32), (channels, 1))


def write_sound(
    path: Path,
    sound: ndarray,
    rate_hz: int = 48_000,
    codec: str = "pcm_s16le",
    layout: str | None = None,
    metadata: dict[str, str] | None = None,
    gap: tuple[float, float] = (0.0, 0.0),
) -> Path:
    """Encode float sound of shape (channels, samples); `gap` = (after, length) in seconds tears a hole."""
    layout = layout or {1: "mono", 2: "stereo", 6: "5.1"}[len(sound)]
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = add_sound(container, codec, rate_hz, layout)
        for frame in sound_frames(sound, rate_hz, layout):
            if frame.pts / rate_hz >= gap[0] and gap[1]:
                frame.pts += round(gap[1] * rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def add_sound(container: Any, codec: str, rate_hz: int, layout: str) -> Any:
    """A sound stream; FFmpeg's own Vorbis encoder counts as experimental."""
    options = {"strict": "-2"} if codec == "vorbis" else {}
    return container.add_stream(codec, rate=rate_hz, layout=layout, options=options)


def sound_frames(sound: ndarray, rate_hz: int, layout: str) -> Iterator[av.AudioFrame]:
    for start in range(0, sound.shape[1], rate_hz):
        piece = np.ascontiguousarray(sound[:, start : start + rate_hz], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        yield frame


def write_float_wav(path: Path, sound: ndarray, rate_hz: int = 48_000) -> Path:
    """A 32-bit float WAV, byte for byte: NaN and infinity stay."""
    data = sound.T.astype("<f4").tobytes()
    channels = len(sound)
    head = struct.pack("<HHIIHH", 3, channels, rate_hz, rate_hz * channels * 4, channels * 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def write_video(
    path: Path,
    times_s: Sequence[float],
    greys: Sequence[int],
    size: tuple[int, int] = (64, 48),
    sound: ndarray | None = None,
    codecs: tuple[str, str] = ("libx264", "aac"),
    rotation_deg: float | None = None,
    corner: int | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    gop: int = 12,
) -> Path:
    """Frames of one grey each at given times; `corner` is the grey of the upper left quarter as stored."""
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        video: Any = container.add_stream(codecs[0], rate=25)
        video.width, video.height, video.pix_fmt, video.gop_size = *size, "yuv420p", gop
        video.codec_context.time_base = Fraction(1, 1000)
        if rotation_deg is not None:
            video.set_display_rotation(rotation_deg)
        streams = [video]
        if sound is not None:
            streams.append(add_sound(container, codecs[1], 48_000, "mono"))
        frames: list[tuple[float, Any, Any]] = [
            (time_s, video, grey_frame(time_s, grey, size, corner)) for time_s, grey in zip(times_s, greys, strict=True)
        ]
        if sound is not None:
            heard = sound_frames(sound, 48_000, "mono")
            frames += [(frame.pts / 48_000, streams[1], frame) for frame in heard]
        for _, stream, frame in sorted(frames, key=lambda entry: entry[0]):
            container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def grey_frame(time_s: float, grey: int, size: tuple[int, int], corner: int | None) -> av.VideoFrame:
    image = np.full((size[1], size[0], 3), grey, np.uint8)
    if corner is not None:
        image[: size[1] // 2, : size[0] // 2] = corner
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
    return frame


def read_all(clip: Any, rate_hz: int) -> ndarray:
    """The whole sound of a clip."""
    return np.concatenate(list(clip.sound(rate_hz)))
