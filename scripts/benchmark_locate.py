"""How much `lookhear locate` costs over the bare encoder, in one process: a ratio, and memory for a long file.

The encoder's time is that of BirdNET on the same windows, already in memory; the whole run is `Locator.locate` and the
JSON record: decoding, listening, ranges, posterior, names and trace. Both are the best of some rounds, in turn, after
one round to warm up. The sound is made here: bird-like chirps over noise, as stereo AAC.

    python -m lookhear.scripts.benchmark_locate
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import torch
import tyro
from jaxtyping import Float32
from numpy import ndarray

from lookhear.data.clip import Clip
from lookhear.perception.birdnet import SAMPLE_RATE_HZ
from lookhear.perception.listen import HOP_S, hear, in_batches, windows_of
from lookhear.prediction.locator import Locator
from lookhear.prediction.writers import json_record


@dataclass(frozen=True)
class BenchmarkLocateConfig:
    """How much `lookhear locate` costs over the bare encoder."""

    seconds: float = 60.0
    """Length of the clip for the ratio."""
    long_seconds: float = 3600.0
    """Length of the clip for the memory; 0 leaves that out."""
    rounds: int = 5
    """Rounds; the best of each counts."""


def main(config: BenchmarkLocateConfig) -> None:
    """Print the ratio and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.m4a", config.seconds)
        bare_s, whole_s, windows = ratio(clip, config.rounds)
        print(f"{config.seconds:.0f} s clip, {windows} windows, {torch.get_num_threads()} threads")
        print(f"bare encoder {bare_s:.3f} s, whole run {whole_s:.3f} s, ratio {whole_s / bare_s:.2f}")
        if config.long_seconds:
            long = write_clip(Path(folder) / "long.m4a", config.long_seconds)
            print(f"{config.long_seconds / 60:.0f} min clip: peak memory {peak_mb(long):.0f} MB")


def ratio(path: Path, rounds: int) -> tuple[float, float, int]:
    """Best seconds of the bare encoder and of the whole run, and the number of windows."""
    locator = Locator.offline()
    batches = list(in_batches(windows_of(Clip.open(path).sound(SAMPLE_RATE_HZ, HOP_S))))

    def bare() -> None:
        for batch in batches:
            hear(batch, locator.hearing.birdnet)

    def whole() -> None:
        json_record.write(locator.locate(path))

    times: dict[Callable[[], None], float] = {}
    for step in (bare, whole) * (rounds + 1):
        started = time.perf_counter()
        step()
        seconds = time.perf_counter() - started
        times[step] = min(times[step], seconds) if step in times else float("inf")
    return times[bare], times[whole], sum(len(batch) for batch in batches)


def peak_mb(path: Path) -> float:
    """Peak memory of a process that locates a file."""
    program = (
        "import sys; from lookhear.prediction import Locator\n"
        "from lookhear.scripts.benchmark_locate import own_peak_mb\n"
        "Locator.offline().locate(sys.argv[1]); print(own_peak_mb())"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def own_peak_mb(status: Path = Path("/proc/self/status")) -> float:
    """Peak memory of this process: Linux' VmHWM, since `ru_maxrss` there starts with that of the parent."""
    if status.exists():
        lines = (line.split() for line in status.read_text().splitlines())
        return next(float(words[1]) for words in lines if words[:1] == ["VmHWM:"]) / 2**10
    import resource

    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def write_clip(path: Path, seconds: float) -> Path:
    """Chirps over noise, as stereo AAC at 44.1 kHz."""
    rate_hz = 44_100
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate_hz, layout="stereo")
        for k in range(int(np.ceil(seconds))):
            frame = av.AudioFrame.from_ndarray(chirps(k, rate_hz), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = rate_hz, k * rate_hz
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def chirps(second: int, rate_hz: int) -> Float32[ndarray, "2 samples"]:
    """One second of a bird that does not exist."""
    generator = np.random.default_rng(second)
    time_s = np.arange(rate_hz) / rate_hz
    pitch_hz = 2500 + 800 * np.sin(2 * np.pi * (5 + second % 4) * time_s)
    song = 0.2 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / rate_hz) * (time_s < 0.4)
    return np.tile(song + 0.01 * generator.normal(size=rate_hz), (2, 1)).astype(np.float32)


if __name__ == "__main__":
    main(tyro.cli(BenchmarkLocateConfig))
