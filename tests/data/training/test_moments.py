from __future__ import annotations

import copy

import pytest
import torch

from lookhear.data.training.moments import load_moments, moments_of


def step(model, optimiser):
    optimiser.zero_grad()
    model(torch.ones(1, 3)).square().sum().backward()
    optimiser.step()


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
def test_an_optimiser_goes_on_as_if_it_had_not_stopped(kind):
    torch.manual_seed(0)
    one = torch.nn.Linear(3, 2)
    settings = {"lr": 0.1, "momentum": 0.9} if kind is torch.optim.SGD else {"lr": 0.1, "fused": True}
    first = kind(one.parameters(), **settings)
    assert moments_of(first) == {}
    step(one, first)
    other = copy.deepcopy(one)
    second = kind(other.parameters(), **settings)
    load_moments(second, {name: value.clone() for name, value in moments_of(first).items()})
    for model, optimiser in ((one, first), (other, second)):
        step(model, optimiser)
    assert torch.equal(one.weight, other.weight) and torch.equal(one.bias, other.bias)


def test_moments_are_named_by_parameter():
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(model.parameters(), 0.1)
    step(model, optimiser)
    moments = moments_of(optimiser)
    assert set(moments) == {f"{k}.{name}" for k in (0, 1) for name in ("step", "exp_avg", "exp_avg_sq")}
    assert moments["0.exp_avg"].shape == (2, 3) and float(moments["1.step"]) == 1.0
