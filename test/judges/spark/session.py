"""The Spark session of the judges: one JVM for a process, with Iceberg and our own class on its class path."""

from __future__ import annotations

import functools
import glob
import os
import sys
import time

from pyspark.sql import SparkSession

INSTALLED = os.path.dirname(os.path.dirname(sys.executable))
SETTINGS = {
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.default.parallelism": "2",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "false",
    # An overwrite replaces the partitions that get rows, as serac does with `partitions: true`.
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.parquet.fieldId.read.enabled": "true",
    "spark.sql.parquet.fieldId.write.enabled": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.timeType.enabled": "true",
    "spark.sql.geospatial.enabled": "true",
    # Tables that are opened by their path.
    "spark.sql.catalog.default_iceberg": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.default_iceberg.type": "hadoop",
    "spark.sql.catalog.default_iceberg.warehouse": "/nowhere",
}


@functools.cache
def session() -> SparkSession:
    # What Spark hands to Python as a time of the day of no zone is UTC's.
    os.environ["TZ"] = "UTC"
    time.tzset()
    jars = glob.glob(os.path.join(INSTALLED, "jars", "*.jar"))
    builder = SparkSession.builder.master("local[2]")
    builder = builder.config("spark.driver.extraClassPath", ":".join([*jars, os.path.join(INSTALLED, "classes")]))
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
