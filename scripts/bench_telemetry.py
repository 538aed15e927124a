"""Measure what telemetry costs: CPU of the sampler in percent of one core.

Usage: python scripts/bench_telemetry.py [SECONDS]
"""

import os
import sys
import time

from workers.gpu import Nvml
from workers.spans import HOST
from workers.telemetry import Sampler


def main() -> None:
    """Sample this process for some seconds and print the cost."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    nvml = Nvml()
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    with Sampler(os.getpid(), nvml.uuids, nvml) as sampler:
        time.sleep(seconds)
    wall_s, cpu_s = time.monotonic() - start_s, time.process_time() - start_cpu_s
    ticks = sum(sample.device == HOST for sample in sampler.samples)
    print(f"GPUs sampled: {len(nvml.uuids)}")
    print(f"samples a second: {ticks / wall_s:.1f}")
    print(f"CPU of a sample: {cpu_s / ticks * 1e6:.0f} us")
    print(f"CPU of the sampler: {cpu_s / wall_s * 100:.2f} % of one core")


if __name__ == "__main__":
    main()
