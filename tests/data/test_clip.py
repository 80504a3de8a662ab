from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from lookhear.data import clip as clip_module
from lookhear.data.clip import Clip, ClipError

STEPS = [k / 25 for k in range(50)]
GREYS = [20 + 4 * k for k in range(50)]


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [
        ("a.wav", "pcm_s16le", 1e-4),
        ("a.flac", "flac", 1e-4),
        ("a.wav", "pcm_u8", 6e-3),
        ("a.wav", "pcm_s24le", 1e-4),
        ("a.wav", "pcm_f64le", 1e-4),
        ("a.ogg", "vorbis", 0.05),
        ("a.opus", "libopus", 0.05),
        ("a.mp3", "libmp3lame", 0.05),
        ("a.m4a", "aac", 0.05),
    ],
)
def test_a_tone_comes_out_of_every_format(
    tmp_path: Path, media: ModuleType, name: str, codec: str, tolerance: float
) -> None:
    sound = media.tone(2.0, channels=2)
    clip = Clip.open(media.write_sound(tmp_path / name, sound, codec=codec))
    heard = media.read_all(clip, 48_000)
    assert (clip.kind, clip.has_sound, clip.has_picture) == ("sound", True, False)
    assert (clip.sample_rate_hz, clip.channels, clip.notes) == (48_000, 2, ())
    assert clip.duration_s == pytest.approx(2.0, abs=0.05)
    assert len(heard) == pytest.approx(96_000, abs=2400)
    middle = slice(24_000, 72_000)
    assert np.abs(heard[middle] - sound[0, middle]).max() < tolerance


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 48_000), (8_000, 48_000), (48_000, 32_000), (96_000, 48_000)])
def test_resampling_keeps_frequency_and_amplitude(tmp_path: Path, media: ModuleType, from_hz: int, to_hz: int) -> None:
    path = media.write_sound(tmp_path / "a.wav", media.tone(3.0, from_hz, hz=1000.0), from_hz)
    heard = media.read_all(Clip.open(path), to_hz)
    assert len(heard) == pytest.approx(3 * to_hz, abs=2)
    expected = media.tone(3.0, to_hz, hz=1000.0)[0, : len(heard)]
    inside = slice(to_hz // 2, -to_hz // 2)
    assert np.abs(heard[inside] - expected[inside]).max() < 1e-3


def test_blocks_have_exactly_the_length_asked_for(tmp_path: Path, media: ModuleType) -> None:
    clip = Clip.open(media.write_sound(tmp_path / "a.mp3", media.tone(5.3, 44_100), 44_100, "libmp3lame"))
    lengths = [len(block) for block in clip.sound(48_000, block_s=0.75)]
    assert set(lengths[:-1]) == {36_000} and 0 < lengths[-1] <= 36_000
    assert sum(lengths) == len(media.read_all(clip, 48_000))


def test_the_same_file_gives_the_same_samples(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_sound(tmp_path / "a.m4a", media.tone(2.0, 44_100), 44_100, "aac")
    assert np.array_equal(media.read_all(Clip.open(path), 48_000), media.read_all(Clip.open(path), 48_000))


def test_six_channels_become_their_mean(tmp_path: Path, media: ModuleType) -> None:
    sound = media.tone(1.0) * np.array([[1.0], [0.5], [0.0], [-0.5], [0.25], [0.25]], np.float32)
    clip = Clip.open(media.write_sound(tmp_path / "a.wav", sound))
    assert clip.channels == 6
    assert np.abs(media.read_all(clip, 48_000) - sound.mean(axis=0)).max() < 1e-4


def test_nan_and_infinity_are_silence_and_counted(tmp_path: Path, media: ModuleType) -> None:
    sound = media.tone(1.0, channels=2)
    sound[0, 100:110], sound[1, 500], sound[1, 600] = np.nan, np.inf, 1e30
    reader = Clip.open(media.write_float_wav(tmp_path / "a.wav", sound)).sound(48_000)
    heard = np.concatenate(list(reader))
    assert np.isfinite(heard).all() and np.abs(heard).max() <= 0.5
    assert np.allclose(heard[100:110], sound[1, 100:110] / 2)
    assert reader.quality.non_finite == 12
    assert "12 samples are not usable numbers" in reader.quality.notes[0]


def test_clipping_is_measured(tmp_path: Path, media: ModuleType) -> None:
    sound = np.clip(media.tone(1.0, peak=2.0), -1, 1)
    reader = Clip.open(media.write_sound(tmp_path / "a.wav", sound)).sound(16_000)
    list(reader)
    assert reader.quality.clipped_share == pytest.approx(float((np.abs(sound) >= 1).mean()), abs=0.01)
    assert any("clipped" in note for note in reader.quality.notes)
    assert reader.quality.peak == pytest.approx(1.0, abs=1e-3)


def test_clean_sound_has_nothing_to_report(tmp_path: Path, media: ModuleType) -> None:
    reader = Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(1.0))).sound(48_000)
    list(reader)
    assert reader.quality.notes == () and reader.quality.samples == 48_000
    assert reader.quality.rms == pytest.approx(0.5 / 2**0.5, rel=1e-3)
    assert reader.quality.silent_share == 0.0 and reader.quality.duration_s == 1.0


