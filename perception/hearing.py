"""A clip's sound in, evidence out: BirdNET's detections with the ranges of the species heard.

Sounds that BirdNET knows and that live nowhere in particular (siren, engine, voices, dog) are evidence without a
place. What is not evidence: "noise" and "environmental". Where the package comes with a dictionary of acoustic atoms,
it listens in on BirdNET's map, and what it is sure of is evidence too: water, a train, bells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lookhear.data.clip import Clip
from lookhear.data.local_file import sha256_of
from lookhear.perception.atoms.atoms import Atom, atoms_of
from lookhear.perception.atoms.families import SURE, Finding, findings
from lookhear.perception.atoms.shipped import FOLDER, shipped_dictionary
from lookhear.perception.atoms.store import WEIGHTS, Dictionary
from lookhear.perception.atoms.strengths import strengths
from lookhear.perception.birdnet import WINDOW_S, BirdNet, read_labels
from lookhear.perception.encoders.birdnet_encoder import OverheardMaps
from lookhear.perception.evidence import Evidence, Kind
from lookhear.perception.listen import HOP_S, Detection, Heard, listen
from lookhear.perception.pointing import Pointing, index_of
from lookhear.perception.ranges import RangeModel
from lookhear.perception.species import Progress, SpeciesRanges, silent

DETECTOR = "BirdNET V2.4"
ATOM_DETECTOR = "IC-SAE on BirdNET V2.4"

SOUNDS = {
    "Dog": "dog barking",
    "Engine": "engine",
    "Fireworks": "fireworks",
    "Gun": "gunshot",
    "Human non-vocal": "people (not speaking)",
    "Human vocal": "voices",
    "Human whistle": "whistling",
    "Power tools": "power tools",
    "Siren": "siren",
}
"""BirdNET's labels that are sounds without a place, as a person says them."""

IGNORED = frozenset({"Noise", "Environmental"})
"""Labels that say nothing."""


@dataclass
class Hearing:
    """BirdNET and its ranges, loaded once.

    Example:
        >>> hearing = Hearing.load()                                                # doctest: +SKIP
        >>> evidence, heard = hearing.evidence(Clip.open("dawn.ogg"), week=20)
    """

    birdnet: BirdNet
    """Hears."""
    ranges: SpeciesRanges
    """Knows where each species lives."""
    dictionary: Dictionary | None = None
    """Knows everyday sounds; None: only BirdNET's own labels are told."""

    @classmethod
    def load(cls, progress: Progress = silent) -> Hearing:
        """The fetched models.

        Raises:
            MissingModelError: they were not fetched.
        """
        return cls(BirdNet.load(), SpeciesRanges(RangeModel.load(), progress), shipped_dictionary())

    def evidence(self, clip: Clip, week: int | None = None) -> tuple[tuple[Evidence, ...], Heard]:
        """What was heard, most telling first, in a BirdNET week 1..48 or an unknown one.

        Raises:
            ClipError: the clip has no sound.
        """
        with OverheardMaps(self.birdnet) as maps:
            heard = listen(clip, self.birdnet)
        believed = [d for d in heard.detections if self.labels[d.label][0] not in IGNORED]
        found = list(self.pointing.point([self._evidence(d) for d in believed], week))
        if self.dictionary is not None and heard.windows:
            atoms = atoms_of(self.dictionary.sae, maps.stacked(), HOP_S, WINDOW_S, heard.quality.duration_s)
            found += everyday(atoms, {one.label for one in found})
            heard = replace(heard, atoms=strengths(atoms, self.dictionary.sae.config.kernels))
        found.sort(key=lambda one: (one.where is None, -one.confidence, one.name))
        return tuple(_numbered(found)), heard

    @cached_property
    def pointing(self) -> Pointing:
        """Where species point."""
        return Pointing(self.ranges, index_of(self.labels))

    @cached_property
    def labels(self) -> list[tuple[str, str]]:
        """Scientific and common names."""
        return read_labels()

    def _evidence(self, detection: Detection) -> Evidence:
        name, label = self.labels[detection.label]
        kind: Kind = "sound" if name in SOUNDS else "species"
        return Evidence("", kind, SOUNDS.get(name, label), name, detection.moments, detection.confidence, DETECTOR)


def ears() -> list[str]:
    """What sound is heard with beside BirdNET: the dictionary of atoms, and how sure it must be to tell one."""
    weights = FOLDER / WEIGHTS
    return [f"atoms {sha256_of(weights)[:12]} from {SURE}"] if weights.exists() else []


def everyday(atoms: Sequence[Atom], told: set[str]) -> list[Evidence]:
    """Everyday sounds that the dictionary is sure of and that BirdNET did not tell."""
    known = {"dog": "dog barking", "siren": "siren", "people": "voices"}
    return [_sound(one) for one in findings(atoms) if known.get(one.family) not in told]


def _sound(one: Finding) -> Evidence:
    return Evidence("", "sound", one.family, one.label, one.moments, one.confidence, ATOM_DETECTOR)


def _numbered(found: list[Evidence]) -> list[Evidence]:
    return [replace(one, id=f"e{k}") for k, one in enumerate(found, start=1)]
