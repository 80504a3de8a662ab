"""Raw videos to an AVG-style data set: cut, filtered, without repeats, split by place.

In: a folder of raw videos with what describes them (see `raw`). Out, in another folder:

    metadata.jsonl                     a `ClipRow` a line, in order of clip_id; there only when the set is whole
    train/ validation/ test/           the clips, <recording>-<start in ms>.mp4, and their lines again, for `datasets`
    rejected.jsonl                     what was left out, and why, a `Rejection` a line
    report.html                        the same to look at
    .build/                            records of finished videos, and clips that are not part of the set

Killed at any moment, a build goes on where it was: a video with a record is not cut again, and the set is put together
anew from the records, metadata.jsonl last. Every file depends on the videos and the settings alone, so the folder ends
up the same byte for byte, broken off or not, with any number of processes. A video that cannot be used is a problem in
the report, and the rest goes on. Nothing is downloaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookhear.data.atomic import only_writer, remove_halves, write_atomic
from lookhear.data.avg.build_state import WORK, CutVideo, find_clip, load_state
from lookhear.data.avg.cut_pool import Task, cut_all
from lookhear.data.avg.cut_video import CutSettings
from lookhear.data.avg.raw import RawProblem, RawVideo, read_raw
from lookhear.data.avg.row import METADATA, SPLITS, ClipRow, write_rows
from lookhear.data.avg.selection import Rejection, select
from lookhear.data.avg.split_lists import SPLIT_LIST, write_split_lists
from lookhear.data.avg.splits import SplitConfig
from lookhear.data.local_file import ClipError, sha256_of

REJECTED, REPORT = "rejected.jsonl", "report.html"

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]
"""Passes things on and shows how many of how many have come, and of what."""


@dataclass(frozen=True)
class Build:
    """How a build came out."""

    rows: tuple[ClipRow, ...]
    """The set."""
    rejected: tuple[Rejection, ...]
    """What was left out."""
    problems: tuple[RawProblem, ...]
    """Videos that could not be used."""
    videos: tuple[tuple[RawVideo, CutVideo], ...]
    """Videos that were cut, by recording."""


def build(
    raw: Path,
    out: Path,
    settings: CutSettings | None = None,
    splits: SplitConfig | None = None,
    jobs: int = 1,
    progress: Progress = lambda things, count, what: things,
) -> Build:
    """Build a set, or go on with one.

    Raises:
        FileNotFoundError: there is no raw video.
        FileExistsError: the folder holds what was not built here.
        BlockingIOError: another build writes to the folder.
    """
    settings, splits = settings or CutSettings(), splits or SplitConfig()
    videos, problems = read_raw(raw)
    _check_folder(raw, out)
    (out / WORK).mkdir(parents=True, exist_ok=True)
    with only_writer(out):
        remove_halves(out / WORK)
        first, again, unreadable = _by_recording(raw, videos, progress)
        cut, failed = _cut(raw, out, first, settings, jobs, progress)
        kept, rejected = select([(first[one], cut[one]) for one in sorted(cut)], splits)
        result = Build(
            tuple(kept),
            tuple(sorted([*again, *rejected], key=_in_order)),
            tuple(sorted([*problems, *unreadable, *failed], key=lambda problem: problem.name)),
            tuple((first[one], cut[one]) for one in sorted(cut)),
        )
        _write(out, result)
    return result


def _in_order(one: Rejection) -> tuple[str, float, str]:
    return one.video, one.start_s or 0.0, one.clip_id or ""


def _check_folder(raw: Path, out: Path) -> None:
    """Refuse to write over what was not built here, or among the raw videos."""
    if out.resolve() == raw.resolve() or raw.resolve() in out.resolve().parents:
        raise FileExistsError(
            f"{out} lies among the raw videos, where its clips would be cut again; give another folder."
        )
    if out.exists() and not (out / WORK).is_dir() and any(out.iterdir()):
        raise FileExistsError(f"{out} holds files that were not built here; give another folder.")


def _by_recording(
    raw: Path, videos: list[RawVideo], progress: Progress
) -> tuple[dict[str, RawVideo], list[Rejection], list[RawProblem]]:
    """Videos by the identity of their bytes, the first name of each; then the other names, and what cannot be read."""
    first: dict[str, RawVideo] = {}
    again: list[Rejection] = []
    unreadable: list[RawProblem] = []
    for video in progress(videos, len(videos), "Reading"):
        try:
            recording_id = sha256_of(raw / video.name)[:12]
        except (OSError, ClipError) as error:
            unreadable.append(RawProblem(video.name, f"{video.name} was passed over: {error}"))
            continue
        kept = first.setdefault(recording_id, video)
        if kept is not video:
            again.append(Rejection(video.name, {"repeat": f"It is the same file as {kept.name}."}))
    return first, again, unreadable


def _cut(
    raw: Path, out: Path, videos: dict[str, RawVideo], settings: CutSettings, jobs: int, progress: Progress
) -> tuple[dict[str, CutVideo], list[RawProblem]]:
    """Cut the videos that have no record; all that are cut, by recording, and what went wrong."""
    known = {one: load_state(out, one, settings.digest) for one in videos}
    tasks = [Task(raw / video.name, one, out, settings) for one, video in videos.items() if known[one] is None]
    done = {one: state for one, state in known.items() if state is not None}
    problems = []
    for task, result in progress(cut_all(tasks, jobs), len(tasks), "Cutting"):
        if isinstance(result, CutVideo):
            done[task.recording_id] = result
        else:
            problems.append(RawProblem(videos[task.recording_id].name, result))
    return done, problems


def _write(out: Path, result: Build) -> None:
    """Put every clip where it belongs, then the lists, and the metadata last: it means "whole"."""
    from lookhear.data.avg.build_report import report_page

    places = {row.clip_id: out / str(row.file_name) for row in result.rows}
    moves = list(_moves(out, places))
    if moves:
        for path in (out / METADATA, *(out / split / SPLIT_LIST for split in SPLITS)):
            path.unlink(missing_ok=True)
    for split in SPLITS:
        (out / split).mkdir(exist_ok=True)
    for path, wanted in moves:
        os.replace(path, wanted)
    rejected = "".join(json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in result.rejected)
    write_atomic(out / REJECTED, rejected)
    write_atomic(out / REPORT, report_page(result))
    write_split_lists(out, result.rows)
    write_rows(out, result.rows)


def _moves(out: Path, places: dict[str, Path]) -> Iterator[tuple[Path, Path]]:
    """Clips that do not lie where they should, and where that is: in their split, or in the work folder."""
    lying = {path for folder in (*SPLITS, WORK) for path in (out / folder).glob("*.mp4")}
    for path in sorted(lying):
        wanted = places.get(path.stem, out / WORK / path.name)
        if path != wanted:
            yield path, wanted
    for clip_id in places:
        assert find_clip(out, clip_id) is not None, "a record is good only with its clips"
