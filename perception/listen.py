"""A clip's sound in, what was heard out: detections with times, scores and confidence, and what it is like as a whole.

BirdNET listens to windows of 3 s every 1.5 s. It hears birds in noise and in pure tones (0.53 and 0.64 were
measured), and a steady sound fools it the same way in every window, so two rules stand between a score and a
detection:

- a window in which nothing comes and goes (`liveliness`) is no evidence of an animal;
- one score alone must be high; lower scores need a second window.

Silence, steady noise and hum therefore lead to no detection at all. Not known: what stands still in the sound,
and animals that BirdNET does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from lookhear.data.clip import Clip, SoundQuality
from lookhear.perception.birdnet import EMBEDDING_SIZE, SAMPLE_RATE_HZ, WINDOW_S, WINDOW_SAMPLES, BirdNet
from lookhear.perception.evidence import Moment

HOP_S = 1.5
BATCH = 4
"""Windows that go through the network together; more do not pay on a CPU."""

NOTICED = 0.1
"""A score below this is not looked at."""

ALONE = 0.5
"""A single window must score this much…"""

TOGETHER = 0.15
"""…or two windows this much each, the better one `LEAD`."""

LEAD = 0.25

LIVELY_DB = 4.0
"""A window in which no band of sound rises this far above its own median is steady."""

FRAME = 2000
"""Samples of a frame in which liveliness is measured (42 ms)."""

CERTAIN = 0.98
"""No detection is surer than this."""


@dataclass(frozen=True)
class Detection:
    """One label that was heard."""

    label: int
    """Index among BirdNET's labels."""
    moments: tuple[Moment, ...]
    """When it was noticed, overlapping windows joined."""
    confidence: float
    """Chance in [0, 1] that it was really there."""


@dataclass(frozen=True, eq=False)
class Heard:
    """All that was heard in a clip."""

    detections: tuple[Detection, ...]
    """Surest first."""
    doubtful: int
    """Labels that scored but were not believed."""
    windows: int
    """Windows listened to."""
    steady: int
    """Windows in which nothing came and went."""
    quality: SoundQuality
    """What the sound is like."""
    embedding: Float[ndarray, " 1024"] | None = None
    """BirdNET's embedding, the mean over windows; None where there are none."""
    atoms: Float[ndarray, " kernels"] | None = None
    """How strongly each kernel of the dictionary of atoms fired; None where none listened."""


def listen(clip: Clip, birdnet: BirdNet) -> Heard:
    """Listen to the whole clip in pieces; memory does not grow with its length.

    Raises:
        ClipError: the clip has no sound.
    """
    sound = clip.sound(SAMPLE_RATE_HZ, HOP_S)
    rows, labels, scores, lively, total = 0, [], [], [], np.zeros(EMBEDDING_SIZE)
    for windows in in_batches(windows_of(sound)):
        found, embeddings = hear(windows, birdnet)
        total += embeddings.sum(0)
        lively.append(liveliness(windows) >= LIVELY_DB)
        at, label = np.nonzero(found >= NOTICED)
        labels.append(np.stack([at + rows, label]))
        scores.append(found[at, label])
        rows += len(windows)
    where = np.concatenate(labels, axis=1) if labels else np.zeros((2, 0), dtype=np.int64)
    alive = np.concatenate(lively) if lively else np.zeros(0, dtype=bool)
    detections, doubtful = detect(where[0], where[1], np.concatenate([*scores, np.zeros(0)]), alive)
    quality = sound.quality
    cut = [_cut(detection, quality.duration_s) for detection in detections]
    mean = total / rows if rows else None
    return Heard(tuple(cut), doubtful, rows, int((~alive).sum()), quality, mean)


def hear(
    windows: Float32[ndarray, "batch 144000"], birdnet: BirdNet
) -> tuple[Float32[ndarray, "batch 6522"], Float32[ndarray, "batch 1024"]]:
    """BirdNET's scores in [0, 1] for each window, and its embedding."""
    with torch.inference_mode():
        logits, embedding = birdnet(torch.from_numpy(windows))
        return torch.sigmoid(logits).numpy(), embedding.numpy()


