"""All that the language model is told of a clip besides its pictures: findings, an outlook, and places that fit.

In: what perception found and what the evidence leaves open (prediction's `briefing.py` makes it). Out: a `Brief`, which
`prompt.py` puts into words. It round-trips through JSON; where findings point is not kept, only which of them support
which place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookhear.data.atomic import write_atomic
from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import Evidence
from lookhear.reasoning.outlook import Outlook


@dataclass(frozen=True)
class Option:
    """A place that fits the evidence."""

    point: GeoPoint
    """Its middle."""
    place: PlaceName
    """What it is called."""
    probability: float
    """Chance in [0, 1] that the clip was recorded near it."""
    cites: tuple[str, ...] = ()
    """Ids of the findings that are likelier there than on average, most telling first."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        point = [self.point.lat_deg, self.point.lon_deg]
        return {
            "point": point,
            "place": self.place.to_json(),
            "probability": self.probability,
            "cites": list(self.cites),
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Option:
        """What `to_json` wrote."""
        place, cites = PlaceName(**record["place"]), tuple(record["cites"])
        return cls(GeoPoint(*record["point"]), place, record["probability"], cites)


@dataclass(frozen=True)
class Brief:
    """What the model is told of one clip."""

    clip_id: str
    """Which clip."""
    evidence: tuple[Evidence, ...]
    """What was found."""
    outlook: Outlook
    """What the evidence leaves open, in names."""
    options: tuple[Option, ...] = ()
    """Places that fit, likeliest first."""
    record: str = ""
    """Digest of the record of perception that it was made from."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without where findings point."""
        return {
            "clip_id": self.clip_id,
            "evidence": [replace(one, where=None).to_json() for one in self.evidence],
            "outlook": self.outlook.to_json(),
            "options": [option.to_json() for option in self.options],
            "record": self.record,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Brief:
        """What `to_json` wrote."""
        evidence = tuple(map(Evidence.from_json, record["evidence"]))
        options = tuple(map(Option.from_json, record["options"]))
        outlook = Outlook.from_json(record["outlook"])
        return cls(record["clip_id"], evidence, outlook, options, record.get("record", ""))


def write_briefs(path: Path, briefs: Iterable[Brief]) -> None:
    """One brief a line; the file is whole or not there."""
    write_atomic(path, "".join(json.dumps(brief.to_json(), ensure_ascii=False) + "\n" for brief in briefs))


def read_briefs(path: Path) -> Iterator[Brief]:
    """What `write_briefs` wrote.

    Raises:
        ValueError: a line is no brief.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Brief.from_json(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"Line {number} of {path} is no brief: {error!r}; remove the file.") from error
