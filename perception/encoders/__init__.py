"""Frozen networks that turn windows of sound into embeddings; the choices stand in `ENCODERS`."""

from __future__ import annotations

from collections.abc import Callable

from lookhear.perception.encoders.birdnet_encoder import BirdNetEncoder
from lookhear.perception.encoders.clap import ClapEncoder
from lookhear.perception.encoders.encoder import SoundEncoder, SoundError
from lookhear.perception.encoders.placeholder import PlaceholderEncoder

__all__ = ["ENCODERS", "SoundEncoder", "SoundError"]

ENCODERS: dict[str, Callable[[], SoundEncoder]] = {
    "birdnet": BirdNetEncoder,
    "clap": ClapEncoder.load,
    "placeholder": PlaceholderEncoder,
}
"""Encoders by name; a call loads the weights."""
