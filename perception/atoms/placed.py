"""Places for mixtures that have none: what there is to fine-tune on where no geotagged recordings are.

In: what is heard in each mixture. Out: how likely each of twelve countries is, p(country | sounds) ∝ Π p(sound |
country), from two sources:

- the *class*: its chances in the table of everyday sounds (`perception.simulated.sounds`: assumed, never measured);
- the *kind*: within a class, sounds differ from country to country, as fire engines do. Each recording counts as a
  kind, at home in three of the countries, drawn by lot.

The sounds may be real; their places are invented. A figure on them says whether a location loss teaches atoms finer
differences than their labels do, and whether the labels survive it; it says nothing of the Earth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from lookhear.perception.simulated.sounds import SOUNDS, EverydaySound

COUNTRIES = ("GB", "DE", "IT", "US", "MX", "BR", "EG", "NG", "IN", "JP", "TH", "CH")

HOMES = 3
"""Countries in which a kind of sound is at home."""

ABROAD = 0.1
"""How much rarer it is elsewhere."""

NAMES = {
    "two-tone siren": "Two-tone siren",
    "wailing siren": "Wailing siren",
    "cattle": "Cattle, bovinae",
    "rooster crowing": "Crowing, cock-a-doodle-doo",
}
"""What the table says, where our classes are finer or called otherwise than its AudioSet class."""


def by_class(classes: Sequence[str]) -> Float[ndarray, "countries classes"]:
    """How likely each class is in each country, half-way between town and country; 1 for what the table has not."""
    table = {NAMES.get(sound.label, sound.name): sound for sound in SOUNDS}
    known = [[_chance(table[name], code) if name in table else 1.0 for name in classes] for code in COUNTRIES]
    return np.array(known)


def by_kind(kinds: int, seed: int) -> Float[ndarray, "countries kinds"]:
    """How likely each kind is in each country: 1 at home and `ABROAD` elsewhere."""
    rng = np.random.default_rng(seed)
    home = np.argsort(rng.random((len(COUNTRIES), kinds)), axis=0).argsort(0) < HOMES
    return np.where(home, 1.0, ABROAD)


def places_of(
    heard: Bool[Tensor, "n classes"], classes: Sequence[str], kinds: Int[Tensor, "n most"], seed: int
) -> Float[Tensor, "n countries"]:
    """How likely each country is for each mixture.

    Args:
        heard: the classes in it.
        classes: their names.
        kinds: which recordings it is made of; -1: none.
        seed: decides where kinds are at home.
    """
    finer = torch.from_numpy(np.log(by_kind(int(kinds.max()) + 1, seed))).T[kinds.clamp(min=0)]
    logits = heard.double() @ torch.from_numpy(np.log(by_class(classes))).T
    return torch.softmax(logits + (finer * (kinds >= 0)[:, :, None]).sum(1), 1).float()


def _chance(sound: EverydaySound, code: str) -> float:
    """The table's chance in a country; a little everywhere, for no sound is impossible."""
    chance = 0.5 * (sound.wild + sound.urban)
    if sound.home is not None and (code in sound.home) == sound.inverted:
        chance *= sound.abroad
    return max(chance, 1e-4)
