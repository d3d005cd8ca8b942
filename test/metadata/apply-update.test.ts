/** Updates of table metadata: what each does, what is refused as a mistake and what as a conflict. */
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { applyUpdates } from '../../src/metadata/apply-update.js'
import { currentSchema, defaultSortOrder, defaultSpec } from '../../src/metadata/lookup.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import { parseTableMetadata, serializeTableMetadata } from '../../src/metadata/table-metadata-json.js'
import { LAST_ADDED, type TableUpdate } from '../../src/metadata/table-update.js'
import type { Schema } from '../../src/schema/types.js'
import { append, commitOf, NOW_MS, newTable, SCHEMA, snapshotOf, UUID } from './tables.js'

function apply(base: TableMetadata, ...updates: readonly TableUpdate[]): TableMetadata {
  return applyUpdates(base, updates, { nowMs: NOW_MS + 5, baseLocation: 'before' })
}

function refusal(base: TableMetadata | undefined, ...updates: readonly TableUpdate[]): string {
  try {
    applyUpdates(base, updates, { nowMs: NOW_MS })
    return 'accepted'
  } catch (error) {
    return isLakeError(error) ? error.kind : `not a LakeError: ${error}`
  }
}

describe('a new table', () => {
  it('is complete, survives its JSON, and has format version 2', () => {
    const table = newTable()
    expect(table).toMatchObject({
      formatVersion: 2,
      tableUuid: UUID,
      location: 's3://bucket/t',
      lastUpdatedMs: NOW_MS,
    })
    expect(table.metadataLog).toEqual([])
    expect(parseTableMetadata(serializeTableMetadata(table))).toEqual(table)
  })

  it('is refused while something is missing', () => {
    expect(refusal(undefined, { action: 'set-location', location: 's3://b/t' })).toBe('invalid-argument')
  })
})

describe('updates that change nothing', () => {
  it('give back the very same metadata', () => {
    const base = append(newTable({ properties: { a: '1' } }), 1n)
    const same: readonly TableUpdate[] = [
      { action: 'assign-uuid', uuid: UUID.toUpperCase() },
      { action: 'upgrade-format-version', formatVersion: 2 },
      { action: 'add-schema', schema: { ...currentSchema(base), schemaId: 77 } },
      { action: 'set-current-schema', schemaId: LAST_ADDED },
      { action: 'add-spec', spec: { ...defaultSpec(base), specId: 77 } },
      { action: 'set-default-spec', specId: LAST_ADDED },
      { action: 'add-sort-order', sortOrder: { ...defaultSortOrder(base), orderId: 77 } },
      { action: 'set-default-sort-order', sortOrderId: LAST_ADDED },
      { action: 'set-location', location: 's3://bucket/t/' },
      { action: 'set-properties', updates: { a: '1', uuid: 'reserved' } },
      { action: 'remove-properties', removals: ['b'] },
      { action: 'set-snapshot-ref', refName: 'main', ref: { type: 'branch', snapshotId: 1n } },
      { action: 'remove-snapshots', snapshotIds: [99n] },
      { action: 'remove-snapshot-ref', refName: 'none' },
      { action: 'remove-statistics', snapshotId: 1n },
    ]
    for (const update of same.filter(
      each => !('schemaId' in each || 'specId' in each || 'sortOrderId' in each),
    ))
      expect(apply(base, update)).toBe(base)
    expect(apply(base, ...same)).toBe(base)
  })
})

