/**
 * Planted bugs: what serac, a catalog or a store could do wrong, each as a layer or a replaced part. The world has to notice
 * every one of them, or its checks are worth nothing.
 */

import { isLakeError, LakeError } from '../../src/base/errors.js'
import type { Catalog, CommitOutcome, LoadedTable, TableCommit } from '../../src/catalog/catalog.js'
import type { ItemStore, ItemWrite } from '../../src/catalog/dynamodb-store.js'
import { sameIdentifier } from '../../src/catalog/identifier.js'
import type { LockStore } from '../../src/catalog/lock.js'
import { CLEANED_BEFORE } from '../../src/catalog/write-leases.js'
import type { CommitTarget, TableAction } from '../../src/commit/table-action.js'
import type { FileIO } from '../../src/io/file-io.js'
import { unreachableFiles } from '../../src/maintenance/reachable-files.js'
import { refSnapshot, snapshotById } from '../../src/metadata/lookup.js'
import { headOf } from '../../src/writer/snapshot-change.js'
import { seededRandom } from '../snapshot/world.js'
import type { CatalogKind } from './catalogs.js'
import type { Process } from './network.js'
import type { Step } from './steps.js'
import { PARTS, type Parts } from './writers.js'

export interface Bug {
  readonly name: string
  /** Where it is planted; default the DynamoDB catalog. */
  readonly kind?: CatalogKind
  /** Steps that come more often than in other worlds. */
  readonly favours?: readonly Step['verb'][]
  /** Share of steps that take long. */
  readonly slowShare?: number
  /** Orphans of these ages are removed: less than else, so that more is in flight. */
  readonly agesMs?: readonly number[]
  readonly parts?: Partial<Parts>
  readonly process?: (process: Process) => void
  readonly io?: (io: FileIO) => FileIO
  readonly catalog?: (catalog: Catalog) => Catalog
  readonly items?: (items: ItemStore) => ItemStore
  readonly locks?: (locks: LockStore) => LockStore
}

type Unknown = Extract<CommitOutcome, { status: 'unknown' }>

/** Stands still between its files and its swap, so that a lease lapses. */
const sleepsForDays: Parts['action'] = (action, _, runtime) => async (base, attempt) => {
  const change = await action(base, attempt)
  if (runtime.random() < 0.15) await runtime.sleep((1 + 3 * runtime.random()) * 86_400_000)
  return change
}

// ---- what becomes of a swap

function refusalOf(changes: readonly TableCommit[]): CommitOutcome {
  const [first] = changes
  if (first === undefined) throw new Error('a commit names a table')
  return { status: 'conflict', identifier: first.identifier, reason: 'it was taken for one' }
}

/** Another outcome than `unknown`. */
function withUnknown(
  catalog: Catalog,
  instead: (unknown: Unknown, changes: readonly TableCommit[]) => Promise<CommitOutcome>,
): Catalog {
  return {
    ...catalog,
    async commit(changes, options) {
      const outcome = await catalog.commit(changes, options)
      return outcome.status === 'unknown' ? instead(outcome, changes) : outcome
    },
  }
}

async function statesOf(catalog: Catalog, changes: readonly TableCommit[]): Promise<LoadedTable[]> {
  const tables: LoadedTable[] = []
  for (const { identifier } of changes) tables.push(await catalog.loadTable(identifier))
  return tables
}

async function isAtBase(catalog: Catalog, changes: readonly TableCommit[]): Promise<boolean> {
  const tables = await statesOf(catalog, changes)
  return tables.some((table, index) => table.metadataLocation === changes[index]?.base?.metadataLocation)
}

/** The same changes, for the refs as they stand now. */
async function rebased(catalog: Catalog, changes: readonly TableCommit[]): Promise<readonly TableCommit[]> {
  const tables = await statesOf(catalog, changes)
  return changes.map((change, index) => ({
    ...change,
    requirements: change.requirements.map(requirement => {
      const metadata = tables[index]?.metadata
      if (requirement.type !== 'assert-ref-snapshot-id' || metadata === undefined) return requirement
      return { ...requirement, snapshotId: refSnapshot(metadata, requirement.ref)?.snapshotId }
    }),
  }))
}

