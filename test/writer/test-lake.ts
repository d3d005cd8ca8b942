/** One real table in a temporary lake: embedded catalog, memory or local files, and the verbs of this floor. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import type { Catalog, LoadedTable, TableIdentifier } from '../../src/catalog/catalog.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type CommitResult, commitTables, type TableAction } from '../../src/commit/commit-loop.js'
import type { Expression } from '../../src/expression/expression.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { currentSchema, currentSnapshot, defaultSpec } from '../../src/metadata/lookup.js'
import { type NewTable, newTableUpdates } from '../../src/metadata/new-table.js'
import { planScan, type ReadTask } from '../../src/reader/plan.js'
import { scanBatches } from '../../src/reader/scan.js'
import type { Field, Value } from '../../src/schema/types.js'
import { appendAction, discardFiles } from '../../src/writer/append.js'
import { type ChangeRowsOptions, changeRowsAction } from '../../src/writer/change-rows.js'
import { openDataWriter } from '../../src/writer/data-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { upsertChanges } from '../../src/writer/keyed-changes.js'
import { keyedWriteAction } from '../../src/writer/keyed-write.js'

export type Rows = readonly (readonly Value[])[]

/** Real time and chance, but no waiting. */
export const quickRuntime: Runtime = { ...systemRuntime, sleep: async () => {} }

export interface TestTable {
  readonly io: FileIO
  readonly catalog: Catalog
  readonly identifier: TableIdentifier
  readonly runtime: Runtime
  load(): Promise<LoadedTable>
  batch(rows: Rows): ColumnBatch
  append(rows: Rows): Promise<CommitResult>
  upsert(rows: Rows, keys: readonly string[]): Promise<CommitResult>
  delete(filter: Expression): Promise<CommitResult>
  commit(action: TableAction, base?: LoadedTable): Promise<CommitResult>
  /** All rows of the current snapshot, of all or some columns. */
  rows(select?: readonly string[]): Promise<Value[][]>
  tasks(): Promise<readonly ReadTask[]>
  /** Every file under the table's data folder. */
  dataFiles(): Promise<readonly string[]>
}

export interface TestTableOptions extends Partial<Omit<NewTable, 'schema' | 'uuid'>> {
  readonly fields: readonly Field[]
  readonly identifierFieldIds?: readonly number[]
  readonly local?: boolean
  /** Wraps the storage. */
  readonly layer?: (io: FileIO) => FileIO
}

const cleanUps: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

export async function createTestTable(options: TestTableOptions): Promise<TestTable> {
  const folder = await mkdtemp(join(tmpdir(), 'serac-writer-'))
  const runtime = quickRuntime
  const plain = options.local ? createLocalIO({ fsync: false, runtime }) : createMemoryIO()
  const io = options.layer?.(plain) ?? plain
  const warehouse = options.local ? folder : 'memory://lake'
  const catalog = await openEmbeddedCatalog({ path: join(folder, 'catalog.db'), warehouse, io, runtime })
  cleanUps.push(async () => {
    await catalog.close()
    await rm(folder, { recursive: true, force: true })
  })
  const identifier = { namespace: ['ns'], name: 't' }
  await catalog.createNamespace(['ns'])
  const location = options.local ? `file://${folder}/ns/t` : 'memory://lake/ns/t'
  const { fields, identifierFieldIds = [] } = options
  const updates = newTableUpdates({
    location,
    ...options,
    schema: { fields, identifierFieldIds },
    uuid: runtime.uuid(),
  })
  const created = await catalog.commit([{ identifier, requirements: [{ type: 'assert-create' }], updates }])
  if (created.status !== 'committed') throw new Error('the table was not created')
  return tableOf({ io, catalog, identifier, runtime, location, fields })
}

