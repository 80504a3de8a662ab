"""Marks of a country in a text: calling codes, domains, currency signs and number plates; text in, ISO codes out.

Only rules that are rarely wrong: a calling code needs its "+" or "00" and the digits of a number after it; a domain the
look of an address, and not one of those that are sold to everyone; a currency its own sign and an amount; a plate a
pattern that no other country uses. Not known: area codes, postal codes, and plates that several countries share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lookhear.data.gazetteer import table

MarkKind = Literal["phone", "domain", "currency", "plate"]

SOLD_TO_ALL = frozenset(
    "ai io me tv co cc ws fm am to ly gg sh st so la nu tk ml ga cf gq vc sc pw ag bz mn eu im".split()
)
"""Domains of countries that say little of the country."""

SIGNS = {
    "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB", "₪": "ILS", "₫": "VND", "฿": "THB", "₴": "UAH", "₦": "NGN",
    "₱": "PHP", "₸": "KZT", "₾": "GEL", "₼": "AZN", "₲": "PYG", "₡": "CRC", "€": "EUR", "£": "GBP", "zł": "PLN",
    "Kč": "CZK", "R$": "BRL", "лв": "BGN", "Ft": "HUF", "円": "JPY", "元": "CNY",
}  # fmt: skip
"""Signs of one currency."""

PLATES = {
    "GB": r"[A-HJ-PR-Y][A-HJ-PR-Y]\d\d ?[A-HJ-PR-Z]{3}",
    "IN": r"(?:AP|AR|AS|BR|CG|CH|DL|GA|GJ|HP|HR|JH|JK|KA|KL|MH|ML|MN|MP|MZ|NL|OD|PB|PY|RJ|SK|TN|TR|TS|UK|UP|WB)"
    r"[ -]?\d{1,2}[ -]?[A-Z]{1,2}[ -]?\d{4}",
    "BR": r"[A-Z]{3}\d[A-Z]\d{2}",
    "RU": r"[АВЕКМНОРСТУХ]\d{3}[АВЕКМНОРСТУХ]{2} ?\d{2,3}",
}
"""Patterns of number plates that are one country's own, as a whole line."""

_PHONE = re.compile(r"(?<![\d+])(?:\+|00)[ .]?([1-9][\d ().\-/]{6,20}\d)")
_ADDRESS = re.compile(
    r"(?:(?:https?://|www\.|@)[a-z0-9.\-]*?|\b[a-z0-9\-]{5,}\.)(?:[a-z0-9\-]+\.)*?(com?\.|org\.|net\.|gov\.|ac\.|edu\.)?([a-z]{2})(?![a-z0-9.])"
)
_AMOUNT = r"\d[\d.,  ]*"


@dataclass(frozen=True)
class Mark:
    """A mark of one or more countries."""

    kind: MarkKind
    """What sort of mark."""
    text: str
    """The code, domain, currency or country it stands for, as it is written: "+351", ".pt", "INR", "GB plate"."""
    isos: tuple[str, ...]
    """ISO codes of the countries that have it."""


def find_marks(text: str) -> tuple[Mark, ...]:
    """The marks in a text, each once.

    Example:
        >>> [mark.text for mark in find_marks("Tel. +351 21 345 678 · www.pastelaria.pt")]
        ['+351', '.pt']
    """
    found = (*_phones(text), *_domains(text), *_currencies(text), *_plates(text))
    return tuple(dict.fromkeys(found))


def _phones(text: str) -> Iterator[Mark]:
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match[1])
        if 8 <= len(digits) <= 15:
            for size in (4, 3, 2, 1):
                isos = _owners()["phone"].get(digits[:size])
                if isos:
                    yield Mark("phone", f"+{digits[:size]}", isos)
                    break


def _domains(text: str) -> Iterator[Mark]:
    for match in _ADDRESS.finditer(text.casefold()):
        isos = _owners()["domain"].get(match[2], ())
        if isos and match[2] not in SOLD_TO_ALL:
            yield Mark("domain", f".{match[2]}", isos)


def _currencies(text: str) -> Iterator[Mark]:
    for sign, currency in SIGNS.items():
        mark = re.escape(sign)
        if re.search(rf"(?:{mark}\s?{_AMOUNT}|{_AMOUNT}\s?{mark})(?!\w)", text):
            yield Mark("currency", currency, _owners()["currency"].get(currency, ()))


def _plates(text: str) -> Iterator[Mark]:
    line = text.strip()
    for iso, pattern in PLATES.items():
        if re.fullmatch(pattern, line):
            yield Mark("plate", f"{iso} plate", (iso,))


@cache
def _owners() -> dict[str, dict[str, tuple[str, ...]]]:
    """Calling codes, domains and currencies → the countries that have them."""
    found: dict[str, dict[str, tuple[str, ...]]] = {"phone": {}, "domain": {}, "currency": {}}
    for row in table("country_marks"):
        for kind, owners in found.items():
            if row[kind]:
                owners[row[kind]] = (*owners.get(row[kind], ()), row["iso"])
    return found
