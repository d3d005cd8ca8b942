"""Tables of Arrow that a measured run reads, as in reading.mjs."""

from __future__ import annotations

from checks import check_of
from measure import measure


def measure_reading(table, batches, facts: dict, mode: str, repeats: int = 1) -> None:
    """`table` reads all and holds it, `batches` one after another: mode `table` or `stream`."""
    if mode == "table":

        def inspect(result, check):
            more = {"check": check_of([result])} if check else {}
            return {"rows": result.num_rows, "heldBytes": result.nbytes, **facts, **more}

        return measure(table, inspect, repeats=repeats)
    warm = {}

    def run():
        if not warm:
            warm.update(check_of(batches()))
            return warm["rows"]
        return sum(batch.num_rows for batch in batches())

    def inspect_rows(rows, check):
        return {"rows": rows, **facts, **({"check": warm} if check else {})}

    return measure(run, inspect_rows, repeats=repeats)
