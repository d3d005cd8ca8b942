/**
 * Schema evolution: changes in, schema out. The rules are those of Java's `SchemaUpdate`:
 *
 *   ids            new columns get fresh ids, and an id that was given out is never used again
 *   nested         through structs, list elements and map values; what is inside a map's key never changes
 *   types          promotions only (`promotion.ts`), defaults promoted with their column
 *   required       a column becomes required, or is added as required without a default, only when the caller
 *                  says that it has looked at the rows (`incompatible`)
 *   identifier     a column of the key, or around one, cannot be dropped or made optional
 *
 * The changes of one call are applied in their order, each sees what those before it made: `rename a to b; add a`
 * makes sense, while dropping a column that another change of the call touched does not and is refused.
 * @see Iceberg table spec, "Schema Evolution"
 */
import { unreachable } from '../base/assert.js'
import { type ErrorContext, LakeError } from '../base/errors.js'
import { editField, editStruct } from './edit-fields.js'
import { checkIdentifiersKept, type IdentifierChange, identifiersAfter } from './evolve-identifiers.js'
import { canPromote, promoteValue } from './promotion.js'
import {
  assignFreshIds,
  checkSchema,
  childFields,
  fieldById,
  fieldIdPath,
  fieldPath,
  findField,
  sameType,
} from './schema.js'
import type { AddColumn, ColumnPosition, DefaultInput, SchemaChange } from './schema-change.js'
import { printType } from './type-text.js'
import type { Field, Schema, Type, Value } from './types.js'
import { unionByName } from './union-by-name.js'

export interface EvolveSchemaOptions {
  /** The highest field id that the table ever gave out. */
  readonly lastColumnId: number
  readonly formatVersion: number
  /** Default true. */
  readonly caseSensitive?: boolean | undefined
  /**
   * Changes that the rows which are there may contradict: `refuse` them (default), allow columns to become
   * `required` because the caller looks for nulls, or allow `all`, required columns without default too.
   */
  readonly incompatible?: 'refuse' | 'required' | 'all' | undefined
  /** The schema whose rows are there; default the one that changes. */
  readonly before?: Schema | undefined
}

export interface EvolvedSchema {
  /** With the schema id of the old one. */
  readonly schema: Schema
  readonly lastColumnId: number
  /** Columns that were optional and are required now: their rows may hold nulls. */
  readonly newlyRequired: readonly number[]
}

interface Draft {
  readonly schema: Schema
  readonly lastColumnId: number
  /** Ids of fields that this call added. */
  readonly added: ReadonlySet<number>
  /** Ids of fields that this call added or changed. */
  readonly touched: ReadonlySet<number>
}

/**
 * The schema after all changes, in order; the same fields when they change nothing.
 * @throws invalid-argument naming the column: one that is not there, a name that is taken, a change that the rules
 * above do not allow
 */
export function applySchemaChanges(
  schema: Schema,
  changes: readonly SchemaChange[],
  options: EvolveSchemaOptions,
): EvolvedSchema {
  let draft: Draft = {
    schema,
    lastColumnId: options.lastColumnId,
    added: new Set(),
    touched: new Set(),
  }
  for (const change of changes) draft = applyChange(draft, change, options)
  const before = options.before ?? schema
  checkIdentifiersKept(before, draft.schema)
  if (options.incompatible !== 'all') checkRequiredAdded(before, draft.schema, options)
  checkSchema(draft.schema, { formatVersion: options.formatVersion })
  return {
    schema: draft.schema,
    lastColumnId: draft.lastColumnId,
    newlyRequired: newlyRequired(before, draft.schema),
  }
}

