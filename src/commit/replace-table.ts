/**
 * Replacing a table by a new one of the same name: new columns, partitioning and order, no rows, and the history of
 * the old one behind it. Columns and partition fields that keep their names, or what they are made of, keep their ids.
 * @see Iceberg's Java library, `TableMetadata.buildReplacement`
 */
import { LakeError } from '../base/errors.js'
import { currentSchema } from '../metadata/lookup.js'
import type { NewTable } from '../metadata/new-table.js'
import { askedFormatVersion, withoutReserved } from '../metadata/properties.js'
import { type FormatVersion, MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import { LAST_ADDED, type TableRequirement, type TableUpdate } from '../metadata/table-update.js'
import type { PartitionField } from '../schema/partition-spec.js'
import { assignFreshIds, childFields } from '../schema/schema.js'
import { sameTransform } from '../schema/transform.js'
import type { Field, Schema } from '../schema/types.js'
import { streamUpdatesForDrop } from './stream-position.js'
import type { TableAction } from './table-action.js'

/** Location, properties and format version that are not given stay as they are; given properties are added. */
export interface ReplacementTable extends Omit<NewTable, 'location'> {
  readonly location?: string | undefined
  /** Of the new table, if it has none. */
  readonly uuid: string
}

/**
 * The replacement as one commit. Tables of format version 1 become version 2.
 * @throws (from the action) invalid-argument for an older format version, or a field that names no column
 */
export function replaceTableAction(table: ReplacementTable): TableAction {
  return async ({ metadata }) => ({
    updates: replacementUpdates(table, metadata),
    requirements: requirementsOf(metadata),
    written: [],
  })
}

function replacementUpdates(table: ReplacementTable, metadata: TableMetadata): readonly TableUpdate[] {
  const { schema, idOf } = replacedSchema(table.schema, metadata)
  const formatVersion = versionOf(table, metadata)
  const sortFields = (table.sortFields ?? []).map(field => ({ ...field, sourceId: idOf(field.sourceId) }))
  const updates = withoutReserved(table.properties ?? {})
  return [
    ...(metadata.tableUuid === undefined ? [{ action: 'assign-uuid', uuid: table.uuid } as const] : []),
    ...(formatVersion === metadata.formatVersion
      ? []
      : [{ action: 'upgrade-format-version', formatVersion } as const]),
    { action: 'remove-snapshot-ref', refName: MAIN_BRANCH },
    { action: 'add-schema', schema },
    { action: 'set-current-schema', schemaId: LAST_ADDED },
    { action: 'add-spec', spec: { specId: 0, fields: partitionFields(table, metadata, idOf) } },
    { action: 'set-default-spec', specId: LAST_ADDED },
    { action: 'add-sort-order', sortOrder: { orderId: 1, fields: sortFields } },
    { action: 'set-default-sort-order', sortOrderId: LAST_ADDED },
    ...(table.location === undefined ? [] : [{ action: 'set-location', location: table.location } as const]),
    ...(Object.keys(updates).length === 0 ? [] : [{ action: 'set-properties', updates } as const]),
    ...streamUpdatesForDrop(metadata, MAIN_BRANCH),
  ]
}

function versionOf(table: ReplacementTable, metadata: TableMetadata): FormatVersion {
  const asked = table.formatVersion ?? askedFormatVersion(table.properties ?? {})
  const current = metadata.formatVersion
  if (asked === undefined) return current === 1 ? 2 : current
  if (asked >= current && asked > 1) return asked
  throw new LakeError('invalid-argument', 'a table cannot go back to an older format version', {
    context: { current, asked },
  })
}

type IdOf = (givenId: number) => number

function replacedSchema(
  given: NewTable['schema'],
  metadata: TableMetadata,
): { readonly schema: Schema; readonly idOf: IdOf } {
  const old = currentSchema(metadata)
  const { fields, newIds } = assignFreshIds(given.fields, {
    nextId: metadata.lastColumnId + 1,
    known: path => idAt(old.fields, path),
  })
  const idOf: IdOf = givenId => {
    const id = newIds.get(givenId)
    if (id !== undefined) return id
    throw new LakeError('invalid-argument', 'a field id names no column of the schema', {
      context: { fieldId: givenId },
    })
  }
  return { schema: { schemaId: 0, fields, identifierFieldIds: given.identifierFieldIds.map(idOf) }, idOf }
}

function idAt(fields: readonly Field[], path: readonly string[]): number | undefined {
  const [name, ...rest] = path
  const field = fields.find(each => each.name === name)
  return field === undefined || rest.length === 0 ? field?.id : idAt(childFields(field.type), rest)
}

function partitionFields(
  table: ReplacementTable,
  metadata: TableMetadata,
  idOf: IdOf,
): readonly PartitionField[] {
  const old = [...metadata.partitionSpecs].reverse().flatMap(spec => spec.fields)
  const taken = new Set<number>()
  let lastId = metadata.lastPartitionId
  return (table.partitionFields ?? []).map(given => {
    const sourceId = idOf(given.sourceId)
    const same = old.find(
      field =>
        field.sourceId === sourceId &&
        sameTransform(field.transform, given.transform) &&
        !taken.has(field.fieldId),
    )
    const fieldId = same?.fieldId ?? ++lastId
    taken.add(fieldId)
    return { ...given, sourceId, fieldId }
  })
}

function requirementsOf(metadata: TableMetadata): readonly TableRequirement[] {
  const uuid = metadata.tableUuid
  return [
    ...(uuid === undefined ? [] : [{ type: 'assert-table-uuid', uuid } as const]),
    { type: 'assert-ref-snapshot-id', ref: MAIN_BRANCH, snapshotId: metadata.currentSnapshotId },
    { type: 'assert-current-schema-id', currentSchemaId: metadata.currentSchemaId },
    { type: 'assert-last-assigned-field-id', lastAssignedFieldId: metadata.lastColumnId },
    { type: 'assert-last-assigned-partition-id', lastAssignedPartitionId: metadata.lastPartitionId },
  ]
}
