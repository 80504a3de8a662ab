"""What tests share: small media, a locator without models, and one thread for each of several processes.

Nothing heavy is imported here at the top: the process that only hands tests to the others reads this file too.
"""

import gc
import importlib.util
import os
from pathlib import Path

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Processes that share the cores compute in one thread each, as does what they start."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What tests import stays, so no garbage is looked for in it, neither while it is read nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def one_thread():
    """Torch computes in one thread: the order of its sums, and so the last bit, is always the same."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fake_locator(monkeypatch):
    from fake_hearing import FakeHearing

    from lookhear.prediction.locator import Locator

    locator = Locator(FakeHearing())
    monkeypatch.setattr(Locator, "offline", classmethod(lambda cls, progress=None: locator))
    return locator


@pytest.fixture(scope="session")
def media():
    """The media generators of `data/media.py`; pytest's importlib mode knows no sibling modules."""
    spec = importlib.util.spec_from_file_location("media_for_tests", Path(__file__).parent / "data" / "media.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
