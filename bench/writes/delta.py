"""delta-rs as a peer of bench/writes.mjs: a table of Delta, the nearest to Iceberg that has a native library. Rows that
are written are an Arrow table. One job, as JSON in the first argument; one line of JSON on standard output."""

from __future__ import annotations

import json
import os
import sys

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties, write_deltalake

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from latencies import repeat
from measure import answer, measure
from work_folder import reset_work

JOB = json.loads(sys.argv[1])
PLACE = os.path.join(JOB["work"], "orders")
ZSTD = WriterProperties(compression="ZSTD")


def held_rows() -> pa.Table:
    with pa.OSFile(JOB["source"] + ".arrow") as file:
        return pa.ipc.open_stream(file).read_all()


def base() -> None:
    """An append for each file."""
    reset_work(JOB)
    size = -(-JOB["total"] // JOB["files"])
    for batch in pq.ParquetFile(JOB["source"]).iter_batches(batch_size=size):
        write_deltalake(PLACE, pa.Table.from_batches([batch]), mode="append", writer_properties=ZSTD)
    answer({"files": len(DeltaTable(PLACE).file_uris())})


# ---------------------------------------------------------------- work


def append() -> None:
    rows = held_rows()

    def run():
        write_deltalake(PLACE, rows, writer_properties=ZSTD)

    measure_write(run, rows=rows.num_rows, held=rows.nbytes)


def upsert() -> None:
    rows = held_rows()

    def run():
        merge = DeltaTable(PLACE).merge(
            rows, "t.id = s.id", source_alias="s", target_alias="t", writer_properties=ZSTD
        )
        merge.when_matched_update_all().when_not_matched_insert_all().execute()

    measure_write(run, rows=rows.num_rows, held=rows.nbytes, notes="MERGE, copy-on-write")


def delete() -> None:
    deleted = JOB["deleted"]

    def run():
        DeltaTable(PLACE).delete(f"id % {deleted['divisor']} = {deleted['rest']}", writer_properties=ZSTD)

    measure_write(run, rows=JOB["total"] // deleted["divisor"], notes="DELETE, copy-on-write")


def commits() -> None:
    rows = held_rows()

    def run():
        return repeat(lambda: write_deltalake(PLACE, rows, mode="append", writer_properties=ZSTD), JOB["commits"])

    measure_write(run, rows=JOB["commits"], notes="Arrow table in memory; nothing is synced")


def measure_write(run, rows: int, held: int = 0, notes: str = "Arrow table in memory") -> None:
    """Each run on a table as it was made."""

    def inspect(result, check):
        table = DeltaTable(PLACE)
        return {
            "version": deltalake.__version__,
            "rows": rows,
            "snapshots": table.version() + 1,
            "notes": f"Delta, no Iceberg: {notes}",
            "table": {"kind": "parquet", "files": [path.removeprefix("file://") for path in table.file_uris()]},
            **(result or {}),
        }

    measure(run, inspect, lambda: reset_work(JOB), held_bytes=held, long_seconds=JOB["longSeconds"])


TASKS = {"base": base, "append": append, "upsert": upsert, "delete": delete, "commits": commits}

if __name__ == "__main__":
    TASKS[JOB["task"]]()
