"""What the clip sounds like, and when what was found: spectrogram with sound to play, and a lane for each finding.

In: a result, whose file may be gone. Out: HTML with everything embedded as data URIs, or a sentence that says why
there is nothing to play. Positions in time are shares of the width, so the time line fits any screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lookhear.data.clip import ClipError
from lookhear.data.preview import Preview, height_of
from lookhear.perception.evidence import Evidence, Moment
from lookhear.prediction.result import Result
from lookhear.prediction.writers.page_markup import Markup, data_uri, element, join
from lookhear.prediction.writers.page_reasons import moment_link
from lookhear.reasoning.outlook import percent
from lookhear.reasoning.rules import clock

LANES = 24
"""Findings with a lane; the rest are only in the table."""

BLOCKS = 120
"""Most moments drawn in one lane; beyond that neighbours are joined."""

TICK_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
FREQUENCIES_HZ = (500, 1000, 2000, 4000, 8000)


def preview_of(result: Result, frames: bool = True) -> tuple[Preview, str | None]:
    """The clip's media, with frames if they are wanted, or none and the reason."""
    if result.is_coarse:
        return Preview(), "Places are rounded here, so the clip is neither shown nor played."
    try:
        return (Preview.of(result.clip) if frames else Preview.of(result.clip, frames=0)), None
    except (ClipError, OSError) as error:
        return Preview(), str(error)


def sound_section(result: Result, preview: Preview) -> Markup | None:
    """Spectrogram, player and lanes; for a clip longer than what can be played, lanes of the whole clip too."""
    covered_s = preview.sound_s
    whole_s = max([result.clip.duration_s or 0.0, covered_s, *(e.end_s for e in result.evidence if e.moments)])
    figures = []
    if preview.sound and preview.spectrogram_png:
        figures.append(_playable(preview, result.evidence))
    if covered_s < 0.98 * whole_s and any(one.moments for one in result.evidence):
        title = element("h3", f"The whole clip, {clock(whole_s)}") if figures else None
        figures.append(join(title, _timeline(None, result.evidence, whole_s, "whole" if figures else "only")))
    return join(*figures) if figures else None


def _playable(preview: Preview, evidence: Sequence[Evidence]) -> Markup:
    assert preview.sound and preview.spectrogram_png and preview.sound_mime
    player = element(
        "audio",
        controls=True,
        preload="auto",
        src=data_uri(preview.sound_mime, preview.sound),
        aria_label="Sound of the clip",
    )
    return join(_timeline(preview, evidence, preview.sound_s, "play"), player)


def _timeline(preview: Preview | None, evidence: Sequence[Evidence], end_s: float, kind: str) -> Markup:
    """Rows with a name at the left and something over time at the right."""
    timed = [one for one in evidence if one.moments]
    rows = []
    if preview and preview.spectrogram_png:
        rows.append(
            _row("spectrogram-row", element("span", "Spectrogram"), _spectrogram(preview.spectrogram_png, end_s))
        )
    rows += [_lane(one, end_s, kind) for one in timed[:LANES]]
    rows.append(_row("axis-row", None, element("svg", *_axis(end_s), class_="axis", aria_hidden="true")))
    left = len(timed) - LANES
    more = element("p", f"{left} more findings are in the table below.", class_="note") if left > 0 else None
    return join(element("div", *rows, class_=f"timeline {kind}{'' if timed else ' bare'}"), more)


def _row(class_: str, name: object, content: Markup, id_: str | None = None) -> Markup:
    return element("div", element("div", name, class_="row-name"), content, class_=f"row {class_}", id_=id_)


def _spectrogram(png: bytes, end_s: float) -> Markup:
    """The picture with frequencies, and a cursor that the script moves."""
    picture = element(
        "img", src=data_uri("image/png", png), alt="Spectrogram of the sound: time to the right, pitch upwards"
    )
    scale = []
    for frequency_hz in FREQUENCIES_HZ:
        y = f"{100 * (1 - height_of(frequency_hz)):.1f}%"
        name = f"{frequency_hz // 1000} kHz" if frequency_hz >= 1000 else f"{frequency_hz} Hz"
        scale += [element("line", x1="0", x2="6", y1=y, y2=y), element("text", name, x="10", y=y, dy="4")]
    cursor = element("line", x1="0", x2="0", y1="0", y2="100%", class_="cursor")
    overlay = element("svg", *scale, cursor, class_="overlay", aria_hidden="true")
    return element("div", picture, overlay, class_="spectrogram", data_end=f"{end_s:g}")


def _lane(one: Evidence, end_s: float, kind: str) -> Markup:
    name = join(
        element("b", one.id, class_="id"), element("span", one.label), element("small", percent(one.confidence))
    )
    blocks = [_block(one, moment, end_s, kind) for moment in _joined(one.moments, end_s)]
    later = sum(moment.start_s >= end_s for moment in one.moments)
    note = element("text", f"{later} later", x="100%", y="18", class_="later") if later else None
    track = element("svg", *blocks, note, class_="track", role="group", aria_label=f"When: {one.label}")
    return _row("lane", name, track, None if kind == "whole" else f"lane-{one.id}")


def _block(one: Evidence, moment: Moment, end_s: float, kind: str) -> Markup:
    start, width = 100 * moment.start_s / end_s, 100 * (min(moment.end_s, end_s) - moment.start_s) / end_s
    when = f"{one.label}, {clock(moment.start_s)}–{clock(moment.end_s)}, score {moment.score:.2f}"
    rect = element(
        "rect",
        element("title", when),
        x=f"{start:.3f}%",
        width=f"{max(width, 0.25):.3f}%",
        y=5,
        height=18,
        rx=4,
        fill_opacity=f"{0.3 + 0.7 * moment.score:.2f}",
    )
    return moment_link(moment.start_s, rect, aria_label=f"Play {when}") if kind == "play" else rect


def _joined(moments: Sequence[Moment], end_s: float) -> list[Moment]:
    """Moments that begin within the time line; where there are too many, close ones are drawn as one."""
    shown = [moment for moment in moments if moment.start_s < end_s]
    gap_s = 0.0 if len(shown) <= BLOCKS else end_s / BLOCKS
    found: list[Moment] = []
    for moment in shown:
        if found and gap_s and moment.start_s - found[-1].end_s < gap_s:
            last = found.pop()
            moment = Moment(last.start_s, max(last.end_s, moment.end_s), max(last.score, moment.score))
        found.append(moment)
    return found


def _axis(end_s: float) -> Iterator[Markup]:
    step_s = next((step for step in TICK_STEPS_S if end_s / step <= 6), TICK_STEPS_S[-1])
    for k in range(int(end_s / step_s + 1e-6) + 1):
        x = 100 * k * step_s / end_s
        anchor = "start" if k == 0 else "end" if x > 97 else "middle"
        yield element("line", x1=f"{x:.3f}%", x2=f"{x:.3f}%", y1=0, y2=5)
        words = f"{k * step_s:.1f}" if step_s < 1 else clock(k * step_s)
        yield element("text", words, x=f"{x:.3f}%", y=18, text_anchor=anchor)
