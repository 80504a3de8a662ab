import json

import pytest
import shapely

from lookhear.data.outline import read_outline

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}


@pytest.mark.parametrize(
    "record",
    [
        SQUARE,
        {"type": "Feature", "properties": {}, "geometry": SQUARE},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": SQUARE}]},
    ],
)
def test_polygons_are_read(tmp_path, record):
    path = tmp_path / "my area.geojson"
    path.write_text(json.dumps(record))
    assert read_outline(str(path)).area == pytest.approx(4.0)


def test_countries_are_read():
    assert read_outline("Iceland").contains(shapely.Point(-19, 65))
    assert read_outline("is").equals(read_outline("Iceland"))


@pytest.mark.parametrize(
    "text",
    ["{", '{"type": "Point", "coordinates": [1, 2]}', "[1]", '{"type": "FeatureCollection", "features": []}', "null"],
)
def test_what_is_no_polygon_is_refused(tmp_path, text):
    path = tmp_path / "area.geojson"
    path.write_text(text)
    with pytest.raises(ValueError, match="olygon"):
        read_outline(str(path))


def test_projected_coordinates_are_refused(tmp_path):
    path = tmp_path / "area.geojson"
    ring = [[4_000_000, 0], [4_000_100, 0], [4_000_100, 100], [4_000_000, 0]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    with pytest.raises(ValueError, match="degrees"):
        read_outline(str(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.geojson"):
        read_outline(str(tmp_path / "nowhere.geojson"))
