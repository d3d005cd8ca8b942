"""Rows of a pyarrow table as canonical lines, as test/interop/canonical-rows.ts prints them.

The engines of the judges hand over Arrow tables, so their rows are printed here, by one piece of code that is not
serac's. Dates and timestamps are printed from their numbers: Python's own end in the year 9999.
"""

from __future__ import annotations

import json
import math
import uuid
from datetime import date

import pyarrow as pa

EPOCH = date(1970, 1, 1).toordinal()
LAST_ORDINAL = date.max.toordinal()
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def lines(table: pa.Table) -> list[str]:
    """One line a row, sorted by their bytes."""
    found = []
    for batch in table.to_batches():
        columns = [texts(batch.column(i)) for i in range(batch.num_columns)]
        found += ["[" + ",".join(column[row] for column in columns) + "]" for row in range(batch.num_rows)]
    return sorted(found, key=str.encode)


def texts(array: pa.Array) -> list[str]:
    """The JSON text of each value of a column."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        print_uuid = kind.extension_name == "arrow.uuid"
        return each(array.storage, lambda value: quoted(str(uuid.UUID(bytes=value)))) if print_uuid else texts(array.storage)
    is_ = pa.types
    if is_.is_dictionary(kind):
        return texts(array.cast(kind.value_type))
    if is_.is_null(kind):
        return ["null"] * len(array)
    if is_.is_map(kind):
        return map_texts(array)
    if is_.is_list(kind) or is_.is_large_list(kind):
        items = texts(array.values)
        return nested_texts(array, lambda begin, end: "[" + ",".join(items[begin:end]) + "]")
    if is_.is_fixed_size_list(kind):
        return texts(array.cast(pa.list_(kind.value_type)))
    if is_.is_struct(kind):
        return struct_texts(array)
    return leaf_texts(array)


def leaf_texts(array: pa.Array) -> list[str]:
    kind, is_ = array.type, pa.types
    if is_.is_boolean(kind):
        return each(array, lambda value: "true" if value else "false")
    if is_.is_integer(kind):
        return each(array, (lambda value: f'"{value}"') if kind.bit_width == 64 else str)
    if is_.is_floating(kind):
        return each(array, lambda value: number(float(value)))
    if is_.is_decimal(kind):
        return each(array, lambda value: quoted(format(value, "f")))
    if is_.is_date(kind):
        return each(array.cast(pa.date32()).cast(pa.int32()), lambda value: quoted(civil(value)))
    if is_.is_time(kind):
        count = array.cast(pa.int32()).cast(pa.int64()) if is_.is_time32(kind) else array.cast(pa.int64())
        return each(count, lambda value: quoted(clock(*padded(value, kind.unit))))
    if is_.is_timestamp(kind):
        zone = "" if kind.tz is None else "Z"
        return each(array.cast(pa.int64()), lambda value: quoted(stamp(*padded(value, kind.unit)) + zone))
    if is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind):
        return each(array, quoted)
    if is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_binary_view(kind) or is_.is_fixed_size_binary(kind):
        return each(array, lambda value: quoted(value.hex()))
    raise TypeError(f"no canonical text for {kind}")


def each(array: pa.Array, text) -> list[str]:
    return ["null" if value is None else text(value) for value in array.to_pylist()]


def nested_texts(array: pa.Array, text) -> list[str]:
    offsets = array.offsets.to_pylist()
    present = array.is_valid().to_pylist()
    return [text(offsets[i], offsets[i + 1]) if present[i] else "null" for i in range(len(array))]


def map_texts(array: pa.Array) -> list[str]:
    keys, items = texts(array.keys), texts(array.items)

    def pairs(begin: int, end: int) -> str:
        found = sorted(((keys[i], items[i]) for i in range(begin, end)), key=lambda pair: pair[0].encode())
        return "[" + ",".join(f"[{key},{item}]" for key, item in found) + "]"

    return nested_texts(array, pairs)


def struct_texts(array: pa.Array) -> list[str]:
    columns = [texts(array.field(i)) for i in range(array.type.num_fields)]
    present = array.is_valid().to_pylist()
    return ["[" + ",".join(c[i] for c in columns) + "]" if present[i] else "null" for i in range(len(array))]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def number(value: float) -> str:
    """The text of ECMAScript's Number::toString; what JSON has no number for is quoted."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    if value == 0:
        return '"-0"' if math.copysign(1, value) < 0 else "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + ("" if fraction == "0" else fraction)
    point = len(whole) + int(exponent or 0) - (len(digits) - len(digits.lstrip("0")))
    digits = digits.strip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 1 else '-'}{abs(point - 1)}"


def civil(days: int) -> str:
    """The proleptic Gregorian date of any year; beyond four digits with a sign and six."""
    ordinal = days + EPOCH
    if 1 <= ordinal <= LAST_ORDINAL:
        return date.fromordinal(ordinal).isoformat()
    cycles, day_of_cycle = divmod(ordinal - 1, 146_097)  # 400 years each
    within = date.fromordinal(day_of_cycle + 1)
    year = within.year + 400 * cycles
    text = f"{year:04d}" if 0 <= year <= 9999 else ("-" if year < 0 else "+") + f"{abs(year):06d}"
    return f"{text}-{within.month:02d}-{within.day:02d}"


def padded(value: int, unit: str) -> tuple[int, int]:
    """The value in micros, nanos as they are; and how many make a second."""
    return (value, 10**9) if unit == "ns" else (value * (10**6 // PER_SECOND[unit]), 10**6)


def clock(value: int, per_second: int) -> str:
    seconds, rest = divmod(value, per_second)
    digits = len(str(per_second)) - 1
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:0{digits}d}"


def stamp(value: int, per_second: int) -> str:
    days, rest = divmod(value, 86_400 * per_second)
    return f"{civil(days)}T{clock(rest, per_second)}"
