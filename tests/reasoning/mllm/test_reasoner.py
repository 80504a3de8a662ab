from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from tiny_llava import PARIS, brief, feature_llava, found, sight, transformers, vision_llava
from tiny_qwen import qwen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def small():
    transformers()
    from lookhear.reasoning.mllm.prompt import SHORT
    from lookhear.reasoning.mllm.reasoner import Reasoner

    return Reasoner(*feature_llava(), SHORT, "tiny", longest=12)


def pixels(seed=0):
    from lookhear.reasoning.mllm.soft_tokens import pixels_of

    return pixels_of("sight", sight(seed))


def test_random_model_is_replaced_by_rules_and_says_so(small):
    explained = small.explain(brief(), [pixels()])
    assert explained.state == "replaced" and "rules, because" in explained.trace.made_by
    assert explained.trace.answer == PARIS and explained.psi.shape == (32,)


def test_the_same_every_time_alone_or_in_a_batch(small):
    cases = [(brief(), [pixels()]), (brief([found(1, "sound", "a much longer label")]), [pixels(1)])]
    alone = [small.explain(*case) for case in cases]
    together = list(small.explain_all(cases, batch=2))
    assert [one.reply for one in alone] == [one.reply for one in together]
    for one, two in zip(alone, together, strict=True):
        assert np.allclose(one.psi, two.psi, atol=1e-4)


def test_sampling_is_another_reply_and_the_same_every_time(small):
    warm = replace(small, temperature=2.0)
    first, again = (warm.explain(brief(), [pixels()]) for _ in range(2))
    assert first.reply == again.reply != small.explain(brief(), [pixels()]).reply
    torch.manual_seed(5)
    other = warm.explain(replace(brief(), clip_id="clip 1"), [pixels()])
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert other.reply != first.reply and drawn == torch.rand(1), "a clip of another name, and nobody else's draws"


def test_features_change_psi(small):
    first, second = (small.explain(brief(), [pixels(seed)]).psi for seed in (0, 1))
    assert not np.allclose(first, second, atol=1e-3)


def replies(reasoner, *texts):
    states = iter((text, np.full(32, float(k), np.float32)) for k, text in enumerate(texts))

    def write(prompts, images, longest, **how):
        pairs = [next(states) for _ in prompts]
        return [text for text, _ in pairs], np.stack([psi for _, psi in pairs])

    return patch.object(type(reasoner), "_write", staticmethod(write))


def test_a_whole_reply_stays(small):
    with replies(small, "Found siren. [e1, e7]\nCountry: France (41%).\n<answer>48.86, 2.35</answer>"):
        explained = small.explain(brief(), [])
    assert explained.state == "written" and explained.trace.made_by == "tiny"
    assert [claim.step for claim in explained.trace.claims] == ["heard", "country"]
    assert explained.trace.claims[0].cites == ("e1",)
    assert explained.trace.claims[1].place == "France" and explained.trace.claims[1].probability == 0.41


@pytest.mark.parametrize("reply", ["", "Country: France.", "France <answer>somewhere</answer>", "noise " * 5000])
def test_an_answer_is_asked_for_once(small, reply):
    with replies(small, reply, " 48.86, 2.35</answer>"):
        explained = small.explain(brief(), [])
    assert explained.state == "repaired" and explained.trace.answer == PARIS
    assert explained.trace.made_by == "tiny, repaired" and explained.psi[0] == 1.0
    assert len(explained.trace.claims) <= 30


def test_psi_is_the_state_of_the_last_token():
    transformers()
    from lookhear.reasoning.mllm.psi import PsiTap

    model, processor = feature_llava()
    inputs = processor(text=["a b", "a longer text"], padding=True, return_tensors="pt")
    with PsiTap(model).listening() as tap, torch.no_grad():
        out = model.generate(**inputs, max_new_tokens=5, min_new_tokens=5, do_sample=False)
        psi = tap.take([5, 3])
    mask = torch.cat([inputs["attention_mask"], torch.ones(2, 5, dtype=torch.long)], 1)
    with torch.no_grad():
        states = model.model(input_ids=out, attention_mask=mask).last_hidden_state
    before = inputs["input_ids"].shape[1]
    assert np.allclose(psi[0], states[0, before + 3], atol=1e-4)
    assert np.allclose(psi[1], states[1, before + 1], atol=1e-4)


def test_psi_of_other_completions_is_refused():
    transformers()
    from lookhear.reasoning.mllm.psi import PsiTap

    model, _ = feature_llava()
    with PsiTap(model).listening() as tap, pytest.raises(ValueError, match="ψ was heard for 0 tokens"):
        tap.take([3])


@pytest.mark.parametrize("make", [vision_llava, qwen])
def test_a_model_from_a_folder(make, tmp_path):
    transformers()
    make(tmp_path)
    from PIL import Image

    from lookhear.reasoning.mllm.llava import load_llava
    from lookhear.reasoning.mllm.prompt import Wording
    from lookhear.reasoning.mllm.reasoner import Reasoner

    model, processor = load_llava(str(tmp_path), precision="fp32")
    reasoner = Reasoner(model, processor, Wording(), "tiny", 6)
    red, blue = ([Image.new("RGB", (20, 24), colour)] * 2 for colour in ((250, 90, 20), (10, 90, 250)))
    explained = list(reasoner.explain_all([(brief(), red), (brief([found(1, "sound", "a longer label")]), blue)]))
    assert [one.state for one in explained] == ["replaced"] * 2
    assert np.allclose(explained[0].psi, reasoner.explain(brief(), red).psi, atol=1e-4)
    assert not np.allclose(explained[0].psi, reasoner.explain(brief(), blue).psi, atol=1e-3)


def test_no_such_model(tmp_path):
    transformers()
    from lookhear.reasoning.mllm.llava import load_llava

    with pytest.raises(OSError, match="hf download"):
        load_llava(str(tmp_path))
