/**
 * A line of a Debezium feed with its wrappings taken off: the capture from Kafka, `{topic, key, value, headers}`,
 * or a bare envelope; and the Connect schemas around key, value and headers, where the feed has them.
 */
import { LakeError } from '../base/errors.js'
import type { ExactJson, ExactJsonObject } from '../base/json.js'
import { type FeedLine, isExactObject, parseFeedJson } from './feed-lines.js'

export interface DebeziumRecord {
  /** Line of the feed, from 1. */
  readonly line: number
  readonly key: ExactJsonObject | undefined
  readonly value: ExactJsonObject
  readonly valueSchema: ExactJsonObject | undefined
  readonly headers: ExactJsonObject
}

/** The record of a line; undefined for tombstones, which carry nothing. @throws corrupt with the line's number */
export function readRecord(line: FeedLine): DebeziumRecord | undefined {
  const parsed = parseFeedJson(line)
  if (parsed === null) return undefined
  const outer = objectOf(parsed, 'line', line.number)
  const captured = outer.value !== undefined && outer.op === undefined && outer.payload === undefined
  const value = captured ? outer.value : outer
  if (value === null || value === undefined) return undefined
  const { schema: valueSchema, payload } = unwrapped(objectOf(value, 'value', line.number))
  if (payload === null) return undefined
  return {
    line: line.number,
    key: captured ? payloadOf(outer.key) : undefined,
    value: objectOf(payload, 'payload', line.number),
    valueSchema,
    headers: captured && isExactObject(outer.headers) ? outer.headers : {},
  }
}

/** The object that a header holds: the key that a row left or moved to. */
export function headerOf(record: DebeziumRecord, name: string): ExactJsonObject | undefined {
  return payloadOf(record.headers[name])
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