const SWAPS: readonly Bug[] = [
  {
    name: 'a swap compares nothing',
    items: items => ({
      ...items,
      write: (writes, options) => items.write(writes.map(unconditional), options),
    }),
  },
  {
    name: 'an unknown outcome is taken for a refusal',
    catalog: catalog => withUnknown(catalog, async (_, changes) => refusalOf(changes)),
  },
  {
    name: 'an unknown outcome is taken for a success',
    catalog: catalog =>
      withUnknown(catalog, async (_, changes) => ({
        status: 'committed',
        tables: await statesOf(catalog, changes),
      })),
  },
  {
    // With the same requirements it would be refused by itself, which the commit loop sees through.
    name: 'a swap without an answer is done anew, upon what is there now',
    catalog: catalog =>
      withUnknown(catalog, async (_, changes) => catalog.commit(await rebased(catalog, changes))),
  },
  {
    name: 'a pointer that has not moved is taken for a swap that was never sent',
    kind: 'pointers',
    catalog: catalog =>
      withUnknown(catalog, async (unknown, changes) => {
        if (await isAtBase(catalog, changes)) throw new LakeError('unavailable', 'it was not sent')
        return unknown
      }),
  },
  {
    name: 'a pointer that has moved on is taken for a refusal',
    catalog: catalog =>
      withUnknown(catalog, async (unknown, changes) => {
        const tables = await statesOf(catalog, changes)
        const locations = unknown.attempt.metadataLocations
        const isOurs = tables.some(table => locations?.includes(table.metadataLocation))
        return isOurs || (await isAtBase(catalog, changes)) ? unknown : refusalOf(changes)
      }),
  },
  {
    name: 'requirements are not checked',
    catalog: catalog => ({
      ...catalog,
      commit: (changes, options) =>
        catalog.commit(
          changes.map(change => ({ ...change, requirements: [] })),
          options,
        ),
    }),
  },
  {
    name: 'two tables are committed one after the other',
    catalog: catalog => ({
      ...catalog,
      async commit(changes, options) {
        const tables: LoadedTable[] = []
        for (const change of changes) {
          const outcome = await catalog.commit([change], options)
          if (outcome.status !== 'committed') return outcome
          tables.push(...outcome.tables)
        }
        return { status: 'committed', tables }
      },
    }),
  },
  {
    name: 'a swap does not look at the fence',
    favours: ['clean'],
    agesMs: [0],
    catalog: catalog => ({
      ...catalog,
      commit: (changes, options) => catalog.commit(changes, { ...options, sinceMs: undefined }),
    }),
  },
  {
    name: 'a swap does not look for its leases',
    favours: ['clean', 'append'],
    slowShare: 0.7,
    parts: { action: sleepsForDays },
    catalog: catalog => ({
      ...catalog,
      commit: (changes, options) => catalog.commit(changes, { ...options, leases: undefined }),
    }),
  },
]

function unconditional(write: ItemWrite): ItemWrite {
  if (write.kind !== 'update' || write.set['p.metadata_location'] === undefined) return write
  return { ...write, condition: undefined }
}

// ---- files

const FILES: readonly Bug[] = [
  {
    name: 'two processes draw the same names',
    process: process => {
      const random = seededRandom(4711)
      const digits = (count: number): string =>
        Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('')
      const uuid = (): string => `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`
      Object.assign(process.runtime, { uuid, orderedUuid: uuid })
    },
  },
  {
    name: 'a file counts as written before it is',
    io: io => ({
      ...io,
      async write(location, bytes, options) {
        const writing = io.write(location, bytes, options)
        if (location.endsWith('.metadata.json')) await writing
        else writing.catch(() => undefined)
      },
    }),
  },
  {
    name: 'a write without an answer counts as done',
    io: io => ({ ...io, write: (...args) => io.write(...args).catch(() => undefined) }),
  },
]

// ---- locks: conditional creation forgives what a lock does wrong, so that is missing too

/** As Java renames. */
const createOver = (io: FileIO): FileIO => ({
  ...io,
  async create(location, bytes, options) {
    await io.delete([location], options)
    return io.create(location, bytes, options)
  },
})

const LOCKS: readonly Bug[] = [
  {
    name: 'versions are written over each other under locks that anybody takes',
    kind: 'filesystem',
    io: createOver,
    locks: locks => ({
      ...locks,
      put: async () => 'done',
    }),
  },
]

// ---- operations

/** Each attempt after the first gives the list of the first, on another parent. */
const keepFirstList = (action: TableAction): TableAction => {
  let first: Awaited<ReturnType<TableAction>> | undefined
  return async (base, attempt) => {
    if (first === undefined || first === 'unchanged') {
      first = await action(base, attempt)
      return first
    }
    const head = headOf(base.metadata)?.snapshotId
    return {
      ...first,
      requirements: [],
      updates: first.updates.map(update =>
        update.action === 'add-snapshot'
          ? {
              ...update,
              snapshot: {
                ...update.snapshot,
                ...(head === undefined ? {} : { parentSnapshotId: head }),
                sequenceNumber: base.metadata.lastSequenceNumber + 1n,
                timestampMs: Math.max(update.snapshot.timestampMs, base.metadata.lastUpdatedMs + 1),
              },
            }
          : update,
      ),
    }
  }
}

