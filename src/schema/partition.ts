/**
 * Partition tuples: their types, their folder names, their identity, and whether a spec is sound.
 * @see Iceberg table spec, "Partitioning"
 */

import { unreachable } from '../base/assert.js'
import { base64Encode, hexEncode } from '../base/bytes.js'
import { type ErrorContext, LakeError } from '../base/errors.js'
import { formatDecimal } from './decimal.js'
import type { PartitionField, PartitionSpec, PartitionTuple } from './partition-spec.js'
import { PARTITION_FIELD_ID, PARTITION_FIELD_NAME } from './reserved-fields.js'
import { fieldById, fieldIdPath } from './schema.js'
import { civilFromDays, formatTime, formatTimestamp } from './time.js'
import { canTransform, printTransform, sameTransform, transformResultType } from './transform.js'
import { type Field, isPrimitive, type Schema, type StructType, type Type, type Value } from './types.js'
import { formatUuid } from './uuid-text.js'
import { isValueList } from './value.js'

/** A schema, or several of which the first that has a column says its type: for columns dropped since. */
export type SchemaSource = Schema | readonly Schema[]

function isSchemaList(source: SchemaSource): source is readonly Schema[] {
  return Array.isArray(source)
}

/** The type of a partition field's source column; unknown when no schema has it. */
export function partitionSourceType(field: PartitionField, source: SchemaSource): Type {
  for (const schema of isSchemaList(source) ? source : [source]) {
    const found = fieldById(schema, field.sourceId)
    if (found) return found.type
  }
  return { kind: 'unknown' }
}

/** The types of a spec's tuple, in its order. */
export function partitionTypes(spec: PartitionSpec, source: SchemaSource): readonly Type[] {
  return spec.fields.map(field => transformResultType(field.transform, partitionSourceType(field, source)))
}

/**
 * The struct of a spec's tuples: field ids and names are those of the partition fields, all optional. A field
 * whose source column is in no schema keeps its place, with the transform's type or unknown.
 */
export function partitionType(spec: PartitionSpec, source: SchemaSource): StructType {
  const types = partitionTypes(spec, source)
  return {
    kind: 'struct',
    fields: spec.fields.map((field, index) => ({
      id: field.fieldId,
      name: field.name,
      required: false,
      type: types[index] ?? { kind: 'unknown' },
    })),
  }
}

/**
 * The struct of the tuples of all specs, as metadata tables and `_partition` have it: every partition field once,
 * by its id and in the order of the ids, with the name that the newest spec gives it. A field that became void
 * keeps the type it had. Fields whose source column is not in `source` (pass the table's current schema) are left
 * out, as Java does.
 * @throws unsupported for a transform that is not known, since its values have no type
 * @throws corrupt when two specs use one partition field id for different fields, as v1 metadata may
 */
export function unifiedPartitionType(specs: readonly PartitionSpec[], source: SchemaSource): StructType {
  const found = new Map<number, UnifiedField>()
  for (const spec of [...specs].sort((a, b) => b.specId - a.specId)) {
    for (const field of spec.fields) addUnified(found, field, source)
  }
  const fields = [...found].sort(([a], [b]) => a - b)
  return {
    kind: 'struct',
    fields: fields.map(([id, { name, type }]) => ({ id, name, required: false, type })),
  }
}

/** Of several specs: the name of the newest, the field of the newest that is not void. */
interface UnifiedField {
  readonly name: string
  readonly field: PartitionField
  readonly type: Type
}

function addUnified(found: Map<number, UnifiedField>, field: PartitionField, source: SchemaSource): void {
  const context = { partitionField: field.name, fieldId: field.fieldId }
  if (field.transform.kind === 'unsupported') {
    throw new LakeError('unsupported', 'the transform is not known', {
      context: { ...context, transform: field.transform.text },
    })
  }
  if (!hasField(source, field.sourceId)) return
  const known = found.get(field.fieldId)
  if (known && !areOneField(known.field, field)) {
    throw new LakeError('corrupt', 'a partition field id stands for two fields', { context })
  }
  if (known && (known.field.transform.kind !== 'void' || field.transform.kind === 'void')) return
  const type = transformResultType(field.transform, partitionSourceType(field, source))
  found.set(field.fieldId, { name: known?.name ?? field.name, field, type })
}

function hasField(source: SchemaSource, fieldId: number): boolean {
  const schemas = isSchemaList(source) ? source : [source]
  return schemas.some(schema => fieldById(schema, fieldId) !== undefined)
}

/** v1 replaces the transform of a dropped field by void. */
function areOneField(a: PartitionField, b: PartitionField): boolean {
  if (a.sourceId !== b.sourceId) return false
  return a.transform.kind === 'void' || b.transform.kind === 'void' || sameTransform(a.transform, b.transform)
}

