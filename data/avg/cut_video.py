"""One raw video to its record and clips: cut, filter, write.

In: a video and the settings. Out: a `CutVideo`, whose good clips lie in the work folder. The filters look at the video
itself, not at the clip: coding rounds off what some of them look for; only what passes all of them is coded.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from lookhear.data.atomic import write_atomic
from lookhear.data.avg.build_state import WORK, CutClip, CutVideo, forget, save_state
from lookhear.data.avg.clip_file import EncodeConfig, clip_files
from lookhear.data.avg.cuts import CutConfig, clip_spans
from lookhear.data.avg.filters import FILTERS
from lookhear.data.avg.moments import Span, frames_at
from lookhear.data.avg.repeats import Prints
from lookhear.data.clip import Clip, ClipError

if TYPE_CHECKING:
    from lookhear.data.avg.filters.segment import Segment

THUMBNAIL_PX = 96
"""Longer side of the pictures in the report."""


@dataclass(frozen=True)
class CutSettings:
    """All that shapes the clips of one video."""

    cuts: CutConfig = field(default_factory=CutConfig)
    """How clips are cut."""
    encode: EncodeConfig = field(default_factory=EncodeConfig)
    """How clips are written."""
    filters: tuple[str, ...] = tuple(FILTERS)
    """Names of the filters that a clip must pass."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.filters if name not in FILTERS]
        if unknown:
            raise ValueError(f"There is no filter named {unknown[0]!r}; choose from {', '.join(FILTERS)}.")

    @property
    def digest(self) -> str:
        """Changes with the settings and with the version of Lookhear."""
        text = json.dumps([version("lookhear"), asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def cut_video(path: Path, recording_id: str, out: Path, settings: CutSettings) -> CutVideo:
    """Cut a video, write its good clips and then its record; what an earlier run left of it goes first.

    Raises:
        ClipError: it cannot be read, or lacks sound or moving pictures.
    """
    clip = Clip.open(path)
    if clip.kind != "video" or not clip.has_sound:
        raise ClipError(f"{path.name} has {_lack(clip)}; a clip of the set needs sound and moving pictures.")
    if not clip.duration_s:
        raise ClipError(f"{path.name} does not say how long it is; convert it to MP4 and try again.")
    forget(out, recording_id)
    spans, short = clip_spans(clip, settings.cuts)
    judged = [_judged(path, recording_id, span, settings) for span in spans]
    good = _written(clip, [one for one in judged if not one.reasons], out / WORK, settings.encode)
    clips = tuple(good.get(one.clip_id, one) for one in judged)
    video = CutVideo(recording_id, settings.digest, round(clip.duration_s, 3), clips, tuple(short))
    save_state(out, video)
    return video


def _lack(clip: Clip) -> str:
    return "no sound" if clip.kind == "video" else "no moving pictures"


def _judged(path: Path, recording_id: str, span: Span, settings: CutSettings) -> CutClip:
    """A stretch, what the filters said of it, and its middle picture."""
    from lookhear.data.avg.filters.segment import Segment

    start_s, end_s = span
    reasons = complaints(Segment.of(path, start_s, end_s), {name: FILTERS[name] for name in settings.filters})
    clip_id = f"{recording_id}-{round(start_s * 1000):08d}"
    return CutClip(clip_id, start_s, end_s, reasons, thumbnail=_thumbnail(path, (start_s + end_s) / 2))


def complaints(segment: Segment, filters: Mapping[str, Callable[[Segment], str | None]]) -> dict[str, str]:
    """What each filter has against a stretch; those that have nothing are left out."""
    said = ((name, judge(segment)) for name, judge in filters.items())
    return {name: reason for name, reason in said if reason}


def _written(clip: Clip, good: list[CutClip], folder: Path, config: EncodeConfig) -> dict[str, CutClip]:
    """The good clips with the digests of their files, by identity."""
    files = clip_files(clip, [(one.start_s, one.end_s) for one in good], config)
    done: dict[str, CutClip] = {}
    for one, content in zip(good, files, strict=True):
        path = folder / f"{one.clip_id}.mp4"
        write_atomic(path, content)
        sha256 = hashlib.sha256(content).hexdigest()
        done[one.clip_id] = replace(one, sha256=sha256, prints=Prints.of(Clip.open(path)).to_json())
    return done


def _thumbnail(path: Path, time_s: float) -> str | None:
    frame: Any = next(frames_at(path, [time_s], THUMBNAIL_PX), None)
    if frame is None:
        return None
    file = io.BytesIO()
    Image.fromarray(frame.pixels).save(file, "JPEG", quality=70)
    return base64.b64encode(file.getvalue()).decode()
