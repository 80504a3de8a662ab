from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def media() -> ModuleType:
    """The media generators beside this file; pytest's importlib mode knows no sibling modules."""
    spec = importlib.util.spec_from_file_location("media_for_tests", Path(__file__).with_name("media.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
