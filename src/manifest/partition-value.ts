/**
 * Partition values between Avro and the engine: decimals are fixed bytes, everything else is as in batches. A
 * value may be stored in the type that the column had once: it is promoted.
 */
import { asBuffer } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { plainBytes } from '../format/avro-fields.js'
import type { AvroType } from '../format/avro-schema.js'
import { minimalDecimalBytes } from '../format/decimal-width.js'
import { parseUnscaled } from '../schema/decimal.js'
import { canPromote, promoteValue } from '../schema/promotion.js'
import type { Type, Value } from '../schema/types.js'
import { parseUuid } from '../schema/uuid-text.js'

/** Makes values of a tuple's field out of what Avro decoded. */
export type PartitionValueReader = (stored: unknown) => Value

/** A reader for a field that is stored as `stored` and wanted as `wanted`. */
export function partitionValueReader(stored: AvroType, wanted: Type): PartitionValueReader {
  const branch = valueBranch(stored)
  const type = storedType(branch)
  const promotes =
    type !== undefined && wanted.kind !== 'unknown' && wanted.kind !== type.kind && canPromote(type, wanted)
  const narrows = type?.kind === 'long' && (wanted.kind === 'int' || wanted.kind === 'date')
  const lengthBytes = branch.kind === 'fixed' ? branch.sizeBytes : undefined
  return value => {
    if (lengthBytes !== undefined && value instanceof Uint8Array && value.length !== lengthBytes) {
      throw new LakeError('corrupt', 'a fixed partition value has another length than its type')
    }
    const plain = plainValue(value, type?.kind === 'decimal' || wanted.kind === 'decimal')
    if (plain === null) return null
    if (narrows) return Number(plain)
    return inFormOf(wanted, promotes && type !== undefined ? promoteValue(type, wanted, plain) : plain)
  }
}

/** Values that other writers store in another form than Java: uuids as text, long ones as ints. */
function inFormOf(wanted: Type, value: Value): Value {
  switch (wanted.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? value : misfit(wanted)
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return typeof value === 'number' ? value : misfit(wanted)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'decimal':
      if (typeof value === 'bigint') return value
      return Number.isInteger(value) ? BigInt(Number(value)) : misfit(wanted)
    case 'uuid':
      if (value instanceof Uint8Array) return value
      return (typeof value === 'string' ? parseUuid(value) : undefined) ?? misfit(wanted)
    case 'fixed':
    case 'binary':
      return value instanceof Uint8Array ? value : misfit(wanted)
    default:
      // Of a transform that is not known nobody knows what it gives.
      return value
  }
}

function misfit({ kind }: Type): never {
  throw new LakeError('corrupt', 'a partition value is not of the type of its field', {
    context: { type: kind },
  })
}

/** What an optional field holds when it is not null. */
function valueBranch(stored: AvroType): AvroType {
  if (stored.kind !== 'union') return stored
  return stored.branches.find(branch => branch.kind !== 'null') ?? { kind: 'null' }
}

function plainValue(value: unknown, isDecimal: boolean): Value {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return isDecimal ? parseUnscaled(value) : plainBytes(value)
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'bigint':
    case 'string':
      return value
    default:
      throw new LakeError('corrupt', 'a partition value is not primitive')
  }
}

/** The Iceberg type that the Avro type says; undefined when it says none that can be promoted. */
function storedType(stored: AvroType): Type | undefined {
  switch (stored.kind) {
    case 'int':
      return { kind: stored.logical?.name === 'date' ? 'date' : 'int' }
    case 'long':
      return stored.logical === undefined ? { kind: 'long' } : undefined
    case 'float':
      return { kind: 'float' }
    case 'fixed':
    case 'bytes': {
      if (stored.logical?.name !== 'decimal') return undefined
      return { kind: 'decimal', precision: stored.logical.precision ?? 38, scale: stored.logical.scale ?? 0 }
    }
    default:
      return undefined
  }
}

/**
 * A tuple's value as Avro encodes it.
 * @throws unsupported when the type of a value is not known: its source column is in no schema, or its transform is
 * one that this version does not know
 */
export function partitionValueToAvro(type: Type, value: Value): unknown {
  if (value === null) return null
  if (type.kind === 'unknown') {
    throw new LakeError('unsupported', 'the source column of a partition value is in no schema')
  }
  if (type.kind === 'string' && typeof value !== 'string') {
    throw new LakeError('unsupported', 'the transform of a partition value is not known')
  }
  if (type.kind === 'decimal' && typeof value === 'bigint')
    return fixedDecimal(value, minimalDecimalBytes(type.precision))
  return value instanceof Uint8Array ? asBuffer(value) : value
}

function fixedDecimal(value: bigint, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  let rest = value
  for (let index = sizeBytes - 1; index >= 0; index--) {
    bytes[index] = Number(BigInt.asUintN(8, rest))
    rest >>= 8n
  }
  return bytes
}
