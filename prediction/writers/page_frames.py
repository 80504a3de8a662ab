"""What is seen: frames with their moments, what was read in them boxed, and each sign by itself.

In: a result; its own small frames, or those of the preview where it was read back from a record. Out: HTML with the
pictures as data URIs. A box is drawn in the one frame nearest to where the sign was read best; in a video that moves,
it may lie a little apart from it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lookhear.data.preview import Preview, PreviewFrame
from lookhear.perception.writing.sign import Sign, quoted
from lookhear.prediction.result import Result
from lookhear.prediction.writers.page_markup import Markup, data_uri, element, join
from lookhear.prediction.writers.page_reasons import moment_link
from lookhear.reasoning.outlook import percent
from lookhear.reasoning.rules import clock

SIGNS = 24
"""Signs shown by themselves; the rest are counted."""


def seen(result: Result, preview: Preview) -> Markup | None:
    """Frames, then signs."""
    shown = own_frames(result) or preview.frames
    if not shown and not result.signs:
        return None
    timed = result.clip.kind == "video"
    boxed = _boxed(result.signs, shown)
    figures = [_frame(frame, boxed[k], timed, bool(preview.sound)) for k, frame in enumerate(shown)]
    return join(element("div", *figures, class_="frames") if figures else None, _signs(result.signs, timed))


def own_frames(result: Result) -> tuple[PreviewFrame, ...]:
    """The result's own frames, unless it was read back from a record, which keeps no pictures."""
    return result.frames if all(frame.jpeg for frame in result.frames) else ()


def _boxed(signs: Sequence[Sign], frames: Sequence[PreviewFrame]) -> list[list[Sign]]:
    """For each frame the signs whose best reading is nearest to it, if it lies within that moment."""
    found: list[list[Sign]] = [[] for _ in frames]
    for sign in signs:
        best = sign.best_moment
        during = [k for k, frame in enumerate(frames) if best.start_s <= frame.time_s <= best.end_s]
        if during:
            found[min(during, key=lambda k: abs(frames[k].time_s - sign.read_s))].append(sign)
    return found


def _frame(frame: PreviewFrame, signs: Sequence[Sign], timed: bool, playable: bool) -> Markup:
    when = clock(frame.time_s)
    picture = element(
        "img",
        src=data_uri("image/jpeg", frame.jpeg),
        width=frame.width_px,
        height=frame.height_px,
        alt=f"The clip at {when}" if timed else "The picture",
    )
    boxes = element("svg", *(_box(sign) for sign in signs), viewBox="0 0 1 1", preserveAspectRatio="none")
    words = moment_link(frame.time_s, when) if timed and playable else when if timed else None
    caption = element("figcaption", words) if words else None
    return element("figure", element("div", picture, boxes if signs else None, class_="framed"), caption)


def _box(sign: Sign) -> Markup:
    points = " ".join(f"{x:.4f},{y:.4f}" for x, y in sign.box)
    return element("polygon", element("title", sign.quote), points=points)


def _signs(signs: Sequence[Sign], timed: bool) -> Markup | None:
    if not signs:
        return None
    items = [_sign(sign, timed) for sign in signs[:SIGNS]]
    more = len(signs) - SIGNS
    left = element("p", f"{more} more signs are in the record.", class_="note") if more > 0 else None
    return join(element("h3", "What was read"), element("div", *items, class_="signs"), left)


def _sign(sign: Sign, timed: bool) -> Markup:
    """A crop beside the text, what it says of its place, and how surely and when it was read."""
    crop = (
        element("img", src=data_uri("image/jpeg", sign.crop), alt=f"Crop: {quoted(sign.text)}") if sign.crop else None
    )
    times = ", ".join(f"{clock(one.start_s)}–{clock(one.end_s)}" for one in sign.moments[:3]) if timed else ""
    facts = " · ".join(part for part in (f"read with {percent(sign.confidence)} confidence", times) if part)
    says = element("p", "; ".join(sign.says)) if sign.says else None
    text = element("p", element("bdi", sign.quote), class_="text")
    return element("figure", crop, element("figcaption", text, says, element("small", facts)))
