/**
 * Partition evolution: changes in, spec out. The rules are those of Java's `BaseUpdatePartitionSpec`:
 *
 *   ids       from format version 2 on, a field that some older spec had (same column, same transform, same name if one
 *             is given) gets the id it had there; every other one a fresh id
 *   removed   gone; in version 1, whose ids go by place, it stays as a void field
 *   names     `ts_day`, `id_bucket_16` unless one is given; a void field steps aside for a name (`region_1000`)
 *   time      one of year, month, day and hour for a column is enough: no two are added
 *
 * Files keep the spec that they were written with.
 * @see Iceberg table spec, "Partition Evolution"
 */
import { unreachable } from '../base/assert.js'
import { type ErrorContext, LakeError } from '../base/errors.js'
import type { PartitionField, PartitionSpec, Transform } from './partition-spec.js'
import { type FindFieldOptions, fieldPath, findField } from './schema.js'
import { printTransform, sameTransform } from './transform.js'
import type { Schema } from './types.js'

/** What a partition field is made of: a column by its dotted name, and a transform of it. */
export interface PartitionTerm {
  readonly column: string
  readonly transform: Transform
}

/** A field of the spec by its name, or by what it is made of. An identity term may stand for a name too. */
export type PartitionFieldRef = string | PartitionTerm

export type SpecChange =
  | { readonly kind: 'add-partition-field'; readonly term: PartitionTerm; readonly name?: string | undefined }
  | { readonly kind: 'drop-partition-field'; readonly field: PartitionFieldRef }
  | { readonly kind: 'rename-partition-field'; readonly name: string; readonly to: string }
  | {
      readonly kind: 'replace-partition-field'
      readonly field: PartitionFieldRef
      readonly term: PartitionTerm
      readonly name?: string | undefined
    }

export interface EvolveSpecOptions extends FindFieldOptions {
  readonly schema: Schema
  /** The default spec. */
  readonly spec: PartitionSpec
  /** All specs of the table. */
  readonly specs: readonly PartitionSpec[]
  /** The highest partition field id that the table ever gave out. */
  readonly lastPartitionId: number
  readonly formatVersion: number
}

export interface EvolvedSpec {
  /** With the spec id of the old one. */
  readonly spec: PartitionSpec
  readonly lastPartitionId: number
}

interface Draft extends EvolveSpecOptions {
  /** New names of fields of the old spec, by id. */
  readonly renamed: ReadonlyMap<number, string>
  readonly dropped: ReadonlySet<number>
  readonly added: readonly PartitionField[]
}

/**
 * The spec after all changes. `checkPartitionSpec` has yet to look at it.
 * @throws invalid-argument naming the field: one that is not there, a name or term that is taken, changes that
 * contradict each other; unsupported when the spec has a transform that is not known
 */
export function applySpecChanges(changes: readonly SpecChange[], options: EvolveSpecOptions): EvolvedSpec {
  checkKnown(options.spec)
  let draft: Draft = { ...options, renamed: new Map(), dropped: new Set(), added: [] }
  for (const change of changes) draft = applyChange(draft, change)
  return { spec: { ...options.spec, fields: fieldsOf(draft) }, lastPartitionId: draft.lastPartitionId }
}

function applyChange(draft: Draft, change: SpecChange): Draft {
  switch (change.kind) {
    case 'add-partition-field':
      return addField(draft, change)
    case 'drop-partition-field':
      return dropField(draft, change.field)
    case 'rename-partition-field':
      return renameField(draft, change)
    case 'replace-partition-field':
      return addField(dropField(draft, change.field), change)
    default:
      return unreachable(change)
  }
}

function fieldsOf({ spec, formatVersion, renamed, dropped, added }: Draft): readonly PartitionField[] {
  const kept = spec.fields.flatMap((field): readonly PartitionField[] => {
    const name = renamed.get(field.fieldId) ?? field.name
    if (!dropped.has(field.fieldId)) return [{ ...field, name }]
    return formatVersion < 2 ? [{ ...field, name, transform: { kind: 'void' } }] : []
  })
  return [...kept, ...added]
}

