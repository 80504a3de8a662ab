import gzip
import importlib.util
from pathlib import Path

import pytest
import torchvision_on_cpu
from small_clip import MERGES, PIECES

from lookhear.perception.clip_words import Words


@pytest.fixture
def words(tmp_path):
    (tmp_path / "merges.txt").write_text(MERGES)
    return Words.read(tmp_path / "merges.txt")


def pieces(words, text, **settings):
    names = {number: piece for piece, number in words.number.items()}
    return [names[int(k)] for k in words.tokens([text], **settings)[0]]


def test_letters_are_joined_in_the_order_of_the_list(words):
    assert pieces(words, "rain") == ["<|startoftext|>", "rain</w>", "<|endoftext|>"]
    assert pieces(words, "Rat")[1:-1] == ["ra", "t</w>"]
    assert pieces(words, " RA  in ")[1:-1] == ["r", "a</w>", "in</w>"]  # a word's end is part of its last piece


def test_there_is_a_number_for_every_piece(words):
    assert len(words.number) == PIECES == len(set(words.number.values()))
    assert words.number["!"] == 0 and words.number["<|endoftext|>"] == PIECES - 1


def test_any_writing_is_cut_into_bytes(words):
    assert len(pieces(words, "東京")) == 2 + 6


def test_texts_are_padded_and_cut(words):
    table = words.tokens(["in", "in in in in in in in in in"], most=6)
    assert table.shape == (2, 6) and table[0, 3:].tolist() == [0, 0, 0]
    assert table[:, -1].tolist() == [0, PIECES - 1]
    assert words.tokens([""]).tolist() == [[PIECES - 2, PIECES - 1]]


def test_no_list_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"merges\.txt"):
        Words.read(tmp_path / "merges.txt")
    (tmp_path / "other.txt").write_text("#\none two three\n")
    with pytest.raises(ValueError, match="two pieces"):
        Words.read(tmp_path / "other.txt")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="open_clip is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", ["Lisbon tram, 1995!!", "it's a  Straße in 東京 &amp; café ___x_y", "½ дом №5 हिन्दी"])
def test_it_cuts_as_open_clip_does(tmp_path, text):
    torchvision_on_cpu.make_importable()
    import open_clip.tokenizer as theirs

    packed = Path(theirs.__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
    (tmp_path / "merges.txt").write_bytes(gzip.decompress(packed.read_bytes()))
    expected = theirs.SimpleTokenizer()([text])[0]
    ours = Words.read(tmp_path / "merges.txt").tokens([text])[0]
    assert ours.tolist() == expected[: len(ours)].tolist() and int(ours[-1]) == 49407
