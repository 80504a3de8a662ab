import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_world import make_examples
from tiny_llava import brief

from lookhear.data.geo import GeoPoint
from lookhear.reasoning.mllm.backend import BackendConfig
from lookhear.reasoning.mllm.prompt import SHORT
from lookhear.reasoning.mllm.reasoner import Explained
from lookhear.reasoning.mllm.reply import read_reply
from lookhear.scripts.reasoning_answers import (
    Answered,
    Sampled,
    answers_path,
    measure,
    question,
    scores_of,
    told,
    with_interval,
)

ASKED_AS = BackendConfig()


def weights(run, stage, content):
    (run / stage / "adapter").mkdir(parents=True, exist_ok=True)
    (run / stage / "adapter" / "adapter_model.safetensors").write_bytes(content)


def say(run, stage, clips, off_deg):
    """Answers that miss by some degrees of latitude."""
    path = answers_path(run, "test", stage)
    path.parent.mkdir(exist_ok=True)
    lines = []
    for one, told_of in zip(*clips, strict=True):
        point = GeoPoint(one.row.point.lat_deg - np.sign(one.row.point.lat_deg) * off_deg, one.row.point.lon_deg)
        text = f"e1 siren fits. [e1]\n<answer>{point.lat_deg:.2f}, {point.lon_deg:.2f}</answer>"
        asked = question(told_of, ASKED_AS)
        lines.append(Answered(one.row.clip_id, text, "written", point, np.zeros(4, np.float32), asked))
    path.write_text("".join(json.dumps(one.to_json()) + "\n" for one in lines))


@pytest.fixture
def clips():
    examples = make_examples("test", 5)
    return examples, [replace(brief(), clip_id=one.row.clip_id) for one in examples]


def backend():
    return SimpleNamespace(reasoner=lambda temperature: None, wording=None)


def test_models_are_compared_clip_by_clip(clips, tmp_path):
    for stage, off_deg in (("sft", 9.0), ("grpo", 0.0)):
        weights(tmp_path, stage, stage.encode())
        say(tmp_path, stage, clips, off_deg)
    text = measure(tmp_path, "grpo", backend(), tmp_path, *clips, {}, ASKED_AS)
    mine = json.loads((tmp_path / "measured-grpo.json").read_text())
    compared = json.loads((tmp_path / "compared-grpo.json").read_text())
    assert mine["answer <= 25 km"] == [1.0, 1.0, 1.0] and mine["parse rate"] == [1.0, 1.0, 1.0]
    assert compared["sft"]["answer <= 750 km"] == [1.0, 1.0, 1.0] and list(compared) == ["nothing", "sft"]
    assert "less the rules, clip by clip" in text and "less sft, clip by clip" in text and "  +1.000" in text
    measure(tmp_path, "sft", backend(), tmp_path, *clips, {}, ASKED_AS)
    assert list(json.loads((tmp_path / "compared-sft.json").read_text())) == ["nothing"], "only with what came before"


def test_answers_of_other_weights_are_not_taken_for_those_of_these(clips, tmp_path):
    weights(tmp_path, "sft", b"first")
    say(tmp_path, "sft", clips, 0.0)
    assert told(tmp_path, "sft", clips[1], ASKED_AS) is not None and told(tmp_path, "grpo", clips[1], ASKED_AS) is None
    assert told(tmp_path, "sft", clips[1], BackendConfig(features=("sight",))) is None, "nor those of other soft tokens"
    other = [replace(one, record="heard anew") for one in clips[1]]
    assert told(tmp_path, "sft", other, ASKED_AS) is None, "nor those to other briefs"
    weights(tmp_path, "sft", b"second")
    assert told(tmp_path, "sft", clips[1], ASKED_AS) is None


def test_sampled_traces_are_kept_apart_from_those_written_greedily(clips, tmp_path):
    examples, sampled = clips[0], Sampled(3, 0.7)
    weights(tmp_path, "sft", b"weights")
    say(tmp_path, "sft", clips, 0.0)
    asked = []

    def explain_all(cases, batch):
        asked.extend(brief.clip_id for brief, _ in cases)
        said = read_reply("<answer>1.00, 2.00</answer>", [], "tiny")
        yield from (Explained(said, np.zeros(4, np.float32), "<answer>1.00, 2.00</answer>", "written") for _ in cases)

    model = SimpleNamespace(explain_all=explain_all)
    sampler = SimpleNamespace(reasoner=lambda temperature: model, wording=SHORT, images=lambda *_: [])
    text = measure(tmp_path, "sft", sampler, tmp_path, *clips, {}, ASKED_AS, sampled)
    assert sorted(asked) == sorted(f"{one.row.clip_id} {k}" for one in examples for k in range(3))
    assert "15 sampled traces" in text and (tmp_path / "measured-sft-sampled.json").exists()
    assert answers_path(tmp_path, "test", "sft", 0.7).name.endswith("-sampled-0.7.jsonl")
    measure(tmp_path, "sft", backend(), tmp_path, *clips, {}, ASKED_AS)
    assert json.loads((tmp_path / "measured-sft.json").read_text())["answer <= 25 km"] == [1.0, 1.0, 1.0]


def test_an_answer_that_is_not_there_is_a_miss_and_unknown_can_be_read(clips):
    examples, briefs = clips
    answers = [Answered(one.row.clip_id, "<answer>unknown</answer>", "written", None, None) for one in examples]
    scores = scores_of(answers, examples, briefs)
    assert scores["parse rate"].tolist() == [1.0] * 5 and scores["answer <= 2500 km"].tolist() == [0.0] * 5
    assert scores["distance"].max() == 0.0
    places = np.array([one.row.location_id for one in examples])
    assert with_interval(scores["distance"], places) == (0.0, 0.0, 0.0)
