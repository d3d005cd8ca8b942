/** What a lake shows to whoever opens it, and whether all of it is there. */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import {
  jsonRowsOfBatch,
  type Lake,
  printIdentifier,
  stringifyJson,
  type TableMetadata,
} from '../../src/index.js'
import type { FileIO } from '../../src/io/file-io.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import type { RealFeed } from '../support/feeds.js'
import { keyedTables, scannedRows, wantedRows } from '../support/source-state.js'

export interface LakeState {
  /** The metadata file of each table. */
  readonly pointers: Readonly<Record<string, string>>
  /** Hashes of all files that any snapshot of any table reaches, by location. */
  readonly files: ReadonlyMap<string, string>
  /** Snapshots of each table; no entry for a table that has none. */
  readonly snapshots: Readonly<Record<string, number>>
}

/** Reads every file that any snapshot of any table reaches. @throws not-found when one is missing */
export async function stateOf(lake: Lake): Promise<LakeState> {
  const { io } = lake.context
  const snapshots: Record<string, number> = {}
  const locations: string[] = []
  for (const table of await tablesOf(lake)) {
    const { metadata, metadataLocation } = await table.load()
    if (metadata.snapshots.length > 0) snapshots[table.name] = metadata.snapshots.length
    locations.push(metadataLocation, ...(await reachedFiles(io, metadata)))
  }
  return { pointers: await pointersOf(lake), files: await hashesOf(io, locations), snapshots }
}

/** True when the lake is in that state, to the byte: what was found true of the state is true of the lake. */
export async function isInState(lake: Lake, state: LakeState): Promise<boolean> {
  if (!isDeepStrictEqual(await pointersOf(lake), state.pointers)) return false
  return isDeepStrictEqual(await hashesOf(lake.context.io, [...state.files.keys()]), state.files)
}

async function pointersOf(lake: Lake): Promise<Readonly<Record<string, string>>> {
  const tables = await tablesOf(lake)
  const pointers = tables.map(async table => [table.name, (await table.load()).metadataLocation] as const)
  return Object.fromEntries(await Promise.all(pointers))
}

async function hashesOf(io: FileIO, locations: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>()
  for (const location of locations) {
    hashes.set(
      location,
      createHash('sha256')
        .update(await io.read(location))
        .digest('base64'),
    )
  }
  return hashes
}

/** Scans every snapshot of every table to its end. */
export async function readEverySnapshot(lake: Lake): Promise<void> {
  for (const table of await tablesOf(lake)) {
    for (const { snapshotId } of await table.snapshots()) {
      const scan = table.at(snapshotId).scan()
      let rows = 0
      for await (const batch of scan.batches()) rows += batch.length
      expect(await scan.count(), `${table.name} at ${snapshotId}`).toBe(rows)
    }
  }
}

/** The tables hold what their source held at the checkpoint. */
export async function expectSourceState(lake: Lake, feed: RealFeed, checkpoint: number): Promise<void> {
  for (const table of keyedTables(checkpoint)) {
    let printed = ''
    for await (const batch of lake.table(`shop.${table}`).scan().batches()) {
      for (const row of jsonRowsOfBatch(batch)) printed += `${stringifyJson(row)}\n`
    }
    const { losses } = feed
    expect(scannedRows(printed, { checkpoint, table, losses }), `${table} at ${checkpoint}`).toEqual(
      sourceState(feed, checkpoint, table),
    )
  }
}

const wanted = new Map<string, readonly string[]>()

function sourceState({ name, losses }: RealFeed, checkpoint: number, table: string): readonly string[] {
  const key = `${name} ${checkpoint} ${table}`
  const rows = wanted.get(key) ?? wantedRows(checkpoint, table, losses)
  wanted.set(key, rows)
  return rows
}

async function tablesOf(lake: Lake): Promise<readonly ReturnType<Lake['table']>[]> {
  const namespaces = await lake.listNamespaces()
  const identifiers = await Promise.all(namespaces.map(namespace => lake.listTables(namespace)))
  const tables = identifiers.flat().map(identifier => lake.table(identifier))
  return tables.sort((a, b) => (printIdentifier(a.identifier) < printIdentifier(b.identifier) ? -1 : 1))
}

async function reachedFiles(io: FileIO, metadata: TableMetadata): Promise<readonly string[]> {
  const found = new Set(metadata.metadataLog.map(entry => entry.metadataFile))
  for (const snapshot of metadata.snapshots) {
    if (snapshot.manifestList !== undefined) found.add(snapshot.manifestList)
    for (const manifest of await readManifestList(io, snapshot)) {
      if (found.has(manifest.location)) continue
      found.add(manifest.location)
      const entries = await readManifest(io, manifest, {
        specs: metadata.partitionSpecs,
        schemas: metadata.schemas,
        schema: currentSchema(metadata),
        keep: status => status !== 'deleted',
        withStatistics: false,
      })
      for (const { file } of entries) found.add(file.location)
    }
  }
  return [...found].sort()
}
