import hashlib
import json
import sys
import tempfile
from email.message import Message

import pytest
import tyro

from lookhear.data.model_file import FromWheel, ModelFile, Wheel
from lookhear.data.models import MODELS, Model
from lookhear.perception.writing.tesseract import TESSERACT_LANGUAGES, TesseractReader
from lookhear.scripts import doctor as doctor_module
from lookhear.scripts.doctor import DoctorConfig, Finding, as_text, doctor, examine

REQUIRES = [
    "torch==2.13.0",
    "numpy>=1.26",
    'pillow-heif>=1; extra == "heic"',
    'trl>=1; extra == "train"',
    'lookhear[heic,train]; extra == "all"',
    'pywin32; sys_platform == "nothing"',
]
INSTALLED = {"lookhear": "0.1.0", "torch": "2.13.0+cpu", "numpy": "2.1", "trl": "1.16.0"}


@pytest.fixture(autouse=True)
def healthy(tmp_path, monkeypatch):
    """A machine on which everything needed is there, and the extra `heic` is not."""
    installed = dict(INSTALLED)

    def version(name):
        if name not in installed:
            raise doctor_module.importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    about = Message()
    for extra in ("heic", "train", "all"):
        about["Provides-Extra"] = extra
    monkeypatch.setattr(doctor_module.importlib.metadata, "version", version)
    monkeypatch.setattr(doctor_module.importlib.metadata, "requires", lambda name: REQUIRES)
    monkeypatch.setattr(doctor_module.importlib.metadata, "metadata", lambda name: about)
    monkeypatch.setattr(doctor_module, "_torch_device", lambda: "CPU")
    monkeypatch.setattr(doctor_module, "_ffmpeg", lambda: "FFmpeg 8")
    monkeypatch.setattr(doctor_module, "ROOMY_BYTES", 0)
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    for name in MODELS:
        monkeypatch.setitem(MODELS, name, tiny_model(name))
        put(MODELS[name], name.encode())
    return installed


def tiny_model(name):
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    wheel = Wheel(name, "1.0", "00" * 32, 61_000_000)
    files = (ModelFile("a.bin", len(name), sha256, FromWheel(wheel, "a.bin")),)
    return Model(name, name.title(), "does little", "MIT", "https://x", None, False, "nobody", files)


