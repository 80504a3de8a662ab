"""Questions about recordings with invented places, for `benchmark_soft_tokens`, and what could be answered.

In: a set of labelled sounds. Out: `Clips` to learn from and fresh variants of the same recordings, with the features
that perception would keep of them; `Questions` about them; the answers of those who know the chances, and of a linear
layer that is told what the language model is told. Recordings are of classes of which several are heard: the text tells
the class, and not which recording it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from lookhear.perception.atoms.placed import COUNTRIES

if TYPE_CHECKING:
    from lookhear.perception.atoms.collection import Collection
    from lookhear.perception.atoms.sources import Source
    from lookhear.perception.atoms.store import Dictionary
    from lookhear.perception.encoders import SoundEncoder
    from lookhear.scripts.benchmark_sound_places import Placed

Condition = Literal["text", "text+sound", "text+atoms", "atoms"]

TOLD: dict[Condition, tuple[bool, tuple[str, ...]]] = {
    "text": (True, ()),
    "text+sound": (True, ("sound",)),
    "text+atoms": (True, ("atoms",)),
    "atoms": (False, ("atoms",)),
}
"""Whether the class is told in words, and which features as numbers."""

CHOICES = 3
"""Countries in a question."""


@dataclass(frozen=True)
class ClipsConfig:
    """What is heard."""

    sounds: Path
    """A set of labelled sounds."""
    reader: Literal["audioset", "fsd50k", "esc50", "csv"] = "csv"
    """What kind of data set it is."""
    classes: int = 12
    """Classes that are heard…"""
    recordings: int = 2
    """…in so many recordings each."""
    variants: int = 12
    """Variants of each to learn from; the first is the recording itself."""
    fresh: int = 40
    """Other variants of each to be asked about."""


@dataclass(frozen=True, eq=False)
class Clips:
    """Windows of recordings, each a clip."""

    classes: tuple[str, ...]
    """The class of each recording."""
    chances: Float[ndarray, "recordings countries"]
    """How likely each country is for each recording."""
    recording: Int[ndarray, " n"]
    """Which recording each window is of."""
    features: dict[str, Float[ndarray, "n _"]]
    """What perception would keep of each."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Where was it?"""

    clip: Int[ndarray, " n"]
    """Row of the window."""
    countries: Int[ndarray, "n 3"]
    """Those to choose from."""
    right: Int[ndarray, " n"]
    """Which of them is true."""


def ask(clips: Clips, count: int, seed: int) -> Questions:
    """Questions about all windows by turns, in random order."""
    rng = np.random.default_rng(seed)
    clip = np.resize(rng.permutation(len(clips.recording)), count)
    countries, right = np.zeros((count, CHOICES), np.int64), np.zeros(count, np.int64)
    for k, row in enumerate(clips.recording[clip]):
        true = rng.choice(len(COUNTRIES), p=clips.chances[row])
        others = rng.choice(np.delete(np.arange(len(COUNTRIES)), true), CHOICES - 1, replace=False)
        countries[k] = rng.permutation([true, *others])
        right[k] = int(np.flatnonzero(countries[k] == true)[0])
    return Questions(clip, countries, right)


def clips_of(config: ClipsConfig, dictionary: Dictionary, folder: Path) -> tuple[Clips, Clips]:
    """Windows to learn from, and fresh ones of the same recordings; maps are kept in a folder."""
    from lookhear.perception.atoms.cache import MapCache
    from lookhear.perception.atoms.collection import Collection, read_recordings
    from lookhear.perception.atoms.evaluation import FRESH
    from lookhear.perception.atoms.examples import Studio
    from lookhear.perception.atoms.mixtures import Factory, MixtureConfig
    from lookhear.perception.encoders import ENCODERS
    from lookhear.scripts.benchmark_sound_places import Placed

    encoder = ENCODERS[dictionary.encoder]()
    dictionary.refuse_other(encoder)
    collection = Collection.of(*read_recordings(config.sounds, config.reader))
    sources, cache = alike(collection, config), MapCache(folder, encoder)
    learnt = MixtureConfig(most=1, variants=config.variants)
    asked = replace(learnt, first_variant=FRESH, variants=config.fresh, as_is=0.0)
    made = []
    for mixture in (learnt, asked):
        maps = Studio(Factory(sources, mixture), collection.classes, cache).singles(range(len(sources)))
        made.append(heard(Placed.of(maps, sources, collection.classes), sources, dictionary, encoder))
    return made[0], made[1]


