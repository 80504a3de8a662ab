"""`lookhear train sight DATA`: fit how much the look of a scene says of its place, on clips with known places.

DATA is an AVG-style folder whose records carry features of sight: `lookhear dataset perceive` makes them from media
once CLIP is fetched. Two numbers are fitted, the gallery's concentration and the chance of a picture that tells
nothing; they go to `sharpness.json` in the cache folder, and `lookhear locate` uses them from then on. Clips that were
fitted upon must not be evaluated upon. Without this, the numbers are those of simulated pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lookhear.data.avg.row import Split

ENOUGH = 200
"""With fewer clips, two numbers are fitted, but not well."""


@dataclass(frozen=True)
class TrainSightConfig:
    """Fit how much the look of a scene says of its place, on clips with known places."""

    data: Annotated[Path, tyro.conf.Positional]
    """The folder, with metadata.jsonl and the records of perception."""
    records: Path | None = None
    """Where the records of perception are, if not in the folder itself."""
    split: Split = "validation"
    """The clips to fit on."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print what is fitted, and keep nothing."""
    quiet: tyro.conf.FlagCreatePairsOff[bool] = False
    """No progress bars."""


def train_sight(config: TrainSightConfig) -> int:
    """Run the command; returns its exit code."""
    import numpy as np
    from tqdm import tqdm

    from lookhear.perception.gallery import Gallery
    from lookhear.perception.sharpness import Fitted, fit_sharpness
    from lookhear.prediction.example import read_examples

    clips = [one for one in read_examples(config.data, config.split, config.records) if "sight" in one.record.features]
    if not clips:
        raise ValueError(
            f"No clip of split {config.split!r} in {config.data} has a feature of sight; run `lookhear fetch clip`, "
            f"then `lookhear dataset perceive {config.data}`."
        )
    gallery = Gallery.of_geoclip(progress=lambda steps, what: iter(tqdm(steps, what, disable=config.quiet)))
    features = np.stack([one.record.features["sight"] for one in clips])
    units = np.stack([one.row.point.unit for one in clips])
    sharpness, gain = fit_sharpness(gallery, features, units)
    fitted = Fitted(sharpness.beta, sharpness.nothing, len(clips), round(gain, 4))
    print(
        f"{len(clips)} clips: concentration {fitted.beta:g}, chance of a picture that tells nothing {fitted.nothing:g};"
    )
    print(f"mean log-probability of the true cell {fitted.mean_log_probability:.2f} nats.")
    if len(clips) < ENOUGH:
        print(f"These are few clips; {ENOUGH} or more give numbers to rely on.")
    if not config.dry_run:
        print(f"`lookhear locate` uses them from now on: {fitted.write()}")
    return 0
