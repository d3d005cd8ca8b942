"""The Python peers of bench/scans.mjs - PyIceberg, DuckDB's iceberg_scan, Polars - with PyIceberg's tables and the
right answers, by pyarrow. One job, as JSON in the first argument; one line of JSON on standard output."""

from __future__ import annotations

import glob
import json
import os
import sys

import pyarrow as pa
import pyarrow.compute as pc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from checks import check_of
from measure import answer, measure
from reading import measure_reading

JOB = json.loads(sys.argv[1])
FILE_ROWS = 500_000


def held_rows() -> pa.Table:
    with pa.OSFile(JOB["source"] + ".arrow") as file:
        return pa.ipc.open_stream(file).read_all()


def expected() -> None:
    rows = held_rows()
    answer({"checks": {request["name"]: check_of([part_of(rows, request)]) for request in JOB["requests"]}})


def part_of(rows: pa.Table, request: dict) -> pa.Table:
    if "filter" not in request:
        return rows.slice(0, request["rowEnd"])
    test = request["filter"]
    column = rows[test["column"]]
    low, high = (pa.scalar(test[side], pa.int32() if pa.types.is_date(column.type) else pa.int64()).cast(column.type) for side in ("from", "to"))
    return rows.filter(pc.and_(pc.greater_equal(column, low), pc.less(column, high)))


# ---------------------------------------------------------------- PyIceberg's tables


def new_table(rows: pa.Table, **properties):
    from pyiceberg.catalog.sql import SqlCatalog

    os.makedirs(JOB["out"])
    catalog = SqlCatalog("bench", uri=f"sqlite:///{JOB['out']}/catalog.db", warehouse=f"file://{JOB['out']}")
    catalog.create_namespace("bench")
    properties = {"write.parquet.compression-codec": "zstd", **properties}
    return catalog.create_table("bench.orders", schema=rows.schema, properties=properties)


def facts_of(table) -> dict:
    paths = glob.glob(f"{JOB['out']}/**/*.parquet", recursive=True)
    metadata = table.metadata_location.removeprefix("file://")
    return {"metadata": metadata, "files": len(paths), "bytes": sum(os.stat(path).st_size for path in paths)}


def table() -> None:
    """One commit, a file for every 500,000 rows: the table of the peers' baseline."""
    from pyiceberg.io.pyarrow import _dataframe_to_data_files

    rows = held_rows()
    made = new_table(rows)
    with made.transaction() as change, change.update_snapshot().fast_append() as append:
        for start in range(0, rows.num_rows, FILE_ROWS):
            for file in _dataframe_to_data_files(made.metadata, rows.slice(start, FILE_ROWS), made.io):
                append.append_data_file(file)
    answer(facts_of(made))


def history() -> None:
    """Many rows in one commit, then one row in each: as many snapshots as asked for."""
    rows = held_rows()
    lean = {"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "20"}
    made = new_table(rows, **lean)
    made.append(rows.slice(0, JOB["firstRows"]))
    first = made.current_snapshot().snapshot_id
    for row in range(JOB["snapshots"] - 1):
        made.append(rows.slice(row, 1))
    answer({**facts_of(made), "firstSnapshotId": str(first)})


# ---------------------------------------------------------------- scans; the table is opened inside the clock


def measure_count(count, facts: dict) -> None:
    measure(
        count,
        lambda rows, _: {"rows": rows, "check": {"rows": rows, "columns": {}}, **facts},
        repeats=JOB["repeats"],
    )


def snapshot_id() -> int | None:
    return None if JOB.get("snapshotId") is None else int(JOB["snapshotId"])


def scan_pyiceberg() -> None:
    os.environ["PYICEBERG_MAX_WORKERS"] = str(JOB["threads"])
    import pyiceberg
    from pyiceberg.table import StaticTable

    pa.set_cpu_count(JOB["threads"])
    request = {"selected_fields": tuple(JOB["columns"])} if JOB.get("columns") else {}
    if JOB.get("where"):
        request["row_filter"] = JOB["where"]
    if snapshot_id() is not None:
        request["snapshot_id"] = snapshot_id()

    def scan():
        return StaticTable.from_metadata(JOB["metadata"]).scan(**request)

    facts = {"version": pyiceberg.__version__, "notes": "StaticTable to Arrow"}
    if JOB["mode"] == "count":
        return measure_count(lambda: scan().count(), facts)
    measure_reading(
        lambda: scan().to_arrow(),
        lambda: scan().to_arrow_batch_reader(),
        facts,
        JOB["mode"],
        JOB["repeats"],
    )


def scan_duckdb() -> None:
    import duckdb

    connection = duckdb.connect(config={"threads": JOB["threads"]})
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; LOAD avro; LOAD iceberg")
    travel = "" if snapshot_id() is None else f", snapshot_from_id = {snapshot_id()}"
    names = "count(*)" if JOB["mode"] == "count" else ", ".join(JOB.get("columns") or ["*"])
    where = f" WHERE {JOB['where']}" if JOB.get("where") else ""
    query = f"SELECT {names} FROM iceberg_scan('{JOB['metadata']}'{travel}){where}"
    facts = {"version": duckdb.__version__, "notes": "iceberg_scan to Arrow, one connection"}
    if JOB["mode"] == "count":
        return measure_count(lambda: connection.execute(query).fetchone()[0], facts)
    measure_reading(
        lambda: connection.execute(query).to_arrow_table(),
        lambda: connection.execute(query).to_arrow_reader(65_536),
        facts,
        JOB["mode"],
        JOB["repeats"],
    )


def scan_polars() -> None:
    os.environ["POLARS_MAX_THREADS"] = os.environ["PYICEBERG_MAX_WORKERS"] = str(JOB["threads"])
    import polars as pl
    from pyiceberg.table import StaticTable

    def frame():
        lazy = pl.scan_iceberg(StaticTable.from_metadata(JOB["metadata"]), snapshot_id=snapshot_id())
        if JOB.get("filter"):
            lazy = lazy.filter(polars_filter(pl, **JOB["filter"]))
        return lazy.select(JOB["columns"]) if JOB.get("columns") else lazy

    facts = {"version": pl.__version__, "notes": "scan_iceberg to a DataFrame"}
    if JOB["mode"] == "count":
        return measure_count(lambda: frame().select(pl.len()).collect().item(), facts)
    if JOB["mode"] == "stream":
        return measure_reading(None, lambda: (part.to_arrow() for part in frame().collect_batches()), facts, "stream")

    def inspect(result, check):
        more = {"check": check_of([result.to_arrow()])} if check else {}
        return {"rows": result.height, "heldBytes": result.estimated_size(), **facts, **more}

    measure(lambda: frame().collect(), inspect, repeats=JOB["repeats"])


def polars_filter(pl, column: str, **bounds):
    low, high = (bounds[side] if column == "id" else pl.lit(bounds[side], pl.Int32).cast(pl.Date) for side in ("from", "to"))
    if bounds["to"] == bounds["from"] + 1:
        return pl.col(column) == low
    return (pl.col(column) >= low) & (pl.col(column) < high)


TASKS = {
    ("expected", "pyarrow"): expected,
    ("table", "pyiceberg"): table,
    ("history", "pyiceberg"): history,
    ("scan", "pyiceberg"): scan_pyiceberg,
    ("scan", "duckdb"): scan_duckdb,
    ("scan", "polars"): scan_polars,
}

if __name__ == "__main__":
    TASKS[JOB["task"], JOB["engine"]]()
