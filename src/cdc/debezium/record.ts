/**
 * A line of a Debezium feed with its wrappings taken off. A line is one of
 *
 *   {before, after, op, source}                        the bare value, with or without `{schema, payload}` around it
 *   {key, value}, {topic, partition, key, value, headers, ...}   a capture from Kafka
 *   {topic, key, payload, headers: [name, value, ...]}           what kcat -J prints
 *   {...}<tab>{...}                                              key and value as the console consumer prints them
 *
 * and keys, values and headers may be JSON text inside of strings. What a file sink makes of a record that is no text,
 * `Struct{id=1}` or `{id=1}`, is no JSON and is refused.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, parseJsonExact } from '../../base/json.js'
import { type FeedLine, isExactObject, parseFeedJson } from '../feed-lines.js'

export interface DebeziumRecord {
  /** Line of the feed, from 1, and its text. */
  readonly line: number
  readonly text: string
  readonly topic: string | undefined
  /** Null where the capture says that there is none, undefined where it does not say. */
  readonly key: ExactJsonObject | null | undefined
  /** Undefined for a tombstone. */
  readonly value: ExactJsonObject | undefined
  readonly valueSchema: ExactJsonObject | undefined
  readonly headers: ExactJsonObject
}

/** A record that says something. */
export type ValueRecord = DebeziumRecord & { readonly value: ExactJsonObject }

/** The record of a line; undefined for one that has neither key nor value. @throws corrupt with the line's number; unsupported */
export function readRecord(line: FeedLine): DebeziumRecord | undefined {
  const parsed = inText(parseLine(line))
  if (parsed === null) return undefined
  const outer = objectOf(parsed, 'line', line.number)
  const valueName = captureOf(outer)
  if (valueName === undefined) return recordOf(line, outer, {})
  const value = inText(outer[valueName] ?? null)
  const key = inText(outer.key ?? null)
  if (value === null && !isExactObject(key)) return undefined
  if (typeof value === 'string') {
    throw new LakeError('unsupported', 'the feed has a value that is no JSON', {
      context: { line: line.number, value: value.slice(0, 80) },
    })
  }
  return recordOf(line, value, { ...outer, key })
}

function recordOf(line: FeedLine, value: ExactJson, about: ExactJsonObject): DebeziumRecord | undefined {
  const inside =
    value === null ? { schema: undefined, payload: null } : unwrapped(objectOf(value, 'value', line.number))
  const { key } = about
  if (inside.payload === null && !isExactObject(key)) return undefined
  return {
    line: line.number,
    text: line.text,
    topic: typeof about.topic === 'string' ? about.topic : undefined,
    key: key === null ? null : payloadOf(key),
    value: inside.payload === null ? undefined : objectOf(inside.payload, 'payload', line.number),
    valueSchema: inside.schema,
    headers: headersOf(about.headers),
  }
}

