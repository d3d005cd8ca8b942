/**
 * The updates that make a new table. Field ids are assigned afresh (whatever ids the caller used only tie keys,
 * partition and sort fields to columns), so a schema taken from another table or a file makes a clean one.
 *
 * Tables that serac makes say openly how they are meant to be written: merge-on-read, one position delete file
 * per data file, zstd. These are ordinary Iceberg properties that every engine obeys. `checkWritable` names the
 * tables of others that serac reads but does not write.
 */
import { LakeError } from '../base/errors.js'
import { isUnpartitioned } from '../schema/partition.js'
import type { PartitionField, PartitionSpec } from '../schema/partition-spec.js'
import { PARTITION_FIELD_ID_MIN } from '../schema/partition-spec-json.js'
import { assignFreshIds } from '../schema/schema.js'
import type { SortField } from '../schema/sort-order.js'
import type { Schema } from '../schema/types.js'
import { defaultSpec } from './lookup.js'
import { askedFormatVersion, property, withoutReserved } from './properties.js'
import type { FormatVersion, TableMetadata } from './table-metadata.js'
import { LAST_ADDED, type TableUpdate } from './table-update.js'

export interface NewTable {
  readonly schema: Pick<Schema, 'fields' | 'identifierFieldIds'>
  /** Source ids are those of `schema`; partition field ids are assigned from 1000. */
  readonly partitionFields?: readonly Omit<PartitionField, 'fieldId'>[] | undefined
  /** Source ids are those of `schema`. */
  readonly sortFields?: readonly SortField[] | undefined
  readonly location: string
  /** A reserved property (`format-version`) is obeyed and not stored. */
  readonly properties?: Readonly<Record<string, string>> | undefined
  /** What the table says of itself where `properties` do not; default `NEW_TABLE_PROPERTIES`. */
  readonly defaultProperties?: Readonly<Record<string, string>> | undefined
  /** Default: the property `format-version`, else 2. */
  readonly formatVersion?: FormatVersion | undefined
  /** Version 1 too, for another engine that asks for it. Default false: serac does not write such tables. */
  readonly firstVersion?: boolean | undefined
  readonly uuid: string
}

/** Properties of tables that serac makes, unless the caller gives others. */
export const NEW_TABLE_PROPERTIES: Readonly<Record<string, string>> = {
  'write.delete.mode': 'merge-on-read',
  'write.update.mode': 'merge-on-read',
  'write.merge.mode': 'merge-on-read',
  'write.delete.granularity': 'file',
  'write.parquet.compression-codec': 'zstd',
}

/**
 * For `applyUpdates(undefined, ...)` or a commit that requires `assert-create`.
 * @throws invalid-argument when a key, partition or sort field names no column, or for format version 1
 */
export function newTableUpdates(table: NewTable): readonly TableUpdate[] {
  const formatVersion = table.formatVersion ?? askedFormatVersion(table.properties ?? {}) ?? 2
  if (formatVersion === 1 && table.firstVersion !== true)
    throw new LakeError('invalid-argument', 'tables of format version 1 are not made any more', {})
  const { schema, idOf } = freshSchema(table.schema)
  return [
    { action: 'assign-uuid', uuid: table.uuid },
    { action: 'upgrade-format-version', formatVersion },
    { action: 'add-schema', schema },
    { action: 'set-current-schema', schemaId: LAST_ADDED },
    { action: 'add-spec', spec: newSpec(table.partitionFields ?? [], idOf) },
    { action: 'set-default-spec', specId: LAST_ADDED },
    { action: 'add-sort-order', sortOrder: { orderId: 1, fields: sortFields(table, idOf) } },
    { action: 'set-default-sort-order', sortOrderId: LAST_ADDED },
    { action: 'set-location', location: table.location },
    {
      action: 'set-properties',
      updates: {
        ...(table.defaultProperties ?? NEW_TABLE_PROPERTIES),
        ...withoutReserved(table.properties ?? {}),
      },
    },
  ]
}

type IdOf = (oldId: number) => number

function freshSchema(given: NewTable['schema']): { readonly schema: Schema; readonly idOf: IdOf } {
  const { fields, newIds } = assignFreshIds(given.fields, { nextId: 1 })
  const idOf: IdOf = oldId => {
    const id = newIds.get(oldId)
    if (id === undefined)
      throw new LakeError('invalid-argument', 'a field id names no column of the schema', {
        context: { fieldId: oldId },
      })
    return id
  }
  return { schema: { schemaId: 0, fields, identifierFieldIds: given.identifierFieldIds.map(idOf) }, idOf }
}

function newSpec(fields: NonNullable<NewTable['partitionFields']>, idOf: IdOf): PartitionSpec {
  return {
    specId: 0,
    fields: fields.map((field, index) => ({
      ...field,
      sourceId: idOf(field.sourceId),
      fieldId: PARTITION_FIELD_ID_MIN + index,
    })),
  }
}

function sortFields(table: NewTable, idOf: IdOf): readonly SortField[] {
  return (table.sortFields ?? []).map(field => ({ ...field, sourceId: idOf(field.sourceId) }))
}

/**
 * Refuses version 1, encrypted tables and unknown transforms in the default spec.
 * @throws unsupported
 */
export function checkWritable(metadata: TableMetadata): void {
  const reason = whyNotWritable(metadata)
  if (reason === undefined) return
  throw new LakeError('unsupported', 'this table can be read but not written', {
    context: { location: metadata.location, reason },
  })
}

function whyNotWritable(metadata: TableMetadata): string | undefined {
  if (metadata.formatVersion === 1) return 'format version 1 is read only: upgrade the table to 2'
  if (metadata.encryptionKeys.length > 0 || property(metadata, 'encryption.key-id') !== undefined)
    return 'the table is encrypted'
  const spec = defaultSpec(metadata)
  const unknown = isUnpartitioned(spec)
    ? undefined
    : spec.fields.find(field => field.transform.kind === 'unsupported')
  return unknown === undefined ? undefined : `partition field ${unknown.name} has an unknown transform`
}