function applyChange(draft: Draft, change: SchemaChange, options: EvolveSchemaOptions): Draft {
  switch (change.kind) {
    case 'add-column':
      return addColumn(draft, change, options)
    case 'drop-column':
      return dropColumn(draft, change, options)
    case 'rename-column':
      return renameColumn(draft, change, options)
    case 'change-type':
      return changeType(draft, change, options)
    case 'set-required':
      return setRequired(draft, change.column, options)
    case 'set-optional':
      return update(draft, fieldOf(draft, change.column, options), field => ({ ...field, required: false }))
    case 'set-doc':
      return setDoc(draft, change, options)
    case 'set-default':
      return setDefault(draft, change, options)
    case 'move-column':
      return moveColumn(draft, fieldOf(draft, change.column, options), change.to, options)
    case 'set-identifier-fields':
    case 'add-identifier-fields':
    case 'drop-identifier-fields':
      return changeIdentifiers(draft, change, options)
    case 'union-by-name': {
      const steps = unionByName(draft.schema, change.fields, options)
      return steps.reduce((state, step) => applyChange(state, step, options), draft)
    }
    default:
      return unreachable(change)
  }
}

// ---- finding

type Names = Pick<EvolveSchemaOptions, 'caseSensitive'>

function fieldOf({ schema }: Draft, column: string, options: Names): Field {
  const field = findField(schema, column, options)
  if (field !== undefined) return field
  return invalid('the column is not in the schema', { column, columns: schema.fields.map(each => each.name) })
}

function pathOf({ schema }: Draft, field: Field): readonly number[] {
  return fieldIdPath(schema, field.id) ?? invalid('the column is not in the schema', { column: field.name })
}

function nameOf({ schema }: Draft, field: Field): string {
  return fieldPath(schema, field.id)?.join('.') ?? field.name
}

/** The type that a field is directly inside of; undefined at the top. */
function typeAround(draft: Draft, path: readonly number[]): Type | undefined {
  const parent = path.at(-2)
  return parent === undefined ? undefined : fieldById(draft.schema, parent)?.type
}

/** A list's element, a map's key or value: they have no name of their own. */
function isPart(draft: Draft, field: Field): boolean {
  const around = typeAround(draft, pathOf(draft, field))
  return around !== undefined && around.kind !== 'struct'
}

function changeIdentifiers(draft: Draft, change: IdentifierChange, options: Names): Draft {
  const named = change.columns.map(column => fieldOf(draft, column, options).id)
  const { schema } = draft
  return { ...draft, schema: { ...schema, identifierFieldIds: identifiersAfter(schema, change, named) } }
}

function checkOutsideKeys(draft: Draft, path: readonly number[]): void {
  for (const id of path) {
    const type = fieldById(draft.schema, id)?.type
    if (type?.kind === 'map' && path.includes(type.keyId))
      invalid('the key of a map cannot change', { column: fieldPath(draft.schema, id)?.join('.') ?? '' })
  }
}

// ---- changing one field

function update(draft: Draft, field: Field, edit: (field: Field) => Field): Draft {
  const path = pathOf(draft, field)
  checkOutsideKeys(draft, path)
  return {
    ...draft,
    schema: { ...draft.schema, fields: editField(draft.schema.fields, path, edit) },
    touched: new Set(draft.touched).add(field.id),
  }
}

function changeType(
  draft: Draft,
  change: Extract<SchemaChange, { kind: 'change-type' }>,
  options: EvolveSchemaOptions,
): Draft {
  const { type } = change
  const field = fieldOf(draft, change.column, options)
  if (sameType(field.type, type)) return draft
  const context = { column: nameOf(draft, field), from: printType(field.type), to: printType(type) }
  if (!canPromote(field.type, type, options))
    return invalid('the type of the column cannot become that', context)
  return update(draft, field, ({ initialDefault, writeDefault, ...rest }) => ({
    ...rest,
    type,
    ...(initialDefault === undefined
      ? {}
      : { initialDefault: promoteValue(field.type, type, initialDefault) }),
    ...(writeDefault === undefined ? {} : { writeDefault: promoteValue(field.type, type, writeDefault) }),
  }))
}

function setRequired(draft: Draft, column: string, options: EvolveSchemaOptions): Draft {
  const field = fieldOf(draft, column, options)
  if (field.required) return draft
  const before = options.before ?? draft.schema
  const hasRows = !draft.added.has(field.id) && fieldById(before, field.id) !== undefined
  if (hasRows && (options.incompatible ?? 'refuse') === 'refuse')
    return invalid('a column that may hold nulls cannot become required', { column: nameOf(draft, field) })
  return update(draft, field, each => ({ ...each, required: true }))
}

