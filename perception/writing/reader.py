"""Lines of writing in one picture: pixels in, texts with their corners out.

RapidOCR (PP-OCRv6, whose models lie in its wheel) finds writing of any script and reads Latin, Greek, Han and kana;
`tesseract.py` reads other scripts where that program is installed. Nothing is fetched. Not known: handwriting, writing
smaller than about 10 pixels, and lines set in a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from PIL import Image

MAX_SIDE_PX = 1600
"""A larger picture is shrunk before it is read."""

LEAST_SIDE_PX = 16
"""In a picture that is narrower, when shrunk, nothing can be read."""

LEAST_CONFIDENCE = 0.5
"""Lines read with less confidence are dropped."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of writing in a picture."""

    text: str
    """As it was read."""
    confidence: float
    """The reader's own, in [0, 1]."""
    corners: Float[ndarray, "4 2"]
    """Corners (x, y) in shares of width and height."""
    reader: str
    """What read it."""

    @cached_property
    def middle(self) -> tuple[float, float]:
        """Its middle (x, y), in the same shares."""
        x, y = self.corners.mean(0).tolist()
        return x, y


@runtime_checkable
class LineReader(Protocol):
    """Anything that finds lines in a picture."""

    def lines(self, pixels: UInt8[ndarray, "h w 3"]) -> list[Line]:
        """The lines of an RGB picture."""


@dataclass
class RapidReader:
    """RapidOCR with the models of its own wheel.

    Example:
        >>> RapidReader().lines(pixels)                                             # doctest: +SKIP
        [Line(text='FARMÁCIA', confidence=0.99, …)]
    """

    max_side_px: int = MAX_SIDE_PX
    """A larger picture is shrunk to this."""
    detect_side_px: int = 1280
    """Longest side of the picture in which lines are looked for; they are read in the larger one."""
    threads: int = -1
    """Threads of the networks; -1: as many as there are cores."""
    unread: bool = False
    """Whether to give lines that it found and could not read, too, with no text."""

    name = "RapidOCR PP-OCRv6"

    def lines(self, pixels: UInt8[ndarray, "h w 3"]) -> list[Line]:
        """The lines that were read with some confidence."""
        small = shrunk(pixels, self.max_side_px)
        if min(small.shape[:2]) < LEAST_SIDE_PX:
            return []
        bgr = np.ascontiguousarray(small[:, :, ::-1])
        found = self._engine(bgr, use_cls=True, use_rec=True)
        read = zip(found.txts or (), found.scores or (), _shares(found.boxes, bgr), strict=True)
        lines = [Line(text.strip(), round(float(score), 4), corners, self.name) for text, score, corners in read]
        return [*lines, *self._unread(bgr, lines)] if self.unread else lines

    def _unread(self, bgr: UInt8[ndarray, "h w 3"], lines: list[Line]) -> list[Line]:
        """Lines that are not among those that were read."""
        boxes = _shares(self._engine(bgr, use_cls=False, use_rec=False).boxes, bgr)
        known = np.array([line.corners for line in lines]).reshape(-1, 4, 2)
        new = [box for box in boxes if not (np.abs(known - box).max((1, 2)) < 0.01).any()]
        return [Line("", 0.0, corners, self.name) for corners in new]

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        models = resources.files("rapidocr") / "models"
        return RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": LEAST_CONFIDENCE,
                "Global.max_side_len": self.max_side_px,
                "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
                "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
                "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
                "Det.limit_type": "max",
                "Det.limit_side_len": self.detect_side_px,
                "EngineConfig.onnxruntime.intra_op_num_threads": self.threads,
            }
        )


def shrunk(pixels: UInt8[ndarray, "h w 3"], max_side_px: int) -> UInt8[ndarray, "h2 w2 3"]:
    """The same picture, its longest side limited."""
    height, width = pixels.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX, reducing_gap=2.0))


def cut_out(pixels: UInt8[ndarray, "h w 3"], corners: Float[ndarray, "4 2"], margin: float) -> UInt8[ndarray, "a b 3"]:
    """The upright rectangle about four corners, with a margin in shares of its height."""
    height, width = pixels.shape[:2]
    left, top = corners.min(0) * (width, height)
    right, bottom = corners.max(0) * (width, height)
    edge = margin * (bottom - top)
    rows = slice(max(0, int(top - edge)), max(int(top) + 1, min(height, int(np.ceil(bottom + edge)))))
    columns = slice(max(0, int(left - edge)), max(int(left) + 1, min(width, int(np.ceil(right + edge)))))
    return pixels[rows, columns]


def _shares(boxes: ndarray | None, picture: UInt8[ndarray, "h w 3"]) -> Float[ndarray, "n 4 2"]:
    """Boxes in pixels as shares of a picture's width and height."""
    if boxes is None:
        return np.empty((0, 4, 2))
    size = np.array([picture.shape[1], picture.shape[0]], dtype=np.float64)
    return np.clip(np.asarray(boxes, dtype=np.float64).reshape(-1, 4, 2) / size, 0.0, 1.0)
