"""Street scenes with signs, drawn for `benchmark_writing`: names of places and words of a language in, pictures out.

A scene is a wall with windows, and on it one or two signs in a font of their script, seen at an angle, blurred and with
noise. A sign is legible by how it was drawn, never by how it was read: its letters are at least `LEGIBLE_PX` high, not
blurred over an eighth of that, and stand out from the board. Names are drawn by seed from the gazetteer's towns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from lookhear.data.gazetteer import table
from lookhear.perception.writing.scripts_of_text import main_script

SIZE_PX = (960, 640)
"""Width and height of a scene."""

LEGIBLE_PX = 12
"""Height of the smallest capital letters that count as legible."""

LEAST_CONTRAST = 60
"""Difference of brightness (Rec. 601) of letters and board, of 255, from which a sign counts as legible."""

BRIGHTNESS = (0.299, 0.587, 0.114)

LEAST_PEOPLE = 50_000
"""Towns smaller than this are not drawn."""

FONTS = {
    "Latn": ("NotoSans-Bold.ttf", "NotoSerif-Regular.ttf", "NotoSans-Regular.ttf"),
    "Grek": ("NotoSans-Bold.ttf", "NotoSerif-Regular.ttf"),
    "Cyrl": ("NotoSans-Bold.ttf", "NotoSerif-Regular.ttf"),
    "Hani": ("NotoSansCJK-Bold.ttc", "NotoSerifCJK-Regular.ttc"),
    "Jpan": ("NotoSansCJK-Bold.ttc", "NotoSerifCJK-Regular.ttc"),
    "Kore": ("NotoSansCJK-Bold.ttc", "NotoSerifCJK-Regular.ttc"),
}
"""Files of Debian's fonts-noto-core and fonts-noto-cjk by script."""


@dataclass(frozen=True)
class Tongue:
    """A language with what stands on its signs."""

    code: str
    """CLDR's code."""
    script: str
    """ISO 15924 code."""
    isos: tuple[str, ...]
    """Countries whose towns are drawn."""
    with_name: tuple[str, ...]
    """Signs with a name."""
    without: tuple[str, ...]
    """Signs without."""


TONGUES = (
    Tongue("en", "Latn", ("GB", "US", "AU", "IE"), ("{} Town Hall", "Welcome to {}", "{} Bakery"), ("No parking",)),
    Tongue("fr", "Latn", ("FR",), ("Mairie de {}", "Gare de {}", "Boulangerie {}"), ("Sortie de secours",)),
    Tongue("de", "Latn", ("DE", "AT"), ("Rathaus {}", "Sparkasse {}", "{} Hauptbahnhof"), ("Eingang um die Ecke",)),
    Tongue("es", "Latn", ("ES", "MX", "AR", "CO"), ("Ayuntamiento de {}", "Hotel {}", "Calle {}"), ("Se vende pan",)),
    Tongue("pt", "Latn", ("PT", "BR"), ("Câmara de {}", "Farmácia {}", "Estação de {}"), ("Saída proibida",)),
    Tongue("pl", "Latn", ("PL",), ("Urząd Miasta {}", "Apteka {}", "Dworzec {}"), ("Wyjście zamknięte",)),
    Tongue("tr", "Latn", ("TR",), ("{} Belediyesi", "{} Eczanesi", "{} Lokantası"), ("Çıkış kapalı",)),
    Tongue("el", "Grek", ("GR",), ("Δήμος {}", "Φαρμακείο {}"), ("Η είσοδος κλειστή",)),
    Tongue("ru", "Cyrl", ("RU",), ("Вокзал {}", "Аптека {}"), ("Вход запрещён",)),
    Tongue("zh", "Hani", ("CN", "TW"), ("{}火车站", "{}人民医院"), ("禁止停车",)),
    Tongue("ja", "Jpan", ("JP",), ("{}えき", "{}ホテル"), ("ここは入口です",)),
    Tongue("ko", "Kore", ("KR",), ("{} 약국", "{} 시청"), ("주차 금지",)),
)
"""Twelve languages in six scripts."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture and what is true of it."""

    pixels: UInt8[ndarray, "h w 3"]
    """RGB."""
    texts: tuple[str, ...]
    """What was drawn."""
    tongue: Tongue
    """In which language."""
    iso: str
    """The country whose town is named, or the language's first."""
    town: int
    """Row of the town in the gazetteer, or -1 where none is named."""
    name: str
    """Its name as it was drawn, or ""."""
    legible: bool
    """Whether the sign with the name, or any, can be read."""