def put(model, content):
    path = model.path(model.files[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def finding(name, section=None, **options):
    (found,) = [one for one in examine(**options) if one.name == name and section in (None, one.section)]
    return found


def test_a_healthy_machine_can_locate(capsys):
    assert doctor(DoctorConfig()) == 0
    out = capsys.readouterr().out
    assert out.rstrip().endswith("`lookhear locate` can run here.")
    assert "✗" not in out
    for section in ("versions", "device", "models", "folders", "extras", "settings"):
        assert f"\n{section}\n" in f"\n{out}"


def test_a_missing_model_is_a_problem_with_its_remedy(capsys):
    birdnet = MODELS["birdnet"]
    birdnet.path(birdnet.files[0]).unlink()
    assert doctor(DoctorConfig()) == 1
    out = capsys.readouterr().out
    assert "✗ birdnet" in out
    assert "→ Birdnet is not on this machine; run `lookhear fetch offline` (61 MB, MIT) first." in out
    assert "cannot run yet: 1 problem, marked ✗." in out


def test_a_model_that_is_not_needed_is_a_note_only(capsys):
    geoclip = MODELS["geoclip"]
    geoclip.path(geoclip.files[0]).unlink()
    assert doctor(DoctorConfig()) == 0
    assert "! geoclip" in capsys.readouterr().out


def test_only_the_full_check_reads_every_byte():
    put(MODELS["birdnet"], b"BIRDNET")
    assert finding("birdnet").status == "ok"
    found = finding("birdnet", full=True)
    assert found.status == "problem"
    assert found.value.startswith("damaged")
    assert "Birdnet is damaged; run `lookhear fetch offline`" in found.remedy
    assert doctor(DoctorConfig(full=True)) == 1


@pytest.mark.parametrize(
    ("version", "value", "status"),
    [
        ("2.13.0+cu130", "2.13.0+cu130", "ok"),
        ("2.12.1", "2.12.1, but ==2.13.0 is needed", "problem"),
        (None, "missing", "problem"),
    ],
)
def test_versions_are_compared_with_what_is_required(healthy, version, value, status):
    del healthy["torch"]
    if version:
        healthy["torch"] = version
    found = finding("torch", "versions")
    assert (found.value, found.status) == (value, status)
    assert found.remedy == ('run `pip install "torch==2.13.0"`' if status == "problem" else "")


def test_requirements_of_other_systems_do_not_count():
    assert [one.name for one in examine() if one.section == "versions"] == [
        "python",
        "lookhear",
        "torch",
        "numpy",
    ]


def test_lookhear_that_is_not_installed_is_a_problem(healthy, monkeypatch):
    def absent(name):
        raise doctor_module.importlib.metadata.PackageNotFoundError(name)

    del healthy["lookhear"]
    monkeypatch.setattr(doctor_module.importlib.metadata, "metadata", absent)
    assert finding("lookhear").status == "problem"
    assert doctor(DoctorConfig()) == 1


def test_extras_say_what_they_lack_and_keep_nobody_from_locating():
    assert finding("train").value == "installed"
    assert finding("heic") == Finding(
        "extras", "heic", "no: pillow-heif (missing)", remedy='`pip install "lookhear[heic]"` adds it'
    )
    assert finding("all").value == "no: pillow-heif (missing)"


@pytest.mark.parametrize(
    "languages, value",
    [
        (None, "no: Cyrl, Arab, Hebr, Deva, Beng, Taml, Telu, Thai, Kore, Geor, Armn, Ethi are not read"),
        ({script: ("one",) for script in TESSERACT_LANGUAGES if script not in ("Thai", "Ethi")}, "no: Thai, Ethi"),
        ({script: ("one",) for script in TESSERACT_LANGUAGES}, "installed"),
    ],
)
def test_the_program_that_reads_other_scripts_is_named(monkeypatch, languages, value):
    reader = None if languages is None else TesseractReader("tesseract", languages)
    monkeypatch.setattr(TesseractReader, "installed", classmethod(lambda cls: reader))
    found = finding("tesseract")
    assert found.value.startswith(value) and found.status == "ok"
    assert ("apt install" in found.remedy) == (value != "installed")


def test_a_library_that_does_not_load_is_a_problem(monkeypatch):
    def broken():
        raise OSError("libcudart.so.13: cannot open shared object file\nmore")

    monkeypatch.setattr(doctor_module, "_torch_device", broken)
    found = finding("torch", "device")
    assert found.value == "cannot be imported: libcudart.so.13: cannot open shared object file"
    assert found.status == "problem"
    assert "pip install --force-reinstall" in found.remedy


def test_a_read_only_cache_is_a_note_with_its_remedy(monkeypatch):
    def denied(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    found = finding("cache")
    assert found.value.endswith(", read-only")
    assert (found.status, found.remedy) == ("note", "set LOOKHEAR_CACHE to a folder you may write to")


def test_a_cache_that_does_not_exist_yet_is_not_made(tmp_path, monkeypatch):
    new = tmp_path / "not" / "yet"
    monkeypatch.setenv("LOOKHEAR_CACHE", str(new))
    found = finding("cache")
    assert found.status == "ok"
    assert f"{new}, holds 0.0 MB" in found.value
    assert not new.parent.exists()


def test_little_room_is_a_note(monkeypatch):
    monkeypatch.setattr(doctor_module, "ROOMY_BYTES", 1 << 80)
    assert (finding("cache").status, finding("cache").remedy) == ("note", "make room on this disk")


def test_settings_are_shown(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    assert finding("HF_HUB_OFFLINE").value == "1"
    assert finding("TRANSFORMERS_OFFLINE").value == "not set"


def test_json_holds_the_same(capsys, healthy):
    del healthy["numpy"]
    assert doctor(DoctorConfig(json=True)) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["can_locate"] is False
    assert [Finding(**one) for one in told["findings"]] == list(examine())


def test_columns_are_aligned():
    findings = [Finding("a", "x", "1"), Finding("a", "long", "2", "problem", "do it")]
    lines = as_text(findings, False).splitlines()
    assert lines[:4] == ["a", "  x     1", "✗ long  2", "        → do it"]


def test_the_command_line():
    assert tyro.cli(DoctorConfig, args=["--full", "--json"]) == DoctorConfig(full=True, json=True)


def test_the_real_machine_is_described(monkeypatch):
    monkeypatch.undo()
    found = {(one.section, one.name): one for one in examine()}
    assert found["versions", "python"].value.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    assert found["device", "torch"].value.startswith(("CPU", "CUDA", "Apple"))
    assert found["device", "av"].status == "ok"
    assert ("versions", "torch") in found
