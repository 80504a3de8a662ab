"""`lookhear doctor`: can this machine locate a recording, and if not, what to do.

In: nothing but the machine. Out: one line a finding, with the remedy for each problem, as text or as JSON.
It downloads nothing and writes nothing but a temporary file to try whether it may. It knows no recording: a
machine it finds sound can still meet a file that cannot be read.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from tyro.conf import FlagCreatePairsOff

from lookhear.data.models import MODELS, Model, cache_dir, missing_sentence, size_text, state, verify

NEEDED_TO_LOCATE = ("birdnet",)
"""Models without which `lookhear locate` stops."""

ROOMY_BYTES = 2_000_000_000
"""Free space below which we warn: models, and room for a fetch beside them."""

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class DoctorConfig:
    """Say whether `lookhear locate` can run here, and what to do where it cannot."""

    full: FlagCreatePairsOff[bool] = False
    """Read every byte of the models and compare their SHA-256, not only their sizes."""
    json: FlagCreatePairsOff[bool] = False
    """Print JSON."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    section: str
    """What it belongs to: versions, device, models, folders, extras or settings."""
    name: str
    """What was looked at."""
    value: str
    """What was found."""
    status: Status = "ok"
    """A note limits something; a problem keeps `lookhear locate` from running."""
    remedy: str = ""
    """What to do; empty where all is well."""


def doctor(config: DoctorConfig) -> int:
    """Run the command; returns its exit code: 0 if `lookhear locate` can run, else 1."""
    findings = list(examine(full=config.full))
    can_locate = all(finding.status != "problem" for finding in findings)
    print(as_json(findings, can_locate) if config.json else as_text(findings, can_locate))
    return 0 if can_locate else 1


def examine(*, full: bool = False) -> Iterator[Finding]:
    """Look at everything, in the order people read it."""
    yield from _versions()
    yield from _device()
    yield from (_model(model, full) for model in MODELS.values())
    yield from _folders()
    yield from _extras()
    yield from _settings()


def as_text(findings: list[Finding], can_locate: bool) -> str:
    """The findings by section; a line below each problem says what to do."""
    mark = {"ok": " ", "note": "!", "problem": "✗"}
    width = max(len(finding.name) for finding in findings)
    lines, section = [], ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines += ["", section]
        lines.append(f"{mark[finding.status]} {finding.name.ljust(width)}  {finding.value}")
        if finding.remedy:
            lines.append(f"  {' ' * width}  → {finding.remedy}")
    problems = sum(finding.status == "problem" for finding in findings)
    verdict = "`lookhear locate` can run here."
    if not can_locate:
        verdict = f"`lookhear locate` cannot run yet: {problems} problem{'s' * (problems > 1)}, marked ✗."
    return "\n".join([*lines[1:], "", verdict])


def as_json(findings: list[Finding], can_locate: bool) -> str:
    """The same, for programs."""
    return json.dumps({"can_locate": can_locate, "findings": [asdict(one) for one in findings]}, indent=2)


def _versions() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("versions", "python", f"{platform.python_version()} ({system}), {sys.executable}")
    try:
        version = importlib.metadata.version("lookhear")
    except importlib.metadata.PackageNotFoundError:
        yield Finding("versions", "lookhear", "not installed", "problem", "run `pip install -e .` in its folder")
        return
    yield Finding("versions", "lookhear", version)
    for requirement in _requirements(""):
        fault = _fault(requirement)
        found = _installed(requirement.name) or "missing"
        remedy = f'run `pip install "{requirement}"`' if fault else ""
        yield Finding("versions", requirement.name, fault or found, "problem" if fault else "ok", remedy)


def _requirements(extra: str) -> list[Requirement]:
    """What lookhear requires for an extra alone ("": the base install), extras inside it included."""
    found = []
    for line in importlib.metadata.requires("lookhear") or []:
        one = Requirement(line)
        wanted = one.marker is None or one.marker.evaluate({"extra": extra})
        if not wanted or (extra and (one.marker is None or "extra" not in str(one.marker))):
            continue
        inner = [_requirements(name) for name in sorted(one.extras)] if one.name == "lookhear" else [[one]]
        found += [requirement for group in inner for requirement in group]
    return found


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _fault(requirement: Requirement) -> str:
    """What is wrong with an installed package; empty if nothing."""
    version = _installed(requirement.name)
    if version is None:
        return "missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{version}, but {requirement.specifier} is needed"
    return ""


