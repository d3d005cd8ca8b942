#!/usr/bin/env python3
"""DuckDB as a judge of Parquet files. One JSON request on standard input, one JSON answer.

  {"verb": "read", "path": FILE, "columns": [NAME, ...]}
  {"verb": "look", "path": FILE, "filters": [[COLUMN, TEXT], ...]}     how many rows equal each value (`counts`), and
      which row groups a bloom filter leaves out (`excluded`)
  {"verb": "write", "from": FILE, "to": FILE, "columns": [SQL, ...], "options": [SQL, ...]}    COPY with its options;
      "times": how often each row is written

The answer to `read` is that of ../pyiceberg/parquet.py. A refusal is an answer with `error`.
"""

from __future__ import annotations

import functools
import json
import sys

import arrow_rows
import duckdb
import pyarrow as pa


@functools.cache
def connection():
    opened = duckdb.connect()
    opened.execute("SET TimeZone='UTC'; SET enable_progress_bar=false; SET threads=1")
    return opened


def table(sql: str, *values) -> pa.Table:
    return connection().execute(sql, values).to_arrow_table()


def records(sql: str, *values) -> list[dict]:
    return table(sql, *values).to_pylist()


def read(request: dict) -> dict:
    path = request["path"]
    schema = records("FROM parquet_schema(?)", path)
    columns = ", ".join(request["columns"])
    return {
        "rows": arrow_rows.lines(table(f"SELECT {columns} FROM read_parquet(?)", path)) if columns else None,
        "fieldIds": [[each["name"], each["field_id"]] for each in schema if each["field_id"] is not None],
        "rowGroups": row_groups(path, schema),
        "keyValues": {text(each["key"]): text(each["value"]) for each in records("FROM parquet_kv_metadata(?)", path)},
    }


def text(value) -> str:
    return value.decode() if isinstance(value, bytes) else value


def row_groups(path: str, schema: list[dict]) -> list[dict]:
    kinds = [each["duckdb_type"] for each in schema if each["num_children"] is None]
    groups: dict[int, dict] = {}
    for chunk in records("FROM parquet_metadata(?) ORDER BY row_group_id, column_id", path):
        group = groups.setdefault(chunk["row_group_id"], {"rows": chunk["row_group_num_rows"], "columns": []})
        group["columns"].append(column(chunk, kinds[chunk["column_id"]]))
    return list(groups.values())


def column(chunk: dict, kind: str) -> dict:
    found = {
        "path": chunk["path_in_schema"].replace(", ", "."),
        "codec": chunk["compression"],
        "encodings": sorted(chunk["encodings"].split(", ")),
        "valueCount": chunk["num_values"],
        "bloomFilter": chunk["bloom_filter_offset"] is not None,
    }
    if chunk["stats_null_count"] is not None:
        found["nullCount"] = chunk["stats_null_count"]
    for bound in ("min", "max"):
        value = chunk[f"stats_{bound}_value"]
        if value is not None:
            found[bound] = [kind, value]
    return found


def typed_bounds(answers: list[dict]) -> None:
    """From the texts of bounds to canonical ones, by a cast to their type: one query a type."""
    wanted: dict[str, list[tuple[dict, str]]] = {}
    for answer in answers:
        for group in answer.get("rowGroups", []):
            for chunk in group["columns"]:
                for bound in ("min", "max"):
                    if bound in chunk:
                        wanted.setdefault(chunk[bound][0], []).append((chunk, bound))
    for kind, places in wanted.items():
        given = [chunk[bound][1] for chunk, bound in places]
        cast = table(f"SELECT TRY_CAST(unnest(?::VARCHAR[]) AS {kind}) AS v", given)
        for (chunk, bound), value in zip(places, arrow_rows.texts(cast.column(0).combine_chunks()), strict=True):
            chunk[bound] = value


def literal(value: str, name: str, path: str) -> str:
    kind = next(each[1] for each in connection().execute("DESCRIBE FROM read_parquet(?)", [path]).fetchall() if each[0] == name)
    escaped = value.replace("'", "''")
    return f"from_hex('{escaped}')" if kind == "BLOB" else f"CAST('{escaped}' AS {kind})"


def look(request: dict) -> dict:
    path = request["path"]
    counts, excluded = [], []
    for name, value in request["filters"]:
        wanted = literal(value, name, path)
        counts.append(records(f"SELECT count(*) AS n FROM read_parquet(?) WHERE {name} = {wanted}", path)[0]["n"])
        probed = records(f"FROM parquet_bloom_probe('{path}', '{name}', {wanted})")
        excluded.append([each["bloom_filter_excludes"] for each in probed])
    return {"counts": counts, "excluded": excluded}


def write(request: dict) -> dict:
    options = ", ".join(["FORMAT parquet", *request["options"]])
    columns, times = ", ".join(request["columns"]), request.get("times", 1)
    source = f"SELECT {columns} FROM '{request['from']}' CROSS JOIN range({times})"
    connection().execute(f"COPY ({source}) TO '{request['to']}' ({options})")
    return {"files": [request["to"]]}


def main() -> int:
    request = json.load(sys.stdin)
    try:
        answer = {"read": read, "look": look, "write": write}[request["verb"]](request)
        typed_bounds([answer])
    except Exception as problem:  # noqa: BLE001 - a refusal is an answer
        answer = {"error": type(problem).__name__, "message": str(problem)[:2000]}
    json.dump(answer, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
