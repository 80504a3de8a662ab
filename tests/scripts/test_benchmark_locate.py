import subprocess
import sys

import numpy as np
import pytest

from lookhear.scripts.benchmark_locate import own_peak_mb

OWN = "from lookhear.scripts.benchmark_locate import own_peak_mb; print(own_peak_mb())"


def test_the_peak_is_that_of_the_kernel_or_of_resource(tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nVmPeak:\t  9999 kB\nVmHWM:\t  2048 kB\n")
    assert own_peak_mb(tmp_path / "status") == 2.0
    assert own_peak_mb(tmp_path / "none") > 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_process_does_not_start_with_its_parents_peak():
    ballast = np.ones(400 * 2**20, dtype=np.uint8)
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, check=True)
    assert float(done.stdout) < own_peak_mb() - 250 and ballast.any()
