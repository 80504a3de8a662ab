import json

import pytest

from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint
from lookhear.reasoning.outlook import Chance, Outlook, percent

PLACE = PlaceName("Europe", "France", "Brittany", "Brest", 12.3)


BREST = GeoPoint(48.0, -4.0)


def outlook(continent=0.9, country=0.6, region=0.2, area=1e6, point=BREST):
    return Outlook(
        point=point,
        place=PLACE if point else None,
        continents=(Chance("Europe", continent), Chance("Asia", 1 - continent)),
        countries=(Chance("France", country, "Europe"),),
        regions=(Chance("Brittany", region, "France"),),
        sea=0.01,
        area_50_km2=area,
        area_90_km2=3 * area,
    )


@pytest.mark.parametrize(
    "chances, scale, words",
    [
        ({}, "country", ["France (60 %)", "perhaps Brittany (20 %)"]),
        ({"region": 0.7}, "region", ["Brittany, France (70 %)"]),
        ({"region": 0.7, "area": 900.0}, "town", ["Brittany, France", "near Brest"]),
        ({"country": 0.3}, "continent", ["Europe (90 %)", "perhaps France (30 %)"]),
        ({"continent": 0.4, "country": 0.3}, "earth", ["Cannot narrow", "Europe 40 %"]),
        ({"point": None}, "earth", ["Cannot say"]),
    ],
)
def test_no_more_is_said_than_is_known(chances, scale, words):
    seen = outlook(**chances)
    assert seen.scale == scale
    assert all(word in seen.headline for word in words)


@pytest.mark.parametrize("point", [BREST, None])
def test_it_round_trips(point):
    seen = outlook(point=point)
    assert Outlook.from_json(json.loads(json.dumps(seen.to_json()))) == seen


def test_no_false_certainty_in_percent():
    assert percent(0.9999) == "over 99 %" and percent(0.0001) == "under 1 %" and percent(1.0) == "over 99 %"
