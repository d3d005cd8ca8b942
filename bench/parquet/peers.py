"""The Python peers of bench/parquet.mjs - pyarrow, DuckDB, PyIceberg - and its judge of files. One job, as JSON in
the first argument; one line of JSON on standard output. Warm-up, clock and memory: shared/measure.py."""

from __future__ import annotations

import glob
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from checks import check_of
from measure import answer, measure
from reading import measure_reading

JOB = json.loads(sys.argv[1])
STRINGS = ["status", "return_flag", "ship_mode", "comment"]


def judge() -> None:
    """What files hold, by pyarrow, and how they are laid out."""
    files = JOB["files"]
    metadata = [pq.ParquetFile(file).metadata for file in files]
    tables = (
        batch for file in files for batch in pq.ParquetFile(file).iter_batches(batch_size=262_144)
    )
    if JOB.get("rows"):
        tables = [pq.read_table(files[0]).slice(0, JOB["rows"])]
    answer({"check": check_of(tables), "rowGroups": sum(part.num_row_groups for part in metadata)})


def arrow() -> None:
    """The rows of a Parquet file as an Arrow stream: what every engine holds before it writes."""
    table = pq.read_table(JOB["file"])
    with pa.ipc.new_stream(JOB["out"], table.schema.remove_metadata()) as stream:
        stream.write_table(table, max_chunksize=65_536)
    answer({})


# ---------------------------------------------------------------- pyarrow


def set_threads() -> bool:
    pa.set_cpu_count(JOB["threads"])
    return JOB["threads"] > 1


def held_rows() -> pa.Table:
    with pa.OSFile(JOB["source"] + ".arrow") as file:
        return pa.ipc.open_stream(file).read_all()


def sync(paths) -> None:
    if JOB["fsync"]:
        for path in paths:
            with open(path, "rb+") as file:
                os.fsync(file.fileno())


def sizes(paths) -> int:
    return sum(os.stat(path).st_size for path in paths)


def remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def written(paths, rows: int, version: str, **more) -> dict:
    return {
        "rows": rows,
        "bytes": sizes(paths),
        "files": paths,
        "version": version,
        "codec": JOB["codec"],
        "level": JOB["level"],
        "pageVersion": JOB["pageVersion"],
        **more,
    }


def write_pyarrow() -> None:
    """pyarrow's writer has one thread: with two, two halves go to two files at once, as PyIceberg does it."""
    set_threads()
    rows = held_rows()
    count = JOB["threads"]
    share = -(-rows.num_rows // count)
    parts = [rows.slice(at * share, share) for at in range(count)]
    paths = [JOB["out"]] if count == 1 else [f"{JOB['out']}.{at}" for at in range(count)]

    def write_part(part, path):
        pq.write_table(
            part,
            path,
            compression=JOB["codec"],
            compression_level=JOB["level"],
            data_page_version="2.0" if JOB["pageVersion"] == 2 else "1.0",
        )

    def run():
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(write_part, parts, paths))
        sync(paths)

    note = "one file" if count == 1 else f"{count} files at once: its writer has one thread"
    measure(
        run,
        lambda _, __: written(paths, rows.num_rows, pa.__version__, notes=note),
        lambda: [remove(path) for path in paths],
        rows.nbytes,
    )


def read_pyarrow() -> None:
    threads = set_threads()
    columns = JOB.get("columns")
    coded = STRINGS if JOB["engine"] == "pyarrow-dictionary" else None

    def table():
        return pq.read_table(JOB["file"], columns=columns, use_threads=threads, read_dictionary=coded)

    def batches():
        file = pq.ParquetFile(JOB["file"], read_dictionary=coded)
        return file.iter_batches(columns=columns, use_threads=threads)

    note = "strings as codes" if coded else "strings as they are"
    measure_reading(table, batches, {"version": pa.__version__, "notes": note}, JOB["mode"])


# ---------------------------------------------------------------- DuckDB


def connect_duckdb():
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {JOB['threads']}")
    connection.execute("SET TimeZone = 'UTC'")
    return connection, duckdb.__version__


def write_duckdb() -> None:
    rows = held_rows()
    connection, version = connect_duckdb()
    connection.register("held", rows)
    level = f", COMPRESSION_LEVEL {JOB['level']}" if JOB["codec"] == "zstd" else ""
    copy = (
        f"COPY (SELECT * FROM held) TO '{JOB['out']}' (FORMAT parquet, COMPRESSION {JOB['codec']}{level}, "
        f"PARQUET_VERSION V{JOB['pageVersion']})"
    )

    def run():
        connection.execute(copy)
        sync([JOB["out"]])

    measure(
        run,
        lambda _, __: written([JOB["out"]], rows.num_rows, version, notes="COPY of a registered Arrow table"),
        lambda: remove(JOB["out"]),
        rows.nbytes,
    )


def read_duckdb() -> None:
    connection, version = connect_duckdb()
    names = ", ".join(JOB.get("columns") or ["*"])
    query = f"SELECT {names} FROM read_parquet('{JOB['file']}')"
    measure_reading(
        lambda: connection.execute(query).to_arrow_table(),
        lambda: connection.execute(query).to_arrow_reader(65_536),
        {"version": version, "notes": "to Arrow"},
        JOB["mode"],
    )


# ---------------------------------------------------------------- PyIceberg


def write_pyiceberg() -> None:
    """A whole append: files in parallel, manifests, the commit in a SQLite catalog."""
    os.environ["PYICEBERG_MAX_WORKERS"] = str(JOB["threads"])
    import pyiceberg
    from pyiceberg.catalog.sql import SqlCatalog

    set_threads()
    rows = held_rows()
    state = {}

    def prepare():
        remove(JOB["out"])
        os.makedirs(JOB["out"])
        catalog = SqlCatalog("bench", uri=f"sqlite:///{JOB['out']}/catalog.db", warehouse=f"file://{JOB['out']}")
        catalog.create_namespace("bench")
        properties = {
            "write.parquet.compression-codec": JOB["codec"],
            "write.parquet.compression-level": str(JOB["level"]),
        }
        state["table"] = catalog.create_table("bench.orders", schema=rows.schema, properties=properties)

    def data_files():
        return sorted(glob.glob(f"{JOB['out']}/**/*.parquet", recursive=True))

    measure(
        lambda: state["table"].append(rows),
        lambda _, __: {
            **written(data_files(), rows.num_rows, pyiceberg.__version__),
            "pageVersion": 1,
            "notes": "whole append with its commit; syncs what SQLite does",
        },
        prepare,
        rows.nbytes,
    )


TASKS = {
    ("judge", "pyarrow"): judge,
    ("arrow", "pyarrow"): arrow,
    ("write", "pyarrow"): write_pyarrow,
    ("read", "pyarrow"): read_pyarrow,
    ("read", "pyarrow-dictionary"): read_pyarrow,
    ("write", "duckdb"): write_duckdb,
    ("read", "duckdb"): read_duckdb,
    ("write", "pyiceberg"): write_pyiceberg,
}

if __name__ == "__main__":
    TASKS[JOB["task"], JOB["engine"]]()
