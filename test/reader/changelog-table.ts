/**
 * Histories for changelogs: a real table whose files are also rewritten, and deleted from by key, as other engines do;
 * and what a changelog has to be, told by comparing all rows of consecutive snapshots.
 */
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bind } from '../../src/expression/bind.js'
import type { Expression } from '../../src/expression/expression.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import { PositionSet } from '../../src/format/position-set.js'
import type { FileIO } from '../../src/io/file-io.js'
import type {
  ContentFile,
  DataFile,
  DeleteFile,
  EqualityDeleteFile,
} from '../../src/manifest/content-file.js'
import { currentSchema, defaultSpec, snapshotById } from '../../src/metadata/lookup.js'
import type { Snapshot, SnapshotOperation, TableMetadata } from '../../src/metadata/table-metadata.js'
import {
  type ChangelogRequest,
  type ChangeMode,
  planChangelog,
  readChangelog,
} from '../../src/reader/changelog.js'
import type { ChangeType } from '../../src/reader/changelog-rows.js'
import { planScan, type ReadTask } from '../../src/reader/plan.js'
import { scanBatches } from '../../src/reader/scan.js'
import { LAST_UPDATED_SEQUENCE_NUMBER_FIELD, ROW_ID_FIELD } from '../../src/schema/reserved-fields.js'
import type { Field, Value } from '../../src/schema/types.js'
import { openDataWriter } from '../../src/writer/data-writer.js'
import { writeDeletionVectors } from '../../src/writer/deletion-vector-writer.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import type { Rows, TestTable } from '../writer/test-lake.js'

export interface CommittedFiles {
  readonly operation?: SnapshotOperation
  readonly added?: readonly DataFile[]
  readonly addedDeletes?: readonly DeleteFile[]
  readonly removed?: readonly ContentFile[]
}

/** Commits files as they are. */
export async function commitFiles(table: TestTable, files: CommittedFiles): Promise<void> {
  const { operation, added = [], addedDeletes = [], removed = [] } = files
  const changes = {
    ...(operation === undefined ? {} : { operation }),
    addedDataFiles: added,
    addedDeleteFiles: addedDeletes,
    removedFiles: removed,
  }
  const snapshots = snapshotChanges(table.io, table)
  await table.commit((base, attempt) => snapshots.produce(base, attempt, { changes, written: [] }))
}

const LINEAGE = [ROW_ID_FIELD, LAST_UPDATED_SEQUENCE_NUMBER_FIELD]

/**
 * Copy-on-write: rewrites every data file, each row as `change` says: as it is, another, or none; `more` are new.
 * Row lineage is carried over on v3 unless `forgetful`, as writers do that do not know it.
 */
export async function rewriteRows(
  table: TestTable,
  change: (row: readonly Value[]) => readonly Value[] | undefined,
  options: {
    readonly more?: Rows
    readonly forgetful?: boolean
    readonly operation?: SnapshotOperation
  } = {},
): Promise<void> {
  const { metadata } = await table.load()
  const schema = currentSchema(metadata)
  const lineage = metadata.formatVersion >= 3 && options.forgetful !== true ? LINEAGE : []
  const width = schema.fields.length
  const rows: (readonly Value[])[] = []
  const names = [...schema.fields, ...lineage].map(field => field.name)
  for (const row of await table.rows(names)) {
    const before = row.slice(0, width)
    const after = change(before)
    if (after === undefined) continue
    const untouched = after === before
    rows.push([
      ...after,
      ...(lineage.length === 0 ? [] : [row[width] ?? null, untouched ? (row[width + 1] ?? null) : null]),
    ])
  }
  for (const row of options.more ?? []) rows.push([...row, ...lineage.map(() => null)])
  const tasks = await table.tasks()
  await commitFiles(table, {
    operation: options.operation ?? 'overwrite',
    added: await writeRows(table, [...schema.fields, ...lineage], rows),
    removed: filesOf(tasks),
  })
}

