"""`lookhear locate PATH… -o DIR`: files, folders and globs in, one answer a clip out.

In DIR: `<name>.json` for every clip (the whole record), `<name>.<ending>` for every other format, `results.csv` with a
row a clip, and `failed.csv` with a line for every clip that could not be used. Every file is whole or not there.
A clip whose record was made from the same bytes with the same settings is not located again.
"""

from __future__ import annotations

import csv
import datetime
import glob
import hashlib
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from tqdm import tqdm

from lookhear.data.atomic import only_writer, write_atomic
from lookhear.data.local_file import MEDIA, sha256_of
from lookhear.data.models import MissingModelError
from lookhear.data.outline import outline_name
from lookhear.prediction.posterior import Prior
from lookhear.scripts.locate_paper import PaperConfig, load_paper

if TYPE_CHECKING:
    from lookhear.prediction.result import Result

Format = Literal["html", "json", "geojson", "kml", "csv", "raven", "audacity"]


@dataclass(frozen=True)
class LocateConfig:
    """Say where recordings were made, how sure that is, and why."""

    paths: tyro.conf.Positional[tuple[str, ...]]
    """Videos, sounds, pictures, folders or globs; put -- before names that begin with a dash."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("lookhear-results")
    """Folder for the results."""
    formats: Annotated[tuple[Format, ...], tyro.conf.arg(aliases=["-f"])] = ("html", "json")
    """What to write for each clip; json is always written, since it is the record that a resumed run reads."""
    date: str | None = None
    """Day of the recording, as 2024-05-31, if it is known; it narrows the season."""
    week: int | None = None
    """The same as a week from 1 to 48, four a month, as BirdNET counts."""
    region: str | None = None
    """Search only within a country (name or ISO code) or a GeoJSON file with a polygon."""
    prior: Prior = "recordings"
    """What is assumed before listening: places where people record, or live, all land, or all the Earth alike."""
    head: Path | None = None
    """Folder of a trained head (`lookhear train flow`) that makes the density; by default it is the evidence's own."""
    preset: Literal["offline", "paper"] = "offline"
    """What answers: the offline chain, or the paper's own from CLAP to LLaVA (docs/paper-preset.md)."""
    paper: PaperConfig = field(default_factory=PaperConfig)
    """Weights for the preset "paper"."""
    coarsen_km: float = 0.0
    """Round every place in the output to cells that are on average at least this wide, and show nothing of the clip."""
    overwrite: bool = False
    """Locate again what was located before."""
    quiet: bool = False
    """No progress bars."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("Name at least one file, folder or glob.")
        if self.date is not None and self.week is not None:
            raise ValueError("--date and --week say the same thing; give one of them.")
        if self.week is not None and not 1 <= self.week <= 48:
            raise ValueError(f"--week counts from 1 to 48, four a month, but {self.week} was given.")
        if self.date is not None:
            _day(self.date)
        narrowed = self.week or self.date or self.region or self.head or self.prior != "recordings"
        if self.preset == "paper" and narrowed:
            raise ValueError(
                "--preset paper answers by its own flow: leave out --week, --date, --region, --prior, --head."
            )
        if self.preset != "paper" and self.paper != PaperConfig():
            raise ValueError("Options that begin with --paper are weights of the paper's chain; add --preset paper.")
        if self.head is not None and self.prior != "recordings":
            raise ValueError("A trained head has learnt its prior: leave out --prior, or --head.")
        if self.coarsen_km < 0:
            raise ValueError(f"--coarsen-km cannot be negative, but {self.coarsen_km} was given.")

    def settings(self) -> dict[str, Any]:
        """The settings that shape an answer, as its record carries them."""
        from lookhear.perception.ranges import birdnet_week

        coarse = {"coarsen_km": self.coarsen_km} if self.coarsen_km else {}
        if self.preset == "paper":
            return self.paper.settings() | coarse
        week = birdnet_week(_day(self.date)) if self.date else self.week
        region = outline_name(self.region) if self.region else None
        settings: dict[str, Any] = {"week": week, "prior": self.prior, "region": region}
        if self.head is not None:
            from lookhear.prediction.trained_head import head_digest

            settings["head"] = head_digest(self.head)
        return settings | coarse


@dataclass
class Tally:
    """How a run went."""

    done: list[Path] = field(default_factory=list)
    """Records of the clips that have an answer."""
    resumed: int = 0
    """How many of them were there before."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Clips without an answer, and why."""


