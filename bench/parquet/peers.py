"""The Python peers of bench/parquet.mjs - pyarrow, DuckDB, PyIceberg - and its judge of files. One job, as JSON in
the first argument; one line of JSON on standard output. Warm-up, clock and memory are as in measure.mjs."""

from __future__ import annotations

import gc
import glob
import json
import os
import platform
import resource
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

JOB = json.loads(sys.argv[1])
STRINGS = ["status", "return_flag", "ship_mode", "comment"]


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


def measure(run, inspect, prepare=lambda: None, held_bytes: int = 0) -> None:
    release()
    start_mb = status_mb("VmRSS")
    prepare()
    warm = inspect(run(), True)
    prepare()
    release()
    reset_peak()
    cpu, start = cpu_seconds(), time.perf_counter()
    result = run()
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    peak_mb = status_mb("VmHWM")
    measured = inspect(result, False)
    held = measured.pop("heldBytes", held_bytes)
    answer(
        {
            "seconds": seconds,
            "cpuSeconds": cpu,
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
        entry["sum"] += int(values.astype(np.int64).view(np.uint64).sum()) if len(values) else 0
    else:
        column = column.cast(pa.string())
        offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
        begin, end = int(offsets[column.offset]), int(offsets[column.offset + len(column)])
        entry["sum"] += int(np.frombuffer(column.buffers()[2], dtype=np.uint8)[begin:end].sum())
        entry["bytes"] = entry.get("bytes", 0) + end - begin


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
    measure_reading(table, batches, {"version": pa.__version__, "notes": note})


def measure_reading(table, batches, facts: dict) -> None:
    if JOB["mode"] == "table":

        def inspect(result, check):
            more = {"check": check_of([result])} if check else {}
            return {"rows": result.num_rows, "heldBytes": result.nbytes, **facts, **more}

        return measure(table, inspect)
    warm = {}

    def run():
        if not warm:
            warm.update(check_of(batches()))
            return warm["rows"]
        return sum(batch.num_rows for batch in batches())

    return measure(run, lambda rows, check: {"rows": rows, **facts, **({"check": warm} if check else {})})


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
