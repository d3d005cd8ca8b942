/**
 * Column definitions, partition terms and sort terms from text.
 *
 *   id bigint not null, ts timestamptz, tags array<string>, price decimal(10,2) comment 'net'
 *   days(ts), bucket(16, id), truncate(4, name), region
 *   ts, id desc nulls last, bucket(16, id)
 *
 * Type names are Spark's, and Iceberg's where Spark has none or where the two do not clash. The one clash is
 * `timestamp`: here it is Spark's, with a time zone, as it is in every statement that people copy from
 * there; Iceberg's timestamp without a zone is `timestamp_ntz`. Transforms have Spark's names (`days(ts)`) or
 * Iceberg's (`day(ts)`); partition fields get the names that Iceberg gives them (`ts_day`, `id_bucket`).
 */
import type { LakeError } from '../base/errors.js'
import { checkPartitionSpec, inStructsOnly } from '../schema/partition.js'
import type { PartitionField, Transform } from '../schema/partition-spec.js'
import { assignFreshIds, fieldPath, findField } from '../schema/schema.js'
import type { SortField } from '../schema/sort-order.js'
import { canTransform, isTransformParameter } from '../schema/transform.js'
import type { Field, PrimitiveType, Schema, SimpleTypeKind, Type } from '../schema/types.js'
import { parseSyntax } from './parse-syntax.js'
import {
  type CallSyntax,
  type ColumnSyntax,
  type NamedTypeSyntax,
  type NameSyntax,
  type SortTermSyntax,
  type Syntax,
  syntaxError,
  type TypeSyntax,
} from './syntax.js'

const FIRST_PARTITION_FIELD_ID = 1000

/**
 * The fields of a list of column definitions, with ids from 1 in the order that a new table's schema has.
 * @throws invalid-argument with `position` and `near`: bad syntax, an unknown type, a name used twice
 */
export function parseColumns(text: string): Field[] {
  const fields = fieldsOf(parseSyntax(text, 'columns'), text)
  return [...assignFreshIds(fields, { nextId: 1 }).fields]
}

/**
 * Partition fields of a list of terms, with ids from 1000.
 * @throws invalid-argument with `position` and `near`: bad syntax, an unknown column or transform, one that does
 * not apply to the column; without a position: fields that are redundant or share a name
 */
export function parsePartitionBy(text: string, schema: Schema): PartitionField[] {
  const fields = parseSyntax(text, 'terms').map((node, index): PartitionField => {
    const { transform, sourceId, name } = termOf(node, { text, schema })
    return {
      sourceId,
      fieldId: FIRST_PARTITION_FIELD_ID + index,
      name: partitionName(transform, name),
      transform,
    }
  })
  checkPartitionSpec({ specId: 0, fields }, schema)
  return fields
}

/**
 * Sort fields of a list of terms. Ascending unless `desc`; nulls first when ascending and last when descending,
 * unless written.
 * @throws invalid-argument with `position` and `near`
 */
export function parseSortBy(text: string, schema: Schema): SortField[] {
  return parseSyntax(text, 'sortTerms').map((sortTerm): SortField => {
    const { transform, sourceId } = termOf(sortTerm.term, { text, schema })
    return { sourceId, transform, ...orderingOf(sortTerm) }
  })
}

/** Direction and place of nulls, with what holds where nothing is written. */
export function orderingOf({ direction, nulls }: SortTermSyntax): Pick<SortField, 'direction' | 'nullOrder'> {
  return { direction, nullOrder: nulls ?? (direction === 'asc' ? 'nulls-first' : 'nulls-last') }
}

function fail(text: string, at: number, message: string, expected?: string): LakeError {
  return syntaxError(text, at, { message, expected })
}

// Columns

/** Stands for an id until all fields are known; distinct, since references may be mapped by it. */
interface Placeholder {
  next: number
}

function fieldsOf(
  columns: readonly ColumnSyntax[],
  text: string,
  ids: Placeholder = { next: 1 },
): readonly Field[] {
  const names = new Set<string>()
  return columns.map(column => {
    if (names.has(column.name)) throw fail(text, column.at, 'the column name is used twice')
    names.add(column.name)
    const field = {
      id: ids.next++,
      name: column.name,
      required: column.required,
      type: typeOf(column.type, text, ids),
    }
    return column.comment === undefined ? field : { ...field, doc: column.comment }
  })
}

