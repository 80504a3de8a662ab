"""How well mixtures are taken apart, beside three rivals, and what fine-tuning through a location loss does to it.

    python -m lookhear.scripts.benchmark_sound SOUNDS DIR

DIR is where `train sound` wrote; its cache is used, so nothing is encoded again. Prints what docs/train-sound.md shows.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from lookhear.perception.atoms.mixtures import MixtureConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookhear.perception.atoms.cache import MapCache
    from lookhear.perception.atoms.collection import Collection
    from lookhear.perception.atoms.evaluation import Scores, Tests
    from lookhear.perception.atoms.examples import Examples
    from lookhear.perception.atoms.ic_sae import IcSae
    from lookhear.perception.encoders import SoundEncoder
    from lookhear.scripts.benchmark_sound_places import Placed


FORMS: dict[str, tuple[bool, Literal["none", "learnt"], Literal["renormalise", "riemannian"]]] = {
    "as it is": (False, "learnt", "renormalise"),
    "RiemannianAdam": (False, "learnt", "riemannian"),
    "pooled": (True, "learnt", "renormalise"),
    "no map before it": (False, "none", "renormalise"),
    "pooled, as published": (True, "none", "renormalise"),
}
"""Other forms of the IC-SAE: on the pooled embedding or the map, what comes before the dictionary, the optimiser."""


FRESH_VARIANTS = 4
"""Variants of each sound whose place is guessed after fine-tuning."""

CLIP_WINDOWS = 20
"""Windows of the clip on which time is taken: half a minute."""


@dataclass(frozen=True)
class BenchmarkSoundConfig:
    """Compare the trained dictionary with simpler methods, on the mixtures it was trained on."""

    sounds: Annotated[Path, tyro.conf.Positional]
    """The data set that it was trained on."""
    trained: Annotated[Path, tyro.conf.Positional]
    """Where `train sound` wrote."""
    reader: Literal["audioset", "fsd50k", "esc50", "csv"] = "csv"
    """What kind of data set it is."""
    parts: tuple[Literal["rivals", "forms", "places", "cost"], ...] = ("rivals", "places", "cost")
    """What to measure; forms trains five more dictionaries, on the embedding alone among them."""
    mixtures: int = 20_000
    """As in training."""
    placed: int = 4_000
    """The next mixtures after those, to measure on what fine-tuning for place costs."""
    form_steps: int = 400
    """Steps of training of each form."""
    tests: int = 200
    """As in training."""
    cache: Path | None = None
    """As in training."""
    page: Path | None = None
    """Where to write a page that shows and plays which atoms fire on what."""
    mixture: MixtureConfig = field(default_factory=lambda: MixtureConfig(variants=12))
    """As in training."""


def benchmark_sound(config: BenchmarkSoundConfig) -> int:
    """Measure and print."""
    from lookhear.perception.atoms.cache import MapCache
    from lookhear.perception.atoms.collection import Collection, read_recordings
    from lookhear.perception.atoms.evaluation import decomposer, held_out, score, table
    from lookhear.perception.atoms.examples import Studio
    from lookhear.perception.atoms.mixtures import Factory
    from lookhear.perception.atoms.sources import refuse_unknown
    from lookhear.perception.atoms.store import Dictionary
    from lookhear.perception.encoders import ENCODERS
    from lookhear.scripts.benchmark_sound_places import places

    dictionary = Dictionary.load(config.trained / "dictionary")
    encoder = ENCODERS[dictionary.encoder]()
    dictionary.refuse_other(encoder)
    collection = Collection.of(*read_recordings(config.sounds, config.reader))
    refuse_unknown(collection.training, dictionary.sae.config.classes)
    collection = replace(collection, classes=dictionary.sae.config.classes)
    cache = MapCache(config.cache or config.trained / "cache", encoder)
    studio = Studio(Factory(collection.training, config.mixture), collection.classes, cache)
    drawn = studio.examples(range(config.mixtures + config.placed * ("places" in config.parts)))
    examples, further = drawn.rows(slice(config.mixtures)), drawn.rows(slice(config.mixtures, None))
    tests = held_out(collection, cache, config.tests, config.mixture.most)
    found = {"IC-SAE": score(decomposer(dictionary.sae), tests)}
    if "rivals" in config.parts:
        found |= rivals(encoder, examples, tests, collection.classes)
    if "forms" in config.parts:
        found |= forms(config, encoder, examples, tests, collection.classes)
    print(table(found))
    if config.page is not None:
        write_page(config.page, dictionary.sae, collection, cache)
    if "places" in config.parts:
        print(places(dictionary.sae, examples, further, *placed(collection, cache, config.mixture)))
    if "cost" in config.parts:
        print(cost(dictionary.sae, encoder))
    return 0


def placed(collection: Collection, cache: MapCache, mixture: MixtureConfig) -> tuple[Placed, Placed]:
    """The sounds of training, each alone: in the variants of training to tune on, and in fresh ones to test on."""
    from lookhear.perception.atoms.evaluation import FRESH
    from lookhear.perception.atoms.examples import Studio
    from lookhear.perception.atoms.mixtures import Factory
    from lookhear.scripts.benchmark_sound_places import Placed

    fresh = replace(mixture, first_variant=FRESH, variants=FRESH_VARIANTS, as_is=0.0)
    studios = [Studio(Factory(collection.training, one), collection.classes, cache) for one in (mixture, fresh)]
    every = range(len(collection.training))
    tuning, testing = (Placed.of(one.singles(every), collection.training, collection.classes) for one in studios)
    return tuning, testing


def write_page(path: Path, sae: IcSae, collection: Collection, cache: MapCache) -> None:
    """The page: every sound of training as it is, and every unseen one, alone."""
    import torch

    from lookhear.data.atomic import write_atomic
    from lookhear.perception.atoms.examples import Studio
    from lookhear.perception.atoms.mixtures import Factory, MixtureConfig
    from lookhear.perception.atoms.page import Window, listening_page

    windows, maps = [], []
    for kind, sources in (("heard in training", collection.training), ("unseen", collection.unseen)):
        studio = Studio(Factory(sources, MixtureConfig(most=1, variants=1)), collection.classes, cache)
        maps.append(studio.singles(range(len(sources))))
        windows += [Window(studio.waves.single(k, 0), source.labels, kind) for k, source in enumerate(sources)]
    write_atomic(path, listening_page(sae, torch.cat(maps).float(), windows))


def rivals(encoder: SoundEncoder, examples: Examples, tests: Tests, classes: tuple[str, ...]) -> dict[str, Scores]:
    """Accuracies of a linear probe, a plain top-k SAE and the encoder's own classifier."""
    import torch

    from lookhear.perception.atoms import rivals
    from lookhear.perception.atoms.evaluation import score
    from lookhear.perception.encoders.birdnet_encoder import BirdNetEncoder

    known = examples.pooled(encoder.pooled)
    rows = torch.arange(len(known))
    truth = known.truth(rows)
    named = truth.any((1, 2))
    x = known.maps[named, :, 0].float()
    centre, spread = x.mean(0), x.std(0).clamp(min=1e-6)
    x = (x - centre) / spread
    probe = rivals.train_probe(x, truth[named].any(1))
    plain = rivals.train_top_k(x, 4 * len(classes))
    owners = rivals.named_kernels(plain, x, truth[named, 0])

    def normal(maps: torch.Tensor) -> torch.Tensor:
        return (encoder.pooled(maps) - centre) / spread

    found = {
        "linear probe": score(lambda maps, k: probe(normal(maps)).topk(k, dim=1).indices, tests),
        "plain top-k SAE": score(
            lambda maps, k: rivals.classes_by_kernel(plain, owners, len(classes), normal(maps), k), tests
        ),
    }
    if isinstance(encoder, BirdNetEncoder):
        found["BirdNET's own labels"] = own_labels(encoder, tests, classes)
    return found


