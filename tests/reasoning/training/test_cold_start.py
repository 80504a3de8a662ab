import pytest
from tiny_llava import PARIS, ROUEN, brief, found

from lookhear.data.geo import GeoPoint
from lookhear.reasoning.mllm.brief import Brief, read_briefs, write_briefs
from lookhear.reasoning.mllm.prompt import SHORT, Wording
from lookhear.reasoning.rewards import REWARDS, load_reward
from lookhear.reasoning.training.cold_start import cold_completion, taught_option


def test_the_place_that_fits_and_is_nearest_is_taught():
    near, far = brief().options
    assert taught_option((near, far), GeoPoint(49.5, 1.0)) is far
    assert taught_option((near, far), GeoPoint(-33.9, 151.2)) is near  # what the evidence does not hold is not taught
    assert taught_option((), PARIS) is None


def test_a_completion_cites_hedges_and_ends_with_the_place():
    assert cold_completion(brief(), PARIS, "supported", SHORT) == (
        "Found siren. [e1]\nContinent: Europe (90%): siren fits. [e1]\nCountry: France (80%).\nRegion: Paris.\n"
        "Town: 1 km from Paris.\n<answer>48.86, 2.35</answer>"
    )
    assert "Country: perhaps France (80%)" not in cold_completion(brief(), ROUEN, "supported", SHORT)


def test_truth_itself_is_taught_where_it_is_asked_for():
    sydney = GeoPoint(-33.87, 151.21)
    text = cold_completion(brief(), sydney, "truth", Wording())
    assert "Country: perhaps Australia." in text and text.endswith("<answer>-33.87, 151.21</answer>")


def test_nothing_found_leads_to_cannot_say():
    text = cold_completion(brief([], ()), PARIS, "supported", SHORT)
    assert text.endswith("Cannot say where this was recorded.\n<answer>unknown</answer>")


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
