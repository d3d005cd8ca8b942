/**
 * A set of changes by key, as one batch of what goes and one of what comes: what an upsert and an applied change
 * feed come down to.
 */
import { LakeError } from '../base/errors.js'
import { stringifyJson } from '../base/json.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { buildKeyTable } from '../batch/row-hash.js'
import { selectColumns } from '../batch/take.js'
import { valueAt } from '../batch/values.js'
import { findField } from '../schema/schema.js'
import { type Field, isPrimitive, type Schema } from '../schema/types.js'
import { displayValue } from '../schema/value-json.js'
import { conformRows } from './conform-rows.js'
import type { RowPatches } from './patch-rows.js'

export interface KeyedChanges {
  /** Key columns, at the top level of the schema. */
  readonly keyFieldIds: readonly number[]
  /** Unique keys whose current rows go away; columns in the order of `keyFieldIds`. Null equals null. */
  readonly keys: ColumnBatch
  /** Whole rows to insert, each with a key of its own. */
  readonly rows: ColumnBatch
  /** Cells of `rows` that keep the value of a current row; one without current row becomes null and is counted. */
  readonly patches?: RowPatches | undefined
  /** Every present row goes away first: no key has a current row then. */
  readonly truncate?: boolean | undefined
}

/**
 * The changes that make the table hold exactly these rows for their keys.
 * @throws invalid-argument for unknown or unfit key columns, for rows that do not fit the schema (naming column and
 * row), and for two rows with one key (naming the key)
 */
export function upsertChanges(
  batch: ColumnBatch,
  options: { readonly schema: Schema; readonly keys: readonly string[] },
): KeyedChanges {
  const { schema } = options
  const keyFields = keyFieldsOf(schema, options.keys)
  const rows = conformRows(batch, schema)
  const keys = selectColumns(
    rows,
    keyFields.map(field => rows.fields.indexOf(field)),
  )
  checkUnique(keys)
  return { keyFieldIds: keyFields.map(field => field.id), keys, rows }
}

/** @throws invalid-argument when one is missing, repeated, nested or of a type that is no key */
function keyFieldsOf(schema: Schema, names: readonly string[]): readonly Field[] {
  if (names.length === 0) throw new LakeError('invalid-argument', 'an upsert needs at least one key column')
  const fields = names.map(name => {
    const field = findField(schema, name)
    if (field === undefined) throw invalidKey('the table has no such key column', name)
    if (!schema.fields.includes(field)) throw invalidKey('a key column has to be at the top level', name)
    return field
  })
  if (new Set(fields).size < fields.length)
    throw new LakeError('invalid-argument', 'a key column is named twice', { context: { keys: names } })
  for (const field of fields) checkKeyType(field)
  return fields
}

/** @throws invalid-argument when rows cannot be told apart by a column of the type */
export function checkKeyType({ name, type }: Field): void {
  if (isPrimitive(type) && !NO_KEYS.has(type.kind)) return
  throw invalidKey('a column of this type cannot be a key', name)
}

const NO_KEYS: ReadonlySet<string> = new Set(['unknown', 'variant', 'geometry', 'geography'])

function invalidKey(message: string, column: string): LakeError {
  return new LakeError('invalid-argument', message, { context: { column } })
}

function checkUnique(keys: ColumnBatch): void {
  const { duplicates } = buildKeyTable(
    keys.columns,
    keys.fields.map(field => field.type),
  )
  if (duplicates === undefined) return
  throw new LakeError('invalid-argument', 'two rows have the same key', {
    context: {
      key: keyText(keys, duplicates.second),
      rows: [String(duplicates.first), String(duplicates.second)],
    },
  })
}

/** A key as a JSON object, for messages. */
export function keyText(keys: ColumnBatch, row: number): string {
  const entries = keys.fields.map((field, index) => {
    const column = keys.columns[index]
    return [
      field.name,
      column === undefined ? null : displayValue(field.type, valueAt(column, field.type, row)),
    ]
  })
  return stringifyJson(Object.fromEntries(entries))
}
