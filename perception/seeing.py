"""A clip's pictures in, evidence out: what the scene looks like, and what is written in it.

A video is decoded once: while its frames pass by on their way to the reader, each leaves a thumbnail and the small
square that CLIP takes. Either half may be missing on a machine: CLIP's weights must be fetched, and the reader needs
the package rapidocr; what is missing is said by the caller, who knows from `sight` and `reader` (None).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec

from jaxtyping import UInt8
from numpy import ndarray

from lookhear.data.clip import Clip, ClipError
from lookhear.data.frames import Frame, Sampling
from lookhear.data.local_file import sha256_of
from lookhear.data.preview import PreviewFrame, thumbnail
from lookhear.perception.evidence import Evidence
from lookhear.perception.geoclip_image import has_clip
from lookhear.perception.sharpness import fitted_path
from lookhear.perception.sight import FrameFeatures, Sight, spread
from lookhear.perception.species import Progress, silent
from lookhear.perception.writing.reading import Reader
from lookhear.perception.writing.sign import Sign

THUMBNAILS = 8
"""Frames of a clip that are shown…"""

SIGN_FRAMES = 4
"""…and so many more at most, for signs to be boxed in."""


@dataclass(frozen=True, eq=False)
class Seen:
    """All that was seen in a clip."""

    evidence: tuple[Evidence, ...] = ()
    """Findings: the look of the scene, and writing; not numbered."""
    frames: tuple[PreviewFrame, ...] = ()
    """Some frames, small, to be shown."""
    features: FrameFeatures | None = None
    """What the frames look like, where CLIP is there."""
    signs: tuple[Sign, ...] = ()
    """What was read."""
    notes: tuple[str, ...] = ()
    """What a person should know, in sentences."""


@dataclass
class Seeing:
    """What looks at pictures, loaded when the first picture comes.

    Example:
        >>> Seeing.offline().look(Clip.open("street.jpg")).evidence                 # doctest: +SKIP
    """

    load_sight: Callable[[], Sight | None] = lambda: None
    """Gets what knows looks, or None."""
    load_reader: Callable[[], Reader | None] = lambda: None
    """Gets what reads, or None."""
    sampling: Sampling = field(default_factory=Sampling)
    """How densely clips are looked at."""

    @classmethod
    def offline(cls, progress: Progress = silent) -> Seeing:
        """With what is on this machine."""
        return cls(lambda: Sight.load(progress) if has_clip() else None, installed_reader)

    @cached_property
    def sight(self) -> Sight | None:
        """What knows looks."""
        return self.load_sight()

    @cached_property
    def reader(self) -> Reader | None:
        """What reads."""
        return self.load_reader()

    def look(self, clip: Clip) -> Seen:
        """Look at a clip; nothing is seen in one without pictures, or with damaged ones beside its sound.

        Raises:
            ClipError: none of its pictures can be decoded, and it has no sound.
            MissingModelError: GeoCLIP is not on this machine.
        """
        if not clip.has_picture:
            return Seen()
        passed = _Passed(self.sight)
        frames = passed.through(clip.sampled_frames(self.sampling))
        try:
            read, signs = self.reader.evidence(frames) if self.reader else ((), ())
            for _ in frames:  # those that the reader left, or all
                pass
        except ClipError as error:
            if not clip.has_sound:
                raise
            return Seen(notes=(str(error),))
        shown = chosen(passed.thumbnails, signs)
        if self.sight is None:
            return Seen(read, shown, None, signs)
        features = self.sight.look(passed.squares)
        return Seen((self.sight.evidence(features, clip.duration_s), *read), shown, features, signs)


class _Passed:
    """What frames leave behind while they pass by."""

    def __init__(self, sight: Sight | None) -> None:
        self._sight = sight
        self.thumbnails: list[PreviewFrame] = []
        self.squares: list[tuple[float, UInt8[ndarray, "size size 3"]]] = []

    def through(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames."""
        for frame in frames:
            self.thumbnails.append(thumbnail(frame))
            if self._sight is not None:
                self.squares.append((frame.time_s, self._sight.square(frame.pixels)))
            yield frame


def chosen(frames: Sequence[PreviewFrame], signs: Sequence[Sign]) -> tuple[PreviewFrame, ...]:
    """Frames to show: some spread over the clip, and those in which the first few signs were read."""
    kept = set(spread(len(frames), THUMBNAILS))
    for sign in signs[:SIGN_FRAMES]:
        kept.add(min(range(len(frames)), key=lambda k: abs(frames[k].time_s - sign.read_s)))
    return tuple(frames[k] for k in sorted(kept))


def eyes() -> list[str]:
    """What pictures are looked at with on this machine; whatever changes an answer changes it."""
    fitted = [f"sharpness {sha256_of(fitted_path())[:12]}"] if fitted_path().exists() else []
    sight = ["sight", *fitted] if has_clip() else []
    return sight + (["writing"] if can_read() else []) + (["tesseract"] if shutil.which("tesseract") else [])


def installed_reader() -> Reader | None:
    """The reader, where its package is installed."""
    return Reader.load() if can_read() else None


def can_read() -> bool:
    """Whether the package that reads is installed."""
    return find_spec("rapidocr") is not None