/**
 * The metadata column `_partition` of a table with these specs.
 * @throws unsupported, corrupt as `unifiedPartitionType`
 */
export function partitionField(specs: readonly PartitionSpec[], source: SchemaSource): Field {
  const type = unifiedPartitionType(specs, source)
  return { id: PARTITION_FIELD_ID, name: PARTITION_FIELD_NAME, required: false, type }
}

/** A tuple of one spec as a value of the type of all of them: fields by id, null where the spec has no such field. */
export function unifiedTuple(type: StructType, spec: PartitionSpec, tuple: PartitionTuple): PartitionTuple {
  return type.fields.map(({ id }) => {
    const index = spec.fields.findIndex(field => field.fieldId === id)
    return index < 0 ? null : (tuple[index] ?? null)
  })
}

/** True when a spec separates nothing: no fields, or only void ones. */
export function isUnpartitioned(spec: PartitionSpec): boolean {
  return spec.fields.every(field => field.transform.kind === 'void')
}

/**
 * The folder of a tuple, such as `region=eu/ts_day=2024-02-29`; empty for an unpartitioned spec. For people and
 * listings only: values are never read back from it.
 */
export function partitionPath(spec: PartitionSpec, source: SchemaSource, tuple: PartitionTuple): string {
  const types = partitionTypes(spec, source)
  return spec.fields
    .map((field, index) => {
      const text = partitionText(field, types[index] ?? { kind: 'unknown' }, tuple[index] ?? null)
      return `${formEncode(field.name)}=${formEncode(text)}`
    })
    .join('/')
}

/** A value of a partition field as people read it, such as `2024-02-29` of a `day`; `null` for null. */
export function partitionText(field: PartitionField, type: Type, value: Value): string {
  if (value === null) return 'null'
  switch (field.transform.kind) {
    case 'year':
      return typeof value === 'number' ? yearText(1970 + value) : String(value)
    case 'month':
      return typeof value === 'number' ? monthText(value) : String(value)
    case 'hour':
      return typeof value === 'number' ? hourText(value) : String(value)
    case 'void':
      return 'null'
    default:
      return valueText(type, value)
  }
}

/** Year of four digits at least, without the plus sign of ISO 8601. */
function yearText(year: number): string {
  return year < 0 ? `-${String(-year).padStart(3, '0')}` : String(year).padStart(4, '0')
}

function monthText(months: number): string {
  const years = Math.floor(months / 12)
  return `${yearText(1970 + years)}-${twoDigits(months - 12 * years + 1)}`
}

function dayText(days: number): string {
  const { year, month, day } = civilFromDays(days)
  return `${yearText(year)}-${twoDigits(month)}-${twoDigits(day)}`
}

