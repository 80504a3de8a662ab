import json

import numpy as np
import pytest
from tiny_llava import PARIS, brief, feature_llava, found, sight, transformers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(autouse=True)
def _needs_trl():
    transformers()
    pytest.importorskip("trl", exc_type=ImportError)


def lessons(count=4):
    from lookhear.reasoning.mllm.soft_tokens import pixels_of
    from lookhear.reasoning.training.lessons import Lesson

    def one(k):
        return Lesson(brief([found(1, "sound", f"siren {k}")]), PARIS, lambda: [pixels_of("sight", sight(k))])

    return [one(k) for k in range(count)]


def curve(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def sft(folder, steps, save_every=1):
    from lookhear.reasoning.mllm.prompt import SHORT
    from lookhear.reasoning.training.machine import MachineConfig
    from lookhear.reasoning.training.sft import SftConfig, train_sft

    config = SftConfig(steps=steps, batch=2, lr=1e-2, log_every=1, save_every=save_every)
    return train_sft(*feature_llava(), lessons(), config, folder, SHORT, MachineConfig(device="cpu", quiet=True))


def grpo(folder, rewards, steps=2, save_every=1, parts=1):
    from lookhear.reasoning.mllm.prompt import SHORT
    from lookhear.reasoning.mllm.psi import PsiTap
    from lookhear.reasoning.training.grpo import GrpoConfig, train_grpo
    from lookhear.reasoning.training.machine import MachineConfig

    model, processor = feature_llava()
    config = GrpoConfig(steps=steps, group=4, clips=1, parts=parts, longest=8, lr=1e-2, save_every=save_every)
    with PsiTap(model).listening() as tap:
        weighed = [(reward(tap) if isinstance(reward, type) else reward, 1.0) for reward in rewards]
        return train_grpo(model, processor, lessons(), weighed, config, folder, SHORT, MachineConfig(quiet=True))


def length(completions, **columns):
    return [len(one[0]["content"]) / 10 for one in completions]


def test_the_cold_start_learns_and_goes_on(tmp_path):
    adapter = sft(tmp_path, 6)
    losses = [line["loss"] for line in curve(tmp_path) if "loss" in line]
    assert losses[-1] < losses[0] and (adapter / "adapter_model.safetensors").exists()
    (tmp_path / "checkpoint-6" / "trainer_state.json").unlink()  # killed while it was written
    sft(tmp_path, 8)
    before = (adapter / "adapter_model.safetensors").read_bytes()
    (adapter / "adapter_model.safetensors").unlink()  # killed before the adapter was written
    sft(tmp_path, 8)
    assert [line["step"] for line in curve(tmp_path) if "loss" in line] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (adapter / "adapter_model.safetensors").read_bytes() == before and not (adapter / "optimizer.pt").exists()


def test_grpo_logs_samples_and_goes_on(tmp_path):
    from lookhear.reasoning.rewards import load_reward

    rewards = [length, *(load_reward(name) for name in ("answer_format", "distance", "consistency", "grounding"))]
    grpo(tmp_path, rewards, steps=2)
    grpo(tmp_path, rewards, steps=3)
    lines = [line for line in curve(tmp_path) if "reward" in line]
    assert [line["step"] for line in lines] == [1, 2, 3]
    wanted = {"kl", "frac_reward_zero_std", "completions/mean_length", "parse_rate", "rewards/length/mean"}
    assert wanted <= set(lines[-1]) and lines[-1]["parse_rate"] == 0.0
    page = (tmp_path / "samples" / "step-000002.md").read_text()
    assert page.count("###") == 4 and "siren" in page and "length 0." in page


class FromPsi:
    """The calibration reward under a "flow" that reads ψ."""

    __name__ = "calibration"

    def __new__(cls, tap):
        from lookhear.reasoning.rewards.calibration import Calibration
        from lookhear.reasoning.rewards.psi_density import UnderPsi, WithPsi

        def density(psi, truths):
            assert psi.shape == (len(truths), 32) and np.isfinite(psi).all()
            return psi[:, 0].astype(float)

        return WithPsi(Calibration(UnderPsi(density)), tap.take)


def test_calibration_reads_the_completions_own_psi(tmp_path):
    grpo(tmp_path, [FromPsi], steps=2, parts=2)
    assert all(line["rewards/calibration/std"] > 0 for line in curve(tmp_path) if "reward" in line)


def equal(completions, **columns):
    return [1.0] * len(completions)


def broken(completions, **columns):
    raise KeyError("no such column")


def test_a_group_of_equal_rewards_teaches_nothing_and_is_counted(tmp_path):
    grpo(tmp_path, [equal], steps=1)
    assert [line["frac_reward_zero_std"] for line in curve(tmp_path) if "reward" in line] == [1.0]


def test_a_reward_that_always_raises_stops_with_one_sentence(tmp_path):
    from lookhear.reasoning.rewards.guarded import Guarded, RewardError

    with pytest.raises(RewardError, match="broken failed in every row of 3 calls in a row"):
        grpo(tmp_path, [equal, Guarded(broken)], steps=4)
    assert (tmp_path / "checkpoint-2").exists()


def test_image_tokens_are_never_sampled():
    from lookhear.reasoning.training.grpo import image_tokens

    model, processor = feature_llava()
    assert image_tokens(model) == [processor.image_token_id]


class NowAndThen:
    """A reward that fails in every second call, in its own way."""

    def __init__(self, name, fault):
        self.__name__, self.fault, self.calls = name, fault, 0

    def __call__(self, completions, **columns):
        self.calls += 1
        return self.fault(completions) if self.calls % 2 else length(completions)


def test_training_goes_on_with_rewards_that_fail_now_and_then(tmp_path):
    from lookhear.reasoning.rewards.guarded import Guarded

    faults = {
        "nan": lambda completions: [float("nan")] * len(completions),
        "nothing": lambda completions: [None] * len(completions),
        "short": lambda completions: [1.0],
        "raises": broken,
        "words": lambda completions: ["good"] * len(completions),
    }
    grpo(tmp_path, [equal, *(Guarded(NowAndThen(name, fault)) for name, fault in faults.items())], steps=2)
    first, second = [line for line in curve(tmp_path) if "reward" in line]
    for name in faults:
        assert first[f"rewards/{name}/mean"] is None and second[f"rewards/{name}/mean"] > 0
    assert first["reward"] == 1.0 and second["reward"] > 1.0


def test_only_labels_are_scored_and_as_trl_scores_them():
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from lookhear.reasoning.training.scored import IGNORED, score_labels_only

    model, _ = feature_llava()
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy", "is_top1"))
    ids = torch.randint(4, 200, (2, 9), generator=torch.Generator().manual_seed(0))
    labels = torch.where(torch.arange(9) < torch.tensor([[5], [7]]), IGNORED, ids)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels, "fused_lm_head": True}
    theirs = model(**given, num_items_in_batch=3)
    score_labels_only(model, temperature=0.7)
    ours = model(**given, num_items_in_batch=3)
    for name in ("loss", "log_probs", "entropy", "is_top1", "label_mask"):
        assert torch.allclose(getattr(ours, name).float(), getattr(theirs, name).float(), atol=1e-5), name
    assert model(input_ids=ids, labels=ids).loss > 0 and model(input_ids=ids).logits.shape[:2] == (2, 9)
    ours.loss.backward()
    assert model.model.language_model.layers[0].self_attn.q_proj.weight.grad.abs().sum() > 0


def test_batches_hold_lessons_of_about_one_length():
    from lookhear.reasoning.mllm.prompt import SHORT, text_of
    from lookhear.reasoning.training.lessons import Lesson, by_length

    some = [Lesson(brief([found(1, "sound", "s" * (k % 40 + 1))]), PARIS, list) for k in range(42)]
    ordered = by_length(some, SHORT, "supported", 4, seed=0)
    sizes = [len(text_of(one.brief, SHORT)) for one in ordered]
    assert sorted(map(id, ordered)) == sorted(map(id, some)) and sizes != sorted(sizes)
    assert max(max(sizes[k : k + 4]) - min(sizes[k : k + 4]) for k in range(0, 40, 4)) <= 4
    assert by_length(some, SHORT, "supported", 4, seed=0) == ordered != by_length(some, SHORT, "supported", 4, seed=1)
