/** A table for people: plain data that prints as JSON. */
import type { LoadedTable } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { currentSchema, defaultSpec } from '../metadata/lookup.js'
import type { Transform } from '../schema/partition-spec.js'
import { fieldPath } from '../schema/schema.js'
import { printTransform } from '../schema/transform.js'
import { printType } from '../schema/type-text.js'
import type { Schema } from '../schema/types.js'

export interface TableDescription {
  readonly name: string
  readonly location: string
  readonly metadataLocation: string
  readonly formatVersion: number
  readonly uuid: string | undefined
  readonly currentSnapshotId: bigint | undefined
  readonly lastUpdatedMs: number
  readonly columns: readonly {
    readonly id: number
    readonly name: string
    readonly type: string
    readonly required: boolean
    readonly doc: string | undefined
  }[]
  readonly partitionBy: readonly string[]
  readonly sortBy: readonly string[]
  /** Names of the identifier fields. */
  readonly keys: readonly string[]
  readonly refs: Readonly<Record<string, { readonly type: string; readonly snapshotId: bigint }>>
  readonly properties: Readonly<Record<string, string>>
}

/** A table without an identifier, opened by its location, is named by that. */
export function describeTable(
  table: Pick<LoadedTable, 'metadata' | 'metadataLocation'> & Partial<LoadedTable>,
): TableDescription {
  const { metadata, metadataLocation, identifier } = table
  const schema = currentSchema(metadata)
  const sortOrder = metadata.sortOrders.find(order => order.orderId === metadata.defaultSortOrderId)
  return {
    name: identifier === undefined ? metadataLocation : printIdentifier(identifier),
    location: metadata.location,
    metadataLocation: table.metadataLocation,
    formatVersion: metadata.formatVersion,
    uuid: metadata.tableUuid,
    currentSnapshotId: metadata.currentSnapshotId,
    lastUpdatedMs: metadata.lastUpdatedMs,
    columns: schema.fields.map(({ id, name, type, required, doc }) => ({
      id,
      name,
      type: printType(type),
      required,
      doc,
    })),
    partitionBy: defaultSpec(metadata).fields.map(field =>
      transformText(field.transform, field.sourceId, schema),
    ),
    sortBy: (sortOrder?.fields ?? []).map(
      field =>
        `${transformText(field.transform, field.sourceId, schema)} ${field.direction} ${field.nullOrder}`,
    ),
    keys: schema.identifierFieldIds.map(id => nameOf(schema, id)),
    refs: Object.fromEntries(
      Object.entries(metadata.refs).map(([name, { type, snapshotId }]) => [name, { type, snapshotId }]),
    ),
    properties: metadata.properties,
  }
}

function transformText(transform: Transform, sourceId: number, schema: Schema): string {
  const column = nameOf(schema, sourceId)
  return transform.kind === 'identity' ? column : `${printTransform(transform)}(${column})`
}

function nameOf(schema: Schema, fieldId: number): string {
  return fieldPath(schema, fieldId)?.join('.') ?? `#${fieldId}`
}
