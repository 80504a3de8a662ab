"""The answer to "where was this recorded?", with all that it rests on.

`to_json` is the whole record and `from_json` reads it back; every file a person gets is written from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookhear.data.clip import Clip, SoundQuality
from lookhear.data.geo import GeoPoint
from lookhear.data.preview import PreviewFrame
from lookhear.data.provenance import FileClaims
from lookhear.perception.evidence import Evidence
from lookhear.perception.sight import FrameFeatures
from lookhear.perception.writing.sign import Sign
from lookhear.prediction.density import Candidate, CellDensity
from lookhear.reasoning.outlook import Outlook
from lookhear.reasoning.trace import Trace

SCHEMA = 1
"""Version of the JSON record."""

POINT_METHOD = "geometric median of the density"
"""How the one best point is chosen."""


@dataclass(frozen=True, eq=False)
class Result:
    """Where a clip was recorded, how sure that is, and why."""

    clip: Clip
    """The file."""
    file_claims: FileClaims
    """What the file says of itself; shown beside the answer, never used for it."""
    sound: SoundQuality | None
    """What the sound is like, or None without sound."""
    evidence: tuple[Evidence, ...]
    """What was found, most telling first."""
    density: CellDensity
    """Probability over the Earth."""
    outlook: Outlook
    """The answer in names."""
    trace: Trace
    """The reasons."""
    notes: tuple[str, ...]
    """What a reader must know: what was not looked at, and why."""
    settings: dict[str, Any]
    """The settings that shaped the answer."""
    run: dict[str, Any]
    """Versions and models; times and dates of the run lie under "time"."""
    frames: tuple[PreviewFrame, ...] = ()
    """Some frames of the clip, small; the record keeps only their moments and sizes."""
    features: FrameFeatures | None = None
    """What frames look like in GeoCLIP's space, where CLIP is there."""
    signs: tuple[Sign, ...] = ()
    """What was read in the frames."""

    @property
    def best(self) -> GeoPoint | None:
        """The one best point, by `POINT_METHOD`, or None: "cannot say"."""
        return self.outlook.point

    @property
    def is_coarse(self) -> bool:
        """Whether places were rounded (`coarsen`): then the clip itself must not be shown, also where its file is."""
        return "coarsen_km" in self.settings

    def top(self, count: int = 5) -> list[Candidate]:
        """Candidate places with the probability around each, best first; none when nothing can be said."""
        return self.density.candidates(count) if self.best else []

    def save(self, folder: str | Path, formats: Sequence[str] = ("html", "json"), name: str = "") -> list[Path]:
        """Write files into a folder, each whole or not at all.

        Args:
            folder: where to; it is made if need be.
            formats: keys of `lookhear.prediction.writers.WRITERS`.
            name: file name without extension; by default the clip's own.

        Returns:
            The paths written.

        Raises:
            ValueError: a format is unknown.
            OSError: the folder cannot be written to.
        """
        from lookhear.prediction.writers import save

        return save(self, Path(folder), formats, name or self.clip.path.stem)

    def to_json(self) -> dict[str, Any]:
        """The whole record in plain JSON values, most wanted first."""
        return {
            "schema": SCHEMA,
            "answer": {**self.outlook.to_json(), "method": POINT_METHOD},
            "candidates": [_candidate(candidate) for candidate in self.top()],
            "trace": self.trace.to_json(),
            "notes": list(self.notes),
            "clip": self.clip.to_json(),
            "file_claims": self.file_claims.to_json(),
            "sound": self.sound.to_json() if self.sound else None,
            "settings": self.settings,
            "run": self.run,
            "evidence": [evidence.to_json() for evidence in self.evidence],
            "signs": [sign.to_json() for sign in self.signs],
            "frames": [[frame.time_s, frame.width_px, frame.height_px] for frame in self.frames],
            "features": self.features.to_json() if self.features else None,
            "density": self.density.to_json(),
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Result:
        """What `to_json` wrote.

        Raises:
            ValueError: the record is of another schema.
        """
        if record.get("schema") != SCHEMA:
            raise ValueError(f"This record has schema {record.get('schema')}, but schema {SCHEMA} is read here.")
        answer = {key: value for key, value in record["answer"].items() if key != "method"}
        return cls(
            clip=Clip.from_json(record["clip"]),
            file_claims=FileClaims.from_json(record["file_claims"]),
            sound=SoundQuality.from_json(record["sound"]) if record["sound"] else None,
            evidence=tuple(Evidence.from_json(evidence) for evidence in record["evidence"]),
            density=CellDensity.from_json(record["density"]),
            outlook=Outlook.from_json(answer),
            trace=Trace.from_json(record["trace"]),
            notes=tuple(record["notes"]),
            settings=record["settings"],
            run=record["run"],
            frames=tuple(PreviewFrame(time_s, b"", *size) for time_s, *size in record.get("frames", ())),
            features=FrameFeatures.from_json(record["features"]) if record.get("features") else None,
            signs=tuple(Sign.from_json(sign) for sign in record.get("signs", ())),
        )


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "lat_lon": [candidate.point.lat_deg, candidate.point.lon_deg],
        "probability": candidate.probability,
        "radius_km": candidate.radius_km,
    }
