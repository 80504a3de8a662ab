"""A clip: one local file with sound, moving pictures, or a still picture.

In: a path. Out: a `Clip` (what is in the file), its sound as mono blocks at any rate, and frames with times.
Time 0 is the start of whichever stream starts first; the same file gives the same samples every time.
The format is told from the content, never from the name, and no address is ever opened. This is the front door;
behind it `local_file` opens files, `container` keeps FFmpeg in check, and `sound`, `video` and `picture` decode.
Not known: where or when it was recorded (see `provenance`).
Not read: protected (DRM) streams, and HEIC pictures without the extra `heic` (FFmpeg hands out their tiles).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from PIL import UnidentifiedImageError

from lookhear.data.container import first_frames, ogg_is_cut, open_media, readable_length, sound_stream, video_stream
from lookhear.data.frames import Frame, Sampling
from lookhear.data.local_file import ClipError, checked_head, is_text, sha256_of
from lookhear.data.picture import read_picture, refused_heic
from lookhear.data.sound import SoundQuality, SoundReader
from lookhear.data.video import shown_size, video_frames

__all__ = ["Clip", "ClipError", "Frame", "SoundQuality", "SoundReader"]


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
        head = checked_head(file)
        sha256 = sha256_of(file)
        clip = _picture_clip(file, sha256)
        if clip is not None:
            return clip
        if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1"):
            raise ClipError(refused_heic(file))
        if is_text(head):
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
        return SoundReader(self.path, sample_rate_hz, round(block_s * sample_rate_hz), self.duration_s)

    def frames(self, count: int, max_side_px: int = 1024) -> list[Frame]:
        """What is on screen in the middle of each of `count` equal parts; a picture is one frame.

        A moment that still shows the same frame is left out, so there may be fewer.

        Raises:
            ClipError: the clip has no picture, or none of those can be decoded.
            ValueError: the count or the size is not positive.
        """
        if count < 1 or max_side_px < 1:
            raise ValueError(f"Ask for at least one frame of one pixel, not {count} of {max_side_px}.")
        return list(self._frames(count, max_side_px))

    def sampled_frames(self, sampling: Sampling | None = None) -> Iterator[Frame]:
        """The same one by one, as many as a sampling asks for, so that the largest take no memory together.

        Raises:
            ClipError: the clip has no picture, or none of those can be decoded.
        """
        sampling = sampling or Sampling()
        return self._frames(sampling.count(self.duration_s), sampling.max_side_px)

    def _frames(self, count: int, max_side_px: int) -> Iterator[Frame]:
        if not self.has_picture:
            raise ClipError(f"{self.path.name} has no picture; only its sound can be used.")
        if self.kind == "picture":
            yield Frame(0.0, read_picture(self.path, max_side_px).image)
            return
        frames = video_frames(self.path, count, max_side_px, self.duration_s)
        first = next(frames, None)
        if first is None:
            raise ClipError(f"No frame of {self.path.name} could be decoded; convert it to MP4 and try again.")
        yield first
        yield from frames

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self) | {"path": str(self.path), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Clip:
        """The clip that `to_json` wrote; the file is not looked at."""
        return cls(**record | {"path": Path(record["path"]), "notes": tuple(record["notes"])})


def _picture_clip(file: Path, sha256: str) -> Clip | None:
    """The clip of a still picture, or None for a file that is none."""
    try:
        picture = read_picture(file, max_side_px=64)
    except UnidentifiedImageError:
        return None
    width, height = picture.size_px
    return Clip(file, "picture", sha256, picture.format, None, False, True, width, height, notes=picture.notes)


def _media_clip(file: Path, sha256: str, is_mp4: bool) -> Clip:
    with open_media(file, is_mp4) as container:
        sound, video = sound_stream(container), video_stream(container)
        streams = [stream for stream in (sound, video) if stream is not None]
        if not streams:
            raise ClipError(f"{file.name} holds neither sound nor picture that can be decoded; convert it first.")
        first = first_frames(file, container, streams)
        end_s, notes = readable_length(container, streams)
        clip = Clip(file, "sound", sha256, container.format.name, end_s, notes=notes)
        if "video" in first and video is not None:
            width, height = shown_size(first["video"], video)
            clip = replace(clip, kind="video", has_picture=True, width_px=width, height_px=height)
        if "audio" in first:
            rate, channels = first["audio"].sample_rate, len(first["audio"].layout.channels)
            clip = replace(clip, has_sound=True, sample_rate_hz=rate, channels=channels)
    cut = clip.format == "ogg" and not notes and ogg_is_cut(file)
    return replace(clip, notes=("The file breaks off in the middle of a page.",)) if cut else clip
