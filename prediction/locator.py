"""The whole chain on one screen: clip → evidence → density → outlook → trace.

In: a file. Out: a `Result`. What a file claims of itself (date, GPS, device) is read and kept beside the answer and
never used for it. Where the model of one sense is not on this machine, the others answer, and a note says which it is.
"""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from os import PathLike
from typing import Any

from jaxtyping import Float
from numpy import ndarray
from shapely import Geometry

from lookhear.data.clip import Clip
from lookhear.data.gazetteer import gazetteer
from lookhear.data.models import MODELS, missing_sentence, state
from lookhear.data.outline import GIVEN, outline_name, read_outline, spoken_outline
from lookhear.data.provenance import claims_of
from lookhear.perception.evidence import Evidence
from lookhear.perception.hearing import Hearing, ears
from lookhear.perception.listen import Heard
from lookhear.perception.seeing import Seeing, Seen, eyes
from lookhear.perception.species import Progress, silent
from lookhear.prediction.density import CellDensity
from lookhear.prediction.posterior import Prior, posterior, restricted, share_within
from lookhear.prediction.result import Result
from lookhear.prediction.trained_head import TrainedHead
from lookhear.reasoning.outlook import Chance, Outlook
from lookhear.reasoning.rules import write_trace

REGIONS_KEPT = 12
"""Names kept of each scale."""


@dataclass
class Locator:
    """Says where clips were recorded.

    Example:
        >>> from lookhear.prediction import Locator                                 # doctest: +SKIP
        >>> result = Locator.offline().locate("clip.mp4")
        >>> print(result.outlook.headline)
        United States (97 %).
    """

    hearing: Hearing
    """What listens."""
    seeing: Seeing = field(default_factory=Seeing)
    """What looks."""
    head: TrainedHead | None = None
    """What turns evidence into the density, if it is not to be the evidence posterior itself."""

    @classmethod
    def offline(cls, progress: Progress = silent) -> Locator:
        """With the models of `lookhear fetch offline`, and CLIP and the reader of writing where they are installed.

        Raises:
            MissingModelError: they were not fetched.
        """
        return cls(Hearing.load(progress), Seeing.offline(progress))

    def locate(
        self,
        path: str | PathLike[str],
        week: int | None = None,
        prior: Prior = "recordings",
        region: str | None = None,
    ) -> Result:
        """Where a clip was recorded.

        Args:
            path: a video, a sound or a picture.
            week: BirdNET week 1..48 (four a month) if the time of year is known.
            prior: where recordings are made at all.
            region: a country's name or ISO code, or a GeoJSON file with a polygon, to search within.

        Raises:
            ClipError: the file cannot be used.
            ValueError: the week or the region makes no sense, or a prior is given to a trained head, which has its own.
        """
        if self.head is not None and prior != "recordings":
            raise ValueError(f"A trained head has learnt its prior; it cannot take {prior!r}.")
        started = time.perf_counter()
        clip = Clip.open(path)
        sounds, heard = self.hearing.evidence(clip, week) if clip.has_sound else ((), None)
        seen = self.seeing.look(clip)
        evidence = numbered((*sounds, *seen.evidence))
        features, everywhere = _features(seen, heard), posterior(evidence, prior)
        told, points = evidence, False
        if self.head is not None:
            everywhere = self.head.density(features, everywhere).on_cells()
            told, points = self.head.told(evidence), self.head.knows(features)
        density = everywhere if region is None else self._within(everywhere, evidence, prior, read_outline(region))
        points = points or any(one.where for one in told)
        outlook = replace(look_out(density, points), **_searched(everywhere, region))
        return Result(
            clip=clip,
            file_claims=claims_of(clip),
            sound=heard.quality if heard else None,
            evidence=evidence,
            density=density,
            outlook=outlook,
            trace=write_trace(told, outlook),
            notes=(
                *_notes(clip, evidence, heard, week),
                *(seen.notes or self._sight_notes(clip)),
                *([self.head.note] if self.head else ()),
            ),
            settings={
                "week": week,
                "prior": prior,
                "region": outline_name(region) if region else None,
                **({"head": self.head.digest} if self.head else {}),
            },
            run=_run(time.perf_counter() - started, self._models(clip)) | senses_of(clip),
            frames=seen.frames,
            features=seen.features,
            signs=seen.signs,
        )

    def _within(
        self, everywhere: CellDensity, evidence: Sequence[Evidence], prior: Prior, region: Geometry
    ) -> CellDensity:
        """The density in a region; that of evidence is computed on cells that are fine at the border."""
        return posterior(evidence, prior, region) if self.head is None else restricted(everywhere, region)

    def _sight_notes(self, clip: Clip) -> tuple[str, ...]:
        """What a reader must know of how the pictures were looked at."""
        if not clip.has_picture:
            return ()
        sight, reads = self.seeing.sight, self.seeing.reader is not None
        unread = () if reads else ("Writing was not read; `pip install rapidocr` adds that.",)
        if sight is None:
            for_what = "was read only for its writing" if reads else "was not looked at for its place"
            return (f"The picture {for_what}. {_what_sight_lacks()}".strip(), *unread)
        if sight.fitted:
            return unread
        doubt = "How sure the look of a scene makes it was fitted on simulated pictures, not on real ones"
        return (f"{doubt}; `lookhear train sight` fits it on yours.", *unread)

    def _models(self, clip: Clip) -> dict[str, str]:
        """Licences of the models that a clip met."""
        names = ["birdnet"] if clip.has_sound else []
        if clip.has_picture and self.seeing.sight is not None:
            names += ["geoclip", "clip"]
        licences = {name: MODELS[name].licence for name in names}
        reads = clip.has_picture and self.seeing.reader is not None
        return licences | ({"rapidocr": "Apache-2.0"} if reads else {})


