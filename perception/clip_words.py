r"""Texts in, CLIP's numbers of word pieces out.

Byte pair encoding as OpenAI's CLIP does it: a text in lower case is cut into words, a word into the bytes of its
UTF-8, and neighbours are joined in the order of a list of merges, the end of a word counting as part of its last
piece. The list is `merges.txt` as it lies beside CLIP's weights on the hub: a line of comment, then one pair a line.

Not here: the repair of wrongly decoded text (ftfy), which CLIP's own code does first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

END = "</w>"
"""Marks the end of a word."""

START_OF_TEXT, END_OF_TEXT = "<|startoftext|>", "<|endoftext|>"

MERGES = 49_152 - 256 - 2
"""Lines of the published list that count: so that pieces are 49,152 with the bytes and the two marks."""

WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+")
"""A contraction, letters, a digit, or signs."""


@dataclass(frozen=True)
class Words:
    """CLIP's word pieces.

    Example:
        >>> Words.read(Path("merges.txt")).tokens(["rainforest"])                   # doctest: +SKIP
        tensor([[49406, 37539, 49407]])
    """

    merges: tuple[tuple[str, str], ...]
    """Pairs of pieces, in the order in which they are joined."""

    @classmethod
    def read(cls, path: Path) -> Words:
        """A published list.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is no list of pairs.
        """
        if not path.exists():
            raise FileNotFoundError(f"There is no {path}, which words are cut with; put CLIP's merges.txt there.")
        lines = path.read_text(encoding="utf-8").splitlines()[1 : MERGES + 1]
        pairs = [tuple(line.split()) for line in lines if line.strip()]
        if not all(len(pair) == 2 for pair in pairs):
            raise ValueError(f"{path} is no list of merges: every line must hold two pieces.")
        return cls(tuple((first, second) for first, second in pairs))

    def tokens(self, texts: Sequence[str], most: int = 77) -> Int[Tensor, "n tokens"]:
        """Numbers of each text's pieces between two marks, at most so many, padded with zeros."""
        rows = []
        for text in texts:
            inner = [piece for word in WORD.findall(_cleaned(text)) for piece in self._pieces(word)][: most - 2]
            rows.append([self.number[one] for one in (START_OF_TEXT, *inner, END_OF_TEXT)])
        table = torch.zeros(len(rows), max(map(len, rows), default=0), dtype=torch.long)
        for k, row in enumerate(rows):
            table[k, : len(row)] = torch.tensor(row)
        return table

    @cached_property
    def number(self) -> dict[str, int]:
        """Piece → its number: bytes, bytes that end a word, merges, marks."""
        letters = list(_letters().values())
        joined = [first + second for first, second in self.merges]
        pieces = [*letters, *(letter + END for letter in letters), *joined, START_OF_TEXT, END_OF_TEXT]
        return {piece: k for k, piece in enumerate(pieces)}

    @cached_property
    def _rank(self) -> dict[tuple[str, str], int]:
        return {pair: k for k, pair in enumerate(self.merges)}

    def _pieces(self, word: str) -> list[str]:
        """A word's letters, joined as far as the list goes, the earliest merge first."""
        letters = _letters()
        pieces = [letters[byte] for byte in word.encode("utf-8")]
        pieces[-1] += END
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self._rank.get(pair, len(self.merges)))
            if best not in self._rank:
                break
            pieces = _joined(pieces, best)
        return pieces


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces with every occurrence of a pair made one."""
    found: list[str] = []
    for piece in pieces:
        if found and (found[-1], piece) == pair:
            found[-1] += piece
        else:
            found.append(piece)
    return found


def _letters() -> dict[int, str]:
    """A printable letter for each byte, in CLIP's order: printable bytes are themselves, others lie beyond 255."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + k) for k, byte in enumerate(rest)}


def _cleaned(text: str) -> str:
    return " ".join(html.unescape(html.unescape(text)).split()).lower()
