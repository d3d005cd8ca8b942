/**
 * The union of two schemas by name: what must change so that rows of both fit. Columns that are missing are added,
 * as optional ones and behind the others of their struct; those that are there become optional and wider as the
 * other schema needs it, and take its docs. Nothing is dropped, and a narrower type of the other schema changes
 * nothing. The rules are those of Java's `UnionByNameVisitor`.
 */
import { LakeError } from '../base/errors.js'
import { canPromote } from './promotion.js'
import { childFields } from './schema.js'
import type { SchemaChange } from './schema-change.js'
import { printType, samePrimitive } from './type-text.js'
import { type Field, isPrimitive, type Schema } from './types.js'

export interface UnionOptions {
  /** Default true. */
  readonly caseSensitive?: boolean | undefined
  readonly formatVersion?: number | undefined
}

/**
 * The changes of `schema` that make room for `fields`; none when it has room.
 * @throws invalid-argument for a column whose types have no union
 */
export function unionByName(
  schema: Pick<Schema, 'fields'>,
  fields: readonly Field[],
  options: UnionOptions = {},
): readonly SchemaChange[] {
  return unionOf(schema.fields, fields, { options, parent: [] })
}

interface Place {
  readonly options: UnionOptions
  /** Names of the fields around. */
  readonly parent: readonly string[]
}

function unionOf(mine: readonly Field[], theirs: readonly Field[], place: Place): readonly SchemaChange[] {
  const fold = (text: string): string => ((place.options.caseSensitive ?? true) ? text : text.toLowerCase())
  return theirs.flatMap((field): readonly SchemaChange[] => {
    const partner = mine.find(each => fold(each.name) === fold(field.name))
    if (partner !== undefined) return unionOfField(partner, field, place)
    const { name, type, doc } = field
    const parent = place.parent.length === 0 ? undefined : place.parent.join('.')
    return [{ kind: 'add-column', parent, name, type, doc }]
  })
}

function unionOfField(mine: Field, theirs: Field, place: Place): readonly SchemaChange[] {
  const path = [...place.parent, mine.name]
  const column = path.join('.')
  const changes: SchemaChange[] = []
  if (mine.required && !theirs.required) changes.push({ kind: 'set-optional', column })
  changes.push(...typeChanges(mine, theirs, { ...place, parent: path }))
  if (theirs.doc !== undefined && theirs.doc !== mine.doc)
    changes.push({ kind: 'set-doc', column, doc: theirs.doc })
  return changes
}

function typeChanges(mine: Field, theirs: Field, place: Place): readonly SchemaChange[] {
  const column = place.parent.join('.')
  if (isPrimitive(mine.type) && isPrimitive(theirs.type)) {
    const { formatVersion } = place.options
    // Rows of a narrower type, or of none, fit as they are.
    if (samePrimitive(mine.type, theirs.type) || theirs.type.kind === 'unknown') return []
    if (canPromote(theirs.type, mine.type, { formatVersion })) return []
    return [{ kind: 'change-type', column, type: theirs.type }]
  }
  if (theirs.type.kind === 'unknown') return []
  if (mine.type.kind === theirs.type.kind)
    return unionOf(childFields(mine.type), childFields(theirs.type), place)
  throw new LakeError('invalid-argument', 'the types of the column have no union', {
    context: { column, from: printType(mine.type), to: printType(theirs.type) },
  })
}