/** The type that is written; its ids tie nothing. @throws invalid-argument with `position` and `near` */
export function typeOfSyntax(type: TypeSyntax, text: string): Type {
  return typeOf(type, text, { next: 1 })
}

function typeOf(type: TypeSyntax, text: string, ids: Placeholder): Type {
  switch (type.kind) {
    case 'array': {
      const elementId = ids.next++
      return { kind: 'list', elementId, elementRequired: false, element: typeOf(type.element, text, ids) }
    }
    case 'map': {
      const keyId = ids.next++
      const valueId = ids.next++
      const key = typeOf(type.key, text, ids)
      return { kind: 'map', keyId, key, valueId, valueRequired: false, value: typeOf(type.value, text, ids) }
    }
    case 'struct':
      return { kind: 'struct', fields: fieldsOf(type.fields, text, ids) }
    default:
      return namedType(type, text)
  }
}

const SIMPLE_TYPES: ReadonlyMap<string, SimpleTypeKind> = new Map<string, SimpleTypeKind>([
  ['boolean', 'boolean'],
  ['tinyint', 'int'],
  ['byte', 'int'],
  ['smallint', 'int'],
  ['short', 'int'],
  ['int', 'int'],
  ['integer', 'int'],
  ['bigint', 'long'],
  ['long', 'long'],
  ['float', 'float'],
  ['real', 'float'],
  ['double', 'double'],
  ['date', 'date'],
  ['time', 'time'],
  ['timestamp', 'timestamptz'],
  ['timestamp_ltz', 'timestamptz'],
  ['timestamptz', 'timestamptz'],
  ['timestamp_ntz', 'timestamp'],
  ['timestamp_ns', 'timestamp_ns'],
  ['timestamptz_ns', 'timestamptz_ns'],
  ['string', 'string'],
  ['uuid', 'uuid'],
  ['binary', 'binary'],
  ['variant', 'variant'],
  ['void', 'unknown'],
  ['unknown', 'unknown'],
])

/** Spark's default for a decimal without parameters. */
const DECIMAL_DEFAULT = { precision: 10, scale: 0 }
const DECIMAL_PRECISION_MAX = 38

function namedType(type: NamedTypeSyntax, text: string): PrimitiveType {
  const name = type.name.toLowerCase()
  const simple = SIMPLE_TYPES.get(name)
  if (simple !== undefined) {
    checkParameterCount(type, text, 0, 0)
    return { kind: simple }
  }
  switch (name) {
    case 'decimal':
    case 'dec':
    case 'numeric':
      return decimalType(type, text)
    case 'varchar':
    case 'char':
      checkParameterCount(type, text, 0, 1)
      return { kind: 'string' }
    case 'fixed':
      checkParameterCount(type, text, 1, 1)
      return { kind: 'fixed', lengthBytes: integerParameter(type, text, 0, { min: 1, max: 2 ** 31 - 1 }) }
    case 'geometry':
    case 'geography':
      return geospatialType(type, text, name)
    default:
      throw fail(text, type.at, 'the type is not known', NESTED_FORMS.get(name))
  }
}

const NESTED_FORMS: ReadonlyMap<string, string> = new Map([
  ['array', 'array<type>'],
  ['map', 'map<type, type>'],
  ['struct', 'struct<name: type, ..>'],
])

function decimalType(type: NamedTypeSyntax, text: string): PrimitiveType {
  checkParameterCount(type, text, 0, 2)
  if (type.parameters.length === 0) return { kind: 'decimal', ...DECIMAL_DEFAULT }
  const precision = integerParameter(type, text, 0, { min: 1, max: DECIMAL_PRECISION_MAX })
  const scale = type.parameters.length === 1 ? 0 : integerParameter(type, text, 1, { min: 0, max: precision })
  return { kind: 'decimal', precision, scale }
}

function geospatialType(type: NamedTypeSyntax, text: string, kind: 'geometry' | 'geography'): PrimitiveType {
  checkParameterCount(type, text, 0, kind === 'geometry' ? 1 : 2)
  const [crs, algorithm] = type.parameters
  const withCrs = crs === undefined ? {} : { crs }
  if (kind === 'geometry') return { kind, ...withCrs }
  return algorithm === undefined ? { kind, ...withCrs } : { kind, ...withCrs, algorithm }
}

function checkParameterCount(type: NamedTypeSyntax, text: string, min: number, max: number): void {
  const count = type.parameters.length
  if (count < min || count > max) throw fail(text, type.at, 'the type does not take that many parameters')
}