def own_labels(encoder: SoundEncoder, tests: Tests, classes: tuple[str, ...]) -> Scores:
    """Accuracies of BirdNET's labels that are no species, read as our classes."""
    import torch

    from lookhear.perception.atoms.evaluation import score
    from lookhear.perception.atoms.rivals import own_columns
    from lookhear.perception.birdnet import read_labels
    from lookhear.perception.encoders.birdnet_encoder import BirdNetEncoder

    assert isinstance(encoder, BirdNetEncoder)
    columns, owners = own_columns([name for name, _ in read_labels()], classes).T
    birdnet = encoder.birdnet

    def decompose(maps: torch.Tensor, steps: int) -> torch.Tensor:
        best = birdnet.classify(encoder.pooled(maps))[:, columns].topk(steps, dim=1).indices
        named: torch.Tensor = owners[best]
        return named

    return score(decompose, tests)


def forms(
    config: BenchmarkSoundConfig, encoder: SoundEncoder, examples: Examples, tests: Tests, classes: tuple[str, ...]
) -> dict[str, Scores]:
    """Accuracies of other forms of the dictionary, each trained for as many steps on the same mixtures."""
    import torch

    from lookhear.perception.atoms.config import MartConfig
    from lookhear.perception.atoms.evaluation import decomposer, score
    from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
    from lookhear.perception.atoms.mart import train
    from lookhear.perception.atoms.start import start_at_sounds

    pooled = {name: {k: one.pooled(encoder.pooled) for k, one in kind.items()} for name, kind in tests.items()}
    spaces = {False: (examples, tests), True: (examples.pooled(encoder.pooled), pooled)}
    found = {}
    for name, (pools, pre_map, sphere) in FORMS.items():
        known, tested = spaces[pools]
        torch.manual_seed(0)
        sae = IcSae(IcSaeConfig(classes, known.maps.shape[1], 4 * len(classes), pre_map=pre_map, size=128))
        start_at_sounds(sae, known)
        settings = MartConfig(steps=config.form_steps, sphere=sphere)
        train(sae, known, settings, config.trained / f"form-{name.replace(',', '').replace(' ', '-')}", lambda _: {})
        found[name] = score(decomposer(sae), tested)
    return found


