"""The run-time check of types and shapes that every test runs under (pyproject.toml: --jaxtyping-packages)."""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

at_once = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""beartype, with an int accepted where a float is asked for."""


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, made at the first call: of all that is imported, the tests of one process call little."""
    made: list[Callable[..., Any]] = []

    def check(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(at_once(function))
        return made[0](*args, **kwargs)

    return check
