import pytest

from lookhear.perception.writing.place_names import find_places, one_letter_off


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Câmara Municipal de LISBOA", ["Lisbon, PT"]),
        ("NEWYORK PIZZA", ["New York City, US"]),
        ("Made in Deutschland", ["Germany"]),
        ("東京タワー", ["Tokyo, JP"]),
        ("МОСКВА", ["Moscow, RU"]),
        ("서울특별시", ["Seoul, KR"]),
        ("Αθήνα", ["Athens, GR"]),
        ("القاهرة", ["Cairo, EG"]),
    ],
)
def test_names_in_any_script(text, names):
    assert [match.name for match in find_places(text)] == names


@pytest.mark.parametrize("text", ["Farmacia Central", "SALE", "Bar", "OPEN 24", "Exit", "", "Bath", "12 45"])
def test_ordinary_words_are_no_places(text):
    assert find_places(text, may_be_misread=True) == ()


def test_a_letter_may_be_wrong_only_where_the_text_was_read_badly():
    assert find_places("emisiones") == () == find_places("Barcelonna")
    assert [(match.name, match.match) for match in find_places("SEUILLA", True)] == [("Sevilla, ES", "fuzzy")]


def test_all_towns_of_a_name_count_the_largest_first():
    [match] = find_places("Springfield")
    assert len(match.places) > 5 and {place.iso for place in match.places} >= {"US"}
    towns = [place.number for place in match.places if place.scale == "town"]
    assert towns == sorted(towns)


def test_one_letter_off():
    assert {"lisba", "lisboaa", "lizboa", "libsoa"} <= one_letter_off("lisboa", "abz")