describe('schemas, specs and sort orders', () => {
  const wider: Schema = {
    ...SCHEMA,
    fields: [
      ...currentSchema(newTable()).fields,
      { id: 9, name: 'note', required: false, type: { kind: 'string' } },
    ],
    identifierFieldIds: [1],
  }

  it('get the next free id, whatever the client thought, and raise the last column id', () => {
    const next = apply(
      newTable(),
      { action: 'add-schema', schema: { ...wider, schemaId: 41 } },
      { action: 'set-current-schema', schemaId: LAST_ADDED },
    )
    expect(next).toMatchObject({ currentSchemaId: 1, lastColumnId: 9 })
    expect(next.schemas.map(schema => schema.schemaId)).toEqual([0, 1])
  })

  it('reuse the id of an equal one, also after others came between', () => {
    const base = newTable()
    const changed = apply(
      base,
      { action: 'add-schema', schema: wider },
      { action: 'set-current-schema', schemaId: LAST_ADDED },
    )
    const back = apply(
      changed,
      { action: 'add-schema', schema: { ...currentSchema(base), schemaId: 5 } },
      { action: 'set-current-schema', schemaId: LAST_ADDED },
    )
    expect(back.currentSchemaId).toBe(0)
    expect(back.schemas).toHaveLength(2)
    expect(back.lastColumnId).toBe(9)
  })

  it('take new partition fields and remember the highest partition field id', () => {
    const field = {
      sourceId: 1,
      fieldId: 1003,
      name: 'id_bucket',
      transform: { kind: 'bucket', count: 4 } as const,
    }
    const next = apply(
      newTable(),
      { action: 'add-spec', spec: { specId: 9, fields: [field] } },
      { action: 'set-default-spec', specId: LAST_ADDED },
      { action: 'add-spec', spec: { specId: 9, fields: [] } },
    )
    expect(next).toMatchObject({ defaultSpecId: 1, lastPartitionId: 1003 })
    expect(next.partitionSpecs).toHaveLength(2)
  })

  it('number sort orders from 1, 0 being the unsorted one', () => {
    const field = {
      sourceId: 1,
      transform: { kind: 'identity' },
      direction: 'asc',
      nullOrder: 'nulls-first',
    } as const
    const next = apply(
      newTable(),
      { action: 'add-sort-order', sortOrder: { orderId: 0, fields: [field] } },
      { action: 'set-default-sort-order', sortOrderId: LAST_ADDED },
    )
    expect(next.defaultSortOrderId).toBe(1)
    expect(newTable().sortOrders).toEqual([{ orderId: 0, fields: [] }])
  })

  it('are refused when they point nowhere, clash, or need a newer format', () => {
    const base = newTable()
    const bad = (field: Partial<Schema['fields'][number]>): Schema => ({
      ...wider,
      fields: [
        ...currentSchema(base).fields,
        { id: 9, name: 'n', required: false, type: { kind: 'int' }, ...field },
      ],
    })
    expect(refusal(base, { action: 'add-schema', schema: bad({ id: 1 }) })).toBe('invalid-argument')
    expect(refusal(base, { action: 'add-schema', schema: bad({ name: 'id' }) })).toBe('invalid-argument')
    expect(refusal(base, { action: 'add-schema', schema: bad({ id: 2_147_483_640 }) })).toBe(
      'invalid-argument',
    )
    expect(refusal(base, { action: 'add-schema', schema: bad({ type: { kind: 'variant' } }) })).toBe(
      'invalid-argument',
    )
    expect(refusal(base, { action: 'set-current-schema', schemaId: 9 })).toBe('invalid-argument')
    expect(refusal(base, { action: 'set-current-schema', schemaId: LAST_ADDED })).toBe('invalid-argument')
    expect(refusal(base, { action: 'set-default-spec', specId: 9 })).toBe('invalid-argument')
    expect(refusal(base, { action: 'set-default-sort-order', sortOrderId: 9 })).toBe('invalid-argument')
    const orphan = { sourceId: 99, fieldId: 1000, name: 'x', transform: { kind: 'identity' } as const }
    expect(refusal(base, { action: 'add-spec', spec: { specId: 1, fields: [orphan] } })).toBe(
      'invalid-argument',
    )
  })

  it('are removed unless they are current, default, or of a snapshot', () => {
    const base = append(newTable(), 1n, { schemaId: 0 })
    const changed = apply(
      base,
      { action: 'add-schema', schema: wider },
      { action: 'set-current-schema', schemaId: LAST_ADDED },
    )
    expect(refusal(changed, { action: 'remove-schemas', schemaIds: [1] })).toBe('invalid-argument')
    expect(refusal(changed, { action: 'remove-schemas', schemaIds: [0] })).toBe('conflict')
    expect(refusal(changed, { action: 'remove-partition-specs', specIds: [0] })).toBe('invalid-argument')
    const unused = apply(newTable(), { action: 'add-schema', schema: wider })
    expect(apply(unused, { action: 'remove-schemas', schemaIds: [1] }).schemas).toHaveLength(1)
  })
})

