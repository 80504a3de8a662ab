from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely

from lookhear.data import cells
from lookhear.data.geo import EARTH_AREA_KM2, EARTH_RADIUS_KM, GeoPoint, lat_lon_deg
from lookhear.data.provenance import FileClaims
from lookhear.prediction.density import CellDensity
from lookhear.prediction.writers import (
    WRITERS,
    audacity,
    csv_table,
    geojson,
    json_record,
    kml,
    raven,
    save,
)

NASTY = "a\"b'c\n\td&é🐦<script>alert(1)</script>"
PLACES = {
    "Pennsylvania": GeoPoint(40.16, -79.27),
    "Fiji": GeoPoint(-17.8, 179.9),
    "north pole": GeoPoint(90.0, 0.0),
    "south pole": GeoPoint(-89.0, 37.0),
    "corner of the cube": GeoPoint(35.26439, 135.0),
}
WIDTHS = {"narrow": (40.0, 6), "middling": (300.0, 5), "wide": (2500.0, 4)}
SLOW = {("Pennsylvania", "wide"), ("south pole", "wide"), ("corner of the cube", "wide")}
"""Wide regions around other places cover the same edges of the map."""
KML = {"k": kml.NAMESPACE}


def regions(*widths: str) -> list[Any]:
    """Each place with each width."""
    pairs = [(place, width) for place in PLACES for width in widths]
    return [pytest.param(*pair, marks=pytest.mark.slow if pair in SLOW else ()) for pair in pairs]


def area_km2(shape: Any) -> float:
    """Area on the sphere of what is drawn with straight lines in (longitude, latitude), by Lambert's cylinder."""
    fine = shapely.segmentize(shape, 0.05)
    flat = shapely.transform(fine, lambda p: np.column_stack([np.radians(p[:, 0]), np.sin(np.radians(p[:, 1]))]))
    return float(flat.area) * EARTH_RADIUS_KM**2


def is_sound(shape: Any) -> bool:
    """Valid, on the map, outer rings counter-clockwise and holes clockwise."""
    west, south, east, north = shape.bounds
    rings = [(part.exterior.is_ccw, [hole.is_ccw for hole in part.interiors]) for part in shapely.get_parts(shape)]
    on_the_map = west >= -180 and east <= 180 and south >= -90 and north <= 90
    return shape.is_valid and on_the_map and all(outer and not any(holes) for outer, holes in rings)


def layer(result: Any) -> dict[str, Any]:
    return dict(json.loads(geojson.write(result)))


def of_role(collection: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [feature for feature in collection["features"] if feature["properties"]["role"] == role]


def kml_area(mark: ET.Element) -> Any:
    def ring(element: ET.Element) -> list[list[float]]:
        text = element.findtext("k:LinearRing/k:coordinates", "", KML)
        return [[float(number) for number in point.split(",")] for point in text.split()]

    return shapely.MultiPolygon(
        [
            (ring(area.find("k:outerBoundaryIs", KML)), [ring(hole) for hole in area.findall("k:innerBoundaryIs", KML)])
            for area in mark.iterfind(".//k:Polygon", KML)
        ]
    )


# --- save ---


def test_save_writes_every_format_under_its_own_name(result, tmp_path):
    paths = save(result, tmp_path / "new" / "folder", list(WRITERS), "dawn 🐦")
    assert [path.name.removeprefix("dawn 🐦.") for path in paths] == [
        "html",
        "json",
        "geojson",
        "kml",
        "csv",
        "raven.txt",
        "audacity.txt",
    ]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(path.name for path in paths)


def test_save_refuses_an_unknown_format_before_it_writes(result, tmp_path):
    with pytest.raises(ValueError, match="no format 'pdf'; choose from html, json, geojson"):
        save(result, tmp_path / "out", ["json", "pdf"], "dawn")
    assert not (tmp_path / "out").exists()


def test_a_format_named_twice_is_written_once(result, tmp_path):
    assert save(result, tmp_path, ["csv", "csv"], "dawn") == [tmp_path / "dawn.csv"]


def test_result_save_takes_the_name_of_the_clip(result, tmp_path):
    assert result.save(tmp_path, ["audacity"]) == [tmp_path / "Wood Thrush.audacity.txt"]


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "html"])
def test_the_same_result_gives_the_same_bytes(make_result, name):
    one, other = (WRITERS[name].write(make_result(PLACES["Fiji"])) for _ in range(2))
    assert one == other and one


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "html"])
def test_a_name_that_is_no_utf_8_is_written_as_utf_8(make_result, name):
    content = WRITERS[name].write(make_result(PLACES["Fiji"], text="broken \udcff"))
    assert "broken" in content.decode("utf-8")


