/**
 * Every kind of writer on one table, interleaved request by request by a seed, with answers that get lost: appends,
 * upserts, deletes, truncates, compactions, expiries, schema, spec and property changes, an upgrade to v3,
 * rollbacks, and the deletes of other engines. Whatever the order was, each snapshot that is kept holds exactly
 * what its history says when the operations are played one after the other on a plain list of rows.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { type CommitTarget, commitTables, type TableAction } from '../../src/commit/commit-loop.js'
import { ltEq } from '../../src/expression/expression.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import { failingIO } from '../../src/io/failing.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { compactTable } from '../../src/maintenance/compact.js'
import { expireSnapshots } from '../../src/maintenance/expire.js'
import type { DeleteFile } from '../../src/manifest/content-file.js'
import { currentSchema, currentSnapshot, defaultSpec } from '../../src/metadata/lookup.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import { planScan } from '../../src/reader/plan.js'
import { scanBatches } from '../../src/reader/scan.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import type { Field, Value } from '../../src/schema/types.js'
import { ancestors } from '../../src/snapshot/ancestry.js'
import { appendAction, discardFiles } from '../../src/writer/append.js'
import { openDataWriter } from '../../src/writer/data-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { createKeyCache, type KeyCache } from '../../src/writer/key-cache.js'
import { upsertChanges } from '../../src/writer/keyed-changes.js'
import { keyedWriteAction } from '../../src/writer/keyed-write.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import { createScheduler } from '../commit/scheduler.js'
import { checkTable, createWorld, type TestRuntime } from '../snapshot/world.js'
import { deleteRowsAction, sorted } from './test-lake.js'

const ID: Field = { id: 1, name: 'id', required: false, type: { kind: 'long' } }
const FIELDS: readonly Field[] = [
  ID,
  { id: 2, name: 'part', required: false, type: { kind: 'string' } },
  { id: 3, name: 'v', required: false, type: { kind: 'long' } },
]
const TABLE = { namespace: ['shop'], name: 't' }
const LOCATION = 'memory://lake/shop/t'

/** `v` is another one for every row ever written, so a row can be followed through history. */
type Row = readonly [id: bigint | null, part: string, v: bigint]

type Step =
  | { readonly verb: 'append' | 'upsert' | 'truncate'; readonly rows: readonly Row[] }
  | { readonly verb: 'delete'; readonly limit: number }
  | { readonly verb: 'equality-delete' | 'position-delete'; readonly id: number }
  | { readonly verb: 'compact' | 'expire' | 'rollback' | 'property' | 'column' | 'spec' | 'upgrade' }

const VERBS = [
  ...['append', 'append', 'append', 'upsert', 'upsert', 'upsert', 'upsert', 'delete', 'delete', 'truncate'],
  ...['equality-delete', 'position-delete', 'position-delete', 'compact', 'compact', 'compact', 'expire'],
  ...['rollback', 'property', 'column', 'spec', 'upgrade'],
] as const

const FILLING_STEPS = 3

interface Lake {
  readonly io: FileIO
  readonly catalog: Catalog
  readonly runtime: TestRuntime
  /** All upserts share it, as those of one process. */
  readonly keyCache?: KeyCache | undefined
}

interface Race {
  readonly seed: number
  readonly formatVersion: 2 | 3
  readonly actors: number
  readonly stepsEach: number
  readonly loss: number
  /** Bytes of keys and deletes that are kept in memory between upserts. */
  readonly cacheBytes: number
}

type Fate = 'committed' | 'unchanged' | 'refused' | 'unknown'

// ---- the steps

