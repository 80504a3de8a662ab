from dataclasses import replace

import numpy as np
import pytest
from small_sight import NAIROBI, PARIS, make_gallery
from small_world import make_examples, write_set

from lookhear.perception.gallery import Gallery
from lookhear.perception.sharpness import Fitted
from lookhear.scripts.train_sight import TrainSightConfig, train_sight


@pytest.fixture(autouse=True)
def gallery(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    made = make_gallery(PARIS, NAIROBI)
    monkeypatch.setattr(Gallery, "of_geoclip", classmethod(lambda cls, **_: made))
    return made


@pytest.fixture
def clips(gallery, tmp_path):
    """Half of the pictures show the place, the others anything."""
    draw, made = np.random.default_rng(0), []
    for k, one in enumerate(make_examples("validation", 12)):
        shown = one.row.point.unit if k % 2 else draw.normal(size=3)
        feature = gallery.encoder.embed(shown[None] / np.linalg.norm(shown))[0].numpy()
        made.append(replace(one, record=replace(one.record, features={"sight": feature})))
    return write_set(tmp_path / "set", made)


def test_what_is_fitted_is_kept_and_used(clips, capsys):
    assert train_sight(TrainSightConfig(clips, quiet=True)) == 0
    fitted = Fitted.read()
    assert fitted is not None and fitted.clips == 12 and fitted.nothing >= 0.3
    said = capsys.readouterr().out
    assert f"concentration {fitted.beta:g}" in said and "few clips" in said


def test_a_dry_run_keeps_nothing(clips):
    assert train_sight(TrainSightConfig(clips, dry_run=True, quiet=True)) == 0
    assert Fitted.read() is None


def test_a_set_without_sight_says_how_to_get_it(tmp_path):
    bare = [replace(one, record=replace(one.record, features={})) for one in make_examples("validation", 3)]
    with pytest.raises(ValueError, match="lookhear fetch clip"):
        train_sight(TrainSightConfig(write_set(tmp_path / "set", bare), quiet=True))
