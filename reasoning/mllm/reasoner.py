"""A brief and pictures in, a trace and ψ out: a language model explains, greedily and so the same every time.

A reply whose answer cannot be read is repaired once: the model is made to end with an answer. If that cannot be read
either, the trace is made by rule, and says so. ψ always belongs to the trace that is given.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from lookhear.reasoning.mllm.brief import Brief
from lookhear.reasoning.mllm.prompt import Wording, messages
from lookhear.reasoning.mllm.psi import PsiTap
from lookhear.reasoning.mllm.reply import read_reply
from lookhear.reasoning.rules import write_trace
from lookhear.reasoning.trace import Trace

ANSWER_TOKENS = 24
"""Tokens of an answer that is asked for once more."""

State = Literal["written", "repaired", "replaced"]
"""As the model wrote it; with an answer it was made to give; made by rule in its place."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What the model made of one clip."""

    trace: Trace
    """The trace; its `made_by` says if it was repaired or replaced."""
    psi: Float[ndarray, " size"]
    """The last hidden state at the answer's last token."""
    reply: str
    """What the model wrote at first."""
    state: State
    """What became of that."""


Case = tuple[Brief, Sequence[Any]]
"""A brief, and the clip's frames or features as the processor takes them."""


@dataclass
class Reasoner:
    """A language model that explains.

    Example:
        >>> explained = Reasoner(model, processor, SHORT, "SmolLM2-135M").explain(brief, pixels)    # doctest: +SKIP
    """

    model: Any
    """A LLaVA-style model."""
    processor: Any
    """Its processor."""
    wording: Wording
    """How it is told of a clip; the same as it was trained with."""
    name: str
    """What traces say they were made by."""
    longest: int = 200
    """Tokens of a reply."""
    temperature: float = 0.0
    """Of sampling, the same every time for clips of the same names; 0: greedily."""

    def explain(self, brief: Brief, images: Sequence[Any]) -> Explained:
        """The trace and ψ of one clip."""
        return next(self.explain_all([(brief, images)]))

    def explain_all(self, cases: Sequence[Case], batch: int = 8) -> Iterator[Explained]:
        """Those of many, in order."""
        for start in range(0, len(cases), batch):
            some = cases[start : start + batch]
            prompts, names = [self._prompt(*case) for case in some], [brief.clip_id for brief, _ in some]
            with self._sampling(names) as how:
                replies, psi = self._write(prompts, [images for _, images in some], self.longest, **how)
            for case, prompt, reply, state in zip(some, prompts, replies, psi, strict=True):
                yield self._explained(case, prompt, reply, state)

    @contextmanager
    def _sampling(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """How to sample for clips of these names; what others draw does not change."""
        if not self.temperature:
            yield {}
            return
        with torch.random.fork_rng():
            torch.manual_seed(zlib.crc32("\n".join(names).encode()))
            yield {"do_sample": True, "temperature": self.temperature, "top_k": 0, "top_p": 1.0}

    def _explained(self, case: Case, prompt: str, reply: str, psi: Float[ndarray, " size"]) -> Explained:
        brief, images = case
        trace = read_reply(reply, brief.evidence, self.name)
        if trace is not None:
            return Explained(trace, psi, reply, "written")
        begun = reply.partition("<answer")[0].rstrip()[:2000] + "\n<answer>"
        (rest,), (psi,) = self._write([prompt + begun], [images], ANSWER_TOKENS)
        trace = read_reply(begun + rest, brief.evidence, f"{self.name}, repaired")
        if trace is not None:
            return Explained(trace, psi, reply, "repaired")
        by_rule = write_trace(brief.evidence, brief.outlook)
        trace = replace(by_rule, made_by=f"rules, because the reply of {self.name} could not be read")
        return Explained(trace, self._state_after(prompt + trace.text, images), reply, "replaced")

    def _prompt(self, brief: Brief, images: Sequence[Any]) -> str:
        chat = messages(brief, len(images), self.wording)
        return str(self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))

    @torch.no_grad()
    def _write(
        self, prompts: Sequence[str], images: Sequence[Sequence[Any]], longest: int, **how: Any
    ) -> tuple[list[str], Float[ndarray, "n size"]]:
        """What the model writes after prompts, greedily if it is not told otherwise, and ψ of each."""
        inputs = self._inputs(prompts, images)
        end = self.model.generation_config.eos_token_id
        with PsiTap(self.model).listening() as tap:
            whole = self.model.generate(
                **{**inputs, "do_sample": False, **how},
                max_new_tokens=longest,
                pad_token_id=self._tokenizer.pad_token_id,
            )
            written = whole[:, inputs["input_ids"].shape[1] :].tolist()
            ends = set(end if isinstance(end, list) else [end])
            written = [_until(tokens, ends) for tokens in written]
            psi = tap.take([len(tokens) for tokens in written])
        texts = self._tokenizer.batch_decode(written, skip_special_tokens=True)
        return [text.strip() for text in texts], psi

    @torch.no_grad()
    def _state_after(self, text: str, images: Sequence[Any]) -> Float[ndarray, " size"]:
        """The last hidden state at the last token of a text."""
        with PsiTap(self.model).listening() as tap:
            self.model(**self._inputs([text], [images]), logits_to_keep=1)
            return np.asarray(tap.take([1])[0])

    def _inputs(self, texts: Sequence[str], images: Sequence[Sequence[Any]]) -> Any:
        shown = [list(some) for some in images] if any(len(some) for some in images) else None
        inputs = self.processor(images=shown, text=list(texts), padding=True, return_tensors="pt", padding_side="left")
        return inputs.to(self.model.device)

    @property
    def _tokenizer(self) -> Any:
        return self.processor.tokenizer


def _until(tokens: list[int], ends: set[int]) -> list[int]:
    """The tokens up to the first that ends the text, that one included."""
    last = next((k for k, token in enumerate(tokens) if token in ends), len(tokens) - 1)
    return tokens[: last + 1]