/** The first steps are appends that fill the table; they are not raced. */
function drawSteps(random: () => number, count: number): Map<string, Step> {
  let nextValue = 0n
  const below = (limit: number): number => Math.floor(random() * limit)
  const drawRow = (id: bigint | null): Row => [id, 'abc'.charAt(below(3)), nextValue++]
  const drawRows = (): Row[] =>
    Array.from({ length: 1 + below(4) }, () => drawRow(below(8) === 0 ? null : BigInt(below(7))))
  const steps = new Map<string, Step>()
  for (let number = 0; number < FILLING_STEPS; number++)
    steps.set(`${number}-fill`, { verb: 'append', rows: [...drawRows(), ...drawRows()] })
  for (let number = FILLING_STEPS; number < FILLING_STEPS + count; number++) {
    const verb = VERBS[below(VERBS.length)] as Step['verb']
    const name = `${number}-${verb}`
    if (verb === 'append') steps.set(name, { verb, rows: drawRows() })
    else if (verb === 'upsert' || verb === 'truncate')
      steps.set(name, { verb, rows: [...new Map(drawRows().map(row => [row[0], row])).values()] })
    else if (verb === 'delete') steps.set(name, { verb, limit: below(5) })
    else if (verb === 'equality-delete' || verb === 'position-delete') steps.set(name, { verb, id: below(7) })
    else steps.set(name, { verb } as Step)
  }
  return steps
}

/** What a step makes of the rows. */
function play(rows: readonly Row[], step: Step | undefined): readonly Row[] {
  if (step === undefined) return rows
  switch (step.verb) {
    case 'append':
      return [...rows, ...step.rows]
    case 'truncate':
      return step.rows
    case 'upsert': {
      const keys = new Set(step.rows.map(([id]) => id))
      return [...rows.filter(([id]) => !keys.has(id)), ...step.rows]
    }
    case 'delete':
      return rows.filter(([id]) => id === null || id > BigInt(step.limit))
    case 'equality-delete':
    case 'position-delete':
      return rows.filter(([id]) => id !== BigInt(step.id))
    default:
      return rows
  }
}

// ---- the writers

async function doStep(lake: Lake, name: string, step: Step): Promise<boolean> {
  const { io, runtime, catalog } = lake
  const summary = { step: name }
  const options = { runtime, summary }
  switch (step.verb) {
    case 'append': {
      const base = await catalog.loadTable(TABLE)
      const files = await writeFiles(lake, base, step.rows)
      return commitOne(lake, {
        identifier: TABLE,
        base,
        action: appendAction(io, files, options),
        discard: () => discardFiles(io, files),
      })
    }
    case 'upsert':
    case 'truncate': {
      const base = await catalog.loadTable(TABLE)
      const schema = currentSchema(base.metadata)
      const upsert = upsertChanges(batchOf(FIELDS, step.rows), { schema, keys: ['id'] })
      const truncate = step.verb === 'truncate'
      const changes = truncate
        ? { ...upsert, keys: batchOf([ID], []), rows: batchOf(FIELDS, step.rows), truncate }
        : upsert
      const action = keyedWriteAction(io, changes, { ...options, keyCache: lake.keyCache })
      return commitOne(lake, { identifier: TABLE, base, action })
    }
    case 'delete':
      return commitOne(lake, {
        identifier: TABLE,
        action: deleteRowsAction(io, ltEq('id', step.limit), options),
      })
    case 'equality-delete':
      return commitOne(lake, { identifier: TABLE, action: equalityDelete(lake, name, BigInt(step.id)) })
    case 'position-delete':
      return commitOne(lake, { identifier: TABLE, action: positionDelete(lake, name, BigInt(step.id)) })
    case 'compact': {
      const limits = { minInputFiles: 2, maxCommits: 1 + Math.floor(runtime.random() * 2) }
      const report = await compactTable(catalog, TABLE, { io, ...options, ...limits })
      return report.groups.committed > 0
    }
    case 'expire':
      await expireSnapshots(catalog, TABLE, { io, runtime, olderThanMs: runtime.nowMs(), retainLast: 2 })
      return false
    case 'rollback':
      await commitOne(lake, { identifier: TABLE, action: rollBack })
      return false
    default:
      await commitOne(lake, { identifier: TABLE, action: async base => structural(base, step.verb) })
      return false
  }
}

async function commitOne({ catalog, io, runtime }: Lake, target: CommitTarget): Promise<boolean> {
  const retry = { retriesMax: 40, statusChecksMax: 3 }
  const result = await commitTables(catalog, [target], { io, runtime, retry })
  return result.changed[0] === true
}

