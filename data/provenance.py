"""What a file says about itself: date, place, device. Claims, not evidence.

In: a path or a `Clip`. Out: `FileClaims`, shown beside the answer and compared with it, never used for it:
anyone can write these tags. They are cut to a safe length and kept as text; nothing in them is followed.
Broken tags are left out without a word. Not read: XMP, maker notes, subtitles with positions (drones).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from lookhear.data.clip import Clip
from lookhear.data.container import open_media
from lookhear.data.geo import GeoPoint
from lookhear.data.picture import open_picture

MAX_TAGS, MAX_TAG_CHARS = 100, 300
"""More tags, and longer ones, are cut off."""

_DATES = ("com.apple.quicktime.creationdate", "creation_time", "origination_date", "date")
_MAKES = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
_MODELS = ("com.apple.quicktime.model", "com.android.model", "model")
_SOFTWARE = ("com.apple.quicktime.software", "software", "encoder")
_PLACES = ("com.apple.quicktime.location.iso6709", "location", "location-eng", "xyz")


@dataclass(frozen=True)
class FileClaims:
    """What the tags of one file claim; every field may be wrong or forged."""

    recorded_at: str | None = None
    """ISO 8601 date and time, with its offset from UTC where the file has one."""
    place: GeoPoint | None = None
    """Where the device says it was."""
    make: str | None = None
    """Maker of the device."""
    model: str | None = None
    """Model of the device."""
    software: str | None = None
    """Program that wrote the file."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """All tags as text, cut to `MAX_TAG_CHARS`."""

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        place = self.place and {"lat_deg": self.place.lat_deg, "lon_deg": self.place.lon_deg}
        return {**vars(self), "place": place, "tags": dict(self.tags)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> FileClaims:
        """The claims that `to_json` wrote."""
        place = record["place"] and GeoPoint(**record["place"])
        return cls(**{**record, "place": place})


def claims_of(source: str | PathLike[str] | Clip) -> FileClaims:
    """Read what a file claims.

    Example:
        >>> claims_of("holiday.jpg").place                              # doctest: +SKIP
        GeoPoint(lat_deg=48.8584, lon_deg=2.2945)

    Raises:
        ClipError: the file cannot be opened as a clip at all.
    """
    clip = source if isinstance(source, Clip) else Clip.open(source)
    return _picture_claims(clip.path) if clip.kind == "picture" else _media_claims(clip.path)


# --- sound and video ---


def _media_claims(file: Path) -> FileClaims:
    with open_media(file) as container:
        tags: dict[str, str] = dict(container.metadata)
        known: dict[str, str] = {}
        for stream in container.streams:
            known |= _clean(stream.metadata)  # Ogg has no tags of its own
            tags |= {f"{stream.type} {stream.index}: {key}": value for key, value in stream.metadata.items()}
    tags = _clean(tags)
    known = {key.lower(): value for key, value in (known | tags).items()}
    places = (_iso6709(known[key]) for key in _PLACES if key in known)
    dates = (_iso_date(known[key]) for key in _DATES if key in known)
    return FileClaims(
        recorded_at=next((date for date in dates if date), None),
        place=next((place for place in places if place), None),
        make=_first(known, _MAKES),
        model=_first(known, _MODELS),
        software=_first(known, _SOFTWARE),
        tags=tags,
    )


def _clean(tags: Mapping[str, object]) -> dict[str, str]:
    """Tags as printable text of limited length and number."""
    kept = {}
    for key, value in list(tags.items())[:MAX_TAGS]:
        name, text = (" ".join(str(part).replace("\0", " ").split()) for part in (key, value))
        kept[_printable(name)[:MAX_TAG_CHARS]] = _printable(text)[:MAX_TAG_CHARS]
    return kept


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _first(tags: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((tags[key] for key in keys if tags.get(key)), None)


def _iso_date(text: str) -> str | None:
    """A date with a day in it as ISO 8601; the zeros of an unset clock (1904, 1970) count as none."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    unset = when.strftime("%m-%d %H:%M:%S") == "01-01 00:00:00" and when.year in (1904, 1970)
    return None if unset or len(text.strip()) < 10 else (when.isoformat() if len(text) > 10 else text.strip())


_ISO_6709 = re.compile(r"\s*([+-])(\d{2,6}(?:\.\d*)?)([+-])(\d{3,7}(?:\.\d*)?)(?:[+-/]|CRS|\s|$)")


