import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { eq, gt, lt } from '../../src/expression/expression.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import { failingIO } from '../../src/io/failing.js'
import { type CompactOptions, type CompactReport, compactTable } from '../../src/maintenance/compact.js'
import type { EqualityDeleteFile } from '../../src/manifest/content-file.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import type { Field, Value } from '../../src/schema/types.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import {
  createTestTable,
  orphans,
  racingCatalog,
  refusal,
  sorted,
  type TestTable,
} from '../writer/test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'string' } },
]
const BY_PART = [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }] as const

function compact(table: TestTable, options: Partial<CompactOptions> = {}): Promise<CompactReport> {
  return compactTable(table.catalog, table.identifier, { io: table.io, runtime: table.runtime, ...options })
}

/** Compacts while somebody else commits just before the first swap. */
function compactRaced(
  table: TestTable,
  change: () => Promise<unknown>,
  options: Partial<CompactOptions> = {},
): Promise<CompactReport> {
  const { io, runtime, identifier } = table
  return compactTable(racingCatalog(table, change), identifier, { io, runtime, ...options })
}

async function appendEach(table: TestTable, rows: readonly (readonly Value[])[]): Promise<void> {
  for (const row of rows) await table.append([row])
}

/** Adds an equality delete file for some ids, as another engine would. */
async function deleteByEquality(
  table: TestTable,
  ids: readonly bigint[],
  scope: Pick<EqualityDeleteFile, 'specId' | 'partition'> = { specId: 0, partition: [] },
): Promise<void> {
  const location = `memory://lake/ns/t/data/equality-${ids.join('-')}.parquet`
  const fields = [FIELDS[0]!]
  const writer = await openParquetWriter(table.io, location, { fields, codec: 'zstd' })
  await writer.write(
    batchOf(
      fields,
      ids.map(id => [id]),
    ),
  )
  const { sizeBytes } = await writer.close()
  const file: EqualityDeleteFile = {
    content: 'equality-deletes',
    location,
    format: 'parquet',
    ...scope,
    recordCount: ids.length,
    fileSizeBytes: sizeBytes,
    equalityFieldIds: [1],
  }
  const changes = { addedDataFiles: [], addedDeleteFiles: [file], removedFiles: [] }
  const snapshots = snapshotChanges(table.io, table)
  await table.commit((base, attempt) => snapshots.produce(base, attempt, { changes, written: [location] }))
}

const FIVE = [1n, 2n, 3n, 4n, 5n].map(id => [id, 'x'] as const)