function setDoc(
  draft: Draft,
  change: Extract<SchemaChange, { kind: 'set-doc' }>,
  options: EvolveSchemaOptions,
): Draft {
  const field = namedField(draft, change.column, options)
  if (field.doc === change.doc) return draft
  const { doc } = change
  return update(draft, field, ({ doc: _, ...rest }) => (doc === undefined ? rest : { ...rest, doc }))
}

function setDefault(
  draft: Draft,
  change: Extract<SchemaChange, { kind: 'set-default' }>,
  options: EvolveSchemaOptions,
): Draft {
  const field = namedField(draft, change.column, options)
  const value = defaultValue(change.value, field.type)
  return update(draft, field, ({ writeDefault: _, ...rest }) =>
    value === undefined ? rest : { ...rest, writeDefault: value },
  )
}

/** A field of a struct: only those have a name, a doc and defaults. */
function namedField(draft: Draft, column: string, options: Names): Field {
  const field = fieldOf(draft, column, options)
  if (isPart(draft, field))
    return invalid('elements of lists, keys and values of maps have no name, doc or default', { column })
  return field
}

function defaultValue(input: DefaultInput | undefined, type: Type): Value | undefined {
  const value = typeof input === 'function' ? input(type) : input
  return value === null ? undefined : value
}

function renameColumn(
  draft: Draft,
  change: Extract<SchemaChange, { kind: 'rename-column' }>,
  options: EvolveSchemaOptions,
): Draft {
  const { to: name } = change
  const field = namedField(draft, change.column, options)
  if (field.name === name) return draft
  if (name === '') return invalid('a column needs a name', { column: change.column })
  const others = siblings(draft, pathOf(draft, field)).filter(each => each.id !== field.id)
  checkNameIsFree(others, name, options)
  return update(draft, field, each => ({ ...each, name }))
}

function siblings(draft: Draft, path: readonly number[]): readonly Field[] {
  const around = typeAround(draft, path)
  return around === undefined ? draft.schema.fields : childFields(around)
}

function checkNameIsFree(fields: readonly Field[], name: string, { caseSensitive = true }: Names): void {
  const fold = (text: string): string => (caseSensitive ? text : text.toLowerCase())
  if (fields.some(field => fold(field.name) === fold(name)))
    invalid('a column of that name is there already', { column: name })
}

// ---- adding, dropping, moving

function addColumn(draft: Draft, change: AddColumn, options: EvolveSchemaOptions): Draft {
  const parent = change.parent === undefined ? undefined : structOf(draft, change.parent, options)
  const parentPath = parent === undefined ? [] : pathOf(draft, parent)
  checkOutsideKeys(draft, parentPath)
  const around = parent === undefined ? draft.schema.fields : childFields(parent.type)
  if (change.ifNotExists === true && around.some(field => field.name === change.name)) return draft
  if (change.name === '') invalid('a column needs a name', {})
  checkNameIsFree(around, change.name, options)
  const { fields, lastId } = assignFreshIds([newField(change)], { nextId: draft.lastColumnId + 1 })
  const [field] = fields
  if (field === undefined) return draft
  const added: Draft = {
    schema: { ...draft.schema, fields: editStruct(draft.schema.fields, parentPath, all => [...all, field]) },
    lastColumnId: lastId,
    added: new Set(draft.added).add(field.id),
    touched: new Set(draft.touched).add(field.id),
  }
  return change.position === undefined ? added : moveColumn(added, field, change.position, options)
}

/** The struct that columns are added to: of a list of structs its element, of a map of structs its value. */
function structOf(draft: Draft, column: string, options: Names): Field {
  const field = fieldOf(draft, column, options)
  const target = field.type.kind === 'struct' ? field : childFields(field.type).at(-1)
  if (target?.type.kind === 'struct') return target
  return invalid('columns can be added to structs only', { column, type: printType(field.type) })
}

