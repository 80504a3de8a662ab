from __future__ import annotations

import base64
import hashlib
import re
import wave
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookhear.data import cells
from lookhear.data.clip import Clip
from lookhear.data.gazetteer import PlaceName, gazetteer
from lookhear.data.geo import EARTH_RADIUS_KM, GeoPoint, great_circle_km, unit_vectors
from lookhear.data.provenance import FileClaims
from lookhear.perception.evidence import CellLikelihood, Evidence, Moment
from lookhear.prediction.coarsen import coarsen
from lookhear.prediction.density import Candidate, CellDensity
from lookhear.prediction.result import Result
from lookhear.prediction.writers import html, page_answer
from lookhear.prediction.writers.page_cells import borders, heat_of
from lookhear.prediction.writers.page_markup import element, text
from lookhear.prediction.writers.page_projection import WORLD_HEIGHT, WORLD_WIDTH, Azimuthal, EqualEarth
from lookhear.prediction.writers.page_world import world_map
from lookhear.prediction.writers.page_zoom import CITY_RADIUS_KM
from lookhear.reasoning.outlook import Chance, Outlook
from lookhear.reasoning.trace import Claim, Trace

PENNSYLVANIA = GeoPoint(40.2, -79.3)
FIJI = GeoPoint(-17.4, 179.9)
POLE = GeoPoint(89.2, 20.0)
EVIL = "<script>alert(1)</script>\"'><img src=https://x.test/p.png onerror=alert(2)>&{}\0\u202e\udcff"


def bump(center: GeoPoint, spread_km: float, level: int = 6) -> CellDensity:
    """A round hill of probability with a faint floor."""
    ids = cells.all_cells(level)
    cosine = cells.centers(ids) @ center.unit
    hill = (cosine - 1.0) * (EARTH_RADIUS_KM / spread_km) ** 2
    return CellDensity.of(ids, np.logaddexp(hill, -14.0))


def prior() -> CellDensity:
    """Land, level 6, with a little for the sea."""
    ids = cells.all_cells(6)
    on_land = np.isin(ids, gazetteer().land[0])
    return CellDensity.of(ids, np.where(on_land, 0.0, -5.0))


def bird(number: int, center: GeoPoint, words: str = "Wood Thrush") -> Evidence:
    ids = cells.all_cells(6)
    near = cells.centers(ids) @ center.unit
    where = CellLikelihood.of(ids, 4.0 * np.exp((near - 1.0) * 60.0) - 0.7, -0.7)
    moments = (Moment(1.5 * number, 1.5 * number + 3.0, 0.66), Moment(8.0, 9.5, 0.3))
    return Evidence(f"e{number}", "species", words, "Hylocichla mustelina", moments, 0.64, "BirdNET V2.4", where)


def dog(number: int) -> Evidence:
    return Evidence(f"e{number}", "sound", "dog barking", "Dog", (Moment(4.0, 5.5, 0.8),), 0.8, "BirdNET V2.4")


def outlook(center: GeoPoint | None, density: CellDensity, words: str = "Pennsylvania") -> Outlook:
    return Outlook(
        point=center,
        place=PlaceName("North America", "United States", words, "Latrobe", 12.3) if center else None,
        continents=(Chance("North America", 0.97), Chance("Europe", 0.02)),
        countries=(Chance("United States", 0.86, "North America"), Chance("Canada", 0.11, "North America")),
        regions=(Chance(words, 0.34, "United States"), Chance("Ohio", 0.2, "United States")),
        sea=0.012,
        area_50_km2=density.region(0.5).area_km2,
        area_90_km2=density.region(0.9).area_km2,
    )


