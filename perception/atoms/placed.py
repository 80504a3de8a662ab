"""Places for mixtures that have none: what there is to fine-tune on where no geotagged recordings are.

In: which classes are heard in each mixture. Out: a country for each, drawn with the chances that the table of everyday
sounds gives (`perception.simulated.sounds`: where each is at home, assumed, never measured), p(country | sounds) ∝
Π p(sound | country). The sounds may be real; their places are invented. A figure on them says whether tuning keeps the
meaning of atoms and whether the location loss falls; it says nothing of the Earth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from lookhear.data.geo import GeoPoint
from lookhear.perception.simulated.sounds import SOUNDS, EverydaySound

COUNTRIES = {
    "GB": GeoPoint(53.0, -1.5),
    "DE": GeoPoint(51.0, 10.0),
    "IT": GeoPoint(43.0, 12.5),
    "US": GeoPoint(39.0, -95.0),
    "MX": GeoPoint(23.0, -102.0),
    "BR": GeoPoint(-15.0, -50.0),
    "EG": GeoPoint(28.0, 31.0),
    "NG": GeoPoint(9.0, 8.0),
    "IN": GeoPoint(22.0, 79.0),
    "JP": GeoPoint(36.0, 138.0),
    "TH": GeoPoint(15.0, 101.0),
    "CH": GeoPoint(47.0, 8.0),
}
"""The countries, and a point in the middle of each."""

NAMES = {
    "two-tone siren": "Two-tone siren",
    "wailing siren": "Wailing siren",
    "cattle": "Cattle, bovinae",
    "rooster crowing": "Crowing, cock-a-doodle-doo",
}
"""What the table says, where our classes are finer or called otherwise than its AudioSet class."""


def chances(classes: Sequence[str]) -> Float[ndarray, "countries classes"]:
    """How likely each class is in each country, half-way between town and country; 1 for what the table has not."""
    table = {NAMES.get(sound.label, sound.name): sound for sound in SOUNDS}
    known = [[_chance(table[name], code) if name in table else 1.0 for name in classes] for code in COUNTRIES]
    return np.array(known)


def telling(classes: Sequence[str]) -> Bool[Tensor, " classes"]:
    """The classes that are at home in some of the countries and not in others."""
    return torch.from_numpy(np.log(chances(classes)).std(0) > 0.3)


def draw_countries(heard: Bool[Tensor, "n classes"], classes: Sequence[str], seed: int) -> Int[Tensor, " n"]:
    """A country for each mixture."""
    logits = heard.double() @ torch.from_numpy(np.log(chances(classes))).T
    draws = torch.Generator().manual_seed(seed)
    return torch.multinomial(torch.softmax(logits, 1), 1, generator=draws)[:, 0]


def median_km(logits: Float[Tensor, "n countries"], truth: Int[Tensor, " n"]) -> float:
    """Median distance between the middle of the likeliest country and that of the true one."""
    middles = np.stack([point.unit for point in COUNTRIES.values()])
    one, other = middles[logits.argmax(1).numpy()], middles[truth.numpy()]
    apart = np.arctan2(np.linalg.norm(np.cross(one, other), axis=1), (one * other).sum(1))
    return float(np.median(6371.0088 * apart))


def _chance(sound: EverydaySound, code: str) -> float:
    """The table's chance in a country; a little everywhere, for no sound is impossible."""
    chance = 0.5 * (sound.wild + sound.urban)
    if sound.home is not None and (code in sound.home) == sound.inverted:
        chance *= sound.abroad
    return max(chance, 1e-4)
