"""Which atoms fire on what, as a page one can look at and listen to.

In: a dictionary, the maps and waves of some windows, and what is truly in each. Out: one HTML file with everything in
it: for each class the windows that it fires on most, each with its sound (Opus, some 10 kB), whether that is right, and
when in the window. It asks nothing of the network.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import av
import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from lookhear.perception.atoms.atoms import Atom, atoms_of
from lookhear.perception.atoms.ic_sae import IcSae

RATE_HZ = 48_000
BIT_RATE = 24_000

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222 }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem } h2 small { color: #777; font-weight: normal }
.window { display: flex; gap: .8rem; align-items: center; margin: .2rem 0 } audio { height: 1.9rem; width: 15rem }
.bar { position: relative; width: 9rem; height: .8rem; background: #eee } .bar i { position: absolute; height: 100% }
.right i { background: #2a7f4f } .wrong i { background: #c2571a } .wrong span { color: #9a3f0c }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } .bar { background: #333 } }
"""


@dataclass(frozen=True, eq=False)
class Window:
    """One window to show."""

    wave: Float32[ndarray, " samples"]
    """Its samples at `RATE_HZ`."""
    truth: tuple[str, ...]
    """What is in it."""
    kind: str
    """Where it is from: "heard in training", "unseen"."""


def listening_page(
    sae: IcSae, maps: Float[Tensor, "windows features positions"], windows: Sequence[Window], each: int = 3
) -> str:
    """The page.

    Args:
        sae: the dictionary.
        maps: the encoder's maps of the windows.
        windows: what they are.
        each: windows shown for each class.
    """
    length_s = len(windows[0].wave) / RATE_HZ
    fired: dict[str, list[tuple[Atom, Window]]] = {name: [] for name in sae.config.classes}
    for k, window in enumerate(windows):
        for atom in atoms_of(sae, maps[k : k + 1].float(), length_s, length_s, length_s):
            fired[atom.label].append((atom, window))
    parts = [_section(name, found, each, length_s) for name, found in fired.items()]
    silent = [name for name, found in fired.items() if not found]
    never = f"<p>Fired on nothing here: {escape(', '.join(silent))}.</p>" if silent else ""
    title = "Which atoms fire on what"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style><body>'
        f"<h1>{title}</h1><p>{len(windows)} windows of {length_s:g} s; green: the class is in the window; orange: it "
        f"is not. The bar shows when in the window the atom sounds.</p>{''.join(parts)}{never}</body></html>"
    )


def _section(name: str, found: list[tuple[Atom, Window]], each: int, length_s: float) -> str:
    if not found:
        return ""
    right = sum(name in window.truth for _, window in found)
    kernels = len({atom.kernel for atom, _ in found})
    strongest = sorted(found, key=lambda pair: -pair[0].activation)[:each]
    says = f"{right} of {len(found)} right, {kernels} kernel{'s' if kernels > 1 else ''}"
    rows = "".join(_row(name, atom, window, length_s) for atom, window in strongest)
    return f"<h2>{escape(name)} <small>{says}</small></h2>{rows}"


def _row(name: str, atom: Atom, window: Window, length_s: float) -> str:
    verdict = "right" if name in window.truth else "wrong"
    left, width = 100 * atom.start_s / length_s, 100 * (atom.end_s - atom.start_s) / length_s
    sound = base64.b64encode(opus(window.wave)).decode()
    truth = escape(" + ".join(window.truth) or "nothing")
    return (
        f'<div class="window {verdict}"><audio controls preload="none" src="data:audio/ogg;base64,{sound}"></audio>'
        f'<div class="bar"><i style="left:{left:.0f}%;width:{width:.0f}%"></i></div>'
        f"<span>{truth} <small>({escape(window.kind)}; kernel {atom.kernel}, z = {atom.activation:.2f}, "
        f"{100 * atom.chance:.0f} % sure)</small></span></div>"
    )


def opus(wave: Float32[ndarray, " samples"]) -> bytes:
    """A sound as a small Ogg Opus file."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ)
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None]), format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()
