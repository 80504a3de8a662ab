"""Lines of many frames in, signs out: one sign in several frames is one sign, and a frame like the last is not read.

A line belongs to the sign with the same text, or else to the sign just seen near there whose text is most like it; so a
sign that comes back is the same sign at another moment. Of all readings of a sign the best counts: the one most often
read, by confidence.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from operator import sub

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image

from lookhear.data.frames import Frame
from lookhear.perception.evidence import Moment
from lookhear.perception.writing.languages import guess_languages
from lookhear.perception.writing.reader import Line, LineReader, cut_out, shrunk
from lookhear.perception.writing.scripts_of_text import main_script
from lookhear.perception.writing.sign import Sign

SAME_TEXT = 0.7
"""Likeness of two texts (Ratcliff and Obershelp's, 1 is equal) from which a moving line may be one sign."""

NEAR = 0.25
"""How far its box may have moved, in shares of the picture; a sign of equal text may be anywhere."""

GAP_S = 3.0
"""A sign that was out of sight for longer begins a new moment."""

THUMB_PX = (96, 54)
"""Frames are compared as grey pictures of this size…"""

CHANGED = 6.0
"""…and one is read if any ninth of it (3 × 3) differs by so many of 255 steps on average."""

CROP_PX = 320
"""Longest side of a sign's crop."""


@dataclass
class Track:
    """One sign as it is followed."""

    readings: list[Line] = field(default_factory=list)
    """What was read of it, in order."""
    times_s: list[float] = field(default_factory=list)
    """The moment of each reading."""
    moments: list[Moment] = field(default_factory=list)
    """When it was seen."""
    crop: bytes = b""
    """Its clearest crop."""

    @property
    def best(self) -> tuple[Line, float]:
        """The reading that most confidence stands behind, and its moment; of equal texts, the surest."""
        behind: dict[str, float] = defaultdict(float)
        for line in self.readings:
            behind[line.text] += line.confidence**2
        timed = zip(self.readings, self.times_s, strict=True)
        return max(timed, key=lambda one: (behind[one[0].text], one[0].confidence))

    def likeness(self, line: Line, time_s: float) -> float:
        """How much a line at a moment is like this sign's last reading; 0 where it cannot be the same."""
        last = self.readings[-1]
        before, now = last.text.casefold(), line.text.casefold()
        if before == now:
            return 1.0
        if time_s - self.moments[-1].end_s > GAP_S or max(map(abs, map(sub, last.middle, line.middle))) > NEAR:
            return 0.0
        alike = SequenceMatcher(None, before, now, autojunk=False).ratio()
        return alike if alike >= SAME_TEXT else 0.0

    def add(self, line: Line, time_s: float, pixels: UInt8[ndarray, "h w 3"]) -> None:
        """One more reading."""
        if not self.readings or line.confidence > max(one.confidence for one in self.readings):
            self.crop = jpeg(cut_out(pixels, line.corners, margin=0.3))
        self.readings.append(line)
        self.times_s.append(time_s)
        self.see(time_s, line.confidence)

    def see(self, time_s: float, score: float) -> None:
        """It was in sight at a moment."""
        last = self.moments[-1] if self.moments else None
        if last is not None and time_s - last.end_s <= GAP_S:
            self.moments[-1] = Moment(last.start_s, time_s, max(last.score, score))
        else:
            self.moments.append(Moment(time_s, time_s, score))

    def sign(self) -> Sign:
        """What it comes to."""
        best, frame_s = self.best
        return Sign(
            text=best.text,
            script=main_script(best.text),
            languages=guess_languages(best.text),
            moments=tuple(self.moments),
            box=best.corners,
            crop=self.crop,
            confidence=best.confidence,
            reader=best.reader,
            frame_s=frame_s,
        )


@dataclass
class Tracker:
    """Follows signs from frame to frame.

    Example:
        >>> tracker = Tracker(RapidReader())                                        # doctest: +SKIP
        >>> signs = tracker.follow(frames)
    """

    reader: LineReader
    """Reads one picture."""
    frames_read: int = 0
    """Frames that were read so far."""
    frames_seen: int = 0
    """Frames that were looked at so far."""

    def follow(self, frames: Iterable[Frame]) -> tuple[Sign, ...]:
        """The signs of a clip, in the order in which they came in sight."""
        tracks: list[Track] = []
        in_sight: list[Track] = []
        last: ndarray | None = None
        for frame in frames:
            self.frames_seen += 1
            thumb = thumbnail(frame.pixels)
            if last is not None and not has_changed(last, thumb):
                for track in in_sight:
                    track.see(frame.time_s, track.readings[-1].confidence)
                continue
            self.frames_read += 1
            last = thumb
            in_sight = assign(tracks, self.reader.lines(frame.pixels), frame)
        return tuple(track.sign() for track in tracks)


def assign(tracks: list[Track], lines: list[Line], frame: Frame) -> list[Track]:
    """Give each line to its sign, or make it a new one; the signs in sight."""
    free = list(tracks)
    in_sight = []
    for line in sorted(lines, key=lambda one: -one.confidence):
        alike = [track.likeness(line, frame.time_s) for track in free]
        best = int(np.argmax(alike)) if alike else -1
        if best >= 0 and alike[best] > 0:
            fitting = free.pop(best)
        else:
            fitting = Track()
            tracks.append(fitting)
        fitting.add(line, frame.time_s, frame.pixels)
        in_sight.append(fitting)
    return in_sight


def thumbnail(pixels: UInt8[ndarray, "h w 3"]) -> Float[ndarray, "rows columns"]:
    """A frame as a small grey picture."""
    grey = Image.fromarray(shrunk(pixels, 4 * THUMB_PX[0])).convert("L").resize(THUMB_PX, Image.Resampling.BOX)
    return np.asarray(grey, dtype=np.float64)


def has_changed(before: Float[ndarray, "rows columns"], now: Float[ndarray, "rows columns"]) -> bool:
    """Whether any ninth of a frame differs from the last one that was read."""
    rows, columns = (np.linspace(0, size, 4).astype(int)[:3] for size in before.shape)
    difference = np.abs(before - now)
    total = np.add.reduceat(np.add.reduceat(difference, rows, axis=0), columns, axis=1)
    return bool(total.max() / (before.size / 9) > CHANGED)


def jpeg(pixels: UInt8[ndarray, "h w 3"]) -> bytes:
    """A small JPEG of a picture."""
    out = io.BytesIO()
    Image.fromarray(shrunk(np.ascontiguousarray(pixels), CROP_PX)).save(out, "JPEG", quality=80)
    return out.getvalue()