# --- json ---


@pytest.mark.parametrize("say", [True, False])
@pytest.mark.parametrize("text", ["Wood Thrush", NASTY, "broken \udcff name"])
def test_the_record_is_read_back_to_the_same_bytes(make_result, tmp_path, text, say):
    result = make_result(PLACES["Fiji"], text=text, say=say)
    path = tmp_path / "record.json"
    path.write_bytes(json_record.write(result))
    again = json_record.read(path)
    assert json_record.write(again) == path.read_bytes()
    assert again.best == result.best and (again.best is None) == (not say)
    assert again.clip == result.clip and again.file_claims == result.file_claims and again.sound == result.sound


def test_the_record_is_plain_json_that_a_person_can_scroll_through(result):
    text = json_record.write(result).decode()
    assert json.loads(text) == json.loads(json.dumps(result.to_json()))
    assert list(json.loads(text))[:2] == ["schema", "answer"]
    lines = text.splitlines()
    assert len(lines) < 200
    assert all(re.match(r' *("\w+": )?\[', line) for line in lines if len(line) > 200)


def test_numbers_that_json_does_not_have_are_refused(result):
    bad = dataclasses.replace(result, settings={"week": float("nan")})
    with pytest.raises(ValueError):
        json_record.write(bad)


@pytest.mark.parametrize("content", ["no json", "[1, 2]", '{"schema": 99}'])
def test_what_is_no_record_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"^\S.*\.$"):
        json_record.read(path)


# --- geojson ---


@pytest.mark.parametrize(("place", "width"), regions(*WIDTHS))
def test_regions_are_sound_and_as_large_as_they_say(make_result, place, width):
    spread_km, level = WIDTHS[width]
    result = make_result(PLACES[place], spread_km, level)
    regions = of_role(layer(result), "region")
    assert [region["properties"]["probability"] for region in regions] == [0.5, 0.9]
    for region in regions:
        assert region["geometry"]["type"] == "MultiPolygon"
        shape = shapely.geometry.shape(region["geometry"])
        assert is_sound(shape)
        assert area_km2(shape) == pytest.approx(region["properties"]["area_km2"], rel=0.01)
        assert region["properties"]["prior_only"] is False


@pytest.mark.parametrize("place", PLACES)
def test_heat_is_sound_and_holds_its_probability(make_result, place):
    result = make_result(PLACES[place], 400.0)
    heat = of_role(layer(result), "heat")
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in heat]
    assert all(is_sound(shape) for shape in shapes)
    assert 0.99 <= sum(feature["properties"]["probability"] for feature in heat) < 1.0
    log_density = [feature["properties"]["log_density_nats_per_sr"] for feature in heat]
    assert log_density == sorted(log_density, reverse=True)
    middle = np.array([shape.centroid.coords[0][::-1] for shape in shapes])
    units = np.array([GeoPoint(*point).unit for point in middle])
    away = np.abs(middle[:, 0]) < 85  # a cell at the pole is a triangle; its flat centroid may lie outside
    assert result.density.log_density(units)[away] == pytest.approx(np.array(log_density)[away], abs=1e-3)


def test_a_region_across_the_antimeridian_is_cut_there(make_result):
    result = make_result(PLACES["Fiji"], 400.0)
    collection = layer(result)
    for region in of_role(collection, "region"):
        parts = shapely.get_parts(shapely.geometry.shape(region["geometry"]))
        spans = [(part.bounds[0], part.bounds[2]) for part in parts]
        assert any(east == 180.0 for _, east in spans) and any(west == -180.0 for west, _ in spans)
        assert all(east - west < 90.0 for west, east in spans)
    claimless = dataclasses.replace(result, file_claims=FileClaims())
    west, south, east, north = layer(claimless)["bbox"]
    assert 150 < west < 180 and -180 < east < -150 and south < -17.8 < north


