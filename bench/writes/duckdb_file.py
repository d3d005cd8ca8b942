"""DuckDB as a peer of bench/writes.mjs: a file of its own, since it writes Iceberg through a REST catalog only. Rows that
are written are an Arrow table. One job, as JSON in the first argument; one line of JSON on standard output."""

from __future__ import annotations

import json
import os
import sys

import duckdb
import pyarrow as pa

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from measure import answer, measure
from work_folder import reset_work

JOB = json.loads(sys.argv[1])
FILE = os.path.join(JOB["work"], "orders.duckdb")
opened = {}


def connect(**settings) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(FILE, config={"threads": JOB["threads"], **settings})
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


def held_rows() -> pa.Table:
    with pa.OSFile(JOB["source"] + ".arrow") as file:
        return pa.ipc.open_stream(file).read_all()


def base() -> None:
    reset_work(JOB)
    with connect() as connection:
        connection.execute(f"CREATE TABLE orders AS SELECT * FROM '{JOB['source']}'; CHECKPOINT")
    answer({"files": 1})


# ---------------------------------------------------------------- work


def append() -> None:
    measure_write(held_rows(), "CREATE TABLE orders AS SELECT * FROM given; CHECKPOINT", notes="CREATE TABLE AS")


def upsert() -> None:
    merge = """MERGE INTO orders t USING given s ON t.id = s.id
        WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *; CHECKPOINT"""
    measure_write(held_rows(), merge, notes="MERGE INTO, no index")


def delete() -> None:
    deleted = JOB["deleted"]
    query = f"DELETE FROM orders WHERE id % {deleted['divisor']} = {deleted['rest']}; CHECKPOINT"
    measure_write(None, query, notes="DELETE")


def measure_write(given: pa.Table | None, query: str, notes: str) -> None:
    """Each run on a file as it was made."""

    def close():
        if "connection" in opened:
            opened.pop("connection").close()

    def prepare():
        close()
        reset_work(JOB)
        opened["connection"] = connect()
        if given is not None:
            opened["connection"].register("given", given)

    def inspect(result, check):
        close()
        return {
            "version": duckdb.__version__,
            "rows": JOB["total"] // JOB["deleted"]["divisor"] if given is None else given.num_rows,
            "notes": f"file of its own, no Iceberg: {notes}, CHECKPOINT",
            "table": {"kind": "duckdb", "file": FILE},
        }

    held = 0 if given is None else given.nbytes
    measure(lambda: opened["connection"].execute(query), inspect, prepare, held_bytes=held, long_seconds=JOB["longSeconds"])


TASKS = {"base": base, "append": append, "upsert": upsert, "delete": delete}

if __name__ == "__main__":
    TASKS[JOB["task"]]()
