"""The Python peers of bench/planning.mjs: PyIceberg plans, DuckDB explains. One job, as JSON in the first argument; one
line of JSON on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from plan_runs import measure, where


def pyiceberg(job: dict) -> tuple[Callable[[], int], str]:
    import pyiceberg
    from pyiceberg.table import StaticTable

    def run() -> int:
        table = StaticTable.from_metadata("file://" + job["metadata"])
        return len(list(table.scan(row_filter=where(job["filter"])).plan_files()))

    return run, f"pyiceberg {pyiceberg.__version__}"


def duckdb(job: dict) -> tuple[Callable[[], None], str]:
    import duckdb

    def run() -> None:
        connection = duckdb.connect()
        connection.execute("load iceberg")
        query = f"explain select id from iceberg_scan('{job['metadata']}') where {where(job['filter'])}"
        connection.execute(query).fetchall()

    return run, f"duckdb {duckdb.__version__}"


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    run, version = {"pyiceberg": pyiceberg, "duckdb": duckdb}[job["engine"]](job)
    measure(run, version, job["runs"])
