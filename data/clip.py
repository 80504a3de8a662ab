"""A clip: one local file with sound, moving pictures, or a still picture.

In: a path. Out: a `Clip` (what is in the file), its sound as mono blocks at any rate, and frames with times.
Time 0 is the start of whichever stream starts first; the same file gives the same samples every time.
Nothing here opens an address: FFmpeg gets the file as nameless bytes, so a playlist cannot reach other files
or the network, and the format is told from the content, never from the name. What cannot be decoded mid-file
is skipped and counted. Not known: where or when it was recorded (see `provenance`).
Not read: HEIC pictures (FFmpeg hands out their tiles) and protected (DRM) streams.
"""

from __future__ import annotations

import hashlib
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import soxr
from av.container import InputContainer
from jaxtyping import Float32, UInt8
from numpy import ndarray
from PIL import Image, ImageFile, UnidentifiedImageError

DENIED_FORMATS = frozenset(
    "alsa concat dash fbdev ffmetadata hls image2 image2pipe imf kmsgrab lavfi oss rtp rtsp sdp tty vobsub "
    "video4linux2,v4l2 x11grab xbin".split()
)
"""FFmpeg demuxers that open other files, addresses or devices, or that take text for pictures."""

PICTURE_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
MAX_PICTURE_BYTES = 1_000_000_000
"""Most memory a picture may take while it is opened: 250 megapixels in colour, far more for a plain JPEG."""

MAX_FRAME_PIXELS = 2**27
"""Largest frame of a video, 134 megapixels: 16K is 132."""

MIN_GAP_S, MAX_GAP_S = 0.1, 600.0
"""A hole this long between two pieces of sound is filled with silence; a longer one is a false time stamp."""

REORDER_S = 0.5
"""An index may be off by so much (edit lists, B-frames): a search for a frame starts that much earlier."""

HEARD_MAX = 1e6
"""A sample beyond this (full scale is 1) is no sound; it would also overflow the resampler."""

SILENT_RMS = 1e-4
"""-80 dB of full scale: quieter than any microphone, louder than the dither of 16 bits."""

_pillow = threading.Lock()


class ClipError(ValueError):
    """A file cannot be used; the message is one sentence for people."""


@dataclass(frozen=True)
class Frame:
    """What is on screen at one moment."""

    time_s: float
    """The moment, in seconds from the start of the clip."""
    image: UInt8[ndarray, "height width 3"]
    """RGB, upright."""


@dataclass(frozen=True)
class SoundQuality:
    """What the sound is like, as far as it was read."""

    samples: int = 0
    """Samples a channel, at the file's own rate, with the gaps that were filled."""
    duration_s: float = 0.0
    """Seconds read."""
    non_finite: int = 0
    """Samples that were NaN, infinite or beyond `HEARD_MAX`, over all channels; they were replaced by 0."""
    clipped_share: float = 0.0
    """Share of samples at full scale, over all channels."""
    peak: float = 0.0
    """Largest absolute sample of any channel; full scale is 1."""
    rms: float = 0.0
    """Root mean square of the mono sound."""
    silent_share: float = 0.0
    """Share of the time in pieces of 0.1 s under -80 dB of full scale."""
    gap_s: float = 0.0
    """Seconds of silence put where the file has holes."""
    broken_packets: int = 0
    """Pieces of the file that could not be decoded and were left out."""
    expected_s: float | None = None
    """Duration of the clip, if it is known and the sound was read to its end."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, in sentences; empty for good sound."""
        early = self.expected_s is not None and _ends_early(self.duration_s, self.expected_s)
        said = (
            (
                early,
                f"The sound ends early: {self.duration_s:.1f} of {self.expected_s or 0:.1f} s could be read.",
            ),
            (self.non_finite > 0, f"{self.non_finite} samples are not usable numbers and count as silence."),
            (self.clipped_share > 1e-3, f"{self.clipped_share:.1%} of the samples are clipped (overloaded)."),
            (self.samples > 0 and self.silent_share == 1.0, "The sound is silent throughout."),
            (self.gap_s > 0, f"{self.gap_s:.1f} s are missing in the sound and were filled with silence."),
            (self.broken_packets > 0, f"Damaged pieces of sound that were left out: {self.broken_packets}."),
        )
        return tuple(sentence for holds, sentence in said if holds)

    def to_json(self) -> dict[str, Any]:
        """Plain types, the notes included."""
        return asdict(self) | {"notes": list(self.notes)}