async function writeFiles({ io, runtime }: Lake, { metadata }: LoadedTable, rows: readonly Row[]) {
  const naming = fileNaming(metadata, { operationUuid: runtime.orderedUuid() })
  const schema = currentSchema(metadata)
  const writer = openDataWriter({ io, metadata, schema, spec: defaultSpec(metadata), naming })
  await writer.write(batchOf(FIELDS, rows))
  return writer.close()
}

const rollBack: TableAction = async ({ metadata }) => {
  const [head, ...earlier] = ancestors(metadata, metadata.currentSnapshotId)
  const target = earlier[Math.min(1, earlier.length - 1)]
  if (head === undefined || target === undefined) return 'unchanged'
  const ref = { type: 'branch', snapshotId: target.snapshotId } as const
  return {
    requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', snapshotId: head.snapshotId }],
    updates: [{ action: 'set-snapshot-ref', refName: 'main', ref }],
    written: [],
  }
}

/** Changes of another engine that do not touch a row. They require nothing, as property changes do. */
function structural({ metadata }: LoadedTable, verb: Step['verb']) {
  const number = String(metadata.lastUpdatedMs + metadata.schemas.length)
  return { requirements: [], updates: updatesOf(metadata, verb, number), written: [] }
}

function updatesOf(metadata: TableMetadata, verb: Step['verb'], number: string): readonly TableUpdate[] {
  switch (verb) {
    case 'column': {
      const schema = currentSchema(metadata)
      const id = metadata.lastColumnId + 1
      const column: Field = { id, name: `c${id}`, required: false, type: { kind: 'int' } }
      return [
        { action: 'add-schema', schema: { ...schema, fields: [...schema.fields, column] } },
        { action: 'set-current-schema', schemaId: -1 },
      ]
    }
    case 'spec': {
      const isPlain = defaultSpec(metadata).fields.length === 0
      const field = { sourceId: 2, fieldId: 1000, name: 'part', transform: { kind: 'identity' } } as const
      return [
        { action: 'add-spec', spec: { specId: 0, fields: isPlain ? [field] : [] } },
        { action: 'set-default-spec', specId: -1 },
      ]
    }
    case 'upgrade':
      return [{ action: 'upgrade-format-version', formatVersion: 3 }]
    default:
      return [{ action: 'set-properties', updates: { note: number } }]
  }
}

/** As a streaming writer of another engine: blind, and of the unpartitioned spec 0, so it reaches everything. */
function equalityDelete({ io, runtime }: Lake, name: string, id: bigint): TableAction {
  const location = `${LOCATION}/data/${name}-equality.parquet`
  const snapshots = snapshotChanges(io, { runtime, summary: { step: name } })
  let file: DeleteFile | undefined
  return async (base, attempt) => {
    file ??= {
      content: 'equality-deletes',
      location,
      format: 'parquet',
      specId: 0,
      partition: [],
      equalityFieldIds: [1],
      ...(await writeParquet(io, location, [ID], [[id]])),
    }
    const changes = { addedDataFiles: [], addedDeleteFiles: [file], removedFiles: [] }
    return snapshots.produce(base, attempt, { changes, written: [location] })
  }
}

/** As Spark with partition granularity: one file for all data files of a partition, naming none of them. */
function positionDelete({ io, runtime }: Lake, name: string, id: bigint): TableAction {
  const snapshots = snapshotChanges(io, { runtime, summary: { step: name } })
  return async (base, attempt) => {
    const { metadata } = base
    const schema = currentSchema(metadata)
    const plan = await planScan(base, io, {
      snapshot: currentSnapshot(metadata),
      schema,
      select: ['id', '_file', '_pos'],
    })
    if (metadata.formatVersion >= 3) return 'unchanged'
    const places = new Map<string, [string, bigint][]>()
    for await (const batch of scanBatches(io, plan))
      for (const [found, path, position] of batchRows(batch))
        if (found === id)
          places.set(String(path), [...(places.get(String(path)) ?? []), [String(path), position as bigint]])
    const partitions = new Map<
      string,
      { specId: number; partition: readonly Value[]; rows: [string, bigint][] }
    >()
    for (const { entry } of plan.tasks) {
      const { specId, partition, location } = entry.file
      const key = `${specId} ${partition.join()}`
      const group = partitions.get(key) ?? { specId, partition, rows: [] }
      group.rows.push(...(places.get(location) ?? []))
      partitions.set(key, group)
    }
    const files: DeleteFile[] = []
    for (const { specId, partition, rows } of partitions.values()) {
      if (rows.length === 0) continue
      const location = `${LOCATION}/data/${name}-${attempt.number}-${files.length}-positions.parquet`
      const fields = [DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD]
      const written = await writeParquet(io, location, fields, rows)
      files.push({ content: 'position-deletes', location, format: 'parquet', specId, partition, ...written })
    }
    if (files.length === 0) return 'unchanged'
    const changes = { addedDataFiles: [], addedDeleteFiles: files, removedFiles: [] }
    return snapshots.produce(base, attempt, { changes, written: files.map(file => file.location) })
  }
}

