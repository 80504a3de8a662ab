"""The methods that `lookhear evaluate` compares: one file each, made unfitted by calling what `METHODS` names.

To add one: a class with `fit` and `density` (`method.py`), or a `LogLinear` of senses, in a file of its own, and its
line here. docs/evaluate.md has an example.
"""

from __future__ import annotations

from collections.abc import Callable

from lookhear.prediction.methods.evidence import EvidencePosterior
from lookhear.prediction.methods.late_fusion_average import LateFusionAverage
from lookhear.prediction.methods.log_pool import log_pool
from lookhear.prediction.methods.method import Method
from lookhear.prediction.methods.ours import ours
from lookhear.prediction.methods.prior import prior
from lookhear.prediction.methods.random_place import RandomPlace
from lookhear.prediction.methods.sight import sight
from lookhear.prediction.methods.sound import sound
from lookhear.prediction.methods.species_all import species_all
from lookhear.prediction.methods.species_annotated import species_annotated
from lookhear.prediction.methods.species_top1 import species_top1

METHODS: dict[str, Callable[[], Method]] = {
    "random_place": RandomPlace,
    "prior": prior,
    "species_annotated": species_annotated,
    "species_top1": species_top1,
    "species_all": species_all,
    "sound": sound,
    "sight": sight,
    "evidence": EvidencePosterior,
    "late_fusion_average": LateFusionAverage,
    "log_pool": log_pool,
    "ours": ours,
}
"""Name → makes the method."""
