"""What the Python peers of bench/planning.mjs share: the filter as SQL, the clock, memory."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable


def where(filter: dict) -> str:
    column, start, end = filter["column"], filter["from"], filter["to"]
    if column == "order_date":
        literal = lambda day: f"'{datetime.date(1970, 1, 1) + datetime.timedelta(days=day)}'"
    else:
        literal = str
    if end == start + 1:
        return f"{column} = {literal(start)}"
    return f"{column} >= {literal(start)} and {column} < {literal(end)}"


def measure(run: Callable[[], int | None], version: str, runs: int, process: int | str = "self") -> None:
    """Prints the line. `run` answers with the number of files, or none where the engine does not say."""
    start_mb = status_mb("VmRSS", process)
    seconds, cpu_seconds, peaks, files = [], [], [], None
    for _ in range(runs):
        cpu = cpu_of(process)
        start = time.perf_counter()
        files = run()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(cpu_of(process) - cpu)
        peaks.append(status_mb("VmHWM", process))
    line = {"seconds": seconds, "cpuSeconds": cpu_seconds, "peaksMb": peaks, "startMb": start_mb, "files": files}
    print(json.dumps({**line, "version": version}))


def status_mb(name: str, process: int | str) -> int:
    with open(f"/proc/{process}/status") as file:
        return next(int(line.split()[1]) >> 10 for line in file if line.startswith(name + ":"))


def cpu_of(process: int | str) -> float:
    """Seconds of all threads, user and system."""
    with open(f"/proc/{process}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
