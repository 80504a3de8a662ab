import numpy as np
import pytest

from lookhear.perception.writing.languages import NAMES, OF_SCRIPT, guess_languages
from lookhear.perception.writing.sign_words import SIGN_WORDS
from lookhear.perception.writing.territories import countries, written_shares


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Farmácia da Praça", "pt"),
        ("Bäckerei Müller", "de"),
        ("Przystanek autobusowy", "pl"),
        ("Çıkış kapalı", "tr"),
        ("Sortie de secours", "fr"),
        ("вулиця Шевченка", "uk"),
        ("خیابان آزادی", "fa"),
        ("ここは入口です", "ja"),
        ("Οδός Αθηνών", "el"),
    ],
)
def test_language_of_a_sign(text, language):
    guesses = guess_languages(text)
    assert guesses[0].language == language and guesses[0].share > 0.5
    assert sum(guess.share for guess in guesses) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("text", ["", "24", "abc", "!!!"])
def test_too_little_says_nothing(text):
    assert guess_languages(text) == ()


def test_a_name_that_any_language_may_hold_is_left_open():
    assert guess_languages("LISBOA")[0].share < 0.3


def test_every_language_has_a_name_and_a_country():
    known = {language for languages in OF_SCRIPT.values() for language in languages} | SIGN_WORDS.keys()
    assert known <= NAMES.keys()
    assert all(written_shares(language).sum() > 0 for language in known)


def test_signs_are_in_the_languages_of_their_country():
    share = {iso: written_shares("pt")[countries().index(iso)] for iso in ("PT", "BR", "ES", "JP")}
    assert share["PT"] > 0.7 and share["BR"] > 0.7 and share["ES"] < 0.1 and share["JP"] < 0.01
    assert written_shares("en").min() > 0.1
    assert np.all(written_shares("xx") == 0)
