"""Iceberg's Java library, which Spark plans with, as a peer of bench/planning.mjs: `newScan().filter().planFiles()` in the
JVM of a Spark session. One job, as JSON in the first argument; one line of JSON on standard output. CPU and memory are
the JVM's."""

from __future__ import annotations

import glob
import json
import os
import sys

from plan_runs import measure
from pyspark.sql import SparkSession

INSTALLED = os.path.dirname(os.path.dirname(sys.executable))

job = json.loads(sys.argv[1])
session = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.extraClassPath", ":".join(glob.glob(os.path.join(INSTALLED, "jars", "*.jar"))))
    .config("spark.driver.memory", "3g")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.log.level", "OFF")
    .getOrCreate()
)
jvm = session._jvm
iceberg = jvm.org.apache.iceberg
io = jvm.org.apache.iceberg.hadoop.HadoopFileIO(session._jsc.hadoopConfiguration())


def filter_of(column: str, start: int, end: int) -> object:
    expressions = iceberg.expressions.Expressions
    literal = (lambda day: jvm.java.time.LocalDate.ofEpochDay(day).toString()) if column == "order_date" else int
    if end == start + 1:
        return expressions.equal(column, literal(start))
    return getattr(expressions, "and")(
        expressions.greaterThanOrEqual(column, literal(start)), expressions.lessThan(column, literal(end))
    )


def run() -> int:
    table = iceberg.BaseTable(iceberg.StaticTableOperations("file://" + job["metadata"], io), "bench.orders")
    filter = filter_of(job["filter"]["column"], job["filter"]["from"], job["filter"]["to"])
    planned = table.newScan().filter(filter).planFiles()
    return iceberg.relocated.com.google.common.collect.Iterables.size(planned)


version = iceberg.IcebergBuild.version()
measure(run, f"iceberg-java {version}, spark {session.version}", job["runs"], jvm.java.lang.ProcessHandle.current().pid())
session.stop()
