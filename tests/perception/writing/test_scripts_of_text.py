import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear.perception.writing.scripts_of_text import joined_words, main_script, words_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Rua 25", "Latn"),
        ("Κρήτη", "Grek"),
        ("улица", "Cyrl"),
        ("東京", "Hani"),
        ("東京タワー", "Jpan"),
        ("서울 驛", "Kore"),
        ("شارع", "Arab"),
        ("मुंबई", "Deva"),
        ("12:30 €", ""),
        ("", ""),
    ],
)
def test_script(text, script):
    assert main_script(text) == script


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("São João-da-Madeira 3700", ["sao", "joao", "da", "madeira"]),
        ("L'ÉGLISE", ["leglise"]),
        ("Straße", ["strasse"]),
        ("ŁÓDŹ", ["lodz"]),
        ("ＴＯＫＹＯ", ["tokyo"]),
        ("मुंबई होटल", ["मुंबई", "होटल"]),
        ("ガス", ["ガス"]),
        ("...", []),
    ],
)
def test_words_are_compared_without_accents_and_case(text, words):
    assert words_of(text) == words


@given(st.text())
def test_folding_is_done_once(text):
    assert words_of(" ".join(words_of(text))) == words_of(text)


@pytest.mark.parametrize(
    "names",
    [
        ["São Paulo", "Sant'Ana 2", "Łódź", "Frankfurt (Oder)", "İstanbul"],
        ["Αθήνα", "Άγιος Δημήτριος"],
        ["東京", "ガス"],
    ],
)
def test_many_names_are_compared_as_one_is(names):
    assert joined_words(names) == ["".join(words_of(name)) for name in names]
