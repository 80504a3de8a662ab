"""All the evidence of a clip, as `lookhear locate` takes it: prior × likelihood of every finding.

What differs from `locate` is only what a training split can teach: the weight of each kind of finding, and what
everyday sounds say of a place.
"""

from __future__ import annotations

from lookhear.prediction.methods.everyday import EverydaySounds
from lookhear.prediction.methods.log_linear import LogLinear
from lookhear.prediction.methods.sense import HeardSpecies, Sight, Writing


def ours() -> LogLinear:
    """Every kind of finding with its own weight."""
    return LogLinear(
        {
            "species": (HeardSpecies(),),
            "everyday sounds": (EverydaySounds(),),
            "sight": (Sight(),),
            "writing": (Writing(),),
        }
    )
