"""Still pictures, read with Pillow in bounded memory.

In: a path. Out: a `Picture`: RGB, upright by its EXIF orientation, small; what is transparent is white. A picture of
many megapixels is shrunk in strips while it is read, and one that would take too much memory is refused. One that
breaks off is read as far as it goes, with a note. HEIC, as phones write it, is read where pillow-heif is installed (the
extra `heic`). Not known: where or when it was taken (see `provenance`).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageFile, UnidentifiedImageError

from lookhear.data.local_file import ClipError, opened

PICTURE_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")

MAX_PICTURE_BYTES = 1_000_000_000
"""Most memory a picture may take while it is opened: 250 megapixels in colour, far more for a plain JPEG."""

_pillow = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A still picture."""

    image: UInt8[ndarray, "height width 3"]
    """RGB, upright, shrunk."""
    format: str
    """As Pillow calls it."""
    size_px: tuple[int, int]
    """Width and height in full, upright."""
    notes: tuple[str, ...]
    """What a person should know about it, in sentences."""


@cache
def readable_formats() -> tuple[str, ...]:
    """What Pillow may open here."""
    try:
        import pillow_heif
    except ImportError:
        return PICTURE_FORMATS
    pillow_heif.register_heif_opener()
    return (*PICTURE_FORMATS, "HEIF")


def refused_heic(file: Path) -> str:
    """Why a HEIC file could not be opened, in a sentence."""
    if "HEIF" in readable_formats():
        return f"{file.name} is a damaged HEIC picture; copy it again."
    return f"{file.name} is a HEIC picture; to read it, pip install 'lookhear[heic]', or save it as JPEG."


@contextmanager
def open_picture(file: Path, truncated: bool = False) -> Iterator[Image.Image]:
    """A picture whose header was read; Pillow's pixel limit and warnings are off, so one thread at a time.

    Args:
        file: a path.
        truncated: whether to be content with the beginning of the picture.

    Raises:
        UnidentifiedImageError: it is no picture.
    """
    with _pillow, warnings.catch_warnings(), opened(file) as stream:
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, truncated  # `_guard` limits the bytes
        try:
            with Image.open(stream, formats=readable_formats()) as image:
                yield image
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


def read_picture(file: Path, max_side_px: int) -> Picture:
    """The first picture of a file, upright; one that breaks off is read as far as it goes.

    Raises:
        UnidentifiedImageError: it is no picture.
        ClipError: it cannot be read, is damaged throughout, or would take too much memory.
    """
    reason: Exception | None = None
    for truncated in (False, True):
        try:
            with open_picture(file, truncated) as image:
                picture = _decoded_picture(file, image, max_side_px)
        except (ClipError, UnidentifiedImageError):
            raise
        except Exception as error:  # Pillow's readers raise SyntaxError, struct.error, zlib.error ...
            reason = error
            continue
        cut = ("The picture is cut off or damaged; what is missing is blank.",) if truncated else ()
        return replace(picture, notes=picture.notes + cut)
    raise ClipError(f"{file.name} is a damaged picture ({reason}); copy it again.") from reason


def _decoded_picture(file: Path, image: Image.Image, max_side_px: int) -> Picture:
    size, name = image.size, image.format or "picture"
    animated = bool(getattr(image, "is_animated", False)) and name != "MPO"
    turn = _exif_turn(image)
    image.draft("RGB", (max_side_px, max_side_px))  # a JPEG is decoded at 1/2, 1/4 or 1/8
    _guard(file, image, size)
    image.load()
    small = _shrunk(image, max(1, max(image.size) // max_side_px))
    small.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    small = small if turn is None else small.transpose(turn)
    swapped = turn is not None and turn >= Image.Transpose.ROTATE_90 and turn != Image.Transpose.ROTATE_180
    notes = ("The picture is animated; only its first frame is used.",) if animated else ()
    return Picture(np.array(small), name, (size[1], size[0]) if swapped else size, notes)


_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation to Pillow's transpose methods."""


def _exif_turn(image: Image.Image) -> Image.Transpose | None:
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # broken EXIF is no reason to refuse a picture
        return None
    return None if turn is None else Image.Transpose(turn)


def _guard(file: Path, image: Image.Image, size: tuple[int, int]) -> None:
    """Refuse what would take too much memory to decode."""
    each = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "LA": 4}.get(image.mode, 4)
    need = image.width * image.height * each
    if image.info.get("progressive"):
        need += size[0] * size[1] * 6  # libjpeg keeps all coefficients
    if need > MAX_PICTURE_BYTES:
        raise ClipError(
            f"{file.name} has {size[0]} × {size[1]} pixels and would take {need / 1e9:.1f} GB to open; "
            f"shrink it to under {MAX_PICTURE_BYTES / 1e9:.0f} GB (250 megapixels in colour)."
        )


def _shrunk(image: Image.Image, factor: int) -> Image.Image:
    """RGB, `factor` times smaller, made in strips so that no second copy in full size is held."""
    low, high = _range(image)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    step = factor * max(1, 512 // factor)
    for top in range(0, image.height, step):
        strip = image.crop((0, top, image.width, min(image.height, top + step)))
        if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
            strip = strip.reduce(factor)  # the rest must become RGB first, which takes longer
            small.paste(_rgb(strip, low, high), (0, top // factor))
        else:
            small.paste(_rgb(strip, low, high).reduce(factor), (0, top // factor))
    return small


def _range(image: Image.Image) -> tuple[float, float]:
    """Black and white of a picture with more than 8 bits a channel."""
    if image.mode not in ("I", "F"):
        return 0.0, 65535.0
    low, high = image.getextrema()
    assert isinstance(low, int | float) and isinstance(high, int | float)
    return (0.0, 65535.0) if image.mode == "I" and low >= 0 and high <= 65535 else (low, max(high, low + 1e-9))


def _rgb(image: Image.Image, low: float, high: float) -> Image.Image:
    """8-bit RGB; what is transparent becomes white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = (np.asarray(image, dtype=np.float64) - low) / (high - low)
        return Image.fromarray(np.rint(np.nan_to_num(grey).clip(0, 1) * 255).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
