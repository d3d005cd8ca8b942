/**
 * What is so, whatever the processes believe: looked at whenever a pointer changes or a file goes, without faults.
 *
 * - A metadata file follows the one that was current: no commit is overwritten.
 * - A new snapshot stands on the head of its branch, and holds what its step makes of the rows there.
 * - All that it reaches is there. While it is in a table, no file of it is deleted.
 * - Only an expiry removes snapshots; only who is asked to moves or drops refs.
 */
import type { FileIO } from '../../src/io/file-io.js'
import { isLive, manifestTerms } from '../../src/manifest/live-entries.js'
import { keepManifests, manifestCacheOf } from '../../src/manifest/manifest-cache.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import { planScan } from '../../src/reader/plan.js'
import type { Contents, Row } from './rows.js'
import { type NamedStep, play, type TableName } from './steps.js'
import type { Storage } from './storage.js'

export interface TableTruth {
  readonly metadata: TableMetadata
  readonly location: string
}

export interface Truth {
  readonly violations: readonly string[]
  readonly tables: ReadonlyMap<TableName, TableTruth>
  /** Commits that landed, by the names of steps. */
  readonly landed: ReadonlyMap<string, number>
  /** Metadata files that are or were current. */
  readonly wasCurrent: ReadonlySet<string>
  /** Pointers may have changed, by the commit of a step. */
  look(step: string | undefined): Promise<void>
  fileDeleted(location: string, by: string): void
  /** What the tables reach, their metadata files not among it. */
  reached(): ReadonlySet<string>
  violated(what: string): void
}

export interface TruthOptions {
  readonly storage: () => Storage
  readonly contents: Contents
  /** Metadata locations of now. */
  readonly pointers: () => Promise<ReadonlyMap<string, string>>
  readonly stepOf: (name: string) => NamedStep | undefined
  /** The head that a step holds to, which its writer saw. */
  readonly sawOf: (name: string) => bigint | undefined
}

interface KnownSnapshot {
  readonly rows: readonly Row[]
  readonly files: readonly string[]
}

export const STEP = 'step'

