"""Spark with Iceberg's Java library as a peer of bench/writes.mjs, with Iceberg's JDBC catalog in SQLite. It reads the rows
that it writes from Parquet: that is in its time. CPU and memory are the JVM's; its start is off the clock. One job, as
JSON in the first argument; one line of JSON on standard output."""

from __future__ import annotations

import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../shared"))
from latencies import repeat
from measure import answer, measure
from pyspark.sql import SparkSession
from work_folder import reset_work

JOB = json.loads(sys.argv[1])
INSTALLED = os.path.dirname(os.path.dirname(sys.executable))
NAME = "bench.bench.orders"
# Not in the table's folder, which is made anew under the eyes of the session.
CATALOG = JOB["work"] + ".spark.db"
LOCATION = "file://" + os.path.join(JOB["work"], "orders")
SETTINGS = {
    "spark.driver.extraClassPath": ":".join(glob.glob(os.path.join(INSTALLED, "jars", "*.jar"))),
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.default.parallelism": str(JOB["threads"]),
    "spark.sql.shuffle.partitions": str(JOB["threads"]),
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.bench": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.bench.type": "jdbc",
    "spark.sql.catalog.bench.uri": f"jdbc:sqlite:{CATALOG}",
    "spark.sql.catalog.bench.warehouse": "file://" + JOB["work"],
    "spark.sql.catalog.bench.jdbc.schema-version": "V1",
    "spark.sql.catalog.bench.cache-enabled": "false",
}


def open_session() -> SparkSession:
    if os.path.exists(CATALOG):
        os.remove(CATALOG)
    builder = SparkSession.builder.master(f"local[{JOB['threads']}]")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


session = open_session()


def sql(text: str) -> list:
    return session.sql(text).collect()


def execute(text: str) -> None:
    sql(text)


def create(filled: bool) -> None:
    properties = {"format-version": str(JOB["formatVersion"]), "write.parquet.compression-codec": "zstd"}
    if JOB.get("mode") is not None:
        properties |= {f"write.{operation}.mode": JOB["mode"] for operation in ("delete", "update", "merge")}
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
    columns = ", ".join(f"{field.name} {field.dataType.simpleString()}" for field in source().schema)
    made = f"CREATE TABLE {NAME} {'' if filled else f'({columns})'} USING iceberg LOCATION '{LOCATION}' TBLPROPERTIES ({listed})"
    sql(f"{made} AS SELECT * FROM parquet.`{JOB['source']}`" if filled else made)


def source():
    return session.read.parquet(JOB["source"])


def current_metadata() -> str:
    newest = sql(f"SELECT file FROM {NAME}.metadata_log_entries ORDER BY timestamp DESC, latest_sequence_number DESC")
    return newest[0]["file"].removeprefix("file:").replace("///", "/")


def base() -> None:
    reset_work(JOB)
    sql("CREATE NAMESPACE bench.bench")
    create(filled=True)
    answer({"files": sql(f"SELECT count(*) FROM {NAME}.files")[0][0], "metadata": current_metadata()})


# ---------------------------------------------------------------- work


def append() -> None:
    measure_write(lambda: insert(f"parquet.`{JOB['source']}`"), rows=JOB["total"], notes="INSERT of a Parquet file")


def insert(rows: str) -> None:
    sql(f"INSERT INTO {NAME} SELECT * FROM {rows}")


def upsert() -> None:
    merge = (
        f"MERGE INTO {NAME} t USING (SELECT * FROM parquet.`{JOB['source']}`) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    measure_write(lambda: execute(merge), rows=JOB["count"], notes="MERGE of a Parquet file")


def delete() -> None:
    deleted = JOB["deleted"]
    query = f"DELETE FROM {NAME} WHERE id % {deleted['divisor']} = {deleted['rest']}"
    measure_write(lambda: execute(query), rows=JOB["total"] // deleted["divisor"], notes=query)


def commits() -> None:
    rows = session.createDataFrame(source().collect(), source().schema)
    rows.coalesce(1).createOrReplaceTempView("one")
    measure_write(
        lambda: repeat(lambda: insert("one"), JOB["commits"]),
        rows=JOB["commits"],
        notes="INSERT of a row in memory; SQLite catalog, which syncs; files are not synced",
    )


def measure_write(run, rows: int, notes: str) -> None:
    """Each run on a table as it was made."""
    sql("CREATE NAMESPACE bench.bench")

    def prepare():
        sql(f"DROP TABLE IF EXISTS {NAME}")
        reset_work(JOB)
        if JOB.get("base") is None:
            create(filled=False)
        else:
            with open(JOB["base"] + ".json") as file:
                metadata = json.load(file)["metadata"]
            sql(f"CALL bench.system.register_table(table => '{NAME}', metadata_file => '{metadata}')")

    def inspect(result, check):
        build = session._jvm.org.apache.iceberg.IcebergBuild
        return {
            "version": f"spark {session.version}, iceberg-java {build.version()}",
            "rows": rows,
            "snapshots": sql(f"SELECT count(*) FROM {NAME}.snapshots")[0][0],
            "notes": notes,
            "table": {"kind": "iceberg", "metadata": current_metadata()},
            **(result or {}),
        }

    process = session._jvm.java.lang.ProcessHandle.current().pid()
    measure(run, inspect, prepare, long_seconds=JOB["longSeconds"], process=process)


TASKS = {"base": base, "append": append, "upsert": upsert, "delete": delete, "commits": commits}

if __name__ == "__main__":
    TASKS[JOB["task"]]()
    session.stop()
    os.remove(CATALOG)
