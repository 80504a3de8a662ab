"""Frames of a video: what is on screen at given moments.

In: a path, as long as its pictures can be decoded. Out: `Frame`s in RGB, upright and with square pixels, each with
its moment in seconds from the start of the clip. A moment shows the last frame not later than it, by time stamps,
so a variable frame rate is honoured. Damaged frames are passed over. Not known: what the frames show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from jaxtyping import UInt8
from numpy import ndarray

from lookhear.data.container import decoded, open_media, packets_of, start_s, video_stream
from lookhear.data.frames import Frame

REORDER_S = 0.5
"""An index may be off by so much (edit lists, B-frames): a search for a frame starts that much earlier."""


def video_frames(file: Path, count: int, max_side_px: int, duration_s: float | None) -> Iterator[Frame]:
    """What is on screen in the middle of each of `count` equal parts; the same frame is not given twice.

    Args:
        file: a video.
        count: number of parts.
        max_side_px: longest side of the frames.
        duration_s: length of the clip, if known; where the stream is shorter, that counts.

    Raises:
        ClipError: the file is gone or can no longer be read.
    """
    with open_media(file) as container:
        stream = video_stream(container)
        assert stream is not None and stream.time_base is not None, "the clip said it has a picture"
        stream.thread_type = "AUTO"
        playhead = Playhead(container, stream)
        own_s = float(stream.duration * stream.time_base) if stream.duration else None
        lengths = [length for length in (own_s, duration_s) if length]
        part_s = min(lengths, default=0.0) / count
        last = None
        for k in range(count):
            time_s = (k + 0.5) * part_s
            frame = playhead.at(time_s)
            stamp = None if frame is None else (frame.pts if frame.pts is not None else id(frame))
            if frame is not None and stamp != last:
                yield Frame(time_s, upright(frame, shrunk_size(frame, stream, max_side_px)))
            last = stamp


class Playhead:
    """Walks forwards through a video and jumps where a key frame lies between here and there."""

    def __init__(self, container: InputContainer, stream: av.VideoStream) -> None:
        self._container, self._stream = container, stream
        self._start_s = start_s(container)
        self._now_s = -math.inf
        self._shown: av.VideoFrame | None = None
        self._ahead: av.VideoFrame | None = None
        self._frames = self._decoded()

    def at(self, time_s: float) -> av.VideoFrame | None:
        """The frame on screen at a moment: the last one not later than it, or else the first."""
        if self._worth_a_jump(time_s - REORDER_S):
            self._jump(time_s - REORDER_S)
        while self._ahead is None or self._now_s <= time_s:
            self._shown = self._ahead or self._shown
            self._ahead = next(self._frames, None)
            if self._ahead is None:
                break
            self._now_s = self._time_s(self._ahead)
        return self._shown or self._ahead

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in packets_of(self._container, [self._stream]):
            yield from (frame for frame in decoded(packet) or () if not frame.is_corrupt)

    def _time_s(self, frame: av.VideoFrame) -> float:
        if frame.time is not None:
            return float(frame.time) - self._start_s
        rate = float(self._stream.guessed_rate or 25)  # bare streams carry no times
        return max(self._now_s, -1 / rate) + 1 / rate

    def _worth_a_jump(self, time_s: float) -> bool:
        """A full index knows the key frames; without one, ten seconds are about what a search costs."""
        index, unit = self._stream.index_entries, self._stream.time_base
        if len(index) < 2 or unit is None:
            return time_s - max(self._now_s, 0.0) > 10.0
        at = index.search_timestamp(int((time_s + self._start_s) / unit))
        return at >= 0 and float(index[at].timestamp * unit) - self._start_s > max(self._now_s, 0.0)

    def _jump(self, time_s: float) -> None:
        unit = self._stream.time_base
        assert unit is not None
        try:
            self._container.seek(int((time_s + self._start_s) / unit), stream=self._stream)
        except av.FFmpegError:
            return  # then it is decoded up to there
        self._shown, self._ahead, self._frames = None, None, self._decoded()


def shown_size(frame: av.VideoFrame, stream: av.VideoStream) -> tuple[int, int]:
    """Width and height on screen, in pixels."""
    aspect = float(stream.sample_aspect_ratio or 1)
    width, height = max(1, round(frame.width * aspect)), frame.height
    turned = _turn(frame)[0]
    return (height, width) if turned else (width, height)


def shrunk_size(frame: av.VideoFrame, stream: av.VideoStream, max_side_px: int) -> tuple[int, int]:
    """Width and height before it is turned upright, with square pixels, the longer side limited."""
    width, height = shown_size(frame, stream)
    scale = min(1.0, max_side_px / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return (size[1], size[0]) if _turn(frame)[0] else size


def upright(frame: av.VideoFrame, size: tuple[int, int]) -> UInt8[ndarray, "height width 3"]:
    """A frame as RGB of that size, turned as the container asks."""
    image: ndarray = frame.reformat(*size, format="rgb24", interpolation="AREA").to_ndarray()
    swapped, flip_x, flip_y = _turn(frame)
    image = image.swapaxes(0, 1) if swapped else image
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def _turn(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """What the display matrix asks for: swap the axes, then flip in x, then in y.

    A point (x, y) of the stored picture is shown at (a·x + c·y, b·x + d·y) (ISO 14496-12, 8.2.2).
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    return (True, c < 0, b < 0) if abs(b) > abs(a) else (False, a < 0, d < 0)
