"""What reading a clip costs, for `benchmark_writing`: a clip is made here, decoded, and read.

The first half of the clip pans over a street scene, so that every frame is another; in the second half the camera
rests. Frames are sampled as `lookhear locate` samples them. Decoding is timed without reading, for the whole clip and
for the sampled frames alone; memory is the peak of a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from numpy import ndarray
from PIL import Image
from tqdm import tqdm

from lookhear.data.clip import Clip
from lookhear.data.container import open_media, video_stream
from lookhear.perception.writing.reading import Reader
from lookhear.scripts.benchmark_writing_scenes import Scene

RATE_HZ = 24
"""Frames a second of the clip."""

PAN_PX = 2
"""How far it pans from frame to frame."""


def print_cost(reader: Reader, scene: Scene, seconds: float) -> None:
    """Time of decoding and reading, frames read, and peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_clip(Path(folder) / "street.mp4", scene, seconds)
        whole_s = timed(lambda: sum(1 for _ in decoded_frames(path)))
        sampled_s = timed(lambda: sum(1 for _ in Clip.open(path).sampled_frames()))
        frames = list(Clip.open(path).sampled_frames())
        read_s = timed(lambda: reader.evidence(frames))
        print(f"clip of {seconds:.0f} s in 1080p at {RATE_HZ} frames a second, {len(frames)} frames sampled")
        print(f"decoding all frames {whole_s:.1f} s, the sampled ones {sampled_s:.1f} s")
        print(f"reading {read_s:.1f} s for {reader.frames_read} frames that differ: {read_s / whole_s:.2f} × decoding")
        print(f"peak memory with reading {peak_mb(path, True):.0f} MB, without {peak_mb(path, False):.0f} MB")


def timed(step: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def decoded_frames(path: Path) -> Iterator[ndarray]:
    """All frames of a video, one after the other."""
    with open_media(path) as container:
        stream = video_stream(container)
        assert stream is not None
        for frame in container.decode(stream):
            yield frame.to_ndarray(format="rgb24")


def peak_mb(path: Path, reading: bool) -> float:
    """Peak memory of a process that samples a clip, and reads it if asked to (Linux).

    `ru_maxrss` would not do: a new process starts with its parent's.
    """
    program = (
        "import sys; from lookhear.data.clip import Clip\n"
        "from lookhear.perception.writing.reading import Reader\n"
        "frames = Clip.open(sys.argv[1]).sampled_frames()\n"
        f"{'Reader.load(1).evidence(frames)' if reading else 'sum(1 for _ in frames)'}\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout) / 2**10


def write_clip(path: Path, scene: Scene, seconds: float) -> Path:
    """A pan over a wide scene, then rest, as H.264."""
    wide = Image.fromarray(np.concatenate([scene.pixels, scene.pixels[:, ::-1]], axis=1)).resize((4096, 1365))
    street = np.asarray(wide)[140:1220]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        count = int(seconds * RATE_HZ)
        for k in tqdm(range(count), desc="Making the clip"):
            left = min(PAN_PX * min(k, count // 2), street.shape[1] - 1920)
            shown = np.ascontiguousarray(street[:, left : left + 1920])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))
    return path
