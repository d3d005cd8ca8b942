"""One measurement of a Python peer: warm-up, clock and memory as in measure.mjs, and what a table adds up to, as in
checks.mjs."""

from __future__ import annotations

import gc
import json
import platform
import resource
import time

import numpy as np
import pyarrow as pa


def status_mb(name: str) -> int:
    with open("/proc/self/status") as file:
        return next(round(int(line.split()[1]) / 1024) for line in file if line.startswith(name + ":"))


def reset_peak() -> None:
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def release() -> None:
    gc.collect()
    pa.default_memory_pool().release_unused()


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def answer(result: dict) -> None:
    print(json.dumps(result), flush=True)


def measure(run, inspect, prepare=lambda: None, held_bytes: int = 0, repeats: int = 1) -> None:
    """The work once to warm up, then for the clock; of `repeats` runs the median counts."""
    release()
    start_mb = status_mb("VmRSS")
    prepare()
    start = time.perf_counter()
    first = run()
    first_seconds = time.perf_counter() - start
    warm = inspect(first, True)
    del first
    prepare()
    release()
    reset_peak()
    cpu, times, result = cpu_seconds(), [], None
    for at in range(repeats):
        if at > 0:
            prepare()
        result = None
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    cpu = cpu_seconds() - cpu
    peak_mb = status_mb("VmHWM")
    measured = inspect(result, False)
    held = measured.pop("heldBytes", held_bytes)
    answer(
        {
            "seconds": sorted(times)[repeats // 2],
            "firstSeconds": first_seconds,
            "cpuSeconds": cpu / repeats,
            "startMb": start_mb,
            "peakMb": peak_mb,
            "heldMb": round(held / 1048576),
            "runtime": f"python {platform.python_version()}",
            **measured,
            "check": warm.get("check"),
        }
    )


# ---------------------------------------------------------------- what a table adds up to (checks.mjs)


def check_of(tables) -> dict:
    rows, columns = 0, {}
    for table in tables:
        rows += table.num_rows
        for name in table.column_names:
            column = table[name] if isinstance(table, pa.Table) else table.column(name)
            for part in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                add_column(columns.setdefault(name, {"sum": 0}), part)
    for entry in columns.values():
        entry["sum"] = str(entry["sum"] % 2**64)
    return {"rows": rows, "columns": columns}


def add_column(entry: dict, column: pa.Array) -> None:
    if len(column) == 0:
        return
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_decimal(kind):
        column = column.cast(pa.decimal128(15, 2))
        words = np.frombuffer(column.buffers()[1], dtype=np.uint64)
        entry["sum"] += int(words[2 * column.offset : 2 * (column.offset + len(column)) : 2].sum())
    elif pa.types.is_integer(kind) or pa.types.is_temporal(kind) or pa.types.is_floating(kind):
        width = kind.bit_width // 8
        stored = np.frombuffer(column.buffers()[1], dtype=np.int32 if width == 4 else np.int64)
        values = stored[column.offset : column.offset + len(column)]
        entry["sum"] += int(values.astype(np.int64).view(np.uint64).sum())
    else:
        column = column.cast(pa.string())
        offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
        begin, end = int(offsets[column.offset]), int(offsets[column.offset + len(column)])
        entry["sum"] += int(np.frombuffer(column.buffers()[2], dtype=np.uint8)[begin:end].sum())
        entry["bytes"] = entry.get("bytes", 0) + end - begin


def measure_reading(table, batches, facts: dict, mode: str, repeats: int = 1) -> None:
    """`table` reads all and holds it, `batches` one after another: mode `table` or `stream`."""
    if mode == "table":

        def inspect(result, check):
            more = {"check": check_of([result])} if check else {}
            return {"rows": result.num_rows, "heldBytes": result.nbytes, **facts, **more}

        return measure(table, inspect, repeats=repeats)
    warm = {}

    def run():
        if not warm:
            warm.update(check_of(batches()))
            return warm["rows"]
        return sum(batch.num_rows for batch in batches())

    def inspect_rows(rows, check):
        return {"rows": rows, **facts, **({"check": warm} if check else {})}

    return measure(run, inspect_rows, repeats=repeats)
