#!/usr/bin/env python3
"""pyarrow as a judge of Parquet files. One JSON request on standard input, one JSON answer.

  {"verb": "read", "path": FILE}
  {"verb": "look", "path": FILE, "filters": [[COLUMN, TEXT], ...]}     how many rows equal each value
  {"verb": "write", "from": FILE, "to": FILE, "options": {...}}        options of pyarrow.parquet.write_table, and
      "without": columns left out, "large": large types; "types" beside the options: rows of types that Arrow alone has

An answer to `read` holds rows (canonical lines, ../arrow_rows.py), field ids by name in depth-first order, what the
footer states of each column of each row group, and key-value metadata. A refusal is an answer with `error`.
"""

from __future__ import annotations

import json
import sys

import arrow_rows
import pyarrow as pa
import pyarrow.parquet as pq

FIELD_ID = b"PARQUET:field_id"


def read(request: dict) -> dict:
    file = pq.ParquetFile(request["path"], page_checksum_verification=True, coerce_int96_timestamp_unit="us")
    table = file.read(use_threads=False)
    table.validate(full=True)
    return {
        "rows": arrow_rows.lines(table),
        "fieldIds": [pair for field in file.schema_arrow for pair in field_ids(field)],
        "rowGroups": [row_group(file.metadata.row_group(i)) for i in range(file.metadata.num_row_groups)],
        "keyValues": {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()},
        "sorting": [sorting(file.metadata.row_group(i)) for i in range(file.metadata.num_row_groups)],
    }


def field_ids(field: pa.Field) -> list[list]:
    """Names and ids, parents before their children."""
    found = [[field.name, int(field.metadata[FIELD_ID])]] if field.metadata and FIELD_ID in field.metadata else []
    kind = field.type
    if pa.types.is_map(kind):
        children = [kind.key_field, kind.item_field]
    elif pa.types.is_list(kind):
        children = [kind.value_field]
    elif pa.types.is_struct(kind):
        children = list(kind)
    else:
        children = []
    return found + [pair for child in children for pair in field_ids(child)]


def sorting(group: pq.RowGroupMetaData) -> list[list]:
    return [[each.column_index, each.descending, each.nulls_first] for each in group.sorting_columns]


def row_group(group: pq.RowGroupMetaData) -> dict:
    return {"rows": group.num_rows, "columns": [column(group.column(i)) for i in range(group.num_columns)]}


def column(chunk: pq.ColumnChunkMetaData) -> dict:
    found = {
        "path": chunk.path_in_schema,
        "codec": chunk.compression,
        "encodings": sorted(chunk.encodings),
        "valueCount": chunk.num_values,
        "bloomFilter": chunk.bloom_filter_offset is not None,
        "pageIndex": chunk.has_offset_index,
    }
    statistics = chunk.statistics
    if statistics is None:
        return found
    if statistics.has_null_count:
        found["nullCount"] = statistics.null_count
    if statistics.has_min_max:
        found["min"], found["max"] = plain(statistics.min_raw, statistics), plain(statistics.max_raw, statistics)
    return found


def plain(value, statistics: pq.Statistics) -> str:
    """A stored value as text: bytes in hexadecimal, a decimal unscaled, any other number in digits."""
    if isinstance(value, bytes):
        decimal = statistics.logical_type.type == "DECIMAL"
        return str(int.from_bytes(value, "big", signed=True)) if decimal else value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    return arrow_rows.number(value).strip('"') if isinstance(value, float) else str(value)


def look(request: dict) -> dict:
    """Through the reader that leaves out row groups by their statistics."""
    schema = pq.read_schema(request["path"])
    counts = []
    for name, text in request["filters"]:
        kind = schema.field(name).type
        value = bytes.fromhex(text) if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) else text
        wanted = pa.scalar(value).cast(kind)
        counts.append(pq.read_table(request["path"], columns=[name], filters=pa.compute.field(name) == wanted).num_rows)
    return {"counts": counts}


def write(request: dict) -> dict:
    options = dict(request["options"])
    table = arrow_types() if request.get("types") else pq.ParquetFile(request["from"]).read()
    table = table.drop_columns([name for name in options.pop("without", []) if name in table.column_names])
    if options.pop("large", False):
        table = table.cast(pa.schema([field.with_type(large(field.type)) for field in table.schema]))
    if options.get("sorting_columns"):
        options["sorting_columns"] = [pq.SortingColumn(*each) for each in options["sorting_columns"]]
    pq.write_table(table, request["to"], **options)
    return {"files": [request["to"]]}


def large(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.large_list(kind.value_field)
    if pa.types.is_string(kind):
        return pa.large_string()
    return pa.large_binary() if pa.types.is_binary(kind) else kind


def arrow_types() -> pa.Table:
    """Types that Iceberg does not have, or has in another width."""
    count = 300
    numbers = [None if row % 7 == 3 else row - 150 for row in range(count)]
    columns = {}
    for bits in (8, 16, 32, 64):
        signed, unsigned = getattr(pa, f"int{bits}")(), getattr(pa, f"uint{bits}")()
        last = 2 ** (bits - 1) - 1
        columns[f"int{bits}"] = pa.array([-last - 1, last, *(n and max(n, -128) % 128 for n in numbers[2:])], signed)
        above = last if bits == 64 else 2 * last + 1
        columns[f"uint{bits}"] = pa.array([0, above, *(n and abs(n) for n in numbers[2:])], unsigned)
    half = [None if n is None else n / 8 for n in numbers]
    columns["float16"] = pa.array([-0.0, float("nan"), float("inf"), *half[3:]], pa.float16())
    columns["decimal32"] = pa.array(numbers, pa.int64()).cast(pa.decimal128(21, 2)).cast(pa.decimal32(9, 2))
    columns["decimal64"] = pa.array(numbers, pa.int64()).cast(pa.decimal128(22, 3)).cast(pa.decimal64(18, 3))
    columns["decimal21"] = pa.array(numbers, pa.int64()).cast(pa.decimal128(21, 2))
    columns["date64"] = pa.array(numbers, pa.int32()).cast(pa.date32()).cast(pa.date64())
    clock = [None if n is None else abs(n) for n in numbers]
    columns["time_ms"] = pa.array(clock, pa.int32()).cast(pa.time32("ms"))
    columns["stamp_s"] = pa.array(numbers, pa.int64()).cast(pa.timestamp("s"))
    columns["stamp_ms"] = pa.array(numbers, pa.int64()).cast(pa.timestamp("ms", "UTC"))
    words = [None if n is None else f"word {n % 9}" for n in numbers]
    columns["dictionary"] = pa.array(words).dictionary_encode()
    columns["view"] = pa.array(words, pa.string_view())
    columns["bytes_view"] = pa.array([None if w is None else w.encode() for w in words], pa.binary_view())
    columns["nothing"] = pa.nulls(count)
    pairs = [None if n is None else [n, None] for n in numbers]
    columns["pair"] = pa.array(pairs, pa.list_(pa.int32(), 2))
    columns["large_list"] = pa.array(pairs, pa.large_list(pa.int32()))
    columns["by_number"] = pa.array([None if n is None else [(n, words[3:4]), (n + 1, None)] for n in numbers], pa.map_(pa.int64(), pa.list_(pa.string())))
    return pa.table(columns)


def main() -> int:
    request = json.load(sys.stdin)
    try:
        answer = {"read": read, "look": look, "write": write}[request["verb"]](request)
    except Exception as problem:  # noqa: BLE001 - a refusal is an answer
        answer = {"error": type(problem).__name__, "message": str(problem)[:2000]}
    json.dump(answer, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