export function createTruth(options: TruthOptions): Truth {
  const { contents, pointers, stepOf, sawOf } = options
  const violations: string[] = []
  const tables = new Map<TableName, TableTruth>()
  const landed = new Map<string, number>()
  const wasCurrent = new Set<string>()
  /** By table and id: a snapshot of a retried commit is another one when its list is. */
  const snapshots = new Map<string, KnownSnapshot>()
  /** Steps in the history of main, expired ones too, oldest first. */
  const lines = new Map<TableName, readonly (readonly [bigint, string])[]>()
  /** Snapshots of tables that reach the file. */
  const references = new Map<string, number>()
  const filesOfManifest = new Map<string, readonly string[]>()
  let io: FileIO | undefined

  const reader = (): FileIO => {
    if (io === undefined) {
      io = { ...options.storage().io }
      keepManifests(io, { sizeBytesMax: 2 ** 24 })
    }
    return io
  }
  const violated = (what: string): void => void violations.push(what)
  const refer = (files: readonly string[], by: 1 | -1): void => {
    for (const file of files) {
      const count = (references.get(file) ?? 0) + by
      if (count === 0) references.delete(file)
      else references.set(file, count)
    }
  }

  const filesOf = async (metadata: TableMetadata, snapshot: Snapshot): Promise<readonly string[]> => {
    const files = new Set<string>()
    if (snapshot.manifestList !== undefined) files.add(snapshot.manifestList)
    const terms = manifestTerms(metadata, currentSchema(metadata))
    for (const manifest of await readManifestList(reader(), snapshot)) {
      files.add(manifest.location)
      let known = filesOfManifest.get(manifest.location)
      if (known === undefined) {
        const cache = manifestCacheOf(reader())
        const read = { ...terms, keep: isLive, withStatistics: false, cache } as const
        known = (await readManifest(reader(), manifest, read)).map(({ file }) => file.location)
        filesOfManifest.set(manifest.location, known)
      }
      for (const file of known) files.add(file)
    }
    return [...files]
  }
  const rowsOf = async (metadata: TableMetadata, snapshot: Snapshot): Promise<readonly Row[]> => {
    const schema = currentSchema(metadata)
    const plan = await planScan({ metadata }, reader(), { snapshot, schema })
    return plan.tasks.flatMap(task => contents.rowsOf(task))
  }

  const lookAtSnapshot = async (
    table: TableName,
    snapshot: Snapshot,
    states: { readonly before: TableMetadata | undefined; readonly after: TableMetadata },
  ): Promise<void> => {
    const { before, after } = states
    const name = snapshot.summary[STEP] ?? ''
    const where = `${table} ${name} ${snapshot.snapshotId}`
    const known: KnownSnapshot = {
      files: await filesOf(after, snapshot),
      rows: await rowsOf(after, snapshot),
    }
    const storage = options.storage()
    for (const file of known.files) if (!storage.has(file)) violated(`${where}: ${file} is not there`)
    refer(known.files, 1)
    snapshots.set(`${table} ${snapshot.snapshotId}`, known)
    const again = isRestored(before, snapshot)
    if (again) return
    if (snapshot.parentSnapshotId !== before?.refs.main?.snapshotId)
      violated(`${where}: does not stand on the head`)
    const step = stepOf(name)
    if (step === undefined) return violated(`${where}: of no step`)
    const parent = snapshots.get(`${table} ${snapshot.parentSnapshotId}`)
    const expected = play(step.step, parent?.rows ?? [])
    if (step.step.verb === 'replace-all') {
      const seen = snapshots.get(`${table} ${sawOf(name)}`)
      if (seen !== undefined && textOf(seen.rows) !== textOf(parent?.rows ?? []))
        violated(`${where}: replaces rows that its writer never saw`)
    }
    const line = lines.get(table) ?? []
    const at = line.findIndex(([id]) => id === snapshot.parentSnapshotId)
    const ahead = line.slice(0, at + 1)
    if (ahead.some(([, other]) => other === name)) violated(`${where}: is in the history twice`)
    lines.set(table, [...ahead, [snapshot.snapshotId, name]])
    if (textOf(expected) !== textOf(known.rows))
      violated(`${where}: holds ${textOf(known.rows)}, not ${textOf(expected)}`)
  }
  /** A snapshot of before that an expiry has to make again comes without a branch. */
  const isRestored = (before: TableMetadata | undefined, snapshot: Snapshot): boolean =>
    before !== undefined &&
    stepOf(snapshot.summary[STEP] ?? '') !== undefined &&
    everKnown.has(snapshot.snapshotId)
  const everKnown = new Set<bigint>()

  const lookAtChange = async (
    table: TableName,
    states: { readonly before: TableTruth | undefined; readonly after: TableTruth },
    by: string,
  ): Promise<void> => {
    const { before, after } = states
    const where = `${table} ${by}`
    const previous = after.metadata.metadataLog.at(-1)?.metadataFile
    if (previous !== before?.location) violated(`${where}: overwrites ${before?.location}`)
    wasCurrent.add(after.location)
    const known = new Set(before?.metadata.snapshots.map(({ snapshotId }) => snapshotId))
    for (const snapshot of after.metadata.snapshots)
      if (!known.delete(snapshot.snapshotId)) {
        await lookAtSnapshot(table, snapshot, { before: before?.metadata, after: after.metadata })
        everKnown.add(snapshot.snapshotId)
      }
    const verb = stepOf(by)?.step.verb
    if (known.size > 0 && verb !== 'expire') violated(`${where}: removes snapshots ${[...known].join()}`)
    for (const id of known) {
      refer(snapshots.get(`${table} ${id}`)?.files ?? [], -1)
      // Its rows are the parent's of nobody any more.
      snapshots.delete(`${table} ${id}`)
    }
    lookAtRefs(where, verb, { before: before?.metadata, after: after.metadata })
  }
  const lookAtRefs = (
    where: string,
    verb: string | undefined,
    { before, after }: { readonly before: TableMetadata | undefined; readonly after: TableMetadata },
  ): void => {
    for (const [name, ref] of Object.entries(before?.refs ?? {})) {
      const now = after.refs[name]
      const mayGo = verb === 'drop-tag' || verb === 'expire'
      if (now === undefined && !mayGo) violated(`${where}: the ref ${name} is gone`)
      const mayMove = name === 'main' || verb === 'tag' || verb === 'expire'
      if (now !== undefined && now.snapshotId !== ref.snapshotId && !mayMove)
        violated(`${where}: the ref ${name} was moved`)
    }
    // A rollback takes the positions of streams along.
    for (const [key, value] of Object.entries(before?.properties ?? {}))
      if (after.properties[key] === undefined && !key.startsWith('serac.stream.'))
        violated(`${where}: the property ${key}=${value} is gone`)
  }

  const look = async (by: string | undefined): Promise<void> => {
    const changed: TableName[] = []
    for (const [name, location] of await pointers()) {
      const table = name.slice(name.indexOf('.') + 1) as TableName
      const before = tables.get(table)
      if (before?.location === location) continue
      try {
        const metadata = await readTableMetadata(reader(), location)
        const after = { metadata, location }
        tables.set(table, after)
        await lookAtChange(table, { before, after }, by ?? 'nobody')
      } catch (error) {
        violated(`${table} ${by}: ${error} ${JSON.stringify((error as { context?: unknown }).context)}`)
      }
      changed.push(table)
    }
    if (changed.length === 0 || by === undefined) return
    landed.set(by, (landed.get(by) ?? 0) + 1)
    if (stepOf(by)?.step.verb === 'append-both' && changed.length !== 2)
      violated(`${by}: changes ${changed.join()} alone`)
  }
  return {
    violations,
    tables,
    landed,
    wasCurrent,
    look,
    fileDeleted(location, by) {
      if (references.has(location)) violated(`${by} deletes ${location}, which a snapshot reaches`)
      for (const [table, { location: current }] of tables)
        if (current === location) violated(`${by} deletes the current metadata of ${table}`)
    },
    reached: () => new Set(references.keys()),
    violated,
  }
}

function textOf(rows: readonly Row[]): string {
  return rows
    .map(({ key, value }) => `${value}:${key}`)
    .sort()
    .join(' ')
}