function hourText(hours: number): string {
  const days = Math.floor(hours / 24)
  return `${dayText(days)}-${twoDigits(hours - 24 * days)}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

function valueText(type: Type, value: Value): string {
  if (value instanceof Uint8Array) return type.kind === 'uuid' ? formatUuid(value) : base64Encode(value)
  if (typeof value === 'number') return numberText(type, value)
  if (typeof value !== 'bigint') return String(value)
  switch (type.kind) {
    case 'decimal':
      return javaDecimal(value, type.scale)
    case 'time':
      return trimFraction(formatTime(value))
    case 'timestamp':
    case 'timestamptz':
      return timestampText(value, type.kind === 'timestamptz', 'micros')
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return timestampText(value, type.kind === 'timestamptz_ns', 'nanos')
    default:
      return String(value)
  }
}

function timestampText(value: bigint, zoned: boolean, unit: 'micros' | 'nanos'): string {
  return `${trimFraction(formatTimestamp(value, { zoned: false, unit }))}${zoned ? '+00:00' : ''}`
}

function trimFraction(text: string): string {
  return text.replace(/\.?0+$/, match => (match.startsWith('.') || text.includes('.') ? '' : match))
}

function numberText(type: Type, value: number): string {
  if (type.kind === 'date') return dayText(value)
  return type.kind === 'float' || type.kind === 'double' ? javaDouble(value, type.kind) : String(value)
}

/** Java's text of a decimal: plain down to a millionth, smaller ones as `1.50E-7`. */
function javaDecimal(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled)
  const exponent = digits.length - 1 - scale
  if (exponent >= -6) return formatDecimal(unscaled, scale)
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
  return `${unscaled < 0n ? '-' : ''}${digits.charAt(0)}${fraction}E${exponent}`
}

/** Java's text of a float or double: `1.0`, `1.5E-5`, `1.0E7`; the shortest digits that read back the same. */
function javaDouble(value: number, kind: 'float' | 'double'): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [digits = '', exponentText = '0'] = shortestExponential(value, kind).split('e')
  const exponent = Number(exponentText)
  if (exponent >= -3 && exponent < 7) {
    const plain = kind === 'float' ? String(Number(`${digits}e${exponent}`)) : String(value)
    return plain.includes('.') ? plain : `${plain}.0`
  }
  return `${digits.includes('.') ? digits : `${digits}.0`}E${exponent}`
}

function shortestExponential(value: number, kind: 'float' | 'double'): string {
  if (kind === 'double') return value.toExponential()
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits)
    if (Math.fround(Number(text)) === value) return text
  }
  return value.toExponential()
}

/** Form encoding, as Java's `URLEncoder`: a blank is `+`; letters, digits and `.-*_` stay. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

/**
 * A text that two tuples of the same types share exactly when they are the same partition: null is its own,
 * -0.0 differs from 0.0, NaN equals NaN.
 */
export function partitionKey(types: readonly Type[], tuple: PartitionTuple): string {
  return types.map((_, index) => keyPart(tuple[index] ?? null)).join(',')
}

function keyPart(value: Value): string {
  if (value === null) return 'n'
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
      if (value instanceof Uint8Array) return `x${hexEncode(value)}`
      return isValueList(value) ? `[${value.map(keyPart).join(',')}]` : unreachable(value)
  }
}

/**
 * Checks a spec that is about to be created: sources are columns of the schema outside lists and maps, transforms
 * are known and apply, names and ids are unique, a name of a column is used for its identity only, and no column
 * has one transform twice or two time transforms. Fields of the spec that it evolved from are as redundant as they like.
 * @throws invalid-argument naming the partition field
 * @throws unsupported when a transform is not known
 */
export function checkPartitionSpec(
  spec: PartitionSpec,
  schema: Schema,
  options: { readonly evolvedFrom?: PartitionSpec | undefined } = {},
): void {
  const names = new Set<string>()
  const ids = new Set<number>()
  const uses = new Set<string>()
  for (const field of spec.fields) {
    const context = { partitionField: field.name, fieldId: field.fieldId }
    if (field.name === '') invalid('a partition field needs a name', context)
    if (names.has(field.name)) invalid('a partition field name is used twice', context)
    if (ids.has(field.fieldId)) invalid('a partition field id is used twice', context)
    names.add(field.name)
    ids.add(field.fieldId)
    const use = `${field.sourceId} ${transformFamily(field)}`
    const isOld = options.evolvedFrom?.fields.some(
      old => old.fieldId === field.fieldId && sameTransform(old.transform, field.transform),
    )
    if (field.transform.kind !== 'void' && isOld !== true) {
      if (uses.has(use)) invalid('two partition fields of one column are redundant', context)
      uses.add(use)
    }
    checkPartitionField(field, schema)
  }
}

/** Time transforms of one column count as one: the finest of them says all. */
function transformFamily(field: PartitionField): string {
  switch (field.transform.kind) {
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
      return 'time'
    default:
      return printTransform(field.transform)
  }
}

function checkPartitionField(field: PartitionField, schema: Schema): void {
  const context = {
    partitionField: field.name,
    sourceId: field.sourceId,
    transform: printTransform(field.transform),
  }
  if (field.transform.kind === 'unsupported') {
    throw new LakeError('unsupported', 'the transform is not known', { context })
  }
  const source = fieldById(schema, field.sourceId)
  if (!source) {
    // A column may be dropped while a void field still points at it.
    if (field.transform.kind === 'void') return
    invalid('the source column of a partition field is not in the schema', context)
  }
  if (!isPrimitive(source.type)) invalid('a partition field needs a primitive source column', context)
  if (!canTransform(field.transform, source.type))
    invalid('the transform does not apply to the column', context)
  if (!inStructsOnly(schema, field.sourceId))
    invalid('a partition source must not be in a list or map', context)
  checkNameAgainstColumns(field, schema, context)
}

function checkNameAgainstColumns(field: PartitionField, schema: Schema, context: ErrorContext): void {
  const column = schema.fields.find(each => each.name === field.name)
  const isOwn = column?.id === field.sourceId && ['identity', 'void'].includes(field.transform.kind)
  if (column && !isOwn) invalid('a partition field has the name of another column', context)
}

/** Whether a column lies in structs only, so that each row has one value of it. */
export function inStructsOnly(schema: Schema, fieldId: number): boolean {
  const around = fieldIdPath(schema, fieldId)?.slice(0, -1) ?? []
  return around.every(id => fieldById(schema, id)?.type.kind === 'struct')
}

function invalid(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}
