import json

import numpy as np
import pytest

from lookhear.data import cells
from lookhear.data.gazetteer import PlaceName
from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import CellLikelihood, Evidence, Moment
from lookhear.reasoning.outlook import Chance, Outlook
from lookhear.reasoning.rules import area_text, clock, opposing, supporting, write_trace
from lookhear.reasoning.trace import Trace

HERE = GeoPoint(48.0, -4.0)


def finding(name, ratio_here, elsewhere=-1.0, where=True):
    cell = cells.cell_ids(HERE.unit[None], 6)
    likelihood = CellLikelihood.of(cell, np.array([ratio_here]), elsewhere) if where else None
    return Evidence(name, "species", f"Bird {name}", name, (Moment(61.0, 64.0, 0.8),), 0.7, "test", likelihood)


def outlook(region=0.7, point=HERE):
    place = PlaceName("Europe", "France", "Brittany", "Brest", 12.3) if point else None
    continents = (Chance("Europe", 0.9), Chance("Asia", 0.1))
    return Outlook(point, place, continents, (Chance("France", 0.8),), (Chance("Brittany", region),), 0.0, 1e5, 2.5e6)


def test_claims_go_from_coarse_to_fine_and_cite_what_supports_them():
    trace = write_trace([finding("e1", 2.0), finding("e2", -0.9), finding("e3", 0.0, where=False)], outlook())
    steps = [claim.step for claim in trace.claims]
    assert steps == ["heard", "continent", "country", "region", "town", "against", "against", "limit"]
    assert trace.claims[0].cites == ("e1", "e2", "e3")
    assert all(claim.cites == ("e1",) for claim in trace.claims[1:5])
    assert trace.claims[5].cites == ("e2",) and "Bird e2" in trace.claims[5].text
    assert "Asia" in trace.claims[6].text
    assert trace.claims[1].probability == 0.9 and trace.claims[1].place == "Europe"
    assert trace.answer == HERE and trace.made_by == "rules"


def test_it_stops_where_no_name_stands_out():
    trace = write_trace([finding("e1", 2.0)], outlook(region=0.3))
    assert "stays open" in next(claim for claim in trace.claims if claim.step == "region").text


def test_without_a_place_it_says_so():
    trace = write_trace([], outlook(point=None))
    assert [claim.step for claim in trace.claims] == ["heard", "limit"]
    assert trace.answer is None and "<answer>unknown</answer>" in trace.text
    only_siren = write_trace([finding("e1", 0.0, where=False)], outlook(point=None))
    assert "Bird e1" in only_siren.text and "Cannot say" in only_siren.text


def test_every_cited_id_exists():
    evidence = [finding(f"e{k}", k - 5.0) for k in range(1, 12)]
    trace = write_trace(evidence, outlook())
    assert {cite for claim in trace.claims for cite in claim.cites} <= {one.id for one in evidence}
    assert "5 more" in trace.claims[0].text


def test_support_and_opposition_are_told_apart_at_the_point():
    evidence = [finding("e1", 2.0), finding("e2", -0.5), finding("e3", 0.1), finding("e4", 1.0, where=False)]
    assert [one.id for one in supporting(evidence, HERE)] == ["e1"]
    assert [one.id for one in opposing(evidence, HERE)] == ["e2"]
    assert len(opposing(evidence, GeoPoint(-40, 100))) == 3


def test_it_round_trips():
    for trace in (write_trace([finding("e1", 2.0)], outlook()), write_trace([], outlook(point=None))):
        assert Trace.from_json(json.loads(json.dumps(trace.to_json()))) == trace


@pytest.mark.parametrize("time_s, text", [(0, "0:00"), (7.4, "0:07"), (61, "1:01"), (3_725, "1:02:05")])
def test_clock(time_s, text):
    assert clock(time_s) == text


@pytest.mark.parametrize("area, text", [(190_424, "190,000 km²"), (1_336_000, "1.3 million km²"), (57.0, "60 km²")])
def test_area_text(area, text):
    assert area_text(area) == text
