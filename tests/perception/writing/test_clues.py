import numpy as np
import pytest

from lookhear.data.cells import MAX_LEVEL, cell_ids
from lookhear.data.geo import GeoPoint
from lookhear.perception.writing.clues import clues_of, clues_of_all
from lookhear.perception.writing.pointing import land, recorded, where

LISBON, PORTO, MADRID, ATLANTIC = (
    GeoPoint(38.72, -9.14),
    GeoPoint(41.15, -8.61),
    GeoPoint(40.42, -3.7),
    GeoPoint(30, -40),
)


def at(likelihood, *points):
    return likelihood.at(cell_ids(np.stack([point.unit for point in points]), MAX_LEVEL))


def test_a_name_points_to_the_town_then_to_its_country():
    lisbon, porto, madrid, sea = at(where(clues_of("LISBOA", 0.99)), LISBON, PORTO, MADRID, ATLANTIC)
    assert lisbon > 4 and lisbon > porto + 2 and porto > madrid + 0.5 and madrid == sea


@pytest.mark.parametrize(
    "text", ["LISBOA", "Springfield", "Deutschland", "Farmácia da Praça", "+351 21 345 678", "東京タワー"]
)
def test_the_error_rate_is_what_is_left_where_a_clue_says_nothing(text):
    for clue in clues_of(text, 0.99):
        likelihood = where([clue])
        assert recorded() @ np.exp(likelihood.at(land())) == pytest.approx(1.0, abs=0.03)
        assert likelihood.elsewhere == pytest.approx(np.log(clue.error_rate), abs=0.001)


def test_what_is_read_badly_says_less():
    sure, unsure = (where(clues_of("LISBOA", confidence)) for confidence in (0.99, 0.6))
    assert at(sure, LISBON)[0] > at(unsure, LISBON)[0] and sure.elsewhere < unsure.elsewhere


def test_what_two_signs_both_say_counts_once_and_a_little_more_surely():
    alone, both = clues_of_all([("LISBOA", 0.99)]), clues_of_all([("LISBOA", 0.9), ("Lisboa", 0.99)])
    assert [len(said) for said in both] == [0, 1]
    assert both[1][0].error_rate == pytest.approx(alone[0][0].error_rate / np.sqrt(2))


def test_two_towns_count_as_the_root_of_two():
    one, other = clues_of_all([("LISBOA", 0.99), ("MADRID", 0.99)])
    assert one[0].strength == other[0].strength == pytest.approx(np.sqrt(0.5))


def test_many_signs_cannot_push_without_end():
    words = ["Farmácia", "Praça da Sé", "Saída", "Não fumar", "Pastelaria", "Estação", "Avenida João"] * 20
    total = sum((where(said).elsewhere for said in clues_of_all([(word, 0.99) for word in words]) if said), 0.0)
    assert -6 < total < 0


def test_words_of_several_signs_tell_a_language_together():
    signs = [("eléctrica", 0.99), ("cero", 0.99), ("emisiones de la", 0.99)]
    assert not any(clue.kind == "language" for one in signs for clue in clues_of(*one))
    assert [clue.what for said in clues_of_all(signs) for clue in said if clue.kind == "language"] == ["es"]


def test_nothing_points_nowhere():
    assert where([]) is None and clues_of("23", 0.99) == ()


def test_two_clues_of_a_sign_add_up():
    clues = clues_of("Câmara Municipal de Lisboa", 0.99)
    assert {clue.kind for clue in clues} == {"place", "language"}
    together, parts = where(clues), [where([clue]) for clue in clues]
    for point in (LISBON, PORTO, MADRID, ATLANTIC):
        assert at(together, point)[0] == pytest.approx(sum(at(part, point)[0] for part in parts), abs=0.02)