function tableOf(context: {
  io: FileIO
  catalog: Catalog
  identifier: TableIdentifier
  runtime: Runtime
  location: string
  fields: readonly Field[]
}): TestTable {
  const { io, catalog, identifier, runtime, location, fields } = context
  const load = (): Promise<LoadedTable> => catalog.loadTable(identifier)
  const batch = (rows: Rows): ColumnBatch => batchOf(fields, rows)
  const commit: TestTable['commit'] = (action, base) =>
    commitTables(catalog, [{ identifier, action, base }], { io, runtime })
  const planAll = async (select?: readonly string[]) => {
    const base = await load()
    const snapshot = currentSnapshot(base.metadata)
    return planScan(base, io, { snapshot, schema: currentSchema(base.metadata), select })
  }
  return {
    io,
    catalog,
    identifier,
    runtime,
    load,
    batch,
    commit,
    async append(rows) {
      const base = await load()
      const { metadata } = base
      const naming = fileNaming(metadata, { operationUuid: runtime.orderedUuid() })
      const schema = currentSchema(metadata)
      const writer = openDataWriter({ io, metadata, schema, spec: defaultSpec(metadata), naming })
      await writer.write(batch(rows))
      const files = await writer.close()
      const action = appendAction(io, files, { runtime })
      const discard = (): Promise<void> => discardFiles(io, files)
      return commitTables(catalog, [{ identifier, base, action, discard }], { io, runtime })
    },
    async upsert(rows, keys) {
      const base = await load()
      const changes = upsertChanges(batch(rows), { schema: currentSchema(base.metadata), keys })
      return commit(keyedWriteAction(io, changes, { runtime }), base)
    },
    delete: filter => commit(deleteRowsAction(io, filter, { runtime })),
    async rows(select) {
      const plan = await planAll(select)
      const all: Value[][] = []
      for await (const found of scanBatches(io, plan)) all.push(...batchRows(found))
      return all
    },
    tasks: async () => (await planAll()).tasks,
    async dataFiles() {
      const found: string[] = []
      for await (const stat of io.list(`${location}/data/`)) found.push(stat.location)
      return found.sort()
    },
  }
}

/** A delete whose condition is a predicate. */
export function deleteRowsAction(io: FileIO, filter: Expression, options: ChangeRowsOptions): TableAction {
  return changeRowsAction(io, { kind: 'delete', where: { kind: 'predicate', expression: filter } }, options)
}

/** The table's catalog, before whose first commit `change` is committed by somebody else. */
export function racingCatalog(table: TestTable, change: () => Promise<unknown>): Catalog {
  let raced = false
  return failingCatalog(table.catalog, async ({ verb, phase }) => {
    if (verb !== 'commit' || phase !== 'before' || raced) return undefined
    raced = true
    await change()
    return undefined
  })
}

/** Commits the action against a base that `change` moves just before the swap. */
export function commitRaced(
  table: TestTable,
  action: TableAction,
  change: () => Promise<unknown>,
): Promise<CommitResult> {
  const { io, runtime, identifier } = table
  return commitTables(racingCatalog(table, change), [{ identifier, action }], { io, runtime })
}

/** Rows in one order, for comparison. */
export function sorted(rows: Rows): string[] {
  return rows
    .map(row => JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)))
    .sort()
}

/** Files in the data folder that no snapshot refers to. */
export async function orphans(table: TestTable): Promise<readonly string[]> {
  const { metadata } = await table.load()
  const live = new Set<string>()
  for (const snapshot of metadata.snapshots) {
    const plan = await planScan({ metadata }, table.io, { snapshot, schema: currentSchema(metadata) })
    for (const { entry, deletes } of plan.tasks) {
      live.add(entry.file.location)
      if (deletes.vector !== undefined) live.add(deletes.vector.file.location)
      for (const found of deletes.positionDeletes) live.add(found.file.location)
    }
  }
  return (await table.dataFiles()).filter(location => !live.has(location))
}

/** The error that the work ends with, or nothing when it succeeds. */
export async function refusal(
  work: Promise<unknown>,
): Promise<{ kind?: string; message?: string; context?: unknown }> {
  try {
    await work
  } catch (error) {
    if (isLakeError(error)) return error
    throw error
  }
  return {}
}
