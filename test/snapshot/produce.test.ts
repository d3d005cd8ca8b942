import { beforeEach, describe, expect, it } from 'vitest'
import { failingIO } from '../../src/io/failing.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import type { Snapshot } from '../../src/metadata/table-metadata.js'
import { createProduceCache, produceSnapshot } from '../../src/snapshot/produce.js'
import {
  changesOf,
  checkTable,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  deletionVector,
  liveEntries,
  liveNames,
  locations,
  positionDeletes,
  type World,
} from './world.js'

let world: World
beforeEach(async () => {
  world = await createWorld()
})

function head(table: { metadata: Parameters<typeof currentSnapshot>[0] }): Snapshot {
  return currentSnapshot(table.metadata) as Snapshot
}

describe('produceSnapshot', () => {
  it('adds files in one new manifest and keeps the others', async () => {
    await createTable(world)
    const first = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const second = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })

    const [older] = await readManifestList(world.io, head(first))
    const manifests = await readManifestList(world.io, head(second))
    expect(manifests).toHaveLength(2)
    expect(manifests.map(manifest => manifest.location)).toContain(older?.location)
    expect(await liveNames(world, second)).toEqual(['a', 'b'])
    expect(head(second).parentSnapshotId).toBe(head(first).snapshotId)
    expect(head(second).sequenceNumber).toBe(2n)
    expect(head(second).operation).toBe('append')
    await checkTable(world.io, second.metadata)
  })

  it('names lists and manifests by the operation', async () => {
    const base = await createTable(world)
    const operationUuid = '0198aaaa-0000-7000-8000-000000000000'
    const produced = await produceSnapshot(base, world.io, {
      changes: changesOf({ addedDataFiles: [await dataFile(world, 'a')] }),
      snapshotId: 42n,
      operationUuid,
      attempt: 3,
      runtime: world.runtime,
      cache: createProduceCache(),
    })
    const folder = `${base.metadata.location}/metadata`
    expect(produced.snapshot.manifestList).toBe(`${folder}/snap-42-3-${operationUuid}.avro`)
    expect(produced.written).toEqual([`${folder}/${operationUuid}-m0.avro`, produced.snapshot.manifestList])
    expect(produced.requirements).toEqual([
      { type: 'assert-table-uuid', uuid: base.metadata.tableUuid },
      { type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: undefined },
    ])
  })

  it('writes anew only the manifest that holds a removed file, and keeps sequence numbers in it', async () => {
    await createTable(world)
    const [a, b, c] = [await dataFile(world, 'a'), await dataFile(world, 'b'), await dataFile(world, 'c')]
    await commitFiles(world, { addedDataFiles: [a, b] })
    const before = await commitFiles(world, { addedDataFiles: [c] })
    const after = await commitFiles(world, { removedFiles: [a] })

    const old = await readManifestList(world.io, head(before))
    const now = await readManifestList(world.io, head(after))
    expect(now).toHaveLength(2)
    expect(now.filter(manifest => old.some(each => each.location === manifest.location))).toHaveLength(1)
    expect(head(after).operation).toBe('delete')
    expect(await liveNames(world, after)).toEqual(['b', 'c'])
    const entries = await liveEntries(world.io, after.metadata, head(after))
    const kept = entries.find(entry => entry.file.location === b.location)
    expect([kept?.dataSequenceNumber, kept?.fileSequenceNumber, kept?.status]).toEqual([1n, 1n, 'existing'])
    expect(head(after).summary).toMatchObject({ 'manifests-replaced': '1', 'manifests-kept': '1' })
    await checkTable(world.io, after.metadata)
  })

  it('drops a manifest without live files from the next list', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    const removed = await commitFiles(world, { removedFiles: [a] })
    expect(await readManifestList(world.io, head(removed))).toHaveLength(1)
    const next = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
    expect(await readManifestList(world.io, head(next))).toHaveLength(1)
    expect(await liveNames(world, next)).toEqual(['b'])
  })

  it('reads only manifests whose partitions can hold a removed file', async () => {
    await createTable(world, { partitioned: true })
    const eu = await dataFile(world, 'eu', { partition: ['eu'] })
    const us = await dataFile(world, 'us', { partition: ['us'] })
    await commitFiles(world, { addedDataFiles: [eu] })
    const base = await commitFiles(world, { addedDataFiles: [us] })
    const reads: string[] = []
    const watched = failingIO(world.io, call => {
      if (call.verb === 'read' && call.phase === 'before') reads.push(call.location)
      return undefined
    })
    await produceSnapshot(base, watched, {
      changes: changesOf({ removedFiles: [us] }),
      snapshotId: 7n,
      operationUuid: 'op',
      attempt: 1,
      runtime: world.runtime,
      cache: createProduceCache(),
    })
    expect(reads.filter(location => location.includes('-m'))).toHaveLength(1)
  })

  it('removes deletes together with the data file they name', async () => {
    await createTable(world)
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    await commitFiles(world, { addedDataFiles: [a, b] })
    const deletes = [await positionDeletes(world, 'a', a), await positionDeletes(world, 'b', b)]
    await commitFiles(world, { addedDeleteFiles: deletes })
    const after = await commitFiles(world, { removedFiles: [a] })
    expect(await liveNames(world, after)).toEqual(['b', 'b-deletes'])
    expect(head(after).summary['removed-position-delete-files']).toBe('1')
    expect(head(after).summary['total-delete-files']).toBe('1')
  })

  it('removes everything when asked', async () => {
    await createTable(world, { partitioned: true })
    const a = await dataFile(world, 'a', { partition: ['eu'] })
    await commitFiles(world, { addedDataFiles: [a, await dataFile(world, 'b', { partition: [null] })] })
    await commitFiles(world, { addedDeleteFiles: [await positionDeletes(world, 'a', a)] })
    const after = await commitFiles(world, {
      removeAll: true,
      addedDataFiles: [await dataFile(world, 'c', { partition: ['us'] })],
    })
    expect(await liveNames(world, after)).toEqual(['c'])
    expect(head(after).operation).toBe('overwrite')
    expect(head(after).summary).toMatchObject({ 'total-delete-files': '0', 'total-data-files': '1' })
    await checkTable(world.io, after.metadata)
  })

  it('tells several vectors in one puffin file apart', async () => {
    await createTable(world, { formatVersion: 3 })
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    await commitFiles(world, { addedDataFiles: [a, b] })
    const first = await deletionVector(world, 'v', a, { offset: 4 })
    const second = await deletionVector(world, 'v', b, { offset: 44 })
    await commitFiles(world, { addedDeleteFiles: [first, second] })
    const merged = await deletionVector(world, 'w', a)
    const after = await commitFiles(world, { addedDeleteFiles: [merged], removedFiles: [first] })
    expect(await liveNames(world, after)).toEqual(['a', 'b', 'v', 'w'])
    expect(head(after).summary).toMatchObject({ 'added-dvs': '1', 'removed-dvs': '1' })
    expect(head(after).operation).toBe('delete')
  })

  it('refuses a second deletion vector for a data file', async () => {
    await createTable(world, { formatVersion: 3 })
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    await commitFiles(world, { addedDeleteFiles: [await deletionVector(world, 'v', a)] })
    const before = await locations(world.io)
    const second = await deletionVector(world, 'w', a)
    await expect(commitFiles(world, { addedDeleteFiles: [second] })).rejects.toMatchObject({
      kind: 'conflict',
      context: { dataFile: a.location },
    })
    expect(await locations(world.io)).toEqual([...before, second.location].sort())
  })

  it('refuses to remove a file that is not live', async () => {
    await createTable(world)
    const gone = await dataFile(world, 'gone')
    await expect(commitFiles(world, { removedFiles: [gone] })).rejects.toMatchObject({
      kind: 'conflict',
      context: { files: [gone.location] },
    })
  })

  it('refuses changes that make no sense before it writes anything', async () => {
    const base = await createTable(world)
    const a = await dataFile(world, 'a')
    const before = await locations(world.io)
    const cases = [
      { addedDataFiles: [a, a] },
      { addedDataFiles: [{ ...a, specId: 9 }] },
      { addedDataFiles: [{ ...a, partition: ['eu'] }] },
      { addedDeleteFiles: [await deletionVector(world, 'v', a)] },
    ]
    for (const given of cases) {
      await expect(commitFiles(world, given)).rejects.toMatchObject({ kind: 'invalid-argument' })
    }
    expect((await locations(world.io)).filter(location => !location.endsWith('.puffin'))).toEqual(before)
    expect((await world.catalog.loadTable(base.identifier)).metadataLocation).toBe(base.metadataLocation)
  })

  it('refuses position delete files on a table that was upgraded to v3', async () => {
    await createTable(world, { formatVersion: 3 })
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    await expect(
      commitFiles(world, { addedDeleteFiles: [await positionDeletes(world, 'a', a)] }),
    ).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('gives v3 rows ids that never overlap, also after files were removed', async () => {
    await createTable(world, { formatVersion: 3 })
    const a = await dataFile(world, 'a', { rows: 5 })
    await commitFiles(world, { addedDataFiles: [a, await dataFile(world, 'b', { rows: 7 })] })
    const second = await commitFiles(world, {
      addedDataFiles: [await dataFile(world, 'c', { rows: 3 })],
      removedFiles: [a],
    })
    const entries = await liveEntries(world.io, second.metadata, head(second))
    const ranges = entries.map(entry => {
      const { file } = entry
      const firstRowId = file.content === 'data' ? file.firstRowId : undefined
      return [file.location.at(-9), firstRowId, file.recordCount]
    })
    expect(ranges.sort()).toEqual([
      ['b', 5n, 7],
      ['c', 12n, 3],
    ])
    expect(head(second).firstRowId).toBe(12n)
    const { nextRowId } = second.metadata
    expect(nextRowId).toBe(12n + (head(second).addedRows ?? 0n))
    expect(nextRowId).toBeGreaterThanOrEqual(15n)
  })

  it('keeps the sequence number that a rewrite asks for', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
    const after = await commitFiles(world, {
      operation: 'replace',
      addedDataFiles: [await dataFile(world, 'a2')],
      removedFiles: [a],
      dataSequenceNumber: 1n,
    })
    const entries = await liveEntries(world.io, after.metadata, head(after))
    const rewritten = entries.find(entry => entry.file.location.endsWith('a2.parquet'))
    expect([rewritten?.dataSequenceNumber, rewritten?.fileSequenceNumber]).toEqual([1n, 3n])
  })

  it('makes a missing branch from main and leaves main alone', async () => {
    await createTable(world)
    const base = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const after = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] }, { ref: 'audit' })
    expect(after.metadata.currentSnapshotId).toBe(base.metadata.currentSnapshotId)
    expect(await liveNames(world, after, 'audit')).toEqual(['a', 'b'])
    expect(await liveNames(world, after)).toEqual(['a'])
  })

  it('keeps the retention of the branch, and refuses a tag', async () => {
    await createTable(world)
    const base = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const snapshotId = head(base).snapshotId
    await world.catalog.commit([
      {
        identifier: base.identifier,
        requirements: [],
        updates: [
          {
            action: 'set-snapshot-ref',
            refName: 'main',
            ref: { type: 'branch', snapshotId, minSnapshotsToKeep: 3 },
          },
          { action: 'set-snapshot-ref', refName: 'v1', ref: { type: 'tag', snapshotId } },
        ],
      },
    ])
    const b = await dataFile(world, 'b')
    await expect(commitFiles(world, { addedDataFiles: [b] }, { ref: 'v1' })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    const after = await commitFiles(world, { addedDataFiles: [b] })
    expect(after.metadata.refs.main?.minSnapshotsToKeep).toBe(3)
  })

  it('gives every snapshot of a table a later time than its parent', async () => {
    await createTable(world)
    const first = await commitFiles(world, {})
    const second = await commitFiles(world, {})
    expect(head(second).timestampMs).toBeGreaterThan(head(first).timestampMs)
    world.runtime.advance(-30_000)
    const third = await commitFiles(world, {})
    expect(head(third).timestampMs).toBeGreaterThan(head(second).timestampMs)
  })

  it('deletes what it wrote when a later write fails', async () => {
    const base = await createTable(world)
    const a = await dataFile(world, 'a')
    const before = await locations(world.io)
    const full = failingIO(world.io, call =>
      call.verb === 'write' && call.location.includes('snap-') && call.phase === 'before'
        ? Object.assign(new Error('no space'), { code: 'ENOSPC' })
        : undefined,
    )
    const cache = createProduceCache()
    const options = {
      changes: changesOf({ addedDataFiles: [a] }),
      snapshotId: 7n,
      operationUuid: 'op',
      runtime: world.runtime,
      cache,
    }
    await expect(produceSnapshot(base, full, { ...options, attempt: 1 })).rejects.toMatchObject({
      kind: 'unavailable',
    })
    expect(await locations(world.io)).toEqual(before)

    const again = await produceSnapshot(base, world.io, { ...options, attempt: 2 })
    for (const location of again.written) await world.io.stat(location)
  })

  it('uses manifests of an earlier attempt again, and not when other files are added', async () => {
    const base = await createTable(world)
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    const moved = await commitFiles(world, { addedDataFiles: [b] })
    const shared = {
      snapshotId: 7n,
      operationUuid: 'op',
      runtime: world.runtime,
      cache: createProduceCache(),
    }
    const changes = changesOf({ addedDataFiles: [a] })
    const first = await produceSnapshot(base, world.io, { ...shared, changes, attempt: 1 })
    const second = await produceSnapshot(moved, world.io, { ...shared, changes, attempt: 2 })
    expect(second.written[0]).toBe(first.written[0])
    expect(second.written[1]).not.toBe(first.written[1])

    const other = changesOf({ addedDataFiles: [{ ...a }] })
    const third = await produceSnapshot(moved, world.io, { ...shared, changes: other, attempt: 3 })
    expect(third.written[0]).not.toBe(first.written[0])
  })

  it('uses a rewritten manifest again while its source and the removal are the same', async () => {
    await createTable(world)
    const [a, b, c] = [await dataFile(world, 'a'), await dataFile(world, 'b'), await dataFile(world, 'c')]
    const base = await commitFiles(world, { addedDataFiles: [a, b] })
    const moved = await commitFiles(world, { addedDataFiles: [c] })
    const shared = {
      snapshotId: 7n,
      operationUuid: 'op',
      runtime: world.runtime,
      cache: createProduceCache(),
    }
    const changes = changesOf({ removedFiles: [a] })
    const first = await produceSnapshot(base, world.io, { ...shared, changes, attempt: 1 })
    const second = await produceSnapshot(moved, world.io, { ...shared, changes, attempt: 2 })
    expect(second.written[0]).toBe(first.written[0])
    const third = await produceSnapshot(moved, world.io, {
      ...shared,
      changes: changesOf({ removedFiles: [a, b] }),
      attempt: 3,
    })
    expect(third.written[0]).not.toBe(first.written[0])
    expect(third.snapshot.summary['deleted-data-files']).toBe('2')
  })
})
