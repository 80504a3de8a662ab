"""A table for R and spreadsheets: one row a clip, with the settings that shaped the answer.

In: results. Out: UTF-8 without a mark, commas, `NA` for what is missing, TRUE and FALSE, dates as ISO 8601, headers of
letters, digits and underscores; probabilities in [0, 1], units in the headers. In R: `read.csv("results.csv")`.
A text that begins with = + - @ gets an apostrophe in front, so that no spreadsheet runs it as a formula; line breaks
and tabs in texts become spaces. Several species share one cell, separated by "; ". Where nothing can be said, the scale
is "earth" and every column about the place is `NA`: what is left of the density is the prior.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any

from lookhear.data.geo import GeoPoint
from lookhear.perception.evidence import Kind
from lookhear.prediction.result import POINT_METHOD, Result
from lookhear.reasoning.outlook import Chance

EXTENSION = "csv"

PLACE_COLUMNS = (
    "lat_deg",
    "lon_deg",
    "method",
    "continent",
    "continent_probability",
    "country",
    "country_probability",
    "region",
    "region_probability",
    "sea_probability",
    "area_50_km2",
    "area_90_km2",
    "log_density_nats_per_sr",
)
"""What is `NA` where nothing can be said."""

Row = dict[str, Any]


def write(result: Result) -> bytes:
    """The table of one clip."""
    return write_table([result])


def write_table(results: Iterable[Result]) -> bytes:
    """The table of a whole batch; a setting that only some runs had is `NA` for the others."""
    rows = [_row(result) for result in results]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _row(result: Result) -> Row:
    return {
        "file": str(result.clip.path),
        "sha256": result.clip.sha256,
        "scale": result.outlook.scale,
        "headline": result.outlook.headline,
        **dict.fromkeys(PLACE_COLUMNS),
        **(_place(result, result.best) if result.best else {}),
        "evidence_count": len(result.evidence),
        "species": _labels(result, "species"),
        "sounds": _labels(result, "sound"),
        **{f"setting_{_header(key)}": value for key, value in result.settings.items()},
        "lookhear_version": result.run.get("lookhear"),
    }


def _place(result: Result, point: GeoPoint) -> Row:
    outlook = result.outlook
    log_density = float(result.density.log_density(point.unit[None])[0])
    return {
        "lat_deg": round(point.lat_deg, 5),
        "lon_deg": round(point.lon_deg, 5),
        "method": POINT_METHOD,
        **_chance("continent", outlook.continents),
        **_chance("country", outlook.countries),
        **_chance("region", outlook.regions),
        "sea_probability": round(outlook.sea, 6),
        "area_50_km2": round(outlook.area_50_km2, 1),
        "area_90_km2": round(outlook.area_90_km2, 1),
        "log_density_nats_per_sr": round(log_density, 4),
    }


def _chance(scale: str, chances: tuple[Chance, ...]) -> Row:
    first = chances[0] if chances else None
    return {scale: first and first.name, f"{scale}_probability": first and round(first.probability, 6)}


def _labels(result: Result, kind: Kind) -> str | None:
    return "; ".join(evidence.label for evidence in result.evidence if evidence.kind == kind) or None


def _header(key: str) -> str:
    return re.sub(r"\W", "_", key, flags=re.ASCII)


def _cell(value: Any) -> str:
    if value is None:
        return "NA"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(re.split(r"[\t\r\n\v\f\0]+", text))
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
