"""Evidence in, a probability density on the sphere out, and the whole chain from a clip to it."""

from typing import Any

__all__ = ["Locator", "Result"]


def __getattr__(name: str) -> Any:
    """`Locator` and `Result`, imported when asked for, so that a command line's help need not wait for torch."""
    if name == "Locator":
        from lookhear.prediction.locator import Locator

        return Locator
    if name == "Result":
        from lookhear.prediction.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
