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
    from lookhear.perception.atoms.cache import MapCache
    from lookhear.perception.atoms.collection import Collection
    from lookhear.perception.atoms.evaluation import Scores, Tests
    from lookhear.perception.atoms.examples import Examples
    from lookhear.perception.atoms.ic_sae import IcSae
    from lookhear.perception.encoders import SoundEncoder


TIMES = 8
"""Countries drawn for each mixture to tune on; with one, the head learns the draws by heart."""


@dataclass(frozen=True)
class BenchmarkSoundConfig:
    """Compare the trained dictionary with simpler methods, on the mixtures it was trained on."""

    sounds: Annotated[Path, tyro.conf.Positional]
    """The data set that it was trained on."""
    trained: Annotated[Path, tyro.conf.Positional]
    """Where `train sound` wrote."""
    reader: Literal["audioset", "fsd50k", "esc50", "csv"] = "csv"
    """What kind of data set it is."""
    parts: tuple[Literal["rivals", "pooled", "places", "cost"], ...] = ("rivals", "places", "cost")
    """What to measure; pooled trains two more dictionaries, on the embedding alone."""
    mixtures: int = 20_000
    """As in training."""
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

    dictionary = Dictionary.load(config.trained / "dictionary")
    encoder = ENCODERS[dictionary.encoder]()
    dictionary.refuse_other(encoder)
    collection = Collection.of(*read_recordings(config.sounds, config.reader))
    refuse_unknown(collection.training, dictionary.sae.config.classes)
    collection = replace(collection, classes=dictionary.sae.config.classes)
    cache = MapCache(config.cache or config.trained / "cache", encoder)
    studio = Studio(Factory(collection.training, config.mixture), collection.classes, cache)
    examples = studio.examples(range(config.mixtures))
    tests = held_out(collection, cache, config.tests, config.mixture.most)
    found = {"IC-SAE": score(decomposer(dictionary.sae), tests)}
    if "rivals" in config.parts:
        found |= rivals(encoder, examples, tests, collection.classes)
    if "pooled" in config.parts:
        found |= pooled(config, encoder, examples, tests, collection.classes)
    print(table(found))
    if config.page is not None:
        write_page(config.page, dictionary.sae, collection, cache)
    if "places" in config.parts:
        print(places(dictionary.sae, examples, tests))
    if "cost" in config.parts:
        print(cost(dictionary.sae, encoder))
    return 0


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


def pooled(
    config: BenchmarkSoundConfig, encoder: SoundEncoder, examples: Examples, tests: Tests, classes: tuple[str, ...]
) -> dict[str, Scores]:
    """Accuracies of dictionaries on the embedding alone: as published, and behind the small network."""
    import torch

    from lookhear.perception.atoms.config import MartConfig
    from lookhear.perception.atoms.evaluation import decomposer, score
    from lookhear.perception.atoms.ic_sae import IcSae, IcSaeConfig
    from lookhear.perception.atoms.mart import train
    from lookhear.perception.atoms.start import start_at_sounds

    known = examples.pooled(encoder.pooled)
    tested = {name: {k: one.pooled(encoder.pooled) for k, one in kind.items()} for name, kind in tests.items()}
    found = {}
    for pre_map, name, weight in (("none", "IC-SAE, as published", 1.0), ("learnt", "IC-SAE, pooled", 0.1)):
        torch.manual_seed(0)
        shape = IcSaeConfig(classes, encoder.size, 4 * len(classes), pre_map=pre_map, size=128)  # type: ignore[arg-type]
        sae = IcSae(shape)
        start_at_sounds(sae, known)
        settings = MartConfig(steps=1500, reconstruction=weight, virtual=0.0)
        train(sae, known, settings, config.trained / f"pooled-{pre_map}", lambda _: {})
        found[name] = score(decomposer(sae), tested)
    return found


def places(sae: IcSae, examples: Examples, tests: Tests) -> str:
    """Fine-tuning through a location loss, with and without the label-consistency term, as a table."""
    from lookhear.perception.atoms.geotuning import GeotuningConfig, geotune, train_head
    from lookhear.perception.atoms.placed import draw_countries, telling

    heard = _heard(examples)
    tell = heard[:, telling(sae.config.classes)].any(1)
    maps = examples.maps[tell].repeat(TIMES, 1, 1)
    regions = draw_countries(heard[tell].repeat(TIMES, 1), sae.config.classes, seed=1)
    free, held = (GeotuningConfig(consistency=weight) for weight in (0.0, 1.0))
    rows = [("before", sae, train_head(sae, maps, regions, free))]
    rows.append(("location loss alone", *geotune(sae, maps, regions, examples, free)))
    rows.append(("with label consistency", *geotune(sae, maps, regions, examples, held)))
    lines = [
        f"{'fine-tuning':<24}{'ordered K=1':>12}{'K=2':>8}{'K=3':>8}{'log p(country)':>16}{'right':>8}{'median km':>11}"
    ]
    return "\n".join([*lines, *(_place_row(name, one, head, tests) for name, one, head in rows)])


def _place_row(name: str, sae: IcSae, head, tests: Tests) -> str:  # type: ignore[no-untyped-def]
    import torch
    import torch.nn.functional as F

    from lookhear.perception.atoms.evaluation import decomposer
    from lookhear.perception.atoms.measure import measure
    from lookhear.perception.atoms.placed import draw_countries, median_km, telling

    kind = tests["new mixtures"]
    ordered = "".join(f"{100 * measure(decomposer(sae), kind[k], k).ordered:>8.1f}" for k in (1, 2, 3))
    maps, heard = (torch.cat(parts) for parts in zip(*((one.maps, _heard(one)) for one in kind.values()), strict=True))
    tell = heard[:, telling(sae.config.classes)].any(1)
    maps, truth = maps[tell].float(), draw_countries(heard[tell], sae.config.classes, seed=2)
    with torch.inference_mode():
        logits = head(sae, maps)
    log_p, right = -float(F.cross_entropy(logits, truth)), float((logits.argmax(1) == truth).double().mean())
    return f"{name:<28}{ordered}{log_p:>16.3f}{100 * right:>8.1f}{median_km(logits, truth):>11.0f}"


def _heard(examples: Examples):  # type: ignore[no-untyped-def]
    import torch

    return examples.truth(torch.arange(len(examples))).any(1)


def cost(sae: IcSae, encoder: SoundEncoder) -> str:
    """Milliseconds a window of the encoder and of the loop over K = 4, on one thread, both measured by turns."""
    import torch

    from lookhear.perception.encoders.encoder import window_samples

    torch.set_num_threads(1)
    windows = 0.1 * torch.randn(4, window_samples(encoder), generator=torch.Generator().manual_seed(0))
    maps = encoder.feature_map(windows)
    spent = {"encoder": 0.0, "loop": 0.0}
    for turn in range(9):
        for name, run in (("encoder", lambda: encoder.feature_map(windows)), ("loop", lambda: sae.decompose(maps, 4))):
            began = time.process_time()
            run()
            spent[name] += (time.process_time() - began) * (turn > 0)
    each = {name: 1000 * seconds / 8 / 4 for name, seconds in spent.items()}
    share = each["loop"] / each["encoder"]
    return f"encoder {each['encoder']:.1f} ms a window, atoms {each['loop']:.2f} ms: {share:.1%} more"


if __name__ == "__main__":
    sys.exit(benchmark_sound(tyro.cli(BenchmarkSoundConfig)))