def liveliness(windows: Float32[ndarray, "batch 144000"]) -> Float[ndarray, " batch"]:
    """How far the liveliest band of sound between 150 Hz and 15 kHz rises above its own median, in dB.

    About 1 for white noise, 0 for a tone or hum, over 10 for a bird near the microphone. Bands are about 470 Hz wide
    and frames 43 ms long, so that the ups and downs of noise itself average out.
    """
    pieces = torch.from_numpy(windows).reshape(len(windows), -1, 1000) * torch.hann_window(1000)
    power = torch.view_as_real(torch.fft.rfft(pieces)[:, :, 3:313]).square().sum(3)
    frames = power.reshape(len(windows), -1, 2, 31, 10).sum((2, 4)).double().numpy()
    floor = 1e-6 * frames.max((1, 2), keepdims=True) + 1e-9  # what leaks from a pure tone is no sound
    level_db = 10 * np.log10(frames + floor)
    return np.array([_rise_db(level, end) for level, end in zip(level_db, _ends(windows), strict=True)])


def _ends(windows: Float32[ndarray, "batch 144000"]) -> list[int]:
    """Frames of each window until its sound ends: what pads the last window does not come and go."""
    return [_end(window) for window in windows]


def _end(window: Float32[ndarray, " 144000"]) -> int:
    if window[-FRAME:].any():
        return WINDOW_SAMPLES // FRAME
    loud = np.flatnonzero(window)
    return int(loud[-1]) // FRAME + 1 if len(loud) else 0


def _rise_db(level_db: Float[ndarray, "frames bands"], end: int) -> float:
    """The fourth-loudest frame of a band over its median, at most over all bands; 0 for less than half a second."""
    if end < 12:
        return 0.0
    heard = level_db[:end]
    return float((np.partition(heard, -4, axis=0)[-4] - np.median(heard, axis=0)).max())


def detect(
    window: ndarray, label: ndarray, score: Float[ndarray, " n"], lively: Bool[ndarray, " windows"]
) -> tuple[list[Detection], int]:
    """Believed detections, surest first, and how many labels were not believed.

    Args:
        window: index of the window of each noticed score.
        label: index of its label.
        score: the score, at least `NOTICED`.
        lively: which windows are not steady.
    """
    believed, doubtful = [], 0
    for one in np.unique(label):
        mine = (label == one) & lively[window]
        best = np.sort(score[mine])[::-1]
        alone = len(best) > 0 and best[0] >= ALONE
        together = len(best) > 1 and best[0] >= LEAD and best[1] >= TOGETHER
        if alone or together:
            moments = _join(window[mine], score[mine])
            believed.append(Detection(int(one), moments, confidence(score[mine])))
        else:
            doubtful += 1
    return sorted(believed, key=lambda d: (-d.confidence, d.label)), doubtful


def confidence(scores: Float[ndarray, " n"]) -> float:
    """Chance that a label with these scores is really there: 1 − Π √(1 − score).

    The root counts each overlapping half window once; scores are taken as chances, which on BirdNET is cautious.
    """
    missed = float(np.prod(np.sqrt(1.0 - np.minimum(scores, 0.9999))))
    return round(min(CERTAIN, 1.0 - missed), 4)


def _join(window: ndarray, score: ndarray) -> tuple[Moment, ...]:
    """Windows that overlap become one moment with their highest score."""
    moments: list[Moment] = []
    for k, value in zip(window.tolist(), score.tolist(), strict=True):
        start_s, end_s, value = k * HOP_S, k * HOP_S + WINDOW_S, round(float(value), 4)
        if moments and start_s <= moments[-1].end_s:
            last = moments.pop()
            moments.append(Moment(last.start_s, end_s, max(last.score, value)))
        else:
            moments.append(Moment(start_s, end_s, value))
    return tuple(moments)


def _cut(detection: Detection, duration_s: float) -> Detection:
    """Moments end with the sound, where the last window was padded."""
    moments = tuple(Moment(m.start_s, round(min(m.end_s, duration_s), 3), m.score) for m in detection.moments)
    return Detection(detection.label, moments, detection.confidence)


def windows_of(sound: Iterator[Float32[ndarray, " samples"]]) -> Iterator[Float32[ndarray, " 144000"]]:
    """Windows of 3 s every 1.5 s, the last one padded with silence; a rest under 0.3 s is not heard again."""
    last, alone = next(sound, None), True
    if last is None:
        return
    for block in sound:
        if alone or len(block) >= WINDOW_SAMPLES // 10:
            yield _padded(np.concatenate([last, block]))
        last, alone = block, False
    if alone:
        yield _padded(last)


def _padded(sound: Float32[ndarray, " samples"]) -> Float32[ndarray, " 144000"]:
    return np.pad(sound, (0, WINDOW_SAMPLES - len(sound)))


def in_batches(
    windows: Iterator[Float32[ndarray, " 144000"]],
) -> Iterator[Float32[ndarray, "batch 144000"]]:
    """Windows in stacks of `BATCH`, the last one smaller."""
    batch: list[Float32[ndarray, " 144000"]] = []
    for window in windows:
        batch.append(window)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
