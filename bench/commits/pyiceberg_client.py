"""Writers of PyIceberg in one process, a thread and a catalog each; a JSON document of what they did."""

import json
import resource
import sys
import threading
import time

import pyarrow
import pyiceberg
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from sqlalchemy.exc import OperationalError

given = json.loads(sys.argv[1])
client = given["client"]
properties = dict(client["properties"])
# serac's name of the kind, and of the rows in the database, which PyIceberg has as the name of the catalog.
properties["type"] = "sql" if client["type"] == "embedded" else client["type"]
for key in ("uri", "warehouse"):
    if key in client:
        properties[key] = client[key]
catalogs = [load_catalog("default", **properties) for _ in given["writers"]]

started = time.perf_counter()
from_time = started + given["warmSeconds"]
until_time = from_time + given["seconds"]
lock = threading.Lock()
counts = {"acknowledged": 0, "doubted": 0, "refused": 0, "inTime": 0}
latencies = []
# Of each writer: its commits in the time, and its longest wait within it.
per_writer = [{"commits": 0, "longestMs": 0} for _ in given["writers"]]
failures = []
schema = pyarrow.schema([("id", pyarrow.int64()), ("v", pyarrow.string())])


def count(name):
    with lock:
        counts[name] += 1


def write(catalog, writer, name, own):
    table = catalog.load_table(name)
    batch = 0
    begin = time.perf_counter()
    while begin < until_time:
        ids = range(batch * given["rows"], (batch + 1) * given["rows"])
        rows = pyarrow.table({"id": list(ids), "v": [f"writer {writer}" for _ in ids]}, schema=schema)
        try:
            table.append(rows)
        except CommitStateUnknownException:
            count("doubted")
        except (CommitFailedException, OperationalError):
            count("refused")
        else:
            count("acknowledged")
            end = time.perf_counter()
            if from_time <= end < until_time:
                count("inTime")
                own["commits"] += 1
            own["longestMs"] = max(own["longestMs"], (end - max(begin, from_time)) * 1000)
            # Also those that end later: who waits longest must not be left out.
            if begin >= from_time:
                with lock:
                    latencies.append((end - begin) * 1000)
            begin = end
            batch += 1
            continue
        table.refresh()


def guarded(*args):
    try:
        write(*args)
    except Exception as error:
        failures.append(error)


threads = [
    threading.Thread(target=guarded, args=(catalog, of["writer"], of["table"], own))
    for catalog, of, own in zip(catalogs, given["writers"], per_writer)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if failures:
    raise failures[0]
usage = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            **counts,
            "latenciesMs": latencies,
            "perWriter": per_writer,
            "cpuSeconds": usage.ru_utime + usage.ru_stime,
            "runtime": f"python {sys.version.split()[0]}",
            "version": pyiceberg.__version__,
        }
    )
)
