/**
 * Changes of the identifier fields of a schema. What they have to be - required, primitive, in structs only - is
 * `checkSchema`'s to say, of the schema as it is in the end.
 * @see Iceberg table spec, "Identifier Field IDs"
 */
import { type ErrorContext, LakeError } from '../base/errors.js'
import { fieldById, fieldPath } from './schema.js'
import type { SchemaChange } from './schema-change.js'
import type { Schema } from './types.js'

export type IdentifierChange = Extract<SchemaChange, { columns: readonly string[] }>

/**
 * The identifier fields after a change; `named` are the ids of its columns.
 * @throws invalid-argument when a column is dropped from them that is none
 */
export function identifiersAfter(
  { identifierFieldIds: before }: Schema,
  { kind, columns }: IdentifierChange,
  named: readonly number[],
): readonly number[] {
  if (kind === 'set-identifier-fields') return [...new Set(named)]
  if (kind === 'add-identifier-fields') return [...new Set([...before, ...named])]
  const stranger = named.findIndex(id => !before.includes(id))
  if (stranger >= 0) return invalid('the column is no identifier field', { column: columns[stranger] ?? '' })
  return before.filter(id => !named.includes(id))
}

/** @throws invalid-argument when an identifier field was dropped, or a struct around one */
export function checkIdentifiersKept(before: Schema, after: Schema): void {
  for (const id of after.identifierFieldIds) {
    if (fieldById(after, id) !== undefined) continue
    invalid('an identifier field cannot be dropped: take it out of the identifier fields first', {
      column: fieldPath(before, id)?.join('.') ?? String(id),
    })
  }
}

function invalid(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}