def test_boxes_follow_the_standard():
    point, other = shapely.Point(170, 10), shapely.Point(-170, -10)
    assert geojson.bounding_box([point]) == [170, 10, 170, 10]
    assert geojson.bounding_box([point, other]) == [170, -10, -170, 10]
    assert geojson.bounding_box([shapely.box(-30, 0, 20, 5), shapely.Point(40, 1)]) == [-30, 0, 40, 5]
    assert geojson.bounding_box([shapely.box(-180, 80, 180, 90)]) == [-180, 80, 180, 90]
    halves = [shapely.box(-180, 80, 0, 90), shapely.box(0, 80, 180, 90), shapely.Point(3, 4)]
    assert geojson.bounding_box(halves) == [-180, 4, 180, 90]
    assert geojson.bounding_box([shapely.box(170, 0, 180, 5), shapely.box(-180, 0, -175, 6)]) == [170, 0, -175, 6]


def test_a_box_around_a_pole_reaches_it_and_runs_around_the_earth(make_result):
    west, south, east, north = layer(make_result(PLACES["north pole"]))["bbox"]
    assert (west, east, north) == (-180.0, 180.0, 90.0) and south < 88


def test_points_and_their_properties(result):
    collection = layer(result)
    (best,) = of_role(collection, "best")
    assert best["geometry"]["coordinates"] == [result.best.lon_deg, result.best.lat_deg]
    assert best["properties"]["headline"] == result.outlook.headline == collection["lookhear"]["headline"]
    assert best["properties"]["place"] == "Pennsylvania, United States (12 km from Ligonier)"
    candidates = of_role(collection, "candidate")
    assert len(candidates) == len(result.top()) >= 1
    assert [c["properties"]["rank"] for c in candidates] == list(range(1, len(candidates) + 1))
    (claim,) = of_role(collection, "file_claim")
    assert claim["geometry"]["coordinates"] == [178.1, -17.7]
    assert "not used" in claim["properties"]["note"]
    assert claim["properties"]["distance_to_best_km"] == pytest.approx(12_650, rel=0.03)


def test_coordinates_have_no_more_than_five_decimals(make_result):
    text = geojson.write(make_result(PLACES["south pole"])).decode()
    assert not re.search(r"\.\d{6,}(?=[,\]])", "".join(re.findall(r'"coordinates":[^"]*', text)))


def test_cells_of_the_whole_earth_cover_it_without_gaps_or_overlaps():
    coarse, fine = cells.all_cells(1), cells.all_cells(5)
    split = fine[cells.find(np.sort(coarse[::3]), fine) >= 0]
    mixed = np.sort(np.concatenate([coarse[cells.find(split, coarse) < 0], split]))
    mixed = mixed[np.isin(mixed, np.unique(cells.parents(split, 1)), invert=True)]
    shapes = geojson.polygons(mixed)
    assert len(np.unique(cells.levels(mixed))) == 2
    assert shapely.coverage_is_valid(shapes)
    whole = shapely.union_all(shapes)
    assert whole.is_valid and whole.equals(shapely.box(-180, -90, 180, 90))


def test_every_polygon_has_the_area_of_its_cell():
    ids = np.concatenate([cells.all_cells(level) for level in (1, 2, 4)])
    drawn = [area_km2(shape) for shape in geojson.polygons(ids)]
    assert drawn == pytest.approx(cells.areas_sr(np.sort(ids)) * EARTH_RADIUS_KM**2, rel=0.01)


@pytest.mark.slow
def test_sides_keep_to_their_great_circles():
    ids = cells.all_cells(4)
    ids = ids[np.abs(lat_lon_deg(cells.centers(ids))[0]) < 70]
    for cell, shape in zip(ids[::37], geojson.polygons(ids)[::37], strict=True):
        corner = cells.corners(cell[None])[0]
        normals = np.cross(corner, np.roll(corner, -1, axis=0))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        ring = np.array(shapely.segmentize(shape, 0.02).exterior.coords)
        units = np.array([GeoPoint(lat, lon).unit for lon, lat in ring])
        off_km = np.abs(np.arcsin(units @ normals.T)).min(axis=1) * EARTH_RADIUS_KM
        assert off_km.max() < 0.2


