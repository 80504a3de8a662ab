"""In which script a text is written, as far as its letters tell; and a text as it is compared with names.

In: text. Out: ISO 15924 codes ("Latn", "Cyrl"…), or the text without accents and case. Kana and Hangul settle what Han
characters leave open, so "Jpan" and "Kore" stand for a text in which they occur.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

SCRIPTS = {
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "CJK": "Hani",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "HANGUL": "Kore",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GURMUKHI": "Guru",
    "GUJARATI": "Gujr",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "THAI": "Thai",
    "LAO": "Laoo",
    "KHMER": "Khmr",
    "MYANMAR": "Mymr",
    "TIBETAN": "Tibt",
    "GEORGIAN": "Geor",
    "ARMENIAN": "Armn",
    "ETHIOPIC": "Ethi",
}
"""First word of a letter's Unicode name → its script."""

ACCENTED = frozenset({"Latn", "Grek", "Cyrl"})
"""Scripts whose accents people leave out."""

APOSTROPHES = "'’ʻ‘`"

_NO_LETTER = re.compile(r"[^\w\n]|[\d_]")
_ASCII_WORD = re.compile("[a-z][a-z']*")
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ß": "ss"})


@lru_cache(maxsize=50_000)
def script_of(letter: str) -> str:
    """The script of one letter, or "" where it has none of those known."""
    return SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0].split("-")[0], "") if letter.isalpha() else ""


def main_script(text: str) -> str:
    """The script of most letters of a text, or "" without letters.

    Example:
        >>> main_script("Κρήτη 12"), main_script("東京タワー")
        ('Grek', 'Jpan')
    """
    counts = Counter(filter(None, map(script_of, text)))
    if not counts:
        return ""
    if counts["Hani"]:
        for other in ("Jpan", "Kore"):
            if counts[other]:
                counts[other] += counts.pop("Hani")
                break
    return max(counts, key=lambda script: (counts[script], script))


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: without accents, apostrophes and case.

    Example:
        >>> words_of("São João da Madeira 3700-012")
        ['sao', 'joao', 'da', 'madeira']
    """
    if text.isascii():
        return [word.replace("'", "") for word in _ASCII_WORD.findall(text.lower())]
    plain = unicodedata.normalize("NFKC", text)
    spaced = "".join(char if char.isalpha() or _is_mark(char) or char in APOSTROPHES else " " for char in plain)
    return [word for word in map(folded, spaced.split()) if word]


def joined_words(names: Sequence[str]) -> list[str]:
    """The words of each name joined, as `words_of` gives them, of very many names of one script at once."""
    if not names or main_script(names[0]) not in ACCENTED:
        return ["".join(words_of(name)) for name in names]
    together = unicodedata.normalize("NFKC", "\n".join(names)).casefold().translate(_LETTERS)
    return _NO_LETTER.sub("", unicodedata.normalize("NFKD", together)).split("\n")


@lru_cache(maxsize=200_000)
def folded(word: str) -> str:
    """A word without accents, apostrophes and case; in most scripts a mark is a vowel, so there it stays."""
    plain = unicodedata.normalize("NFKD", word.casefold().translate(_LETTERS))
    if main_script(word) in ACCENTED:
        return "".join(char for char in plain if char.isalnum())
    return unicodedata.normalize("NFC", "".join(char for char in plain if char.isalnum() or _is_mark(char)))


@lru_cache(maxsize=50_000)
def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"
