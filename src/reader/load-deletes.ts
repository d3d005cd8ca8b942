/**
 * Loading the deletes of a scan. A delete file that reaches several data files is read once; what was read is
 * kept until the last task that needs it has taken it, so memory holds no more than what is still ahead.
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { projectBatch } from '../batch/project-batch.js'
import { buildKeyTable, type KeyTable } from '../batch/row-hash.js'
import { concatBatches } from '../batch/take.js'
import { parseDeletionVector } from '../format/deletion-vector.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, EqualityDeleteFile, PositionDeleteFile } from '../manifest/content-file.js'
import type { EntryOf } from '../manifest/delete-index.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { planProjection } from '../schema/projection.js'
import type { Field, Schema } from '../schema/types.js'
import type { DeleteCache } from './delete-cache.js'
import { type KeyColumn, keyColumn } from './equality-keys.js'
import { openContentFile } from './open-file.js'
import type { ReadTask } from './plan.js'
import { type PositionsByPath, readPositionDeletes } from './position-delete-file.js'
import type { ScanCounters } from './scan-counters.js'
import { createSharedLoads } from './shared-loads.js'

/** Equality deletes that compare the same columns: a row is deleted when its key is in the table. */
export interface KeyDeletes {
  readonly keys: readonly KeyColumn[]
  readonly table: KeyTable
}

export interface TaskDeletes {
  /** Deleted positions of the task's file. */
  readonly positions?: PositionSet
  readonly keyDeletes: readonly KeyDeletes[]
}

export interface DeleteLoader {
  /** The deletes of a task of this scan; asked for once a task. */
  load(task: ReadTask, signal?: AbortSignal): Promise<TaskDeletes>
}

export interface DeleteLoaderOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** Every task that will ask. */
  readonly tasks: readonly ReadTask[]
  readonly counters?: ScanCounters | undefined
  /** Keeps deleted positions for later loaders. */
  readonly cache?: DeleteCache | undefined
}

export function createDeleteLoader(io: FileIO, options: DeleteLoaderOptions): DeleteLoader {
  const { metadata, schema, tasks, counters, cache } = options
  const positionFiles = createSharedLoads<PositionsByPath>(
    tasks.flatMap(task => task.deletes.positionDeletes.map(locationOf)),
  )
  const keyTables = createSharedLoads<KeyDeletes>(
    tasks.flatMap(task => groupByKeys(task.deletes.equalityDeletes).map(signatureOf)),
  )
  const keyFiles = createSharedLoads<readonly ColumnBatch[]>(
    [...distinctGroups(tasks).values()].flatMap(group => group.map(locationOf)),
  )
  const count = (): void => {
    if (counters !== undefined) counters.deleteFiles++
  }

  const keptPositions = async (
    file: PositionDeleteFile,
    read: () => Promise<PositionsByPath>,
  ): Promise<PositionsByPath> => {
    const kept = cache?.get(file)
    if (kept !== undefined) return kept
    count()
    const positions = await read()
    cache?.put(file, positions)
    return positions
  }

  const loadPositions = async (task: ReadTask, signal?: AbortSignal): Promise<PositionSet | undefined> => {
    const { vector, positionDeletes } = task.deletes
    const { location } = task.entry.file
    if (vector !== undefined) {
      const { file } = vector
      const read = async (): Promise<PositionsByPath> =>
        new Map([[location, await readVector(io, file, signal)]])
      return (await keptPositions(file, read)).get(location)
    }
    const found = await Promise.all(
      positionDeletes.map(({ file }) =>
        positionFiles.take(file.location, () =>
          keptPositions(file, () => readPositionDeletes(io, file, { signal })),
        ),
      ),
    )
    return unionOf(found.map(byPath => byPath.get(location)))
  }

  const loadTable = async (
    group: readonly EntryOf<EqualityDeleteFile>[],
    signal?: AbortSignal,
  ): Promise<KeyDeletes> => {
    const ids = sortedIds(group[0]?.file.equalityFieldIds ?? [])
    const keys = ids.map(id => keyColumn(id, schema, metadata.schemas))
    const batches = await Promise.all(
      group.map(({ file }) =>
        keyFiles.take(file.location, () => {
          count()
          return readKeys(io, file, { keys, signal })
        }),
      ),
    )
    const all = concatBatches(keyFields(keys), batches.flat())
    const types = keys.map(key => key.column.type)
    return { keys, table: buildKeyTable(all.columns, types) }
  }

  return {
    async load(task, signal) {
      const [positions, keyDeletes] = await Promise.all([
        loadPositions(task, signal),
        Promise.all(
          groupByKeys(task.deletes.equalityDeletes).map(group =>
            keyTables.take(signatureOf(group), () => loadTable(group, signal)),
          ),
        ),
      ])
      return { ...(positions === undefined ? {} : { positions }), keyDeletes }
    },
  }
}

