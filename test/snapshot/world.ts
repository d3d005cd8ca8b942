/**
 * A small lake for tests: memory storage, the embedded catalog on an in-memory database, a seeded runtime, tables
 * whose data files are entries only (their bytes are a few letters). What is true here of manifests and commits
 * is true of any table.
 */
import type { Runtime } from '../../src/base/runtime.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import {
  type CommitOptions,
  type CommitResult,
  commitTables,
  type TableAction,
} from '../../src/commit/commit-loop.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import type { DataFile, ManifestEntry, PositionDeleteFile } from '../../src/manifest/content-file.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { FormatVersion, Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import type { PartitionTuple } from '../../src/schema/partition-spec.js'
import {
  createProduceCache,
  type FileChanges,
  operationOf,
  produceSnapshot,
} from '../../src/snapshot/produce.js'
import { newSnapshotId } from '../../src/snapshot/snapshot-id.js'

/** A generator of numbers in [0, 1) that a seed determines (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface TestRuntime extends Runtime {
  readonly sleeps: number[]
  advance(ms: number): void
}

/** Time moves only when it is slept or advanced. */
export function seededRuntime(seed = 1): TestRuntime {
  const random = seededRandom(seed)
  let now = 1_760_000_000_000
  const sleeps: number[] = []
  const digits = (count: number): string =>
    Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('')
  const uuid = (): string => `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`
  return {
    sleeps,
    advance: ms => {
      now += Math.ceil(ms)
    },
    nowMs: () => now,
    random,
    uuid,
    orderedUuid: uuid,
    sleep: async ms => {
      sleeps.push(ms)
      now += Math.ceil(ms)
    },
  }
}

export interface World {
  readonly io: FileIO
  readonly catalog: Catalog
  readonly runtime: TestRuntime
}

export async function createWorld(options: { seed?: number; io?: FileIO } = {}): Promise<World> {
  const runtime = seededRuntime(options.seed)
  const io = options.io ?? createMemoryIO({ runtime })
  const catalog = await openEmbeddedCatalog({ path: ':memory:', warehouse: 'memory://lake', io, runtime })
  await catalog.createNamespace(['shop'])
  return { io, catalog, runtime }
}

export const ORDERS: TableIdentifier = { namespace: ['shop'], name: 'orders' }

export interface TableOptions {
  readonly name?: string
  readonly formatVersion?: FormatVersion
  readonly partitioned?: boolean
  readonly properties?: Readonly<Record<string, string>>
}

/** A table of `id long, region string`, by region if asked. */
export async function createTable(world: World, options: TableOptions = {}): Promise<LoadedTable> {
  const identifier = { namespace: ['shop'], name: options.name ?? 'orders' }
  const updates = newTableUpdates({
    schema: {
      fields: [
        { id: 1, name: 'id', required: true, type: { kind: 'long' } },
        { id: 2, name: 'region', required: false, type: { kind: 'string' } },
      ],
      identifierFieldIds: [1],
    },
    partitionFields: options.partitioned
      ? [{ sourceId: 2, name: 'region', transform: { kind: 'identity' } }]
      : undefined,
    location: `memory://lake/shop/${identifier.name}`,
    formatVersion: options.formatVersion,
    properties: options.properties,
    uuid: world.runtime.uuid(),
  })
  const outcome = await world.catalog.commit([
    { identifier, requirements: [{ type: 'assert-create' }], updates },
  ])
  if (outcome.status !== 'committed') throw new Error(`the table was not made: ${outcome.status}`)
  return outcome.tables[0] as LoadedTable
}

/** A data file that is written, so that deleting and reading it mean something. */
export async function dataFile(
  world: Pick<World, 'io'>,
  name: string,
  options: { rows?: number; partition?: PartitionTuple; specId?: number } = {},
): Promise<DataFile> {
  const location = `memory://lake/shop/data/${name}.parquet`
  await world.io.write(location, new TextEncoder().encode(name))
  return {
    content: 'data',
    location,
    format: 'parquet',
    specId: options.specId ?? 0,
    partition: options.partition ?? [],
    recordCount: options.rows ?? 10,
    fileSizeBytes: 100,
  }
}

/** A position delete file about one data file. */
export async function positionDeletes(
  world: Pick<World, 'io'>,
  name: string,
  target: DataFile,
  rows = 1,
): Promise<PositionDeleteFile> {
  const location = `memory://lake/shop/data/${name}-deletes.parquet`
  await world.io.write(location, new TextEncoder().encode(name))
  return {
    content: 'position-deletes',
    location,
    format: 'parquet',
    specId: target.specId,
    partition: target.partition,
    recordCount: rows,
    fileSizeBytes: 50,
    referencedDataFile: target.location,
  }
}

/** A deletion vector of one data file, at an offset of a Puffin file. */
export async function deletionVector(
  world: Pick<World, 'io'>,
  name: string,
  target: DataFile,
  options: { rows?: number; offset?: number } = {},
): Promise<PositionDeleteFile> {
  const location = `memory://lake/shop/data/${name}.puffin`
  await world.io.write(location, new TextEncoder().encode(name))
  return {
    content: 'position-deletes',
    location,
    format: 'puffin',
    specId: target.specId,
    partition: target.partition,
    recordCount: options.rows ?? 1,
    fileSizeBytes: 200,
    referencedDataFile: target.location,
    contentOffset: options.offset ?? 4,
    contentSizeBytes: 40,
  }
}

export type ChangesOf = Partial<FileChanges>

export function changesOf(given: ChangesOf): FileChanges {
  const changes = { addedDataFiles: [], addedDeleteFiles: [], removedFiles: [], ...given }
  return { ...changes, operation: given.operation ?? operationOf(changes) }
}

export interface ActionOptions {
  readonly ref?: string
  readonly summary?: Readonly<Record<string, string>>
}

/** An action that commits fixed file changes; the files are not derived from the base. */
export function fileAction(world: World, given: ChangesOf, options: ActionOptions = {}): TableAction {
  const cache = createProduceCache()
  const operationUuid = world.runtime.orderedUuid()
  let snapshotId: bigint | undefined
  return async (base, attempt) => {
    snapshotId ??= newSnapshotId(base.metadata, world.runtime)
    return produceSnapshot(base, world.io, {
      changes: changesOf(given),
      ...options,
      snapshotId,
      operationUuid,
      attempt: attempt.number,
      runtime: world.runtime,
      cache,
      signal: attempt.signal,
    })
  }
}

/** Commits file changes to one table and returns its new state. */
export async function commitFiles(
  world: World,
  given: ChangesOf,
  options: ActionOptions & Partial<CommitOptions> & { identifier?: TableIdentifier } = {},
): Promise<LoadedTable> {
  const { identifier = ORDERS, ref, summary, ...commitOptions } = options
  const action = fileAction(world, given, {
    ...(ref === undefined ? {} : { ref }),
    ...(summary === undefined ? {} : { summary }),
  })
  const result = await commit(world, [{ identifier, action }], commitOptions)
  return result.tables[0] as LoadedTable
}

export function commit(
  world: World,
  targets: Parameters<typeof commitTables>[1],
  options: Partial<CommitOptions> = {},
): Promise<CommitResult> {
  return commitTables(world.catalog, targets, { io: world.io, runtime: world.runtime, ...options })
}

/** All live entries of a snapshot. */
export async function liveEntries(
  io: FileIO,
  metadata: TableMetadata,
  snapshot: Snapshot | undefined,
): Promise<ManifestEntry[]> {
  if (snapshot === undefined) return []
  const entries: ManifestEntry[] = []
  for (const manifest of await readManifestList(io, snapshot)) {
    const read = await readManifest(io, manifest, {
      specs: metadata.partitionSpecs,
      schemas: metadata.schemas,
      schema: currentSchema(metadata),
    })
    entries.push(...read.filter(entry => entry.status !== 'deleted'))
  }
  return entries
}

/** Bare names of the live files, sorted. */
export async function liveNames(
  world: Pick<World, 'io'>,
  table: LoadedTable,
  ref = 'main',
): Promise<string[]> {
  const head = table.metadata.refs[ref]?.snapshotId
  const snapshot = table.metadata.snapshots.find(each => each.snapshotId === head)
  const entries = await liveEntries(world.io, table.metadata, snapshot)
  return entries.map(entry => bareName(entry.file.location)).sort()
}

export function bareName(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1).replace(/\.(parquet|puffin)$/, '')
}

