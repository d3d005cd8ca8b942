"""PyIceberg as one writer of the append race; it retries lost commits as the table's properties say.

append_worker.py <catalog uri> <warehouse> <table> <name of the writer> <appends> [<pause between two, in ms>]
"""

import sys
import time

import pyarrow as pa
from pyiceberg.catalog import load_catalog

uri, warehouse, name, writer, appends, *pause_ms = sys.argv[1:]
table = load_catalog("default", type="sql", uri=uri, warehouse=warehouse).load_table(name)
for n in range(int(appends)):
    table.append(pa.table({"writer": pa.array([writer], pa.string()), "n": pa.array([n], pa.int64())}))
    time.sleep(int(pause_ms[0]) / 1000 if pause_ms else 0)