@dataclass(frozen=True)
class Clip:
    """One file and what is in it.

    Example:
        >>> clip = Clip.open("dawn.mp4")                                # doctest: +SKIP
        >>> for block in clip.sound(48_000): ...                        # 10 s of mono sound each
        >>> [frame.time_s for frame in clip.frames(4)]                  # [7.5, 22.5, 37.5, 52.5] of 60 s
    """

    path: Path
    """Where the file is."""
    kind: Literal["video", "sound", "picture"]
    """`video` has moving pictures (with or without sound); `picture` is one still."""
    sha256: str
    """Digest of the whole file, hexadecimal."""
    format: str
    """The container as FFmpeg or Pillow calls it."""
    duration_s: float | None = None
    """Length that can be read, in seconds; None for a picture or where nothing tells it."""
    has_sound: bool = False
    """Whether sound was found and its beginning decoded."""
    has_picture: bool = False
    """Whether pictures were found and the first one decoded; the cover of an album is none."""
    width_px: int | None = None
    """Width as shown: upright, with square pixels."""
    height_px: int | None = None
    """Height as shown."""
    sample_rate_hz: int | None = None
    """The sound's own rate."""
    channels: int | None = None
    """The sound's own number of channels."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know about the file, in sentences."""

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Clip:
        """Look into a file: hash it, decode its first frame and its first sound.

        Raises:
            ClipError: it is missing, a folder, empty, text, protected, damaged, or neither sound nor picture.
        """
        file = Path(path)
        head = _checked_head(file)
        sha256 = _sha256(file)
        clip = _picture_clip(file, sha256)
        if clip is not None:
            return clip
        if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1"):
            raise ClipError(f"{file.name} is a HEIC picture, which is not read here; save it as JPEG.")
        if _is_text(head):
            raise ClipError(f"{file.name} is a text file, not a recording; check that it is the file you meant.")
        return _media_clip(file, sha256, is_mp4=head[4:8] == b"ftyp")

    def sound(self, sample_rate_hz: int, block_s: float = 10.0) -> SoundReader:
        """The sound as consecutive mono blocks (the mean over channels), read and resampled in pieces.

        Args:
            sample_rate_hz: rate of the blocks.
            block_s: length of every block but the last, which may be shorter.

        Returns:
            An iterator of Float32 arrays, full scale ±1, whose `quality` tells what was found on the way.

        Raises:
            ClipError: the clip has no sound, or the file is gone.
            ValueError: the rate or the length is not positive.
        """
        if not (sample_rate_hz > 0 and block_s * sample_rate_hz >= 1):
            raise ValueError(f"A block must hold a sample, but {block_s} s at {sample_rate_hz} Hz hold none.")
        if not self.has_sound:
            raise ClipError(f"{self.path.name} has no sound; only its pictures can be used.")
        return SoundReader(self, sample_rate_hz, round(block_s * sample_rate_hz))

    def frames(self, count: int, max_side_px: int = 1024) -> list[Frame]:
        """What is on screen in the middle of each of `count` equal parts; a picture is one frame.

        A moment that still shows the same frame is left out, so there may be fewer.

        Raises:
            ClipError: the clip has no picture, or none of those can be decoded.
            ValueError: the count or the size is not positive.
        """
        if count < 1 or max_side_px < 1:
            raise ValueError(f"Ask for at least one frame of one pixel, not {count} of {max_side_px}.")
        if not self.has_picture:
            raise ClipError(f"{self.path.name} has no picture; only its sound can be used.")
        if self.kind == "picture":
            return [Frame(0.0, _read_picture(self.path, max_side_px).image)]
        found = list(_video_frames(self, count, max_side_px))
        if not found:
            raise ClipError(f"No frame of {self.path.name} could be decoded; convert it to MP4 and try again.")
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self) | {"path": str(self.path), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Clip:
        """The clip that `to_json` wrote; the file is not looked at."""
        return cls(**record | {"path": Path(record["path"]), "notes": tuple(record["notes"])})


# --- the file ---


def _checked_head(file: Path) -> bytes:
    """The first 4 KB of a file that exists and can be read."""
    try:
        if file.is_dir():
            raise ClipError(f"{file.name} is a folder; name a file in it.")
        if not file.is_file():
            raise ClipError(f"{file} does not exist or is no ordinary file; check the name.")
    except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
        if isinstance(error, ClipError):
            raise
        raise ClipError(f"{file.name!r} is no name of a file ({error}); check it.") from error
    with _opened(file) as stream:
        head = stream.read(4096)
    if not head:
        raise ClipError(f"{file.name} is empty (0 bytes); copy or download it again.")
    return head


def _opened(file: Path) -> BufferedReader:
    try:
        return file.open("rb")
    except OSError as error:
        why = error.strerror or str(error)
        raise ClipError(f"{file.name} cannot be read ({why}); check the name and your rights to it.") from error


def _sha256(file: Path) -> str:
    with _opened(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_text(head: bytes) -> bool:
    """Whether bytes are printable text; this also turns playlists and subtitles away."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if len(head) - error.start < 4 else "\0"  # a letter cut in two
    return all(letter.isprintable() or letter in "\t\r\n\f\x1b\ufeff" for letter in text)


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
    with _opened(file) as stream:
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


def _sound_stream(container: InputContainer) -> av.AudioStream | None:
    """The sound FFmpeg holds for the main one, if there is a decoder for it."""
    best = container.streams.best("audio")
    return best if isinstance(best, av.AudioStream) and best.codec_context is not None else None


def _video_stream(container: InputContainer) -> av.VideoStream | None:
    """The first moving picture; album covers are passed over."""
    cover = av.stream.Disposition.attached_pic
    known = (s for s in container.streams.video if s.codec_context is not None and not s.disposition & cover)
    return next(known, None)


def _packets(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Packets up to the end, or to where the file can no longer be read."""
    packets = container.demux(*streams)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.FFmpegError):
            return


def _decode(packet: Any) -> list[Any] | None:
    """The frames of a packet, or None when it is damaged."""
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return None


def _start_s(container: InputContainer) -> float:
    return (container.start_time or 0) / av.time_base


def _media_clip(file: Path, sha256: str, is_mp4: bool) -> Clip:
    with open_media(file, is_mp4) as container:
        sound, video = _sound_stream(container), _video_stream(container)
        streams = [stream for stream in (sound, video) if stream is not None]
        if not streams:
            raise ClipError(f"{file.name} holds neither sound nor picture that can be decoded; convert it first.")
        first = _first_frames(file, container, streams)
        end_s, notes = _length(container, streams)
        clip = Clip(file, "sound", sha256, container.format.name, end_s, notes=notes)
        if "video" in first and video is not None:
            width, height = _shown_size(first["video"], video)
            clip = replace(clip, kind="video", has_picture=True, width_px=width, height_px=height)
        if "audio" in first:
            rate, channels = first["audio"].sample_rate, len(first["audio"].layout.channels)
            clip = replace(clip, has_sound=True, sample_rate_hz=rate, channels=channels)
    cut = clip.format == "ogg" and not notes and _ogg_is_cut(file)
    return replace(clip, notes=("The file breaks off in the middle of a page.",)) if cut else clip


def _first_frames(file: Path, container: InputContainer, streams: list[Any]) -> dict[str, Any]:
    """The first decoded frame of each stream, by its type; 5000 packets are looked at."""
    found: dict[str, Any] = {}
    for _, packet in zip(range(5000), _packets(container, streams), strict=False):
        if packet.has_sidedata("encryption_info"):
            raise ClipError(f"{file.name} is protected (encrypted); only an unprotected copy can be read.")
        for frame in _decode(packet) or ():
            found.setdefault(packet.stream.type, frame)
        if len(found) == len(streams):
            break
    if not found:
        raise ClipError(f"{file.name} is cut off or damaged: nothing in it could be decoded; copy it again.")
    return found


def _length(container: InputContainer, streams: list[Any]) -> tuple[float | None, tuple[str, ...]]:
    """Seconds that can be read, and a note where the file declares more."""
    declared_s = container.duration / av.time_base if container.duration else None
    end_s = _last_end_s(container, streams, seek_s=declared_s) if declared_s else None
    end_s = end_s if end_s is not None else _last_end_s(container, streams, seek_s=0.0)
    if declared_s is None or end_s is None:
        return end_s, ()
    if _ends_early(end_s, declared_s):
        return end_s, (f"The file ends early: {end_s:.1f} of {declared_s:.1f} s could be read.",)
    return declared_s, ()


def _ends_early(end_s: float, expected_s: float) -> bool:
    return end_s < expected_s - max(0.5, 0.02 * expected_s)


def _last_end_s(container: InputContainer, streams: list[Any], seek_s: float) -> float | None:
    """End of the last whole packet at or after a moment; None where there is none."""
    start_s = _start_s(container)
    try:
        container.seek(int((start_s + seek_s) * av.time_base))
    except av.FFmpegError:
        return None
    ends = [
        float((packet.pts + (packet.duration or 0)) * packet.time_base) - start_s
        for packet in _packets(container, streams)
        if packet.pts is not None and not packet.is_corrupt
    ]
    return max(ends, default=None)


def _ogg_is_cut(file: Path) -> bool:
    """Whether the last page of an Ogg file claims more bytes than there are (its pages are at most 64 KB)."""
    with _opened(file) as stream:
        stream.seek(max(0, file.stat().st_size - 2**17))
        tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


# --- sound ---


class SoundReader(Iterator[Float32[ndarray, " samples"]]):
    """Mono blocks of one clip, and what its sound was like so far."""

    def __init__(self, clip: Clip, sample_rate_hz: int, block: int) -> None:
        self.quality = SoundQuality()
        self._clip, self._rate_hz = clip, sample_rate_hz
        self._channel_samples = self._clipped = 0
        self._energy = 0.0
        self._duration_s = self._silent_s = Fraction(0)
        self._blocks = _in_blocks(self._resampled(), block)

    def __next__(self) -> Float32[ndarray, " samples"]:
        return next(self._blocks)

    def _resampled(self) -> Iterator[Float32[ndarray, " samples"]]:
        """Mono pieces at the wanted rate; soxr is left out where the file already has it."""
        stream: Any = None
        at_hz = self._rate_hz
        for rate_hz, planes in self._pieces():
            if rate_hz != at_hz:
                if stream is not None:
                    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
                at_hz, stream = rate_hz, None
                if rate_hz != self._rate_hz:
                    stream = soxr.ResampleStream(rate_hz, self._rate_hz, 1, dtype="float32", quality="HQ")
            mono = self._heard(planes, rate_hz)
            yield mono if stream is None else stream.resample_chunk(mono)
        if stream is not None:
            yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
        self.quality = replace(self.quality, expected_s=self._clip.duration_s)

    def _pieces(self) -> Iterator[tuple[int, list[Float32[ndarray, " samples"]]]]:
        """Rate and channels of pieces of about a second; the FIFO joins FFmpeg's small frames cheaply."""
        fifo, like, due_s = av.AudioFifo(), None, 0.0
        for frame in self._decoded():
            rate_hz = frame.sample_rate
            gap_s = 0.0 if frame.time is None else frame.time - self._start_s - due_s
            holes = MIN_GAP_S <= gap_s <= MAX_GAP_S
            due_s = due_s + frame.samples / rate_hz + (0.0 if frame.time is None else gap_s)
            now = (frame.format.name, frame.layout.name, rate_hz)
            if fifo.samples and (holes or now != like or fifo.samples >= rate_hz):
                yield _drained(fifo)
            if now != like:
                fifo, like = av.AudioFifo(), now
            if holes:
                yield from self._filled(gap_s, rate_hz)
            frame.pts = None  # the FIFO insists on exact time stamps, which no container keeps
            fifo.write(frame)
        if fifo.samples:
            yield _drained(fifo)

    def _decoded(self) -> Iterator[av.AudioFrame]:
        with open_media(self._clip.path) as container:
            self._start_s = _start_s(container)
            for packet in _packets(container, [_sound_stream(container)]):
                frames = _decode(packet)
                if frames is None:
                    self.quality = replace(self.quality, broken_packets=self.quality.broken_packets + 1)
                yield from (frame for frame in frames or () if frame.samples)

    def _filled(self, gap_s: float, rate_hz: int) -> Iterator[tuple[int, list[Float32[ndarray, " samples"]]]]:
        """A hole as silence, at most a second at a time."""
        self.quality = replace(self.quality, gap_s=self.quality.gap_s + gap_s)
        missing = round(gap_s * rate_hz)
        for start in range(0, missing, rate_hz):
            yield rate_hz, [np.zeros(min(rate_hz, missing - start), np.float32)]

    def _heard(self, planes: list[Float32[ndarray, " samples"]], rate_hz: int) -> Float32[ndarray, " samples"]:
        """The mean over channels of usable samples; the quality is brought up to date."""
        peak, bad = self.quality.peak, 0
        for plane in planes:
            size = np.abs(plane)
            top = float(size.max())
            if not top <= HEARD_MAX:  # NaN compares false
                wrong = ~(size <= HEARD_MAX)
                plane[wrong], size[wrong], bad = 0.0, 0.0, bad + int(wrong.sum())
                top = float(size.max())
            # 8-bit sound ends at 127/128; lossy codecs overshoot
            self._clipped += int((size >= 0.9999).sum()) if top >= 0.9999 else 0
            peak = max(peak, top)
        mono = _mean(planes)
        self._channel_samples += len(mono) * len(planes)
        self._measure(mono, rate_hz, peak, bad)
        return mono

    def _measure(self, mono: Float32[ndarray, " samples"], rate_hz: int, peak: float, bad: int) -> None:
        starts = np.arange(0, len(mono), max(1, rate_hz // 10))
        energy = np.add.reduceat(np.square(mono), starts).astype(np.float64)
        lengths = np.diff(starts, append=len(mono))
        self._energy += float(energy.sum())
        self._silent_s += Fraction(int(lengths[energy < lengths * SILENT_RMS**2].sum()), rate_hz)
        self._duration_s += Fraction(len(mono), rate_hz)
        samples = self.quality.samples + len(mono)
        self.quality = replace(
            self.quality,
            samples=samples,
            duration_s=float(self._duration_s),
            peak=peak,
            non_finite=self.quality.non_finite + bad,
            clipped_share=self._clipped / self._channel_samples,
            rms=math.sqrt(self._energy / samples),
            silent_share=float(self._silent_s / self._duration_s),
        )


def _drained(fifo: av.AudioFifo) -> tuple[int, list[Float32[ndarray, " samples"]]]:
    """All that waits in a FIFO, as one float array a channel, full scale ±1."""
    frame: Any = fifo.read()
    packed = frame.to_ndarray()
    count = len(frame.layout.channels)
    planes = list(packed) if frame.format.is_planar else [packed[0, channel::count] for channel in range(count)]
    if packed.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, which is counted
            return frame.sample_rate, [plane.astype(np.float32, copy=False) for plane in planes]
    bits = 8 * packed.dtype.itemsize
    middle, scale = (128.0 if packed.dtype.kind == "u" else 0.0), np.float32(2.0 ** (1 - bits))
    return frame.sample_rate, [(plane.astype(np.float32) - np.float32(middle)) * scale for plane in planes]


def _mean(planes: list[Float32[ndarray, " samples"]]) -> Float32[ndarray, " samples"]:
    """The mean over channels, summed in place: a third of the time of `np.mean`."""
    mono = planes[0]
    for plane in planes[1:]:
        mono += plane
    if len(planes) > 1:
        mono *= np.float32(1 / len(planes))
    return mono


def _in_blocks(pieces: Iterator[Float32[ndarray, " samples"]], block: int) -> Iterator[Float32[ndarray, " samples"]]:
    """Ragged pieces as blocks of one length; the last may be shorter."""
    whole, filled = np.empty(block, np.float32), 0
    for piece in pieces:
        while len(piece) >= block - filled:
            whole[filled:], piece = piece[: block - filled], piece[block - filled :]
            yield whole
            whole, filled = np.empty(block, np.float32), 0
        whole[filled : filled + len(piece)] = piece
        filled += len(piece)
    if filled:
        yield whole[:filled]


# --- frames of a video ---


def _video_frames(clip: Clip, count: int, max_side_px: int) -> Iterator[Frame]:
    with open_media(clip.path) as container:
        stream = _video_stream(container)
        assert stream is not None and stream.time_base is not None, "the clip said it has a picture"
        stream.thread_type = "AUTO"
        playhead = _Playhead(container, stream)
        own_s = float(stream.duration * stream.time_base) if stream.duration else None
        lengths = [length for length in (own_s, clip.duration_s) if length]
        part_s = min(lengths, default=0.0) / count
        last = None
        for k in range(count):
            time_s = (k + 0.5) * part_s
            frame = playhead.at(time_s)
            stamp = None if frame is None else (frame.pts if frame.pts is not None else id(frame))
            if frame is not None and stamp != last:
                yield Frame(time_s, _upright(frame, _shrunk_size(frame, stream, max_side_px)))
            last = stamp


class _Playhead:
    """Walks forwards through a video and jumps where a key frame lies between here and there."""

    def __init__(self, container: InputContainer, stream: av.VideoStream) -> None:
        self._container, self._stream = container, stream
        self._start_s = _start_s(container)
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
        for packet in _packets(self._container, [self._stream]):
            yield from (frame for frame in _decode(packet) or () if not frame.is_corrupt)

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


def _shown_size(frame: av.VideoFrame, stream: av.VideoStream) -> tuple[int, int]:
    """Width and height on screen, in pixels."""
    aspect = float(stream.sample_aspect_ratio or 1)
    width, height = max(1, round(frame.width * aspect)), frame.height
    turned = _turn(frame)[0]
    return (height, width) if turned else (width, height)


def _shrunk_size(frame: av.VideoFrame, stream: av.VideoStream, max_side_px: int) -> tuple[int, int]:
    """Width and height before it is turned upright, with square pixels, the longer side limited."""
    width, height = _shown_size(frame, stream)
    scale = min(1.0, max_side_px / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return (size[1], size[0]) if _turn(frame)[0] else size


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> UInt8[ndarray, "height width 3"]:
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


# --- still pictures ---


@dataclass(frozen=True)
class _Picture:
    image: UInt8[ndarray, "height width 3"]
    format: str
    size_px: tuple[int, int]
    notes: tuple[str, ...]


def _picture_clip(file: Path, sha256: str) -> Clip | None:
    """The clip of a still picture, or None for a file that is none."""
    try:
        picture = _read_picture(file, max_side_px=64)
    except UnidentifiedImageError:
        return None
    width, height = picture.size_px
    return Clip(file, "picture", sha256, picture.format, None, False, True, width, height, notes=picture.notes)


@contextmanager
def open_picture(file: Path, truncated: bool = False) -> Iterator[Image.Image]:
    """A picture whose header was read; Pillow's pixel limit and warnings are off, so one thread at a time.

    Args:
        file: a path.
        truncated: whether to be content with the beginning of the picture.

    Raises:
        UnidentifiedImageError: it is no picture.
    """
    with _pillow, warnings.catch_warnings(), _opened(file) as stream:
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, truncated  # `_guard` limits the bytes
        try:
            with Image.open(stream, formats=PICTURE_FORMATS) as image:
                yield image
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def _read_picture(file: Path, max_side_px: int) -> _Picture:
    """The first picture of a file, upright; one that breaks off is read as far as it goes."""
    reason: Exception | None = None
    for truncated in (False, True):
        try:
            with open_picture(file, truncated) as image:
                picture = _decoded_picture(file, image, max_side_px)
        except (ClipError, UnidentifiedImageError):
            raise
        except Exception as error:  # Pillow's readers raise SyntaxError, struct.error, zlib.error ...
            reason = error
            continue
        cut = ("The picture is cut off or damaged; what is missing is blank.",) if truncated else ()
        return replace(picture, notes=picture.notes + cut)
    raise ClipError(f"{file.name} is a damaged picture ({reason}); copy it again.") from reason


def _decoded_picture(file: Path, image: Image.Image, max_side_px: int) -> _Picture:
    size, name = image.size, image.format or "picture"
    animated = bool(getattr(image, "is_animated", False)) and name != "MPO"
    turn = _exif_turn(image)
    image.draft("RGB", (max_side_px, max_side_px))  # a JPEG is decoded at 1/2, 1/4 or 1/8
    _guard(file, image, size)
    image.load()
    small = _shrunk(image, max(1, max(image.size) // max_side_px))
    small.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    small = small if turn is None else small.transpose(turn)
    swapped = turn is not None and turn >= Image.Transpose.ROTATE_90 and turn != Image.Transpose.ROTATE_180
    notes = ("The picture is animated; only its first frame is used.",) if animated else ()
    return _Picture(np.array(small), name, (size[1], size[0]) if swapped else size, notes)


_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation to Pillow's transpose methods."""


def _exif_turn(image: Image.Image) -> Image.Transpose | None:
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # broken EXIF is no reason to refuse a picture
        return None
    return None if turn is None else Image.Transpose(turn)


def _guard(file: Path, image: Image.Image, size: tuple[int, int]) -> None:
    """Refuse what would take too much memory to decode."""
    each = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "LA": 4}.get(image.mode, 4)
    need = image.width * image.height * each
    if image.info.get("progressive"):
        need += size[0] * size[1] * 6  # libjpeg keeps all coefficients
    if need > MAX_PICTURE_BYTES:
        raise ClipError(
            f"{file.name} has {size[0]} × {size[1]} pixels and would take {need / 1e9:.1f} GB to open; "
            f"shrink it to under {MAX_PICTURE_BYTES / 1e9:.0f} GB (250 megapixels in colour)."
        )


def _shrunk(image: Image.Image, factor: int) -> Image.Image:
    """RGB, `factor` times smaller, made in strips so that no second copy in full size is held."""
    low, high = _range(image)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    step = factor * max(1, 512 // factor)
    for top in range(0, image.height, step):
        strip = image.crop((0, top, image.width, min(image.height, top + step)))
        if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
            strip = strip.reduce(factor)  # the rest must become RGB first, which takes longer
            small.paste(_rgb(strip, low, high), (0, top // factor))
        else:
            small.paste(_rgb(strip, low, high).reduce(factor), (0, top // factor))
    return small


def _range(image: Image.Image) -> tuple[float, float]:
    """Black and white of a picture with more than 8 bits a channel."""
    if image.mode not in ("I", "F"):
        return 0.0, 65535.0
    low, high = image.getextrema()
    assert isinstance(low, int | float) and isinstance(high, int | float)
    return (0.0, 65535.0) if image.mode == "I" and low >= 0 and high <= 65535 else (low, max(high, low + 1e-9))


def _rgb(image: Image.Image, low: float, high: float) -> Image.Image:
    """8-bit RGB; what is transparent becomes white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = (np.asarray(image, dtype=np.float64) - low) / (high - low)
        return Image.fromarray(np.rint(np.nan_to_num(grey).clip(0, 1) * 255).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
