"""`lookhear places QUERY`: the places that look most like a picture, a video, or words.

In: a file, or words such as "a tram in Lisbon". Out: one line a place, most alike first, with its cosine in GeoCLIP's
space: how alike, not how likely. The places are GeoCLIP's and the rest of the land, or those of a table of your own,
everywhere or within a region. It needs CLIP (`lookhear fetch offline clip`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from lookhear.data.local_file import MEDIA

if TYPE_CHECKING:
    from lookhear.perception.sight import Sight


@dataclass(frozen=True)
class PlacesConfig:
    """List the places that look most like a picture, a video, or words."""

    query: tyro.conf.Positional[str]
    """A picture, a video, or words in quotation marks."""
    count: int = 10
    """How many places."""
    gallery: Path | None = None
    """A CSV table of your own places, with columns lat and lon; by default GeoCLIP's."""
    region: str | None = None
    """Only within a country (name or ISO code) or a GeoJSON file with a polygon."""
    quiet: tyro.conf.FlagCreatePairsOff[bool] = False
    """No progress bars."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"--count must be at least 1, but {self.count} was given.")


def places(config: PlacesConfig) -> int:
    """Run the command; returns its exit code."""
    from lookhear.data.clip import Clip
    from lookhear.data.gazetteer import gazetteer

    path = Path(config.query)
    is_file = path.is_file()
    if not is_file and (path.exists() or path.suffix.lower() in MEDIA):
        raise FileNotFoundError(f"{path} is no picture or video that is there; words need no file's ending.")
    sight = _sight(config)
    feature = sight.feature(Clip.open(config.query)) if is_file else sight.words(config.query)
    for match in sight.gallery.top(feature, config.count):
        name = gazetteer().name(match.point)
        near = f"{name.town_km:.0f} km from {name.town}" if name.town else ""
        words = ", ".join(part for part in (near, name.region, name.country) if part)
        print(f"{match.point.lat_deg:9.4f} {match.point.lon_deg:10.4f}  {match.cosine:6.3f}  {words}")
    return 0


def _sight(config: PlacesConfig) -> Sight:
    from tqdm import tqdm

    from lookhear.data.models import model_path
    from lookhear.data.outline import read_outline
    from lookhear.perception.gallery import Gallery
    from lookhear.perception.geoclip_image import ImageEncoder
    from lookhear.perception.sight import Sight

    region = read_outline(config.region) if config.region else None
    table = config.gallery or model_path("geoclip", "coordinates_100K.csv")

    def progress(steps: range, what: str) -> Iterator[int]:
        return iter(tqdm(steps, what, disable=config.quiet))

    return Sight(ImageEncoder.load(), Gallery.of_csv(table, region, progress=progress))
