#!/usr/bin/env python3
"""Spark, and Iceberg's Java library beside it, as judges of Parquet files and tables. One JSON request on standard
input, one JSON answer; the session is kept from one request to the next (../batch.py).

  {"verb": "read", "path": FILE, "schema": SPARK, "iceberg": ICEBERG, "expressions": [SQL, ...]}
  {"verb": "look", "path": FILE, "schema": SPARK, "iceberg": ICEBERG, "filters": [[COLUMN, TEXT], ...]}
  {"verb": "write", "from": FILE, "schema": SPARK, "to": FOLDER, "options": {...}, "conf": {...}}
  {"verb": "table", "path": METADATA.json, "expressions": [SQL, ...]}

The schemas are those engines' JSON. Spark's carries field ids, and names of its own: columns are found by id. It
names only what Spark has types for; Iceberg's names every column. Expressions stand for the columns. The answer to `read` holds `rows` (Spark's),
`icebergRows`, and the row groups with their pages as parquet-java reads the footer; to `look` how many rows equal
each value, and how many are in the row groups that Iceberg's filters leave; to `write` the files; to `table` the rows
of the table as that metadata file has it. A refusal is an
answer with `error`.
"""

from __future__ import annotations

import glob
import json
import os
import sys

import arrow_rows
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import BinaryType, StructType
from session import SETTINGS, session


def java():
    return session()._jvm.serac.judges.ParquetJudge


def frame(request: dict) -> DataFrame:
    return session().read.schema(StructType.fromJson(request["schema"])).parquet(request.get("path") or request["from"])


def rows(request: dict) -> DataFrame:
    return frame(request).selectExpr(*request.get("expressions", ["*"]))


def read(request: dict) -> dict:
    path, schema = request["path"], json.dumps(request["iceberg"])
    groups = json.loads(java().rowGroups(path))
    encodings = {encoding for group in groups for column in group["columns"] for encoding in column["encodings"]}
    # Spark decodes this one by rows only.
    vectorized = "BYTE_STREAM_SPLIT" not in encodings
    session().conf.set("spark.sql.parquet.enableVectorizedReader", str(vectorized).lower())
    return {
        "rows": arrow_rows.lines(in_micros(rows(request).toArrow())) if request["schema"]["fields"] else None,
        "icebergRows": java().icebergRows(path, schema).split("\n")[:-1],
        "rowGroups": groups,
    }


def in_micros(table: pa.Table) -> pa.Table:
    """Spark gives times of the day to Arrow in nanoseconds."""
    return table.cast(pa.schema([pa.field(f.name, micros(f.type), f.nullable) for f in table.schema]))


def micros(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_map(kind):
        return pa.map_(micros(kind.key_type), micros(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(micros(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, micros(f.type), f.nullable) for f in kind])
    return kind


def look(request: dict) -> dict:
    table, schema = frame(request), json.dumps(request["iceberg"])
    kinds = {field.name: field.dataType for field in table.schema.fields}
    counts, kept = [], []
    for name, text in request["filters"]:
        kept.append(java().icebergCount(request["path"], schema, name, text))
        if name not in kinds:
            counts.append(None)
            continue
        escaped = text.replace("\\", "\\\\").replace("'", "\\'")
        kind = kinds[name]
        value = f"X'{text}'" if isinstance(kind, BinaryType) else f"CAST('{escaped}' AS {kind.simpleString()})"
        counts.append(table.where(f"`{name}` = {value}").count())
    return {"counts": counts, "kept": kept}


def write(request: dict) -> dict:
    for key, value in request["conf"].items():
        session().conf.set(key, value)
    frame(request).coalesce(1).write.options(**request["options"]).parquet(request["to"])
    for key in request["conf"]:
        session().conf.set(key, SETTINGS[key]) if key in SETTINGS else session().conf.unset(key)
    return {"files": sorted(glob.glob(os.path.join(request["to"], "*.parquet")))}


def table(request: dict) -> dict:
    found = session().read.format("iceberg").load(request["path"]).selectExpr(*request["expressions"])
    return {"rows": arrow_rows.lines(in_micros(found.toArrow()))}


def main() -> int:
    request = json.load(sys.stdin)
    try:
        answer = {"read": read, "look": look, "write": write, "table": table}[request["verb"]](request)
    except Exception as problem:  # noqa: BLE001 - a refusal is an answer
        answer = {"error": type(problem).__name__, "message": str(problem)[:2000]}
    json.dump(answer, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