def locate(config: LocateConfig) -> int:
    """Run the command; 0: every clip has an answer, 1: some failed, 2: nothing could be tried."""
    clips, missing = find_clips(config.paths, config.out)
    _check_before(config)
    config.out.mkdir(parents=True, exist_ok=True)
    with only_writer(config.out):
        tally = _locate_all(config, name_clips(clips))
        tally.failed += missing
        _write_tables(config, tally)
    _report(config, tally)
    return 1 if tally.failed else 0


def find_clips(paths: Iterable[str], out: Path | None = None) -> tuple[list[tuple[Path, Path]], list[tuple[str, str]]]:
    """Files to locate, each once with its path below what was named, and what was named in vain, with the reason.

    Raises:
        FileNotFoundError: nothing at all was found.
    """
    found: dict[Path, Path] = {}
    missing: list[tuple[str, str]] = []
    for text in paths:
        matches = [text] if Path(text).exists() else sorted(glob.glob(text, recursive=True))
        files = [pair for match in matches for pair in _files(Path(match), out)]
        if not files and not (out and out.exists() and matches == [text] and out.samefile(text)):
            reason = "holds no video, sound or picture" if matches else "does not exist and matches no file"
            missing.append((text, f"{text} {reason}."))
        for file, below in files:
            found.setdefault(file.resolve(), below)
    if not found:
        raise FileNotFoundError(" ".join(reason for _, reason in missing) or "There is nothing to locate.")
    return list(found.items()), missing


def _files(path: Path, out: Path | None) -> Iterator[tuple[Path, Path]]:
    """A file itself; of a folder the media in it, but not what lies in the folder for the results."""
    if not path.is_dir():
        yield path, Path(path.name)
        return
    for file in sorted(path.rglob("*")):
        ours = out is not None and out.resolve() in file.resolve().parents
        if file.suffix.lower() in MEDIA and file.is_file() and not ours:
            yield file, file.relative_to(path)


def name_clips(clips: list[tuple[Path, Path]]) -> list[tuple[Path, str]]:
    """Each clip with the name of its results: its own, made unique where two clips share it."""
    stems = [below.with_suffix("").as_posix().replace("/", "__").lstrip(".-") or "clip" for _, below in clips]
    times = Counter(stem.lower() for stem in stems)
    return [
        (file, stem if times[stem.lower()] == 1 else f"{stem}.{hashlib.sha256(str(file).encode()).hexdigest()[:8]}")
        for (file, _), stem in zip(clips, stems, strict=True)
    ]


def _check_before(config: LocateConfig) -> None:
    """Find out before the first clip what would fail for all of them."""
    if config.region is not None:
        from lookhear.data.outline import read_outline

        read_outline(config.region)
    if config.coarsen_km:
        from lookhear.prediction.coarsen import level_of_width

        level_of_width(config.coarsen_km)


def _locate_all(config: LocateConfig, clips: list[tuple[Path, str]]) -> Tally:
    tally, settings, answer = Tally(), config.settings(), None
    for file, name in tqdm(clips, "Locating", unit="clip", disable=config.quiet or len(clips) == 1):
        try:
            name = _free_name(config.out, name, file)
            record = config.out / f"{name}.json"
            result = before = None if config.overwrite else _finished(record, file, settings)
            if result is None:
                answer = answer or _load(config, settings)
                result = _one(answer, file, config)
            _save(result, config, name, resumed=before is not None)
            tally.resumed += before is not None
            tally.done.append(record)
            tqdm.write(f"{file.name}: {result.outlook.headline}")
        except (MissingModelError, PermissionError):
            raise
        except Exception as error:  # one bad clip must not stop the batch, whatever is wrong with it
            tally.failed.append((str(file), _sentence(error)))
            tqdm.write(f"{file.name}: {_sentence(error)}", file=sys.stderr)
    return tally


