"""The sounds that mixtures are made of, and how they are split so that "unseen" is honest.

In: labelled clips of any reader of `lookhear.data.readers`, and classes to synthesise. Out: `Source`s: what is heard
in each, where it came from, and its samples when asked for. Two sounds of one origin (a package, a recording, an
uploader) are often cuts of one recording, so a class is split by origin, never within one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from lookhear.data.local_file import sha256_of
from lookhear.data.readers.labelled_clip import LabelledClip
from lookhear.data.sound import SoundReader
from lookhear.perception.atoms.synthetic import NOTHING, SYNTHETIC

LONGEST_S = 30.0
"""Of a longer file only the beginning is used."""

SYNTHETIC_S = 6.0
"""Length of a synthesised sound."""


@dataclass(frozen=True)
class Source:
    """One sound."""

    labels: tuple[str, ...]
    """What is heard in it; empty for what must give no atom."""
    origin: str
    """Where it came from; sounds of one origin stay on one side of a split."""
    digest: str
    """Changes with its content."""
    read: Callable[[int], Float32[ndarray, " n"]]
    """Its samples at a rate in Hz."""
    synthetic: bool = False
    """Whether it is made of numbers."""


class SourceError(ValueError):
    """Sounds that nothing can be learnt from; the message says why."""


def recorded(clip: LabelledClip) -> Source:
    """A file of a data set; its origin is the first word of what the set says of its source."""
    origin = clip.source.split("/")[0].split(" ")[0] or clip.path.stem
    return Source(clip.labels, origin, sha256_of(clip.path), partial(_from_file, clip.path))


def synthesised(label: str, number: int) -> Source:
    """The `number`-th sound of a class of `SYNTHETIC` or `NOTHING`, with traits of its own; every third is apart."""
    labels = (label,) if label in SYNTHETIC else ()
    origin = f"synthesised {'apart' if number % 3 == 2 else ''}".strip()
    return Source(labels, origin, f"synthesised {label} {number} v1", partial(_from_numbers, label, number), True)


def classes_of(sources: Iterable[Source]) -> tuple[str, ...]:
    """All labels, in order of the alphabet."""
    return tuple(sorted({label for source in sources for label in source.labels}))


def split_by_origin(sources: Sequence[Source]) -> tuple[list[Source], list[Source]]:
    """Sounds to train on, and of every class with two origins or more those of its smallest one, held out."""
    held: set[tuple[str, str]] = set()
    for label in classes_of(sources):
        origins = [source.origin for source in sources if source.labels[:1] == (label,)]
        if len(set(origins)) > 1:
            held.add((label, min(set(origins), key=lambda name: (origins.count(name), name))))
    out = [bool(source.labels) and (source.labels[0], source.origin) in held for source in sources]
    train = [source for source, held_out in zip(sources, out, strict=True) if not held_out]
    return train, [source for source, held_out in zip(sources, out, strict=True) if held_out]


def refuse_unknown(sources: Iterable[Source], classes: Sequence[str]) -> None:
    """Say which labels a dictionary does not have.

    Raises:
        SourceError: there are some.
    """
    unknown = sorted(set(classes_of(sources)) - set(classes))
    if unknown:
        raise SourceError(
            f"{len(unknown)} labels are not among the {len(classes)} classes of the dictionary, such as "
            f"{', '.join(map(repr, unknown[:3]))}; rename them in the table, or train a dictionary that has them."
        )


def _from_file(path: Path, sample_rate_hz: int) -> Float32[ndarray, " n"]:
    sound = next(SoundReader(path, sample_rate_hz, round(LONGEST_S * sample_rate_hz)), np.zeros(0, np.float32))
    if not len(sound) or not sound.var() > 1e-10:
        raise SourceError(f"{path} is silent; take it out of the table.")
    return sound


def _from_numbers(label: str, number: int, sample_rate_hz: int) -> Float32[ndarray, " n"]:
    maker = SYNTHETIC.get(label) or NOTHING[label]
    return maker(SYNTHETIC_S, sample_rate_hz, np.random.default_rng([zlib.crc32(label.encode()), number]))
