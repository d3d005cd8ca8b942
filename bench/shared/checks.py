"""What a table adds up to, as in checks.mjs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def check_of(tables) -> dict:
    rows, columns = 0, {}
    for table in tables:
        rows += table.num_rows
        for name in table.column_names:
            column = table[name] if isinstance(table, pa.Table) else table.column(name)
            for part in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                add_column(columns.setdefault(name, {"sum": 0}), part)
    for entry in columns.values():
        entry["sum"] = str(entry["sum"] % 2**64)
    return {"rows": rows, "columns": columns}


def add_column(entry: dict, column: pa.Array) -> None:
    if len(column) == 0:
        return
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_decimal(kind):
        column = column.cast(pa.decimal128(15, 2))
        words = np.frombuffer(column.buffers()[1], dtype=np.uint64)
        entry["sum"] += int(words[2 * column.offset : 2 * (column.offset + len(column)) : 2].sum())
    elif pa.types.is_integer(kind) or pa.types.is_temporal(kind) or pa.types.is_floating(kind):
        width = kind.bit_width // 8
        stored = np.frombuffer(column.buffers()[1], dtype=np.int32 if width == 4 else np.int64)
        values = stored[column.offset : column.offset + len(column)]
        entry["sum"] += int(values.astype(np.int64).view(np.uint64).sum())
    else:
        column = column.cast(pa.string())
        offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
        begin, end = int(offsets[column.offset]), int(offsets[column.offset + len(column)])
        entry["sum"] += int(np.frombuffer(column.buffers()[2], dtype=np.uint8)[begin:end].sum())
        entry["bytes"] = entry.get("bytes", 0) + end - begin
