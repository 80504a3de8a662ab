"""A smooth space of places, and eyes that know two of them: sight without any weights."""

import numpy as np
import torch

from lookhear.data.geo import GeoPoint
from lookhear.perception.gallery import Gallery, Sharpness
from lookhear.perception.geoclip import LocationEncoder
from lookhear.perception.geoclip_image import ImageEncoder
from lookhear.perception.sight import Sight

PARIS, NAIROBI = GeoPoint(48.8566, 2.3522), GeoPoint(-1.29, 36.82)


class Waves(LocationEncoder):
    """Random waves over the Earth: the cosine of places falls to 0.6 within 160 km, and to 0 far away."""

    def __init__(self):
        super().__init__(hidden=1)
        self.waves = torch.nn.Buffer(40.0 * torch.randn(3, 256, generator=torch.Generator().manual_seed(0)))

    def embed(self, units):
        phase = torch.as_tensor(units, dtype=torch.float32) @ self.waves
        return torch.cat([torch.cos(phase), torch.sin(phase)], 1) / 16


class Eyes(ImageEncoder):
    """Bright pictures look like Paris, dark ones like Nairobi; so do words with a P."""

    def __init__(self, places):
        self.places, self.seen = places, 0

    def square(self, pixels):
        return pixels[:1, :1].copy()

    def embed(self, squares):
        self.seen += len(squares)
        return self.places[[int(square.mean() < 128) for square in squares]]

    def embed_texts(self, texts):
        return self.places[[int("P" not in text) for text in texts]]


def make_gallery(*places):
    """A gallery with these places and the rest of the land."""
    encoder = Waves().eval().requires_grad_(False)
    return Gallery.of(encoder, np.stack([place.unit for place in places]), Sharpness(40.0, 0.2))


def make_sight():
    """Eyes and their gallery; the cache folder must be the test's own."""
    gallery = make_gallery(PARIS, NAIROBI)
    return Sight(Eyes(gallery.encoder.embed(np.stack([PARIS.unit, NAIROBI.unit]))), gallery)
