"""GeoCLIP's location encoder: a place in, 512 numbers out; pictures live in the same space.

This is our own torch module of it, with the published weights. Upstream's output has no fixed length and is only ever
compared by direction, so `embed` normalises. The image encoder is in `geoclip_image.py`.

Not known to the model: that longitude is a circle. Across 22 km of the antimeridian the median cosine is 0.30, and
0.75 to 0.77 across other meridians. `embed` closes the seam by blending, so within `SEAM_KM` of it, and only there,
it differs from upstream (cosine 0.81 on the line itself).

Source: Vivanco Cepeda, Nayak and Shah 2023, "GeoCLIP", section 3.2: Equal Earth projection, random Fourier features
of three scales, one capsule (MLP) each, summed.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor, nn

from lookhear.data.geo import EARTH_RADIUS_KM, lat_lon_deg
from lookhear.data.models import model_path

SIZE = 512
"""Numbers of a place's embedding."""

SIGMAS = (2.0**0, 2.0**4, 2.0**8)
"""Standard deviations of the random frequencies, coarse to fine."""

EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
"""Coefficients A1 to A4 of the Equal Earth projection (Šavrič et al. 2019)."""

SCALE = 66.50336
"""GeoCLIP's scale of the projected plane, over 180."""

SEAM_KM = 50.0
"""Within this distance of the antimeridian the embeddings of both sides are blended."""

BATCH = 4096


class Capsule(nn.Module):
    """One scale: random Fourier features and a small network."""

    def __init__(self, sigma: float, hidden: int = 1024) -> None:
        super().__init__()
        self.frequency = nn.Buffer(torch.randn(256, 2) * sigma)
        sizes = (512, hidden, hidden, hidden)
        layers = [part for k in range(3) for part in (nn.Linear(sizes[k], sizes[k + 1]), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, SIZE))

    def forward(self, plane: Float[Tensor, "n 2"]) -> Float[Tensor, "n 512"]:
        """What this scale says of places on the projected plane."""
        phase = 2 * math.pi * plane @ self.frequency.T
        out: Tensor = self.layers(torch.cat([torch.cos(phase), torch.sin(phase)], 1))
        return out


class LocationEncoder(nn.Module):
    """All scales, summed.

    Example:
        >>> encoder = LocationEncoder.load()                                        # doctest: +SKIP
        >>> encoder.embed(GeoPoint(48.8566, 2.3522).unit[None]).shape               # doctest: +SKIP
        torch.Size([1, 512])
    """

    def __init__(self, hidden: int = 1024) -> None:
        super().__init__()
        self.capsules = nn.ModuleList(Capsule(sigma, hidden) for sigma in SIGMAS)

    @classmethod
    def load(cls, path: Path | None = None) -> LocationEncoder:
        """The published encoder; `path` is its weights file, by default the fetched one.

        Raises:
            MissingModelError: it was not fetched.
            ValueError: the file is another model.
        """
        path = path or model_path("geoclip", "location_encoder_weights.pth")
        theirs = torch.load(path, map_location="cpu", weights_only=True)
        model = cls()
        try:
            model.load_state_dict({_name(key): value for key, value in theirs.items()})
        except (RuntimeError, KeyError) as error:
            raise ValueError(f"{path} does not hold GeoCLIP's location encoder; fetch it again.") from error
        return model.eval().requires_grad_(False)

    def forward(self, lat_deg: Float[Tensor, " n"], lon_deg: Float[Tensor, " n"]) -> Float[Tensor, "n 512"]:
        """Embeddings as upstream gives them, of any length."""
        plane = equal_earth(lat_deg, lon_deg)
        return torch.stack([capsule(plane) for capsule in self.capsules]).sum(0)

    def embed(self, units: Float[ndarray, "n 3"]) -> Float[Tensor, "n 512"]:
        """Unit embeddings of places, given as unit vectors on the Earth."""
        lat_deg, lon_deg = lat_lon_deg(units)
        with torch.inference_mode():
            own = self._embed(lat_deg, lon_deg)
            from_seam_km = (180.0 - np.abs(lon_deg)) * np.cos(np.radians(lat_deg)) * np.pi / 180 * EARTH_RADIUS_KM
            near = np.flatnonzero(from_seam_km < SEAM_KM)
            if len(near):
                beyond = self._embed(lat_deg[near], lon_deg[near] - np.copysign(360.0, lon_deg[near]))
                share = torch.as_tensor(0.5 - 0.5 * from_seam_km[near] / SEAM_KM, dtype=torch.float32)[:, None]
                own[near] = nn.functional.normalize((1 - share) * own[near] + share * beyond, dim=1)
            return own

    def _embed(self, lat_deg: Float[ndarray, " n"], lon_deg: Float[ndarray, " n"]) -> Float[Tensor, "n 512"]:
        lat, lon = (torch.as_tensor(x, dtype=torch.float32).split(BATCH) for x in (lat_deg, lon_deg))
        return nn.functional.normalize(torch.cat([self(a, b) for a, b in zip(lat, lon, strict=True)]), dim=1)


def equal_earth(lat_deg: Float[Tensor, " n"], lon_deg: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    """The Equal Earth plane in GeoCLIP's scale: x in about ±1, y in about ±0.5."""
    a1, a2, a3, a4 = EQUAL_EARTH
    root3 = torch.sqrt(torch.tensor(3.0))
    theta = torch.asin((root3 / 2) * torch.sin(torch.deg2rad(lat_deg)))
    slope = 3 * (9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1)
    x = 2 * root3 * torch.deg2rad(lon_deg) * torch.cos(theta) / slope
    y = a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta
    return torch.stack([x, y], 1) * SCALE / 180  # in upstream's order: the phases are large


def _name(key: str) -> str:
    """Our name of one of the published tensors: LocEnc0.capsule.1.weight is capsules.0.layers.0.weight."""
    scale, part, rest = key.removeprefix("LocEnc").split(".", 2)
    if part == "head":
        return f"capsules.{scale}.layers.6.{rest.removeprefix('0.')}"
    index, _, tensor = rest.partition(".")
    return f"capsules.{scale}.frequency" if tensor == "b" else f"capsules.{scale}.layers.{int(index) - 1}.{tensor}"
