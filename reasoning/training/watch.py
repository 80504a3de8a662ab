"""What rewards say in each call: kept for the metrics, and written as a page of sampled traces a step.

    samples/step-000012.md   the prompts, and under each the completions, best first, with the parts of their rewards

It stands around the rewards and sees what they are given, so that nothing is asked twice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lookhear.reasoning.answer import parse_answer
from lookhear.reasoning.rewards.rows import Completion, Reward, texts_of

SHOWN = 2
"""Prompts on a page."""


@dataclass
class Sampled:
    """One call's completions and what each reward said of them."""

    prompts: list[str]
    """The text of each prompt."""
    texts: list[str]
    """The completions."""
    rewards: dict[str, list[float | None]] = field(default_factory=dict)
    """By the reward's name."""


@dataclass
class Watch:
    """Watches rewards."""

    sampled: Sampled | None = None
    """The last call."""
    seconds: float = 0.0
    """What all rewards took since the last line of metrics."""
    texts: int = 0
    """Completions since then, and…"""
    parsed: int = 0
    """…those whose answer can be read."""

    def over(self, reward: Reward) -> Watched:
        """The same reward, watched."""
        return Watched(reward, self)

    def saw(self, name: str, completions: Sequence[Completion], prompts: Any, values: list[float | None]) -> None:
        """Remember what a reward said."""
        texts = texts_of(completions)
        if self.sampled is None or name in self.sampled.rewards or self.sampled.texts != texts:
            self.sampled = Sampled(list(map(prompt_text, prompts or [""] * len(texts))), texts)
            self.texts += len(texts)
            self.parsed += sum(parse_answer(text) is not None for text in texts)
        self.sampled.rewards[name] = values

    def metrics(self) -> dict[str, float]:
        """Numbers since the last call."""
        if not self.texts:
            return {}
        found = {"parse_rate": self.parsed / self.texts, "reward_seconds": round(self.seconds, 3)}
        self.seconds, self.texts, self.parsed = 0.0, 0, 0
        return found


@dataclass
class Watched:
    """A reward that is watched; what it says is passed on."""

    reward: Reward
    """The reward."""
    watch: Watch
    """Who watches."""

    @property
    def __name__(self) -> str:
        """The reward's own name."""
        return str(getattr(self.reward, "__name__", type(self.reward).__name__))

    def __call__(self, completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        """What the reward says."""
        began = time.perf_counter()
        values = self.reward(completions=completions, **columns)
        self.watch.seconds += time.perf_counter() - began
        self.watch.saw(self.__name__, completions, columns.get("prompts"), values)
        return values


def page(sampled: Sampled, step: int) -> str:
    """Prompts with their completions, best first."""
    parts = [f"# Step {step}"]
    for prompt in list(dict.fromkeys(sampled.prompts))[:SHOWN]:
        parts.append(f"## Prompt\n\n{_quoted(prompt)}")
        mine = [k for k, one in enumerate(sampled.prompts) if one == prompt]
        for k in sorted(mine, key=lambda k: -_total(sampled.rewards, k)):
            said = ", ".join(f"{name} {_shown(values[k])}" for name, values in sampled.rewards.items())
            parts.append(f"### {_total(sampled.rewards, k):.3f}\n\n{_quoted(sampled.texts[k])}\n\n{said}")
    return "\n\n".join(parts) + "\n"


def prompt_text(prompt: Any) -> str:
    """The words of a prompt, which may be a conversation."""
    if isinstance(prompt, str):
        return prompt
    contents = [message.get("content") or "" for message in prompt]
    return "\n".join(one if isinstance(one, str) else "".join(map(_part_text, one)) for one in contents)


def _part_text(part: Mapping[str, Any]) -> str:
    return str(part.get("text") or "") if part.get("type") == "text" else "[image]\n"


def _total(rewards: Mapping[str, Sequence[float | None]], row: int) -> float:
    return sum(values[row] or 0.0 for values in rewards.values())


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _quoted(text: str) -> str:
    """Indented, so that nothing in it is markup."""
    return "\n".join(f"    {line}" for line in text.splitlines() or [""])