const OPERATIONS: readonly Bug[] = [
  { name: 'a retry keeps the list of the first attempt', parts: { action: keepFirstList } },
  {
    name: 'a change says that it wrote the list of its base',
    parts: {
      action: action => async (base, attempt) => {
        const change = await action(base, attempt)
        const list = refSnapshot(base.metadata, 'main')?.manifestList
        if (change === 'unchanged' || list === undefined) return change
        return { ...change, written: [...change.written, list] }
      },
    },
  },
  { name: 'keys are looked up at the first attempt alone', parts: { decidesAgain: false } },
  {
    name: 'an overwrite does not hold to what its writer saw',
    parts: {
      overwriteAction: (io, overwrite, options) => (base, attempt) =>
        PARTS.overwriteAction(io, { ...overwrite, basis: headOf(base.metadata) }, options)(base, attempt),
    },
  },
  { name: 'a token is not looked for', parts: { onceAction: inner => inner } },
  {
    name: 'files of an unknown commit are deleted',
    kind: 'pointers',
    parts: {
      async commitTables(catalog, targets, options) {
        try {
          return await PARTS.commitTables(catalog, targets, options)
        } catch (error) {
          if (isLakeError(error, 'commit-state-unknown')) await discardAll(targets)
          throw error
        }
      },
    },
  },
  {
    name: 'what the first attempt wrote is deleted when another one lands',
    parts: {
      async commitTables(catalog, targets, options) {
        const first: string[] = []
        const watched = targets.map(target => ({ ...target, action: noting(target.action, first) }))
        const result = await PARTS.commitTables(catalog, watched, options)
        if (result.attempts > 1) await options.io.delete(first)
        return result
      },
    },
  },
]

function noting(action: TableAction, first: string[]): TableAction {
  return async (base, attempt) => {
    const change = await action(base, attempt)
    if (attempt.number === 1 && change !== 'unchanged') first.push(...change.written)
    return change
  }
}

async function discardAll(targets: readonly CommitTarget[]): Promise<void> {
  for (const target of targets) await target.discard?.()
}

// ---- maintenance

const MAINTENANCE: readonly Bug[] = [
  {
    name: 'a compaction looks at nothing that came meanwhile',
    favours: ['compact', 'upsert'],
    parts: { standingGroups: async (_, groups) => groups },
  },
  {
    name: 'a compaction looks at files and not at their deletes',
    favours: ['compact', 'upsert'],
    parts: {
      standingGroups: async (_, groups, { now }) => {
        const live = new Set(now.tasks.map(task => task.entry.file.location))
        return groups.filter(({ group }) => group.tasks.every(task => live.has(task.entry.file.location)))
      },
    },
  },
  {
    name: 'an expiry deletes all that an expired snapshot reached',
    favours: ['expire'],
    parts: {
      async expireSnapshots(catalog, identifier, options) {
        const { metadata: before } = await catalog.loadTable(identifier)
        const report = await PARTS.expireSnapshots(catalog, identifier, { ...options, deleteFiles: false })
        const removed = report.snapshotIds.flatMap(id => snapshotById(before, id) ?? [])
        const kept = { ...before, snapshots: [] }
        const files = await unreachableFiles(options.io, { removed, before, kept })
        await options.io.delete(files.map(file => file.location))
        return report
      },
    },
  },
  {
    name: 'orphans are removed without a fence',
    favours: ['clean'],
    agesMs: [0],
    parts: {
      removeOrphans: (catalog, identifier, options) =>
        PARTS.removeOrphans(withoutFence(catalog), identifier, options),
    },
  },
  {
    name: 'orphans are removed by the state of before the list',
    favours: ['clean'],
    agesMs: [0],
    parts: {
      async removeOrphans(catalog, identifier, options) {
        const first = await catalog.loadTable(identifier)
        const loadTable: Catalog['loadTable'] = async (asked, loading) =>
          sameIdentifier(asked, identifier) ? first : catalog.loadTable(asked, loading)
        return PARTS.removeOrphans({ ...withoutFence(catalog), loadTable }, identifier, options)
      },
    },
  },
  {
    name: 'orphans are removed although their lease stands',
    favours: ['clean'],
    agesMs: [0],
    slowShare: 0.5,
    parts: {
      removeOrphans: (catalog, identifier, options) =>
        PARTS.removeOrphans({ ...catalog, writeLeases: undefined }, identifier, options),
    },
  },
]

/** Says that the fence stands. */
function withoutFence(catalog: Catalog): Catalog {
  return {
    ...catalog,
    async commit(changes, options) {
      const isFence = changes.some(({ updates }) =>
        updates.some(update => update.action === 'set-properties' && CLEANED_BEFORE in update.updates),
      )
      return isFence
        ? { status: 'committed', tables: await statesOf(catalog, changes) }
        : catalog.commit(changes, options)
    },
  }
}

export const BUGS: readonly Bug[] = [...SWAPS, ...FILES, ...LOCKS, ...OPERATIONS, ...MAINTENANCE]