def test_a_cell_of_level_0_is_drawn_as_its_four_parts(make_result):
    assert len(geojson.polygons(cells.all_cells(0))) == 24
    everywhere = dataclasses.replace(make_result(PLACES["Fiji"]), density=CellDensity.uniform(0))
    collection = layer(everywhere)
    heat = of_role(collection, "heat")
    assert sum(feature["properties"]["probability"] for feature in heat) == pytest.approx(1.0, abs=1e-4)
    assert area_km2(geojson.outline(cells.all_cells(0))) == pytest.approx(EARTH_AREA_KM2, rel=1e-9)
    assert all(is_sound(shapely.geometry.shape(feature["geometry"])) for feature in heat)


# --- kml ---


@pytest.mark.parametrize(("place", "width"), regions("narrow", "wide"))
def test_kml_regions_are_sound_narrow_and_as_large_as_they_say(make_result, place, width):
    spread_km, level = WIDTHS[width]
    result = make_result(PLACES[place], spread_km, level)
    root = ET.fromstring(kml.write(result))
    marks = {mark.findtext("k:styleUrl", "", KML): mark for mark in root.iterfind(".//k:Placemark", KML)}
    for probability, style in ((0.5, "#region50"), (0.9, "#region90")):
        shape = kml_area(marks[style])
        assert all(is_sound(part) and part.bounds[2] - part.bounds[0] <= 180 for part in shape.geoms)
        assert area_km2(shape) == pytest.approx(result.density.region(probability).area_km2, rel=0.01)
    heat = [kml_area(mark) for style, mark in marks.items() if style.startswith("#heat")]
    assert sum(area_km2(band) for band in heat) == pytest.approx(result.density.region(0.99).area_km2, rel=0.01)


def test_every_style_is_there_and_colours_are_aabbggrr(result):
    root = ET.fromstring(kml.write(result))
    styles = {style.get("id") for style in root.iterfind(".//k:Style", KML)}
    used = {url.text for url in root.iterfind(".//k:styleUrl", KML)}
    assert used and used <= {f"#{name}" for name in styles}
    colours = [element.text for element in root.iterfind(".//k:color", KML)]
    assert colours and all(re.fullmatch("[0-9a-f]{8}", text) for text in colours)
    assert kml.colour("#ff8000", 0.5) == "800080ff"


def test_texts_of_a_file_do_nothing_in_a_balloon(make_result):
    content = kml.write(make_result(PLACES["Fiji"], text=NASTY + "\x01\udcff"))
    root = ET.fromstring(content)
    descriptions = [element.text for element in root.iterfind(".//k:description", KML)]
    assert any("&lt;script&gt;" in text for text in descriptions)
    assert not any("<script" in text for text in descriptions)
    assert {tag for text in descriptions for tag in re.findall(r"<\w+", text)} == {"<br"}
    assert "🐦<script>" in root.findtext("k:Document/k:name", "", KML)


def test_a_kml_reader_finds_the_points_and_the_regions(make_result, tmp_path):
    result = make_result(PLACES["north pole"], text=NASTY)
    path = tmp_path / "map.kml"
    path.write_bytes(kml.write(result))
    shapes, names = [], []
    for name, _ in pyogrio.list_layers(path):
        meta, _, geometry, columns = pyogrio.raw.read(path, layer=name)
        shapes += shapely.from_wkb(geometry).tolist()
        names += columns[meta["fields"].tolist().index("Name")].tolist()
    best = shapes[names.index("Best point")]
    assert (best.y, best.x) == pytest.approx((result.best.lat_deg, result.best.lon_deg))
    area = shapes[names.index(next(name for name in names if name.startswith("90 % region")))]
    assert area_km2(area) == pytest.approx(result.density.region(0.9).area_km2, rel=0.01)
    assert "Claim of the file" in names


