import numpy as np
import pytest
from PIL import Image

from lookhear.data.clip import Clip, ClipError
from lookhear.data.frames import Sampling


@pytest.mark.parametrize(("duration_s", "count"), [(None, 4), (0.5, 4), (10.0, 10), (10.2, 11), (9000.0, 64)])
def test_long_clips_are_sampled_more_thinly(duration_s, count):
    assert Sampling().count(duration_s) == count


@pytest.mark.parametrize("wrong", [{"at_least": 0}, {"at_most": 3}, {"per_s": 0.0}, {"max_side_px": 0}])
def test_a_sampling_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="at least one frame"):
        Sampling(**wrong)


def test_sampled_frames_come_one_by_one_and_are_the_same(tmp_path, media, monkeypatch):
    path = media.write_video(tmp_path / "a.mp4", [k / 25 for k in range(75)], [20 + 3 * k for k in range(75)])
    clip = Clip.open(path)
    sampled = clip.sampled_frames(Sampling(per_s=2.0, max_side_px=32))
    first = next(sampled)
    whole = clip.frames(6, 32)
    assert len([first, *sampled]) == len(whole) == 6
    assert first.time_s == whole[0].time_s == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(first.pixels, whole[0].pixels)


def test_a_picture_is_sampled_once_at_time_zero(tmp_path):
    Image.new("RGB", (3000, 20), "red").save(tmp_path / "a.png")
    (frame,) = Clip.open(tmp_path / "a.png").sampled_frames()
    assert frame.time_s == 0.0 and frame.pixels.shape[1] == 1600


def test_a_sound_has_no_frames(tmp_path, media):
    clip = Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(0.2)))
    with pytest.raises(ClipError, match="no picture"):
        next(clip.sampled_frames())