interface IntegerRange {
  readonly min: number
  readonly max: number
}

function integerParameter(type: NamedTypeSyntax, text: string, index: number, range: IntegerRange): number {
  const parameter = type.parameters[index] ?? ''
  const value = /^\d+$/.test(parameter) ? Number(parameter) : Number.NaN
  if (value >= range.min && value <= range.max) return value
  throw fail(text, type.at, 'a parameter of the type is out of range', `${range.min} to ${range.max}`)
}

// Partition and sort terms

interface TermScope {
  readonly text: string
  readonly schema: Schema
}

interface Term {
  readonly transform: Transform
  readonly sourceId: number
  /** The column's dotted name. */
  readonly name: string
}

function termOf(node: Syntax, scope: TermScope): Term {
  const { column, transform } = transformOf(node, scope.text)
  return checkTerm(column, transform, node, scope)
}

/**
 * A column, or a transform of one, before anybody knows the columns.
 * @throws invalid-argument with `position` and `near` for anything else
 */
export function transformOf(
  node: Syntax,
  text: string,
): { readonly column: NameSyntax; readonly transform: Transform } {
  if (node.kind === 'name') return { column: node, transform: { kind: 'identity' } }
  if (node.kind !== 'call') throw fail(text, node.at, 'a column or a transform of one is needed here')
  const name = node.name.toLowerCase()
  switch (name) {
    case 'bucket':
    case 'truncate': {
      const { column, parameter } = parametrisedArguments(node, text)
      const transform: Transform =
        name === 'bucket' ? { kind: 'bucket', count: parameter } : { kind: 'truncate', width: parameter }
      return { column, transform }
    }
    default: {
      const kind = PLAIN_TRANSFORMS.get(name)
      if (kind === undefined) throw fail(text, node.at, 'the transform is not known', TRANSFORM_NAMES)
      const [column] = node.args
      if (column === undefined || node.args.length !== 1) {
        throw fail(text, node.at, 'the transform takes one column')
      }
      if (column.kind !== 'name') throw fail(text, column.at, 'a column is needed here')
      return { column, transform: { kind } }
    }
  }
}

const TRANSFORM_NAMES = 'years, months, days, hours, bucket, truncate, identity'

const PLAIN_TRANSFORMS: ReadonlyMap<string, 'identity' | 'year' | 'month' | 'day' | 'hour'> = new Map([
  ['identity', 'identity'],
  ['year', 'year'],
  ['years', 'year'],
  ['month', 'month'],
  ['months', 'month'],
  ['date', 'day'],
  ['day', 'day'],
  ['days', 'day'],
  ['date_hour', 'hour'],
  ['hour', 'hour'],
  ['hours', 'hour'],
])

/** `bucket(16, id)` as in Spark's DDL, or `bucket(id, 16)`. */
function parametrisedArguments(
  node: CallSyntax,
  text: string,
): { readonly column: NameSyntax; readonly parameter: number } {
  const column = node.args.find(arg => arg.kind === 'name')
  const number = node.args.find(arg => arg.kind === 'literal')
  if (node.args.length !== 2 || column === undefined || number?.kind !== 'literal') {
    throw fail(text, node.at, 'the transform takes a number and a column')
  }
  const parameter = number.form === 'number' ? Number(number.text) : Number.NaN
  if (!isTransformParameter(parameter)) throw fail(text, number.at, 'the number must be a positive integer')
  return { column, parameter }
}

function checkTerm(
  column: NameSyntax,
  transform: Transform,
  node: Syntax,
  { text, schema }: TermScope,
): Term {
  const field = findColumn(column.parts.join('.'), column.at, { text, schema })
  if (!canTransform(transform, field.type) || !inStructsOnly(schema, field.id)) {
    throw fail(text, node.at, 'the transform does not apply to the column')
  }
  return { transform, sourceId: field.id, name: fieldPath(schema, field.id)?.join('.') ?? field.name }
}

function findColumn(name: string, at: number, { text, schema }: TermScope): Field {
  const field = findField(schema, name)
  if (field === undefined) {
    throw fail(text, at, 'the column is not in the schema', schema.fields.map(each => each.name).join(', '))
  }
  return field
}

/** The name that Iceberg gives a partition field of a column. */
function partitionName(transform: Transform, column: string): string {
  switch (transform.kind) {
    case 'identity':
      return column
    case 'truncate':
      return `${column}_trunc`
    default:
      return `${column}_${transform.kind}`
  }
}
