"""FFmpeg, kept on a short lead: a sound or a video opened as a stream of packets.

In: a path. Out: an open container, its main sound and picture stream, and their packets up to the end or to the
first place that can no longer be read. Nothing here opens an address: FFmpeg gets the file as nameless bytes, so a
playlist cannot reach other files or the network, and the format is told from the content, never from the name.
Moments are in seconds from the start of whichever stream starts first (see `start_s`).
Not known: what the packets show or sound like (see `video` and `sound`), and still pictures (see `picture`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from lookhear.data.local_file import ClipError, opened

DENIED_FORMATS = frozenset(
    "alsa concat dash fbdev ffmetadata hls image2 image2pipe imf kmsgrab lavfi oss rtp rtsp sdp tty vobsub "
    "video4linux2,v4l2 x11grab xbin".split()
)
"""FFmpeg demuxers that open other files, addresses or devices, or that take text for pictures."""


class _Nameless:
    """Bytes of an open file without its name, so that FFmpeg judges by content and cannot open neighbours."""

    def __init__(self, file: BufferedReader) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


@contextmanager
def open_media(file: Path, is_mp4: bool = False) -> Iterator[InputContainer]:
    """The opened container of a sound or a video.

    Raises:
        ClipError: FFmpeg knows no such format, or the beginning is damaged.
    """
    rules = {
        "protocol_whitelist": "none",
        "format_whitelist": ",".join(sorted(n for n in av.formats_available - DENIED_FORMATS if "_pipe" not in n)),
    }
    with opened(file) as stream:
        try:
            container = av.open(
                _Nameless(stream), "r", container_options=rules, metadata_errors="replace", buffer_size=2**18
            )
        except (av.FFmpegError, UnicodeError) as error:
            why = "is an MP4 file whose index is missing or damaged, as when a copy broke off; copy it again"
            other = "is no sound, video or picture that can be read here; check that it opens in a player"
            raise ClipError(f"{file.name} {why if is_mp4 else other}.") from error
        with container:
            yield container


def sound_stream(container: InputContainer) -> av.AudioStream | None:
    """The sound FFmpeg holds for the main one, if there is a decoder for it."""
    best = container.streams.best("audio")
    return best if isinstance(best, av.AudioStream) and best.codec_context is not None else None


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """The first moving picture; album covers are passed over."""
    cover = av.stream.Disposition.attached_pic
    known = (s for s in container.streams.video if s.codec_context is not None and not s.disposition & cover)
    return next(known, None)


def packets_of(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Packets up to the end, or to where the file can no longer be read."""
    packets = container.demux(*streams)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError):
            return


def decoded(packet: Any) -> list[Any] | None:
    """The frames of a packet, or None when it is damaged."""
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return None


def start_s(container: InputContainer) -> float:
    """The container's own time at which its first stream starts, in seconds; what we call 0."""
    return (container.start_time or 0) / av.time_base


def first_frames(file: Path, container: InputContainer, streams: list[Any]) -> dict[str, Any]:
    """The first decoded frame of each stream, by its type (`audio`, `video`); 5000 packets are looked at.

    Raises:
        ClipError: the file is protected, or nothing in it could be decoded.
    """
    found: dict[str, Any] = {}
    for _, packet in zip(range(5000), packets_of(container, streams), strict=False):
        if packet.has_sidedata("encryption_info"):
            raise ClipError(f"{file.name} is protected (encrypted); only an unprotected copy can be read.")
        for frame in decoded(packet) or ():
            found.setdefault(packet.stream.type, frame)
        if len(found) == len(streams):
            break
    if not found:
        raise ClipError(f"{file.name} is cut off or damaged: nothing in it could be decoded; copy it again.")
    return found


def readable_length(container: InputContainer, streams: list[Any]) -> tuple[float | None, tuple[str, ...]]:
    """Seconds that can be read, and a note where the file declares more."""
    declared_s = container.duration / av.time_base if container.duration else None
    end_s = _last_end_s(container, streams, seek_s=declared_s) if declared_s else None
    end_s = end_s if end_s is not None else _last_end_s(container, streams, seek_s=0.0)
    if declared_s is None or end_s is None:
        return end_s, ()
    if ends_early(end_s, declared_s):
        return end_s, (f"The file ends early: {end_s:.1f} of {declared_s:.1f} s could be read.",)
    return declared_s, ()


def ends_early(end_s: float, expected_s: float) -> bool:
    """Whether so much is missing, half a second or 2 %, that a person should know."""
    return end_s < expected_s - max(0.5, 0.02 * expected_s)


def _last_end_s(container: InputContainer, streams: list[Any], seek_s: float) -> float | None:
    """End of the last whole packet at or after a moment; None where there is none."""
    zero_s = start_s(container)
    try:
        container.seek(int((zero_s + seek_s) * av.time_base))
    except av.FFmpegError:
        return None
    ends = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base) - zero_s
        for packet in packets_of(container, streams)
        if packet.pts is not None and not packet.is_corrupt
    ]
    return max(ends, default=None)


def ogg_is_cut(file: Path) -> bool:
    """Whether the last page of an Ogg file claims more bytes than there are (its pages are at most 64 KB)."""
    with opened(file) as stream:
        stream.seek(max(0, file.stat().st_size - 2**17))
        tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
