"""Pictures and sound of stretches of a video, for those who walk through it from its beginning to its end.

In: a file, and moments or stretches in order. Out: what is on screen then, upright, and the samples of each stretch.
Each is one walk: decoding jumps ahead where that is cheaper, and memory holds one frame, or one stretch of sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lookhear.data.clip import Clip
from lookhear.data.container import open_media, video_stream
from lookhear.data.frames import Frame
from lookhear.data.video import Playhead, shrunk_size, upright

Span = tuple[float, float]
"""Where a stretch begins and ends, in seconds from the start of the file."""


def frames_at(file: Path, times_s: Iterable[float], max_side_px: int) -> Iterator[Frame]:
    """What is on screen at each moment, the moments ascending; after the last frame, that frame.

    Raises:
        ClipError: the file is gone or can no longer be read.
    """
    with open_media(file) as container:
        stream = video_stream(container)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        playhead = Playhead(container, stream)
        for time_s in times_s:
            frame = playhead.at(time_s)
            if frame is None:
                return
            yield Frame(time_s, upright(frame, shrunk_size(frame, stream, max_side_px)))


def sound_of(clip: Clip, spans: Sequence[Span], sample_rate_hz: int) -> Iterator[Float32[ndarray, " n"]]:
    """Mono samples of each stretch, the stretches ascending and apart; what the sound lacks at its end is silence."""
    edges = [(round(start_s * sample_rate_hz), round(end_s * sample_rate_hz)) for start_s, end_s in spans]
    blocks = clip.sound(sample_rate_hz, block_s=5.0) if clip.has_sound else iter(())
    done, block = 0, np.zeros(0, np.float32)
    for first, last in edges:
        samples = np.zeros(last - first, np.float32)
        while True:
            lower, upper = max(first, done), min(last, done + len(block))
            if lower < upper:
                samples[lower - first : upper - first] = block[lower - done : upper - done]
            if done + len(block) >= last:
                break
            following = next(blocks, None)
            if following is None:
                break
            done, block = done + len(block), following
        yield samples
