"""A trace: the reasons for an answer, from coarse to fine, each citing the evidence it rests on.

It round-trips through JSON. Made by rule (`rules.py`); a language model is to write the same thing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lookhear.data.geo import GeoPoint

Step = Literal["heard", "continent", "country", "region", "town", "against", "limit"]
"""What a claim is about: what was found; four scales of place; what speaks against; where knowledge ends."""


@dataclass(frozen=True)
class Claim:
    """One sentence of a trace."""

    step: Step
    """What it is about."""
    text: str
    """The sentence."""
    cites: tuple[str, ...] = ()
    """Ids of the evidence it rests on."""
    place: str | None = None
    """The place it names."""
    probability: float | None = None
    """Chance in [0, 1] that the clip was recorded there."""


@dataclass(frozen=True)
class Trace:
    """The whole chain of reasons."""

    claims: tuple[Claim, ...]
    """From coarse to fine, then what speaks against it and where knowledge ends."""
    answer: GeoPoint | None
    """The place named at the end, or None: "cannot say"."""
    made_by: str
    """Who wrote it: "rules", or a model's name."""

    @property
    def text(self) -> str:
        """The trace as prose, ending with the answer as language models are taught to give it."""
        lines = [claim.text + _citation(claim) for claim in self.claims]
        answer = f"{self.answer.lat_deg:.4f}, {self.answer.lon_deg:.4f}" if self.answer else "unknown"
        return "\n".join([*lines, f"<answer>{answer}</answer>"])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        claims = [{**asdict(claim), "cites": list(claim.cites)} for claim in self.claims]
        answer = [self.answer.lat_deg, self.answer.lon_deg] if self.answer else None
        return {"made_by": self.made_by, "claims": claims, "answer_lat_lon": answer}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Trace:
        """What `to_json` wrote."""
        claims = tuple(Claim(**{**claim, "cites": tuple(claim["cites"])}) for claim in record["claims"])
        answer = GeoPoint(*record["answer_lat_lon"]) if record["answer_lat_lon"] else None
        return cls(claims, answer, record["made_by"])


def _citation(claim: Claim) -> str:
    return f" [{', '.join(claim.cites)}]" if claim.cites else ""
