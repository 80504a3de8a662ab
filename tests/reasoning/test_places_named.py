import numpy as np
import pytest
import shapely

from lookhear.data.geo import EARTH_AREA_KM2, GeoPoint, great_circle_km, lat_lon_deg, unit_vectors
from lookhear.reasoning.named_place import MARGIN_KM, Named, Outline, area_km2
from lookhear.reasoning.places_named import places_named


def names(text, labels=()):
    return [(place.name, place.kind) for place in places_named(text, labels)]


@pytest.mark.parametrize(
    "text",
    [
        "It is nice reading of a turkey by the mobile.",
        "Nice weather. Reading the evidence, Turkey calls.",
        "Found Canada Goose, Turkey Vulture and Carolina Wren.",
        "Queen Victoria in marble; Paris Hilton sings.",
        "recorded in March or in May, in the North",
        "It is not in Spain, and cannot be Italy.",
        "Not excluded: Asia (10 %). The country stays open: France 40 % and Spain 30 %.",
        "in france, near lima",
        "Us, we say so.\n<answer>France</answer>",
        "",
    ],
)
def test_words_that_are_no_places(text):
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Near Nice in France", [("Nice", "town"), ("France", "country")]),
        ("Reading, United Kingdom", [("Reading", "region"), ("United Kingdom", "country")]),
        ("in the Democratic Republic of the Congo", [("Democratic Republic of the Congo", "country")]),
        ("Guinea-Bissau and Guinea", [("Guinea-Bissau", "country"), ("Guinea", "country")]),
        ("not in Spain but in France", [("France", "country")]),
        ("Continent: Asia. Country: Philippines.", [("Asia", "continent"), ("Philippines", "country")]),
        ("in the USA, maybe the U.K.", [("United States", "country"), ("United Kingdom", "country")]),
        ("Côte d'Ivoire or COTE D’IVOIRE", [("Ivory Coast", "country")]),
        ("by the North Sea", [("North Sea", "sea")]),
        ("Turkey calls in Turkey", [("Turkey", "country")]),
        ("in Bavaria, Hesse and Saxony", [("Bavaria", "region"), ("Hesse", "region"), ("Saxony", "region")]),
        ("on Earth, in the Northern Hemisphere", [("Earth", "earth"), ("Northern Hemisphere", "earth")]),
        ("in Osaka", [("Ōsaka Prefecture", "region")]),
        ("Found Paris (text).", []),
        ("Asia > perhaps Georgia > Tbilisi", [("Asia", "continent"), ("Georgia", "country"), ("Tbilisi", "region")]),
    ],
)
def test_names_and_kinds(text, found):
    assert names(text) == found


def test_labels_of_the_evidence_are_no_places():
    assert names("A Turkey is heard in Cuba.", ["Turkey"]) == [("Cuba", "country")]
    assert names("Two Cubas in Cuba", ["Cuba"]) == []


def test_a_country_named_beside_it_settles_which():
    melbourne, seychelles = GeoPoint(-37.8, 144.9).unit[None], GeoPoint(-4.62, 55.45).unit[None]
    (settled,) = (place for place in places_named("in Victoria, Australia") if place.name == "Victoria")
    (open_,) = places_named("in Victoria")
    assert settled.holds(melbourne)[0] and not settled.holds(seychelles)[0]
    assert open_.holds(melbourne)[0] and open_.holds(seychelles)[0]
    assert open_.area_km2 > settled.area_km2
    assert ("Georgia", "country") in names("in Georgia, in Asia")
    assert ("Georgia", "region") in names("in Georgia, in the United States")
    assert names("3 km from Wyoming in Michigan, United States")[0] == ("Wyoming", "town")
    assert names("Country: Luxembourg. Region: Luxembourg.") == [("Luxembourg", "country")]


def test_a_stated_distance_widens_a_town():
    lima = GeoPoint(-12.04, -77.03)
    near, far = places_named("near Lima, Peru")[0], places_named("1,000 km north of Lima, Peru")[0]
    assert far.away_km == 1000 and far.area_km2 > 50 * near.area_km2
    away = unit_vectors(np.array([lima.lat_deg + 8.0]), np.array([lima.lon_deg]))
    assert not near.holds(away)[0] and far.holds(away)[0]
    assert places_named("100 miles from Lima, Peru")[0].away_km == pytest.approx(160.9344)
    assert not places_named("near Lima, Peru, 1,000 km from Lima")[0].holds(away)[0]


@pytest.mark.parametrize(
    ("west", "south", "width"), [(10, 0, 2), (10, 62, 2), (178, 10, 2), (-180, -88, 8), (5, 30, 0.05)]
)
def test_the_margin_is_15_km_everywhere(west, south, width):
    box = shapely.segmentize(shapely.box(west, south, min(west + width, 180), south + 1), 0.02)
    place = Named("box", "country", (Outline.of(box),))
    lon, lat = shapely.get_coordinates(box).T
    edge = unit_vectors(lat, lon)
    numbers = np.random.default_rng(0)
    around = edge[numbers.integers(len(edge), size=400)] + numbers.normal(scale=20 / 6371, size=(400, 3))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    inside = shapely.contains_xy(box, *lat_lon_deg(around)[::-1])
    edge_km = great_circle_km(around[:, None], edge[None]).min(axis=1)
    held = place.holds(around)
    assert held[inside | (edge_km < MARGIN_KM - 2)].all()
    assert not held[~inside & (edge_km > MARGIN_KM + 1.2)].any()
    assert 0 < held.sum() < len(held)


def test_areas():
    assert area_km2(shapely.box(-180, -90, 180, 90)) == pytest.approx(EARTH_AREA_KM2)
    outer, hole = shapely.box(0, -30, 60, 30), shapely.box(10, -10, 20, 10)
    ring = shapely.difference(outer, hole)
    assert area_km2(ring) == pytest.approx(area_km2(outer) - area_km2(hole))
    assert area_km2(shapely.multipolygons([hole, shapely.box(30, 0, 40, 10)])) == pytest.approx(1.5 * area_km2(hole))
    assert places_named("in Iceland")[0].area_km2 == pytest.approx(102_000, rel=0.02)
    assert places_named("on Earth")[0].area_km2 == EARTH_AREA_KM2


def test_what_a_sign_says_is_quoted_and_not_claimed():
    text = "A sign reads “Sol/Sevilla” (names Seville, Spain), in Spanish [e1]. It points to Madrid in Spain."
    assert [place.name for place in places_named(text)] == ["Madrid", "Spain"]


def test_areas_need_a_cue_and_a_country_goes_first():
    assert [(one.name, one.kind) for one in places_named("It lies in the Sahara, or in Tuscany in Italy.")] == [
        ("Sahara", "area"),
        ("Tuscany", "area"),
        ("Italy", "country"),
    ]
    assert places_named("The Alps Swift calls.") == []
