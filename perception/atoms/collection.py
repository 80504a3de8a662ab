"""All sounds of one training: a data set of any reader, synthesised ones, and noise; split by origin.

In: a folder and the reader's name, and how many sounds to synthesise of each class. Out: a `Collection`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from lookhear.data.readers import CLASS_READERS
from lookhear.data.readers.skips import OnSkip, in_silence
from lookhear.perception.atoms.sources import Source, SourceError, classes_of, recorded, split_by_origin, synthesised
from lookhear.perception.atoms.synthetic import NOTHING, SYNTHETIC


@dataclass(frozen=True)
class Collection:
    """Sounds to train on, and sounds that training never hears."""

    training: tuple[Source, ...]
    """Sounds to train on, noise included."""
    unseen: tuple[Source, ...]
    """Recordings of other origins, and the set's own test split; no synthesised ones."""
    classes: tuple[str, ...]
    """The labels of the training sounds."""

    @classmethod
    def of(cls, recordings: list[Source], tests: list[Source], synthetic: int = 6) -> Collection:
        """Split recordings by origin where the set has no test split of its own; synthesise the rest.

        Raises:
            SourceError: there is no sound to train on.
        """
        made = [synthesised(label, number) for label in SYNTHETIC for number in range(synthetic)]
        noises = [synthesised(label, number) for label in NOTHING for number in range(synthetic)]
        training, held = (recordings, tests) if tests else split_by_origin([*recordings, *made])
        training = [*training, *made] if tests else training
        classes = classes_of(training)
        if not classes:
            raise SourceError("There is no sound to train on; give a folder with labelled sounds, or synthesise some.")
        unseen = [one for one in held if not one.synthetic and set(one.labels) <= set(classes)]
        return cls((*training, *noises), tuple(unseen), classes)


def read_recordings(
    folder: Path, reader: str, on_skip: OnSkip = in_silence, quiet: bool = False
) -> tuple[list[Source], list[Source]]:
    """The files of a set to train on, and those of its test split.

    Raises:
        SourceError: there is none.
    """
    clips = list(CLASS_READERS[reader](folder, on_skip))
    if not clips:
        raise SourceError(f"No labelled sound could be read from {folder}; is it a set of the kind {reader!r}?")
    known = [(clip.split == "test", recorded(clip)) for clip in tqdm(clips, "Reading", unit="file", disable=quiet)]
    return [one for test, one in known if not test], [one for test, one in known if test]
