"""The sound of a clip as mono blocks at any rate, and what it is like.

In: a path, as long as its sound can be decoded. Out: `SoundReader`, an iterator of blocks of float32 (the mean over
channels, full scale ±1), and its `SoundQuality`, brought up to date with every block. The file is read and resampled
in pieces of about a second, so its length costs no memory; the same file gives the same samples. Holes are filled
with silence; what cannot be decoded is skipped and counted. Not known: what is heard in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from jaxtyping import Float32
from numpy import ndarray

from lookhear.data.container import decoded, ends_early, open_media, packets_of, sound_stream, start_s

MIN_GAP_S, MAX_GAP_S = 0.1, 600.0
"""A hole this long between two pieces of sound is filled with silence; a longer one is a false time stamp."""

HEARD_MAX = 1e6
"""A sample beyond this (full scale is 1) is no sound; it would also overflow the resampler."""

SILENT_RMS = 1e-4
"""-80 dB of full scale: quieter than any microphone, louder than the dither of 16 bits."""


@dataclass(frozen=True)
class SoundQuality:
    """What the sound is like, as far as it was read."""

    samples: int = 0
    """Samples a channel, at the file's own rate, with the gaps that were filled."""
    duration_s: float = 0.0
    """Seconds read."""
    non_finite: int = 0
    """Samples that were NaN, infinite or beyond `HEARD_MAX`, over all channels; they were replaced by 0."""
    clipped_share: float = 0.0
    """Share of samples at full scale, over all channels."""
    peak: float = 0.0
    """Largest absolute sample of any channel; full scale is 1."""
    rms: float = 0.0
    """Root mean square of the mono sound."""
    silent_share: float = 0.0
    """Share of the time in pieces of 0.1 s under -80 dB of full scale."""
    gap_s: float = 0.0
    """Seconds of silence put where the file has holes."""
    broken_packets: int = 0
    """Pieces of the file that could not be decoded and were left out."""
    expected_s: float | None = None
    """Duration of the clip, if it is known and the sound was read to its end."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, in sentences; empty for good sound."""
        early = self.expected_s is not None and ends_early(self.duration_s, self.expected_s)
        said = (
            (
                early,
                f"The sound ends early: {self.duration_s:.1f} of {self.expected_s or 0:.1f} s could be read.",
            ),
            (self.non_finite > 0, f"{self.non_finite} samples are not usable numbers and count as silence."),
            (self.clipped_share > 1e-3, f"{self.clipped_share:.1%} of the samples are clipped (overloaded)."),
            (self.samples > 0 and self.silent_share == 1.0, "The sound is silent throughout."),
            (self.gap_s > 0, f"{self.gap_s:.1f} s are missing in the sound and were filled with silence."),
            (self.broken_packets > 0, f"Damaged pieces of sound that were left out: {self.broken_packets}."),
        )
        return tuple(sentence for holds, sentence in said if holds)

    def to_json(self) -> dict[str, Any]:
        """Plain types, the notes included."""
        return asdict(self) | {"notes": list(self.notes)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> SoundQuality:
        """The quality that `to_json` wrote; its notes follow from the rest."""
        return cls(**{key: value for key, value in record.items() if key != "notes"})


class SoundReader(Iterator[Float32[ndarray, " samples"]]):
    """Mono blocks of one file, and what its sound was like so far.

    Args:
        file: where it is.
        sample_rate_hz: rate of the blocks.
        block: samples in every block but the last, which may be shorter.
        expected_s: length of the clip, if known; the quality gets it once the sound was read to its end.
    """

    def __init__(self, file: Path, sample_rate_hz: int, block: int, expected_s: float | None = None) -> None:
        self.quality = SoundQuality()
        self._file, self._rate_hz, self._expected_s = file, sample_rate_hz, expected_s
        self._channel_samples = self._clipped = 0
        self._energy = 0.0
        self._duration_s = self._silent_s = Fraction(0)
        self._blocks = _in_blocks(self._resampled(), block)

    def __next__(self) -> Float32[ndarray, " samples"]:
        return next(self._blocks)

    def _resampled(self) -> Iterator[Float32[ndarray, " samples"]]:
        """Mono pieces at the wanted rate; soxr is left out where the file already has it."""
        stream: Any = None
        at_hz = self._rate_hz
        for rate_hz, planes in self._pieces():
            if rate_hz != at_hz:
                if stream is not None:
                    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
                at_hz, stream = rate_hz, None
                if rate_hz != self._rate_hz:
                    stream = soxr.ResampleStream(rate_hz, self._rate_hz, 1, dtype="float32", quality="HQ")
            mono = self._heard(planes, rate_hz)
            yield mono if stream is None else stream.resample_chunk(mono)
        if stream is not None:
            yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
        self.quality = replace(self.quality, expected_s=self._expected_s)

    def _pieces(self) -> Iterator[tuple[int, list[Float32[ndarray, " samples"]]]]:
        """Rate and channels of pieces of about a second; the FIFO joins FFmpeg's small frames cheaply."""
        fifo, like, due_s = av.AudioFifo(), None, 0.0
        for frame in self._decoded():
            rate_hz = frame.sample_rate
            gap_s = 0.0 if frame.time is None else frame.time - self._start_s - due_s
            holes = MIN_GAP_S <= gap_s <= MAX_GAP_S
            due_s = due_s + frame.samples / rate_hz + (0.0 if frame.time is None else gap_s)
            now = (frame.format.name, frame.layout.name, rate_hz)
            if fifo.samples and (holes or now != like or fifo.samples >= rate_hz):
                yield _drained(fifo)
            if now != like:
                fifo, like = av.AudioFifo(), now
            if holes:
                yield from self._filled(gap_s, rate_hz)
            frame.pts = None  # the FIFO insists on exact time stamps, which no container keeps
            fifo.write(frame)
        if fifo.samples:
            yield _drained(fifo)

    def _decoded(self) -> Iterator[av.AudioFrame]:
        with open_media(self._file) as container:
            self._start_s = start_s(container)
            for packet in packets_of(container, [sound_stream(container)]):
                frames = decoded(packet)
                if frames is None:
                    self.quality = replace(self.quality, broken_packets=self.quality.broken_packets + 1)
                yield from (frame for frame in frames or () if frame.samples)

    def _filled(self, gap_s: float, rate_hz: int) -> Iterator[tuple[int, list[Float32[ndarray, " samples"]]]]:
        """A hole as silence, at most a second at a time."""
        self.quality = replace(self.quality, gap_s=self.quality.gap_s + gap_s)
        missing = round(gap_s * rate_hz)
        for start in range(0, missing, rate_hz):
            yield rate_hz, [np.zeros(min(rate_hz, missing - start), np.float32)]

    def _heard(self, planes: list[Float32[ndarray, " samples"]], rate_hz: int) -> Float32[ndarray, " samples"]:
        """The mean over channels of usable samples; the quality is brought up to date."""
        peak, bad = self.quality.peak, 0
        for plane in planes:
            size = np.abs(plane)
            top = float(size.max())
            if not top <= HEARD_MAX:  # NaN compares false
                wrong = ~(size <= HEARD_MAX)
                plane[wrong], size[wrong], bad = 0.0, 0.0, bad + int(wrong.sum())
                top = float(size.max())
            # 8-bit sound ends at 127/128; lossy codecs overshoot
            self._clipped += int((size >= 0.9999).sum()) if top >= 0.9999 else 0
            peak = max(peak, top)
        mono = _mean(planes)
        self._channel_samples += len(mono) * len(planes)
        self._measure(mono, rate_hz, peak, bad)
        return mono

    def _measure(self, mono: Float32[ndarray, " samples"], rate_hz: int, peak: float, bad: int) -> None:
        starts = np.arange(0, len(mono), max(1, rate_hz // 10))
        energy = np.add.reduceat(np.square(mono), starts).astype(np.float64)
        lengths = np.diff(starts, append=len(mono))
        self._energy += float(energy.sum())
        self._silent_s += Fraction(int(lengths[energy < lengths * SILENT_RMS**2].sum()), rate_hz)
        self._duration_s += Fraction(len(mono), rate_hz)
        samples = self.quality.samples + len(mono)
        self.quality = replace(
            self.quality,
            samples=samples,
            duration_s=float(self._duration_s),
            peak=peak,
            non_finite=self.quality.non_finite + bad,
            clipped_share=self._clipped / self._channel_samples,
            rms=math.sqrt(self._energy / samples),
            silent_share=float(self._silent_s / self._duration_s),
        )


def _drained(fifo: av.AudioFifo) -> tuple[int, list[Float32[ndarray, " samples"]]]:
    """All that waits in a FIFO, as one float array a channel, full scale ±1."""
    frame: Any = fifo.read()
    packed = frame.to_ndarray()
    count = len(frame.layout.channels)
    planes = list(packed) if frame.format.is_planar else [packed[0, channel::count] for channel in range(count)]
    if packed.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, which is counted
            return frame.sample_rate, [plane.astype(np.float32, copy=False) for plane in planes]
    bits = 8 * packed.dtype.itemsize
    middle, scale = (128.0 if packed.dtype.kind == "u" else 0.0), np.float32(2.0 ** (1 - bits))
    return frame.sample_rate, [(plane.astype(np.float32) - np.float32(middle)) * scale for plane in planes]


def _mean(planes: list[Float32[ndarray, " samples"]]) -> Float32[ndarray, " samples"]:
    """The mean over channels, summed in place: a third of the time of `np.mean`."""
    mono = planes[0]
    for plane in planes[1:]:
        mono += plane
    if len(planes) > 1:
        mono *= np.float32(1 / len(planes))
    return mono


def _in_blocks(pieces: Iterator[Float32[ndarray, " samples"]], block: int) -> Iterator[Float32[ndarray, " samples"]]:
    """Ragged pieces as blocks of one length; the last may be shorter."""
    whole, filled = np.empty(block, np.float32), 0
    for piece in pieces:
        while len(piece) >= block - filled:
            whole[filled:], piece = piece[: block - filled], piece[block - filled :]
            yield whole
            whole, filled = np.empty(block, np.float32), 0
        whole[filled : filled + len(piece)] = piece
        filled += len(piece)
    if filled:
        yield whole[:filled]
