import pytest
import torch
from PIL import Image
from small_sight import NAIROBI, PARIS, Eyes, Waves

from lookhear.perception.geoclip import LocationEncoder
from lookhear.perception.geoclip_image import ImageEncoder
from lookhear.scripts.places import PlacesConfig, places


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """A table of two places, a smooth space, and eyes that know them."""
    monkeypatch.setenv("LOOKHEAR_CACHE", str(tmp_path / "cache"))
    space = Waves().eval().requires_grad_(False)
    known = torch.cat([space.embed(place.unit[None]) for place in (PARIS, NAIROBI)])
    monkeypatch.setattr(LocationEncoder, "load", classmethod(lambda cls: space))
    monkeypatch.setattr(ImageEncoder, "load", classmethod(lambda cls: Eyes(known)))
    table = tmp_path / "own.csv"
    table.write_text(f"lat,lon\n{PARIS.lat_deg},{PARIS.lon_deg}\n{NAIROBI.lat_deg},{NAIROBI.lon_deg}\n")
    return table


def listed(capsys, query, **settings):
    assert places(PlacesConfig(str(query), quiet=True, **settings)) == 0
    return capsys.readouterr().out.splitlines()


def test_words_and_pictures_find_their_place(own, tmp_path, capsys):
    Image.new("RGB", (30, 20), "black").save(tmp_path / "dark.png")
    first, _second = listed(capsys, "Paris by night", gallery=own, count=2)
    assert first.split()[:3] == ["48.8566", "2.3522", "1.000"] and first.endswith("France")
    (dark,) = listed(capsys, tmp_path / "dark.png", gallery=own, count=1)
    assert dark.split()[:2] == ["-1.2900", "36.8200"] and dark.endswith("Kenya")


def test_a_region_leaves_the_others_out(own, capsys):
    found = listed(capsys, "Paris by night", gallery=own, region="Kenya", count=3)
    assert len(found) == 3 and all("Kenya" in line for line in found)


def test_no_place_at_all_is_refused(own):
    with pytest.raises(ValueError, match="at least 1"):
        PlacesConfig("Paris", count=0)