/** Refuses delete files that this version cannot read. @throws unsupported naming the file */
export function checkDeletesReadable(task: ReadTask): void {
  const { vector, positionDeletes, equalityDeletes } = task.deletes
  if (vector !== undefined) checkUnencrypted(vector.file)
  for (const { file } of [...positionDeletes, ...equalityDeletes]) {
    checkUnencrypted(file)
    if (file.format !== 'parquet' && file.format !== 'avro')
      throw new LakeError('unsupported', 'delete files of this format cannot be read', {
        context: { location: file.location, format: file.format },
      })
  }
}

/** @throws unsupported naming the file when it is encrypted */
export function checkUnencrypted(file: ContentFile): void {
  if (file.keyMetadata !== undefined && file.keyMetadata.length > 0)
    throw new LakeError('unsupported', 'encrypted files cannot be read', {
      context: { location: file.location },
    })
}

/** The positions of a deletion vector. @throws corrupt */
export async function readVector(
  io: FileIO,
  file: PositionDeleteFile,
  signal: AbortSignal | undefined,
): Promise<PositionSet> {
  const { location, contentOffset: offset, contentSizeBytes: lengthBytes } = file
  if (offset === undefined || lengthBytes === undefined)
    throw new LakeError('corrupt', 'a deletion vector lacks its data file, offset or size', {
      context: { location },
    })
  const bytes = await io.read(location, { range: { offset, lengthBytes }, signal })
  return parseDeletionVector(bytes, { location, cardinality: file.recordCount })
}

function unionOf(sets: readonly (PositionSet | undefined)[]): PositionSet | undefined {
  const some = sets.filter(set => set !== undefined)
  if (some.length <= 1) return some[0]
  const union = new PositionSet()
  for (const set of some) union.orWith(set)
  return union
}

/** The key columns of an equality delete file, one batch column a key; columns it holds beside are ignored. */
async function readKeys(
  io: FileIO,
  file: EqualityDeleteFile,
  options: { readonly keys: readonly KeyColumn[]; readonly signal: AbortSignal | undefined },
): Promise<ColumnBatch[]> {
  const { keys, signal } = options
  const { location } = file
  const opened = await openContentFile(io, file, { signal })
  const expected = keys.map(key => key.column)
  const columns: number[] = []
  for (const { id, name } of expected) {
    const index = opened.fields.findIndex(field => field.id === id)
    if (index < 0)
      throw new LakeError('corrupt', 'an equality delete file lacks a key column', {
        context: { location, column: name },
      })
    if (!columns.includes(index)) columns.push(index)
  }
  const stored = columns.map(index => opened.fields[index]).filter(field => field !== undefined)
  const plan = planProjection(stored, expected)
  const batches: ColumnBatch[] = []
  for await (const { batch } of opened.read({ columns })) {
    const projected = projectBatch(batch, plan, expected)
    batches.push({ length: batch.length, fields: keyFields(keys), columns: projected.columns })
  }
  return batches
}

function keyFields(keys: readonly KeyColumn[]): Field[] {
  return keys.map(({ fieldId, column }) => ({ ...column, id: fieldId }))
}

type EqualityGroup = readonly EntryOf<EqualityDeleteFile>[]

/** Equality deletes by the set of columns they compare. */
function groupByKeys(entries: readonly EntryOf<EqualityDeleteFile>[]): EqualityGroup[] {
  const groups = new Map<string, EntryOf<EqualityDeleteFile>[]>()
  for (const entry of entries) {
    const key = sortedIds(entry.file.equalityFieldIds).join()
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return [...groups.values()]
}

/** Each different group of the plan once: what key tables are built of. */
function distinctGroups(tasks: readonly ReadTask[]): ReadonlyMap<string, EqualityGroup> {
  const groups = new Map<string, EqualityGroup>()
  for (const task of tasks)
    for (const group of groupByKeys(task.deletes.equalityDeletes)) groups.set(signatureOf(group), group)
  return groups
}

function signatureOf(group: EqualityGroup): string {
  return JSON.stringify(group.map(locationOf))
}

function sortedIds(ids: readonly number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b)
}

function locationOf(entry: { readonly file: { readonly location: string } }): string {
  return entry.file.location
}