def senses_of(clip: Clip) -> dict[str, list[str]]:
    """What a clip is perceived with on this machine; where that changes, an earlier answer is out of date."""
    return {"eyes": eyes() if clip.has_picture else [], "ears": ears() if clip.has_sound else []}


def _features(seen: Seen, heard: Heard | None) -> dict[str, Float[ndarray, " _"]]:
    """What trained heads may be given of a clip."""
    found = {
        "sight": None if seen.features is None else seen.features.mean,
        "sound": None if heard is None else heard.embedding,
    }
    return {name: feature for name, feature in found.items() if feature is not None}


def _what_sight_lacks() -> str:
    """Which model must be fetched before pictures are looked at, and how."""
    absent = [model for model in (MODELS["geoclip"], MODELS["clip"]) if state(model) != "present"]
    return missing_sentence(absent[0], state(absent[0])) if absent else ""


def look_out(density: CellDensity, points: bool) -> Outlook:
    """A density in names; where nothing points anywhere (`points` false) there is no best point."""
    shares = gazetteer().shares(density.ids, density.mass)
    best = density.median.rounded(4) if points else None
    return Outlook(
        point=best,
        place=gazetteer().name(best) if best else None,
        continents=_chances((r.continent, "", p) for r, p in shares),
        countries=_chances((r.country, r.continent, p) for r, p in shares),
        regions=_chances((r.region, r.country, p) for r, p in shares),
        sea=round(max(0.0, 1.0 - sum(p for _, p in shares)), 4),
        area_50_km2=round(density.region(0.5).area_km2),
        area_90_km2=round(density.region(0.9).area_km2),
    )


def _chances(rows: Any) -> tuple[Chance, ...]:
    total: dict[tuple[str, str], float] = {}
    for name, part_of, probability in rows:
        if name:
            total[name, part_of] = total.get((name, part_of), 0.0) + probability
    ordered = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:REGIONS_KEPT]
    return tuple(Chance(name, round(p, 4), part_of) for (name, part_of), p in ordered if p >= 5e-4)


def _notes(clip: Clip, evidence: tuple[Evidence, ...], heard: Heard | None, week: int | None) -> tuple[str, ...]:
    """What a reader must know of how the answer came about."""
    notes = list(clip.notes)
    if heard is None:
        notes.append("There is no sound to listen to.")
    else:
        notes += heard.quality.notes
        if heard.doubtful:
            notes.append(f"{heard.doubtful} fainter guesses of the sound detector were not believed.")
        if heard.windows and heard.steady == heard.windows:
            notes.append("The sound is steady throughout (noise, hum or silence): nothing in it tells of a place.")
    if week is None and any(one.kind == "species" for one in evidence):
        notes.append("No date was given, so every season counts; --date or --week narrows it.")
    return tuple(notes)


def _searched(everywhere: CellDensity, region: str | None) -> dict[str, Any]:
    """What alone was searched, and how much it held: a restriction must not hide that the evidence points elsewhere."""
    if region is None:
        return {}
    name = spoken_outline(region)
    shares = gazetteer().shares(everywhere.ids, everywhere.mass)
    by_name = sum(p for r, p in shares if r.country == name)
    held = share_within(everywhere, read_outline(region)) if name == GIVEN else by_name
    return {"within": name, "within_probability": round(held, 4)}


def numbered(found: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Findings of all senses in one order, most telling first, with the short names by which a trace cites them."""
    ordered = sorted(found, key=lambda one: (one.where is None, -one.confidence, one.name))
    return tuple(replace(one, id=f"e{k}") for k, one in enumerate(ordered, start=1))


def _run(seconds: float, models: dict[str, str]) -> dict[str, Any]:
    return {
        "lookhear": version("lookhear"),
        "torch": version("torch"),
        "python": platform.python_version(),
        "models": models,
        "time": {
            "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
        },
    }