def world(
    center: GeoPoint | None = PENNSYLVANIA, path: Path = Path("gone/dawn.ogg"), spread_km: float = 260.0
) -> Result:
    """A small world: a result around a place, or one that cannot say."""
    density = bump(center, spread_km) if center else prior()
    evidence = (bird(1, center), bird(2, center, "Eastern Towhee"), dog(3)) if center else (dog(1),)
    cites = tuple(one.id for one in evidence[:2])
    claims = [Claim("heard", "Found Wood Thrush (0:01–0:09, 64 %).", cites)] if center else []
    claims += [Claim("continent", "Continent: North America (97 %).", cites, "North America", 0.97)] if center else []
    claims += [Claim("limit", "Nothing finer is known.")]
    return Result(
        clip=Clip(path, "sound", "ab" * 32, "ogg", 10.0, True, sample_rate_hz=48_000, channels=1),
        file_claims=FileClaims("2024-05-12T06:30:00", GeoPoint(41.5, -76.0), "Zoom", "H2n", "Lavf", {"artist": "A"}),
        sound=None,
        evidence=evidence,
        density=density,
        outlook=outlook(center, density),
        trace=Trace(tuple(claims), center, "rules"),
        notes=("No date was given, so every season counts.",),
        settings={"week": None, "prior": "recordings"},
        run={"lookhear": "0.1.0", "models": {"birdnet": "CC BY-NC-SA 4.0"}, "time": {"seconds": 1.2}},
    )


WORLDS = {
    "pennsylvania": (PENNSYLVANIA, 260.0),
    "fiji": (FIJI, 300.0),
    "pole": (POLE, 500.0),
    "half the world": (GeoPoint(50.0, 15.0), 2500.0),
    "cannot say": (None, 0.0),
}
EMPTY_TAGS = {"br", "img", "meta", "source", "wbr"}


class Page(HTMLParser):
    """What a browser sees: elements, their attributes, the text between them; and that tags close in order."""

    def __init__(self, source: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(source.decode("utf-8"))
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in EMPTY_TAGS:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str, class_: str = "") -> list[dict[str, str | None]]:
        return [a for t, a in self.found if t == tag and class_ in ["", *(a.get("class") or "").split()]]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def evil_world() -> Result:
    """Every string that comes from outside is an attack."""
    result = world(path=Path(f"gone/{EVIL.replace('/', '∕').replace(chr(0), '')}"))
    bad = replace(bird(1, PENNSYLVANIA), id=EVIL, label=EVIL, name=EVIL, detector=EVIL)
    claim = Claim("heard", EVIL, (EVIL, "unknown" + EVIL), EVIL, 0.5)
    clip = replace(result.clip, format=EVIL, sha256=EVIL)
    for record, field in ((claim, "step"), (clip, "kind")):  # a record on disk may say anything
        object.__setattr__(record, field, EVIL)
    look = outlook(PENNSYLVANIA, result.density, EVIL)
    assert look.place is not None
    return replace(
        result,
        clip=clip,
        file_claims=FileClaims(EVIL, GeoPoint(1.0, 2.0), EVIL, EVIL, EVIL, {EVIL: EVIL}),
        evidence=(bad, replace(dog(2), label=EVIL)),
        outlook=replace(look, place=replace(look.place, town=EVIL, country=EVIL)),
        trace=Trace((claim,), PENNSYLVANIA, EVIL),
        notes=(EVIL,),
        settings={EVIL: EVIL, "nested": {EVIL: [EVIL]}},
        run={EVIL: EVIL},
    )


@pytest.fixture(scope="module")
def pages() -> dict[str, bytes]:
    return {name: html.write(world(center, spread_km=spread)) for name, (center, spread) in WORLDS.items()}


@pytest.mark.parametrize("name", WORLDS)
def test_a_page_is_well_formed_small_and_the_same_again(name: str, pages: dict[str, bytes]) -> None:
    page = Page(pages[name])
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"] for _, a in page.found if (a.get("href") or "").startswith("#")} <= {f"#{i}" for i in ids}
    assert len(pages[name]) < 600_000
    assert html.write(world(*WORLDS[name][:1], spread_km=WORLDS[name][1])) == pages[name]


@pytest.mark.parametrize("name", WORLDS)
def test_a_page_never_asks_for_the_network(name: str, pages: dict[str, bytes]) -> None:
    page = Page(pages[name])
    assert all((a.get("src") or "data:").startswith("data:") for _, a in page.found)
    for tag, attributes in page.found:
        href = attributes.get("href") or "#"
        assert href.startswith("#") or (
            tag == "a" and href.startswith("https://") and attributes["rel"] == "noreferrer"
        )
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.found}
    assert b"url(http" not in pages[name] and b"@import" not in pages[name]


