import itertools

import numpy as np
import pytest

from lookhear.data.avg.clip_file import EncodeConfig, clip_files
from lookhear.data.avg.cuts import CutConfig, clip_spans, colour_histograms, even_pieces, scene_changes
from lookhear.data.avg.moments import frames_at, sound_of
from lookhear.data.clip import Clip
from lookhear.data.provenance import claims_of

SHORT = CutConfig(min_s=1.0, max_s=2.0)


@pytest.fixture(scope="module")
def video(media, tmp_path_factory):
    """Dark to 2.5 s, bright to 3.2 s, grey to 6 s; half loud, half silent."""
    times = np.arange(0, 6, 0.1)
    greys = [40 if t < 2.45 else 220 if t < 3.15 else 120 for t in times]
    sound = media.tone(6.0)
    sound[:, 3 * 48_000 :] = 0
    tags = {"location": "+40.1600-079.2700/", "title": "home"}
    path = tmp_path_factory.mktemp("cuts") / "a.mp4"
    return Clip.open(media.write_video(path, times.tolist(), greys, sound=sound, rotation_deg=90, metadata=tags))


def test_clips_lie_within_scenes(video):
    spans, short = clip_spans(video, SHORT)
    assert np.allclose(spans, [(0, 1.2), (1.2, 2.4), (3.2, 4.6), (4.6, 6.0)], atol=0.11)
    assert np.allclose(short, [(2.5, 3.1)], atol=0.11)


def test_nothing_changes_in_one_scene(media, tmp_path):
    path = media.write_video(tmp_path / "a.mp4", np.arange(0, 3, 0.1).tolist(), [90] * 30)
    assert clip_spans(Clip.open(path), CutConfig(1.0, 4.0)) == ([(0.0, 2.94)], [])


@pytest.mark.parametrize(
    "length_s, lengths", [(9.9, []), (10.0, [10.0]), (20.0, [20.0]), (20.5, [10.25] * 2), (61.0, [15.25] * 4)]
)
def test_long_scenes_are_cut_evenly(length_s, lengths):
    pieces = even_pieces((3.0, 3.0 + length_s), CutConfig())
    assert np.allclose([end_s - start_s for start_s, end_s in pieces], lengths, atol=2e-3)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(pieces))


def test_a_shaking_camera_is_not_cut():
    rng = np.random.default_rng(0)
    shaking = rng.uniform(0.25, 0.5, 100)
    assert scene_changes(shaking, 0.25) == []
    calm = rng.uniform(0, 0.05, 100)
    calm[[30, 34]] = 0.5
    assert scene_changes(calm, 0.25) == [30, 34]
    assert scene_changes(calm, 0.6) == []


def test_histograms_sum_to_one_and_know_where():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert np.allclose(colour_histograms(image).sum(axis=1), 1)
    half = np.zeros((30, 40, 3), np.uint8)
    half[:, :20] = 255
    difference = np.abs(colour_histograms(half) - colour_histograms(half[:, ::-1])).sum(axis=1) / 2
    assert difference[0] == pytest.approx(1)


def test_clip_files_are_the_same_every_time_and_tell_nothing(video, tmp_path):
    spans = [(0.0, 1.2), (3.2, 4.6)]
    files = list(clip_files(video, spans, EncodeConfig()))
    assert files == list(clip_files(video, spans, EncodeConfig()))
    assert files[1] == next(clip_files(video, spans[1:], EncodeConfig()))
    for content, (start_s, end_s), grey in zip(files, spans, (40, 120), strict=True):
        path = tmp_path / "clip.mp4"
        path.write_bytes(content)
        clip = Clip.open(path)
        assert clip.has_sound and (clip.width_px, clip.height_px) == (48, 64)
        assert clip.duration_s == pytest.approx(end_s - start_s, abs=0.05)
        assert abs(float(clip.frames(1)[0].pixels.mean()) - grey) < 6
        assert claims_of(clip).place is None and claims_of(clip).recorded_at is None
        assert b"home" not in content and b"Lavf" not in content
    assert claims_of(video).place is not None


def test_the_picture_is_made_smaller_with_even_sides(video, tmp_path):
    (tmp_path / "a.mp4").write_bytes(next(clip_files(video, [(0.0, 0.5)], EncodeConfig(max_side_px=35))))
    clip = Clip.open(tmp_path / "a.mp4")
    assert (clip.width_px, clip.height_px) == (26, 34)


def test_sound_of_stretches(video):
    whole = np.concatenate(list(video.sound(48_000)))
    first, second, beyond = sound_of(video, [(0.5, 1.0), (2.9, 3.3), (5.9, 7.0)], 48_000)
    assert np.array_equal(first, whole[24_000:48_000])
    assert np.array_equal(second, whole[round(2.9 * 48_000) : round(3.3 * 48_000)])
    assert len(beyond) == round(1.1 * 48_000) and np.abs(second[:4800]).max() > 0.4


def test_frames_at_moments(video):
    greys = [float(frame.pixels.mean()) for frame in frames_at(video.path, [0.0, 2.0, 2.8, 4.0, 99.0], 16)]
    assert np.allclose(greys, [40, 40, 220, 120, 120], atol=6)


@pytest.mark.parametrize("settings", [{"min_s": 0.0}, {"min_s": 11.0}, {"threshold": 0.0}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError):
        CutConfig(**settings)
    with pytest.raises(ValueError):
        EncodeConfig(crf=99)
