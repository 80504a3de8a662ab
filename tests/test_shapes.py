import numpy as np
import pytest
from jaxtyping import TypeCheckError
from shapes import checked

from lookhear.data.geo import GeoPoint, lat_lon_deg


def test_a_wrong_shape_is_refused_at_every_call():
    for _ in range(2):
        with pytest.raises(TypeCheckError, match=r"lat_lon_deg"):
            lat_lon_deg(np.zeros((2, 4)))
    assert lat_lon_deg(np.eye(3))[0].tolist() == [0.0, 0.0, 90.0]


def test_an_integer_is_a_float_and_a_text_is_not():
    assert GeoPoint(1, 2) == GeoPoint(1.0, 2.0)
    with pytest.raises(TypeCheckError, match="lat_deg"):
        GeoPoint("1", 2)


def test_a_wrong_result_is_refused():
    def said(value) -> float:
        return value

    assert checked(said)(3) == 3
    with pytest.raises(Exception, match="str"):
        checked(said)("3")