def test_only_our_own_style_and_script_may_run(pages: dict[str, bytes]) -> None:
    source = pages["pennsylvania"].decode()
    (policy,) = [a["content"] or "" for a in Page(pages["pennsylvania"]).all("meta") if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:;") and "unsafe" not in policy
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not any(key.startswith("on") or key == "style" for _, a in Page(pages["fiji"]).found for key in a)


def test_hostile_names_are_shown_and_never_run() -> None:
    page = Page(html.write(evil_world()))
    assert len(page.all("script")) == 1 and page.all("img") == []
    assert not any(key.startswith("on") for _, attributes in page.found for key in attributes)
    assert page.text.count("<script>alert(1)</script>") > 20
    assert not {"\0", "\u202e", "\udcff"} & set(page.text)


def test_text_is_escaped_unless_it_is_markup() -> None:
    assert text("<a b='c' d=\"e\">&") == "&lt;a b=&#x27;c&#x27; d=&quot;e&quot;&gt;&amp;"
    assert element("i", element("b", "<"), title='"') == '<i title="&quot;"><b>&lt;</b></i>'
    assert element("img", alt=None, hidden=True, width=3) == '<img hidden width="3">'


def test_the_answer_is_told_with_its_numbers(pages: dict[str, bytes]) -> None:
    page = Page(pages["pennsylvania"])
    told = page.text
    for words in ("United States (86 %) perhaps Pennsylvania (34 %)", "40.20° N, 79.30° W", "geometric median"):
        assert words in told
    assert "12 km from Latrobe" in told and "Do not use it to find, follow or expose a private person." in told
    assert len(page.all("g", "best")) == 3  # two maps and the legend
    assert 3 <= len(page.all("g", "candidate")) and "Wood Thrush" in told


def test_cannot_say_has_no_pin_and_no_neighbourhood(pages: dict[str, bytes]) -> None:
    page = Page(pages["cannot say"])
    assert "Cannot say: nothing here points to a place" in page.text
    assert "1 finding none of it tells of a place" in page.text
    assert not page.all("g", "best") and not page.all("g", "candidate") and not page.all("svg", "zoom")
    assert "www.openstreetmap.org" not in page.text and "How likely" not in page.text


def test_a_clip_that_is_gone_has_nothing_to_play(pages: dict[str, bytes]) -> None:
    page = Page(pages["pennsylvania"])
    assert "There is nothing to play: " in page.text and not page.all("audio")
    assert len(page.all("div", "lane")) == 3


def test_the_claimed_place_is_compared_and_not_used() -> None:
    near = Page(html.write(world())).text
    assert re.search(r"\d+ km from the best point; inside the 90 % region", near)
    result = replace(world(), file_claims=FileClaims(place=GeoPoint(-33.0, 151.0)))
    page = Page(html.write(result))
    assert "outside the 90 % region" in page.text and "It names no date, no device." in page.text
    assert len(page.all("g", "claim")) == 3


def test_links_for_the_next_check_name_the_place(pages: dict[str, bytes]) -> None:
    told = Page(pages["pennsylvania"]).text
    assert re.search(r"https://www.openstreetmap.org/\?mlat=40.2&mlon=-79.3#map=\d+/40.2/-79.3", told)
    assert re.search(r"https://www.suncalc.org/#/40.2,-79.3,\d+/2024.05.12/06:30/1/3", told)


def test_sound_is_embedded_and_lanes_fit_it(tmp_path: Path) -> None:
    tone = (8000 * np.sin(np.arange(40_000) / 4)).astype("<i2")
    with wave.open(str(tmp_path / "a b.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone.tobytes())
    result = replace(world(), clip=replace(Clip.open(tmp_path / "a b.wav"), duration_s=10.0))
    page = Page(html.write(result))
    (audio,) = page.all("audio")
    assert len(base64.b64decode((audio["src"] or "").partition("base64,")[2])) > 1000
    (picture,) = page.all("img")
    assert (picture["src"] or "").startswith("data:image/png;base64,")
    starts = [float(a["data-t"] or "nan") for a in page.all("a") if a.get("aria-label")]
    assert starts == [1.5, 3.0, 4.0]  # what begins after the 5 s that can be played is only counted
    assert "1 later" in page.text and "The whole clip, 0:10" in page.text


def test_a_picture_is_shown(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "view.png")
    clip = Clip.open(tmp_path / "view.png")
    page = Page(html.write(replace(world(None), clip=clip, evidence=())))
    (picture,) = page.all("img")
    assert (picture["width"], picture["height"], picture["alt"]) == ("64", "48", "The picture")
    assert "What was found, and when" not in page.text


@pytest.mark.parametrize("middle", [FIJI, GeoPoint(64.0, -170.0), GeoPoint(10.0, -30.0)])
def test_no_cell_is_torn_across_the_world(middle: GeoPoint) -> None:
    result = replace(world(FIJI), density=bump(middle, 300.0))  # turned, so that its edge is at 30° W
    drawn = world_map(result, heat_of(result.density))
    paths = "".join(re.findall(r'<path d="([^"]*)" class="h\d"', drawn))
    quads = [numbers.replace("-", " -").split() for numbers in re.findall(r"l([-\d ]+)z", paths)]
    across = np.array([[int(n) for n in quad[::2]] for quad in quads])
    assert len(across) > 10 and np.abs(np.cumsum(across, axis=1)).max() < 150
    starts = [int(n) for n in re.findall(r"M(-?\d+)", paths)]
    at_both_ends = max(starts) - min(starts) > 0.9 * WORLD_WIDTH
    assert at_both_ends == (middle.lon_deg == -30.0)


def test_the_world_is_turned_for_the_pacific() -> None:
    result = world(FIJI, spread_km=300.0)
    drawn = world_map(result, heat_of(result.density))
    (x,) = re.findall(r'class="best" transform="translate\(([\d.]+)', drawn)
    assert 0.5 * WORLD_WIDTH < float(x) < 0.65 * WORLD_WIDTH


def test_borders_run_only_where_a_region_ends() -> None:
    ids = cells.all_cells(5)[1000:1001]
    (line,) = borders(ids)
    assert len(line) == 5 and np.allclose(line[0], line[-1])
    family = np.sort(np.concatenate([cells.children(ids)[0, :3], cells.children(cells.children(ids)[:, 3])[0]]))
    (same,) = borders(family)  # one level-5 cell, cut unevenly
    assert len(same) == 4 * 4 + 1
    ring = cells.children(cells.children(ids).ravel()).ravel()
    hole = np.argmax(cells.centers(ring) @ cells.centers(ids)[0])
    assert len(borders(np.delete(ring, hole))) == 2


def test_heat_covers_the_region_and_knows_the_densest_cell() -> None:
    density = bump(PENNSYLVANIA, 260.0)
    heat = heat_of(density)
    assert (cells.find(heat.ids, density.region(0.99).ids) >= 0).all()
    peak = cells.find(heat.ids, cells.cell_ids(density.mode.unit[None], cells.MAX_LEVEL))
    assert heat.step[peak] == 7 and heat.step.min() == 0
    few = heat_of(bump(PENNSYLVANIA, 2000.0), max_cells=500)
    assert len(few.ids) <= 500
    assert (cells.find(few.ids, bump(PENNSYLVANIA, 2000.0).region(0.99).ids) >= 0).all()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_uniform_coarse_density_has_one_heat_class(level: int) -> None:
    heat = heat_of(CellDensity.uniform(level))
    assert len(heat.ids) > 0.9 * len(cells.all_cells(4))
    assert len(np.unique(heat.step)) == 1 and heat.high == pytest.approx(heat.low)


@pytest.mark.slow
def test_a_coarsened_page_names_no_town() -> None:
    fine, coarse = world(spread_km=60.0), coarsen(world(spread_km=60.0), 300.0)
    names, units, _ = gazetteer().towns
    close = great_circle_km(units, PENNSYLVANIA.unit) < 600.0
    areas = {name for region in gazetteer().regions for name in (region.region, region.country)}
    towns = {name for name, near in zip(names, close, strict=True) if near} - areas
    page, other = Page(html.write(coarse)), Page(html.write(fine))
    assert "km from" not in page.text and not page.all("g", "town")
    assert named(towns, other) > set() and named(towns, page) == set()
    assert page.all("ol", "candidates") and "United States" in page.text


def test_a_candidate_is_named_by_a_town_and_that_towns_country() -> None:
    places = [Candidate(GeoPoint(*at), 0.3, 100.0) for at in ((39.85, -75.6), (48.6, 7.84), (30.0, -40.0))]
    page = Page(str(page_answer.candidates(places, by_town=True)).encode())
    assert "near Wilmington United States" in page.text and "Pennsylvania" not in page.text
    assert "near Kehl Germany" in page.text or "near Strasbourg France" in page.text
    assert re.search(r"\d{4} km from ", page.text)  # nothing is near in the middle of the Atlantic
    coarse = Page(str(page_answer.candidates(places, by_town=False)).encode()).text
    assert "Pennsylvania United States" in coarse and "near" not in coarse and "km from" not in coarse


def test_small_towns_wait_for_a_zoom_where_cities_are_seen() -> None:
    names, _, radius_km = gazetteer().towns
    largest = {name: 0.0 for name in names}
    for name, one_km in zip(names, radius_km, strict=True):
        largest[name] = max(largest[name], float(one_km))
    source = html.write(world()).decode()
    label = r'class="name town([ a-z]*)"[^>]*><g[^>]*><circle[^>]*></circle><text[^>]*>([^<]*)<'
    shown = [(rare, unescape(name)) for rare, name in re.findall(label, source)]
    assert len(shown) > 20
    assert all(largest[name] >= CITY_RADIUS_KM for rare, name in shown if "minor" not in rare)


def test_a_district_does_not_hide_its_city() -> None:
    source = html.write(world(GeoPoint(35.3, -90.0))).decode()
    assert ">Memphis<" in source and ">New South Memphis<" not in source


def test_both_projections_keep_areas() -> None:
    ids = cells.children(cells.children(cells.all_cells(6)[::97])[:, 1])[:, 2]
    corners = cells.corners(ids)
    lat_deg, lon_deg = np.degrees(np.arcsin(corners[..., 2])), np.degrees(np.arctan2(corners[..., 1], corners[..., 0]))
    inner = (np.abs(lat_deg) < 85).all(1) & (np.ptp(lon_deg, axis=1) < 90)
    world_flat = EqualEarth(0.0).project(lat_deg[inner].ravel(), lon_deg[inner].ravel()).reshape(-1, 4, 2)
    near = cells.centers(ids) @ PENNSYLVANIA.unit > 0.0
    near_flat = Azimuthal(PENNSYLVANIA, 1.0).project(corners[near].reshape(-1, 3)).reshape(-1, 4, 2)
    for flat, kept in ((world_flat, inner), (near_flat, near)):
        ratio = polygon_area(flat) / cells.areas_sr(ids[kept])
        assert np.ptp(ratio) / ratio.mean() < 0.002
    assert ratio.mean() == pytest.approx(EARTH_RADIUS_KM**2, rel=1e-3)


def test_the_world_can_be_read_back() -> None:
    lat_deg, lon_deg = np.array([-75.0, 0.0, 12.5, 66.0]), np.array([-170.0, 3.0, 150.0, 20.0])
    x, y = EqualEarth(0.0).project(lat_deg, lon_deg).T
    units, fits = EqualEarth(0.0).unproject(x, y)
    assert fits.all() and np.allclose(units, unit_vectors(lat_deg, lon_deg), atol=1e-3)
    assert not EqualEarth(0.0).unproject(np.array([5.0]), np.array([5.0]))[1][0]
    assert EqualEarth(0.0).place(GeoPoint(90.0, 0.0)) == (WORLD_WIDTH / 2, pytest.approx(0.0, abs=1.0))
    assert EqualEarth(0.0).place(GeoPoint(-90.0, 0.0))[1] == pytest.approx(WORLD_HEIGHT, abs=1.0)


def named(names: set[str], page: Page) -> set[str]:
    """Those of the names that a page tells as whole words."""
    return {name for name in names if name in page.text and re.search(rf"\b{re.escape(name)}\b", page.text)}


def polygon_area(flat: np.ndarray) -> np.ndarray:
    x, y = np.moveaxis(flat, -1, 0)
    return np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1)) / 2