def cost(sae: IcSae, encoder: SoundEncoder) -> str:
    """Milliseconds a window of the whole encoder and of the loop over K = 4, on one thread, measured by turns.

    As `locate` hears a clip: the encoder takes a few windows at a time, the loop all of them.
    """
    import torch

    from lookhear.perception.encoders.encoder import window_samples
    from lookhear.perception.listen import BATCH

    torch.set_num_threads(1)
    windows = 0.1 * torch.randn(CLIP_WINDOWS, window_samples(encoder), generator=torch.Generator().manual_seed(0))
    maps = torch.cat([*map(encoder.feature_map, windows.split(BATCH))])
    runs: dict[str, Callable[[], object]] = {
        "encoder": lambda: [*map(encoder.embed, windows.split(BATCH))],
        "loop": lambda: sae.decompose(maps, 4),
    }
    spent = dict.fromkeys(runs, 0.0)
    for turn in range(5):
        for name, run in runs.items():
            began = time.process_time()
            run()
            spent[name] += (time.process_time() - began) * (turn > 0)
    each = {name: 1000 * seconds / 4 / len(windows) for name, seconds in spent.items()}
    share = each["loop"] / each["encoder"]
    return f"encoder {each['encoder']:.1f} ms a window, atoms {each['loop']:.2f} ms: {share:.1%} more"


if __name__ == "__main__":
    sys.exit(benchmark_sound(tyro.cli(BenchmarkSoundConfig)))