/** Every location under the lake, sorted. */
export async function locations(io: FileIO): Promise<string[]> {
  const found: string[] = []
  for await (const file of io.list('memory://lake/')) found.push(file.location)
  return found.sort()
}

/**
 * What must hold of a table at any moment, whatever crashed: every file that any snapshot reaches is there and
 * whole, and totals are the sums of what is live.
 */
export async function checkTable(io: FileIO, metadata: TableMetadata): Promise<void> {
  for (const snapshot of metadata.snapshots) {
    const entries = await liveEntries(io, metadata, snapshot)
    for (const entry of entries) await io.stat(entry.file.location)
    const data = entries.filter(entry => entry.file.content === 'data')
    const rows = data.reduce((sum, entry) => sum + entry.file.recordCount, 0)
    const { summary } = snapshot
    if (summary['total-data-files'] !== String(data.length) || summary['total-records'] !== String(rows)) {
      throw new Error(
        `snapshot ${snapshot.snapshotId} says ${summary['total-data-files']} files and ${summary['total-records']} rows, ` +
          `live are ${data.length} and ${rows}`,
      )
    }
    if (new Set(data.map(entry => entry.file.location)).size !== data.length) {
      throw new Error(`snapshot ${snapshot.snapshotId} holds a file twice`)
    }
  }
}
