"""The whole chain with the real weights."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from lookhear.data.geo import GeoPoint
from lookhear.prediction import Locator, Result

pytestmark = pytest.mark.models
RECORDING = Path(__file__).parents[2] / "docs" / "powdermill.ogg"
POWDERMILL = GeoPoint(40.16, -79.27)
TIME = np.arange(12 * 48_000) / 48_000
NOISE = np.random.default_rng(0).normal(size=len(TIME))


@pytest.fixture(scope="module")
def locator():
    return Locator.offline()


def test_the_example_is_found_from_sound_alone(locator):
    result = locator.locate(RECORDING)
    assert result.best.distance_km(POWDERMILL) <= 500
    assert result.density.region(0.9).holds(POWDERMILL) and result.density.credibility(POWDERMILL) <= 0.9
    assert result.outlook.scale == "country" and result.outlook.said.name == "United States"
    assert {"e1", "e2"} <= {cite for claim in result.trace.claims for cite in claim.cites}


def test_a_date_narrows_the_season(locator):
    spring, winter = locator.locate(RECORDING, week=20), locator.locate(RECORDING, week=2)
    assert spring.density.region(0.9).holds(POWDERMILL)
    assert spring.density.log_density(POWDERMILL.unit[None]) > winter.density.log_density(POWDERMILL.unit[None]) + 1


def test_the_record_gives_the_same_answer_again(locator):
    first, second = (locator.locate(RECORDING).to_json() for _ in range(2))
    for record in (first, second):
        record["run"].pop("time")
    assert json.dumps(first) == json.dumps(second)
    assert Result.from_json(json.loads(json.dumps(first))).to_json() == first


@pytest.mark.parametrize(
    "name, sound",
    {
        "white noise": 0.1 * NOISE,
        "tone": 0.3 * np.sin(2 * np.pi * 440 * TIME),
        "silence": np.zeros(len(TIME)),
        "hum": sum(0.1 * np.sin(2 * np.pi * 50 * k * TIME) for k in (1, 2, 3, 5)),
        "beeps": 0.3 * np.sin(2 * np.pi * 1000 * TIME) * (TIME % 1 < 0.3),
        "waves of noise": 0.1 * NOISE * (1 + np.sin(2 * np.pi * 0.3 * TIME)),
    }.items(),
)
def test_false_alarms_lead_to_cannot_say(locator, tmp_path, name, sound):
    path = tmp_path / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    result = locator.locate(path)
    assert result.best is None and "Cannot say" in result.outlook.headline