const CONNECT_TEXT = /^(Struct\{|\{[\w$]+=)/

function parseLine(line: FeedLine): ExactJson {
  try {
    return parseFeedJson(line)
  } catch (error) {
    if (CONNECT_TEXT.test(line.text)) {
      throw new LakeError('unsupported', 'the feed was printed by a sink and is not JSON', {
        cause: error,
        context: { line: line.number, remedy: 'let the sink use StringConverter' },
      })
    }
    const tab = line.text.indexOf('\t')
    if (tab < 0 || !isLakeError(error, 'corrupt')) throw error
    const [key, value] = [line.text.slice(0, tab), line.text.slice(tab + 1)]
    return { key: partOf(key, line), value: partOf(value, line) }
  }
}

function partOf(text: string, line: FeedLine): ExactJson {
  return parseFeedJson({ number: line.number, text })
}

/** Names that captures give to the parts of a record. A row with a column `value` has others too. */
const CAPTURE_NAMES: ReadonlySet<string> = new Set([
  ...[
    'topic',
    'partition',
    'offset',
    'key',
    'value',
    'headers',
    'timestamp',
    'timestampType',
    'timestamp_type',
  ],
  ...[
    'keySchema',
    'valueSchema',
    'keySize',
    'valueSize',
    'serializedKeySize',
    'serializedValueSize',
    'leaderEpoch',
  ],
  ...[
    'tstype',
    'ts',
    'broker',
    'payload',
    'key_size',
    'value_size',
    'size',
    'timestampMs',
    '__confluent_index',
  ],
])

/** The member that holds the record's value; undefined when the object is the value itself. */
function captureOf(outer: ExactJsonObject): 'value' | 'payload' | undefined {
  const name = outer.value !== undefined ? 'value' : outer.topic !== undefined ? 'payload' : undefined
  if (name === undefined || outer[name] === undefined) return undefined
  for (const member of Object.keys(outer)) if (!CAPTURE_NAMES.has(member)) return undefined
  const value = inText(outer[name] ?? null)
  // A row of columns that have these names, too, holds no object there.
  return value === null || isExactObject(value) || outer.topic !== undefined ? name : undefined
}

/** What JSON text inside of a string says; other text and values as they are. */
function inText(value: ExactJson): ExactJson {
  if (typeof value !== 'string' || !/^\s*(\{|null\s*$)/.test(value)) return value
  try {
    return parseJsonExact(value)
  } catch {
    return value
  }
}

function headersOf(value: ExactJson | undefined): ExactJsonObject {
  if (isExactObject(value)) return value
  if (!Array.isArray(value)) return {}
  const items = value as readonly ExactJson[]
  const headers: Record<string, ExactJson> = {}
  for (const [index, item] of items.entries()) {
    if (isExactObject(item)) {
      const pairs =
        typeof item.key === 'string' ? [[item.key, item.value ?? null] as const] : Object.entries(item)
      for (const [name, header] of pairs) headers[name] = header
    } else if (typeof item === 'string' && index % 2 === 0) headers[item] = items[index + 1] ?? null
  }
  return headers
}

/** The object that a header holds: the key that a row left or moved to. */
export function headerOf(record: DebeziumRecord, name: string): ExactJsonObject | undefined {
  const header = record.headers[name]
  return header === undefined ? undefined : payloadOf(inText(header))
}

/** The text or number that a header holds; Connect writes text with its quotes. */
export function scalarHeader(record: DebeziumRecord, name: string): ExactJson | undefined {
  const header = record.headers[name]
  if (header === undefined) return undefined
  const inside = inText(header)
  if (isExactObject(inside)) return unwrapped(inside).payload
  return typeof inside === 'string' && /^"[^"\\]*"$/.test(inside) ? inside.slice(1, -1) : inside
}

function payloadOf(value: ExactJson | undefined): ExactJsonObject | undefined {
  if (!isExactObject(value)) return undefined
  const { payload } = unwrapped(value)
  return isExactObject(payload) ? payload : undefined
}

function unwrapped(value: ExactJsonObject): {
  readonly schema: ExactJsonObject | undefined
  readonly payload: ExactJson
} {
  const { schema, payload } = value
  // Columns of a key may have these names too, but hold no objects.
  const isWrapped = payload !== undefined && (isExactObject(schema) || schema === null)
  if (!isWrapped) return { schema: undefined, payload: value }
  return { schema: isExactObject(schema) ? schema : undefined, payload }
}

/** @throws corrupt */
export function objectOf(value: ExactJson | undefined, what: string, line: number): ExactJsonObject {
  if (isExactObject(value)) return value
  throw new LakeError('corrupt', 'a record of the feed is not a Debezium envelope', {
    context: { line, missing: what },
  })
}

/** @throws corrupt */
export function textOf(value: ExactJson | undefined, what: string, line: number): string {
  if (typeof value === 'string') return value
  throw new LakeError('corrupt', 'a name of the feed is not text', { context: { line, missing: what } })
}
