from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lookhear.data import video
from lookhear.data.clip import Clip, ClipError

STEPS = [k / 25 for k in range(50)]
GREYS = [20 + 4 * k for k in range(50)]


@pytest.mark.parametrize("options", [{}, {"movflags": "frag_keyframe+empty_moov"}])
def test_frames_are_the_same_with_and_without_jumps(
    tmp_path: Path, media: ModuleType, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [k / 25 for k in range(500)]
    path = media.write_video(tmp_path / "a.mp4", steps, [k % 200 for k in range(500)], options=options)
    clip = Clip.open(path)
    jumped = clip.frames(7)
    monkeypatch.setattr(video.Playhead, "_worth_a_jump", lambda self, time_s: False)
    walked = clip.frames(7)
    assert len(jumped) == 7
    for a, b in zip(jumped, walked, strict=True):
        assert a.time_s == b.time_s and np.array_equal(a.pixels, b.pixels)


def test_variable_frame_rate_goes_by_time_stamps(tmp_path: Path, media: ModuleType) -> None:
    times_s, greys = [0.0, 0.1, 0.2, 5.0, 9.0, 9.9], [10, 40, 70, 130, 190, 230]
    clip = Clip.open(media.write_video(tmp_path / "a.mkv", times_s, greys))
    frames = clip.frames(5)  # 1.0 and 3.0 s show the third frame, 5.0 (just before) too, 7.0 and 8.9 s the fourth
    shown = [round(float(frame.pixels.mean())) for frame in frames]
    assert shown == pytest.approx([70, 130], abs=3)
    assert [frame.time_s for frame in frames] == pytest.approx([1.0, 7.0], abs=0.1)
    assert all(a.time_s < b.time_s for a, b in pairwise(frames))


def test_a_rotated_video_is_turned_upright(tmp_path: Path, media: ModuleType) -> None:
    path = media.write_video(tmp_path / "a.mp4", STEPS, [40] * 50, rotation_deg=90, corner=220)
    clip = Clip.open(path)
    image = clip.frames(1)[0].pixels
    assert (clip.width_px, clip.height_px) == (48, 64) and image.shape == (64, 48, 3)
    assert image[48:, 4:20].mean() > 200 and image[:16].mean() < 60  # 90° counter-clockwise: now lower left


def test_frames_are_no_larger_than_asked(tmp_path: Path, media: ModuleType) -> None:
    clip = Clip.open(media.write_video(tmp_path / "a.mp4", STEPS, GREYS, size=(320, 160)))
    assert clip.frames(1, max_side_px=80)[0].pixels.shape == (40, 80, 3)
    assert not clip.has_sound
    with pytest.raises(ClipError, match="has no sound"):
        clip.sound(48_000)
