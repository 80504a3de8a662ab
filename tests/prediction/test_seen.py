"""What is seen, through the locator, the record, the page and the folder of a set."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from small_sight import PARIS, make_sight

from lookhear.data.avg.row import ClipRow
from lookhear.data.clip import Clip, ClipError, SoundQuality
from lookhear.data.preview import Preview, PreviewFrame
from lookhear.perception import seeing
from lookhear.perception.evidence import Evidence, Moment
from lookhear.perception.hearing import Hearing
from lookhear.perception.listen import Heard
from lookhear.perception.record import read_records
from lookhear.perception.seeing import Seeing
from lookhear.perception.sight import Sight
from lookhear.perception.writing.reading import Reader
from lookhear.perception.writing.sign import Sign
from lookhear.prediction import Locator, Result, locator
from lookhear.prediction.coarsen import coarsen
from lookhear.prediction.perceiving import broken_clips, perceive
from lookhear.prediction.writers import audacity, html, raven
from lookhear.prediction.writers.page_frames import own_frames
from lookhear.prediction.writers.page_frames import seen as frames_and_signs

CORNERS = np.array([[0.25, 0.5], [0.75, 0.5], [0.75, 0.625], [0.25, 0.625]])


def jpeg(width=64, height=48):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "JPEG")
    return file.getvalue()


class Reads(Reader):
    """Reads a sign in every clip, which tries to be markup and a prompt."""

    def evidence(self, frames):
        moment = Moment(0.0, next(iter(frames)).time_s, 0.9)
        sign = Sign("<b>[e9] Rue de Rivoli", "Latn", (), (moment,), CORNERS, jpeg(), 0.9, "test", ("names Paris, FR",))
        return (Evidence("e1", "text", sign.quote, "Rue de Rivoli", (moment,), 0.9, "test"),), (sign,)


class Siren(Hearing):
    """Hears a siren in everything."""

    def __init__(self):
        pass

    def evidence(self, clip, week=None):
        siren = Evidence("e1", "sound", "siren", "Siren", (Moment(0, 1, 0.5),), 0.5, "test")
        return (siren,), Heard((), 0, 1, 0, SoundQuality(samples=1, duration_s=1.0, peak=0.5, rms=0.1))


@pytest.fixture(scope="module")
def sight(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKHEAR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield make_sight()


@pytest.fixture
def picture(tmp_path):
    Image.new("RGB", (320, 240), "white").save(tmp_path / "street.png")
    return tmp_path / "street.png"


@pytest.fixture
def result(sight, picture):
    return Locator(Siren(), Seeing(lambda: sight, Reads)).locate(picture)


def test_a_picture_is_located_by_its_look(result):
    assert result.best.distance_km(PARIS) < 100 and result.density.region(0.9).holds(PARIS)
    assert [(one.id, one.kind) for one in result.evidence] == [("e1", "sight"), ("e2", "text")]
    assert "look of the scene fits" in result.trace.text
    assert result.run["models"] == {"geoclip": "MIT", "clip": "MIT", "rapidocr": "Apache-2.0"}
    assert any("simulated pictures" in note for note in result.notes)


@pytest.mark.parametrize(
    ("lacking", "command"), [("clip", "lookhear fetch clip"), ("geoclip", "lookhear fetch offline")]
)
def test_without_models_the_picture_is_read_only_and_the_result_says_so(picture, monkeypatch, lacking, command):
    monkeypatch.setattr(locator, "state", lambda model: "missing" if model.name == lacking else "present")
    result = Locator(Siren(), Seeing(lambda: None, Reads)).locate(picture)
    assert result.best is None and result.run["models"] == {"rapidocr": "Apache-2.0"}
    (note,) = [note for note in result.notes if "picture" in note]
    assert note.startswith("The picture was read only for its writing.") and command in note


def test_without_anything_that_looks_the_result_says_so(picture):
    notes = Locator(Siren()).locate(picture).notes
    assert any("not looked at for its place" in note for note in notes) and any("rapidocr" in note for note in notes)


def test_damaged_pictures_do_not_lose_what_was_heard(sight, tmp_path, media, monkeypatch):
    def damaged(*_):
        raise ClipError("No frame could be decoded.")
        yield

    film = media.write_video(tmp_path / "a.mp4", [0.0, 0.5], [9, 9], sound=media.tone(1.0))
    monkeypatch.setattr(Clip, "_frames", damaged)
    result = Locator(Siren(), Seeing(lambda: sight, Reads)).locate(film)
    assert [one.kind for one in result.evidence] == ["sound"] and "No frame could be decoded." in result.notes
    monkeypatch.setattr(Hearing, "load", classmethod(lambda cls: Siren()))
    monkeypatch.setattr(Sight, "load", classmethod(lambda cls: sight))
    monkeypatch.setattr(seeing, "has_clip", lambda: True)
    list(perceive(tmp_path, [ClipRow("a.mp4", "a", 48.8, 2.3, "a", "test")], tmp_path / "out", jobs=1))
    (record,) = read_records(tmp_path / "out")
    assert [one.kind for one in record.evidence] == ["sound"] and record.features == {}
    mute = media.write_video(tmp_path / "b.mp4", [0.0, 0.5], [9, 9])
    with pytest.raises(ClipError, match="No frame"):
        Locator(Siren(), Seeing(lambda: sight, Reads)).locate(mute)


def test_a_fitted_sight_needs_no_excuse(sight, picture):
    notes = Locator(Siren(), Seeing(lambda: replace(sight, fitted=True), Reads)).locate(picture).notes
    assert not any("simulated" in note or "rapidocr" in note for note in notes)


def test_the_record_round_trips_but_for_pictures(result):
    record = result.to_json()
    again = Result.from_json(json.loads(json.dumps(record)))
    assert again.to_json() == record
    assert [(f.time_s, f.width_px, f.height_px, f.jpeg) for f in again.frames] == [(0.0, 320, 240, b"")]
    np.testing.assert_allclose(again.features.mean, result.features.mean, atol=1e-4)
    assert again.signs[0].text == result.signs[0].text and again.signs[0].crop == result.signs[0].crop


def test_records_from_before_sight_are_read(result):
    record = result.to_json()
    for key in ("signs", "frames", "features"):
        del record[key]
    again = Result.from_json(record)
    assert again.frames == () == again.signs and again.features is None


def test_the_page_shows_frames_boxes_and_crops(result):
    page = html.write(result).decode()
    assert page.count("data:image/jpeg") == 2
    assert 'points="0.2500,0.5000 0.7500,0.5000 0.7500,0.6250 0.2500,0.6250"' in page
    assert "names Paris, FR" in page and "<b>[e9]" not in page and "‹b›" in page


def test_a_page_made_again_from_the_record_takes_frames_from_the_file(result, picture):
    again = Result.from_json(result.to_json())
    assert own_frames(again) == ()
    page = html.write(again).decode()
    assert page.count("data:image/jpeg") == 2 and 'points="0.2500,0.5000' in page
    picture.unlink()
    assert html.write(again).decode().count("data:image/jpeg") == 1  # the crop is in the record


def test_labels_for_sound_editors_leave_out_what_is_seen(result):
    assert audacity.write(result) == b"" and raven.write(result).count(b"\n") == 1


@pytest.mark.parametrize(("frame_s", "drawn"), [(None, 1), (2.9, 1), (5.4, 2), (0.6, 0)])
def test_a_box_is_drawn_in_the_frame_where_the_sign_was_read(result, frame_s, drawn):
    frames = tuple(PreviewFrame(time_s, jpeg(), 64, 48) for time_s in (1.0, 3.0, 5.0))
    moments = (Moment(0.5, 1.5, 0.4), Moment(2.5, 5.5, 0.9))
    video = replace(result.clip, kind="video", duration_s=6.0)
    sign = replace(result.signs[0], moments=moments, frame_s=frame_s)
    located = replace(result, clip=video, frames=frames, signs=(sign,))
    figures = str(frames_and_signs(located, Preview())).split("<figure")
    assert ["<polygon" in figure for figure in figures if "The clip at" in figure] == [k == drawn for k in range(3)]


def test_a_coarse_result_shows_nothing_that_gives_the_place_away(result):
    coarse = coarsen(result, 500.0)
    assert coarse.frames == () == coarse.signs and coarse.features is None
    assert [one.kind for one in coarse.evidence] == ["sight"]
    assert "Rivoli" not in json.dumps(coarse.to_json()) and "Rivoli" not in html.write(coarse).decode()


def rows(tmp_path):
    names = ["bright.png", "dark.png", "torn.png"]
    for name, grey in zip(names, (250, 5, 0), strict=True):
        Image.new("L", (40, 30), grey).save(tmp_path / name)
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    return [ClipRow(name, name[:-4], 48.8, 2.3, name, "test") for name in names]


def test_features_of_a_set_are_kept_and_made_again_when_clip_comes(tmp_path, sight, monkeypatch):
    clips, out = rows(tmp_path), tmp_path / "out"
    monkeypatch.setattr(Hearing, "load", classmethod(lambda cls: Siren()))
    monkeypatch.setattr(Sight, "load", classmethod(lambda cls: sight))
    for clip_is_here in (False, True):
        monkeypatch.setattr(seeing, "has_clip", lambda here=clip_is_here: here)
        assert set(perceive(tmp_path, clips, out, jobs=1)) == {"torn"}
    records = {one.clip_id: one for one in read_records(out)}
    assert [set(records[name].features) for name in ("bright", "dark", "torn")] == [{"sight"}, {"sight"}, set()]
    np.testing.assert_allclose(records["bright"].features["sight"], sight.encoder.places[0], atol=1e-3)
    assert set(broken_clips(out)) == {"torn"}
    monkeypatch.setattr(Hearing, "load", classmethod(lambda cls: pytest.fail("nothing is left to perceive")))
    assert perceive(tmp_path, [one for one in clips if one.clip_id != "torn"], out, jobs=1) == {}
