from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy import ndarray
from PIL import Image

from lookhear.data import preview as preview_module
from lookhear.data.clip import Clip
from lookhear.data.preview import HEIGHT_PX, WIDTH_PX, Preview, height_of


def levels(png: bytes) -> ndarray:
    """The palette's indices, lowest frequency first."""
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG" and image.size == (WIDTH_PX, HEIGHT_PX)
    return np.asarray(image)[::-1]


def hissing(tone: ndarray) -> ndarray:
    return tone + np.random.default_rng(0).normal(0, 1e-3, tone.shape).astype(np.float32)


@pytest.mark.parametrize("hz", [200.0, 1000.0, 4000.0, 12_000.0])
def test_a_tone_is_a_line_at_its_height(tmp_path: Path, media: ModuleType, hz: float) -> None:
    sound = hissing(media.tone(2.0, hz=hz))
    shown = Preview.of(Clip.open(media.write_sound(tmp_path / "a.wav", sound))).spectrogram_png
    assert shown is not None
    loudest = levels(shown)[:, 100:-100].mean(axis=1).argmax()
    assert loudest == pytest.approx(height_of(hz) * (HEIGHT_PX - 1), abs=2)


def test_the_time_axis_is_the_whole_clip(tmp_path: Path, media: ModuleType) -> None:
    silence = np.zeros((1, 48_000), np.float32)
    sound = hissing(np.concatenate([silence, media.tone(1.0, hz=3000.0), silence, silence], axis=1))
    preview = Preview.of(Clip.open(media.write_sound(tmp_path / "a.wav", sound)))
    assert preview.spectrogram_png is not None and preview.sound_s == 4.0
    line = levels(preview.spectrogram_png)[round(height_of(3000.0) * (HEIGHT_PX - 1))]
    loud = np.flatnonzero(line > 200)
    assert loud[0] == pytest.approx(WIDTH_PX / 4, abs=25) and loud[-1] == pytest.approx(WIDTH_PX / 2, abs=25)


def test_a_long_clip_is_cut(tmp_path: Path, media: ModuleType) -> None:
    clip = Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(8.0)))
    preview = Preview.of(clip, max_sound_s=3.0)
    assert preview.sound_s == 3.0 and preview.sound is not None
    (tmp_path / "cut.mp3").write_bytes(preview.sound)
    assert Clip.open(tmp_path / "cut.mp3").duration_s == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("mp3", [True, False])
def test_the_sound_can_be_played(tmp_path: Path, media: ModuleType, mp3: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(2.0, hz=1000.0, channels=2)))
    if not mp3:
        codecs = preview_module.av.codecs_available - {"libmp3lame"}
        monkeypatch.setattr(preview_module.av, "codecs_available", codecs)
    preview = Preview.of(clip)
    assert preview.sound is not None
    assert preview.sound_mime == ("audio/mpeg" if mp3 else "audio/mp4")
    (tmp_path / "played").write_bytes(preview.sound)
    heard = media.read_all(Clip.open(tmp_path / "played"), 32_000)
    spectrum = np.abs(np.fft.rfft(heard[16_000:48_000] * np.hanning(32_000)))
    assert spectrum.argmax() == pytest.approx(1000, abs=1)
    assert np.abs(heard[16_000:48_000]).max() == pytest.approx(0.5, abs=0.05)


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_video(
        tmp_path / "a.mp4", [0.0, 0.5, 1.0, 1.5], [20, 80, 140, 200], size=(960, 540), sound=media.tone(2.0)
    )
    assert Preview.of(Clip.open(path)) == Preview.of(Clip.open(path))


def test_frames_are_small_jpegs_in_order(tmp_path: Path, media: ModuleType) -> None:
    steps = range(20)
    greys = [20 + 60 * (k // 5) for k in steps]
    path = media.write_video(tmp_path / "a.mp4", [k / 10 for k in steps], greys, size=(960, 540))
    preview = Preview.of(Clip.open(path), frames=4)
    assert preview == Preview(frames=preview.frames)
    assert [(frame.width_px, frame.height_px) for frame in preview.frames] == [(480, 270)] * 4
    shown = [np.asarray(Image.open(io.BytesIO(frame.jpeg))).mean() for frame in preview.frames]
    assert shown == pytest.approx([20, 80, 140, 200], abs=4)
    assert [frame.time_s for frame in preview.frames] == sorted(frame.time_s for frame in preview.frames)


def test_a_picture_is_one_frame(tmp_path: Path) -> None:
    Image.new("RGB", (100, 50), "green").save(tmp_path / "a.png")
    preview = Preview.of(Clip.open(tmp_path / "a.png"))
    assert len(preview.frames) == 1 and preview.spectrogram_png is None


@pytest.mark.parametrize("seconds", [0.01, 0.2])
def test_short_sound_has_a_spectrogram(tmp_path: Path, media: ModuleType, seconds: float) -> None:
    preview = Preview.of(Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(seconds))))
    assert preview.spectrogram_png is not None and preview.sound is not None and preview.frames == ()
    levels(preview.spectrogram_png)


def test_silence_is_dark(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_sound(tmp_path / "a.wav", np.zeros((1, 48_000), np.float32))
    shown = Preview.of(Clip.open(path)).spectrogram_png
    assert shown is not None and levels(shown).max() < 64


def test_a_quiet_half_does_not_wash_out_the_loud_one(tmp_path: Path, media: ModuleType) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 48_000)).astype(np.float32)
    sound = np.concatenate([np.zeros((1, 96_000), np.float32), noise + media.tone(1.0, hz=2000.0)], axis=1)
    shown = Preview.of(Clip.open(media.write_sound(tmp_path / "a.wav", sound))).spectrogram_png
    assert shown is not None
    picture = levels(shown)
    tone_row = round(height_of(2000.0) * (HEIGHT_PX - 1))
    assert picture[:, :1000].max() < 20
    assert picture[tone_row, 1200:1500].mean() > picture[tone_row + 60, 1200:1500].mean() + 40


def test_the_colours_only_get_lighter() -> None:
    lightness = preview_module._palette() @ np.array([0.2126, 0.7152, 0.0722])
    assert len(lightness) == 256 and (np.diff(lightness) > -0.5).all() and lightness[-1] > 220 > 20 > lightness[0]