# --- csv ---


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def test_a_batch_is_one_row_a_clip(make_result):
    results = [make_result(place, text=name) for name, place in PLACES.items()]
    results.append(dataclasses.replace(results[0], settings={"coarsen km": 50}))
    content = csv_table.write_table(results)
    rows = table(content)
    assert [Path(row["file"]).stem for row in rows] == [*PLACES, "Pennsylvania"]
    assert content.decode().count("\n") == len(rows) + 1 and b"\r" not in content
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column) for column in rows[0])
    assert float(rows[1]["lon_deg"]) == results[1].best.lon_deg
    assert float(rows[0]["log_density_nats_per_sr"]) == pytest.approx(
        results[0].density.log_density(results[0].best.unit[None])[0], abs=1e-4
    )
    assert (rows[0]["country"], rows[0]["country_probability"]) == ("United States", "0.9")
    assert (rows[0]["setting_fine"], rows[0]["setting_week"], rows[0]["setting_date"]) == ("TRUE", "NA", "2024-05-12")
    assert (rows[0]["setting_coarsen_km"], rows[-1]["setting_coarsen_km"], rows[-1]["setting_fine"]) == (
        "NA",
        "50",
        "NA",
    )
    assert (rows[0]["evidence_count"], rows[0]["species"]) == ("3", "Pennsylvania; Eastern Towhee")
    assert rows[0]["lookhear_version"] == "0.1.0"


def test_one_clip_is_a_table_of_one_row(result):
    assert csv_table.write(result) == csv_table.write_table([result])


def test_an_empty_batch_is_an_empty_table():
    assert table(csv_table.write_table([])) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r-"])
def test_no_spreadsheet_runs_a_text_as_a_formula(make_result, start):
    result = make_result(PLACES["Pennsylvania"], text=start + 'HYPERLINK("http://x")')
    (row,) = table(csv_table.write(result))
    assert row["species"][0] == "'" and row["setting_region"][0] == "'" and "\t" not in row["species"]
    assert row["lon_deg"][0] == "-"  # a number stays a number


def test_texts_with_quotes_and_lines_stay_in_their_cell(make_result):
    (row,) = table(csv_table.write(make_result(PLACES["Fiji"], text=NASTY)))
    assert row["setting_region"] == NASTY.replace("\n\t", " ")


# --- labels ---


def test_raven_reads_the_selections_back(make_result):
    result = make_result(PLACES["Fiji"], text=NASTY)
    rows = list(csv.DictReader(io.StringIO(raven.write(result).decode()), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["Selection"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["Evidence ID"] for row in rows] == ["e1", "e2", "e1", "e3"]
    assert [(float(row["Begin Time (s)"]), float(row["End Time (s)"])) for row in rows] == [
        (0.0, 3.0),
        (1.5, 6.0),
        (4.5, 7.5),
        (6.0, 9.0),
    ]
    assert {(row["Low Freq (Hz)"], row["High Freq (Hz)"], row["Channel"]) for row in rows} == {("0.0", "24000.0", "1")}
    assert rows[0]["Annotation"] == " ".join(NASTY.split()) and float(rows[0]["Score"]) == 0.66
    assert all(None not in row.values() and None not in row for row in rows)


def test_audacity_reads_the_labels_back(make_result):
    lines = audacity.write(make_result(PLACES["Fiji"], text=NASTY)).decode().split("\n")[:-1]
    labels = [line.split("\t") for line in lines]
    assert [label[:2] for label in labels] == [
        ["0.000000", "3.000000"],
        ["1.500000", "6.000000"],
        ["4.500000", "7.500000"],
        ["6.000000", "9.000000"],
    ]
    assert labels[0][2] == " ".join(NASTY.split()) + " 0.66 [e1]"
    assert all(len(label) == 3 for label in labels)


# --- cannot say ---


def test_cannot_say_names_no_place_anywhere(make_result):
    unsure = make_result(PLACES["Pennsylvania"], 3000.0, 4, say=False)
    collection = layer(unsure)
    assert {feature["properties"]["role"] for feature in collection["features"]} == {"region", "file_claim"}
    assert all(region["properties"]["prior_only"] for region in of_role(collection, "region"))
    assert of_role(collection, "file_claim")[0]["properties"]["distance_to_best_km"] is None
    assert collection["lookhear"]["cannot_say"] is True
    marks = ET.fromstring(kml.write(unsure)).iterfind(".//k:Placemark", KML)
    names = [mark.findtext("k:name", "", KML) for mark in marks]
    assert names[0] == "Claim of the file" and all("prior only" in name for name in names[1:]) and len(names) == 3
    (row,) = table(csv_table.write(unsure))
    assert {row[column] for column in csv_table.PLACE_COLUMNS} == {"NA"} and row["scale"] == "earth"
    assert json.loads(json_record.write(unsure))["answer"]["point"] is None
    assert raven.write(unsure).decode() == "\t".join(raven.COLUMNS) + "\n"
    assert audacity.write(unsure) == b""
