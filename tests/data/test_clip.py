from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lookhear.data.clip import Clip, ClipError

STEPS = [k / 25 for k in range(50)]
GREYS = [20 + 4 * k for k in range(50)]


@pytest.mark.parametrize(
    ("name", "codecs"),
    [("a.mp4", ("libx264", "aac")), ("a.webm", ("libvpx", "libopus")), ("a.mkv", ("libx264", "flac"))],
)
def test_a_video_has_frames_and_sound(tmp_path: Path, media: ModuleType, name: str, codecs: tuple[str, str]) -> None:
    clip = Clip.open(media.write_video(tmp_path / name, STEPS, GREYS, sound=media.tone(2.0), codecs=codecs))
    assert (clip.kind, clip.has_sound, clip.has_picture) == ("video", True, True)
    assert (clip.width_px, clip.height_px) == (64, 48)
    assert clip.duration_s == pytest.approx(2.0, abs=0.1)
    frames = clip.frames(4)
    assert [frame.time_s for frame in frames] == pytest.approx([0.25, 0.75, 1.25, 1.75], abs=0.1)
    for frame in frames:
        assert frame.pixels.shape == (48, 64, 3) and frame.pixels.dtype == np.uint8
        assert frame.pixels.mean() == pytest.approx(20 + 4 * int(frame.time_s * 25), abs=7)
    assert len(media.read_all(clip, 48_000)) == pytest.approx(96_000, abs=2400)


def test_a_cut_off_mp4_is_read_as_far_as_it_goes(tmp_path: Path, media: ModuleType) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, (1, 480_000)).astype(np.float32)
    path = media.write_video(
        tmp_path / "a.mp4",
        [k / 25 for k in range(250)],
        [90] * 250,
        sound=noise,
        options={"movflags": "faststart"},
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = Clip.open(path)
    assert clip.duration_s is not None and 2.0 < clip.duration_s < 8.0
    assert clip.notes == (f"The file ends early: {clip.duration_s:.1f} of 10.0 s could be read.",)
    assert len(media.read_all(clip, 48_000)) / 48_000 == pytest.approx(clip.duration_s, abs=0.5)
    assert len(clip.frames(3)) == 3


def test_an_mp4_without_its_index_is_refused(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_video(tmp_path / "a.mp4", STEPS, GREYS, sound=media.tone(2.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ClipError, match=r"a\.mp4 is an MP4 file whose index is missing"):
        Clip.open(path)


def test_a_cut_off_ogg_is_read_as_far_as_it_goes(tmp_path: Path, media: ModuleType) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, (2, 480_000)).astype(np.float32)
    path = media.write_sound(tmp_path / "a.ogg", noise, codec="vorbis")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    clip = Clip.open(path)
    assert clip.notes == ("The file breaks off in the middle of a page.",)
    assert 4.0 < len(media.read_all(clip, 48_000)) / 48_000 < 8.0


def test_an_encrypted_file_is_refused(tmp_path: Path, media: ModuleType) -> None:
    secret = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    path = media.write_video(tmp_path / "a.mp4", STEPS, GREYS, options=secret)
    with pytest.raises(ClipError, match="protected"):
        Clip.open(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.mp4", b"Dear diary, no birds today.\n" * 100, "notes.mp4 is a text file"),
        ("accents.wav", "Ça chante à l'aube. ".encode() * 300, "is a text file"),
        ("empty.wav", b"", "empty.wav is empty"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:10,\nhttp://localhost:1/a.ts\n", "is a text file"),
        ("binary.m3u8", b"#EXTM3U\n#EXTINF:10,\nhttp://localhost:1/a.ts\n\0\1", "no sound, video or picture"),
        ("binary.txt", b"ffconcat version 1.0\nfile a.wav\n\0", "no sound, video or picture"),
        ("noise.mp3", np.random.default_rng(0).bytes(100_000), "no sound, video or picture"),
        ("noise.g722", np.random.default_rng(1).bytes(100_000), "no sound, video or picture"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0", "damaged|no sound, video or picture"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    ],
)
def test_what_is_no_clip_is_told_in_one_sentence(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ClipError, match=words) as error:
        Clip.open(path)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing.mp4", "http://localhost:1/a.mp4", "a\0b", "x" * 5000, "pipe:0"])
def test_only_existing_local_files_are_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClipError, match=r"does not exist|no name of a file|cannot be read"):
        Clip.open(tmp_path / name)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="is a folder; name a file in it"):
        Clip.open(tmp_path)


def test_a_named_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(ClipError, match="no ordinary file"):
        Clip.open(tmp_path / "pipe.wav")


@pytest.mark.parametrize("name", ["-i dawn chorus.wav", 'it\'s "quoted".wav', "🐦 vogel:1.wav", "a%20b?c=d#e.wav"])
def test_odd_names_are_only_names(
    tmp_path: Path, media: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    media.write_sound(tmp_path / "plain.wav", media.tone(0.5)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(media.read_all(Clip.open(name), 48_000)) == 24_000


def test_a_clip_survives_json(tmp_path: Path, media: ModuleType) -> None:
    clip = Clip.open(media.write_video(tmp_path / "a.mp4", STEPS, GREYS, sound=media.tone(2.0)))
    assert Clip.from_json(clip.to_json()) == clip and len(clip.sha256) == 64


def test_bad_requests_are_refused(tmp_path: Path, media: ModuleType) -> None:
    clip = Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(0.5)))
    with pytest.raises(ValueError, match="block must hold a sample"):
        clip.sound(0)
    with pytest.raises(ValueError, match="at least one frame"):
        clip.frames(0)
    with pytest.raises(ClipError, match="has no picture"):
        clip.frames(1)
