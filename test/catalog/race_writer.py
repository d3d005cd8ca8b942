"""PyIceberg as one of several processes that commit to one table at once. Prints a line per acknowledged commit.

Arguments: database file, warehouse, name of this writer, number of commits.
"""

import sys

from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException
from sqlalchemy.exc import OperationalError

path, warehouse, writer, commits = sys.argv[1:]
catalog = load_catalog("default", type="sql", uri=f"sqlite:///{path}", warehouse=f"file://{warehouse}")
done = 0
while done < int(commits):
    key = f"{writer}.{done}"
    try:
        with catalog.load_table("race.t").transaction() as transaction:
            transaction.set_properties({key: "1"})
    except (CommitFailedException, OperationalError):
        continue
    print(key, flush=True)
    done += 1
