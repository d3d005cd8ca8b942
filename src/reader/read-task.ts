/**
 * Reading one data file of a plan. The order is what makes the rows right:
 *
 *   row groups   skipped when their statistics, or their deleted positions, leave no row
 *   positions    deleted by vector or position deletes; absolute positions, so skipped groups count
 *   columns      projected by field id to the types of the scan's schema
 *   keys         deleted by equality deletes
 *   filter       evaluated exactly on what is left; columns read for filter and keys alone are dropped
 *
 * @see Iceberg table spec, "Scan Planning", "Column Projection"
 */
import { checkSignal, LakeError } from '../base/errors.js'
import type { ColumnBatch, Selection, Vector } from '../batch/column-batch.js'
import { takeVector } from '../batch/take.js'
import { type Bound, boundColumns, boundFields } from '../expression/bind.js'
import { evaluate } from '../expression/evaluate.js'
import type { ParquetFile, ParquetReadOptions } from '../format/parquet/read.js'
import type { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { DELETED_FIELD } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'
import { keyVector } from './equality-keys.js'
import { planFileLayout } from './file-layout.js'
import {
  checkDeletesReadable,
  createDeleteLoader,
  type DeleteLoader,
  type KeyDeletes,
  type TaskDeletes,
} from './load-deletes.js'
import { isLineageField, isMetadataField, metadataVector } from './metadata-columns.js'
import { NAME_MAPPING_PROPERTY, type NameMapping, parseNameMapping } from './name-mapping.js'
import { openContentFile } from './open-file.js'
import type { ReadTask } from './plan.js'
import { rowGroupFilter } from './row-group-pruning.js'
import { newScanCounters, type ScanCounters } from './scan-counters.js'

export interface ReadTaskOptions {
  readonly metadata: TableMetadata
  /** The schema that the task was planned with. */
  readonly schema: Schema
  /** Columns of the output: top-level columns of the schema and metadata columns. */
  readonly fields: readonly Field[]
  /** Rows of a batch at most; a hint to the file reader. */
  readonly batchRows?: number | undefined
  /** Shares deletes with the other tasks of a scan; absent: they are loaded for this task alone. */
  readonly deletes?: DeleteLoader | undefined
  readonly counters?: ScanCounters | undefined
  readonly signal?: AbortSignal | undefined
}

/** Rows of a batch that is made without reading a column. */
const BATCH_ROWS = 65_536

/**
 * Refuses what this version cannot read, before a row is returned.
 * @throws unsupported naming the file
 */
export function checkReadable(task: ReadTask): void {
  const { location, format, keyMetadata } = task.entry.file
  if (format !== 'parquet')
    throw new LakeError('unsupported', 'data files of this format cannot be read', {
      context: { location, format },
    })
  if (keyMetadata !== undefined && keyMetadata.length > 0)
    throw new LakeError('unsupported', 'encrypted files cannot be read', { context: { location } })
  checkDeletesReadable(task)
}

/**
 * The live rows of a task that its residual filter accepts, in file order; batches without a row are left out.
 * With `_deleted` among the fields, deleted rows are returned too.
 * @throws unsupported naming the file; corrupt, not-found, denied, unavailable, aborted
 */
export async function* readTask(
  io: FileIO,
  task: ReadTask,
  options: ReadTaskOptions,
): AsyncGenerator<ColumnBatch, void, undefined> {
  checkReadable(task)
  const { signal, counters = newScanCounters() } = options
  const { file } = task.entry
  const loader = options.deletes ?? createDeleteLoader(io, { ...options, tasks: [task] })
  const deletes = await loader.load(task, signal)
  const keepsDeleted = options.fields.some(field => field.id === DELETED_FIELD.id)
  if (!keepsDeleted && deletesEveryRow(deletes.positions, file.recordCount)) {
    counters.dataFilesFullyDeleted++
    return
  }
  const nameMapping = nameMappingOf(options.metadata)
  const parquet = await openContentFile(io, file, { nameMapping, signal })
  counters.dataFiles++
  const columns = neededColumns(options, task.residual, deletes.keyDeletes)
  const layout = planFileLayout({ ...options, file, stored: parquet.fields, needed: columns.needed })
  const pipeline: Pipeline = { task, deletes, columns, keepsDeleted, counters, fields: options.fields }
  const mightMatch = rowGroupFilter(task.residual, { schema: options.schema, stored: parquet.fields })
  const keepRowGroup = rowGroupChoice(pipeline, mightMatch)
  const windows =
    layout.columns.length === 0
      ? rowWindows(parquet, keepRowGroup, options.batchRows ?? BATCH_ROWS)
      : parquet.read({
          columns: layout.columns,
          keepRowGroup,
          ...pageChoice(pipeline, mightMatch),
          batchRows: options.batchRows,
        })
  for await (const { firstRow, batch } of windows) {
    checkSignal(signal)
    const result = returnedRows(pipeline, firstRow, layout.project(batch))
    if (result.length > 0) yield result
  }
}

/** The table's name mapping, parsed when a file first needs it. */
function nameMappingOf(metadata: TableMetadata): NameMapping | undefined {
  const text = metadata.properties[NAME_MAPPING_PROPERTY]
  if (text === undefined) return undefined
  let mapping: NameMapping | undefined
  return path => {
    mapping ??= parseNameMapping(text)
    return mapping(path)
  }
}

/** What is fixed for all batches of a file. */
interface Pipeline {
  readonly task: ReadTask
  readonly deletes: TaskDeletes
  readonly columns: NeededColumns
  readonly fields: readonly Field[]
  readonly keepsDeleted: boolean
  readonly counters: ScanCounters
}

interface NeededColumns {
  /** Columns to read: of the output, then of filter and keys alone. */
  readonly needed: readonly Field[]
  /** For each output field its place in `needed`; undefined when it is not read. */
  readonly outputs: readonly (number | undefined)[]
  /** For each kind of equality delete the places of its key columns in `needed`. */
  readonly keys: readonly (readonly number[])[]
}

function neededColumns(
  options: ReadTaskOptions,
  residual: Bound,
  keyDeletes: readonly KeyDeletes[],
): NeededColumns {
  const needed: Field[] = []
  const need = (field: Field): number => {
    const known = needed.findIndex(other => other.id === field.id && other.type === field.type)
    return known >= 0 ? known : needed.push(field) - 1
  }
  const outputs = options.fields.map(field =>
    isMetadataField(field) && !isLineageField(field) ? undefined : need(field),
  )
  for (const id of boundColumns(residual)) {
    const field = options.schema.fields.find(candidate => candidate.id === id)
    if (field === undefined)
      throw new LakeError('invalid-argument', 'the filter is on a column that the schema lacks', {
        context: { fieldId: id },
      })
    need(field)
  }
  const keys = keyDeletes.map(group => group.keys.map(key => need(key.column)))
  return { needed, outputs, keys }
}

function deletesEveryRow(positions: PositionSet | undefined, rows: number): boolean {
  return (
    positions !== undefined && positions.cardinality >= rows && positions.selectLive(0, rows).length === 0
  )
}

type RowGroupChoice = NonNullable<ParquetReadOptions['keepRowGroup']>
type MightMatch = ReturnType<typeof rowGroupFilter>

function rowGroupChoice(pipeline: Pipeline, mightMatch: MightMatch): RowGroupChoice {
  const { deletes, counters, keepsDeleted } = pipeline
  const { positions } = deletes
  return (_index, group) => {
    const isDeleted =
      !keepsDeleted &&
      positions !== undefined &&
      positions.selectLive(group.firstRow, group.rowCount).length === 0
    const keep = !isDeleted && mightMatch(group)
    if (keep) counters.rowGroups++
    else counters.rowGroupsSkipped++
    return keep
  }
}

/** Runs of rows that the page index proves to match nothing are not decoded. */
function pageChoice(
  pipeline: Pipeline,
  mightMatch: MightMatch,
): Pick<ParquetReadOptions, 'keepPage' | 'pageFieldIds'> {
  const { task, counters } = pipeline
  if (task.residual.op === 'true') return {}
  return {
    pageFieldIds: [...boundFields(task.residual)],
    keepPage(rows) {
      const keep = mightMatch(rows)
      if (!keep) counters.rowsSkippedByPage += rows.rowCount
      return keep
    },
  }
}

/** The rows of the kept row groups as batches without columns: for scans that need no column of the file. */
async function* rowWindows(
  parquet: ParquetFile,
  keepRowGroup: RowGroupChoice,
  batchRows: number,
): AsyncGenerator<{ readonly firstRow: number; readonly batch: ColumnBatch }> {
  for (const [index, group] of parquet.footer.rowGroups.entries()) {
    if (!keepRowGroup(index, group)) continue
    for (let at = 0; at < group.rowCount; at += batchRows) {
      const length = Math.min(batchRows, group.rowCount - at)
      yield { firstRow: group.firstRow + at, batch: { length, fields: [], columns: [] } }
    }
  }
}

/** Applies deletes and filter to a batch of the needed columns and makes the output columns. */
function returnedRows(pipeline: Pipeline, firstRow: number, batch: ColumnBatch): ColumnBatch {
  const { task, counters, keepsDeleted } = pipeline
  const live = liveRows(pipeline, firstRow, batch)
  const candidates = keepsDeleted ? undefined : live
  const accepted = task.residual.op === 'true' ? candidates : evaluate(task.residual, batch, candidates)
  const selection = accepted?.length === batch.length ? undefined : accepted
  counters.rowsRead += batch.length
  counters.rowsFiltered += (candidates?.length ?? batch.length) - (accepted?.length ?? batch.length)
  return outputBatch(pipeline, firstRow, batch, { live, selection })
}

/** The rows that no delete covers; undefined: all. */
function liveRows(pipeline: Pipeline, firstRow: number, batch: ColumnBatch): Selection | undefined {
  const { deletes, columns, counters } = pipeline
  let live = deletes.positions?.selectLive(firstRow, batch.length)
  counters.rowsDeletedByPosition += batch.length - (live?.length ?? batch.length)
  for (const [index, group] of deletes.keyDeletes.entries()) {
    const before = live?.length ?? batch.length
    live = withoutKeys(group, columns.keys[index] ?? [], batch, live)
    counters.rowsDeletedByKey += before - live.length
  }
  return live?.length === batch.length ? undefined : live
}

/** The selected rows whose key is not in the table of deleted keys. */
function withoutKeys(
  group: KeyDeletes,
  places: readonly number[],
  batch: ColumnBatch,
  selection: Selection | undefined,
): Selection {
  const probe = group.keys.map((key, index) =>
    keyVector(batch.columns[places[index] as number] as Vector, key.depth),
  )
  const found = group.table.find(probe)
  const kept = new Uint32Array(selection?.length ?? batch.length)
  let count = 0
  for (let index = 0; index < kept.length; index++) {
    const row = selection === undefined ? index : (selection[index] as number)
    if ((found[row] as number) < 0) kept[count++] = row
  }
  return kept.subarray(0, count)
}

function outputBatch(
  pipeline: Pipeline,
  firstRow: number,
  batch: ColumnBatch,
  rows: { readonly live: Selection | undefined; readonly selection: Selection | undefined },
): ColumnBatch {
  const { task, columns, fields } = pipeline
  const { live, selection } = rows
  const vectors = fields.map((field, index) => {
    const place = columns.outputs[index]
    const read = place === undefined ? undefined : batch.columns[place]
    if (isMetadataField(field))
      return metadataVector(field, { task, firstRow, batchLength: batch.length, selection, live }, read)
    return selection === undefined ? (read as Vector) : takeVector(read as Vector, selection)
  })
  return { length: selection?.length ?? batch.length, fields, columns: vectors }
}
