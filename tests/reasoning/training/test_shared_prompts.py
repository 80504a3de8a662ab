import multiprocessing

import numpy as np
import pytest
from tiny_llava import feature_llava, sight, transformers, vision_llava

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
]

TEMPERATURE = 0.7


@pytest.fixture(autouse=True)
def _needs_trl():
    transformers()
    pytest.importorskip("trl", exc_type=ImportError)


def llava(make):
    """A model with TRL's head, and two prompts with a picture and three without, of several lengths and rows."""
    from trl.trainer.utils import add_fused_lm_head

    model, processor = make()
    add_fused_lm_head(model, temperature=TEMPERATURE, outputs=("log_probs", "entropy", "is_top1"))
    return model.train(), processor


def picture(make, k):
    from PIL import Image

    from lookhear.reasoning.mllm.soft_tokens import pixels_of

    noise = np.random.default_rng(k).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    return pixels_of("sight", sight(k)) if make is feature_llava else Image.fromarray(noise)


def prompts(make, processor, of=(0, 0, 1, 0, 2, 1)):
    """Prompts by number; the second has two pictures, the third none."""
    texts, pictures = ["siren <image> near", "<image> and a <image>", "rain"], ([0], [1, 2], [])
    texts = [text.replace("<image>", processor.image_token) for text in texts]
    shown = [[picture(make, one) for one in pictures[k]] for k in of]
    return processor(images=shown, text=[texts[k] for k in of], padding=True, return_tensors="pt", padding_side="left")


def traces(make, processor, **more):
    """Those prompts with something written after them, as TRL has them scored."""
    import torch

    told, generator = prompts(make, processor, **more), torch.Generator().manual_seed(0)
    count, width, longest = *told["input_ids"].shape, 7
    written = torch.randint(4, 200, (count, longest), generator=generator)
    there = (torch.arange(longest) < torch.randint(2, longest + 1, (count, 1), generator=generator)).long()
    ids, mask = torch.cat([told["input_ids"], written], 1), torch.cat([told["attention_mask"], there], 1)
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, :width] = -100
    return {**told, "input_ids": ids, "attention_mask": mask, "labels": labels, "fused_lm_head": True}


def gradients(model, found):
    import torch

    model.zero_grad()
    weights = torch.linspace(-1, 1, found.log_probs.numel()).view_as(found.log_probs)
    (found.log_probs * weights).sum().backward()
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def tokens_read(model):
    """Counts the tokens that go through the language model."""
    seen = []
    model.model.language_model.register_forward_pre_hook(
        lambda module, args, given: seen.append(given["inputs_embeds"].shape[:2].numel()), with_kwargs=True
    )
    return seen


@pytest.mark.parametrize("make", [feature_llava, vision_llava])
def test_traces_are_scored_as_trl_scores_them_and_teach_the_same(make):
    import torch

    from lookhear.reasoning.training.shared_prompts import share_prompts

    model, processor = llava(make)
    given, seen = traces(make, processor), tokens_read(model)
    theirs = model(**given)
    wanted = gradients(model, theirs)
    share_prompts(model, TEMPERATURE)
    ours = model(**given)
    width, longest = given["input_ids"].shape[1] - 7, 7
    assert seen == [6 * (width + longest), 3 * width, 6 * (longest - 1)]
    for name in ("loss", "log_probs", "entropy", "is_top1", "label_mask"):
        assert torch.allclose(getattr(ours, name).float(), getattr(theirs, name).float(), atol=1e-5), name
    found = gradients(model, ours)
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        assert (found[name] - one).norm() <= 1e-4 * one.norm() + 1e-7, name


@pytest.mark.parametrize("make", [feature_llava, vision_llava])
def test_the_same_is_sampled_and_the_same_psi_is_heard(make):
    import torch

    from lookhear.reasoning.mllm.psi import PsiTap
    from lookhear.reasoning.training.shared_prompts import share_prompts

    model, processor = llava(make)
    given, seen = prompts(make, processor), tokens_read(model)

    def sampled():
        torch.manual_seed(1)
        with PsiTap(model).listening() as tap:
            whole = model.generate(**given, max_new_tokens=9, do_sample=True, pad_token_id=0, eos_token_id=999)
            return whole, tap.take([9] * 6)

    theirs, psi = sampled()
    before = len(seen)
    share_prompts(model)
    ours, same = sampled()
    assert torch.equal(ours, theirs) and np.allclose(same, psi, atol=1e-5)
    assert (seen[0], seen[before]) == (given["input_ids"].numel(), given["input_ids"].numel() // 2)


def left_alone(change, model, given):
    """Whether a forward pass reads every token of every row."""
    seen = tokens_read(model)
    change(model, given)
    model(**given)
    return seen[0] == given["input_ids"].numel()


def doubled(model, given):
    model.activation_checkpointing_enable()


def other_pictures(model, given):
    given["pixel_values"][0, 0] += 1.0


def nothing_scored(model, given):
    given["labels"][:] = -100


@pytest.mark.parametrize("change", [doubled, other_pictures, nothing_scored])
def test_where_nothing_can_be_shared_the_pass_is_trls(change):
    from lookhear.reasoning.training.shared_prompts import share_prompts

    model, processor = llava(feature_llava)
    share_prompts(model)
    given = traces(feature_llava, processor, of=(0, 0))
    assert left_alone(change, model, given)


def test_prompts_that_differ_are_left_alone_and_those_without_pictures_are_shared():
    from lookhear.reasoning.training.shared_prompts import share_prompts

    model, processor = llava(feature_llava)
    share_prompts(model)
    assert left_alone(lambda *_: None, model, traces(feature_llava, processor, of=(0, 1, 2)))


def learn_in_one_of_two(rank, folder, shares):
    """One process of two: its gradients, which are the mean of both, go into a file."""
    import torch
    from torch import distributed
    from torch.nn.parallel import DistributedDataParallel

    from lookhear.reasoning.training.shared_prompts import share_prompts

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet-{shares}", rank=rank, world_size=2)
    model, processor = llava(feature_llava)
    if shares:
        share_prompts(model, TEMPERATURE)
    both = DistributedDataParallel(model, find_unused_parameters=True)
    given = traces(feature_llava, processor, of=((0, 0, 1, 1), (2, 1, 0, 1))[rank])
    found = gradients(model, both(**given))
    np.savez(folder / f"{shares}-{rank}.npz", **{name: one.numpy() for name, one in found.items()})
    distributed.destroy_process_group()


def test_two_processes_learn_the_same_as_without_sharing(tmp_path):
    fork = multiprocessing.get_context("fork")
    for shares in (False, True):
        pair = [fork.Process(target=learn_in_one_of_two, args=(rank, tmp_path, shares)) for rank in (0, 1)]
        for one in pair:
            one.start()
        for one in pair:
            one.join(120)
        assert [one.exitcode for one in pair] == [0, 0]
    wanted, found = np.load(tmp_path / "False-0.npz"), np.load(tmp_path / "True-0.npz")
    other = np.load(tmp_path / "True-1.npz")
    for name in wanted:
        assert np.linalg.norm(found[name] - wanted[name]) <= 1e-4 * np.linalg.norm(wanted[name]) + 1e-7, name
        assert np.allclose(found[name], other[name]), name
