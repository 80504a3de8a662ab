"""A prompt that several traces share is read once, where TRL would read it for each of them.

The traces of a group begin with one prompt, which is most of what there is to read: some 250 tokens before 50 for the
offline model, 2,400 before 120 for LLaVA-1.5. Here it goes through the model once, and each trace attends to its keys
and values: while traces are sampled, and while their tokens are scored for the policy (gradients flow back into the one
prompt) and for the reference. What comes out is the same but for rounding.

In: a model with TRL's head. Out: nothing; its forward pass has changed. Where nothing is shared, where activations are
computed twice (a cache cannot be kept then), and for models other than LLaVA, whose pictures are told apart in other
ways, the forward pass is what it was. It is not for weights that are spread over processes (FSDP, ZeRO): all of them
must go through the layers equally often, but one may share where another does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lookhear.reasoning.training.scored import IGNORED, scored

ROWS = ("input_ids", "attention_mask", "position_ids")
"""What has a row for each trace."""

PICTURES = ("pixel_values", "mm_encoder_outputs")
"""What has one for each picture: pixels, or what `generate` has made of them already."""

SWITCHES = ("use_cache", "return_dict", "logits_to_keep", "fused_lm_head", "labels", "past_key_values")
"""What else a forward pass may be told without being left alone."""


@dataclass(frozen=True)
class Shared:
    """Which rows begin alike."""

    first: list[int]
    """For each prompt the first row that has it."""
    owner: Int[Tensor, " n"]
    """For each row its prompt."""
    pictures: list[Tensor]
    """The pictures of the first rows."""


def share_prompts(model: Any, temperature: float = 1.0) -> None:
    """Let a LLaVA with TRL's head read a prompt once for all traces that begin with it."""
    theirs = model.forward

    @wraps(theirs)
    def forward(*args: Any, **given: Any) -> Any:
        told = {name: value for name, value in given.items() if value is not None}
        width = 0 if args else _prompt_width(model, told)
        shared = shared_prompts(model, told, width) if width else None
        if shared is None:
            return theirs(*args, **given)
        if "labels" in told:
            return _traces_scored(model, told, shared, width, temperature)
        return _prompts_read(model, told, shared)

    model.forward = forward


def _prompt_width(model: Any, told: Mapping[str, Any]) -> int:
    """How many tokens prompts have; 0 where the forward pass is none that can share them."""
    if not _is_understood(model, told):
        return 0
    if _scores(model, told):
        return int((told["labels"] != IGNORED).any(0).int().argmax())  # the first that is scored in any row, if any
    return int(told["input_ids"].shape[1]) if _begins(told) else 0


def _is_understood(model: Any, told: Mapping[str, Any]) -> bool:
    """Whether all that a forward pass is told is known here."""
    from transformers import LlavaForConditionalGeneration

    known = {*ROWS, *PICTURES, *SWITCHES}.issuperset(told) and {"input_ids", "attention_mask"} <= told.keys()
    return known and isinstance(model, LlavaForConditionalGeneration)


def _scores(model: Any, told: Mapping[str, Any]) -> bool:
    """Whether traces are scored, and a cache can be kept meanwhile."""
    if not told.get("fused_lm_head") or "labels" not in told or {"past_key_values", "position_ids"} & told.keys():
        return False
    return not (torch.is_grad_enabled() and model.is_activation_checkpointing)


def _begins(told: Mapping[str, Any]) -> bool:
    """Whether prompts are read before something is sampled."""
    from transformers import DynamicCache

    cache = told.get("past_key_values")
    begins = isinstance(cache, DynamicCache) and cache.get_seq_length() == 0
    return begins and "labels" not in told and told.get("logits_to_keep") == 1 and not torch.is_grad_enabled()