def _device() -> Iterator[Finding]:
    """Import what is compiled: a package can be installed and still not load."""
    yield _loads("torch", _torch_device)
    yield _loads("av", _ffmpeg)


def _loads(package: str, describe: Callable[[], str]) -> Finding:
    try:
        return Finding("device", package, describe())
    except (ImportError, OSError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        remedy = f"run `pip install --force-reinstall --no-deps {package}` with the version above"
        return Finding("device", package, f"cannot be imported: {said}", "problem", remedy)


def _torch_device() -> str:
    import torch

    cpu = f"CPU, {torch.get_num_threads()} of {os.cpu_count()} threads"
    if torch.cuda.is_available():
        memory = size_text(torch.cuda.get_device_properties(0).total_memory)
        return f"CUDA: {torch.cuda.device_count()} × {torch.cuda.get_device_name(0)}, {memory}; {cpu}"
    return f"Apple MPS; {cpu}" if torch.backends.mps.is_available() else cpu


def _ffmpeg() -> str:
    import av

    return f"reads media with FFmpeg {av.ffmpeg_version_info}"


def _model(model: Model, full: bool) -> Finding:
    found = state(model)
    if full and found == "present":
        faults = [name for name, one in verify(model).items() if one != "present"]
        found = "damaged" if faults else "present"
    value = f"{found}, {size_text(model.size_bytes)}, {model.licence}" + (", every byte checked" if full else "")
    if found == "present":
        return Finding("models", model.name, value)
    status: Status = "problem" if model.name in NEEDED_TO_LOCATE else "note"
    return Finding("models", model.name, value, status, missing_sentence(model, found))


def _folders() -> Iterator[Finding]:
    cache = cache_dir()
    yield _folder("cache", cache, size_text(_used_bytes(cache)), "set LOOKHEAR_CACHE to a folder you may write to")
    yield _folder("working folder", Path.cwd(), "", "write elsewhere with `lookhear locate -o DIR`")


def _used_bytes(folder: Path) -> int:
    used = 0
    for path in folder.rglob("*"):
        # a fetch may be renaming its files at this very moment
        with suppress(FileNotFoundError):
            used += path.lstat().st_size if path.is_file() else 0
    return used


def _folder(name: str, path: Path, used: str, remedy: str) -> Finding:
    here = next(folder for folder in (path, *path.parents) if os.path.exists(folder))
    free_bytes = shutil.disk_usage(here).free
    value = ", ".join([str(path), *([f"holds {used}"] if used else []), f"{size_text(free_bytes)} free"])
    if not _writable(here):
        return Finding("folders", name, f"{value}, read-only", "note", remedy)
    if free_bytes < ROOMY_BYTES:
        return Finding("folders", name, value, "note", "make room on this disk")
    return Finding("folders", name, value)


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _extras() -> Iterator[Finding]:
    try:
        names = importlib.metadata.metadata("lookhear").get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        return
    yield _tesseract()
    for extra in names:
        faults = [f"{one.name} ({_fault(one)})" for one in _requirements(extra) if _fault(one)]
        value = f"no: {', '.join(faults)}" if faults else "installed"
        # nobody needs an extra to locate, so that it lacks is worth a remedy but no mark
        yield Finding("extras", extra, value, remedy=f'`pip install "lookhear[{extra}]"` adds it' if faults else "")


def _tesseract() -> Finding:
    """The program that reads the scripts that RapidOCR does not; it is no Python package."""
    from lookhear.perception.writing.tesseract import TESSERACT_LANGUAGES, TesseractReader

    reader = TesseractReader.installed()
    lacks = [script for script in TESSERACT_LANGUAGES if reader is None or script not in reader.languages]
    value = f"no: {', '.join(lacks)} are not read" if lacks else "installed"
    remedy = "`apt install tesseract-ocr tesseract-ocr-all`, or its like on your system, adds it" if lacks else ""
    return Finding("extras", "tesseract", value, remedy=remedy)


def _settings() -> Iterator[Finding]:
    for name in ("LOOKHEAR_CACHE", "LOOKHEAR_CLIP", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "OMP_NUM_THREADS"):
        yield Finding("settings", name, os.environ.get(name, "not set"))
