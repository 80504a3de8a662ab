"""Clips written as MP4: H.264 and AAC, the same bytes from the same video every time.

In: a video and stretches of it. Out: the bytes of a file for each, with what is on screen upright at a steady rate, and
mono sound at 48 kHz. Nothing of the video's container is copied: no place, date, device or title stays in the file.
One thread, fixed settings and FFmpeg's bit-exact flags give equal bytes on one machine with one build of PyAV; another
build may differ. Not kept: channels, subtitles, further streams, frame rates above `MAX_RATE`.
"""

from __future__ import annotations

import heapq
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Float32, UInt8
from numpy import ndarray

from lookhear.data.avg.moments import Span, frames_at, sound_of
from lookhear.data.clip import Clip, ClipError
from lookhear.data.container import open_media, video_stream

SAMPLE_RATE_HZ = 48_000
"""What the sound encoders of the perception stage read at most."""

SOUND_BITS_PER_S = 128_000

MAX_RATE = Fraction(30)
"""Frames a second at most."""

_BITEXACT_CODEC, _BITEXACT_MUXER = "+bitexact", {"fflags": "+bitexact"}


@dataclass(frozen=True)
class EncodeConfig:
    """How clips are written."""

    max_side_px: int = 1280
    """Longer side of the picture at most; smaller pictures keep their size."""
    crf: int = 23
    """x264's constant rate factor: 18 is nearly lossless, 23 usual, 28 coarse."""
    preset: str = "veryfast"
    """x264's preset; slower ones give smaller files."""

    def __post_init__(self) -> None:
        if self.max_side_px < 16 or not 0 <= self.crf <= 51:
            raise ValueError(f"Clips need 16 pixels and a CRF from 0 to 51, not {self.max_side_px} and {self.crf}.")


def clip_files(clip: Clip, spans: Sequence[Span], config: EncodeConfig) -> Iterator[bytes]:
    """The files of some stretches, ascending and apart, one after the other.

    Raises:
        ClipError: the video can no longer be read, or has no picture in a stretch.
    """
    rate = frame_rate(clip)
    moments_s = (moment_s for span in spans for moment_s in frame_times_s(span, rate))
    frames = (frame.pixels for frame in frames_at(clip.path, moments_s, config.max_side_px))
    for span, samples in zip(spans, sound_of(clip, spans, SAMPLE_RATE_HZ), strict=True):
        count = len(frame_times_s(span, rate))
        yield _mp4(clip, span, itertools.islice(frames, count), rate, samples, config)


def frame_rate(clip: Clip) -> Fraction:
    """Frames a second of the clips: the video's own, at most `MAX_RATE`."""
    with open_media(clip.path) as container:
        stream = video_stream(container)
        rate = stream.guessed_rate if stream is not None else None
    return min(Fraction(rate).limit_denominator(1001), MAX_RATE) if rate and rate > 0 else Fraction(25)


def frame_times_s(span: Span, rate: Fraction) -> list[float]:
    """Moments of the frames of a stretch; at least one."""
    start_s, end_s = span
    return [start_s + k / float(rate) for k in range(max(1, round((end_s - start_s) * float(rate))))]


def _mp4(
    clip: Clip,
    span: Span,
    frames: Iterator[UInt8[ndarray, "height width 3"]],
    rate: Fraction,
    samples: Float32[ndarray, " n"],
    config: EncodeConfig,
) -> bytes:
    first = next(frames, None)
    if first is None:
        raise ClipError(f"{clip.path.name} shows nothing from {span[0]:g} s on; convert it and try again.")
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options=_BITEXACT_MUXER) as container:
        picture, sound = _picture_stream(container, rate, first, config), _sound_stream(container)
        pictures = _pictures(picture, itertools.chain([first], frames))
        for packet in heapq.merge(pictures, _sound(sound, samples), key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return file.getvalue()


def _picture_stream(
    container: Any, rate: Fraction, image: UInt8[ndarray, "height width 3"], config: EncodeConfig
) -> Any:
    """An H.264 stream; its sides are even, as 4:2:0 colour needs them."""
    options = {"crf": str(config.crf), "preset": config.preset, "threads": "1", "flags": _BITEXACT_CODEC}
    stream = container.add_stream("libx264", rate=rate, options=options)
    height, width = image.shape[:2]
    stream.width, stream.height, stream.pix_fmt = max(2, width // 2 * 2), max(2, height // 2 * 2), "yuv420p"
    stream.codec_context.thread_count = 1
    return stream


def _sound_stream(container: Any) -> Any:
    stream = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="mono", options={"flags": _BITEXACT_CODEC})
    stream.bit_rate = SOUND_BITS_PER_S
    return stream


def _pictures(stream: Any, images: Iterator[UInt8[ndarray, "height width 3"]]) -> Iterator[Any]:
    """Packets of the pictures; an odd last row or column is cut off."""
    width, height, reformatter = stream.width, stream.height, VideoReformatter()
    for number, image in enumerate(images):
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        frame = reformatter.reformat(rgb, width, height, "yuv420p")
        frame.pts, frame.time_base = number, 1 / stream.codec_context.framerate
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound(stream: Any, samples: Float32[ndarray, " n"]) -> Iterator[Any]:
    """Packets of the sound, a second at a time; what passes full scale is limited."""
    for start in range(0, len(samples), SAMPLE_RATE_HZ):
        piece = np.clip(samples[start : start + SAMPLE_RATE_HZ], -1, 1)[None]
        frame: Any = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
        yield from stream.encode(frame)
    yield from stream.encode(None)
