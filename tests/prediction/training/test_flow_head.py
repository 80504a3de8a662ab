from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lookhear.prediction.flow import FlowConfig
from lookhear.prediction.sphere import distance, random_uniform
from lookhear.prediction.training.bases import PlaceKernels, kappa
from lookhear.prediction.training.features import FeatureSet
from lookhear.prediction.training.flow_head import FlowHead, flow_config, flow_path

Y = random_uniform(50, torch.Generator().manual_seed(0))


def test_validation_is_the_density_that_is_handed_on():
    features = {"x": torch.randn(50, 2, generator=torch.Generator().manual_seed(1)).numpy()}
    features["x"][3] = float("nan")
    whole = FeatureSet.from_arrays(Y.numpy(), features)
    torch.manual_seed(0)
    head = FlowHead(FlowConfig({"x": 2}, hidden=8))
    torch.nn.init.normal_(head.net.leave.weight, std=0.3)
    torch.nn.init.normal_(head.net.joined.missing["x"])
    found = head.log_density(whole.take(torch.tensor([7, 3])))
    for value, row in zip(found, (7, 3), strict=True):
        query = {} if row == 3 else {"x": whole.condition["x"][row : row + 1]}
        alone = head.density(query).log_density(Y[row : row + 1].double().numpy())
        assert float(value) == pytest.approx(float(alone[0]), abs=1e-4)


def test_blurred_places_are_drawn_around_their_own(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "lookhear.prediction.training.flow_head.flow_matching_loss",
        lambda net, y1, *rest: seen.append(y1) or torch.zeros(()),
    )
    kernels = PlaceKernels(Y, torch.full((50, 1), kappa(50.0)), ("50 km",), (1.0,))
    rows = torch.tensor([4, 9, 31])
    for blur in (None, kernels):
        head = FlowHead(FlowConfig(hidden=8), blur=blur)
        head.loss(FeatureSet(Y).take(rows), torch.Generator().manual_seed(0))
    away = [distance(y1, Y[rows]) * 6371 for y1 in seen]
    assert float(away[0].max()) == 0 and 1 < float(away[1].min()) and float(away[1].max()) < 300


def test_mean_velocities_need_the_uniform_base():
    head = FlowHead(flow_config({}, hidden=8), flow_path(references=2))
    whole = FeatureSet(Y)
    assert torch.isfinite(head.loss(whole.take(torch.arange(8)), torch.Generator().manual_seed(0)))
    based = replace(whole, base=PlaceKernels.fit(Y[:25], Y[25:]).base())
    with pytest.raises(ValueError, match="uniform base only"):
        head.loss(based.take(torch.arange(8)), torch.Generator().manual_seed(0))


def test_settings_tell_heads_apart():
    kernels = PlaceKernels(Y, torch.full((50, 1), kappa(50.0)), ("50 km",), (1.0,))
    heads = [FlowHead(FlowConfig(hidden=h), blur=b) for h in (8, 9) for b in (None, kernels)]
    heads.append(FlowHead(FlowConfig(hidden=8), flow_path()))
    assert len({str(head.settings) for head in heads}) == 5