// ---- finding

interface Resolved {
  readonly sourceId: number
  readonly transform: Transform
  readonly columnName: string
}

function resolve({ schema, caseSensitive }: Draft, { column, transform }: PartitionTerm): Resolved {
  const field = findField(schema, column, { caseSensitive })
  if (field === undefined) return invalid('the column is not in the schema', { column })
  return { sourceId: field.id, transform, columnName: fieldPath(schema, field.id)?.join('.') ?? field.name }
}

function isMadeOf(field: PartitionField, { sourceId, transform }: Resolved): boolean {
  return field.sourceId === sourceId && sameTransform(field.transform, transform)
}

function oldField(draft: Draft, ref: PartitionFieldRef): PartitionField {
  const name = nameMeant(draft, ref)
  const found =
    name !== undefined
      ? draft.spec.fields.find(field => field.name === name)
      : typeof ref !== 'string'
        ? oldFieldOfTerm(draft, ref)
        : undefined
  return found ?? invalid('the partition field is not in the spec', { partitionField: printRef(ref) })
}

/** A plain word is a column if there is one, else the name of a partition field. */
function nameMeant({ schema, caseSensitive }: Draft, ref: PartitionFieldRef): string | undefined {
  if (typeof ref === 'string') return ref
  const isColumn = findField(schema, ref.column, { caseSensitive }) !== undefined
  return ref.transform.kind === 'identity' && !isColumn ? ref.column : undefined
}

function oldFieldOfTerm(draft: Draft, term: PartitionTerm): PartitionField | undefined {
  const resolved = resolve(draft, term)
  return draft.spec.fields.find(field => isMadeOf(field, resolved))
}

function printRef(ref: PartitionFieldRef): string {
  return typeof ref === 'string' ? ref : `${printTransform(ref.transform)}(${ref.column})`
}

// ---- the changes

function dropField(draft: Draft, ref: PartitionFieldRef): Draft {
  const name = nameMeant(draft, ref)
  const isNew =
    name === undefined
      ? typeof ref !== 'string' && draft.added.some(field => isMadeOf(field, resolve(draft, ref)))
      : draft.added.some(field => field.name === name)
  const context = { partitionField: printRef(ref) }
  if (isNew) return invalid('a partition field is both added and dropped', context)
  const field = oldField(draft, ref)
  if (draft.renamed.has(field.fieldId))
    return invalid('a partition field is both renamed and dropped', context)
  if (field.transform.kind === 'void') return invalid('the partition field is dropped already', context)
  if (draft.dropped.has(field.fieldId)) return invalid('a partition field is dropped twice', context)
  return { ...draft, dropped: new Set(draft.dropped).add(field.fieldId) }
}

function renameField(draft: Draft, change: { readonly name: string; readonly to: string }): Draft {
  const { name, to } = change
  const context = { partitionField: name, to }
  if (to === '') return invalid('a partition field needs a name', context)
  if (draft.added.some(field => field.name === name))
    return invalid('a partition field is both added and renamed', context)
  const field = oldField(draft, name)
  if (draft.dropped.has(field.fieldId))
    return invalid('a partition field is both renamed and dropped', context)
  return rename(freeName(draft, to, field.fieldId), field, to)
}

function rename(draft: Draft, { fieldId }: PartitionField, to: string): Draft {
  return { ...draft, renamed: new Map(draft.renamed).set(fieldId, to) }
}

/** Makes the name free: a void field that has it, or one that is dropped, gets another. */
function freeName(draft: Draft, name: string, except?: number): Draft {
  if (draft.added.some(field => field.name === name))
    return invalid('a partition field of that name is there already', { partitionField: name })
  const holder = draft.spec.fields.find(
    field => field.fieldId !== except && (draft.renamed.get(field.fieldId) ?? field.name) === name,
  )
  if (holder === undefined) return draft
  const gone = draft.dropped.has(holder.fieldId) || holder.transform.kind === 'void'
  if (!gone) return invalid('a partition field of that name is there already', { partitionField: name })
  return rename(draft, holder, `${name}_${holder.fieldId}`)
}

