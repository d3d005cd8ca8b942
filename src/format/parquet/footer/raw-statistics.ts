/**
 * The struct `Statistics` of the format, which column chunks have in the footer and pages may have in their headers.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "Statistics"
 */
import type { RawStatistics } from './metadata.js'
import {
  beginStruct,
  nextField,
  readBoolean,
  readBytes,
  readInt,
  skipValue,
  type ThriftCursor,
} from './thrift.js'

/** The struct at the cursor, of a chunk or of a page's header. */
export function readRawStatistics(cursor: ThriftCursor): RawStatistics {
  const statistics: { -readonly [Name in keyof RawStatistics]: RawStatistics[Name] } = {
    nullCount: undefined,
    distinctCount: undefined,
    nanCount: undefined,
    lower: undefined,
    upper: undefined,
    lowerExact: undefined,
    upperExact: undefined,
    signedLower: undefined,
    signedUpper: undefined,
  }
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) statistics.signedUpper = readBytes(cursor)
    else if (cursor.field === 2) statistics.signedLower = readBytes(cursor)
    else if (cursor.field === 3) statistics.nullCount = readKnownCount(cursor)
    else if (cursor.field === 4) statistics.distinctCount = readKnownCount(cursor)
    else if (cursor.field === 5) statistics.upper = readBytes(cursor)
    else if (cursor.field === 6) statistics.lower = readBytes(cursor)
    else if (cursor.field === 7) statistics.upperExact = readBoolean(cursor)
    else if (cursor.field === 8) statistics.lowerExact = readBoolean(cursor)
    else if (cursor.field === 9) statistics.nanCount = readKnownCount(cursor)
    else skipValue(cursor)
  }
  return statistics
}

/** Some writers say -1 for "not counted". */
function readKnownCount(cursor: ThriftCursor): number | undefined {
  const count = readInt(cursor)
  return count < 0 ? undefined : count
}