async function writeParquet(
  io: FileIO,
  location: string,
  fields: readonly Field[],
  rows: readonly (readonly Value[])[],
) {
  const writer = await openParquetWriter(io, location, { fields, codec: 'zstd' })
  await writer.write(batchOf(fields, rows))
  const { sizeBytes } = await writer.close()
  return { recordCount: rows.length, fileSizeBytes: sizeBytes }
}

// ---- the race

async function race(given: Race): Promise<void> {
  const scheduler = createScheduler(given.seed)
  let isRacing = false
  const io = failingIO(createMemoryIO(), async call => {
    if (isRacing && call.phase === 'before') await scheduler.gate()
    return undefined
  })
  const world = await createWorld({ seed: given.seed, io })
  const updates = newTableUpdates({
    schema: { fields: FIELDS, identifierFieldIds: [] },
    location: LOCATION,
    formatVersion: given.formatVersion,
    uuid: world.runtime.uuid(),
  })
  await world.catalog.commit([{ identifier: TABLE, requirements: [{ type: 'assert-create' }], updates }])
  const catalog = failingCatalog(world.catalog, async call => {
    await scheduler.gate()
    if (call.verb !== 'commit' && call.verb !== 'settle') return undefined
    return scheduler.random() < given.loss ? 'lost' : undefined
  })
  const runtime: TestRuntime = {
    ...world.runtime,
    sleep: async ms => {
      world.runtime.advance(ms)
      await scheduler.gate()
    },
  }
  const { cacheBytes: sizeBytesMax } = given
  const keyCache = sizeBytesMax > 0 ? createKeyCache({ sizeBytesMax }) : undefined
  const lake: Lake = { io, catalog, runtime, keyCache }
  const steps = drawSteps(scheduler.random, given.actors * given.stepsEach)
  const fates = new Map<string, Fate>()
  const names = [...steps.keys()]
  for (const name of names.splice(0, FILLING_STEPS)) await doStep({ ...world, io }, name, steps.get(name)!)
  const actor = async (who: number): Promise<void> => {
    for (const name of names.filter((_, index) => index % given.actors === who)) {
      world.runtime.advance(1)
      try {
        fates.set(name, (await doStep(lake, name, steps.get(name)!)) ? 'committed' : 'unchanged')
      } catch (error) {
        if (isLakeError(error, 'conflict')) fates.set(name, 'refused')
        else if (isLakeError(error, 'commit-state-unknown')) fates.set(name, 'unknown')
        // A compaction reads what it planned on; an expiry may have taken it.
        else if (isLakeError(error, 'not-found') && name.endsWith('compact')) fates.set(name, 'refused')
        else throw error
      }
    }
  }
  isRacing = true
  await scheduler.run(Array.from({ length: given.actors }, (_, who) => () => actor(who)))
  isRacing = false
  await check({ ...world, io }, { given, steps, fates })
  await world.catalog.close()
}

