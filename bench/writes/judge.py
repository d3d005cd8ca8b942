"""What tables of bench/writes.mjs hold and have to hold, by DuckDB, and the rows that are written. One job, as JSON in
the first argument; one line of JSON on standard output."""

from __future__ import annotations

import json
import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from measure import answer

JOB = json.loads(sys.argv[1])
SUMS = {
    "rows": "count(*)",
    "id": "sum(id)",
    "price": "sum(price)",
    "quantity": "sum(quantity)",
    "order_date": "sum(order_date - date '1970-01-01')",
    "updated_at": "sum(epoch_us(updated_at)::hugeint)",
    "comment": "sum(length(comment))",
}


def sums_of(connection, rows: str) -> dict:
    columns = ", ".join(f"({expression})::varchar" for expression in SUMS.values())
    found = connection.execute(f"SELECT {columns} FROM {rows}").fetchone()
    return dict(zip(SUMS, found))


def judge() -> None:
    table = JOB["table"]
    if table["kind"] == "duckdb":
        with duckdb.connect(table["file"], read_only=True) as connection:
            return answer(sums_of(connection, "orders"))
    connection = duckdb.connect()
    if table["kind"] == "parquet":
        return answer(sums_of(connection, f"read_parquet({table['files']})"))
    connection.execute("LOAD avro; LOAD iceberg")
    answer(sums_of(connection, f"iceberg_scan('{table['metadata']}')"))


def expected() -> None:
    connection = duckdb.connect()
    answer({"expected": {name: expected_of(connection, request) for name, request in JOB["requests"].items()}})


def expected_of(connection, request: dict) -> dict:
    rows = f"'{request['rows']}'"
    if request.get("first") is not None:
        rows = f"(SELECT * FROM {rows} WHERE id < {request['first']})"
    elif "changes" in request:
        changes = f"'{request['changes']}'"
        rows = f"(SELECT * FROM {rows} ANTI JOIN (SELECT id FROM {changes}) USING (id) UNION ALL BY NAME SELECT * FROM {changes})"
    elif "deleted" in request:
        deleted = request["deleted"]
        rows = f"(SELECT * FROM {rows} WHERE id % {deleted['divisor']} <> {deleted['rest']})"
    elif "times" in request:
        rows = f"(SELECT rows.* FROM {rows} rows, range({request['times']}))"
    return sums_of(connection, rows)


# ---------------------------------------------------------------- rows to write


def changes() -> None:
    """New versions of rows of the kit beside the project."""
    sys.path.insert(0, JOB["kit"])
    import gen

    ids = gen.change_ids(JOB["total"], JOB["count"], "uniform")
    save(gen.rows_at(ids, JOB["total"], 1))


def first() -> None:
    batch = next(pq.ParquetFile(JOB["file"]).iter_batches(batch_size=JOB["rows"]))
    save(pa.Table.from_batches([batch]))


def arrow() -> None:
    """The stream beside a file that is there."""
    save_stream(pq.read_table(JOB["out"]))


def save(rows: pa.Table) -> None:
    rows = rows.replace_schema_metadata(None)
    pq.write_table(rows, JOB["out"], compression="zstd")
    save_stream(rows)


def save_stream(rows: pa.Table) -> None:
    """What every engine that can holds before it writes. It is named last, so that a stream that is there is whole."""
    part = JOB["out"] + ".part"
    with pa.ipc.new_stream(part, rows.schema.remove_metadata()) as stream:
        stream.write_table(rows, max_chunksize=65_536)
    os.rename(part, JOB["out"] + ".arrow")
    answer({})


TASKS = {"judge": judge, "expected": expected, "changes": changes, "first": first, "arrow": arrow}

if __name__ == "__main__":
    TASKS[JOB["task"]]()
