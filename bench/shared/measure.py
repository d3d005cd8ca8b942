"""One measurement of a Python peer: warm-up, clock and memory as in measure.mjs."""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import resource
import time

import pyarrow as pa


def status_mb(name: str, process: int | str = "self") -> int:
    with open(f"/proc/{process}/status") as file:
        return next(round(int(line.split()[1]) / 1024) for line in file if line.startswith(name + ":"))


def reset_peak(process: int | str = "self") -> None:
    with open(f"/proc/{process}/clear_refs", "w") as file:
        file.write("5")


def release() -> None:
    gc.collect()
    pa.default_memory_pool().release_unused()


def cpu_seconds(process: int | str = "self") -> float:
    if process != "self":
        with open(f"/proc/{process}/stat") as file:
            ticks = file.read().rsplit(")", 1)[1].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def answer(result: dict) -> None:
    print(json.dumps(result), flush=True)


def measure(
    run, inspect, prepare=lambda: None, held_bytes: int = 0, repeats: int = 1, long_seconds=math.inf, process="self"
) -> None:
    """The work once to warm up, then for the clock; of `repeats` runs the median counts. A warm-up that took more than
    `long_seconds` is the measured run. `process` is the one that does the work."""
    release()
    start_mb = status_mb("VmRSS", process)

    def timed_runs(count: int) -> dict:
        prepare()
        release()
        reset_peak(process)
        cpu, times, result = cpu_seconds(process), [], None
        for at in range(count):
            if at > 0:
                prepare()
            result = None
            start = time.perf_counter()
            result = run()
            times.append(time.perf_counter() - start)
        cpu = cpu_seconds(process) - cpu
        facts = {"seconds": sorted(times)[count // 2], "cpuSeconds": cpu / count, "peakMb": status_mb("VmHWM", process)}
        return {"result": result, "facts": facts}

    warm_up = timed_runs(1)
    first_seconds = warm_up["facts"]["seconds"]
    first = inspect(warm_up.pop("result"), True)
    check = first.pop("check", None)
    if first_seconds > long_seconds:
        facts, measured = {**warm_up["facts"], "warm": False}, first
    else:
        clocked = timed_runs(repeats)
        facts, measured = clocked["facts"], inspect(clocked["result"], False)
    held = measured.pop("heldBytes", held_bytes)
    answer(
        {
            **facts,
            "firstSeconds": first_seconds,
            "startMb": start_mb,
            "heldMb": round(held / 1048576),
            "runtime": f"python {platform.python_version()}",
            **measured,
            "check": check,
        }
    )
