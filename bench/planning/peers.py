"""The Python peers of bench/planning.mjs: PyIceberg plans, DuckDB explains. One job, as JSON in the first argument; one
line of JSON on standard output."""

from __future__ import annotations

import json
import sys
import time

JOB = json.loads(sys.argv[1])


def status_mb(name: str) -> int:
    with open("/proc/self/status") as file:
        return next(round(int(line.split()[1]) / 1024) for line in file if line.startswith(name + ":"))


def pyiceberg() -> tuple[callable, str]:
    import pyiceberg
    from pyiceberg.table import StaticTable

    def run() -> int:
        table = StaticTable.from_metadata("file://" + JOB["metadata"])
        return len(list(table.scan(row_filter=JOB["where"]).plan_files()))

    return run, f"pyiceberg {pyiceberg.__version__}"


def duckdb() -> tuple[callable, str]:
    import duckdb

    def run() -> int:
        connection = duckdb.connect()
        connection.execute("load iceberg")
        query = f"explain select id from iceberg_scan('{JOB['metadata']}') where {JOB['where']}"
        connection.execute(query).fetchall()
        return -1

    return run, f"duckdb {duckdb.__version__}"


run, version = {"pyiceberg": pyiceberg, "duckdb": duckdb}[JOB["engine"]]()
start_mb = status_mb("VmRSS")
seconds, peaks, files = [], [], 0
for _ in range(JOB["runs"]):
    start = time.perf_counter()
    files = run()
    seconds.append(time.perf_counter() - start)
    peaks.append(status_mb("VmHWM"))
print(json.dumps({"seconds": seconds, "peaksMb": peaks, "startMb": start_mb, "files": files, "version": version}))
