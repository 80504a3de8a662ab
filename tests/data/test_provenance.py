from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from lookhear.data import provenance
from lookhear.data.clip import Clip, ClipError
from lookhear.data.geo import GeoPoint
from lookhear.data.provenance import FileClaims, claims_of


def photo(path: Path, gps: dict[int, object] | None = None, **named: str) -> Path:
    """A picture with EXIF; names are DateTimeOriginal, Make and so on."""
    exif = Image.Exif()
    numbers = {"Make": 271, "Model": 272, "Software": 305, "DateTime": 306}
    exif.update({number: named[name] for name, number in numbers.items() if name in named})
    inner = {"DateTimeOriginal": 0x9003, "OffsetTimeOriginal": 0x9011}
    exif.get_ifd(0x8769).update({number: named[name] for name, number in inner.items() if name in named})
    exif.get_ifd(0x8825).update(gps or {})
    Image.new("RGB", (16, 16)).save(path, exif=exif)
    return path


def dms(degrees: int, minutes: int, seconds: float) -> tuple[IFDRational, ...]:
    return IFDRational(degrees, 1), IFDRational(minutes, 1), IFDRational(round(seconds * 100), 100)


def test_a_photo_claims_place_date_and_device(tmp_path: Path) -> None:
    path = photo(
        tmp_path / "a.jpg",
        {1: "S", 2: dms(33, 51, 24.84), 3: "E", 4: dms(151, 12, 54.72)},
        Make="Acme",
        Model="Eye 3",
        Software="v1",
        DateTimeOriginal="2026:05:01 05:30:00",
        OffsetTimeOriginal="+10:00",
    )
    claims = claims_of(path)
    assert claims.place is not None and claims.place.distance_km(GeoPoint(-33.8569, 151.2152)) < 0.01
    assert claims.recorded_at == "2026-05-01T05:30:00+10:00"
    assert (claims.make, claims.model, claims.software) == ("Acme", "Eye 3", "v1")
    assert claims.tags["Make"] == "Acme" and "GPS GPSLatitude" in claims.tags
    assert claims_of(Clip.open(path)) == claims


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 3: "E"},
        {1: "N", 2: dms(91, 0, 0), 3: "E", 4: dms(1, 0, 0)},
        {1: "?", 2: dms(45, 0, 0), 3: "E", 4: dms(1, 0, 0)},
        {1: "", 2: dms(45, 0, 0), 3: "E", 4: dms(1, 0, 0)},
        {1: "N", 2: (IFDRational(1, 0),) * 3, 3: "E", 4: dms(1, 0, 0)},
        {},
    ],
)
def test_a_broken_place_is_none(tmp_path: Path, gps: dict[int, object]) -> None:
    assert claims_of(photo(tmp_path / "a.jpg", gps, Make="Acme")).place is None


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "2026:13:01 00:00:00"])
def test_a_broken_date_is_none(tmp_path: Path, date: str) -> None:
    assert claims_of(photo(tmp_path / "a.jpg", DateTimeOriginal=date)).recorded_at is None


@pytest.mark.parametrize("seed", range(8))
def test_broken_exif_never_raises(tmp_path: Path, seed: int) -> None:
    path = photo(tmp_path / "a.jpg", {1: "N", 2: dms(45, 0, 0), 3: "E", 4: dms(1, 0, 0)}, Make="Acme")
    data = bytearray(path.read_bytes())
    start = data.index(b"Exif\0\0") + 6
    for k in range(seed, 120, 7):
        data[start + k] = (data[start + k] + 37 * (seed + 1)) % 256
    path.write_bytes(bytes(data))
    assert isinstance(claims_of(path), FileClaims)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("location", "+40.1600-079.2700/"),
        ("com.apple.quicktime.location.ISO6709", "+40.1600-079.2700+350.1/"),
    ],
)
def test_a_video_claims_its_place(tmp_path: Path, media: ModuleType, tag: str, value: str) -> None:
    tags = {tag: value, "creation_time": "2026-05-01T05:00:00Z", "com.apple.quicktime.make": "Acme"}
    path = media.write_video(
        tmp_path / "a.mp4", [0.0, 0.5], [50, 60], options={"movflags": "use_metadata_tags"}, metadata=tags
    )
    claims = claims_of(path)
    assert claims.place == GeoPoint(40.16, -79.27)
    assert claims.recorded_at == "2026-05-01T05:00:00+00:00" and claims.make == "Acme"
    assert value in claims.tags.values()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("+40.16-079.27/", GeoPoint(40.16, -79.27)),
        ("+4009.6-07916.2/", GeoPoint(40.16, -79.27)),
        ("+400936-0791612+12CRSWGS_84/", GeoPoint(40.16, -79.27)),
        ("-33+151/", GeoPoint(-33.0, 151.0)),
        ("+99.0+000.0/", None),
        ("somewhere nice", None),
        ("+40.16", None),
        ("", None),
    ],
)
def test_iso_6709(text: str, place: GeoPoint | None) -> None:
    found = provenance._iso6709(text)
    assert (found and found.rounded(9)) == place


def test_sound_tags_are_found_in_the_stream_too(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_sound(
        tmp_path / "a.ogg", media.tone(0.5, channels=2), codec="vorbis", metadata={"date": "2026-05-01"}
    )
    assert claims_of(path).recorded_at == "2026-05-01"


def test_unset_clocks_are_no_dates() -> None:
    assert provenance._iso_date("1904-01-01T00:00:00.000000Z") is None
    assert provenance._iso_date("1970-01-01T00:00:00Z") is None
    assert provenance._iso_date("2026") is None
    assert provenance._iso_date("2026-05-01T05:00:00+0200") == "2026-05-01T05:00:00+02:00"


def test_tags_are_cut_and_made_printable(tmp_path: Path, media: ModuleType) -> None:
    tags = {"title": "x" * 5000, "comment": "line\nbreak \x1b[31m \u202e"}
    claims = claims_of(media.write_sound(tmp_path / "a.flac", media.tone(0.5), codec="flac", metadata=tags))
    assert max(len(value) for value in claims.tags.values()) == provenance.MAX_TAG_CHARS
    assert all(value.isprintable() for value in claims.tags.values())
    assert any(value.startswith("line break") for value in claims.tags.values())


def test_a_file_without_tags_claims_nothing(tmp_path: Path, media: ModuleType) -> None:
    claims = claims_of(media.write_float_wav(tmp_path / "a.wav", media.tone(0.5)))
    assert claims == FileClaims()


def test_claims_survive_json(tmp_path: Path) -> None:
    claims = claims_of(photo(tmp_path / "a.jpg", {1: "N", 2: dms(45, 0, 0), 3: "W", 4: dms(1, 0, 0)}, Make="Acme"))
    assert claims.place == GeoPoint(45.0, -1.0)
    assert FileClaims.from_json(json.loads(json.dumps(claims.to_json()))) == claims
    assert FileClaims.from_json(FileClaims().to_json()) == FileClaims()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="does not exist"):
        claims_of(tmp_path / "a.jpg")