function addField(
  draft: Draft,
  { term, name }: { readonly term: PartitionTerm; readonly name?: string | undefined },
): Draft {
  const resolved = resolve(draft, term)
  const context = { partitionField: name ?? printRef(term) }
  if (draft.added.some(field => isMadeOf(field, resolved)))
    return invalid('the partition field is there already', context)
  const existing = draft.spec.fields.find(field => isMadeOf(field, resolved))
  if (existing !== undefined) {
    if (!draft.dropped.has(existing.fieldId)) return invalid('the partition field is there already', context)
    return bringBack(draft, existing, name)
  }
  checkNoSecondTime(draft, resolved, context)
  const { fieldId, name: oldName, lastPartitionId } = idFor(draft, resolved, name)
  const given = name ?? oldName ?? defaultName(resolved)
  const free = freeName(draft, given)
  const { sourceId, transform } = resolved
  return { ...free, lastPartitionId, added: [...free.added, { sourceId, fieldId, name: given, transform }] }
}

/** Dropped and added again: nothing happened, or the field has another name. */
function bringBack(draft: Draft, field: PartitionField, name: string | undefined): Draft {
  const dropped = new Set([...draft.dropped].filter(id => id !== field.fieldId))
  const back = { ...draft, dropped }
  return name === undefined || name === field.name
    ? back
    : rename(freeName(back, name, field.fieldId), field, name)
}

const TIME_TRANSFORMS: ReadonlySet<string> = new Set(['year', 'month', 'day', 'hour'])

function checkNoSecondTime(draft: Draft, { sourceId, transform }: Resolved, context: ErrorContext): void {
  if (!TIME_TRANSFORMS.has(transform.kind)) return
  const other = draft.added.find(
    field => field.sourceId === sourceId && TIME_TRANSFORMS.has(field.transform.kind),
  )
  if (other !== undefined)
    invalid('two partition fields of one column are redundant', { ...context, other: other.name })
}

/**
 * The id of an equal field of an older spec, or a fresh one. An id that a field of the new spec has is not used
 * again: in a table that was upgraded from version 1, that is the void field which the older one became.
 */
function idFor(
  draft: Draft,
  resolved: Resolved,
  name: string | undefined,
): { readonly fieldId: number; readonly name: string | undefined; readonly lastPartitionId: number } {
  const { lastPartitionId, formatVersion, specs } = draft
  if (formatVersion >= 2) {
    const taken = new Set(fieldsOf(draft).map(field => field.fieldId))
    for (const spec of [...specs].reverse()) {
      const old = spec.fields.find(
        field =>
          isMadeOf(field, resolved) &&
          !taken.has(field.fieldId) &&
          (name === undefined || field.name === name),
      )
      if (old !== undefined) return { fieldId: old.fieldId, name: old.name, lastPartitionId }
    }
  }
  return { fieldId: lastPartitionId + 1, name: undefined, lastPartitionId: lastPartitionId + 1 }
}

/** The name that Iceberg gives a partition field which is added to a table. */
function defaultName({ transform, columnName }: Resolved): string {
  switch (transform.kind) {
    case 'identity':
      return columnName
    case 'bucket':
      return `${columnName}_bucket_${transform.count}`
    case 'truncate':
      return `${columnName}_trunc_${transform.width}`
    case 'void':
      return `${columnName}_null`
    default:
      return `${columnName}_${transform.kind}`
  }
}

function checkKnown(spec: PartitionSpec): void {
  const unknown = spec.fields.find(field => field.transform.kind === 'unsupported')
  if (unknown === undefined) return
  throw new LakeError('unsupported', 'a partition spec with a transform that is not known cannot change', {
    context: { partitionField: unknown.name, transform: printTransform(unknown.transform) },
  })
}

function invalid(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}
