"""PyIceberg as a peer of bench/writes.mjs, with a catalog in SQLite; rows that are written are an Arrow table. One job, as
JSON in the first argument; one line of JSON on standard output."""

from __future__ import annotations

import json
import os
import sys

JOB = json.loads(sys.argv[1])
os.environ["PYICEBERG_MAX_WORKERS"] = str(JOB["threads"])

import pyarrow as pa
import pyarrow.parquet as pq
import pyiceberg
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import In

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from latencies import repeat
from measure import answer, measure
from work_folder import reset_work

NAME = "bench.orders"
pa.set_cpu_count(JOB["threads"])
opened = {}


def held_rows() -> pa.Table:
    with pa.OSFile(JOB["source"] + ".arrow") as file:
        return pa.ipc.open_stream(file).read_all()


def catalog() -> SqlCatalog:
    return SqlCatalog("bench", uri=f"sqlite:///{JOB['work']}/catalog.db", warehouse=f"file://{JOB['work']}")


def create(schema: pa.Schema):
    store = catalog()
    store.create_namespace("bench")
    return store.create_table(NAME, schema=schema, properties={"write.parquet.compression-codec": "zstd"})


def base() -> None:
    """One commit, a file for each share of the rows."""
    from pyiceberg.io.pyarrow import _dataframe_to_data_files

    reset_work(JOB)
    source = pq.ParquetFile(JOB["source"])
    table = create(source.schema_arrow)
    size = -(-JOB["total"] // JOB["files"])
    with table.transaction() as change, change.update_snapshot().fast_append() as append:
        for batch in source.iter_batches(batch_size=size):
            for file in _dataframe_to_data_files(table.metadata, pa.Table.from_batches([batch]), table.io):
                append.append_data_file(file)
    answer({"files": JOB["files"]})


# ---------------------------------------------------------------- work


def append() -> None:
    rows = held_rows()

    def run():
        opened["table"].append(rows)

    measure_write(run, schema=rows.schema, rows=rows.num_rows, held=rows.nbytes)


def upsert() -> None:
    rows = held_rows()
    note = "copy-on-write, all that it has"

    def run():
        opened["table"].upsert(rows, join_cols=["id"])

    measure_write(run, rows=rows.num_rows, held=rows.nbytes, notes=note)


def delete() -> None:
    deleted = JOB["deleted"]
    ids = list(range(deleted["rest"], JOB["total"], deleted["divisor"]))
    note = f"copy-on-write, all that it has; In of {len(ids)} ids, as it has no remainder"

    def run():
        opened["table"].delete(In("id", ids))

    measure_write(run, rows=len(ids), notes=note)


def commits() -> None:
    rows = held_rows()
    note = "SQLite catalog, which syncs; files are not synced"
    measure_write(
        lambda: repeat(lambda: opened["table"].append(rows), JOB["commits"]),
        schema=rows.schema,
        rows=JOB["commits"],
        notes=note,
    )


def measure_write(
    run, rows: int, held: int = 0, schema: pa.Schema | None = None, notes: str = "Arrow table in memory"
) -> None:
    """Each run on a table as it was made; `schema` is of an empty one. What `run` answers, the sample says too."""

    def prepare():
        reset_work(JOB)
        opened["table"] = catalog().load_table(NAME) if schema is None else create(schema)

    def inspect(result, check):
        table = catalog().load_table(NAME)
        return {
            "version": pyiceberg.__version__,
            "rows": rows,
            "snapshots": len(table.snapshots()),
            "notes": notes,
            "table": {"kind": "iceberg", "metadata": table.metadata_location.removeprefix("file://")},
            **(result or {}),
        }

    measure(run, inspect, prepare, held_bytes=held, long_seconds=JOB["longSeconds"])


TASKS = {"base": base, "append": append, "upsert": upsert, "delete": delete, "commits": commits}

if __name__ == "__main__":
    TASKS[JOB["task"]]()
