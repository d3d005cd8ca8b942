/** Small manifests become larger ones, and nothing that reads a table can tell. */
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import type { DataFile } from '../../src/manifest/content-file.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { currentSchema, currentSnapshot } from '../../src/metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import { planMerges } from '../../src/snapshot/merge-plan.js'
import { createProduceCache, produceSnapshot } from '../../src/snapshot/produce.js'
import {
  bareName,
  changesOf,
  checkTable,
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  deletionVector,
  fileAction,
  liveEntries,
  liveNames,
  locations,
  ORDERS,
  positionDeletes,
  type World,
} from './world.js'

let world: World
beforeEach(async () => {
  world = await createWorld()
})

const MERGE_AT_3 = { 'commit.manifest.min-count-to-merge': '3' }

function head({ metadata }: LoadedTable): Snapshot {
  return currentSnapshot(metadata) as Snapshot
}

async function listOf(table: LoadedTable): Promise<readonly ManifestFile[]> {
  return readManifestList(world.io, head(table))
}

/** What is known of each live file, by name. */
async function numbersOf(table: LoadedTable, ref?: Snapshot): Promise<Record<string, unknown>> {
  const entries = await liveEntries(world.io, table.metadata, ref ?? head(table))
  return Object.fromEntries(
    entries
      .map(({ file, dataSequenceNumber, fileSequenceNumber, snapshotId }) => {
        const firstRowId = file.content === 'data' ? file.firstRowId : undefined
        return [
          bareName(file.location),
          { dataSequenceNumber, fileSequenceNumber, snapshotId, firstRowId },
        ] as const
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

async function appendAll(names: readonly string[], rows = 10): Promise<LoadedTable> {
  let table = await world.catalog.loadTable(ORDERS)
  for (const name of names)
    table = await commitFiles(world, { addedDataFiles: [await dataFile(world, name, { rows })] })
  return table
}

describe('merging manifests', () => {
  it('waits until there are enough, the new one counted', async () => {
    await createTable(world, { properties: MERGE_AT_3 })
    expect(await listOf(await appendAll(['a', 'b']))).toHaveLength(2)
    const third = await appendAll(['c'])
    const [only, ...others] = await listOf(third)
    expect(others).toEqual([])
    expect(only).toMatchObject({ addedFilesCount: 1, existingFilesCount: 2, deletedFilesCount: 0 })
    expect(head(third).summary).toMatchObject({
      'manifests-created': '1',
      'manifests-kept': '0',
      'manifests-replaced': '2',
      'entries-processed': '2',
    })
    await checkTable(world.io, third.metadata)
  })

  it('does not happen where the table or the commit does not want it', async () => {
    await createTable(world, { properties: { ...MERGE_AT_3, 'commit.manifest-merge.enabled': 'false' } })
    expect(await listOf(await appendAll(['a', 'b', 'c', 'd']))).toHaveLength(4)

    const wanting = await createTable(world, { name: 'wanting', properties: MERGE_AT_3 })
    let base = wanting
    for (const name of ['e', 'f', 'g']) {
      const addedDataFiles = [await dataFile(world, name)]
      const action: Parameters<typeof commit>[1][number]['action'] = (at, attempt) =>
        produceSnapshot(at, world.io, {
          changes: changesOf({ addedDataFiles }),
          snapshotId: BigInt(name.charCodeAt(0)),
          operationUuid: name,
          attempt: attempt.number,
          runtime: world.runtime,
          cache: createProduceCache(),
          fast: true,
        })
      const result = await commit(world, [{ identifier: wanting.identifier, action }])
      base = result.tables[0] as LoadedTable
    }
    expect(await listOf(base)).toHaveLength(3)
  })

  it.each([2, 3] as const)('keeps sequence numbers, snapshots and row ids of v%d', async formatVersion => {
    await createTable(world, { formatVersion, properties: MERGE_AT_3 })
    const before = await numbersOf(await appendAll(['a', 'b']))
    const after = await numbersOf(await appendAll(['c']))
    expect(after).toMatchObject(before)
    const rowIds = Object.values(after).map(value => (value as { firstRowId: unknown }).firstRowId)
    expect(new Set(rowIds).size).toBe(formatVersion === 3 ? 3 : 1)
    // Merged again, with what the merge had numbered itself.
    const again = await numbersOf(await appendAll(['d', 'e']))
    expect(again).toMatchObject(after)
    expect(await listOf(await world.catalog.loadTable(ORDERS))).toHaveLength(1)
  })

  it('numbers the rows of files from before v3 once', async () => {
    await createTable(world, { properties: { 'commit.manifest.min-count-to-merge': '4' } })
    await appendAll(['a', 'b', 'c'], 5)
    const upgraded = await world.catalog.commit([
      {
        identifier: ORDERS,
        requirements: [],
        updates: [{ action: 'upgrade-format-version', formatVersion: 3 }],
      },
    ])
    expect(upgraded.status).toBe('committed')
    const merged = await appendAll(['d'], 5)
    expect(await listOf(merged)).toHaveLength(1)
    const ids = await numbersOf(merged)
    const first = Object.values(ids).map(value => (value as { firstRowId: bigint }).firstRowId)
    expect(first.toSorted((a, b) => Number(a - b))).toEqual([0n, 5n, 10n, 15n])
    expect(merged.metadata.nextRowId).toBe(20n)
    expect(await numbersOf(await appendAll(['e', 'f', 'g'], 5))).toMatchObject(ids)
  })

  it('leaves full manifests alone and merges full bins at once', async () => {
    const base = await createTable(world, { properties: MERGE_AT_3 })
    const manifest = (name: string, lengthBytes: number): ManifestFile => ({
      location: name,
      lengthBytes,
      specId: 0,
      content: 'data',
      sequenceNumber: 1n,
      minSequenceNumber: 1n,
      addedSnapshotId: 1n,
      addedFilesCount: 1,
      partitions: [],
    })
    const mib = 2 ** 20
    const plan = (sizes: readonly number[]): readonly (readonly string[])[] =>
      planMerges({
        metadata: base.metadata,
        groups: [],
        manifests: sizes.map((size, index) => manifest(`m${index}`, size)),
        attempt: 1,
        isDone: () => false,
      }).map(merge => merge.manifests.map(each => each.location))
    expect(plan([1, 1, 8 * mib, 8 * mib])).toEqual([])
    expect(plan([1, 1, 1, 8 * mib])).toEqual([['m0', 'm1', 'm2']])
    // The oldest bin is full with two; the newest, of two, has to wait.
    expect(plan([mib, 5 * mib, 4 * mib, 4 * mib])).toEqual([['m2', 'm3']])
    expect(plan([9 * mib, 9 * mib, 9 * mib])).toEqual([])
  })

  it('keeps specs, and data and deletes, apart', async () => {
    await createTable(world, { properties: MERGE_AT_3 })
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    for (const name of ['p', 'q'])
      await commitFiles(world, { addedDeleteFiles: [await positionDeletes(world, name, a)] })
    const table = await commitFiles(world, {
      addedDataFiles: [await dataFile(world, 'b')],
      addedDeleteFiles: [await positionDeletes(world, 'r', a)],
    })
    const kinds = (await listOf(table)).map(({ content, addedFilesCount, existingFilesCount }) => [
      content,
      addedFilesCount,
      existingFilesCount,
    ])
    expect(kinds.toSorted()).toEqual([
      ['data', 1, 0],
      ['data', 1, 0],
      ['deletes', 1, 2],
    ])
    expect(await liveNames(world, table)).toEqual(['a', 'b', 'p-deletes', 'q-deletes', 'r-deletes'])
    await checkTable(world.io, table.metadata)
  })

  it('takes removed files out on the way, in one write', async () => {
    await createTable(world, { formatVersion: 3, properties: MERGE_AT_3 })
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    await commitFiles(world, { addedDataFiles: [a] })
    const before = await commitFiles(world, { addedDataFiles: [b] })
    const files = await locations(world.io)
    const after = await commitFiles(world, {
      removedFiles: [a],
      addedDataFiles: [await dataFile(world, 'c')],
    })
    const list = await listOf(after)
    expect(list).toHaveLength(1)
    expect(list[0]).toMatchObject({ addedFilesCount: 1, existingFilesCount: 1, deletedFilesCount: 1 })
    const made = (await locations(world.io)).filter(location => !files.includes(location))
    expect(made.filter(location => /-m\d+\.avro$/.test(location))).toHaveLength(1)
    const read = await readManifest(world.io, list[0] as ManifestFile, {
      specs: after.metadata.partitionSpecs,
      schema: currentSchema(after.metadata),
    })
    const removed = read.find(entry => entry.status === 'deleted')
    expect(removed).toMatchObject({ snapshotId: head(after).snapshotId, dataSequenceNumber: 1n })
    expect(await numbersOf(after)).toMatchObject({ b: (await numbersOf(before)).b })
    expect(head(after).summary).toMatchObject({ 'deleted-data-files': '1', 'total-data-files': '2' })
    await checkTable(world.io, after.metadata)
  })

  it('does not hide a second deletion vector or a file that is gone', async () => {
    await createTable(world, { formatVersion: 3, properties: { 'commit.manifest.min-count-to-merge': '1' } })
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    await commitFiles(world, { addedDeleteFiles: [await deletionVector(world, 'v', a)] })
    const again = { addedDeleteFiles: [await deletionVector(world, 'w', a)] }
    await expect(commitFiles(world, again)).rejects.toMatchObject({ kind: 'conflict' })
    const gone = {
      removedFiles: [await dataFile(world, 'gone')],
      addedDataFiles: [await dataFile(world, 'b')],
    }
    await expect(commitFiles(world, gone)).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('is used again by a retry when its manifests are still there', async () => {
    const reads: string[] = []
    const io = failingIO(createMemoryIO(), call => {
      if (call.phase === 'before' && call.verb === 'read' && /-m\d+\.avro$/.test(call.location))
        reads.push(call.location)
      return undefined
    })
    world = await createWorld({ io })
    await createTable(world, { properties: MERGE_AT_3 })
    const base = await appendAll(['a', 'b'])
    const a = (await liveEntries(io, base.metadata, head(base))).find(
      entry => bareName(entry.file.location) === 'a',
    )?.file as DataFile
    // The other commit touches no data manifest, so what was merged is right still.
    await commitFiles(world, { addedDeleteFiles: [await positionDeletes(world, 'p', a)] })
    reads.length = 0
    const action = fileAction(world, { addedDataFiles: [await dataFile(world, 'c')] })
    const result = await commit(world, [{ identifier: ORDERS, base, action }])
    expect(result.attempts).toBe(2)
    expect(reads).toHaveLength(2)
    const table = result.tables[0] as LoadedTable
    expect((await listOf(table)).map(each => each.content)).toEqual(['data', 'deletes'])
    expect(await liveNames(world, table)).toEqual(['a', 'b', 'c', 'p-deletes'])
  })

  it('is left to the next commit by one that lost a race, and leaves no file behind', async () => {
    await createTable(world, { properties: MERGE_AT_3 })
    const base = await appendAll(['a', 'b'])
    const action = fileAction(world, { addedDataFiles: [await dataFile(world, 'd')] })
    const fast = await dataFile(world, 'c')
    await commitFiles(world, { addedDataFiles: [fast] })
    const result = await commit(world, [{ identifier: ORDERS, base, action }])
    const table = result.tables[0] as LoadedTable
    expect(result.attempts).toBe(2)
    expect(await listOf(table)).toHaveLength(2)
    expect(await liveNames(world, table)).toEqual(['a', 'b', 'c', 'd'])
    const reachable = new Set<string>()
    for (const snapshot of table.metadata.snapshots) {
      reachable.add(snapshot.manifestList ?? '')
      for (const each of await readManifestList(world.io, snapshot)) reachable.add(each.location)
    }
    const avro = (await locations(world.io)).filter(location => location.endsWith('.avro'))
    expect(avro.filter(location => !reachable.has(location))).toEqual([])
  })

  it('bounds the list of many small commits', async () => {
    await createTable(world, { properties: { 'commit.manifest.min-count-to-merge': '10' } })
    const names = Array.from({ length: 45 }, (_, index) => `f${String(index).padStart(2, '0')}`)
    let longest = 0
    for (const name of names) longest = Math.max(longest, (await listOf(await appendAll([name]))).length)
    expect(longest).toBeLessThan(10)
    expect(await liveNames(world, await world.catalog.loadTable(ORDERS))).toEqual(names)
  })

  it('changes nothing that any snapshot holds, whatever is committed', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), files: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('remove' as const), at: fc.nat(50) }),
      fc.record({ kind: fc.constant('vector' as const), at: fc.nat(50) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 14 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, count) => {
          const properties = { 'commit.manifest.min-count-to-merge': String(count) }
          const merging = await replay(steps, properties)
          const plain = await replay(steps, { 'commit.manifest-merge.enabled': 'false' })
          expect(merging).toEqual(plain)
        },
      ),
      { numRuns: 25 },
    )
  })
})

type Step =
  | { readonly kind: 'append'; readonly files: number }
  | { readonly kind: 'remove' | 'vector'; readonly at: number }

/** The files of every snapshot with their numbers, after the steps were committed. */
async function replay(steps: readonly Step[], properties: Record<string, string>): Promise<unknown> {
  world = await createWorld()
  await createTable(world, { formatVersion: 3, properties })
  const live: DataFile[] = []
  const withVector = new Set<string>()
  let made = 0
  let table = await world.catalog.loadTable(ORDERS)
  for (const step of steps) {
    if (step.kind === 'append') {
      const added: DataFile[] = []
      for (let file = 0; file < step.files; file++) added.push(await dataFile(world, `f${made++}`))
      live.push(...added)
      table = await commitFiles(world, { addedDataFiles: added })
      continue
    }
    const target = live[step.at % Math.max(1, live.length)]
    if (target === undefined) continue
    if (step.kind === 'remove') {
      live.splice(live.indexOf(target), 1)
      table = await commitFiles(world, { removedFiles: [target] })
    } else if (!withVector.has(target.location)) {
      withVector.add(target.location)
      table = await commitFiles(world, {
        addedDeleteFiles: [await deletionVector(world, `v${made++}`, target)],
      })
    }
  }
  await checkTable(world.io, table.metadata)
  return statesOf(table.metadata)
}

async function statesOf(metadata: TableMetadata): Promise<unknown> {
  const states: unknown[] = []
  for (const snapshot of metadata.snapshots) {
    const entries = await liveEntries(world.io, metadata, snapshot)
    const files = entries.map(({ file, dataSequenceNumber, fileSequenceNumber }) => [
      bareName(file.location),
      dataSequenceNumber,
      fileSequenceNumber,
    ])
    states.push(files.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
    const ranges = entries.flatMap(({ file }) =>
      file.content === 'data' && file.firstRowId !== undefined
        ? [[file.firstRowId, file.firstRowId + BigInt(file.recordCount)] as const]
        : [],
    )
    const sorted = ranges.toSorted(([a], [b]) => Number(a - b))
    sorted.forEach(([from], index) => {
      const before = sorted[index - 1]
      expect(before === undefined || before[1] <= from).toBe(true)
    })
  }
  return states
}
