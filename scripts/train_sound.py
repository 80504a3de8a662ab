"""`lookhear train sound SOUNDS -o DIR`: train the dictionary of acoustic atoms on labelled sounds.

SOUNDS is a data set of one of the kinds that `lookhear.data.readers` reads. In DIR: the cache of the encoder's maps,
the checkpoint and the curve while it trains, and at the end the folder `dictionary` with weights, settings and how well
it does. The same command goes on where it stopped. One process, or several, which share encoding and training:

    lookhear train sound sounds/ -o DIR
    torchrun --standalone --nproc_per_node 8 -m lookhear.scripts.main train sound sounds/ -o DIR
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from lookhear.perception.atoms.config import MartConfig
from lookhear.perception.atoms.mixtures import MixtureConfig

if TYPE_CHECKING:
    from lookhear.perception.atoms.collection import Collection
    from lookhear.perception.atoms.evaluation import Scores
    from lookhear.perception.atoms.examples import Examples
    from lookhear.perception.atoms.ic_sae import IcSae
    from lookhear.perception.encoders import SoundEncoder


@dataclass(frozen=True)
class TrainSoundConfig:
    """Train the dictionary of acoustic atoms on labelled sounds."""

    sounds: Annotated[Path, tyro.conf.Positional]
    """The data set: a folder, or a table of files and labels."""
    out: Annotated[Path, tyro.conf.arg(aliases=("-o",))]
    """Where everything is written; for several machines, a folder they share."""
    about: str = ""
    """What the sounds are, in a sentence for those who get the dictionary; the name of their folder by default."""
    reader: Literal["audioset", "fsd50k", "esc50", "csv"] = "csv"
    """What kind of data set it is; csv: a table with the columns file and labels."""
    encoder: Literal["birdnet", "clap", "placeholder"] = "birdnet"
    """The frozen network that hears."""
    weights: Path | None = None
    """CLAP's weights: a folder, or a laion_clap .pt file; by default what was downloaded from the hub."""
    synthetic: int = 6
    """Synthesised sounds of each class that can be synthesised; 0: recordings alone."""
    mixtures: int = 20_000
    """Mixtures to learn from; each goes through the encoder once."""
    tests: int = 200
    """Held-out mixtures of each number of sounds."""
    kernels: int = 0
    """Kernels of the dictionary; 0: four a class. AVG has 4096 for 527 classes."""
    pre_map: Literal["none", "learnt"] = "learnt"
    """Whether a small network comes before the dictionary; AVG has none."""
    size: int = 128
    """Length of a kernel behind that network."""
    hidden: int = 256
    """Width of that network."""
    cache: Path | None = None
    """Where the encoder's maps are kept, if not in DIR/cache."""
    mixture: MixtureConfig = field(default_factory=lambda: MixtureConfig(variants=12))
    """What mixtures are like."""
    train: Annotated[MartConfig, tyro.conf.arg(name="")] = field(default_factory=MartConfig)
    """How it is trained."""


def train_sound(config: TrainSoundConfig) -> int:
    """Read, mix, encode, train, measure, and write the folder to hand on."""
    from lookhear.perception.atoms.cache import MapCache
    from lookhear.perception.atoms.evaluation import decomposer, held_out, score, table
    from lookhear.perception.atoms.examples import Studio
    from lookhear.perception.atoms.mart import train
    from lookhear.perception.atoms.mixtures import Factory

    collection = read_collection(config)
    encoder = load_encoder(config)
    process, processes = (int(os.environ.get(name, value)) for name, value in (("RANK", "0"), ("WORLD_SIZE", "1")))
    cache = MapCache(config.cache or config.out / "cache", encoder, process, processes)
    studio = Studio(Factory(collection.training, config.mixture), collection.classes, cache)
    numbers = range(config.mixtures)
    examples = studio.with_exact_targets(numbers) if encoder.hears_gain else studio.examples(numbers)
    tests = held_out(collection, cache, config.tests, config.mixture.most)
    print(f"Process {process + 1} of {processes} encoded {cache.encoded} windows; the rest was in the cache.")
    sae = new_dictionary(config, collection, examples)

    def validate(now: IcSae) -> dict[str, float]:
        scores = score(decomposer(now), tests)
        return {f"{name} K={k}": round(one.ordered, 4) for name, found in scores.items() for k, one in found.items()}

    train(sae, examples, config.train, config.out, validate)
    if process:  # of processes that train together, the first one speaks and writes
        return 0
    scores = score(decomposer(sae), tests)
    save(config, sae, encoder, examples, scores)
    print(table({"IC-SAE": scores}))
    print(f"The dictionary is in {config.out / 'dictionary'}.")
    return 0


def read_collection(config: TrainSoundConfig) -> Collection:
    """The sounds of the set and synthesised ones, split by origin."""
    from lookhear.data.readers.skips import Skipped
    from lookhear.perception.atoms.collection import Collection, read_recordings

    skipped = Skipped()
    recordings, tests = read_recordings(config.sounds, config.reader, skipped.add)
    print(skipped.sentence(len(recordings) + len(tests)))
    collection = Collection.of(recordings, tests, config.synthetic)
    training, unseen, classes = (len(part) for part in (collection.training, collection.unseen, collection.classes))
    print(f"{training} sounds to train on, of {classes} classes; {unseen} recordings of other origins are held out.")
    return collection


def load_encoder(config: TrainSoundConfig) -> SoundEncoder:
    """The frozen network.

    Raises:
        ValueError: weights were given for an encoder that takes none.
    """
    from lookhear.perception.encoders import ENCODERS
    from lookhear.perception.encoders.clap import ClapEncoder

    if config.weights is None:
        return ENCODERS[config.encoder]()
    if config.encoder != "clap":
        raise ValueError(f"--weights are for CLAP, but the encoder is {config.encoder}; add --encoder clap.")
    return ClapEncoder.load(config.weights)


def new_dictionary(config: TrainSoundConfig, collection: Collection, examples: Examples) -> IcSae:
    """A dictionary whose kernels begin at single sounds of their classes."""
    import torch

    from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
    from lookhear.perception.atoms.start import start_at_sounds

    torch.manual_seed(config.train.seed)
    sae = IcSae(
        IcSaeConfig(
            collection.classes,
            features=examples.maps.shape[1],
            kernels=config.kernels or 4 * len(collection.classes),
            pre_map=config.pre_map,
            hidden=config.hidden,
            size=config.size,
        )
    )
    start_at_sounds(sae, examples)
    return sae


def save(config: TrainSoundConfig, sae: IcSae, encoder: SoundEncoder, examples: Examples, scores: Scores) -> None:
    """Write the dictionary with what it was trained on and how well it does."""
    from lookhear.perception.atoms.store import Dictionary

    about = {
        "sounds": config.about or config.sounds.name,
        "mixtures": len(examples),
        "mixture": asdict(config.mixture),
        "training": config.train.fixed(),
        "accuracy": {name: {str(k): asdict(one) for k, one in found.items()} for name, found in scores.items()},
    }
    Dictionary(sae, encoder.name, encoder.fingerprint(), about).save(config.out / "dictionary")
