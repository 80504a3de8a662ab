import numpy as np
import pytest
from small_sight import PARIS, make_sight

from lookhear.data import cells
from lookhear.data.clip import Clip
from lookhear.data.frames import Sampling
from lookhear.data.geo import great_circle_km
from lookhear.data.preview import PreviewFrame
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.seeing import Seeing, chosen
from lookhear.perception.sight import MOST_FRAMES, FrameFeatures, spread
from lookhear.perception.writing.reading import Reader
from lookhear.perception.writing.sign import Sign

BOTH = Sampling(per_s=2.0)


@pytest.fixture(scope="module")
def sight(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKHEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield make_sight()


def squares(*greys):
    return [(float(k), np.full((1, 1, 3), grey, np.uint8)) for k, grey in enumerate(greys)]


def best(where):
    return cells.centers(where.ids[[int(np.argmax(where.log_ratio))]])[0]


def test_the_mean_of_frames_points_to_the_place(sight):
    seen = sight.look(squares(250, 250, 250))
    found = sight.evidence(seen, 3.0)
    assert great_circle_km(best(found.where), PARIS.unit) < 30
    assert (found.kind, found.confidence, found.name) == ("sight", 0.8, "mean of 3 frames")
    np.testing.assert_allclose(np.linalg.norm(seen.mean), 1.0, atol=1e-6)


def test_moments_cover_the_clip_and_score_by_agreement(sight):
    found = sight.evidence(sight.look(squares(250, 250, 250, 10)), 4.5)
    assert [(m.start_s, m.end_s) for m in found.moments] == [(0.0, 0.5), (0.5, 1.5), (1.5, 2.5), (2.5, 4.5)]
    assert found.moments[0].score == found.moments[1].score > found.moments[3].score >= 0.0


def test_a_picture_is_one_frame_at_time_zero(sight):
    found = sight.evidence(sight.look(squares(10)))
    assert found.name == "one frame" and (found.start_s, found.end_s, found.score) == (0.0, 0.0, 1.0)


def test_of_many_frames_some_are_encoded(sight):
    before = sight.encoder.seen
    assert len(sight.look(squares(*range(64))).times_s) == MOST_FRAMES == sight.encoder.seen - before
    assert spread(64, 8) == [4, 12, 20, 28, 36, 44, 52, 60] and spread(3, 8) == [0, 1, 2]


def test_nothing_to_look_at_is_refused(sight):
    with pytest.raises(ValueError, match="no frame"):
        sight.look([])


def test_words_find_places(sight):
    (match,) = sight.places_like("Paris", 1)
    assert match.point.distance_km(PARIS) < 5 and match.cosine == pytest.approx(1.0, abs=1e-3)


def test_features_round_trip(sight):
    seen = sight.look(squares(250, 10))
    again = FrameFeatures.from_json(seen.to_json())
    assert again.times_s == seen.times_s
    np.testing.assert_allclose(again.features, seen.features, atol=1e-5)


class Reads(Reader):
    """Reads one street name in the second half of a clip, and leaves the last frame unread."""

    def evidence(self, frames):
        bright = [frame for frame, _ in zip(frames, range(7), strict=False) if frame.pixels.mean() > 128]
        moments = (Moment(bright[0].time_s, bright[-1].time_s, 0.9),)
        box = np.array([[0.1, 0.1], [0.6, 0.1], [0.6, 0.3], [0.1, 0.3]])
        sign = Sign("RUE DE RIVOLI", "Latn", (), moments, box, b"", 0.95, "test")
        return (Evidence("e1", "text", sign.quote, sign.text, moments, 0.95, "test"),), (sign,)


@pytest.fixture
def video(tmp_path, media):
    return Clip.open(media.write_video(tmp_path / "a.mp4", [k / 25 for k in range(100)], [10] * 50 + [250] * 50))


def test_a_video_is_decoded_once_for_both(sight, video, monkeypatch):
    decodings = []
    whole = Clip.sampled_frames
    monkeypatch.setattr(Clip, "sampled_frames", lambda *args: decodings.append(args) or whole(*args))
    seen = Seeing(lambda: sight, Reads, BOTH).look(video)
    assert len(decodings) == 1 and {one.kind for one in seen.evidence} == {"sight", "text"}
    assert [sign.text for sign in seen.signs] == ["RUE DE RIVOLI"]
    assert len(seen.features.times_s) == len(seen.frames) == 8
    assert all(frame.jpeg[:2] == b"\xff\xd8" and frame.width_px == 64 for frame in seen.frames)


def test_the_frame_in_which_a_sign_was_read_is_shown():
    frames = [PreviewFrame(float(k), b"", 4, 3) for k in range(60)]
    sign = Sign("LISBOA", "Latn", (), (Moment(10.0, 50.0, 0.9),), np.zeros((4, 2)), b"", 0.9, "test", frame_s=31.0)
    without = {frame.time_s for frame in chosen(frames, ())}
    assert {frame.time_s for frame in chosen(frames, (sign,))} - without == {31.0}


def test_either_half_may_be_missing(sight, video):
    nothing = Seeing().look(video)
    assert nothing.evidence == () == nothing.signs and nothing.features is None and len(nothing.frames) == 4
    assert [one.kind for one in Seeing(lambda: sight).look(video).evidence] == ["sight"]
    assert [one.kind for one in Seeing(lambda: None, Reads, BOTH).look(video).evidence] == ["text"]


def test_models_are_loaded_when_the_first_picture_comes(tmp_path, media, sight, video):
    loaded = []
    seeing = Seeing(lambda: loaded.append(1) or sight)
    assert seeing.look(Clip.open(media.write_sound(tmp_path / "a.wav", media.tone(0.2)))).frames == ()
    assert loaded == []
    seeing.look(video)
    seeing.look(video)
    assert loaded == [1]


def test_frames_with_signs_are_shown(sight, video):
    frames = Seeing(sampling=Sampling(per_s=10.0)).look(video).frames
    sign = Seeing(lambda: None, Reads, BOTH).look(video).signs[0]
    assert len(chosen(frames, [sign])) == len(frames) and chosen(frames[:0], []) == ()
