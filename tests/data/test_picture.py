from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookhear.data import picture as picture_module
from lookhear.data.clip import Clip, ClipError
from lookhear.data.provenance import claims_of


def picture(path: Path, image: Image.Image, **options: object) -> Clip:
    image.save(path, **options)
    return Clip.open(path)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tiff", "a.bmp", "a.ppm"])
def test_pictures_are_one_frame(tmp_path: Path, name: str) -> None:
    clip = picture(tmp_path / name, Image.new("RGB", (90, 60), (200, 100, 50)))
    (frame,) = clip.frames(5, max_side_px=45)
    assert (clip.kind, clip.has_sound, clip.width_px, clip.height_px) == ("picture", False, 90, 60)
    assert frame.time_s == 0.0 and frame.pixels.shape == (30, 45, 3) and clip.duration_s is None
    assert frame.pixels.mean(axis=(0, 1)) == pytest.approx([200, 100, 50], abs=4)


WIDE, TALL = (20_000, 1500), (1500, 20_000)


@pytest.mark.parametrize(("name", "mode", "size"), [("a.jpg", "RGB", WIDE), ("a.png", "L", TALL), ("a.png", "P", WIDE)])
def test_a_very_large_picture_becomes_a_small_frame(
    tmp_path: Path, name: str, mode: str, size: tuple[int, int]
) -> None:
    clip = picture(tmp_path / name, Image.new(mode, size))
    assert (clip.width_px, clip.height_px) == size
    assert max(clip.frames(1)[0].pixels.shape) == 1024


def test_a_picture_beyond_the_limit_is_refused_kindly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_module, "MAX_PICTURE_BYTES", 1_000_000)
    with pytest.raises(ClipError, match=r"a\.png has 1000 × 900 pixels"):
        picture(tmp_path / "a.png", Image.new("RGB", (1000, 900)))


def test_pillows_own_limits_are_left_as_they_were(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    picture(tmp_path / "a.png", Image.new("RGB", (10, 10)))
    assert Image.MAX_IMAGE_PIXELS == before is not None


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif"])
def test_one_pixel_is_a_picture(tmp_path: Path, name: str) -> None:
    assert picture(tmp_path / name, Image.new("RGB", (1, 1), "white")).frames(1)[0].pixels.tolist() == [
        [[255, 255, 255]]
    ]


@pytest.mark.parametrize(
    ("mode", "colour", "name", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), "a.png", (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), "a.png", (255, 0, 0)),
        ("LA", (0, 128), "a.png", (127, 127, 127)),
        ("CMYK", (0, 255, 255, 0), "a.jpg", (255, 0, 0)),
        ("I;16", 32768, "a.png", (128, 128, 128)),
        ("1", 1, "a.png", (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...], name: str, expected: tuple[int, int, int]
) -> None:
    clip = picture(tmp_path / name, Image.new(mode, (40, 30), colour))
    assert clip.frames(1)[0].pixels.mean(axis=(0, 1)) == pytest.approx(expected, abs=3)


def test_of_an_animated_picture_the_first_frame_is_used(tmp_path: Path) -> None:
    others = [Image.new("RGB", (20, 20), "blue")]
    clip = picture(tmp_path / "a.gif", Image.new("RGB", (20, 20), "red"), save_all=True, append_images=others)
    assert clip.notes == ("The picture is animated; only its first frame is used.",)
    assert clip.frames(1)[0].pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.tiff"])
def test_of_other_pictures_with_several_frames_the_first_is_used(tmp_path: Path, name: str) -> None:
    others = [Image.new("RGB", (20, 20), "blue")]
    clip = picture(tmp_path / name, Image.new("RGB", (20, 20), "red"), save_all=True, append_images=others)
    assert clip.notes == ("The picture is animated; only its first frame is used.",)
    assert clip.frames(1)[0].pixels[0, 0].tolist() == pytest.approx([255, 0, 0], abs=3)


@pytest.mark.parametrize("exif", [b"Exif\0\0torn", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"", bytes(range(256))])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_broken_exif_is_no_reason_to_refuse_a_picture(tmp_path: Path, name: str, exif: bytes) -> None:
    clip = picture(tmp_path / name, Image.new("RGB", (40, 20), "lime"), exif=exif)
    assert clip.frames(1)[0].pixels.mean(axis=(0, 1)) == pytest.approx([0, 255, 0], abs=4)


def test_sixteen_bits_a_colour_become_eight(tmp_path: Path) -> None:
    """A PNG of one RGB pixel with 16 bits each, which Pillow cannot write."""
    rows = zlib.compress(b"\0" + struct.pack(">3H", 65535, 32768, 0))
    head = struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    assert Clip.open(tmp_path / "a.png").frames(1)[0].pixels.tolist() == [[[255, 128, 0]]]


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 40), "black")
    image.paste("white", (0, 0, 40, 20))  # upper left as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90° clockwise: the corner goes to the upper right
    clip = picture(tmp_path / "a.png", image, exif=exif)
    shown = clip.frames(1)[0].pixels
    assert (clip.width_px, clip.height_px) == (40, 80) and shown.shape == (80, 40, 3)
    assert shown[2:38, 22:38].min() > 250 and shown[:, :18].max() < 5


def test_a_cut_off_picture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    clip = Clip.open(tmp_path / "a.jpg")
    assert clip.notes == ("The picture is cut off or damaged; what is missing is blank.",)
    assert clip.frames(1)[0].pixels[:80].std() > 20


def heic(path: Path, size: tuple[int, int]) -> Path:
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Telephone works", 6
    image = Image.new("RGB", size, (200, 100, 50))
    pillow_heif.from_pillow(image).save(path, exif=exif.tobytes())
    return path


def test_heic_is_read_upright_with_what_it_claims(tmp_path: Path) -> None:
    clip = Clip.open(heic(tmp_path / "IMG_1.HEIC", (90, 60)))
    assert (clip.kind, clip.format, clip.width_px, clip.height_px) == ("picture", "HEIF", 60, 90)
    frame = clip.frames(1)[0].pixels
    assert frame.shape == (90, 60, 3) and frame.mean(axis=(0, 1)) == pytest.approx([200, 100, 50], abs=6)
    assert claims_of(clip).make == "Telephone works"


def test_a_heic_that_breaks_off_or_is_too_large_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = heic(tmp_path / "whole.heic", (640, 480))
    (tmp_path / "cut.heic").write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(ClipError, match=r"cut\.heic .*damaged"):
        Clip.open(tmp_path / "cut.heic")
    monkeypatch.setattr(picture_module, "MAX_PICTURE_BYTES", 100_000)
    with pytest.raises(ClipError, match=r"whole\.heic has 480 × 640 pixels"):
        Clip.open(whole)


def test_without_the_extra_a_heic_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = heic(tmp_path / "phone.heic", (90, 60))
    monkeypatch.setattr(picture_module, "readable_formats", lambda: picture_module.PICTURE_FORMATS)
    with pytest.raises(ClipError, match=r"pip install 'lookhear\[heic\]'"):
        Clip.open(path)
