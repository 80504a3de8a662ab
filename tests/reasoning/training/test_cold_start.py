from dataclasses import replace

import pytest
from tiny_llava import PARIS, ROUEN, brief, found

from lookhear.data.geo import GeoPoint
from lookhear.reasoning.mllm.brief import Brief, read_briefs, write_briefs
from lookhear.reasoning.mllm.prompt import SHORT, Wording, text_of
from lookhear.reasoning.rewards import REWARDS, load_reward
from lookhear.reasoning.training.cold_start import cold_completion, taught_option


def test_the_place_that_fits_and_is_nearest_is_taught():
    near, far = brief().options
    assert taught_option((near, far), GeoPoint(49.5, 1.0)) is far
    assert taught_option((near, far), GeoPoint(-33.9, 151.2)) is near  # what the evidence does not hold is not taught
    assert taught_option((), PARIS) is None


def test_a_completion_chooses_cites_and_copies_the_line_of_its_place():
    assert cold_completion(brief(), PARIS, "supported", SHORT) == (
        "A: e1 siren fits. [e1]\nEurope > France > perhaps Paris > 1 km from Paris\n<answer>48.86, 2.35</answer>"
    )
    text, line = cold_completion(brief(), ROUEN, "supported", SHORT), text_of(brief(), SHORT).splitlines()[2]
    letter, names, answer = text.splitlines()
    assert letter == "B: Found e1 siren. [e1]" and line.startswith("B ") and names in line and answer[8:19] in line


def test_truth_itself_is_taught_where_it_is_asked_for():
    sydney = GeoPoint(-33.87, 151.21)
    text = cold_completion(brief(), sydney, "truth", Wording())
    assert text.startswith("e1 siren fits. [e1]\nperhaps Oceania > Australia > New South Wales")
    assert text.endswith("<answer>-33.87, 151.21</answer>")


def test_nothing_found_leads_to_cannot_say():
    text = cold_completion(brief([], ()), PARIS, "supported", SHORT)
    assert text.endswith("Cannot say where this was recorded.\n<answer>unknown</answer>")


def test_a_completion_cites_only_what_is_told():
    some = [found(k, "sound", f"sound {k}", 0.1 * k) for k in range(1, 9)]
    option = replace(brief().options[0], cites=("e1", "e7", "e8", "e6"))
    text = cold_completion(brief(some, (option,)), PARIS, "supported", SHORT)
    assert text.startswith("A: e7 sound 7 and e8 sound 8 fit. [e7, e8]\n")


@pytest.mark.parametrize("truth", [PARIS, ROUEN])
def test_completions_earn_full_marks(truth):
    columns = {"lat_deg": [truth.lat_deg], "lon_deg": [truth.lon_deg]}
    columns["evidence"] = [[one.to_json() for one in brief().evidence]]
    text = cold_completion(brief(), truth, "supported", SHORT)
    for name in REWARDS:
        assert load_reward(name)(completions=[text], **columns) == [pytest.approx(1.0)], name


def test_briefs_come_back_from_json(tmp_path):
    write_briefs(tmp_path / "b.jsonl", [brief(), brief([found(2, "text", "BOULANGERIE")], ())])
    assert [one.to_json() for one in read_briefs(tmp_path / "b.jsonl")][1] == brief(
        [found(2, "text", "BOULANGERIE")], ()
    ).to_json()
    assert Brief.from_json(brief().to_json()) == brief()


def test_a_damaged_file_of_briefs_is_named(tmp_path):
    (tmp_path / "b.jsonl").write_text('{"clip_id": "a"}\n')
    with pytest.raises(ValueError, match=r"Line 1 of .*b\.jsonl is no brief"):
        list(read_briefs(tmp_path / "b.jsonl"))
