import numpy as np
import pytest

from lookhear.data import cells
from lookhear.data.gazetteer import gazetteer, inside
from lookhear.data.geo import GeoPoint


@pytest.mark.parametrize(
    "lat, lon, continent, country, region, town",
    [
        (40.44, -79.99, "North America", "United States", "Pennsylvania", "Pittsburgh"),
        (51.505, -0.09, "Europe", "United Kingdom", "Southwark", "London"),
        (-33.87, 151.2, "Oceania", "Australia", "New South Wales", "Sydney"),
        (55.03, 82.92, "Asia", "Russia", "Novosibirsk", "Novosibirsk"),
        (4.92, -52.31, "South America", "France", "French Guiana", "Cayenne"),
        (-17.8, 178.2, "Oceania", "Fiji", None, None),
        (-77.85, 166.7, "Antarctica", "Antarctica", None, None),
        (0.0, -30.0, "", "", "South Atlantic Ocean", None),
    ],
)
def test_places_have_their_names(lat, lon, continent, country, region, town):
    name = gazetteer().name(GeoPoint(lat, lon))
    assert (name.continent, name.country) == (continent, country)
    assert region is None or name.region == region
    assert town is None or name.town == town


def test_land_is_about_a_third_of_the_earth():
    ids, share = gazetteer().land
    assert (np.diff(ids.astype(np.float64)) > 0).all() and (share > 0).all() and (share <= 1).all()
    area = cells.areas_sr(ids) @ share / (4 * np.pi)
    assert area == pytest.approx(0.292, abs=0.01)  # 149 of 510 million km²


def test_mass_is_shared_among_regions():
    ids, share = gazetteer().land
    shares = gazetteer().shares(ids, share / share.sum())
    assert sum(p for _, p in shares) == pytest.approx(1.0, abs=1e-3)
    russia = sum(p for region, p in shares if region.country == "Russia")
    assert russia == pytest.approx(16.4 / 147, abs=0.015)  # million km², by land area
    pittsburgh = cells.cell_ids(GeoPoint(40.44, -79.99).unit[None], 8)
    assert gazetteer().shares(pittsburgh, np.array([1.0]))[0][0].country == "United States"


def test_countries_by_name_and_code():
    assert gazetteer().country("germany").equals(gazetteer().country("DE"))
    assert gazetteer().country("USA").equals(gazetteer().country("United States"))
    assert gazetteer().country("Netherlands").equals(gazetteer().country("The Netherlands"))
    with pytest.raises(ValueError, match="Atlantis"):
        gazetteer().country("Atlantis")
    with pytest.raises(ValueError, match="did you mean Germany"):
        gazetteer().country("Germny")


@pytest.mark.parametrize(
    ("area", "inside_deg", "outside_deg"),
    [
        ("Sahara", (23.4, 5.4), (5.0, 0.0)),
        ("Benelux", (50.85, 4.35), (48.85, 2.35)),
        ("Scotland", (56.8, -4.2), (52.5, -1.9)),
        ("Tuscany", (43.5, 11.2), (45.5, 9.2)),
        ("New England", (44.0, -71.5), (40.7, -74.0)),
    ],
)
def test_areas_hold_what_they_should(area, inside_deg, outside_deg):
    outline = gazetteer().areas[area].outline
    units = np.array([GeoPoint(*inside_deg).unit, GeoPoint(*outside_deg).unit])
    assert inside(outline, units).tolist() == [True, False]