def alike(collection: Collection, config: ClipsConfig) -> list[Source]:
    """Recordings of some classes, equally many of each.

    Raises:
        ValueError: there are not so many.
    """
    real = [one for one in collection.training if len(one.labels) == 1 and not one.synthetic]
    of_class = {name: [one for one in real if one.labels == (name,)] for name in collection.classes}
    enough = [some for some in of_class.values() if len(some) >= config.recordings]
    if len(enough) < config.classes:
        raise ValueError(
            f"Only {len(enough)} classes have {config.recordings} recordings to learn from, but {config.classes} were "
            "asked for; give a smaller --classes or --recordings."
        )
    chosen = np.random.default_rng(0).permutation(len(enough))[: config.classes]
    return [one for k in sorted(chosen) for one in enough[k][: config.recordings]]


def heard(placed: Placed, sources: Sequence[Source], dictionary: Dictionary, encoder: SoundEncoder) -> Clips:
    """The windows with their features."""
    from lookhear.perception.atoms.atoms import atoms_of
    from lookhear.perception.atoms.strengths import strengths

    sae, window_s = dictionary.sae, encoder.window_s
    atoms = [atoms_of(sae, one, window_s, window_s, window_s) for one in placed.maps.split(1)]
    features = {
        "sound": np.concatenate([encoder.pooled(some).numpy() for some in placed.maps.split(8)]),
        "atoms": np.stack([strengths(some, sae.config.kernels) for some in atoms]),
    }
    recording = placed.recording.numpy()
    first = np.array([int(np.flatnonzero(recording == k)[0]) for k in range(len(sources))])
    chances = placed.places.numpy().astype(np.float64)[first]
    names = tuple(source.labels[0] for source in sources)
    return Clips(names, chances / chances.sum(1, keepdims=True), recording, features)


def digest_of(name: Condition, settings: object, *told: tuple[Clips, Questions]) -> str:
    """Changes with all that is learnt and asked in a condition."""
    whole = hashlib.sha256(repr(settings).encode())
    for clips, questions in told:
        whole.update(repr(clips.classes).encode())
        for values in (clips.recording, questions.clip, questions.countries, questions.right):
            whole.update(values.tobytes())
        for kind in TOLD[name][1]:
            whole.update(clips.features[kind].tobytes())
    return whole.hexdigest()


def known(clips: Clips, questions: Questions) -> dict[str, Bool[ndarray, " n"]]:
    """Whether those are right who choose by chances that they know: each recording's, or only each class's."""
    names = np.array(clips.classes)
    by_class = np.stack([clips.chances[names == name].mean(0) for name in names])
    rows = clips.recording[questions.clip]
    chances = {"the recordings' chances": clips.chances, "the classes' chances": by_class}
    return {name: likeliest(p[rows], questions) == questions.right for name, p in chances.items()}


def likeliest(chances: Float[ndarray, "n countries"], questions: Questions) -> Int[ndarray, " n"]:
    """The likeliest of each question's countries."""
    return np.asarray(np.take_along_axis(chances, questions.countries, 1).argmax(1))


def linear(
    name: Condition, learnt: tuple[Clips, Questions], asked: tuple[Clips, Questions], steps: int = 300
) -> Int[ndarray, " n"]:
    """The choice of a linear layer that is told the same and learns the country from the same rows."""
    import torch
    import torch.nn.functional as F

    x, tested = (torch.from_numpy(inputs(name, *one)).float() for one in (learnt, asked))
    rows = np.arange(len(learnt[1].clip))
    truth = torch.from_numpy(learnt[1].countries[rows, learnt[1].right])
    torch.manual_seed(0)
    layer = torch.nn.Linear(x.shape[1], len(COUNTRIES))
    optimiser = torch.optim.AdamW(layer.parameters(), 1e-3, weight_decay=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(layer(x), truth).backward()
        optimiser.step()
    return likeliest(layer(tested).detach().numpy(), asked[1])


def inputs(name: Condition, clips: Clips, questions: Questions) -> Float[ndarray, "n _"]:
    """What the model is told, as numbers: classes by name, features of the length √n as in soft tokens."""
    says, kinds = TOLD[name]
    names = sorted(set(clips.classes))
    one_hot = np.array([[one == label for one in names] for label in clips.classes], float)[clips.recording]
    parts = [one_hot] if says else []
    parts += [clips.features[kind] for kind in kinds]
    lengths = [np.linalg.norm(part, axis=1, keepdims=True).clip(1e-6) / np.sqrt(part.shape[1]) for part in parts]
    scaled = np.concatenate([part / length for part, length in zip(parts, lengths, strict=True)], 1)
    return np.asarray(scaled[questions.clip])
