import pytest

from lookhear.perception.gallery import Sharpness
from lookhear.perception.sharpness import Fitted, fitted_path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))


def test_what_was_fitted_is_used_from_then_on():
    assert Fitted.read() is None
    fitted = Fitted(15.0, 0.3, 812, -7.25)
    assert fitted.write() == fitted_path()
    assert Fitted.read() == fitted and fitted.sharpness == Sharpness(15.0, 0.3)


@pytest.mark.parametrize("text", ["torn", "{}", '{"beta": 1.0, "other": 2}', "[]"])
def test_a_damaged_file_is_said(text):
    fitted_path().parent.mkdir(parents=True)
    fitted_path().write_text(text)
    with pytest.raises(ValueError, match="lookhear train sight"):
        Fitted.read()