def _iso6709(text: str) -> GeoPoint | None:
    """A place such as +40.1600-079.2700+350/, in degrees, degrees and minutes, or with seconds."""
    found = _ISO_6709.match(text)
    if found is None:
        return None
    north, lat, east, lon = found.groups()
    lat_deg, lon_deg = _sexagesimal(lat, degrees=2), _sexagesimal(lon, degrees=3)
    return _place(lat_deg * (-1 if north == "-" else 1), lon_deg * (-1 if east == "-" else 1))


def _sexagesimal(digits: str, degrees: int) -> float:
    """DD.D, DDMM.M or DDMMSS.S in degrees; the count of digits before the point tells which."""
    whole, point, fraction = digits.partition(".")
    value, scale, rest = 0.0, 1.0, whole
    widths = [degrees] + [2] * ((len(whole) - degrees) // 2)
    for k, width in enumerate(widths):
        part, rest = rest[:width], rest[width:]
        value += float(part + (point + fraction if k == len(widths) - 1 else "")) / scale
        scale *= 60.0
    return value


def _place(lat_deg: float, lon_deg: float) -> GeoPoint | None:
    if not (abs(lat_deg) <= 90 and abs(lon_deg) <= 180):  # NaN too
        return None
    return GeoPoint(lat_deg, lon_deg)


# --- pictures ---


def _picture_claims(file: Path) -> FileClaims:
    with open_picture(file) as image:
        exif = _exif(image)
    tags = _clean({name: value for name, value in exif.items() if not isinstance(value, bytes | dict)})
    gps = exif.get("GPSInfo")
    gps = gps if isinstance(gps, dict) else {}
    return FileClaims(
        recorded_at=_exif_date(tags),
        place=_exif_place(gps),
        make=tags.get("Make"),
        model=tags.get("Model"),
        software=tags.get("Software"),
        tags=tags | _clean({f"GPS {ExifTags.GPSTAGS.get(key, key)}": value for key, value in gps.items()}),
    )


def _exif(image: Image.Image) -> dict[str, object]:
    """Tags of the picture, of its EXIF block and, as `GPSInfo`, of its GPS block, but for broken ones."""
    found: dict[str, object] = {}
    try:
        exif = image.getexif()
    except Exception:  # Pillow raises SyntaxError, struct.error, ... on broken EXIF
        return found
    for block in (None, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        try:
            tags: Mapping[int, Any] = exif if block is None else exif.get_ifd(block)
            if block is ExifTags.IFD.GPSInfo:
                found["GPSInfo"] = dict(tags)
            else:
                found |= {str(ExifTags.TAGS.get(key, key)): value for key, value in tags.items()}
        except Exception:
            continue
    return found


def _exif_date(tags: Mapping[str, str]) -> str | None:
    """The moment of exposure, else of scanning, else of the last change."""
    for name, offset in (
        ("DateTimeOriginal", "OffsetTimeOriginal"),
        ("DateTimeDigitized", "OffsetTimeDigitized"),
        ("DateTime", "OffsetTime"),
    ):
        date, _, time = tags.get(name, "").partition(" ")
        zone = tags.get(offset, "")
        plain = f"{date.replace(':', '-')}T{time}"
        if when := _iso_date(plain + zone) or _iso_date(plain):
            return when
    return None


def _exif_place(gps: Mapping[Any, Any]) -> GeoPoint | None:
    """Degrees, minutes and seconds with their hemisphere (EXIF 2.32, 4.6.6)."""
    try:
        lat_deg = _dms(gps[ExifTags.GPS.GPSLatitude]) * _hemisphere(gps[ExifTags.GPS.GPSLatitudeRef], "NS")
        lon_deg = _dms(gps[ExifTags.GPS.GPSLongitude]) * _hemisphere(gps[ExifTags.GPS.GPSLongitudeRef], "EW")
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return _place(lat_deg, lon_deg)


def _dms(parts: Any) -> float:
    return math.fsum(float(part) / 60.0**k for k, part in enumerate(parts))


def _hemisphere(ref: Any, letters: str) -> int:
    text = ref.decode("ascii", "replace") if isinstance(ref, bytes) else str(ref)
    return (1, -1)[letters.index(text.strip("\0 ").upper()[0])]
