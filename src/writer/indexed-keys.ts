/**
 * Keys found by the index in memory: files that it lacks are read once, their key columns only. Deletes are those of the
 * plan, whatever they were when a file was indexed.
 */
import { mapBounded } from '../base/concurrency.js'
import { type ColumnBatch, isPresent, type Vector } from '../batch/column-batch.js'
import { int32Words } from '../batch/int-words.js'
import { alignVector, concatBatches, takeVector } from '../batch/take.js'
import { BOUND_TRUE } from '../expression/bind.js'
import type { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader } from '../reader/load-deletes.js'
import type { ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { NAME_MAPPING_PROPERTY } from '../schema/name-mapping.js'
import { partitionKey } from '../schema/partition.js'
import { ROW_ID_FIELD } from '../schema/reserved-fields.js'
import { printType } from '../schema/type-text.js'
import type { Field, Schema } from '../schema/types.js'
import type { KeyCache } from './key-cache.js'
import { INDEX_ROW_BYTES, type IndexMatches, type KeyIndex } from './key-index.js'
import { type FileMatches, NO_ROW_ID } from './key-locations.js'

export interface FindIndexedOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly keyCache?: KeyCache | undefined
  readonly withRowIds?: boolean | undefined
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const CONCURRENCY = 4

/**
 * The live rows of the tasks that have one of the keys, for each task that the index knows or takes in; the others are
 * not in the answer.
 * @throws as `readTask`
 */
export async function findIndexed(
  io: FileIO,
  tasks: readonly ReadTask[],
  keys: ColumnBatch,
  options: FindIndexedOptions,
): Promise<ReadonlyMap<ReadTask, FileMatches>> {
  const { keyCache } = options
  if (keyCache === undefined) return new Map()
  const plain = tasks.filter(task => task.deletes.equalityDeletes.length === 0)
  const names = new Map(plain.map(task => [task, nameOf(task.entry.file)]))
  const fields = keyFieldsOf(keys, options.schema)
  const index = keyCache.indexOf(
    signatureOf(fields, options),
    fields.map(({ type }) => type),
  )
  await indexMissing(io, names, { ...options, keyCache, index, fields })
  const taskOf: (ReadTask | undefined)[] = []
  const isWanted = new Uint8Array(index.fileCount)
  for (const [task, name] of names) {
    const number = index.numberOf(name)
    if (number === undefined) continue
    isWanted[number] = 1
    taskOf[number] = task
  }
  const found = index.find(keys.columns, isWanted)
  if (found.count >= MATCHES_MAX) return new Map()
  const hits = byFile(found, index.fileCount).map((inFile, file) => ({
    task: taskOf[file],
    inFile,
    storedIds: index.rowIdsOf(file),
  }))
  return liveMatches(io, hits, options)
}

/** Files by what their rows and ids are read from. */
function nameOf({ location, fileSizeBytes, firstRowId, specId, partition }: DataFile): string {
  const tuple = partitionKey(
    partition.map(() => ROW_ID_FIELD.type),
    partition,
  )
  return `${fileSizeBytes} ${firstRowId ?? ''} ${specId} ${tuple} ${location}`
}

function keyFieldsOf(keys: ColumnBatch, schema: Schema): readonly Field[] {
  return keys.fields.map(key => schema.fields.find(field => field.id === key.id) ?? key)
}

/** The table, and everything of its metadata that decides what a file's key columns hold. */
function signatureOf(fields: readonly Field[], { metadata, withRowIds }: FindIndexedOptions): string {
  const keys = fields.map(({ id, name, type, initialDefault }) =>
    [
      id,
      name,
      printType(type),
      initialDefault === undefined ? '' : partitionKey([type], [initialDefault]),
    ].join(':'),
  )
  const mapping = metadata.properties[NAME_MAPPING_PROPERTY] ?? ''
  return [metadata.tableUuid ?? metadata.location, withRowIds === true, ...keys, mapping].join('\n')
}

interface IndexingOptions extends FindIndexedOptions {
  readonly keyCache: KeyCache
  readonly index: KeyIndex
  readonly fields: readonly Field[]
}

/** Reads the keys of files that the index lacks, as far as its budget goes; forgets files that were replaced. */
async function indexMissing(
  io: FileIO,
  names: ReadonlyMap<ReadTask, string>,
  options: IndexingOptions,
): Promise<void> {
  const { index, keyCache, fields, withRowIds, signal } = options
  const live = new Set(names.values())
  if (index.fileCount > 2 * live.size + 16) index.retain(live)
  const rowBytes = INDEX_ROW_BYTES + 12 * fields.length + (withRowIds === true ? 8 : 0)
  const admitted: ReadTask[] = []
  let bytes = 0
  for (const [task, name] of names) {
    const needed = task.entry.file.recordCount * rowBytes
    if (index.has(name) || !keyCache.admits(index, bytes + needed, live)) continue
    admitted.push(task)
    bytes += needed
  }
  const read = async (task: ReadTask): Promise<void> => {
    const rows = await readKeys(io, task, options)
    index.add(names.get(task) ?? '', rows)
  }
  await mapBounded(admitted, read, { limit: options.concurrency ?? CONCURRENCY, signal })
}

/** The keys of all rows of a file, deleted or not. */
async function readKeys(
  io: FileIO,
  task: ReadTask,
  { metadata, schema, fields, withRowIds, signal }: IndexingOptions,
): Promise<Parameters<KeyIndex['add']>[1]> {
  const whole: ReadTask = {
    entry: task.entry,
    deletes: { positionDeletes: [], equalityDeletes: [] },
    residual: BOUND_TRUE,
  }
  const wanted = withRowIds === true ? [...fields, ROW_ID_FIELD] : fields
  const batches: ColumnBatch[] = []
  for await (const batch of readTask(io, whole, { metadata, schema, fields: wanted, signal }))
    batches.push(batch)
  const { length, columns } = concatBatches(wanted, batches)
  const rows = Uint32Array.from({ length }, (_, row) => row)
  // Copies: what was read may be a small part of larger buffers.
  const vectors = fields.map((field, at) => takeVector(alignVector(columns[at] as Vector, field.type), rows))
  const ids = columns[fields.length]
  const rowIds =
    ids === undefined || isCounting(ids, task.entry.file.firstRowId) ? undefined : takeVector(ids, rows)
  const sizeBytes = vectors.reduce(
    (sum, vector) => sum + bytesOf(vector),
    rowIds === undefined ? 0 : 8 * length,
  )
  return { length, vectors, rowIds, sizeBytes }
}

/** Whether ids are those that follow from the file's first. */
function isCounting(ids: Vector, firstRowId: bigint | undefined): boolean {
  if (ids.layout === 'null') return firstRowId === undefined
  if (firstRowId === undefined || !Number.isSafeInteger(Number(firstRowId) + ids.length)) return false
  if (ids.layout !== 'fixed-width' || ids.validity !== undefined) return false
  const words = int32Words(ids.values)
  const first = Number(firstRowId)
  for (let row = 0; row < ids.length; row++) {
    const value = ((words[2 * row] as number) >>> 0) + (words[2 * row + 1] as number) * 0x1_0000_0000
    if (value !== first + row) return false
  }
  return true
}

function bytesOf(vector: Vector): number {
  const { length } = vector
  switch (vector.layout) {
    case 'fixed-width':
      return vector.values.BYTES_PER_ELEMENT * length
    case 'decimal':
      return 16 * length
    case 'fixed-bytes':
      return vector.widthBytes * length
    case 'var-bytes':
      return 4 * length + vector.bytes.length
    default:
      return length
  }
}

/** Matches of one file, by ascending position. */
interface FoundInFile {
  readonly keyRows: Int32Array
  readonly positions: Int32Array
}

/** The matches by number of file. */
function byFile(
  { keyRows, files, positions, count }: IndexMatches,
  fileCount: number,
): (FoundInFile | undefined)[] {
  const counts = new Int32Array(fileCount + 1)
  for (let at = 0; at < count; at++) {
    const next = (files[at] as number) + 1
    counts[next] = (counts[next] as number) + 1
  }
  for (let file = 0; file < fileCount; file++)
    counts[file + 1] = (counts[file + 1] as number) + (counts[file] as number)
  // Position and match in one number: sorting numbers is fast, and both are found again in it.
  const sorted = new Float64Array(count)
  const next = counts.slice()
  for (let at = 0; at < count; at++) {
    const file = files[at] as number
    const place = next[file] as number
    next[file] = place + 1
    sorted[place] = (positions[at] as number) * MATCHES_MAX + at
  }
  return Array.from({ length: fileCount }, (_, file) => {
    const part = sorted.subarray(counts[file], counts[file + 1]).sort()
    if (part.length === 0) return undefined
    const inFile = { positions: new Int32Array(part.length), keyRows: new Int32Array(part.length) }
    for (let at = 0; at < part.length; at++) {
      const value = part[at] as number
      const position = Math.floor(value / MATCHES_MAX)
      inFile.positions[at] = position
      inFile.keyRows[at] = keyRows[value - position * MATCHES_MAX] as number
    }
    return inFile
  })
}

/** Positions of a file have 31 bits, and a number 53. */
const MATCHES_MAX = 2 ** 22

async function liveMatches(
  io: FileIO,
  files: readonly {
    readonly task: ReadTask | undefined
    readonly inFile: FoundInFile | undefined
    readonly storedIds: Vector | undefined
  }[],
  { metadata, schema, keyCache, withRowIds, concurrency, signal }: FindIndexedOptions,
): Promise<ReadonlyMap<ReadTask, FileMatches>> {
  const answer = new Map<ReadTask, FileMatches>()
  const hit: {
    readonly task: ReadTask
    readonly inFile: FoundInFile
    readonly storedIds: Vector | undefined
  }[] = []
  for (const { task, inFile, storedIds } of files) {
    if (task === undefined) continue
    if (inFile === undefined) answer.set(task, { task, count: 0, batches: [] })
    else hit.push({ task, inFile, storedIds })
  }
  const tasks = hit.map(({ task }) => task)
  const loader = createDeleteLoader(io, { metadata, schema, tasks, cache: keyCache?.deletes })
  await mapBounded(
    hit,
    async ({ task, inFile, storedIds }) => {
      const { positions } = await loader.load(task, signal)
      const live = withoutDeleted(inFile, positions)
      const count = live.positions.length
      const rowIds = withRowIds === true ? rowIdsAt(live.positions, task.entry.file, storedIds) : undefined
      const batch = { keyRows: live.keyRows, positions: Float64Array.from(live.positions), rowIds }
      answer.set(task, { task, count, batches: count === 0 ? [] : [batch] })
    },
    { limit: concurrency ?? CONCURRENCY, signal },
  )
  return answer
}

function withoutDeleted(found: FoundInFile, deleted: PositionSet | undefined): FoundInFile {
  if (deleted === undefined) return found
  const live = found.positions.map((position, at) => (deleted.has(position) ? -1 : at)).filter(at => at >= 0)
  return {
    positions: live.map(at => found.positions[at] as number),
    keyRows: live.map(at => found.keyRows[at] as number),
  }
}

function rowIdsAt(positions: Int32Array, file: DataFile, stored: Vector | undefined): BigInt64Array {
  const ids = new BigInt64Array(positions.length).fill(NO_ROW_ID)
  for (let at = 0; at < ids.length; at++) {
    const position = positions[at] as number
    if (stored === undefined) {
      if (file.firstRowId !== undefined) ids[at] = file.firstRowId + BigInt(position)
    } else if (stored.layout === 'fixed-width' && isPresent(stored, position))
      ids[at] = stored.values[position] as bigint
  }
  return ids
}