function newField(change: AddColumn): Field {
  const { name, type, doc, required = false } = change
  const initialDefault = defaultValue(change.initialDefault, type)
  const writeDefault =
    change.writeDefault === undefined ? initialDefault : defaultValue(change.writeDefault, type)
  return {
    id: 0,
    name,
    required,
    type,
    ...(doc === undefined ? {} : { doc }),
    ...(initialDefault === undefined ? {} : { initialDefault }),
    ...(writeDefault === undefined ? {} : { writeDefault }),
  }
}

/** What is inside an added column is as required as it likes: rows that are there have no such struct. */
function checkRequiredAdded(before: Schema, after: Schema, { formatVersion }: EvolveSchemaOptions): void {
  const visit = (fields: readonly Field[]): void => {
    for (const field of fields) {
      if (fieldById(before, field.id) !== undefined) visit(childFields(field.type))
      else if (field.required && field.initialDefault === undefined)
        invalid('a required column can be added with a default only: rows that are there would lack it', {
          column: field.name,
          ...(formatVersion < 3 ? { reason: 'initial defaults need format version 3' } : {}),
        })
    }
  }
  visit(after.fields)
}

function dropColumn(
  draft: Draft,
  change: Extract<SchemaChange, { kind: 'drop-column' }>,
  options: EvolveSchemaOptions,
): Draft {
  if (change.ifExists === true && findField(draft.schema, change.column, options) === undefined) return draft
  const field = fieldOf(draft, change.column, options)
  if (isPart(draft, field))
    return invalid('the parts of a list or map cannot be dropped', { column: change.column })
  const path = pathOf(draft, field)
  checkOutsideKeys(draft, path)
  for (const id of draft.touched) {
    if (!(fieldIdPath(draft.schema, id) ?? []).includes(field.id)) continue
    invalid('a column is both dropped and changed', { column: change.column })
  }
  if (siblings(draft, path).length === 1)
    return invalid('the last column of a table or struct cannot be dropped', { column: change.column })
  const fields = editField(draft.schema.fields, path, () => undefined)
  return { ...draft, schema: { ...draft.schema, fields } }
}

function moveColumn(draft: Draft, field: Field, to: ColumnPosition, options: Names): Draft {
  if (isPart(draft, field))
    return invalid('the parts of a list or map cannot be moved', { column: field.name })
  const path = pathOf(draft, field)
  checkOutsideKeys(draft, path)
  const others = siblings(draft, path).filter(each => each.id !== field.id)
  const at = placeAmong(draft, others, { field, to, options })
  const moved = [...others.slice(0, at), field, ...others.slice(at)]
  const fields = editStruct(draft.schema.fields, path.slice(0, -1), () => moved)
  return { ...draft, schema: { ...draft.schema, fields } }
}

function placeAmong(
  draft: Draft,
  others: readonly Field[],
  move: { readonly field: Field; readonly to: ColumnPosition; readonly options: Names },
): number {
  const { field, to, options } = move
  if (to === 'first') return 0
  const name = 'before' in to ? to.before : to.after
  const beside =
    findField({ fields: others.map(each => ({ ...each, type: { kind: 'unknown' } })) }, name, options) ??
    fieldOf(draft, name, options)
  const at = others.findIndex(each => each.id === beside.id)
  if (at < 0)
    return invalid('a column can be moved beside another one of its own struct only', {
      column: nameOf(draft, field),
      beside: name,
    })
  return 'before' in to ? at : at + 1
}

function newlyRequired(before: Schema, after: Schema): readonly number[] {
  const found: number[] = []
  const visit = (fields: readonly Field[]): void => {
    for (const field of fields) {
      if (field.required && fieldById(before, field.id)?.required === false) found.push(field.id)
      visit(childFields(field.type))
    }
  }
  visit(after.fields)
  return found
}

function invalid(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}

export type { AddColumn, ColumnPosition, DefaultInput, SchemaChange } from './schema-change.js'
