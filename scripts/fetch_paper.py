"""`lookhear fetch paper`: what the paper's own chain takes, and which of it is here. It downloads nothing.

Its largest part is under a licence that one accepts oneself, and two parts are trained and not fetched; so this is a
list of commands (docs/paper-preset.md).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lookhear.data.models import MODELS, download_bytes, size_text, state

PAPER = "paper"
"""What is asked for."""


@dataclass(frozen=True)
class Part:
    """One part of the chain."""

    name: str
    """What it is."""
    command: str
    """What gets or trains it."""
    option: str
    """How `lookhear locate --preset paper` is told where it is; nothing where it is found by itself."""
    size: str = "yours"
    """Of the download, and…"""
    licence: str = "yours"
    """…whose licence; of a model of `lookhear fetch` they are known there."""
    hub: str = ""
    """Its name on the hub, if it comes from there."""
    model: str = ""
    """What `lookhear fetch` calls it, if it comes from there."""

    @property
    def row(self) -> tuple[str, ...]:
        """As it is listed, with whether it is on this machine, as far as one can see."""
        size, licence, here = self.size, self.licence, "–"
        if self.model in MODELS:
            model = MODELS[self.model]
            size, licence, here = size_text(download_bytes([model])), model.licence, state(model)
        if self.hub:
            here = "present" if hub_folder(self.hub).exists() else "missing"
        return (self.name, size, licence, here, self.command, self.option)


CLAP, LLAVA = "laion/clap-htsat-unfused", "llava-hf/llava-1.5-7b-hf"

PARTS = (
    Part("CLAP", f"hf download {CLAP}", "--paper.clap", "about 0.6 GB", "Apache-2.0", hub=CLAP),
    Part("IC-SAE on CLAP", "lookhear train sound", "--paper.atoms"),
    Part("GeoCLIP", "lookhear fetch geoclip", "", model="geoclip"),
    Part("CLIP ViT-L/14", "lookhear fetch clip", "--paper.clip", model="clip"),
    Part("LLaVA-1.5-7B", f"hf download {LLAVA}", "--paper.llava", "about 14 GB", "LLAMA 2 Community", hub=LLAVA),
    Part("its adapters", "lookhear train reasoning", "--paper.adapters"),
    Part("flow given ψ", "lookhear train reasoning --stage flow", "--paper.flow"),
)
"""In the order in which a clip goes through them."""


def paper_rows() -> list[tuple[str, ...]]:
    """A heading and one row a part."""
    header = ("part", "download", "licence", "here", "command", "option of `locate --preset paper`")
    return [header, *(part.row for part in PARTS)]


def hub_folder(name: str) -> Path:
    """Where the hub's tools keep a model."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{name.replace('/', '--')}"
