import csv
import io
import json
import math
import re

import pytest

from lookhear.prediction.metrics.measures import MEASURES
from lookhear.prediction.metrics.summary import Summary
from lookhear.prediction.reports import REPORTS, Report, csv_table, json_record, latex, save, text
from lookhear.prediction.reports.published import PUBLISHED
from lookhear.prediction.reports.tables import number, tables


def test_every_module_is_a_report_and_the_same_summary_gives_the_same_bytes(summary):
    assert all(isinstance(report, Report) for report in REPORTS.values())
    for report in (text, csv_table, json_record, latex):
        assert report.write(summary, "avg") == report.write(summary, "avg")


def test_text_is_aligned_and_marks_the_best(summary):
    shown = text.text(summary)
    block = shown.split("\n\n")[2].splitlines()
    assert len({line.index(".", 35) for line in block[2::2]}) == 1
    assert re.search(r"^ours .*\*", shown, re.MULTILINE) and "∞" in shown
    assert "points only: no answer for 40, no densities of 60 clips." in shown


def test_methods_without_densities_are_left_out_of_their_tables(summary):
    by_name = {table.name: [line.name for line in table.lines] for table in tables(summary)}
    assert "points only" in by_name["distance"] and "points only" not in by_name["density"]
    assert {"continent-median_km", "evidence-within_750_km"} <= by_name.keys()
    assert "points only" in by_name["evidence-median_km"] and "points only" not in by_name["evidence-inside_90"]


def test_best_is_nearest_to_the_level_for_coverage_and_never_a_papers_number(summary):
    table = next(table for table in tables(summary, "inatsounds") if table.name == "density")
    column = table.heads.index("in 90% region")
    off = {line.name: abs(float(line.cells[column].text) - 90) for line in table.lines if not line.source}
    assert [line.name for line in table.lines if line.cells[column].best] == [min(off, key=off.get)]
    assert not any(cell.best for line in table.lines if line.source for cell in line.cells)


def test_published_rows_carry_their_source_in_every_form(summary):
    assert "AVG †" in text.text(summary, "avg") and "AVG †" not in text.text(summary)
    assert "not measured here" in text.text(summary, "avg")
    assert r"\textit{AVG}$^\dagger$" in latex.write(summary, "avg")["tables.tex"].decode()
    rows = list(csv.DictReader(io.StringIO(csv_table.write(summary, "avg")["measures.csv"].decode())))
    paper = [row for row in rows if row["source"] != "measured here"]
    assert len(paper) == 4 * len(PUBLISHED["avg"]) and all("Table 1" in row["source"] for row in paper)


def test_published_measures_are_ours():
    assert {name for lines in PUBLISHED.values() for line in lines for name in line.values} <= MEASURES.keys()


def test_unknown_published_numbers_are_refused(summary):
    with pytest.raises(ValueError, match="avg, inatsounds"):
        tables(summary, "none such")


def test_csv_reads_back_and_runs_no_formula(summary):
    rows = list(csv.DictReader(io.StringIO(csv_table.write(summary)["measures.csv"].decode())))
    assert {row["method"][0] for row in rows} == {"o", "p", "'"}
    parts = sum(len(kind) for kind in summary.methods[0].groups.values())
    assert len(rows) == 3 * (1 + parts) * len(MEASURES)
    median = next(row for row in rows if row["method"] == "points only" and row["measure"] == "median_km")
    assert median["value"] == "Inf" and median["missing"] == "40"
    assert next(row for row in rows if row["method"] == "points only" and row["measure"] == "nll")["value"] == "NA"


def test_json_reads_back(summary):
    record = json.loads(json_record.write(summary)["summary.json"])
    assert repr(Summary.from_json(record)) == repr(summary)


def test_latex_escapes_names_and_balances(summary):
    made = latex.write(summary, "inatsounds")["tables.tex"].decode()
    assert r"=<b>50\%\_of \{all\}</b> \& \textbackslash{}input \$x\textasciicircum{}2\$" in made
    assert made.count(r"\begin{tabular}") == made.count(r"\end{tabular}") == len(tables(summary))
    for body in re.findall(r"\\toprule\n(.*?)\\bottomrule", made, re.DOTALL):
        counts = {len(re.findall(r"(?<!\\)&", line)) for line in body.splitlines() if "rule" not in line}
        assert len(counts) == 1


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(0.08349, "share", "8.3"), (1355.4, "km", "1,355"), (math.inf, "km", "∞"), (math.nan, "share", "–")],
)
def test_numbers_as_people_read_them(value, unit, expected):
    assert number(value, unit) == expected


def test_saving_writes_what_was_asked_for_and_an_unknown_form_writes_nothing(summary, tmp_path):
    paths = save(summary, tmp_path / "new", ["text", "csv", "text"])
    assert [path.name for path in paths] == ["tables.txt", "measures.csv"] and all(path.exists() for path in paths)
    with pytest.raises(ValueError, match="'word'"):
        save(summary, tmp_path / "other", ["text", "word"])
    assert not (tmp_path / "other").exists()
