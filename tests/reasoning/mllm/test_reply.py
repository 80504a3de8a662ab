import time

import pytest
from tiny_llava import PARIS, brief, found

from lookhear.reasoning.mllm.prompt import SHORT
from lookhear.reasoning.mllm.reply import read_reply
from lookhear.reasoning.training.cold_start import cold_completion

ANSWER = "\n<answer>48.86, 2.35</answer>"


def test_a_cold_start_is_read_back():
    trace = read_reply(cold_completion(brief(), PARIS, "supported", SHORT), [found()], "m")
    assert [(claim.step, claim.place) for claim in trace.claims] == [
        ("heard", None),
        ("continent", "Europe"),
        ("country", "France"),
        ("region", "Paris"),
        ("town", "Paris"),
    ]
    assert trace.claims[0].text == "siren fits." and trace.claims[0].cites == ("e1",) and trace.answer == PARIS
    assert trace.claims[3].text == "Region: perhaps Paris." and trace.claims[4].text == "Town: 1 km from Paris."


def test_names_of_a_chain_are_read_in_their_context():
    trace = read_reply("Asia > perhaps Georgia > Tbilisi > Neverwhere" + ANSWER, [], "m")
    assert [(claim.step, claim.place) for claim in trace.claims][:2] == [("continent", "Asia"), ("country", "Georgia")]
    assert trace.claims[-1].text == "Region: Neverwhere." and trace.claims[-1].place is None


def test_a_town_of_its_regions_name_is_still_a_town():
    trace = read_reply("Asia > Japan > Tokyo > 0 km from Tokyo" + ANSWER, [], "m")
    assert [(claim.step, claim.place) for claim in trace.claims[2:]] == [("region", "Tokyo"), ("town", "Tokyo")]
    assert trace.claims[-1].text == "Town: 0 km from Tokyo."


def test_a_chain_cites_only_what_there_is():
    trace = read_reply("Europe > France [e1; e99] > Paris" + ANSWER, [found()], "m")
    assert trace.claims[1].text == "Country: France." and trace.claims[1].cites == ("e1",)


@pytest.mark.parametrize(
    ("line", "step", "place"),
    [
        ("I think it is near Rouen in France.", "town", "Rouen"),
        ("A siren.", "heard", None),
        ("Loud > quiet > nothing.", "heard", None),
        ("Not excluded: Asia (5 %).", "against", None),
        ("<think>It is in Europe</think>", "continent", "Europe"),
    ],
)
def test_free_words_are_sorted_by_what_they_name(line, step, place):
    (claim,) = read_reply(line + ANSWER, [], "m").claims
    assert (claim.step, claim.place) == (step, place)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<answer></answer>",
        "<answer>95.0, 10.0</answer>",
        "<answer>Paris</answer>",
        "<answer>48.86, 2.35",
        "unknown place",
    ],
)
def test_what_cannot_be_read_is_none(answer):
    assert read_reply(f"Country: France.\n{answer}", [], "m") is None


@pytest.mark.parametrize("answer", ["48°51′36″N 2°21′E", "N 48.86, E 2.35", "４８.８６, ２.３５", "48,86; 2,35"])
def test_other_notations_are_read(answer):
    assert read_reply(f"<answer>{answer}</answer>", [], "m").answer.distance_km(PARIS) < 1


def test_unknown_is_cannot_say():
    trace = read_reply("Cannot say where this was recorded.\n<answer>unknown</answer>", [], "m")
    assert trace.answer is None and [claim.step for claim in trace.claims] == ["limit"]


def test_of_two_answers_the_last_counts():
    assert read_reply("<answer>0, 0</answer>" + ANSWER, [], "m").answer == PARIS


def test_invented_citations_are_dropped():
    (claim,) = read_reply("Found siren. [e1, e9]" + ANSWER, [found()], "m").claims
    assert claim.cites == ("e1",) and claim.text == "Found siren."


def test_much_noise_is_cut_in_no_time():
    began = time.perf_counter()
    trace = read_reply("[e1] Ünnamed (100%) " * 5000 + "\nx" * 5000 + ANSWER, [found()], "m")
    assert len(trace.claims) == 30 and len(trace.claims[0].text) <= 400
    assert time.perf_counter() - began < 2
