"""The run-time check of types and shapes that every test runs under (pyproject.toml: --jaxtyping-packages)."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""beartype, with an int accepted where a float is asked for."""
