/**
 * Typed access to the fields of a decoded Avro record by field id. A field that is absent from the file and a
 * stored null read the same: `undefined`. A value of another type is corrupt.
 */
import { LakeError } from '../base/errors.js'
import type { AvroRecord } from './avro-record.js'

/** A field of the record: its id, its property in a decoded record, its name for errors. */
export interface AvroFieldRef {
  readonly key: string
  readonly name: string
}

function wrongType(field: AvroFieldRef): LakeError {
  return new LakeError('corrupt', 'a field of an avro record has the wrong type', {
    context: { field: field.name },
  })
}

/** @throws corrupt when the value is absent */
export function required<T>(value: T | undefined, field: AvroFieldRef): T {
  if (value === undefined) {
    throw new LakeError('corrupt', 'a required field of an avro record is missing', {
      context: { field: field.name },
    })
  }
  return value
}

export function textField(record: AvroRecord, field: AvroFieldRef): string | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined || typeof value === 'string') return value
  throw wrongType(field)
}

export function booleanField(record: AvroRecord, field: AvroFieldRef): boolean | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw wrongType(field)
}

/** An int or long that is exact as a number. */
export function numberField(record: AvroRecord, field: AvroFieldRef): number | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined) return undefined
  const number = safeNumber(value)
  if (number === undefined) throw wrongType(field)
  return number
}

/** A size, count or offset: an int or long from 0. */
export function countField(record: AvroRecord, field: AvroFieldRef): number | undefined {
  const value = numberField(record, field)
  if (value !== undefined && value < 0) {
    throw new LakeError('corrupt', 'a count in an avro record is negative', {
      context: { field: field.name },
    })
  }
  return value
}

export function longField(record: AvroRecord, field: AvroFieldRef): bigint | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined || typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw wrongType(field)
}

export function bytesField(record: AvroRecord, field: AvroFieldRef): Uint8Array | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined) return undefined
  if (value instanceof Uint8Array) return plainBytes(value)
  throw wrongType(field)
}

export function recordField(record: AvroRecord, field: AvroFieldRef): AvroRecord | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined) return undefined
  if (isRecord(value)) return value
  throw wrongType(field)
}

export function recordsField(record: AvroRecord, field: AvroFieldRef): readonly AvroRecord[] | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every(isRecord)) return value
  throw wrongType(field)
}

/** A list of ints or longs that are exact as numbers. */
export function numbersField(record: AvroRecord, field: AvroFieldRef): readonly number[] | undefined {
  const value = record[field.key] ?? undefined
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw wrongType(field)
  return value.map((item: unknown) => required(safeNumber(item), field))
}

/** avsc gives Buffers; inside, bytes are plain. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function safeNumber(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : undefined
}

function isRecord(value: unknown): value is AvroRecord {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}
