"""What training leaves to hand on: a folder with the head, what it starts from, how it was trained, and a model card.

On disk:

    config.json, model.safetensors   the head (for a flow: what `lookhear.prediction.flow.load_flow` reads)
    base.json, base.safetensors      where a flow starts (`lookhear.prediction.training.bases`)
    training.json                    every setting and figure of the training
    README.md                        the model card: what it learnt from, how good it is, which parts are untrained

The card is written last; a folder without it is not whole. No number stands there that was not measured.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lookhear.data.atomic import write_atomic
from lookhear.prediction.training.bases import save_base
from lookhear.prediction.training.config import BaseName, TrainConfig
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.head import Head
from lookhear.prediction.training.state import Progress

CARD = "README.md"


@dataclass(frozen=True, eq=False)
class Trained:
    """A head after its training, with all that is said of it."""

    head: Head
    """With its best weights."""
    base: BaseName
    """What it starts from."""
    training: FeatureSet
    """What it learnt from."""
    validation: FeatureSet
    """What it was stopped by."""
    data: str
    """What people call the data."""
    config: TrainConfig
    """How it was trained."""
    progress: Progress
    """How that went."""


def write_artefact(folder: Path, trained: Trained) -> None:
    """Write the folder, the card last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    trained.head.save(folder)
    save_base(folder, trained.base, trained.training.base)
    record = {"data": trained.data, "config": asdict(trained.config), "progress": asdict(trained.progress)}
    record |= {"head": trained.head.name, "settings": trained.head.settings}
    record |= {"training_sha256": trained.training.digest(), "validation_sha256": trained.validation.digest()}
    write_atomic(folder / "training.json", json.dumps(record, indent=2) + "\n")
    write_atomic(folder / CARD, card(trained))


def card(trained: Trained) -> str:
    """The model card."""
    progress, config, head = trained.progress, trained.config, trained.head
    learnt = sum(p.numel() for p in head.parameters())
    end = "validation no longer got better" if progress.ended_early else "all steps were done"
    sections = [
        f"# {head.name}, trained on {trained.data}",
        f"A density of places over the Earth{_given(trained.training)}, with {learnt:,} parameters. "
        f"It starts from: {trained.base}.",
        "## Data",
        f"{_amount(trained.training)} to learn from, {_amount(trained.validation)} to stop by. The places of the two "
        f"may be near each other: the figure below is not a test.\n{_missing(trained)}",
        "## How good it is",
        f"Validation NLL {progress.best_nll:.3f} nats per steradian (knowing nothing: 2.531), "
        f"after {progress.best_step:,} steps.",
        "## Training",
        f"{progress.step:,} steps of {config.batch} examples in {progress.seconds:.0f} s; {end}. "
        f"Seed {config.seed}, {config.precision}. Weights are averages (decay {config.ema_decay}). "
        "Everything else is in training.json.",
        "## What is untrained",
        "\n".join(f"- {part}" for part in untrained(trained)) or "Nothing.",
        "## What it cannot do",
        "It knows only the kind of places it learnt from; elsewhere its density is what the network makes of it.",
    ]
    return "\n\n".join(sections) + "\n"


def untrained(trained: Trained) -> list[str]:
    """Parts of the head that no training clip has moved."""
    present, config, head = trained.training.present, trained.config, trained.head
    parts = [f"the feature `{name}`: no training clip has it" for name, mask in present.items() if not mask.any()]
    if not config.drop_all and not config.drop_part:
        whole = [name for name, mask in present.items() if mask.all()]
        parts += [f"answers without `{name}`: every clip has it and it was never dropped" for name in whole]
    if trained.progress.best_step == 0:
        parts.append("the whole head: no step made validation better than where it started")
    names = [name for name, buffer in head.named_buffers() if buffer.numel() and ".joined." not in name]
    return parts + [f"`{name}`: fixed before training" for name in names]


def _given(training: FeatureSet) -> str:
    parts = [f"`{name}` ({size} numbers)" for name, size in training.sizes.items()]
    return f", given {' and '.join(parts)}" if parts else ", given nothing"


def _amount(some: FeatureSet) -> str:
    return f"{len(some):,} clips at {some.places:,} places"


def _missing(trained: Trained) -> str:
    """How many training clips lack which feature."""
    lines = []
    for name, mask in trained.training.present.items():
        cut = trained.training.cut.get(name, 0)
        half = f", {cut:,} of them only in part" if cut else ""
        lines.append(f"- `{name}` is missing for {int((~mask).sum()):,} training clips{half}.")
    return "\n".join(["", *lines]) if lines else ""
