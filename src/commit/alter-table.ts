/**
 * Changing what a table is: columns, partitioning, order, properties, location and format version, any number of
 * changes in one commit. They are worked out on the base of each attempt, in their order, and sent as what is
 * different in the end:
 *
 *   changes  ->  a draft of schema, spec, order, properties ..  ->  checked as a whole  ->  updates, requirements
 *
 * What the rows must be asked for - whether a column that becomes required holds a null - is the caller's to look up
 * (`checkRequired`): this floor reads no data.
 * @see Iceberg table spec, "Schema Evolution", "Partition Evolution"; spec/commit-protocol.md
 */
import { unreachable } from '../base/assert.js'
import { type ErrorContext, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { columnOfProperty, followColumns } from '../metadata/column-properties.js'
import { currentSchema, defaultSortOrder, defaultSpec } from '../metadata/lookup.js'
import { askedFormatVersion, isReservedProperty } from '../metadata/properties.js'
import { sameOrder, sameSpec } from '../metadata/structure-updates.js'
import { type FormatVersion, MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import { LAST_ADDED, type TableRequirement, type TableUpdate } from '../metadata/table-update.js'
import { applySchemaChanges, type EvolvedSchema, type SchemaChange } from '../schema/evolve-schema.js'
import { type SortChange, sortOrderOf } from '../schema/evolve-sort-order.js'
import { applySpecChanges, type SpecChange } from '../schema/evolve-spec.js'
import {
  NAME_MAPPING_PROPERTY,
  parseMappedFields,
  serializeNameMapping,
  updateNameMapping,
} from '../schema/name-mapping.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { findField, sameSchema } from '../schema/schema.js'
import type { SortOrder } from '../schema/sort-order.js'
import type { Schema } from '../schema/types.js'
import { checkAlteration } from './check-alteration.js'
import type { TableAction, TableChange } from './table-action.js'

export type PropertyChange =
  /** `format-version` upgrades the table; other reserved names are refused. */
  | { readonly kind: 'set-properties'; readonly properties: Readonly<Record<string, string>> }
  /** Names that are not there do nothing. */
  | { readonly kind: 'unset-properties'; readonly names: readonly string[] }
  /** Where new files go; those that are there stay where they are. */
  | { readonly kind: 'set-location'; readonly location: string }
  | { readonly kind: 'upgrade-format-version'; readonly formatVersion: FormatVersion }

export type TableAlteration = SchemaChange | SpecChange | SortChange | PropertyChange

/** Columns of the base that are to be required. */
export interface RequiredColumns {
  readonly schema: Schema
  readonly fieldIds: readonly number[]
}

export interface AlterRequest {
  readonly changes: readonly TableAlteration[]
  /** Whether names of columns match exactly; default true. */
  readonly caseSensitive?: boolean | undefined
  readonly runtime: Runtime
  /**
   * Looks at the rows of every branch of the base for nulls in columns that become required; throws
   * invalid-argument when there are any. Absent: such changes are refused.
   */
  readonly checkRequired?: ((base: LoadedTable, columns: RequiredColumns) => Promise<void>) | undefined
}

interface Draft {
  readonly schema: Schema
  readonly lastColumnId: number
  readonly newlyRequired: readonly number[]
  readonly spec: PartitionSpec
  readonly lastPartitionId: number
  readonly sortOrder: SortOrder
  readonly properties: Readonly<Record<string, string>>
  readonly location: string
  readonly formatVersion: FormatVersion
}

/**
 * The changes as one commit.
 * @throws (from the action) invalid-argument for a change that is not allowed, naming what it is about; unsupported
 */
export function alterTableAction(request: AlterRequest): TableAction {
  return async base => {
    const { metadata } = base
    const before = draftOf(metadata)
    const after = applyAlterations(metadata, before, request)
    checkAlteration(metadata, after)
    if (after.newlyRequired.length > 0)
      await request.checkRequired?.(base, { schema: after.schema, fieldIds: after.newlyRequired })
    return changeOf(metadata, { before, after, runtime: request.runtime })
  }
}

function draftOf(metadata: TableMetadata): Draft {
  return {
    schema: currentSchema(metadata),
    lastColumnId: metadata.lastColumnId,
    newlyRequired: [],
    spec: defaultSpec(metadata),
    lastPartitionId: metadata.lastPartitionId,
    sortOrder: defaultSortOrder(metadata),
    properties: metadata.properties,
    location: metadata.location,
    formatVersion: metadata.formatVersion,
  }
}

// ---- applying

function applyAlterations(metadata: TableMetadata, start: Draft, request: AlterRequest): Draft {
  let draft = start
  const { changes } = request
  for (let at = 0; at < changes.length; ) {
    const run = runFrom(changes, at)
    at += run.length
    draft = applyRun(draft, run, { metadata, request })
  }
  return draft
}

type Run =
  | { readonly of: 'schema'; readonly changes: readonly SchemaChange[]; readonly length: number }
  | { readonly of: 'spec'; readonly changes: readonly SpecChange[]; readonly length: number }
  | { readonly of: 'other'; readonly change: SortChange | PropertyChange; readonly length: 1 }

/** Changes of columns that follow each other are one evolution, so that they are checked against each other. */
function runFrom(changes: readonly TableAlteration[], from: number): Run {
  const schema: SchemaChange[] = []
  const spec: SpecChange[] = []
  for (const change of changes.slice(from)) {
    if (isSpecChange(change)) {
      if (schema.length > 0) break
      spec.push(change)
    } else if (isOtherChange(change)) {
      if (schema.length + spec.length === 0) return { of: 'other', change, length: 1 }
      break
    } else {
      if (spec.length > 0) break
      schema.push(change)
    }
  }
  return schema.length > 0
    ? { of: 'schema', changes: schema, length: schema.length }
    : { of: 'spec', changes: spec, length: spec.length }
}

function isSpecChange(change: TableAlteration): change is SpecChange {
  return change.kind.endsWith('-partition-field')
}

function isOtherChange(change: TableAlteration): change is SortChange | PropertyChange {
  switch (change.kind) {
    case 'set-sort-order':
    case 'set-properties':
    case 'unset-properties':
    case 'set-location':
    case 'upgrade-format-version':
      return true
    default:
      return false
  }
}

function applyRun(
  draft: Draft,
  run: Run,
  on: { readonly metadata: TableMetadata; readonly request: AlterRequest },
): Draft {
  const { metadata, request } = on
  const { caseSensitive } = request
  switch (run.of) {
    case 'schema': {
      const evolved = applySchemaChanges(draft.schema, run.changes, {
        lastColumnId: draft.lastColumnId,
        formatVersion: draft.formatVersion,
        caseSensitive,
        incompatible: request.checkRequired === undefined ? 'refuse' : 'required',
        before: currentSchema(metadata),
      })
      return withSchema(draft, evolved)
    }
    case 'spec': {
      const { schema, spec, lastPartitionId, formatVersion } = draft
      const specs = metadata.partitionSpecs
      const options = { schema, spec, specs, lastPartitionId, formatVersion, caseSensitive }
      return { ...draft, ...applySpecChanges(run.changes, options) }
    }
    default:
      return applyOther(draft, run.change, { caseSensitive })
  }
}

/** Properties that name columns, and the names of columns in files without field ids, go with the schema. */
function withSchema(draft: Draft, { schema, lastColumnId, newlyRequired }: EvolvedSchema): Draft {
  const followed = followColumns(draft.properties, draft.schema, schema)
  const mapping = followed[NAME_MAPPING_PROPERTY]
  const properties =
    mapping === undefined
      ? followed
      : {
          ...followed,
          [NAME_MAPPING_PROPERTY]: serializeNameMapping(
            updateNameMapping(parseMappedFields(mapping), draft.schema, schema),
          ),
        }
  return { ...draft, schema, lastColumnId, newlyRequired, properties }
}

function applyOther(
  draft: Draft,
  change: SortChange | PropertyChange,
  names: { readonly caseSensitive?: boolean | undefined },
): Draft {
  switch (change.kind) {
    case 'set-sort-order':
      return { ...draft, sortOrder: sortOrderOf(change.terms, draft.schema, names) }
    case 'set-properties':
      return withProperties(draft, change.properties)
    case 'unset-properties': {
      for (const name of change.names) checkNotReserved(name)
      const kept = Object.entries(draft.properties).filter(([name]) => !change.names.includes(name))
      return { ...draft, properties: Object.fromEntries(kept) }
    }
    case 'set-location':
      return { ...draft, location: change.location }
    case 'upgrade-format-version':
      return upgraded(draft, change.formatVersion)
    default:
      return unreachable(change)
  }
}

function withProperties(draft: Draft, given: Readonly<Record<string, string>>): Draft {
  const asked = askedFormatVersion(given)
  const start = asked === undefined ? draft : upgraded(draft, asked)
  const { 'format-version': _, ...properties } = given
  for (const name of Object.keys(properties)) {
    checkNotReserved(name)
    const column = columnOfProperty(name)
    if (column !== undefined && findField(draft.schema, column) === undefined)
      refuse('the property is about a column that the table does not have', { property: name, column })
  }
  return { ...start, properties: { ...start.properties, ...properties } }
}

function checkNotReserved(property: string): void {
  if (isReservedProperty(property))
    refuse('the property stands for a part of the metadata and is never stored', { property })
}

function upgraded(draft: Draft, formatVersion: FormatVersion): Draft {
  const current = draft.formatVersion
  if (formatVersion < current)
    refuse('a table cannot go back to an older format version', { current, asked: formatVersion })
  return { ...draft, formatVersion }
}

// ---- the commit

interface Evolution {
  readonly before: Draft
  readonly after: Draft
  readonly runtime: Runtime
}

function changeOf(metadata: TableMetadata, evolution: Evolution): TableChange | 'unchanged' {
  const { before, after } = evolution
  const schema = !sameSchema(before.schema, after.schema)
  const spec = !sameSpec(before.spec, after.spec)
  const order = !sameOrder(before.sortOrder, after.sortOrder)
  const updates: TableUpdate[] = [
    ...versionUpdates(metadata, evolution),
    ...(schema
      ? ([
          { action: 'add-schema', schema: after.schema },
          { action: 'set-current-schema', schemaId: LAST_ADDED },
        ] as const)
      : []),
    ...(spec
      ? ([
          { action: 'add-spec', spec: after.spec },
          { action: 'set-default-spec', specId: LAST_ADDED },
        ] as const)
      : []),
    ...(order
      ? ([
          { action: 'add-sort-order', sortOrder: after.sortOrder },
          { action: 'set-default-sort-order', sortOrderId: LAST_ADDED },
        ] as const)
      : []),
    ...(before.location === after.location
      ? []
      : [{ action: 'set-location', location: after.location } as const]),
    ...propertyUpdates(before.properties, after.properties),
  ]
  if (updates.length === 0) return 'unchanged'
  const changed = { schema, spec, order, rows: after.newlyRequired.length > 0 }
  return { updates, requirements: requirementsOf(metadata, changed), written: [] }
}

function versionUpdates(
  metadata: TableMetadata,
  { before, after, runtime }: Evolution,
): readonly TableUpdate[] {
  if (before.formatVersion === after.formatVersion) return []
  const upgrade: TableUpdate = { action: 'upgrade-format-version', formatVersion: after.formatVersion }
  // Tables of the first writers have none; from version 2 on a table must have one.
  if (metadata.tableUuid !== undefined) return [upgrade]
  return [{ action: 'assign-uuid', uuid: runtime.uuid() }, upgrade]
}

function propertyUpdates(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly TableUpdate[] {
  const set = Object.entries(after).filter(([name, value]) => before[name] !== value)
  const removals = Object.keys(before).filter(name => !Object.hasOwn(after, name))
  return [
    ...(set.length === 0 ? [] : [{ action: 'set-properties', updates: Object.fromEntries(set) } as const]),
    ...(removals.length === 0 ? [] : [{ action: 'remove-properties', removals } as const]),
  ]
}

/**
 * Schema, spec and order refer to each other, so a change of one requires that none of them has changed. Where rows
 * were looked at, they must be those of the heads that the base has.
 */
function requirementsOf(
  metadata: TableMetadata,
  changed: {
    readonly schema: boolean
    readonly spec: boolean
    readonly order: boolean
    readonly rows: boolean
  },
): readonly TableRequirement[] {
  const requirements: TableRequirement[] = []
  if (metadata.tableUuid !== undefined)
    requirements.push({ type: 'assert-table-uuid', uuid: metadata.tableUuid })
  if (changed.schema || changed.spec || changed.order) {
    requirements.push(
      { type: 'assert-current-schema-id', currentSchemaId: metadata.currentSchemaId },
      { type: 'assert-default-spec-id', defaultSpecId: metadata.defaultSpecId },
      { type: 'assert-default-sort-order-id', defaultSortOrderId: metadata.defaultSortOrderId },
    )
  }
  if (changed.schema)
    requirements.push({ type: 'assert-last-assigned-field-id', lastAssignedFieldId: metadata.lastColumnId })
  if (changed.spec)
    requirements.push({
      type: 'assert-last-assigned-partition-id',
      lastAssignedPartitionId: metadata.lastPartitionId,
    })
  if (changed.rows) requirements.push(...headRequirements(metadata))
  return requirements
}

function headRequirements(metadata: TableMetadata): readonly TableRequirement[] {
  const branches = Object.entries(metadata.refs).filter(([, ref]) => ref.type === 'branch')
  const heads = branches.map(
    ([ref, { snapshotId }]): TableRequirement => ({ type: 'assert-ref-snapshot-id', ref, snapshotId }),
  )
  if (branches.some(([name]) => name === MAIN_BRANCH)) return heads
  return [...heads, { type: 'assert-ref-snapshot-id', ref: MAIN_BRANCH, snapshotId: undefined }]
}

function refuse(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}
