import numpy as np
import pytest

from lookhear.perception.listen import LIVELY_DB, _join, confidence, detect, liveliness, windows_of

RATE = 48_000
TIME = np.arange(3 * RATE) / RATE


def noise(seed=0):
    return np.random.default_rng(seed).normal(size=3 * RATE)


def pink():
    spectrum = np.fft.rfft(noise()) / np.sqrt(np.arange(3 * RATE // 2 + 1) + 1)
    return np.fft.irfft(spectrum) * 30


STEADY = {
    "white noise": noise() * 0.1,
    "quiet noise": noise() * 1e-4,
    "pink noise": pink(),
    "tone": 0.3 * np.sin(2 * np.pi * 440 * TIME),
    "high tone": 0.3 * np.sin(2 * np.pi * 7000 * TIME),
    "hum": sum(0.1 * np.sin(2 * np.pi * 50 * k * TIME) for k in (1, 2, 3, 5)),
    "silence": np.zeros(3 * RATE),
}
CHIRP = 0.1 * np.sin(2 * np.pi * (3000 * TIME + 500 * np.sin(2 * np.pi * 4 * TIME))) * (TIME % 1 < 0.3)


@pytest.mark.parametrize("name", STEADY)
def test_steady_sounds_are_not_lively(name):
    assert liveliness(STEADY[name][None].astype(np.float32))[0] < LIVELY_DB


@pytest.mark.parametrize("background", ["white noise", "pink noise", "hum", "silence"])
def test_something_that_comes_and_goes_is_lively(background):
    sound = CHIRP + 0.2 * STEADY[background]
    assert liveliness(sound[None].astype(np.float32))[0] > LIVELY_DB + 2


@pytest.mark.parametrize("seconds", [0.2, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("hertz", [440, 800, 2000])
def test_a_short_tone_is_not_lively_because_it_ends(seconds, hertz):
    sound = 0.3 * np.sin(2 * np.pi * hertz * TIME) * (seconds > TIME)
    assert liveliness(sound[None].astype(np.float32))[0] < LIVELY_DB


def run(scores, lively=None):
    """scores: {label: {window: score}}"""
    rows = [(w, label, s) for label, windows in scores.items() for w, s in windows.items()]
    window, label, score = (np.array(column) for column in zip(*sorted(rows), strict=True))
    return detect(window, label, score, np.ones(20, dtype=bool) if lively is None else lively)


def test_a_high_score_or_two_windows_are_believed():
    found, doubtful = run({1: {0: 0.6}, 2: {3: 0.3, 9: 0.2}, 3: {5: 0.45}, 4: {1: 0.2, 2: 0.2, 3: 0.2}, 5: {7: 0.12}})
    assert [d.label for d in found] == [1, 2]
    assert doubtful == 3


def test_steady_windows_do_not_count():
    lively = np.ones(20, dtype=bool)
    lively[[0, 1]] = False
    found, doubtful = run({1: {0: 0.9, 1: 0.9}, 2: {1: 0.9, 5: 0.6}}, lively)
    assert [d.label for d in found] == [2] and doubtful == 1
    assert [(m.start_s, m.end_s) for m in found[0].moments] == [(7.5, 10.5)]


def test_overlapping_windows_are_one_moment():
    moments = _join(np.array([0, 1, 2, 8]), np.array([0.3, 0.7, 0.2, 0.9]))
    assert [(m.start_s, m.end_s, m.score) for m in moments] == [(0.0, 6.0, 0.7), (12.0, 15.0, 0.9)]


def test_confidence_grows_with_support_and_never_reaches_one():
    assert confidence(np.array([0.5])) < confidence(np.array([0.5, 0.5])) < confidence(np.full(50, 0.99)) < 1
    assert confidence(np.array([0.64])) == pytest.approx(1 - np.sqrt(0.36), abs=1e-4)


@pytest.mark.parametrize(
    "length_s, starts",
    [(0.2, [0]), (1.5, [0]), (3.0, [0]), (3.1, [0]), (4.0, [0, 1.5]), (10.0, [0, 1.5, 3, 4.5, 6, 7.5])],
)
def test_windows_cover_the_sound(length_s, starts):
    sound = np.arange(round(length_s * RATE), dtype=np.float32) + 1
    blocks = (sound[k : k + 72_000] for k in range(0, len(sound), 72_000))
    windows = list(windows_of(blocks))
    assert [window[0] - 1 for window in windows] == [start * RATE for start in starts]
    assert all(window.shape == (144_000,) and window.dtype == np.float32 for window in windows)
    assert max(window.max() for window in windows) >= len(sound) - 14_400


def test_no_sound_has_no_windows():
    assert list(windows_of(iter([]))) == []
