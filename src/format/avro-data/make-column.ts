/** Which column collects the values of which type: chosen once a file and column. */
import { unreachable } from '../../base/assert.js'
import { LakeError } from '../../base/errors.js'
import type { Type } from '../../schema/types.js'
import type { AvroLogical, AvroType } from '../avro-schema.js'
import {
  DecimalColumn,
  EnumColumn,
  FixedColumn,
  UuidTextColumn,
  VarBytesColumn,
  VariantColumn,
} from './bytes-columns.js'
import type { AvroColumn, Meter } from './column.js'
import { pairOf } from './file-columns.js'
import { ListColumn, MapColumn, OptionalColumn, StructColumn } from './nested-columns.js'
import {
  BooleanColumn,
  DoubleColumn,
  FloatColumn,
  IntColumn,
  LongColumn,
  MillisColumn,
  NullColumn,
} from './number-columns.js'
import { optionOf } from './option.js'

/**
 * A column for values that are stored like this and have this type, which was found by `columnsOfFile`.
 * @throws unsupported for a union of several types
 */
export function makeColumn(stored: AvroType, type: Type, meter: Meter): AvroColumn {
  switch (stored.kind) {
    case 'null':
      return new NullColumn(meter)
    case 'boolean':
      return new BooleanColumn(meter)
    case 'int':
      return type.kind === 'time' ? new MillisColumn(meter) : new IntColumn(meter)
    case 'long':
      return new LongColumn(meter, isMillis(stored.logical) ? 1000n : 1n)
    case 'float':
      return new FloatColumn(meter)
    case 'double':
      return new DoubleColumn(meter)
    case 'bytes':
      return type.kind === 'decimal' ? new DecimalColumn(undefined, meter) : new VarBytesColumn(meter)
    case 'string':
      return type.kind === 'uuid' ? new UuidTextColumn(meter) : new VarBytesColumn(meter)
    case 'fixed':
      return type.kind === 'decimal'
        ? new DecimalColumn(stored.sizeBytes, meter)
        : new FixedColumn(stored.sizeBytes, meter)
    case 'enum':
      return new EnumColumn(stored.symbols, meter)
    case 'union':
      return makeOptional(stored, type, meter)
    case 'record':
      return makeRecord(stored, type, meter)
    case 'array':
    case 'map':
      return makeRepeated(stored, type, meter)
    default:
      return unreachable(stored)
  }
}

function isMillis(logical: AvroLogical | undefined): boolean {
  const name = logical?.name
  return name === 'timestamp-millis' || name === 'local-timestamp-millis'
}

function makeOptional(stored: Extract<AvroType, { kind: 'union' }>, type: Type, meter: Meter): AvroColumn {
  const option = optionOf(stored)
  if (option === undefined) throw new LakeError('unsupported', 'avro unions of several types cannot be read')
  return new OptionalColumn(makeColumn(option.value, type, meter), option)
}

function makeRecord(stored: Extract<AvroType, { kind: 'record' }>, type: Type, meter: Meter): AvroColumn {
  if (type.kind === 'variant')
    return new VariantColumn({ isValueFirst: stored.fields[0]?.name === 'value' }, meter)
  if (type.kind !== 'struct') return misfit()
  const children = stored.fields.map((field, at) =>
    makeColumn(field.type, type.fields[at]?.type ?? misfit(), meter),
  )
  return new StructColumn(children)
}

function makeRepeated(
  stored: Extract<AvroType, { kind: 'array' | 'map' }>,
  type: Type,
  meter: Meter,
): AvroColumn {
  if (type.kind === 'list' && stored.kind === 'array')
    return new ListColumn(makeColumn(stored.items, type.element, meter), meter)
  if (type.kind !== 'map') return misfit()
  if (stored.kind === 'map') {
    const values = makeColumn(stored.values, type.value, meter)
    return new MapColumn({ keys: new VarBytesColumn(meter), values, isValueFirst: false }, meter)
  }
  const { key, value, isValueFirst } = pairOf(stored) ?? misfit()
  const keys = makeColumn(key.type, type.key, meter)
  return new MapColumn({ keys, values: makeColumn(value.type, type.value, meter), isValueFirst }, meter)
}

function misfit(): never {
  throw new Error('assertion failed: a type is that of how it is stored')
}
