/**
 * Table metadata from and to the bytes of a file, at a cost that goes with what is looked at and not with the
 * table's history: snapshots, logs and statistics of a large file are found by their bytes and parsed when somebody
 * asks for them (`lazy-list.ts`), and written back as the bytes they were read from.
 *
 * What is broken inside of them is `corrupt` when it is parsed. Small files are parsed as a whole, so that all of
 * it is checked at once.
 */
import { concatBytes, utf8Decode, utf8Encode } from '../base/bytes.js'
import { type JsonObject, type JsonValue, stringifyJson } from '../base/json.js'
import { asObject, corruptField } from '../base/json-fields.js'
import { located } from '../format/located.js'
import { documentSpans, parseSpan } from './json-bytes.js'
import { keepStored, lazyList, type StoredItem, storedItemsOf } from './lazy-list.js'
import { serializeMetadataLogEntry, serializeSnapshot, serializeSnapshotLogEntry } from './snapshot-json.js'
import { serializePartitionStatisticsFile, serializeStatisticsFile } from './statistics-json.js'
import type { TableMetadata } from './table-metadata.js'
import {
  HISTORY_FIELDS,
  HISTORY_PARSERS,
  type HistoryLists,
  parseTableMetadata,
  stateToJson,
  tableMetadataFromJson,
} from './table-metadata-json.js'

/** Below, parsing everything takes about as long: some ten snapshots. */
const LAZY_BYTES_MIN = 2 ** 13

/**
 * The metadata in the bytes of a file. They must not be changed afterwards.
 * @throws as `parseTableMetadata`, from the lists too when their items are looked at; TypeError when a small file is
 * not UTF-8
 */
export function decodeTableMetadata(
  bytes: Uint8Array,
  options: { readonly location: string; readonly lazyBytesMin?: number | undefined },
): TableMetadata {
  if (bytes.length < (options.lazyBytesMin ?? LAZY_BYTES_MIN)) return parseTableMetadata(utf8Decode(bytes))
  const historyNames = new Set(Object.values(HISTORY_FIELDS))
  const { members, items } = documentSpans(bytes, historyNames)
  const state: Record<string, JsonValue> = {}
  for (const [name, span] of members) if (!historyNames.has(name)) state[name] = parseSpan(bytes, span)
  const formatVersion = Number(state['format-version'])
  const list = <K extends keyof HistoryLists>(key: K): HistoryLists[K] => {
    const name = HISTORY_FIELDS[key]
    const span = members.get(name)
    const spans = items.get(name)
    // What is no list is null, which counts as absent, or an error.
    if (spans === undefined && span !== undefined && parseSpan(bytes, span) !== null)
      throw corruptField(name, 'array')
    return historyList(spans ?? [], key, { bytes, formatVersion, location: options.location })
  }
  return tableMetadataFromJson(state, {
    snapshots: list('snapshots'),
    snapshotLog: list('snapshotLog'),
    metadataLog: list('metadataLog'),
    statistics: list('statistics'),
    partitionStatistics: list('partitionStatistics'),
  })
}

function historyList<K extends keyof HistoryLists>(
  spans: readonly number[],
  key: K,
  source: { readonly bytes: Uint8Array; readonly formatVersion: number; readonly location: string },
): HistoryLists[K] {
  const { bytes, formatVersion, location } = source
  const parser: (json: JsonObject) => object = HISTORY_PARSERS[key]
  const parse = (stored: StoredItem): object =>
    located(location, () => parser(asObject(parseSpan(bytes, stored), HISTORY_FIELDS[key])))
  // The parser of a key makes the items of that key's list, which the compiler cannot follow.
  return lazyList({ bytes, formatVersion, spans, parse }) as unknown as HistoryLists[K]
}

/** The bytes of a metadata file. Items of files of the same format version are written as they were read or written. */
export function encodeTableMetadata(metadata: TableMetadata): Uint8Array {
  const { formatVersion } = metadata
  const parts: Uint8Array[] = []
  const state = stringifyJson(stateToJson(metadata))
  parts.push(utf8Encode(state.slice(0, -1)))
  const put = <T extends object>(
    name: string,
    list: readonly T[],
    serialize: (item: T) => JsonObject,
  ): void => {
    parts.push(utf8Encode(`,${JSON.stringify(name)}:[`))
    storedItemsOf(list).forEach((stored, index) => {
      if (index > 0) parts.push(COMMA)
      if (stored !== undefined && stored.formatVersion === formatVersion) {
        parts.push(stored.bytes.subarray(stored.begin, stored.end))
        return
      }
      const item = list[index]
      if (item === undefined) return
      const bytes = utf8Encode(stringifyJson(serialize(item)))
      keepStored(item, { bytes, formatVersion, begin: 0, end: bytes.length })
      parts.push(bytes)
    })
    parts.push(LIST_END)
  }
  put(HISTORY_FIELDS.snapshots, metadata.snapshots, item => serializeSnapshot(item, formatVersion))
  put(HISTORY_FIELDS.statistics, metadata.statistics, serializeStatisticsFile)
  put(HISTORY_FIELDS.partitionStatistics, metadata.partitionStatistics, serializePartitionStatisticsFile)
  put(HISTORY_FIELDS.snapshotLog, metadata.snapshotLog, serializeSnapshotLogEntry)
  put(HISTORY_FIELDS.metadataLog, metadata.metadataLog, serializeMetadataLogEntry)
  parts.push(OBJECT_END)
  return concatBytes(parts)
}

const COMMA = utf8Encode(',')
const LIST_END = utf8Encode(']')
const OBJECT_END = utf8Encode('}')
