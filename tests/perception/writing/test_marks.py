import pytest

from lookhear.perception.writing.marks import find_marks


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("Tel. +351 21 345 678", {"+351": ("PT",)}),
        ("0049 30 1234567", {"+49": ("DE",)}),
        ("www.pastelaria.pt", {".pt": ("PT",)}),
        ("info@shop.co.uk", {}),
        ("www.startup.io", {}),
        ("₹ 250", {"INR": ("IN",)}),
        ("25 zł", {"PLN": ("PL",)}),
        ("MH 12 AB 1234", {"IN plate": ("IN",)}),
        ("AB12 CDE", {"GB plate": ("GB",)}),
    ],
)
def test_marks(text, marks):
    found = {mark.text: mark.isos for mark in find_marks(text)}
    assert {mark: isos for mark, isos in found.items() if mark != ".uk"} == marks


@pytest.mark.parametrize(
    "text", ["213 456 789", "+1", "Sr. do", "e.g. at", "25 +351", "£", "AB12 CDE FGH", "price 00", "10-12.30", "v1.it"]
)
def test_what_is_not_safe_is_no_mark(text):
    assert find_marks(text) == ()


def test_a_british_domain():
    assert [mark.text for mark in find_marks("www.shop.co.uk")] == [".uk"]