def test_silence_is_said(tmp_path: Path, media: ModuleType) -> None:
    reader = Clip.open(media.write_sound(tmp_path / "a.flac", np.zeros((1, 48_000)), codec="flac")).sound(48_000)
    assert not np.concatenate(list(reader)).any()
    assert reader.quality.silent_share == 1.0
    assert reader.quality.notes == ("The sound is silent throughout.",)


def test_half_silence_is_half(tmp_path: Path, media: ModuleType) -> None:
    sound = np.concatenate([media.tone(1.0), np.zeros((1, 48_000))], axis=1)
    reader = Clip.open(media.write_sound(tmp_path / "a.wav", sound)).sound(48_000)
    list(reader)
    assert reader.quality.silent_share == pytest.approx(0.5)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.ogg", "vorbis"), ("a.mp3", "libmp3lame")])
def test_a_fifth_of_a_second_is_enough(tmp_path: Path, media: ModuleType, name: str, codec: str) -> None:
    sound = media.tone(0.2, channels=2)
    clip = Clip.open(media.write_sound(tmp_path / name, sound, codec=codec))
    assert len(media.read_all(clip, 48_000)) == pytest.approx(9600, abs=1300)


def test_a_hole_in_the_sound_is_filled_with_silence(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_sound(tmp_path / "a.mkv", media.tone(4.0), codec="pcm_s16le", gap=(2.0, 1.5))
    reader = Clip.open(path).sound(48_000)
    heard = np.concatenate(list(reader))
    assert len(heard) == pytest.approx(5.5 * 48_000, abs=100)
    assert not heard[int(2.1 * 48_000) : int(3.4 * 48_000)].any() and heard[int(3.6 * 48_000) :].any()
    assert reader.quality.gap_s == pytest.approx(1.5, abs=0.01)
    assert "1.5 s are missing" in reader.quality.notes[0]


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
        assert frame.image.shape == (48, 64, 3) and frame.image.dtype == np.uint8
        assert frame.image.mean() == pytest.approx(20 + 4 * int(frame.time_s * 25), abs=7)
    assert len(media.read_all(clip, 48_000)) == pytest.approx(96_000, abs=2400)


@pytest.mark.parametrize("options", [{}, {"movflags": "frag_keyframe+empty_moov"}])
def test_frames_are_the_same_with_and_without_jumps(
    tmp_path: Path, media: ModuleType, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [k / 25 for k in range(500)]
    path = media.write_video(tmp_path / "a.mp4", steps, [k % 200 for k in range(500)], options=options)
    clip = Clip.open(path)
    jumped = clip.frames(7)
    monkeypatch.setattr(clip_module._Playhead, "_worth_a_jump", lambda self, time_s: False)
    walked = clip.frames(7)
    assert len(jumped) == 7
    for a, b in zip(jumped, walked, strict=True):
        assert a.time_s == b.time_s and np.array_equal(a.image, b.image)


def test_variable_frame_rate_goes_by_time_stamps(tmp_path: Path, media: ModuleType) -> None:
    times_s, greys = [0.0, 0.1, 0.2, 5.0, 9.0, 9.9], [10, 40, 70, 130, 190, 230]
    clip = Clip.open(media.write_video(tmp_path / "a.mkv", times_s, greys))
    frames = clip.frames(5)  # 1.0 and 3.0 s show the third frame, 5.0 (just before) too, 7.0 and 8.9 s the fourth
    shown = [round(float(frame.image.mean())) for frame in frames]
    assert shown == pytest.approx([70, 130], abs=3)
    assert [frame.time_s for frame in frames] == pytest.approx([1.0, 7.0], abs=0.1)
    assert all(a.time_s < b.time_s for a, b in pairwise(frames))


def test_a_rotated_video_is_turned_upright(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_video(tmp_path / "a.mp4", STEPS, [40] * 50, rotation_deg=90, corner=220)
    clip = Clip.open(path)
    image = clip.frames(1)[0].image
    assert (clip.width_px, clip.height_px) == (48, 64) and image.shape == (64, 48, 3)
    assert image[48:, 4:20].mean() > 200 and image[:16].mean() < 60  # 90° counter-clockwise: now lower left


def test_frames_are_no_larger_than_asked(tmp_path: Path, media: ModuleType) -> None:
    clip = Clip.open(media.write_video(tmp_path / "a.mp4", STEPS, GREYS, size=(320, 160)))
    assert clip.frames(1, max_side_px=80)[0].image.shape == (40, 80, 3)
    assert not clip.has_sound
    with pytest.raises(ClipError, match="has no sound"):
        clip.sound(48_000)


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


def test_sound_that_stops_before_the_clip_is_noted() -> None:
    quality = clip_module.SoundQuality(samples=48_000, duration_s=12.0, expected_s=60.0)
    assert quality.notes == ("The sound ends early: 12.0 of 60.0 s could be read.",)
    assert replace(quality, duration_s=59.9).notes == ()


def test_damaged_pieces_are_left_out(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_sound(tmp_path / "a.flac", media.tone(4.0) + 0.01, codec="flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = b"\0" * 400
    path.write_bytes(bytes(data))
    reader = Clip.open(path).sound(48_000)
    assert sum(len(block) for block in reader) > 2 * 48_000
    assert np.isfinite(reader.quality.rms)


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


def test_ffmpeg_says_nothing(tmp_path: Path, media: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    path = media.write_sound(tmp_path / "a.mp3", media.tone(2.0), codec="libmp3lame")
    data = path.read_bytes()
    path.write_bytes(data[:9000] + b"\xff" * 3000 + data[12_000:])
    media.read_all(Clip.open(path), 48_000)
    assert capfd.readouterr() == ("", "")


def test_ten_minutes_are_read_in_little_memory(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_sound(tmp_path / "a.wav", media.tone(600.0, 4_000), 4_000)
    clip = Clip.open(path)
    tracemalloc.start()
    try:
        samples = sum(len(block) for block in clip.sound(8_000, block_s=10.0))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples == pytest.approx(600 * 8_000, abs=10)
    assert peak_bytes < 2e6  # the whole would be 19 MB


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


def picture(path: Path, image: Image.Image, **options: object) -> Clip:
    image.save(path, **options)
    return Clip.open(path)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tiff", "a.bmp", "a.ppm"])
def test_pictures_are_one_frame(tmp_path: Path, name: str) -> None:
    clip = picture(tmp_path / name, Image.new("RGB", (90, 60), (200, 100, 50)))
    (frame,) = clip.frames(5, max_side_px=45)
    assert (clip.kind, clip.has_sound, clip.width_px, clip.height_px) == ("picture", False, 90, 60)
    assert frame.time_s == 0.0 and frame.image.shape == (30, 45, 3) and clip.duration_s is None
    assert frame.image.mean(axis=(0, 1)) == pytest.approx([200, 100, 50], abs=4)


@pytest.mark.parametrize("size", [(20_000, 1500), (1500, 20_000)])
@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "RGB"), ("a.png", "L"), ("a.png", "P")])
def test_a_very_large_picture_becomes_a_small_frame(
    tmp_path: Path, name: str, mode: str, size: tuple[int, int]
) -> None:
    clip = picture(tmp_path / name, Image.new(mode, size))
    assert (clip.width_px, clip.height_px) == size
    assert max(clip.frames(1)[0].image.shape) == 1024


def test_a_picture_beyond_the_limit_is_refused_kindly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_module, "MAX_PICTURE_BYTES", 1_000_000)
    with pytest.raises(ClipError, match=r"a\.png has 1000 × 900 pixels"):
        picture(tmp_path / "a.png", Image.new("RGB", (1000, 900)))


def test_pillows_own_limits_are_left_as_they_were(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    picture(tmp_path / "a.png", Image.new("RGB", (10, 10)))
    assert Image.MAX_IMAGE_PIXELS == before is not None


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif"])
def test_one_pixel_is_a_picture(tmp_path: Path, name: str) -> None:
    assert picture(tmp_path / name, Image.new("RGB", (1, 1), "white")).frames(1)[0].image.tolist() == [
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
    assert clip.frames(1)[0].image.mean(axis=(0, 1)) == pytest.approx(expected, abs=3)


def test_of_an_animated_picture_the_first_frame_is_used(tmp_path: Path) -> None:
    others = [Image.new("RGB", (20, 20), "blue")]
    clip = picture(tmp_path / "a.gif", Image.new("RGB", (20, 20), "red"), save_all=True, append_images=others)
    assert clip.notes == ("The picture is animated; only its first frame is used.",)
    assert clip.frames(1)[0].image[0, 0].tolist() == [255, 0, 0]


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    image = Image.new("RGB", (80, 40), "black")
    image.paste("white", (0, 0, 40, 20))  # upper left as stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90° clockwise: the corner goes to the upper right
    clip = picture(tmp_path / "a.png", image, exif=exif)
    shown = clip.frames(1)[0].image
    assert (clip.width_px, clip.height_px) == (40, 80) and shown.shape == (80, 40, 3)
    assert shown[2:38, 22:38].min() > 250 and shown[:, :18].max() < 5


def test_a_cut_off_picture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    clip = Clip.open(tmp_path / "a.jpg")
    assert clip.notes == ("The picture is cut off or damaged; what is missing is blank.",)
    assert clip.frames(1)[0].image[:80].std() > 20