def shared_prompts(model: Any, told: Mapping[str, Any], width: int) -> Shared | None:
    """Which rows have the same first tokens and pictures; None where all differ, or their pictures cannot be told."""
    ids, mask = told["input_ids"][:, :width], told["attention_mask"][:, :width]
    prompts = dict[tuple[int, ...], int]()
    owner = [prompts.setdefault(tuple(row), len(prompts)) for row in torch.cat([ids, mask], dim=1).tolist()]
    if len(prompts) == len(owner):
        return None
    first = [owner.index(k) for k in range(len(prompts))]
    shown = _by_row(_pictures(told), (ids == model.config.image_token_id).sum(1).tolist())
    if shown is None or not all(map(_alike, shown, (shown[first[k]] for k in owner))):
        return None
    return Shared(first, torch.tensor(owner, device=ids.device), [one for k in first for one in shown[k]])


def _pictures(told: Mapping[str, Any]) -> list[Tensor]:
    """All pictures, in order."""
    if "pixel_values" in told:
        return list(told["pixel_values"].split(1))
    seen = told.get("mm_encoder_outputs", {}).get("image")
    return [] if seen is None else list(seen.pooler_output)


def _by_row(pictures: list[Tensor], tokens: list[int]) -> list[list[Tensor]] | None:
    """The pictures of each row, by how many tokens of pictures it has; None where that does not come out even."""
    each, rest = divmod(sum(tokens), max(1, len(pictures)))
    if rest or (each == 0) == bool(pictures) or any(each and count % each for count in tokens):
        return None
    coming = iter(pictures)
    return [[next(coming) for _ in range(count // each if each else 0)] for count in tokens]


def _alike(some: list[Tensor], others: list[Tensor]) -> bool:
    return len(some) == len(others) and all(map(torch.allclose, some, others))


def _read(model: Any, told: Mapping[str, Any], shared: Shared, **more: Any) -> tuple[Float[Tensor, "n 1 size"], Any]:
    """The last state of each row's prompt, and the cache after it, from one pass over the prompts that differ."""
    rows = {name: told[name][shared.first] for name in ROWS if name in told}
    read = model.base_model(**rows, **_shown(told, shared.pictures), **more, use_cache=True)
    read.past_key_values.batch_select_indices(shared.owner)
    return read.last_hidden_state[:, -1:][shared.owner], read.past_key_values


def _shown(told: Mapping[str, Any], pictures: list[Tensor]) -> dict[str, Any]:
    """Pictures as the forward pass was told of them."""
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    if not pictures:
        return {}
    if "pixel_values" in told:
        return {"pixel_values": torch.cat(pictures)}
    return {"mm_encoder_outputs": {"image": BaseModelOutputWithPooling(pooler_output=pictures)}}


def _prompts_read(model: Any, told: Mapping[str, Any], shared: Shared) -> Any:
    """What `generate` is told of prompts: the logits of the next token, and the cache."""
    from transformers.models.llava.modeling_llava import LlavaCausalLMOutputWithPast

    states, cache = _read(model, told, shared, past_key_values=told["past_key_values"])
    return LlavaCausalLMOutputWithPast(logits=model.get_output_embeddings()(states), past_key_values=cache)


def _traces_scored(model: Any, told: Mapping[str, Any], shared: Shared, width: int, temperature: float) -> Any:
    """What TRL's head says of the tokens of traces."""
    prompt = {name: told[name][:, :width] for name in ROWS if name in told}
    states, cache = _read(model, {**told, **prompt}, shared)
    ids, labels = told["input_ids"][:, width:], told["labels"][:, width:]
    if ids.shape[1] > 1:  # the state at the last token tells of none
        rows = {"input_ids": ids[:, :-1], "attention_mask": told["attention_mask"][:, :-1]}
        written = model.base_model(**rows, past_key_values=cache, use_cache=True).last_hidden_state
        states = torch.cat([states, written], dim=1)
    found = scored(model.get_output_embeddings(), states, labels, temperature)
    for name in ("log_probs", "entropy", "is_top1", "label_mask"):
        setattr(found, name, F.pad(getattr(found, name), (width - 1, 0)))
    return found
