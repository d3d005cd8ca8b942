#!/usr/bin/env python3
"""Spark as a judge of tables: reads them and their metadata tables, and changes them. Prints one JSON document.

  judge.py read TABLE [--snapshot ID | --ref NAME] [--columns SQL,SQL] [--where SQL]
  judge.py changes TABLE [--from ID] [--to ID] [--keys a,b]        Spark's changelog view of a range of snapshots
  judge.py sql TABLE -                                             runs {"statements": [SQL, ...]}, one after another

TABLE is `namespace.name`, and `namespace.name.files` is a metadata table. The catalog is the SQLite file of a lake's
folder, given as properties of Iceberg's JDBC catalog: -p uri=jdbc:sqlite:... -p warehouse=...; -p name=default is the
name that it has in its own rows. Statements say {t} for the table, {c} for the catalog and {n} for `namespace.name`.

Rows are canonical (../../support/canonical.ts). Exit status 1: Spark refused; the document has `error`.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import math
import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as t
from session import session

# ---------------------------------------------------------------- canonical values


def canonical(value, kind: t.DataType):
    if value is None:
        return None
    if isinstance(kind, t.StructType):
        return {field.name: canonical(value[at], field.dataType) for at, field in enumerate(kind.fields)}
    if isinstance(kind, t.ArrayType):
        return [canonical(item, kind.elementType) for item in value]
    if isinstance(kind, t.MapType):
        pairs = ([canonical(k, kind.keyType), canonical(v, kind.valueType)] for k, v in value.items())
        return sorted(pairs, key=sort_key)
    if isinstance(kind, t.LongType):
        return str(value)
    if isinstance(kind, (t.FloatType, t.DoubleType)):
        return canonical_float(value)
    if isinstance(kind, t.DecimalType):
        return format(value, "f")
    if isinstance(kind, (t.TimestampType, t.TimestampNTZType)):
        return value.isoformat(timespec="microseconds") + ("+00:00" if isinstance(kind, t.TimestampType) else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    return value


def canonical_float(number: float):
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0 and math.copysign(1, number) < 0:
        return "-0.0"
    return number


def sort_key(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def rows_of(frame: DataFrame) -> dict:
    kinds = [field.dataType for field in frame.schema.fields]
    rows = [[canonical(value, kind) for value, kind in zip(row, kinds)] for row in frame.collect()]
    return {"fields": frame.columns, "count": len(rows), "rows": sorted(rows, key=sort_key)}


# ---------------------------------------------------------------- catalogs


@functools.cache
def lake(properties: tuple[tuple[str, str], ...]) -> tuple[SparkSession, str]:
    """A session of its own for each catalog: catalogs of one name can be open side by side."""
    given = dict(properties)
    name = given.pop("name", "default")
    found = session().newSession()
    setting = f"spark.sql.catalog.{name}"
    # Other processes commit too: nothing of a table is kept from one statement to the next.
    kind = {} if "catalog-impl" in given else {"type": "jdbc"}
    for key, value in {**kind, "cache-enabled": "false", **given}.items():
        found.conf.set(f"{setting}.{key}", value)
    found.conf.set(setting, "org.apache.iceberg.spark.SparkCatalog")
    return found, f"`{name}`"


def full_name(catalog: str, table: str) -> str:
    return ".".join([catalog, *(f"`{part}`" for part in table.split("."))])


# ---------------------------------------------------------------- verbs


def read(args) -> dict:
    spark, catalog = lake(args.properties)
    source = full_name(catalog, args.table)
    if args.snapshot or args.ref:
        source += f" VERSION AS OF {args.snapshot or repr(args.ref)}"
    return rows_of(spark.sql(f"SELECT {args.columns or '*'} FROM {source}" + (f" WHERE {args.where}" if args.where else "")))


def changes(args) -> dict:
    spark, catalog = lake(args.properties)
    given = {"table": f"'{args.table}'", "changelog_view": "'changes_to_judge'"}
    if args.keys:
        given["identifier_columns"] = f"array({', '.join(repr(key) for key in args.keys.split(','))})"
    ends = {"start-snapshot-id": getattr(args, "from"), "end-snapshot-id": args.to}
    options = ", ".join(f"'{key}', '{value}'" for key, value in ends.items() if value)
    if options:
        given["options"] = f"map({options})"
    words = ", ".join(f"{key} => {value}" for key, value in given.items())
    spark.sql(f"CALL {catalog}.system.create_changelog_view({words})").collect()
    return rows_of(spark.table("changes_to_judge"))


def sql(args) -> dict:
    spark, catalog = lake(args.properties)
    names = {"t": full_name(catalog, args.table), "c": catalog, "n": args.table}
    results = []
    for text in json.load(sys.stdin)["statements"]:
        for key, name in names.items():
            text = text.replace("{" + key + "}", name)
        results.append(rows_of(spark.sql(text)))
    return {"results": results}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, options in {
        "read": ["snapshot", "ref", "columns", "where"],
        "changes": ["from", "to", "keys"],
        "sql": [],
    }.items():
        sub = verbs.add_parser(verb)
        sub.add_argument("table")
        sub.add_argument("-p", action="append", default=[], dest="pairs", metavar="KEY=VALUE")
        for option in options:
            sub.add_argument(f"--{option}")
        if verb == "sql":
            sub.add_argument("input", choices=["-"])
    args = parser.parse_args()
    args.properties = tuple(sorted(tuple(pair.split("=", 1)) for pair in args.pairs))
    try:
        answer, status = {"read": read, "changes": changes, "sql": sql}[args.verb](args), 0
    except Exception as problem:  # noqa: BLE001 - a refusal is an answer
        answer, status = {"error": type(problem).__name__, "message": str(problem)[:2000]}, 1
    json.dump(answer, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    sys.stdout.write("\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
