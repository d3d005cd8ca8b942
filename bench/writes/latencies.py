"""How long each of many small commits took, as in latencies.mjs."""

from __future__ import annotations

import math
import time


def repeat(work, count: int) -> dict:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return {name: round(times[math.ceil(share * count) - 1], 3) for name, share in (("p50Ms", 0.5), ("p99Ms", 0.99))}