/** Data files and the deletes about them. */
function filesOf(tasks: readonly ReadTask[]): readonly ContentFile[] {
  const files = new Set<ContentFile>()
  for (const { entry, deletes } of tasks) {
    files.add(entry.file)
    if (deletes.vector !== undefined) files.add(deletes.vector.file)
    for (const each of deletes.positionDeletes)
      if (each.file.referencedDataFile === entry.file.location) files.add(each.file)
  }
  return [...files]
}

async function writeRows(
  table: TestTable,
  fields: readonly Field[],
  rows: Rows,
): Promise<readonly DataFile[]> {
  if (rows.length === 0) return []
  const { metadata } = await table.load()
  const schema = currentSchema(metadata)
  const writer = openDataWriter({
    io: table.io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming: fileNaming(metadata, { operationUuid: table.runtime.orderedUuid() }),
    lineageFields: fields.slice(schema.fields.length),
  })
  await writer.write(batchOf(fields, rows))
  return writer.close()
}

/** Writes a global equality delete file of an unpartitioned table; commits it, and rows beside, if wanted. */
export async function deleteByKey(
  table: TestTable,
  key: Field,
  values: readonly Value[],
  more: Rows = [],
): Promise<void> {
  const { metadata } = await table.load()
  const location = `${metadata.location}/data/eq-${table.runtime.uuid()}.parquet`
  const fields = [{ ...key, required: false }]
  const writer = await openParquetWriter(table.io, location, { fields, codec: 'zstd' })
  await writer.write(
    batchOf(
      fields,
      values.map(value => [value]),
    ),
  )
  const { sizeBytes } = await writer.close()
  const file: EqualityDeleteFile = {
    content: 'equality-deletes',
    location,
    format: 'parquet',
    specId: 0,
    partition: [],
    recordCount: values.length,
    fileSizeBytes: sizeBytes,
    equalityFieldIds: [key.id],
  }
  await commitFiles(table, {
    addedDeletes: [file],
    added: await writeRows(table, currentSchema(metadata).fields, more),
  })
}

/** v3: gives a data file another deletion vector, in place of the one it has. */
export async function replaceVector(
  table: TestTable,
  task: ReadTask,
  positions: readonly number[],
): Promise<void> {
  const { metadata } = await table.load()
  const naming = fileNaming(metadata, { operationUuid: table.runtime.orderedUuid() })
  const files = await writeDeletionVectors(table.io, [{ task, positions: PositionSet.of(positions) }], {
    metadata,
    schema: currentSchema(metadata),
    naming,
  })
  const { vector } = task.deletes
  await commitFiles(table, { addedDeletes: files, removed: vector === undefined ? [] : [vector.file] })
}

/** A row of a changelog. */
export interface Change {
  readonly row: readonly Value[]
  readonly type: ChangeType
  readonly ordinal: number
  readonly snapshotId: bigint
}

export interface ChangesOptions {
  readonly from?: bigint | undefined
  readonly to?: bigint | undefined
  readonly mode?: ChangeMode
  readonly keys?: readonly string[]
  readonly filter?: Expression
}

/** A table to read, at its newest state or at a given one. */
export type Source = TestTable | { readonly io: FileIO; readonly metadata: TableMetadata }

async function metadataOf(source: Source): Promise<TableMetadata> {
  return 'metadata' in source ? source.metadata : (await source.load()).metadata
}

/** The changelog of a range, in its order. */
export async function changesOf(source: Source, options: ChangesOptions = {}): Promise<Change[]> {
  const metadata = await metadataOf(source)
  const toId = options.to ?? metadata.currentSnapshotId
  const request: ChangelogRequest = {
    from: options.from,
    to: toId === undefined ? undefined : snapshotById(metadata, toId),
    schema: currentSchema(metadata),
    mode: options.mode ?? 'raw',
    keys: options.keys,
    filter: options.filter === undefined ? undefined : bind(options.filter, currentSchema(metadata)),
  }
  const changes: Change[] = []
  for await (const batch of readChangelog(source.io, planChangelog(metadata, request)))
    for (const values of batchRows(batch))
      changes.push({
        row: values.slice(0, -3),
        type: values.at(-3) as ChangeType,
        ordinal: Number(values.at(-2)),
        snapshotId: values.at(-1) as bigint,
      })
  return changes
}

