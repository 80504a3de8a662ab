"""How well writing in a scene tells where it is, how often that is wrong, and what reading costs.

In: a folder of fonts (Debian's fonts-noto-core and fonts-noto-cjk, as files in one folder), and as wanted a folder of
photographs. Out, as tables: on drawn street scenes (`benchmark_writing_scenes`), how many names were read and found,
how often the country is among the first three of the answer, and how often it would be without reading; how often a
name was found that was not drawn, and a language taken for another; the same for written phrases without a name; what
was read in the photographs; the time and memory of reading a clip of 60 s in 1080p against decoding it.

    python -m lookhear.scripts.benchmark_writing --fonts FONTS --photos PHOTOS
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tyro
from PIL import Image
from tqdm import tqdm

from lookhear.data.frames import Frame
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import great_circle_km
from lookhear.data.picture import PICTURE_FORMATS, read_picture
from lookhear.perception.evidence import Evidence
from lookhear.perception.writing.clues import CLEAR
from lookhear.perception.writing.place_names import Place, country_names, find_places
from lookhear.perception.writing.reader import MAX_SIDE_PX
from lookhear.perception.writing.reading import Reader
from lookhear.perception.writing.sign import Sign
from lookhear.prediction.density import CellDensity
from lookhear.prediction.posterior import posterior
from lookhear.scripts.benchmark_writing_phrases import print_phrases
from lookhear.scripts.benchmark_writing_scenes import Scene, scenes

FOUND_KM = 50.0
"""A best point this near to the town that is named counts as the place."""


@dataclass(frozen=True)
class BenchmarkWritingConfig:
    """How well writing in a scene tells where it is, and what reading costs."""

    fonts: Path
    """A folder with the fonts of `benchmark_writing_scenes.FONTS`."""
    photos: Path | None = None
    """A folder of photographs whose writing is printed."""
    names: int = 200
    """Names of places that are drawn, each in a scene of its own."""
    languages: tuple[str, ...] = ()
    """Codes of the languages that are drawn; all twelve by default."""
    seed: int = 0
    """Draws the names and the scenes."""
    threads: int = 1
    """Threads of the reader."""
    clip_seconds: float = 60.0
    """Length of the clip for time and memory; 0 leaves that out."""


@dataclass
class Tally:
    """What happened in the scenes of one language."""

    scenes: int = 0
    """Scenes with a name."""
    legible: int = 0
    """…that a person could read."""
    read: int = 0
    """Legible ones whose name was found by the gazetteer as it was drawn."""
    top_3: int = 0
    """Legible ones whose country is among the first three."""
    place: int = 0
    """Legible ones whose best point lies near the town."""
    blind: int = 0
    """Legible ones whose country is among the first three of the prior."""
    misses: list[str] = field(default_factory=list)
    """Legible ones whose country is not, in words."""


@dataclass
class Errors:
    """Names found and languages guessed in all scenes, and how many of them were wrong."""

    names: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """By how the name was found: whether it is not among what was drawn."""
    languages: list[bool] = field(default_factory=list)
    """Whether the language is not the one drawn."""
    nothing: list[bool] = field(default_factory=list)
    """Scenes without a name: whether one was found."""


def main(config: BenchmarkWritingConfig) -> None:
    """Print all tables."""
    reader = Reader.load(config.threads)
    tallies: dict[str, Tally] = defaultdict(Tally)
    errors = Errors()
    total = config.names + config.names // 4
    drawn = scenes(config.names, config.fonts, config.seed, config.languages)
    for scene in tqdm(drawn, total=total, desc="Reading scenes"):
        evidence, signs = reader.evidence([Frame(0.0, scene.pixels)])
        count_errors(errors, scene, signs)
        if scene.town >= 0:
            count(tallies[scene.tongue.code], scene, evidence, signs)
    print_tallies(tallies)
    print_errors(errors)
    print_phrases()
    if config.photos:
        print_photos(reader, config.photos)
    if config.clip_seconds:
        from lookhear.scripts.benchmark_writing_clip import print_cost

        print_cost(reader, next(scenes(1, config.fonts, config.seed)), config.clip_seconds)


def count(tally: Tally, scene: Scene, evidence: tuple[Evidence, ...], signs: tuple[Sign, ...]) -> None:
    """Add one scene with a name."""
    tally.scenes += 1
    if not scene.legible:
        return
    tally.legible += 1
    density = posterior(evidence)
    first = [name for name, _ in country_shares(density)[:3]]
    country = country_names()[scene.iso]
    tally.read += scene.town in {place.number for sign in signs for place in named(sign) if place.scale == "town"}
    tally.top_3 += country in first
    tally.blind += country in [name for name, _ in country_shares(posterior(()))[:3]]
    tally.place += near_town(density, scene.town)
    if country not in first:
        tally.misses.append(f"{scene.texts[0]} ({scene.iso}) read as {[sign.text for sign in signs]}")


def named(sign: Sign) -> Iterator[Place]:
    """All places that a sign may name."""
    for match in find_places(sign.text, may_be_misread=sign.confidence < CLEAR):
        yield from match.places


def near_town(density: CellDensity, town: int) -> bool:
    """Whether the best point lies near a town."""
    return float(great_circle_km(gazetteer().towns[1][town], density.median.unit)) <= FOUND_KM


def count_errors(errors: Errors, scene: Scene, signs: tuple[Sign, ...]) -> None:
    """Add the names and languages of one scene."""
    found = [(match, sign) for sign in signs for match in find_places(sign.text, sign.confidence < CLEAR)]
    for match, _ in found:
        errors.names[match.match].append(scene.town not in {p.number for p in match.places if p.scale == "town"})
    if scene.town < 0:
        errors.nothing.append(bool(found))
    for sign in signs:
        if any(clue for clue in sign.says if not clue.startswith("names ")):
            errors.languages.append(sign.languages[0].language != scene.tongue.code)


def print_tallies(tallies: dict[str, Tally]) -> None:
    """One line a language, and those that are written in Latin letters together."""
    print(f"{'language':10}{'scenes':>8}{'legible':>9}{'name found':>12}{'top 3':>8}{'place':>8}{'blind top 3':>13}")
    latin = {tongue for tongue in tallies if tongue in ("en", "fr", "de", "es", "pt", "pl", "tr")}
    sums = {"Latin": [tallies[one] for one in latin], "other": [t for one, t in tallies.items() if one not in latin]}
    for name, group in {**{one: [tally] for one, tally in tallies.items()}, **sums}.items():
        legible = sum(tally.legible for tally in group)
        parts = [sum(getattr(t, key) for t in group) / max(legible, 1) for key in ("read", "top_3", "place", "blind")]
        numbers = f"{sum(t.scenes for t in group):>8}{legible:>9}"
        print(f"{name:10}{numbers}{parts[0]:>12.1%}{parts[1]:>8.1%}{parts[2]:>8.1%}{parts[3]:>13.1%}")
    for miss in (miss for tally in tallies.values() for miss in tally.misses):
        print(f"  missed: {miss}")


def print_errors(errors: Errors) -> None:
    """How often what was found is not what was drawn."""
    for kind, wrong in [*sorted(errors.names.items()), ("language", errors.languages)]:
        if wrong:
            print(f"{kind:10} found {len(wrong):>4}, wrong {sum(wrong):>3} ({np.mean(wrong):.1%})")
    if errors.nothing:
        print(f"scenes without a name {len(errors.nothing)}, a name was found in {sum(errors.nothing)}")


def print_photos(reader: Reader, folder: Path) -> None:
    """What was read in photographs, and the answer."""
    known = {suffix for suffix, name in Image.registered_extensions().items() if name in PICTURE_FORMATS}
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in known):
        started = time.perf_counter()
        evidence, _ = reader.evidence([Frame(0.0, read_picture(path, MAX_SIDE_PX).image)])
        seconds = time.perf_counter() - started
        density = posterior(evidence)
        first = ", ".join(f"{name} {share:.0%}" for name, share in country_shares(density)[:3])
        answer = first if any(one.where for one in evidence) else "nothing points anywhere"
        print(f"{path.name:36}{seconds:5.1f} s  {answer} | {'; '.join(one.label for one in evidence)}")


def country_shares(density: CellDensity) -> list[tuple[str, float]]:
    """Countries with their probabilities."""
    total: dict[str, float] = defaultdict(float)
    for region, share in gazetteer().shares(density.ids, density.mass):
        total[region.country] += share
    return sorted(total.items(), key=lambda item: -item[1])


if __name__ == "__main__":
    main(tyro.cli(BenchmarkWritingConfig))