describe.each([2, 3] as const)('compaction of a v%i table', formatVersion => {
  it('makes one file of many, without deleted rows and without their deletes', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    await table.append([
      [6n, 'x'],
      [7n, 'y'],
      [8n, 'y'],
    ])
    await table.delete(gt('id', 7))
    const report = await compact(table)
    expect(report).toMatchObject({
      status: 'done',
      groups: { planned: 1, committed: 1, lost: 0, failed: 0 },
      rewrittenFiles: 6,
      addedFiles: 1,
      removedDeleteFiles: 1,
    })
    const [task, ...others] = await table.tasks()
    expect(others).toEqual([])
    expect(task?.entry.file.recordCount).toBe(7)
    expect(sorted(await table.rows())).toEqual(sorted([...FIVE, [6n, 'x'], [7n, 'y']]))
    const snapshot = currentSnapshot((await table.load()).metadata)
    expect(snapshot?.operation).toBe('replace')
    expect(snapshot?.summary['total-delete-files']).toBe('0')
    expect(task?.entry.dataSequenceNumber).toBe((snapshot?.sequenceNumber ?? 0n) - 1n)
    expect((await compact(table)).status).toBe('nothing-to-do')
  })

  it('writes no file for a group of which every row is deleted', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([
      [1n, 'a'],
      [2n, 'b'],
    ])
    await deleteByEquality(table, [1n, 2n])
    expect(await compact(table, { rewriteAll: true })).toMatchObject({
      rewrittenFiles: 1,
      addedFiles: 0,
      removedDeleteFiles: 1,
    })
    expect(await table.tasks()).toEqual([])
  })

  it('plans only, when it is a dry run', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    const before = await table.load()
    expect(await compact(table, { dryRun: true })).toMatchObject({
      dryRun: true,
      rewrittenFiles: 5,
      addedFiles: 1,
    })
    expect((await table.load()).metadataLocation).toBe(before.metadataLocation)
    expect(await table.dataFiles()).toHaveLength(5)
  })

  it('lets appends land meanwhile', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    const report = await compactRaced(table, () => table.append([[9n, 'z']]))
    expect(report).toMatchObject({ status: 'done', groups: { committed: 1 } })
    expect(sorted(await table.rows())).toEqual(sorted([...FIVE, [9n, 'z']]))
    expect(await table.tasks()).toHaveLength(2)
  })

  it('gives up a group that somebody deleted from, and lands the others', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion, partitionFields: BY_PART })
    for (let round = 0; round < 5; round++)
      await table.append([
        [BigInt(round), 'a'],
        [BigInt(round + 100), 'a'],
        [BigInt(round), 'b'],
      ])
    const report = await compactRaced(table, () => table.delete(eq('id', 102)), { partialProgress: false })
    expect(report).toMatchObject({ status: 'done', groups: { planned: 2, committed: 1, lost: 1 } })
    const tasks = await table.tasks()
    expect(tasks.filter(task => task.entry.file.partition[0] === 'a')).toHaveLength(5)
    expect(tasks.filter(task => task.entry.file.partition[0] === 'b')).toHaveLength(1)
    expect(await table.rows()).toHaveLength(14)
    expect(await orphans(table)).toEqual([])
  })

  it('is lost when all its groups are, and leaves nothing', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    const report = await compactRaced(table, () => table.upsert([[2n, 'changed']], ['id']))
    expect(report).toMatchObject({ status: 'lost', addedFiles: 0 })
    expect(sorted(await table.rows())).toEqual(sorted([...FIVE.filter(([id]) => id !== 2n), [2n, 'changed']]))
    expect(await orphans(table)).toEqual([])
  })

  it('keeps sequence numbers, so that equality deletes committed meanwhile reach the new files', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    const report = await compactRaced(table, () => deleteByEquality(table, [3n]))
    expect(report).toMatchObject({ groups: { committed: 1 }, removedDeleteFiles: 0 })
    expect(await table.tasks()).toHaveLength(1)
    expect(sorted(await table.rows())).toEqual(sorted(FIVE.filter(([id]) => id !== 3n)))
    const renumbering = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(renumbering, FIVE)
    const lost = await compactRaced(renumbering, () => deleteByEquality(renumbering, [3n]), {
      useStartingSequenceNumber: false,
    })
    expect(lost.status).toBe('lost')
    expect(await renumbering.rows()).toHaveLength(4)
  })

  it('keeps a delete that still reaches a file that is not rewritten', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    await table.append(
      Array.from({ length: 2_000 }, (_, row): Value[] => [BigInt(row), `part ${row * 7919}`]),
    )
    await deleteByEquality(table, [1n, 4n])
    const sizes = (await table.tasks()).map(task => task.entry.file.fileSizeBytes)
    const large = Math.max(...sizes)
    const report = await compact(table, {
      targetFileSizeBytes: large,
      minFileSizeBytes: large - 1,
      maxFileSizeBytes: large * 2,
    })
    expect(report).toMatchObject({ rewrittenFiles: 5, removedDeleteFiles: 0 })
    expect(await table.rows()).toHaveLength(3 + 1_998)
    expect(await compact(table, { rewriteAll: true })).toMatchObject({ removedDeleteFiles: 1 })
    expect(await table.rows()).toHaveLength(3 + 1_998)
  })

  it('deletes what it wrote when the commit or the writing fails', async () => {
    for (const part of ['/data/00000-0-', 'snap-']) {
      let armed = false
      const table = await createTestTable({
        fields: FIELDS,
        formatVersion,
        layer: io =>
          failingIO(io, ({ verb, location, phase }) =>
            armed &&
            phase === 'before' &&
            (verb === 'write' || verb === 'writer-close') &&
            location.includes(part)
              ? new LakeError('unavailable', 'the disk is full')
              : undefined,
          ),
      })
      await appendEach(table, FIVE)
      const before = await table.dataFiles()
      armed = true
      expect(await refusal(compact(table))).toMatchObject({ kind: 'unavailable' })
      armed = false
      expect(await table.dataFiles()).toEqual(before)
      expect(sorted(await table.rows())).toEqual(sorted(FIVE))
    }
  })

  it('begins no group after its time, and commits what is ready', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion, partitionFields: BY_PART })
    for (let round = 0; round < 5; round++)
      await table.append([
        [1n, 'a'],
        [2n, 'b'],
      ])
    let nowMs = 0
    const runtime = { ...table.runtime, nowMs: () => nowMs++ }
    const report = await compact(table, { runtime, runtimeMsMax: 1 })
    expect(report).toMatchObject({ status: 'more-left', groups: { planned: 2, committed: 1 } })
    expect(await compact(table)).toMatchObject({ status: 'done', groups: { planned: 1, committed: 1 } })
    expect(await table.rows()).toHaveLength(10)
  })

  it.each([
    ['that reaches the new partition, and gives up', 'x', 'lost'],
    ['of another partition, and lands', 'y', 'done'],
  ] as const)('into another spec meets an equality delete %s', async (_, partition, status) => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await appendEach(table, FIVE)
    const spec = { specId: 1, fields: [{ ...BY_PART[0], fieldId: 1000 }] }
    await table.catalog.commit([
      {
        identifier: table.identifier,
        requirements: [],
        updates: [
          { action: 'add-spec', spec },
          { action: 'set-default-spec', specId: -1 },
        ],
      },
    ])
    const report = await compactRaced(table, () =>
      deleteByEquality(table, [3n], { specId: 1, partition: [partition] }),
    )
    expect(report.status).toBe(status)
    expect(sorted(await table.rows())).toEqual(sorted(FIVE))
    expect((await orphans(table)).filter(location => !location.includes('equality-'))).toEqual([])
  })

  it('writes files of an older spec into the current one', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    for (let round = 0; round < 5; round++)
      await table.append([
        [BigInt(round), 'a'],
        [BigInt(round), 'b'],
      ])
    const { identifier, catalog } = table
    const spec = { specId: 1, fields: [{ ...BY_PART[0], fieldId: 1000 }] }
    await catalog.commit([
      {
        identifier,
        requirements: [],
        updates: [
          { action: 'add-spec', spec },
          { action: 'set-default-spec', specId: -1 },
        ],
      },
    ])
    expect(await compact(table)).toMatchObject({ rewrittenFiles: 5, addedFiles: 2 })
    const tasks = await table.tasks()
    expect(tasks.map(({ entry }) => [entry.file.specId, ...entry.file.partition]).sort()).toEqual([
      [1, 'a'],
      [1, 'b'],
    ])
    expect(await table.rows()).toHaveLength(10)
  })
})

describe('compaction of a v3 table', () => {
  it('keeps row ids and last updated sequence numbers, through a second one too', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await appendEach(table, FIVE)
    await table.upsert(
      [
        [2n, 'changed'],
        [10n, 'new'],
      ],
      ['id'],
    )
    await table.delete(lt('id', 2))
    const columns = ['id', 'part', '_row_id', '_last_updated_sequence_number']
    const before = sorted(await table.rows(columns))
    await compact(table, { rewriteAll: true })
    expect(sorted(await table.rows(columns))).toEqual(before)
    await table.append([[20n, 'later']])
    const later = sorted(await table.rows(columns))
    await compact(table, { rewriteAll: true })
    expect(sorted(await table.rows(columns))).toEqual(later)
    const ids = (await table.rows(['_row_id'])).map(([id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