/** All rows of a snapshot in the current columns, in one order, as texts. */
export async function rowsAt(source: Source, snapshotId: bigint | undefined): Promise<string[]> {
  const metadata = await metadataOf(source)
  const snapshot = snapshotId === undefined ? undefined : snapshotById(metadata, snapshotId)
  const plan = await planScan({ metadata }, source.io, { snapshot, schema: currentSchema(metadata) })
  const rows: string[] = []
  for await (const batch of scanBatches(source.io, plan)) rows.push(...batchRows(batch).map(textOf))
  return rows.sort()
}

export function textOf(row: readonly Value[]): string {
  return JSON.stringify(row, (_, value) => {
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value)))
      return Object.is(value, -0) ? '-0.0' : String(value)
    return value
  })
}

/** The changes that a range must have, as `<ordinal> <snapshot> <D|I> <row>`, told row by row from all its states. */
export async function changesByDiff(source: Source, options: ChangesOptions = {}): Promise<string[]> {
  const metadata = await metadataOf(source)
  const expected: string[] = []
  let ordinal = 0
  for (const snapshot of historyOf(metadata, options)) {
    if (snapshot.operation === 'replace') continue
    const before = await rowsAt(source, snapshot.parentSnapshotId)
    const after = await rowsAt(source, snapshot.snapshotId)
    const place = `${ordinal++} ${snapshot.snapshotId}`
    for (const row of without(before, after)) expected.push(`${place} D ${row}`)
    for (const row of without(after, before)) expected.push(`${place} I ${row}`)
  }
  return expected.sort()
}

/** Snapshots of a range, oldest first. */
export function historyOf(metadata: TableMetadata, options: ChangesOptions = {}): Snapshot[] {
  const history: Snapshot[] = []
  let id = options.to ?? metadata.currentSnapshotId
  while (id !== undefined && id !== options.from) {
    const snapshot = snapshotById(metadata, id)
    if (snapshot === undefined) throw new Error('a snapshot of the history is missing')
    history.unshift(snapshot)
    id = snapshot.parentSnapshotId
  }
  return history
}

/** What is left of a list when the others are taken out, one for one. */
export function without(rows: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) + 1)
  return rows.filter(row => {
    const count = counts.get(row) ?? 0
    if (count > 0) counts.set(row, count - 1)
    return count === 0
  })
}

/** The form of `changesByDiff`; updates are a delete and an insert. */
export function textsOf(changes: readonly Change[]): string[] {
  return changes
    .map(({ row, type, ordinal, snapshotId }) => {
      const sign = type === 'DELETE' || type === 'UPDATE_BEFORE' ? 'D' : 'I'
      return `${ordinal} ${snapshotId} ${sign} ${textOf(row)}`
    })
    .sort()
}

/** The rows that changes make of rows, in one order. Fails when a row is deleted that is not there. */
export function applied(rows: readonly string[], changes: readonly Change[]): string[] {
  const counts = new Map<string, number>()
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1)
  for (const { row, type } of changes) {
    const text = textOf(row)
    const count = counts.get(text) ?? 0
    const isDelete = type === 'DELETE' || type === 'UPDATE_BEFORE'
    if (isDelete && count === 0) throw new Error(`a row is deleted that is not there: ${text}`)
    counts.set(text, isDelete ? count - 1 : count + 1)
  }
  return [...counts].flatMap(([row, count]) => Array.from({ length: count }, () => row)).sort()
}
