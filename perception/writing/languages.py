"""In which language a text is written, as far as its script, its words and its runs of letters tell.

In: the few words of a sign. Out: languages with their shares, likeliest first. A script of one language settles it;
Latin, Cyrillic, Arabic and Devanagari letters are told apart by runs of three (Cavnar and Trenkle 1994; shares of runs
counted by langdetect in Wikipedia's abstracts), and by words that stand on signs. Not known: languages without such
counts, of which there are many, and dialects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from unicodedata import category

import numpy as np

from lookhear.data.gazetteer import table
from lookhear.perception.writing.scripts_of_text import main_script
from lookhear.perception.writing.sign_words import SIGN_WORDS, languages_of_words

OF_SCRIPT = {
    "Grek": {"el": 1.0},
    "Hebr": {"he": 1.0},
    "Hani": {"zh": 0.8, "ja": 0.2},
    "Jpan": {"ja": 1.0},
    "Kore": {"ko": 1.0},
    "Beng": {"bn": 0.9, "as": 0.1},
    "Guru": {"pa": 1.0},
    "Gujr": {"gu": 1.0},
    "Taml": {"ta": 1.0},
    "Telu": {"te": 1.0},
    "Knda": {"kn": 1.0},
    "Mlym": {"ml": 1.0},
    "Sinh": {"si": 1.0},
    "Thai": {"th": 1.0},
    "Laoo": {"lo": 1.0},
    "Khmr": {"km": 1.0},
    "Mymr": {"my": 1.0},
    "Tibt": {"bo": 0.6, "dz": 0.4},
    "Geor": {"ka": 1.0},
    "Armn": {"hy": 1.0},
    "Ethi": {"am": 0.8, "ti": 0.2},
}
"""Scripts that settle the language, or nearly."""

CYRILLIC, ARABIC, DEVANAGARI = "bg mk ru uk".split(), "ar fa ur".split(), "hi mr ne".split()

LEAST_LETTERS = 4
"""Fewer letters than these say nothing of the language, unless the script does."""

RARE = -14.0
"""Log2 share of a run that a language hardly uses."""

EVENNESS = 0.45
"""Runs overlap and a sign is no prose: each counts as so much of an independent one (docs/writing.md)."""

WORD_NATS = 3.0
"""What a word that stands on signs of a language says for it."""

NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "as": "Assamese", "bg": "Bulgarian", "bn": "Bengali",
    "bo": "Tibetan", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "dz": "Dzongkha",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian",
    "km": "Khmer", "kn": "Kannada", "ko": "Korean", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian",
    "mk": "Macedonian", "ml": "Malayalam", "mr": "Marathi", "my": "Burmese", "ne": "Nepali", "nl": "Dutch",
    "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "ti": "Tigrinya", "tl": "Tagalog", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""English names of languages."""


@dataclass(frozen=True)
class LanguageGuess:
    """One language a text may be written in."""

    language: str
    """CLDR's code."""
    share: float
    """How likely, before it is known where the text was seen."""

    @property
    def name(self) -> str:
        """The language's English name."""
        return NAMES[self.language]


@lru_cache(maxsize=1000)
def guess_languages(text: str) -> tuple[LanguageGuess, ...]:
    """The languages a text may be written in, likeliest first; none where nothing tells.

    Example:
        >>> guess_languages("Farmácia da Praça")[0].name
        'Portuguese'
    """
    script = main_script(text)
    shares = OF_SCRIPT.get(script) or _by_letters(text, script)
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return tuple(LanguageGuess(language, round(share, 4)) for language, share in ordered if share >= 0.001)


def _by_letters(text: str, script: str) -> dict[str, float]:
    """Naive Bayes over runs of three letters and over words, every language of the script alike beforehand."""
    words = _spelled(text)
    candidates = {"Latn": _latin(), "Cyrl": CYRILLIC, "Arab": ARABIC, "Deva": DEVANAGARI}.get(script, [])
    if not candidates or sum(map(len, words)) < LEAST_LETTERS:
        return {}
    runs = [run for word in words for run in _runs(word)]
    known = languages_of_words()
    scores = np.array([EVENNESS * np.log(2) * sum(_shares(one).get(run, RARE) for run in runs) for one in candidates])
    scores += [WORD_NATS * sum(one in known.get(word, ()) for word in words) for one in candidates]
    shares = np.exp(scores - scores.max())
    return dict(zip(candidates, (shares / shares.sum()).tolist(), strict=True))


def _spelled(text: str) -> list[str]:
    """Words with their accents, in lower case."""
    return "".join(char if char.isalpha() or category(char)[0] == "M" else " " for char in text.casefold()).split()


def _runs(word: str) -> list[str]:
    padded = f" {word} "
    return [padded[k : k + 3] for k in range(len(padded) - 2)]


@cache
def _latin() -> list[str]:
    return [language for language in SIGN_WORDS if language in _tables() and language not in _OTHERS]


_OTHERS = frozenset((*CYRILLIC, *ARABIC, *DEVANAGARI))


def _shares(language: str) -> dict[str, float]:
    return _tables()[language]


@cache
def _tables() -> dict[str, dict[str, float]]:
    """Language → run of letters → log2 of its share."""
    found: dict[str, dict[str, float]] = {}
    for row in table("letters"):
        found.setdefault(row["language"], {})[row["letters"]] = float(row["log2_share"])
    return found
