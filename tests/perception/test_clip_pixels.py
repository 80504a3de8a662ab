"""Expected values were made by open_clip 3.3.0 (`image_transform`, bicubic, shortest side)."""

import importlib.util

import numpy as np
import pytest
import torch
import torchvision_on_cpu
from PIL import Image

from lookhear.perception.clip_pixels import MEAN, SCALE, SIZE_PX, clip_pixels, middle_square

RED = [77, 109, 141, 173, 205]
GREEN = [21, 67, 116, 165, 211]
BLUE = [
    [40, 61, 85, 99, 103],
    [136, 167, 136, 126, 129],
    [169, 100, 130, 132, 128],
    [101, 148, 119, 126, 128],
    [129, 120, 133, 123, 124],
]


def ramps(height=30, width=51):
    y, x = np.mgrid[:height, :width]
    return np.stack([5 * x, 8 * y, (x * y) % 256], 2).astype(np.uint8)


def test_a_fixed_picture_becomes_the_fixed_square():
    square = middle_square(ramps(), 5)
    assert square[..., 0].tolist() == [RED] * 5
    assert square[..., 1].T.tolist() == [GREEN] * 5
    assert square[..., 2].tolist() == BLUE


def test_a_fixed_picture_becomes_the_fixed_tensor():
    pixels = clip_pixels([middle_square(ramps(), 5)])
    assert pixels.shape == (1, 3, 5, 5) and pixels.dtype == torch.float32
    assert pixels[0, 0, 0].tolist() == pytest.approx([-0.6682, -0.2010, 0.2661, 0.7333, 1.2004], abs=1e-4)
    expected = (np.array([RED[0], GREEN[0], BLUE[0][0]]) / 255 - MEAN) / SCALE
    np.testing.assert_allclose(pixels[0, :, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (20_000, 3), (224, 224), (225, 230), (90, 4000)])
def test_every_shape_becomes_a_square(shape):
    assert middle_square(np.full((*shape, 3), 77, np.uint8)).shape == (SIZE_PX, SIZE_PX, 3)


def test_of_a_strip_the_middle_is_kept():
    strip = np.zeros((10, 1000, 3), np.uint8)
    strip[:, 495:505] = 255
    assert middle_square(strip, 10).min() == 255


def test_the_longest_that_is_not_a_strip_keeps_its_ends():
    picture = np.random.default_rng(0).integers(0, 255, (8, 64, 3), dtype=np.uint8)
    whole = np.asarray(Image.fromarray(picture).resize((40, 5), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(middle_square(picture, 5), whole[:, 18:23])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="open_clip is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(480, 640), (333, 500), (100, 77), (225, 400), (1, 1), (3000, 1001)])
def test_it_is_what_open_clip_does(shape):
    torchvision_on_cpu.make_importable()
    from open_clip.transform import image_transform

    theirs = image_transform(SIZE_PX, False, MEAN, SCALE, resize_mode="shortest", interpolation="bicubic")
    picture = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    torch.testing.assert_close(clip_pixels([middle_square(picture)])[0], theirs(Image.fromarray(picture)))
