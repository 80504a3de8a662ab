"""What every reward gives for what a model may write instead of an answer."""

import math

import numpy as np
import pytest

from lookhear.reasoning.rewards import REWARDS, load_reward

NOISE_TOKENS = 5000


def noise(seed=0):
    """Tokens of all kinds: names, tags, brackets, digits, other scripts."""
    some = "Paris France in <answer> </answer> [e1, e9] [ < 48.86, -200 ° ′ 海 نهر \u202e \ud7ff \n siren not km >"
    return " ".join(np.random.default_rng(seed).choice(some.split(" "), NOISE_TOKENS))


UNREADABLE = {
    "empty": "",
    "blank": " \n\t\u200b",
    "outside the range": "Near Paris in France. <answer>95.0, 2.35</answer>",
    "longitude outside the range": "Near Paris in France. <answer>48.86, 200</answer>",
    "words in another script": "Near Paris in France. <answer>四十八, 二</answer>",
    "a name": "Near Paris in France. <answer>Paris</answer>",
    "cut off": "Near Paris in France. <answer>48.86, 2.3",
    "taken back": "Near Paris in France. <answer>48.86, 2.35</answer> <answer>unknown</answer>",
    "noise": noise(),
}

READABLE = {
    "degrees and minutes": "48°51′36″N 2°21′E",
    "other digits": "٤٨٫٨٦، ٢٫٣٥",
    "full width": "４８．８６，２．３５",
    "letters first": "N 48.86, E 2.35",
    "decimal commas": "48,86; 2,35",
}


def columns(count):
    found = [{"id": "e1", "kind": "sound", "label": "siren"}]
    return {"lat_deg": [48.86] * count, "lon_deg": [2.35] * count, "evidence": [found] * count}


def judged(name, texts):
    return load_reward(name)(completions=texts, **columns(len(texts)))


@pytest.mark.parametrize("name", REWARDS)
def test_what_cannot_be_read_earns_nothing_and_breaks_nothing(name):
    values = judged(name, list(UNREADABLE.values()))
    assert all(math.isfinite(value) and -1 <= value <= 1 for value in values)
    if name != "grounding":  # it judges what is cited, whatever the answer
        assert max(values) <= 0.0


@pytest.mark.parametrize("name", ["distance", "s2_ladder", "consistency", "calibration", "answer_format"])
def test_other_notations_earn_what_decimal_degrees_do(name):
    texts = [f"Near Paris in France. <answer>{raw}</answer>" for raw in READABLE.values()]
    assert judged(name, texts) == pytest.approx([1.0] * len(texts), abs=0.01)


def test_of_two_answers_the_last_is_judged_and_the_form_is_broken():
    two = "Near Paris in France. <answer>-33.9, 151.2</answer>\n<answer>48.86, 2.35</answer>"
    assert judged("distance", [two]) == [1.0] and judged("consistency", [two]) == [1.0]
    assert judged("answer_format", [two]) == [0.0]


@pytest.mark.parametrize("name", REWARDS)
def test_a_group_of_noise_earns_what_one_does(name):
    texts = [noise(seed) for seed in range(4)]
    assert judged(name, texts) == [judged(name, [text])[0] for text in texts]