def _load(config: LocateConfig, settings: dict[str, Any]) -> Callable[[Path], Result]:
    """Open the models; what comes back answers for one clip."""
    from lookhear.prediction.locator import Locator
    from lookhear.prediction.trained_head import TrainedHead

    def progress(steps: range, what: str) -> Iterator[int]:
        return iter(tqdm(steps, what, unit="month", disable=config.quiet))

    if config.preset == "paper":
        return load_paper(config.paper, settings)
    locator = Locator.offline(progress)
    if config.head is not None:
        locator = replace(locator, head=TrainedHead.load(config.head))
    return lambda file: locator.locate(file, settings["week"], settings["prior"], config.region)


def _one(answer: Callable[[Path], Result], file: Path, config: LocateConfig) -> Result:
    result = answer(file)
    if not config.coarsen_km:
        return result
    from lookhear.prediction.coarsen import coarsen

    return coarsen(result, config.coarsen_km)


def _finished(record: Path, file: Path, settings: dict[str, Any]) -> Result | None:
    """The earlier answer, if it was made from the same bytes, with the same settings and senses, by this version."""
    from importlib.metadata import version

    from lookhear.prediction.locator import senses_of

    result = _read(record)
    if result is None or result.settings != settings or result.run["lookhear"] != version("lookhear"):
        return None
    if sha256_of(file) != result.clip.sha256:
        return None
    if settings.get("preset") != "paper" and not senses_of(result.clip).items() <= result.run.items():
        return None  # the paper's senses are among its weights
    return result if result.is_coarse else replace(result, clip=replace(result.clip, path=file))


def _free_name(out: Path, name: str, file: Path) -> str:
    """The name, or a longer one where an earlier run gave it to another clip.

    Raises:
        FileExistsError: a file of that name is no record of ours.
    """
    record = out / f"{name}.json"
    if not record.exists():
        return name
    if not _is_record(record):
        raise FileExistsError(f"{record} is not a record of Lookhear; give another folder with -o.")
    before = _read(record)
    if before is None or before.clip.path.resolve() == file or before.clip.sha256 == sha256_of(file):
        return name
    return f"{name}.{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"


def _is_record(file: Path) -> bool:
    """Whether a file looks like a record of ours, whole or damaged."""
    return file.is_file() and b'"schema"' in file.read_bytes()[:64]


def _read(record: Path) -> Result | None:
    """The result in a record, or None if there is none or it is damaged."""
    from lookhear.prediction.result import Result

    try:
        return Result.from_json(json.loads(record.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _save(result: Result, config: LocateConfig, name: str, *, resumed: bool) -> None:
    """Write the formats, or those that an earlier run did not; the record comes last: it means "finished"."""
    from lookhear.prediction.writers import WRITERS

    wanted = [f for f in config.formats if f not in ("json", "csv")] + ["json"]
    paths = {f: config.out / f"{name}.{writer.EXTENSION}" for f, writer in WRITERS.items() if f != "csv"}
    if (
        not resumed and paths["json"].exists()
    ):  # what an earlier run wrote with other settings must not stand beside the new answer
        for path in paths.values():
            path.unlink(missing_ok=True)
    result.save(config.out, [f for f in wanted if not (resumed and paths[f].exists())], name)


def _write_tables(config: LocateConfig, tally: Tally) -> None:
    """The table of all answers in the folder, where it is wanted or was before; and what failed in this run."""
    from lookhear.prediction.writers.csv_table import write_table

    table = config.out / "results.csv"
    if "csv" in config.formats or table.exists():
        records = (_read(path) for path in sorted(config.out.glob("*.json")) if _is_record(path))
        write_atomic(table, write_table(result for result in records if result is not None))
    failed = config.out / "failed.csv"
    if tally.failed:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("file", "error"), *tally.failed])
        write_atomic(failed, text.getvalue())
    else:
        failed.unlink(missing_ok=True)


def _report(config: LocateConfig, tally: Tally) -> None:
    parts = [f"{len(tally.done)} located" + (f" ({tally.resumed} before)" if tally.resumed else "")]
    if tally.failed:
        parts.append(f"{len(tally.failed)} failed, see {config.out / 'failed.csv'}")
    print(f"{'; '.join(parts)}. Results are in {config.out}")


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"--date must be a day like 2024-05-31, but {text!r} was given.") from error


def _sentence(error: Exception) -> str:
    """An expected error's own sentence, or what kind of bug this is."""
    return str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
