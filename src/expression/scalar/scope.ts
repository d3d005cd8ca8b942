/**
 * Where names of columns are looked up: one relation, or the target and the source of a merge. A first part that
 * is a relation's alias names the relation; a name without one must be in one relation only.
 */
import { LakeError } from '../../base/errors.js'
import type { Field } from '../../schema/types.js'
import { findColumn, type ResolvedColumn } from '../bind.js'

export interface Relation {
  /** A first part of names that means this relation. */
  readonly alias?: string | undefined
  readonly fields: readonly Field[]
}

export interface BindScalarOptions {
  /** Default true: names match exactly. Aliases never mind letter case. */
  readonly caseSensitive?: boolean | undefined
  /** What `current_timestamp()` and `current_date()` are, in microseconds since 1970; without it they are refused. */
  readonly nowMicros?: bigint | undefined
}

export interface Scope extends BindScalarOptions {
  readonly relations: readonly Relation[]
}

export interface LocatedColumn {
  readonly relation: number
  /** The name inside the relation: without its alias. */
  readonly name: string
  readonly column: ResolvedColumn
}

/** @throws invalid-argument when no relation has the column, or more than one */
export function locateColumn(name: string, scope: Scope): LocatedColumn {
  const found = byAlias(name, scope) ?? byName(name, scope)
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const columns = scope.relations.flatMap(({ fields }) => fields.map(field => field.name))
  throw new LakeError(
    'invalid-argument',
    only === undefined ? 'the column is not in the schema' : 'the column name matches several columns',
    { context: { column: name, columns } },
  )
}

/** Undefined when no alias stands before the name, or its relation does not have the rest. */
function byAlias(name: string, scope: Scope): LocatedColumn[] | undefined {
  const dot = name.indexOf('.')
  if (dot < 0) return undefined
  const alias = name.slice(0, dot).toLowerCase()
  const relation = scope.relations.findIndex(each => each.alias?.toLowerCase() === alias)
  const rest = name.slice(dot + 1)
  const column = columnIn(relation, rest, scope)
  return column === undefined ? undefined : [{ relation, name: rest, column }]
}

function byName(name: string, scope: Scope): LocatedColumn[] {
  return scope.relations.flatMap((_, relation) => {
    const column = columnIn(relation, name, scope)
    return column === undefined ? [] : [{ relation, name, column }]
  })
}

function columnIn(relation: number, name: string, scope: Scope): ResolvedColumn | undefined {
  const fields = scope.relations[relation]?.fields
  return fields && findColumn(name, fields, scope)
}
