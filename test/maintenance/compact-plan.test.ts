import { describe, expect, it } from 'vitest'
import {
  compactionLimits,
  parseCompactionOptions,
  planCompaction,
} from '../../src/maintenance/compact-plan.js'
import type { PositionDeleteFile } from '../../src/manifest/content-file.js'
import { applyUpdates } from '../../src/metadata/apply-update.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import type { ReadTask } from '../../src/reader/plan.js'
import type { Value } from '../../src/schema/types.js'

const MIB = 2 ** 20

function tableOf(properties: Readonly<Record<string, string>> = {}): TableMetadata {
  const updates = newTableUpdates({
    schema: {
      fields: [{ id: 1, name: 'p', required: false, type: { kind: 'int' } }],
      identifierFieldIds: [],
    },
    partitionFields: [{ sourceId: 1, name: 'p', transform: { kind: 'identity' } }],
    location: 'memory://t',
    properties,
    uuid: '00000000-0000-4000-8000-000000000000',
  })
  return applyUpdates(undefined, updates, { nowMs: 0 })
}

interface FileShape {
  readonly mib: number
  readonly rows?: number
  readonly deleted?: number
  /** Deletes for the whole partition are not known to be about one file. */
  readonly shared?: boolean
  readonly partition?: Value
}

let names = 0
function task({ mib, rows = 100, deleted = 0, shared = false, partition = 0 }: FileShape): ReadTask {
  const location = `memory://t/data/${names++}.parquet`
  const base = { format: 'parquet', specId: 0, partition: [partition] } as const
  const file: PositionDeleteFile = {
    ...base,
    content: 'position-deletes',
    location: `${location}-deletes`,
    recordCount: deleted,
    fileSizeBytes: 1,
    ...(shared ? {} : { referencedDataFile: location }),
  }
  const numbers = { status: 'added', snapshotId: 1n, dataSequenceNumber: 1n, fileSequenceNumber: 1n } as const
  return {
    entry: {
      ...numbers,
      file: { ...base, content: 'data', location, recordCount: rows, fileSizeBytes: mib * MIB },
    },
    deletes: { positionDeletes: deleted === 0 ? [] : [{ ...numbers, file }], equalityDeletes: [] },
    residual: { op: 'true' },
  }
}

/** Sizes of the files of each group. */
function plan(files: readonly FileShape[], options: Readonly<Record<string, string>> = {}): number[][] {
  const metadata = tableOf({ 'write.target-file-size-bytes': String(100 * MIB) })
  const limits = compactionLimits(metadata, parseCompactionOptions(options))
  return planCompaction(files.map(task), { metadata, limits }).map(group =>
    group.tasks.map(({ entry }) => entry.file.fileSizeBytes / MIB),
  )
}

describe('a compaction plan', () => {
  it('takes small and large files, and leaves those near the target alone', () => {
    const files = [1, 2, 3, 74, 75, 100, 180, 4].map(mib => ({ mib }))
    expect(plan(files)).toEqual([[1, 2, 3, 74, 4]])
    expect(plan([{ mib: 181 }, { mib: 100 }])).toEqual([[181]])
  })

  it('wants enough files, or enough bytes for a whole one', () => {
    expect(plan([1, 1, 1, 1].map(mib => ({ mib })))).toEqual([])
    expect(plan([1, 1, 1, 1, 1].map(mib => ({ mib })))).toEqual([[1, 1, 1, 1, 1]])
    expect(plan([{ mib: 60 }, { mib: 50 }])).toEqual([[60, 50]])
    expect(plan([{ mib: 1 }, { mib: 2 }], { 'min-input-files': '2' })).toEqual([[1, 2]])
    expect(plan([{ mib: 1 }], { 'min-input-files': '1' })).toEqual([])
  })

  it('takes any file of which a known third is deleted, or that has too many delete files', () => {
    expect(plan([{ mib: 100, deleted: 29 }])).toEqual([])
    expect(plan([{ mib: 100, deleted: 30 }])).toEqual([[100]])
    expect(plan([{ mib: 100, deleted: 90, shared: true }])).toEqual([])
    expect(plan([{ mib: 100, deleted: 1, shared: true }], { 'delete-file-threshold': '1' })).toEqual([[100]])
  })

  it('keeps partitions apart and groups small enough', () => {
    const files = [1, 2, 1, 2, 1, 2].map(partition => ({ mib: 10, partition }))
    expect(plan(files, { 'min-input-files': '3' })).toEqual([
      [10, 10, 10],
      [10, 10, 10],
    ])
    const five = [10, 10, 10, 10, 10].map(mib => ({ mib }))
    const limits = { 'min-input-files': '2', 'max-file-group-size-bytes': String(25 * MIB) }
    expect(plan(five, limits)).toEqual([
      [10, 10],
      [10, 10],
    ])
  })

  it('takes everything when it is told to', () => {
    expect(plan([{ mib: 100 }, { mib: 1, partition: null }], { 'rewrite-all': 'true' })).toEqual([[100], [1]])
  })

  it('writes as many files as the rows that are left need', () => {
    const metadata = tableOf({ 'write.target-file-size-bytes': String(100 * MIB) })
    const limits = compactionLimits(metadata, { rewriteAll: true })
    const outputs = (files: readonly FileShape[]) =>
      planCompaction(files.map(task), { metadata, limits }).map(group => [group.outputFiles, group.liveRows])
    expect(outputs([{ mib: 60 }, { mib: 50 }])).toEqual([[1, 200]])
    expect(outputs([{ mib: 90 }, { mib: 90 }])).toEqual([[2, 200]])
    expect(
      outputs([
        { mib: 90, deleted: 50 },
        { mib: 90, deleted: 50 },
      ]),
    ).toEqual([[1, 100]])
    expect(outputs([{ mib: 300 }, { mib: 40 }])).toEqual([[4, 200]])
  })

  it('refuses options that it does not know and limits that contradict each other', () => {
    expect(() => parseCompactionOptions({ 'target-size': '1' })).toThrow('unknown')
    expect(() => parseCompactionOptions({ 'min-input-files': 'x' })).toThrow('number')
    expect(() => parseCompactionOptions({ 'rewrite-all': '1' })).toThrow('true or false')
    expect(() => compactionLimits(tableOf(), { minFileSizeBytes: 10, targetFileSizeBytes: 10 })).toThrow(
      'between',
    )
    expect(() => compactionLimits(tableOf(), { deleteRatioThreshold: 0 })).toThrow('ratio')
    expect(() => compactionLimits(tableOf(), { minInputFiles: -1 })).toThrow('below zero')
  })
})