describe('snapshots and refs', () => {
  it('move main, the current snapshot, the log, the sequence number and the time', () => {
    const base = newTable()
    const snapshot = snapshotOf(base, 1n)
    const next = apply(base, ...commitOf(snapshot))
    expect(next).toMatchObject({
      currentSnapshotId: 1n,
      lastSequenceNumber: 1n,
      lastUpdatedMs: snapshot.timestampMs,
      refs: { main: { type: 'branch', snapshotId: 1n } },
      snapshotLog: [{ snapshotId: 1n, timestampMs: snapshot.timestampMs }],
      metadataLog: [{ timestampMs: NOW_MS, metadataFile: 'before' }],
    })
  })

  it('may be staged: main does not move', () => {
    const base = append(newTable(), 1n)
    const next = apply(base, { action: 'add-snapshot', snapshot: snapshotOf(base, 2n) })
    expect(next.currentSnapshotId).toBe(1n)
    expect(next.snapshotLog).toEqual(base.snapshotLog)
  })

  it('are a conflict with a stale sequence number or first row id', () => {
    const v2 = append(newTable(), 1n)
    expect(refusal(v2, ...commitOf(snapshotOf(v2, 2n, { sequenceNumber: 1n })))).toBe('conflict')
    const v3 = append(newTable({ formatVersion: 3 }), 1n)
    expect(v3.nextRowId).toBe(10n)
    expect(refusal(v3, ...commitOf(snapshotOf(v3, 2n, { firstRowId: 9n })))).toBe('conflict')
    expect(append(v3, 2n, { addedRows: 0n }).nextRowId).toBe(10n)
  })

  it('need row lineage in version 3, and ids that are free', () => {
    const v3 = append(newTable({ formatVersion: 3 }), 1n)
    const { addedRows: _, ...incomplete } = snapshotOf(v3, 2n)
    expect(refusal(v3, { action: 'add-snapshot', snapshot: incomplete })).toBe('invalid-argument')
    expect(refusal(v3, { action: 'add-snapshot', snapshot: snapshotOf(v3, 1n) })).toBe('invalid-argument')
    expect(refusal(v3, { action: 'add-snapshot', snapshot: snapshotOf(v3, 2n, { schemaId: 9 }) })).toBe(
      'invalid-argument',
    )
  })

  it('may be a minute older than the last update, as clocks differ, but no more', () => {
    const base = append(newTable(), 1n)
    const at = (timestampMs: number): string =>
      refusal(base, ...commitOf(snapshotOf(base, 2n, { timestampMs })))
    expect(at(base.lastUpdatedMs - 60_000)).toBe('accepted')
    expect(at(base.lastUpdatedMs - 60_001)).toBe('invalid-argument')
  })

  it('log a rollback, and nothing that was current only within the commit', () => {
    const two = append(append(newTable(), 1n), 2n)
    const back = apply(two, {
      action: 'set-snapshot-ref',
      refName: 'main',
      ref: { type: 'branch', snapshotId: 1n },
    })
    expect(back.snapshotLog.map(entry => entry.snapshotId)).toEqual([1n, 2n, 1n])
    const third = snapshotOf(two, 3n)
    const fourth = snapshotOf({ ...two, lastSequenceNumber: 3n, lastUpdatedMs: third.timestampMs }, 4n)
    const both = apply(two, ...commitOf(third), ...commitOf(fourth))
    expect(both.snapshotLog.map(entry => entry.snapshotId)).toEqual([1n, 2n, 4n])
    expect(both.snapshots).toHaveLength(4)
  })

  it('refuse a main that is a tag, refs to nothing, and retention that makes no sense', () => {
    const base = append(newTable(), 1n)
    const set = (refName: string, ref: object): string =>
      refusal(base, { action: 'set-snapshot-ref', refName, ref: { type: 'branch', snapshotId: 1n, ...ref } })
    expect(set('main', { type: 'tag' })).toBe('invalid-argument')
    expect(set('b', { snapshotId: 9n })).toBe('invalid-argument')
    expect(set('t', { type: 'tag', minSnapshotsToKeep: 1 })).toBe('invalid-argument')
    expect(set('b', { minSnapshotsToKeep: 0 })).toBe('invalid-argument')
    expect(set('main', { maxRefAgeMs: 5 })).toBe('invalid-argument')
    expect(set('b', { minSnapshotsToKeep: 1, maxSnapshotAgeMs: 5, maxRefAgeMs: 5 })).toBe('accepted')
  })

  it('keep snapshots and log when main is removed', () => {
    const base = append(newTable(), 1n)
    const next = apply(base, { action: 'remove-snapshot-ref', refName: 'main' })
    expect(next.currentSnapshotId).toBeUndefined()
    expect(next.refs).toEqual({})
    expect(next.snapshots).toEqual(base.snapshots)
    expect(next.snapshotLog).toEqual(base.snapshotLog)
    expect(parseTableMetadata(serializeTableMetadata(next))).toEqual(next)
  })

  it('are removed with their statistics and the log up to them', () => {
    const three = append(append(append(newTable(), 1n), 2n), 3n)
    const statistics = {
      snapshotId: 2n,
      statisticsPath: 's',
      fileSizeBytes: 9,
      fileFooterSizeBytes: 1,
      blobMetadata: [],
    }
    const base = apply(
      three,
      { action: 'set-statistics', statistics },
      {
        action: 'set-partition-statistics',
        partitionStatistics: { snapshotId: 3n, statisticsPath: 'p', fileSizeBytes: 9 },
      },
    )
    const next = apply(base, { action: 'remove-snapshots', snapshotIds: [2n, 77n] })
    expect(next.snapshots.map(snapshot => snapshot.snapshotId)).toEqual([1n, 3n])
    expect(next.snapshotLog.map(entry => entry.snapshotId)).toEqual([3n])
    expect(next.statistics).toEqual([])
    expect(next.partitionStatistics).toHaveLength(1)
  })

  it('are not removed while a ref points at them, which may have been made since', () => {
    const base = append(append(newTable(), 1n), 2n)
    const tagged = apply(base, {
      action: 'set-snapshot-ref',
      refName: 't',
      ref: { type: 'tag', snapshotId: 1n },
    })
    const remove = { action: 'remove-snapshots', snapshotIds: [1n] } as const
    expect(refusal(base, remove)).toBe('accepted')
    expect(refusal(tagged, remove)).toBe('conflict')
    expect(refusal(tagged, { action: 'remove-snapshot-ref', refName: 't' }, remove)).toBe('accepted')
    expect(refusal(base, { action: 'remove-snapshots', snapshotIds: [2n] })).toBe('conflict')
  })
})

