import json
from dataclasses import replace

import pytest

from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint
from lookhear.reasoning.outlook import Chance, Outlook, percent
from lookhear.reasoning.rules import write_trace

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


def test_the_sea_is_named_where_it_may_be():
    seen = replace(outlook(continent=0.4, country=0.3), sea=0.7)
    assert seen.headline == "Cannot narrow it down to one continent (at sea 70 %, Asia 60 %, Europe 40 %)."


def test_what_alone_was_searched_is_said_and_is_no_finding():
    seen = replace(outlook(country=1.0), within="France", within_probability=0.02)
    assert seen.headline == "Within France: perhaps Brittany (20 %)."
    assert replace(seen, regions=()).headline == "Within France: no part of it stands out."
    assert replace(seen, within="the given region").headline.startswith("Within the given region: France (over 99 %)")
    trace = write_trace((), seen).text
    assert "Only France was searched; without that restriction it holds 2 %." in trace and "over 99 %" not in trace


@pytest.mark.parametrize("point", [BREST, None])
def test_it_round_trips(point):
    seen = outlook(point=point)
    assert Outlook.from_json(json.loads(json.dumps(seen.to_json()))) == seen


def test_no_false_certainty_in_percent():
    assert percent(0.9999) == "over 99 %" and percent(0.0001) == "under 1 %" and percent(1.0) == "over 99 %"
