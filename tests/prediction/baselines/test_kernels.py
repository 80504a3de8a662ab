from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lookhear.prediction.baselines.kernels import KernelMixture, chords, kernel_matrix, with_even
from lookhear.prediction.density import UNIFORM_LOG_DENSITY
from lookhear.prediction.sphere import random_uniform, vmf_log_density

GENERATOR = torch.Generator().manual_seed(0)


def textbook(angle_rad, k):
    """Mardia and Jupp, equation 9.3.4, in float64 with the sinh written out."""
    log_sinh = k + math.log1p(-math.exp(-2 * k)) - math.log(2)
    return math.log(k) - math.log(4 * math.pi) - log_sinh + k - 2 * k * math.sin(angle_rad / 2) ** 2


@pytest.mark.parametrize("k", [0.01, 1.0, 30.0, 1e3, 1e5])
@pytest.mark.parametrize("sigmas", [0.0, 0.5, 3.0])
def test_kernels_are_the_textbooks_in_float32(k, sigmas):
    angle = min(3.0, sigmas / math.sqrt(k))
    mean, y = torch.tensor([[0.0, 0, 1]]), torch.tensor([[math.sin(angle), 0, math.cos(angle)]])
    expected = pytest.approx(textbook(angle, k), abs=2e-3)
    assert float(vmf_log_density(y, mean, torch.tensor([k]))) == expected
    found = kernel_matrix(chords(y, mean), torch.tensor([[k]]), torch.zeros(1))
    assert float(found) == expected


def test_a_kernel_of_several_bandwidths_is_their_mean():
    y, places = random_uniform(5, GENERATOR).double(), random_uniform(3, GENERATOR).double()
    shares, kappas = torch.tensor([[0.25, 0.75], [160.0, 10.0]], dtype=torch.float64)
    found = kernel_matrix(chords(y, places), kappas.expand(3, -1), shares.log())
    parts = [vmf_log_density(y[:, None], places, k).exp() for k in kappas.split(1)]
    assert torch.allclose(found.exp(), 0.25 * parts[0] + 0.75 * parts[1])


def test_the_even_part_is_what_is_left_far_away():
    found = with_even(torch.tensor([-1e4, 2.0]), torch.tensor(0.1).log())
    assert float(found[0]) == pytest.approx(math.log(0.1) + UNIFORM_LOG_DENSITY)
    assert float(found[1]) == pytest.approx(math.log(0.9 * math.exp(2) + 0.1 / (4 * math.pi)))


def test_a_mixture_is_normalised_and_mapped_where_its_narrowest_peak_is():
    means, kappas = random_uniform(2, GENERATOR), torch.tensor([1e5, 10.0])
    mixture = KernelMixture.of(means, kappas, torch.tensor([3.0, 3.0]), 2.0)
    assert mixture.kernels.even == pytest.approx(1 / (1 + 2 * math.e))
    assert mixture.mass == pytest.approx(1, abs=0.01)
    near = np.cos(3 / math.sqrt(1e5)) <= mixture.sample(20_000, 1) @ means[0].double().numpy()
    assert near.mean() == pytest.approx(math.e / (1 + 2 * math.e) * (1 - math.exp(-4.5)), abs=0.02)


def test_a_thousand_clips_of_one_place_are_one_kernel():
    places, kappas = random_uniform(3, GENERATOR, torch.float64), torch.tensor([10.0, 1e3]).double()
    means, several = places.repeat(2, 1).repeat(5, 1), kappas.repeat_interleave(3).repeat(5)
    shares = torch.randn(30, generator=GENERATOR).double()
    mixture = KernelMixture.of(means, several, shares, 0.0)
    plain = shares.softmax(0) * vmf_log_density(places[:, None], means, several).exp()
    even = math.exp(UNIFORM_LOG_DENSITY) * mixture.kernels.even
    assert len(mixture.kernels.means) == 6
    expected = torch.log((1 - mixture.kernels.even) * plain.sum(-1) + even)
    assert torch.allclose(torch.from_numpy(mixture.log_density(places.numpy())), expected)
