import numpy as np
import pytest

from lookhear.data.frames import Frame
from lookhear.perception.writing.reader import Line
from lookhear.perception.writing.tracking import Tracker, has_changed, thumbnail


def box(x, y):
    return np.array([[x, y], [x + 0.1, y], [x + 0.1, y + 0.05], [x, y + 0.05]])


def line(text, x=0.4, y=0.4, confidence=0.9):
    return Line(text, confidence, box(x, y), "test")


def picture(grey):
    return np.full((54, 96, 3), grey, dtype=np.uint8)


class Script:
    """Gives the lines that belong to a picture's grey."""

    def __init__(self, lines):
        self.lines_of, self.calls = lines, 0

    def lines(self, pixels):
        self.calls += 1
        return self.lines_of.get(int(pixels[0, 0, 0]), [])


def follow(script, *frames):
    return Tracker(script).follow([Frame(float(time_s), picture(grey)) for time_s, grey in frames])


def test_one_moving_sign_is_one_sign_and_its_most_read_text_counts():
    script = Script(
        {10: [line("FARMACLA", 0.3, confidence=0.93)], 50: [line("FARMACIA", 0.4)], 90: [line("FARMACIA", 0.5)]}
    )
    [sign] = follow(script, (0, 10), (1, 50), (2, 90))
    assert sign.text == "FARMACIA"
    assert [(m.start_s, m.end_s) for m in sign.moments] == [(0, 2)]


@pytest.mark.parametrize(("surest", "frame_s"), [(0, 0.0), (1, 1.0), (2, 2.0)])
def test_the_box_is_where_the_sign_was_in_the_frame_it_names(surest, frame_s):
    sure = [0.99 if k == surest else 0.9 for k in range(3)]
    script = Script({grey: [line("LISBOA", 0.3 + k / 10, confidence=sure[k])] for k, grey in enumerate((10, 50, 90))})
    [sign] = follow(script, (0, 10), (1, 50), (2, 90))
    assert sign.frame_s == sign.read_s == frame_s
    np.testing.assert_array_equal(sign.box, box(0.3 + surest / 10, 0.4))


def test_frames_that_do_not_change_are_not_read_twice():
    script = Script({10: [line("LISBOA")]})
    tracker = Tracker(script)
    [sign] = tracker.follow([Frame(float(k), picture(10)) for k in range(30)])
    assert script.calls == tracker.frames_read == 1 and tracker.frames_seen == 30
    assert (sign.moments[0].start_s, sign.moments[0].end_s) == (0, 29)


def test_a_slow_change_is_noticed():
    script = Script({})
    follow(script, *((k, 10 + k) for k in range(40)))
    assert 4 <= script.calls <= 8


def test_a_change_in_one_corner_is_noticed():
    before, now = picture(100), picture(100)
    now[:12, :20] = 200
    assert has_changed(thumbnail(before), thumbnail(now))
    assert not has_changed(thumbnail(before), thumbnail(before))


def test_out_of_sight_begins_a_new_moment():
    script = Script({10: [line("LISBOA")], 50: []})
    [sign] = follow(script, (0, 10), (1, 50), (9, 10))
    assert [(m.start_s, m.end_s) for m in sign.moments] == [(0, 0), (9, 9)]


def test_different_texts_and_far_boxes_are_different_signs():
    script = Script({10: [line("LISBOA"), line("PORTO", y=0.7)], 50: [line("LISBON", x=0.85)]})
    assert sorted(sign.text for sign in follow(script, (0, 10), (1, 50))) == ["LISBOA", "LISBON", "PORTO"]


def test_the_crop_is_a_small_jpeg():
    [sign] = follow(Script({10: [line("LISBOA")]}), (0, 10))
    assert sign.crop[:2] == b"\xff\xd8" and len(sign.crop) < 5000


def test_no_frames_no_signs():
    assert Tracker(Script({})).follow([]) == ()