async function check(
  lake: Lake,
  {
    given,
    steps,
    fates,
  }: { given: Race; steps: ReadonlyMap<string, Step>; fates: ReadonlyMap<string, Fate> },
): Promise<void> {
  const { metadata } = await lake.catalog.loadTable(TABLE)
  await checkTable(lake.io, metadata)
  const history = await everySnapshot(lake, metadata)
  const landed = history.map(snapshot => snapshot.summary.step ?? '')
  for (const [name, fate] of fates) {
    const times = landed.filter(step => step === name).length
    if (steps.get(name)?.verb === 'compact') continue
    if (fate === 'committed') expect([name, times]).toEqual([name, 1])
    else if (fate === 'unknown') expect([name, times <= 1]).toEqual([name, true])
    else expect([name, times]).toEqual([name, 0])
  }
  const byId = new Map(history.map(snapshot => [snapshot.snapshotId, snapshot]))
  const modelOf = (snapshot: Snapshot | undefined): readonly Row[] => {
    const line: Snapshot[] = []
    for (let at = snapshot; at !== undefined; at = byId.get(at.parentSnapshotId ?? -1n)) line.push(at)
    return line.reduceRight<readonly Row[]>((rows, at) => play(rows, steps.get(at.summary.step ?? '')), [])
  }
  const lineages = new Map<bigint, Map<bigint, Value[]>>()
  for (const snapshot of metadata.snapshots) {
    const rows = await rowsAt(lake, metadata, snapshot)
    const where = `${JSON.stringify(given)} ${snapshot.summary.step}`
    expect([where, sorted(rows.map(row => row.slice(0, 3)))]).toEqual([where, sorted(modelOf(snapshot))])
    if (snapshot.firstRowId === undefined) continue
    const ids = rows.map(row => row[3])
    expect([where, ids.includes(null), new Set(ids).size]).toEqual([where, false, rows.length])
    lineages.set(snapshot.snapshotId, new Map(rows.map(row => [row[2] as bigint, row.slice(3)])))
  }
  for (const snapshot of metadata.snapshots) {
    const parent = lineages.get(snapshot.parentSnapshotId ?? -1n)
    const before = modelOf(byId.get(snapshot.parentSnapshotId ?? -1n))
    const { firstRowId = 0n, summary } = snapshot
    if (parent === undefined) continue
    for (const [id, , v] of modelOf(snapshot)) {
      const lineage = lineages.get(snapshot.snapshotId)?.get(v)
      const where = [given, summary.step, v]
      if (parent.has(v)) expect([where, lineage]).toEqual([where, parent.get(v)])
      else {
        const isUpsert = steps.get(summary.step ?? '')?.verb === 'upsert'
        const replaced = isUpsert
          ? before.filter(row => row[0] === id).map(row => parent.get(row[2])?.[0])
          : []
        const rowId = lineage?.[0] as bigint
        const isRight = replaced.length === 0 ? rowId >= firstRowId : replaced.includes(rowId)
        expect([where, rowId, isRight]).toEqual([where, rowId, true])
      }
    }
  }
}

async function rowsAt(lake: Lake, metadata: TableMetadata, snapshot: Snapshot): Promise<Value[][]> {
  const lineage = snapshot.firstRowId === undefined ? [] : ['_row_id', '_last_updated_sequence_number']
  const select = ['id', 'part', 'v', ...lineage]
  const plan = await planScan({ metadata }, lake.io, { snapshot, schema: currentSchema(metadata), select })
  const rows: Value[][] = []
  for await (const batch of scanBatches(lake.io, plan)) rows.push(...batchRows(batch))
  return rows
}

/** Expired ones too: no metadata file is deleted, and the log leads to those that were current. */
async function everySnapshot(lake: Lake, metadata: TableMetadata): Promise<readonly Snapshot[]> {
  const all = new Map(metadata.snapshots.map(snapshot => [snapshot.snapshotId, snapshot]))
  for (const { metadataFile } of metadata.metadataLog)
    for (const snapshot of (await readTableMetadata(lake.io, metadataFile)).snapshots)
      all.set(snapshot.snapshotId, snapshot)
  return [...all.values()]
}

describe('writers of every kind at once', () => {
  it('leave what their history says, in every snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(),
          formatVersion: fc.constantFrom(2 as const, 3 as const),
          actors: fc.integer({ min: 2, max: 4 }),
          stepsEach: fc.integer({ min: 3, max: 7 }),
          loss: fc.constantFrom(0, 0, 0.15),
          cacheBytes: fc.constantFrom(0, 2_000, 2 ** 20, 2 ** 20),
        }),
        race,
      ),
      { numRuns: 12 },
    )
  })
})
