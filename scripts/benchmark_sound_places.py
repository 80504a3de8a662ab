"""What fine-tuning through a location loss does to a dictionary: the part `places` of `benchmark_sound`.

In: a dictionary, the mixtures it was trained on and others that it has not heard; windows with one sound each, in the
variants of training to tune on and in fresh ones to test on, each with how likely twelve countries are
(`perception.atoms.placed`: invented, by class and by kind of sound). Out: a table: how well mixtures are taken apart,
and log p(country). Differences are paired, with 95 % bootstrap intervals, over mixtures and over recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

if TYPE_CHECKING:
    from lookhear.perception.atoms.examples import Examples
    from lookhear.perception.atoms.geotuning import PlaceHead
    from lookhear.perception.atoms.ic_sae import IcSae
    from lookhear.perception.atoms.sources import Source

SEED = 3
"""Decides where kinds of sounds are at home."""

DRAWS = 2_000
"""Resamples of the bootstrap."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Windows of one sound each, with places."""

    maps: Float[Tensor, "n features positions"]
    """The encoder's maps."""
    heard: Bool[Tensor, "n classes"]
    """The classes in each."""
    recording: Int[Tensor, " n"]
    """Which recording each is of."""
    places: Float[Tensor, "n countries"]
    """How likely each country is."""

    @classmethod
    def of(
        cls, maps: Float[Tensor, "n features positions"], sources: Sequence[Source], classes: Sequence[str]
    ) -> Placed:
        """Equally many neighbouring windows of every source; those without a label are left out."""
        from lookhear.perception.atoms.placed import places_of

        recording = torch.arange(len(sources)).repeat_interleave(len(maps) // len(sources))
        labels = torch.tensor([[name in source.labels for name in classes] for source in sources])
        named = labels[recording].any(1)
        heard, recording = labels[recording][named], recording[named]
        return cls(maps[named].float(), heard, recording, places_of(heard, classes, recording[:, None], SEED))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one dictionary with its head does."""

    count: Int[Tensor, " mixtures"]
    """Sounds in each mixture."""
    right: Float[Tensor, " mixtures"]
    """Share of its steps whose class is right in order."""
    log_p: Float[Tensor, " recordings"]
    """Expected log chance of the country, mean over each recording's windows."""


def places(sae: IcSae, known: Examples, further: Examples, tuning: Placed, testing: Placed) -> str:
    """The table: before, after the location loss alone, and after both."""
    from lookhear.perception.atoms.geotuning import GeotuningConfig, geotune, train_head

    free, held = GeotuningConfig(consistency=0.0), GeotuningConfig()
    before = outcome(sae, train_head(sae, tuning.maps, tuning.places, free), further, testing)
    lines = [row("before: the head alone", before, before)]
    for name, config in (("location loss alone", free), ("with label consistency", held)):
        tuned, head = geotune(sae, tuning.maps, tuning.places, known, config)
        lines.append(row(name, outcome(tuned, head, further, testing), before))
    titles = f"{'fine-tuning':<24}{'K = 1':>8}{'K = 2':>8}{'K = 3':>8}{'points lost':>24}{'log p':>10}{'gain':>32}"
    about = f"{len(before.right)} mixtures; {len(testing.maps)} windows of {len(before.log_p)} sounds"
    return "\n".join([about, titles, *lines, bounds(tuning, testing)])


@torch.inference_mode()
def outcome(sae: IcSae, head: PlaceHead, further: Examples, testing: Placed) -> Outcome:
    """What they do on each mixture and each recording."""
    right, count = [], []
    for rows in torch.arange(len(further)).split(256):
        maps, truth = further.maps[rows].float(), further.truth(rows)
        said = sae.decompose(maps, truth.shape[1], stops=False).classes.clamp(min=0)
        right.append(truth.gather(2, said[:, :, None])[:, :, 0].sum(1))
        count.append(truth.any(2).sum(1))
    hits, sounds = torch.cat(right), torch.cat(count)
    log_p = -F.cross_entropy(head(sae, testing.maps), testing.places, reduction="none")
    some = sounds > 0
    return Outcome(sounds[some], hits[some] / sounds[some], _by_recording(log_p, testing))


def row(name: str, now: Outcome, before: Outcome) -> str:
    """A line of the table."""
    ordered = "".join(f"{100 * float(now.right[now.count == k].mean()):>8.1f}" for k in (1, 2, 3))
    points = _difference(100 * (before.right - now.right), 1)
    return (
        f"{name:<24}{ordered}{points:>24}{float(now.log_p.mean()):>10.3f}{_difference(now.log_p - before.log_p, 3):>32}"
    )


def bounds(tuning: Placed, testing: Placed) -> str:
    """What can be reached: by one who knows nothing, all classes, all recordings."""
    uniform = -float(torch.tensor(float(testing.places.shape[1])).log())
    told = float(_by_recording(_told(tuning, testing), testing).mean())
    best = float(_by_recording((testing.places * testing.places.log()).sum(1), testing).mean())
    return f"log p of one who knows nothing {uniform:.3f}, the classes {told:.3f}, the recordings {best:.3f}"


def _told(tuning: Placed, testing: Placed) -> Float[Tensor, " n"]:
    """Expected log chances of a linear layer that is told the true classes."""
    torch.manual_seed(0)
    layer = nn.Linear(tuning.heard.shape[1], tuning.places.shape[1])
    optimiser = torch.optim.AdamW(layer.parameters(), 3e-2, weight_decay=0.0)
    for _ in range(500):
        optimiser.zero_grad()
        F.cross_entropy(layer(tuning.heard.float()), tuning.places).backward()
        optimiser.step()
    with torch.inference_mode():
        return -F.cross_entropy(layer(testing.heard.float()), testing.places, reduction="none")


def _by_recording(values: Float[Tensor, " n"], testing: Placed) -> Float[Tensor, " recordings"]:
    return torch.stack([values[testing.recording == one].mean() for one in testing.recording.unique()])


def _difference(values: Float[Tensor, " n"], digits: int) -> str:
    """The mean, and the middle 95 % of means of resampled values."""
    draws = torch.Generator().manual_seed(0)
    means = [values[torch.randint(0, len(values), (len(values),), generator=draws)].mean() for _ in range(DRAWS)]
    low, high = torch.stack(means).quantile(torch.tensor([0.025, 0.975])).tolist()
    return f"{float(values.mean()):+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