describe('the rest', () => {
  it('replaces statistics of the same snapshot', () => {
    const file = {
      snapshotId: 1n,
      statisticsPath: 'a',
      fileSizeBytes: 9,
      fileFooterSizeBytes: 1,
      blobMetadata: [],
    }
    const once = apply(append(newTable(), 1n), { action: 'set-statistics', statistics: file })
    const twice = apply(once, { action: 'set-statistics', statistics: { ...file, statisticsPath: 'b' } })
    expect(twice.statistics.map(each => each.statisticsPath)).toEqual(['b'])
    expect(apply(twice, { action: 'remove-statistics', snapshotId: 1n }).statistics).toEqual([])
  })

  it('upgrades but never downgrades, and starts row ids at 0', () => {
    const base = newTable()
    const v3 = apply(base, { action: 'upgrade-format-version', formatVersion: 3 })
    expect(v3).toMatchObject({ formatVersion: 3, nextRowId: 0n })
    expect(refusal(v3, { action: 'upgrade-format-version', formatVersion: 2 })).toBe('invalid-argument')
  })

  it('never changes a uuid', () => {
    expect(refusal(newTable(), { action: 'assign-uuid', uuid: 'other' })).toBe('invalid-argument')
  })

  it('never goes back in time', () => {
    const base = append(newTable(), 1n, { timestampMs: NOW_MS + 10_000 })
    const next = applyUpdates(base, [{ action: 'set-properties', updates: { a: '1' } }], { nowMs: NOW_MS })
    expect(next.lastUpdatedMs).toBe(NOW_MS + 10_000)
  })

  it('keeps the newest entries of the metadata log, as many as the new properties say', () => {
    let table = newTable()
    for (const id of [1n, 2n, 3n, 4n]) table = append(table, id)
    expect(table.metadataLog.map(entry => entry.metadataFile)).toEqual(['v0', 'v1', 'v2', 'v3'])
    const limit = (max: string): readonly string[] =>
      apply(table, {
        action: 'set-properties',
        updates: { 'write.metadata.previous-versions-max': max },
      }).metadataLog.map(entry => entry.metadataFile)
    expect(limit('3')).toEqual(['v2', 'v3', 'before'])
    expect(limit('1')).toEqual(['before'])
    expect(limit('0')).toEqual(['before'])
    expect(limit('garbage')).toHaveLength(5)
  })
})