def scenes(count: int, fonts: Path, seed: int, languages: Sequence[str] = ()) -> Iterator[Scene]:
    """`count` scenes with a name, the languages (all by default) in turn, then one without a name for every four."""
    generator = np.random.default_rng(seed)
    tongues = [tongue for tongue in TONGUES if not languages or tongue.code in languages]
    drawn = {tongue.code: _towns(tongue, generator) for tongue in tongues}
    for k in range(count):
        tongue = tongues[k % len(tongues)]
        iso, town, name = drawn[tongue.code][k // len(tongues)]
        form = tongue.with_name[generator.integers(len(tongue.with_name))]
        yield draw((form.format(name),), tongue, (iso, town, name), fonts, generator)
    for k in range(count // 4):
        tongue = tongues[k % len(tongues)]
        yield draw(tongue.without, tongue, (tongue.isos[0], -1, ""), fonts, generator)


def _towns(tongue: Tongue, generator: np.random.Generator) -> list[tuple[str, int, str]]:
    """Country, row and local name of towns, in an order drawn by seed."""
    rows = table("towns")
    large = {
        n: row for n, row in enumerate(rows) if row["iso"] in tongue.isos and int(row["population"]) > LEAST_PEOPLE
    }
    if tongue.script == "Latn":
        found = [(row["iso"], number, row["town"]) for number, row in large.items()]
    else:
        wanted = {"Hani"} if tongue.script in ("Hani", "Jpan") else {tongue.script}
        names = ((int(row["town"]), row["name"]) for row in table("town_names"))
        local: dict[int, str] = {}
        for number, name in names:
            if number in large and main_script(name) in wanted:
                local.setdefault(number, name)
        found = [(large[number]["iso"], number, name) for number, name in sorted(local.items())]
    return [found[k] for k in generator.permutation(len(found))]


def draw(
    texts: tuple[str, ...], tongue: Tongue, truth: tuple[str, int, str], fonts: Path, generator: np.random.Generator
) -> Scene:
    """One scene."""
    wall = _wall(generator)
    file = FONTS[tongue.script][generator.integers(len(FONTS[tongue.script]))]
    legible = False
    for text in texts:
        shown = text.upper() if tongue.script == "Latn" and tongue.code != "tr" and generator.random() < 0.5 else text
        size_px = int(generator.integers(16, 64))
        sign, contrast = _board(shown, ImageFont.truetype(str(fonts / file), size_px), generator)
        scale = _hang(wall, sign, generator)
        blur_px = float(generator.uniform(0.0, 2.5))
        wall = wall.filter(ImageFilter.GaussianBlur(blur_px))
        height_px = 0.7 * size_px * scale
        legible |= height_px >= LEGIBLE_PX and blur_px <= height_px / 8 and contrast >= LEAST_CONTRAST
    noisy = np.asarray(wall, dtype=np.float64) + generator.normal(0.0, generator.uniform(0, 14), (*SIZE_PX[::-1], 3))
    iso, town, name = truth
    return Scene(np.rint(noisy.clip(0, 255)).astype(np.uint8), texts, tongue, iso, town, name, legible)


def _wall(generator: np.random.Generator) -> Image.Image:
    """A wall with windows and a pavement."""
    wall = Image.new("RGB", SIZE_PX, tuple(int(x) for x in generator.integers(90, 220, 3)))
    pen = ImageDraw.Draw(wall)
    width, height = SIZE_PX
    pen.rectangle((0, int(height * 0.85), width, height), fill=tuple(int(x) for x in generator.integers(50, 110, 3)))
    for left in range(int(generator.integers(0, 60)), width, int(generator.integers(140, 260))):
        for top in range(int(generator.integers(10, 60)), int(height * 0.75), int(generator.integers(150, 230))):
            pen.rectangle((left, top, left + 70, top + 100), fill=tuple(int(x) for x in generator.integers(20, 90, 3)))
    return wall


def _board(text: str, font: Any, generator: np.random.Generator) -> tuple[Image.Image, float]:
    """A board with a line on it, and how far the letters stand out from it."""
    left, top, right, bottom = font.getbbox(text)
    edge = max(6, (bottom - top) // 3)
    board, ink = generator.integers(0, 256, 3), generator.integers(0, 256, 3)
    while abs(float((board - ink) @ BRIGHTNESS)) < LEAST_CONTRAST / 2:
        board, ink = generator.integers(0, 256, 3), generator.integers(0, 256, 3)
    sign = Image.new("RGBA", (right - left + 2 * edge, bottom - top + 2 * edge), (*(int(x) for x in board), 255))
    ImageDraw.Draw(sign).text((edge - left, edge - top), text, font=font, fill=(*(int(x) for x in ink), 255))
    return sign, abs(float((board - ink) @ BRIGHTNESS))


def _hang(wall: Image.Image, sign: Image.Image, generator: np.random.Generator) -> float:
    """Put a sign on the wall as seen at an angle; how much its letters shrink."""
    scale = min(1.0, 0.9 * SIZE_PX[0] / sign.width)
    width, height = sign.width * scale, sign.height * scale
    lean = generator.uniform(-0.12, 0.12, (4, 2)) * (min(width, 3 * height), height)
    x = generator.uniform(0.03 * SIZE_PX[0], max(0.04 * SIZE_PX[0], 0.97 * SIZE_PX[0] - width))
    y = generator.uniform(0.1 * SIZE_PX[1], 0.8 * SIZE_PX[1] - height)
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]) + lean
    source = np.array([[0, 0], [sign.width, 0], [sign.width, sign.height], [0, sign.height]], dtype=np.float64)
    seen = sign.transform(SIZE_PX, Image.Transform.PERSPECTIVE, _homography(corners, source), Image.Resampling.BICUBIC)
    wall.paste(seen.convert("RGB"), (0, 0), seen.getchannel("A"))
    heights = np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1])
    return float(min(heights) / sign.height)


def _homography(corners: ndarray, source: ndarray) -> list[float]:
    """Coefficients that take points of the scene to points of the sign (Pillow's order)."""
    rows = []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return [float(value) for value in np.linalg.solve(np.array(rows), source.ravel())]
