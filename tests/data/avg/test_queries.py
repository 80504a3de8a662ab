import csv
import json
from collections import Counter

import numpy as np
import pytest

from lookhear.data.avg.queries import Place, draw_places, query_rows, slug, systematic, write_queries
from lookhear.data.gazetteer import gazetteer
from lookhear.data.geo import GeoPoint

PORTO = Place("pt-porto-0d24", "town", "Porto", "Porto", "Portugal", "Europe", GeoPoint(41.15, -8.61), 12.0)


def test_systematic_draws_by_weight_and_never_twice():
    rng = np.random.default_rng(0)
    weights = rng.random(50)
    weights[[3, 20]] = 0.0, 40.0  # never, and always
    counts = np.zeros(50)
    for _ in range(2000):
        drawn = systematic(weights, 10, rng)
        assert len(set(drawn.tolist())) == 10
        counts[drawn] += 1
    assert counts[3] == 0 and counts[20] == 2000
    others = np.delete(np.arange(50), [3, 20])
    expected = 9 * weights[others] / weights[others].sum()
    assert np.allclose(counts[others] / 2000, expected, atol=0.05)


def test_systematic_can_draw_all_or_none_but_not_more():
    rng, weights = np.random.default_rng(0), np.array([1.0, 5.0, 0.0, 2.0])
    assert sorted(systematic(weights, 3, rng).tolist()) == [0, 1, 3]
    assert len(systematic(weights, 0, rng)) == 0
    with pytest.raises(ValueError, match="Only 3 places"):
        systematic(weights, 4, rng)


@pytest.fixture(scope="module")
def places():
    return draw_places(200, seed=1)


def test_places_are_of_the_whole_earth(places):
    assert len(places) == 200 and Counter(place.kind for place in places) == {"town": 100, "land": 100}
    share = {name: n / 200 for name, n in Counter(place.continent for place in places).items()}
    assert all(
        share[name] >= 0.03 for name in ("Africa", "Asia", "Europe", "North America", "South America", "Oceania")
    )
    assert len({place.country for place in places}) > 70
    assert Counter(place.country for place in places).most_common(1)[0][1] < 0.12 * 200
    assert len({place.location_id for place in places}) == 200


def test_places_lie_where_they_say(places):
    for place in places[::20]:
        assert gazetteer().name(place.point).country == place.country
        assert 5 <= place.radius_km <= 80


def test_spots_on_land_are_spread_evenly_over_its_area(places):
    high = np.mean([abs(place.point.lat_deg) > 50 for place in places if place.kind == "land"])
    assert 0.17 < high < 0.35  # a quarter of the land but Antarctica


@pytest.mark.slow
def test_the_seed_decides(places):
    again = draw_places(12, seed=2)
    assert again == draw_places(12, seed=2) and again[0] not in places


def test_queries_name_the_place_and_the_country_once():
    queries = PORTO.queries()
    assert "walking in Porto street ambience" in queries and "Porto Portugal city sounds" in queries
    assert len(set(queries)) == len(queries) and not any("{" in query or "  " in query for query in queries)
    city = Place("sg", "town", "Singapore", "", "Singapore", "Asia", GeoPoint(1.3, 103.8), 20.0)
    assert all(query.count("Singapore") == 1 for query in city.queries())


def test_csv_and_jsonl_say_the_same(tmp_path):
    rows = list(query_rows([PORTO]))
    write_queries(tmp_path / "q.csv", rows)
    write_queries(tmp_path / "q.jsonl", rows)
    table = list(csv.DictReader((tmp_path / "q.csv").read_text().splitlines()))
    lines = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert lines == rows and [row["query"] for row in table] == PORTO.queries()
    assert float(table[0]["lat_deg"]) == 41.15 and table[0]["place"] == "Porto"
    with pytest.raises(ValueError, match=r"\.csv or \.jsonl"):
        write_queries(tmp_path / "q.txt", rows)


@pytest.mark.parametrize(
    "name, plain", [("São João da Serra", "sao-joao-da-serra"), ("'Ōita", "oita"), ("東京", "place")]
)
def test_slugs(name, plain):
    assert slug(name) == plain


@pytest.mark.parametrize("count, share", [(0, 0.5), (10, 1.5)])
def test_impossible_draws_are_refused(count, share):
    with pytest.raises(ValueError, match="Draw at least"):
        draw_places(count, town_share=share)
