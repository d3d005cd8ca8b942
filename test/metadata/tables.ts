/** Small tables and snapshots for tests of metadata. */
import { applyUpdates } from '../../src/metadata/apply-update.js'
import { type NewTable, newTableUpdates } from '../../src/metadata/new-table.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import type { Schema } from '../../src/schema/types.js'

export const UUID = '9c12d441-03fe-4693-9a96-a0705ddf69c1'
export const NOW_MS = 1_700_000_000_000

export const SCHEMA: Schema = {
  schemaId: 0,
  fields: [
    { id: 10, name: 'id', required: true, type: { kind: 'long' } },
    {
      id: 20,
      name: 'address',
      required: false,
      type: { kind: 'struct', fields: [{ id: 21, name: 'city', required: false, type: { kind: 'string' } }] },
    },
    { id: 30, name: 'at', required: false, type: { kind: 'timestamptz' } },
  ],
  identifierFieldIds: [10],
}

export function newTable(given: Partial<NewTable> = {}): TableMetadata {
  const updates = newTableUpdates({ schema: SCHEMA, location: 's3://bucket/t', uuid: UUID, ...given })
  return applyUpdates(undefined, updates, { nowMs: NOW_MS })
}

export function snapshotOf(base: TableMetadata, snapshotId: bigint, more: Partial<Snapshot> = {}): Snapshot {
  return {
    snapshotId,
    sequenceNumber: base.lastSequenceNumber + 1n,
    timestampMs: base.lastUpdatedMs + 1,
    manifestList: `${base.location}/metadata/snap-${snapshotId}.avro`,
    operation: 'append',
    summary: {},
    ...(base.currentSnapshotId === undefined ? {} : { parentSnapshotId: base.currentSnapshotId }),
    ...(base.nextRowId === undefined ? {} : { firstRowId: base.nextRowId, addedRows: 10n }),
    ...more,
  }
}

/** The updates of a commit to a branch. */
export function commitOf(snapshot: Snapshot, refName = 'main'): readonly TableUpdate[] {
  return [
    { action: 'add-snapshot', snapshot },
    { action: 'set-snapshot-ref', refName, ref: { type: 'branch', snapshotId: snapshot.snapshotId } },
  ]
}

export function append(base: TableMetadata, snapshotId: bigint, more: Partial<Snapshot> = {}): TableMetadata {
  const updates = commitOf(snapshotOf(base, snapshotId, more))
  return applyUpdates(base, updates, {
    nowMs: base.lastUpdatedMs + 1,
    baseLocation: `v${base.metadataLog.length}`,
  })
}
