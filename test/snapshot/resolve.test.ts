import { describe, expect, it } from 'vitest'
import type { SnapshotRef, TableMetadata } from '../../src/metadata/table-metadata.js'
import type { Schema } from '../../src/schema/types.js'
import { ancestors, isAncestor, snapshotsBetween } from '../../src/snapshot/ancestry.js'
import { parseAsOf, resolveSnapshot, type SnapshotSelector } from '../../src/snapshot/resolve.js'
import { newSnapshotId } from '../../src/snapshot/snapshot-id.js'
import { seededRuntime } from './world.js'

const schema = (schemaId: number): Schema => ({ schemaId, fields: [], identifierFieldIds: [] })

/** 1 <- 2 <- 3 (main, branch `b`), 2 tagged, 4 a sibling of 3; 1 was written without a schema id. */
const metadata: TableMetadata = {
  formatVersion: 2,
  location: 'memory://t',
  lastSequenceNumber: 4n,
  lastUpdatedMs: 400,
  lastColumnId: 0,
  schemas: [schema(0), schema(1)],
  currentSchemaId: 1,
  partitionSpecs: [{ specId: 0, fields: [] }],
  defaultSpecId: 0,
  lastPartitionId: 999,
  sortOrders: [{ orderId: 0, fields: [] }],
  defaultSortOrderId: 0,
  properties: {},
  currentSnapshotId: 3n,
  snapshots: [
    { snapshotId: 1n, sequenceNumber: 1n, timestampMs: 100, summary: {} },
    { snapshotId: 2n, parentSnapshotId: 1n, sequenceNumber: 2n, timestampMs: 200, summary: {}, schemaId: 0 },
    { snapshotId: 3n, parentSnapshotId: 2n, sequenceNumber: 3n, timestampMs: 300, summary: {}, schemaId: 0 },
    { snapshotId: 4n, parentSnapshotId: 2n, sequenceNumber: 4n, timestampMs: 400, summary: {}, schemaId: 0 },
  ],
  snapshotLog: [
    { snapshotId: 1n, timestampMs: 100 },
    { snapshotId: 3n, timestampMs: 300 },
    { snapshotId: 2n, timestampMs: 200 },
    { snapshotId: 4n, timestampMs: 200 },
    { snapshotId: 9n, timestampMs: 350 },
  ],
  metadataLog: [],
  refs: {
    main: { type: 'branch', snapshotId: 3n },
    b: { type: 'branch', snapshotId: 4n },
    v1: { type: 'tag', snapshotId: 2n },
  } satisfies Record<string, SnapshotRef>,
  statistics: [],
  partitionStatistics: [],
  encryptionKeys: [],
}

function resolved(selector: SnapshotSelector): [bigint | undefined, number] {
  const found = resolveSnapshot(metadata, selector)
  return [found.snapshot?.snapshotId, found.schema.schemaId]
}

describe('resolveSnapshot', () => {
  it('reads branches with the current schema, tags and ids with their own', () => {
    expect(resolved('current')).toEqual([3n, 1])
    expect(resolved({ ref: 'main' })).toEqual([3n, 1])
    expect(resolved({ ref: 'b' })).toEqual([4n, 1])
    expect(resolved({ ref: 'v1' })).toEqual([2n, 0])
    expect(resolved({ snapshotId: 3n })).toEqual([3n, 0])
    expect(resolved({ snapshotId: 1n })).toEqual([1n, 1])
  })

  it('takes the latest log entry not after the time, the first of equal ones, in a log out of order', () => {
    expect(resolved({ timestampMs: 100 })).toEqual([1n, 1])
    expect(resolved({ timestampMs: 199 })).toEqual([1n, 1])
    expect(resolved({ timestampMs: 299 })).toEqual([2n, 0])
    expect(resolved({ timestampMs: 349 })).toEqual([3n, 0])
  })

  it('refuses what is unknown, too early or expired', () => {
    for (const selector of [
      { snapshotId: 9n },
      { ref: 'no' },
      { ref: 'toString' },
      { timestampMs: 99 },
      { timestampMs: 400 },
    ]) {
      expect(() => resolveSnapshot(metadata, selector)).toThrow(
        expect.objectContaining({ kind: 'not-found' }),
      )
    }
  })

  it('finds nothing in a table without snapshots, and does not call it an error', () => {
    const { currentSnapshotId: _, ...rest } = metadata
    const empty = { ...rest, snapshots: [], refs: {} }
    expect(resolveSnapshot(empty, 'current').snapshot).toBeUndefined()
    expect(resolveSnapshot(empty, { ref: 'main' }).snapshot).toBeUndefined()
  })
})

describe('parseAsOf', () => {
  it('tells ids, times with a zone and refs apart', () => {
    expect(parseAsOf('9223372036854775807')).toEqual({ snapshotId: 9223372036854775807n })
    expect(parseAsOf('2026-11-17T00:00:00Z')).toEqual({ timestampMs: 1794873600000 })
    expect(parseAsOf('2026-11-17T01:00:00.1239+01:00')).toEqual({ timestampMs: 1794873600123 })
    expect(parseAsOf('main')).toEqual({ ref: 'main' })
    expect(parseAsOf('2026-release')).toEqual({ ref: '2026-release' })
  })

  it('asks for the zone of a time', () => {
    expect(() => parseAsOf('2026-11-17T00:00:00')).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})

describe('ancestry', () => {
  const ids = (from: bigint): bigint[] => [...ancestors(metadata, from)].map(snapshot => snapshot.snapshotId)

  it('walks to the root, newest first', () => {
    expect(ids(3n)).toEqual([3n, 2n, 1n])
    expect([...ancestors(metadata, undefined)]).toEqual([])
    expect(isAncestor(metadata, { ancestor: 1n, of: 4n })).toBe(true)
    expect(isAncestor(metadata, { ancestor: 3n, of: 4n })).toBe(false)
  })

  it('knows what lies between two snapshots of one line only', () => {
    const between = (from: bigint | undefined, to: bigint | undefined): bigint[] | undefined =>
      snapshotsBetween(metadata, { from, to })?.map(snapshot => snapshot.snapshotId)
    expect(between(1n, 3n)).toEqual([3n, 2n])
    expect(between(undefined, 2n)).toEqual([2n, 1n])
    expect(between(2n, 2n)).toEqual([])
    expect(between(3n, 4n)).toBeUndefined()
    const cut = { ...metadata, snapshots: metadata.snapshots.slice(2) }
    expect(snapshotsBetween(cut, { from: 1n, to: 3n })).toBeUndefined()
    expect(snapshotsBetween(cut, { from: 2n, to: 3n })).toHaveLength(1)
  })

  it('stops at a circle', () => {
    const [first, ...others] = metadata.snapshots
    const circle = {
      ...metadata,
      snapshots: [{ ...first, parentSnapshotId: 3n } as typeof first & object, ...others],
    }
    expect(() => [...ancestors(circle as TableMetadata, 3n)]).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    )
  })
})

describe('newSnapshotId', () => {
  it('draws positive 63-bit ids and again when the id is taken', () => {
    const runtime = seededRuntime(5)
    const first = newSnapshotId(metadata, seededRuntime(5))
    expect(first).toBeGreaterThan(0n)
    expect(first).toBeLessThan(1n << 63n)
    const taken = {
      ...metadata,
      snapshots: [{ snapshotId: first, sequenceNumber: 1n, timestampMs: 1, summary: {} }],
    }
    expect(newSnapshotId(taken, runtime)).not.toBe(first)
  })
})
