import numpy as np
import pytest
import torch

from lookhear.data.geo import GeoPoint
from lookhear.prediction.psi_flow import PsiFlow, PsiRows, train_psi_flow
from lookhear.prediction.training.config import TrainConfig

pytest.importorskip("accelerate")

pytestmark = pytest.mark.slow

NORTH, SOUTH = GeoPoint(60.0, 10.0), GeoPoint(-30.0, 140.0)


def rows(count, seed):
    draw = np.random.default_rng(seed)
    north = np.arange(count) % 2 == 0
    units = np.where(north[:, None], NORTH.unit, SOUTH.unit) + draw.normal(0, 0.02, (count, 3))
    psi = np.stack([np.where(north, 1.0, -1.0), draw.normal(size=count)], 1).astype(np.float32)
    return PsiRows(psi, units / np.linalg.norm(units, axis=1, keepdims=True), tuple(map(str, range(count))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    config = TrainConfig(steps=300, batch=64, lr=1e-2, warmup_steps=5, validate_every=30, ema_decay=0.9, device="cpu")
    yield train_psi_flow(rows(64, 0), rows(32, 1), config, tmp_path_factory.mktemp("flow"), "two places", hidden=16)
    torch.set_num_threads(threads)


def test_psi_tells_the_places_apart(folder):
    flow = PsiFlow.load(folder)
    psi = np.array([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
    right, wrong, wrong_too, right_too = flow(psi, np.stack([NORTH.unit, SOUTH.unit] * 2))
    assert right > wrong + 1 and right_too > wrong_too + 1


def test_a_row_does_not_depend_on_its_neighbours_and_weights_stay(folder):
    flow = PsiFlow.load(folder)
    some = rows(6, 2)
    whole = flow(some.psi, some.units)
    assert np.allclose([flow(some.psi[k : k + 1], some.units[k : k + 1])[0] for k in range(6)], whole, atol=1e-3)
    assert not any(parameter.requires_grad for parameter in flow.net.parameters())


def test_one_clips_density_is_the_same_density(folder):
    flow = PsiFlow.load(folder)
    psi = np.array([1.0, 0.3], dtype=np.float32)
    density = flow.density(psi)
    assert density.log_density(NORTH.unit[None])[0] == pytest.approx(flow(psi[None], NORTH.unit[None])[0], abs=1e-3)
