"""Held-out mixtures, and the table of how well they are taken apart.

In: a collection, a cache and a dictionary. Out: accuracies for mixtures of one, two, three and four sounds,

- *new mixtures*: sounds that training has heard, as they are, in mixtures that it has not;
- *new variants*: the same sounds, each at a pitch, in a room and with noise that training has not heard;
- *unseen sounds*: recordings of other origins, of the classes that have more than one.
"""

from __future__ import annotations

from collections.abc import Mapping

from lookhear.perception.atoms.cache import MapCache
from lookhear.perception.atoms.collection import Collection
from lookhear.perception.atoms.examples import Examples, Studio
from lookhear.perception.atoms.ic_sae import IcSae
from lookhear.perception.atoms.measure import Accuracy, Decomposer, measure
from lookhear.perception.atoms.mixtures import Factory, MixtureConfig
from lookhear.perception.atoms.sources import classes_of

Tests = Mapping[str, Mapping[int, Examples]]
"""Encoded mixtures by the kind of test and the number of sounds."""

Scores = dict[str, dict[int, Accuracy]]
"""Accuracies by the kind of test and the number of sounds."""

FRESH = 900
"""Number of the variants that training never draws."""


def held_out(collection: Collection, cache: MapCache, count: int, most: int = 4, quiet: bool = False) -> Tests:
    """Test mixtures of every kind; a kind whose sounds have too few classes is left out."""
    plain = MixtureConfig(most=most, variants=1, seed=101)
    fresh = MixtureConfig(most=most, variants=1, first_variant=FRESH, as_is=0.0, seed=102)
    kinds = {
        "new mixtures": (collection.training, plain),
        "new variants": (collection.training, fresh),
        "unseen sounds": (collection.unseen, plain),
    }
    tests = {}
    for name, (sources, config) in kinds.items():
        if len(classes_of(sources)) >= most:
            studio = Studio(Factory(sources, config), collection.classes, cache, quiet)
            tests[name] = {k: studio.examples(range(count), k) for k in range(1, most + 1)}
    return tests


def decomposer(sae: IcSae) -> Decomposer:
    """The dictionary as something to measure: it names as many classes as it is asked for."""
    return lambda maps, steps: sae.decompose(maps, steps, stops=False).classes


def score(decompose: Decomposer, tests: Tests) -> Scores:
    """Accuracies on all tests."""
    return {name: {k: measure(decompose, one, k) for k, one in kind.items()} for name, kind in tests.items()}


def table(scores: Mapping[str, Scores]) -> str:
    """Methods and tests by number of sounds, as text: ordered accuracy and, behind it, set recall, in per cent."""
    lines = [f"{'method':<22}{'test':<16}" + "".join(f"{f'K = {k}':>14}" for k in range(1, 5))]
    for method, kinds in scores.items():
        for name, found in kinds.items():
            cells = "".join(f"{f'{100 * one.ordered:.1f} / {100 * one.found:.1f}':>14}" for one in found.values())
            lines.append(f"{method:<22}{name:<16}{cells}")
    return "\n".join([*lines, "ordered accuracy / recall of the set of classes, in per cent"])
