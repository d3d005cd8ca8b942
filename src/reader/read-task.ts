/**
 * Reading one data file of a plan. The order is what makes the rows right:
 *
 *   rows         skipped where statistics, filters of chunks, pages or deleted positions leave none
 *   positions    deleted by vector or position deletes; absolute positions, so skipped rows count
 *   columns      projected by field id to the types of the scan's schema
 *   keys         deleted by equality deletes
 *   filter       evaluated exactly on what is left; columns read for filter and keys alone are dropped
 *
 * Columns of the output alone may be read last, for the rows that are left.
 * @see Iceberg table spec, "Scan Planning", "Column Projection"
 */
import { checkSignal, LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { sliceBatch } from '../batch/take.js'
import type { ChosenRows, ParquetFile } from '../format/parquet/read.js'
import type { GroupRows } from '../format/parquet/read-plan.js'
import { type RowRanges, rangesWithin } from '../format/parquet/row-ranges.js'
import type { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { NAME_MAPPING_PROPERTY } from '../schema/name-mapping.js'
import { DELETED_FIELD } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'
import { chooseRows } from './choose-rows.js'
import { type FileLayout, planFileLayout } from './file-layout.js'
import { isLateWorthwhile, type LateColumns, lateRows } from './late-columns.js'
import {
  checkDeletesReadable,
  checkUnencrypted,
  createDeleteLoader,
  type DeleteLoader,
  type TaskDeletes,
} from './load-deletes.js'
import { type NameMapping, parseNameMapping } from './name-mapping.js'
import { type OpenedFile, openContentFile } from './open-file.js'
import type { ReadTask } from './plan.js'
import { type NeededRows, type ReturnedBatch, type RowRules, returnedRows } from './returned-rows.js'
import { newScanCounters, type ScanCounters } from './scan-counters.js'
import { createSelectivity, type Selectivity } from './selectivity.js'
import { neededColumns, splitFields } from './task-columns.js'

export interface ReadTaskOptions {
  readonly metadata: TableMetadata
  /** The schema that the task was planned with. */
  readonly schema: Schema
  /** Columns of the output: top-level columns of the schema and metadata columns. */
  readonly fields: readonly Field[]
  /** Rows of a batch at most; a hint to the file reader. */
  readonly batchRows?: number | undefined
  /** Rows that the caller will take at most; where metadata tells which they are, no others are read. */
  readonly rowsMax?: number | undefined
  /** Positions of the file to read; then the task may have no deletes, and the fields no metadata columns. */
  readonly atPositions?: RowRanges | undefined
  /** False fetches nothing before it is asked for; default true. */
  readonly readsAhead?: boolean | undefined
  /** Default auto: where it seems to pay. */
  readonly lateColumns?: LateColumns | undefined
  /** Shares what was learnt about the filter with the other tasks of a scan. */
  readonly selectivity?: Selectivity | undefined
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
  const { location, format } = task.entry.file
  if (format !== 'parquet' && format !== 'avro')
    throw new LakeError('unsupported', 'data files of this format cannot be read', {
      context: { location, format },
    })
  checkUnencrypted(task.entry.file)
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
  const { signal, counters = newScanCounters(), selectivity = createSelectivity() } = options
  const { file } = task.entry
  const loader = options.deletes ?? createDeleteLoader(io, { ...options, tasks: [task] })
  const deletes = await loader.load(task, signal)
  const keepsDeleted = options.fields.some(field => field.id === DELETED_FIELD.id)
  if (!keepsDeleted && deletesEveryRow(deletes.positions, file.recordCount)) {
    counters.dataFilesFullyDeleted++
    return
  }
  const nameMapping = nameMappingOf(options.metadata)
  const opened = await openContentFile(io, file, { nameMapping, signal })
  counters.dataFiles++
  const reading: TaskReading = { opened, task, options, deletes, keepsDeleted, counters, selectivity }
  const batches = opened.parquet === undefined ? streamedRows(reading) : parquetRows(reading, opened.parquet)
  for await (const batch of batches) {
    checkSignal(signal)
    if (batch.length > 0) yield batch
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

function deletesEveryRow(positions: PositionSet | undefined, rows: number): boolean {
  return (
    positions !== undefined && positions.cardinality >= rows && positions.selectLive(0, rows).length === 0
  )
}

interface TaskReading {
  readonly opened: OpenedFile
  readonly task: ReadTask
  readonly options: ReadTaskOptions
  readonly deletes: TaskDeletes
  readonly keepsDeleted: boolean
  readonly counters: ScanCounters
  readonly selectivity: Selectivity
}

/** How some output fields are made of the file. */
interface FieldReading {
  readonly layout: FileLayout
  readonly rules: RowRules
}

/** @param fields of the output, all or those that are read first */
function fieldReading(reading: TaskReading, fields: readonly Field[]): FieldReading {
  const { task, options, deletes, keepsDeleted, counters } = reading
  const { residual } = task
  const { keyDeletes } = deletes
  const columns = neededColumns({ schema: options.schema, fields, residual, keyDeletes })
  const layout = layoutOf(reading, columns.needed)
  const specs = options.metadata.partitionSpecs
  const rules: RowRules = { task, specs, residual, deletes, columns, fields, keepsDeleted, counters }
  return { layout, rules }
}

function layoutOf({ opened, task, options }: TaskReading, needed: readonly Field[]): FileLayout {
  return planFileLayout({ ...options, file: task.entry.file, stored: opened.fields, needed })
}

// Files that are read from the first row to the last

async function* streamedRows(reading: TaskReading): AsyncGenerator<ColumnBatch, void, undefined> {
  const { opened, options } = reading
  const { layout, rules } = fieldReading(reading, options.fields)
  const { batchRows, readsAhead } = options
  for await (const window of opened.read({ columns: layout.columns, batchRows, readsAhead })) {
    for (const { firstRow, batch } of within(window, options.atPositions))
      yield returnedRows(rules, { firstRow, batch: layout.project(batch) }).batch
  }
}

/** The parts of a window that lie in the ranges. */
function within(window: NeededRows, ranges: RowRanges | undefined): readonly NeededRows[] {
  if (ranges === undefined) return [window]
  const { firstRow, batch } = window
  const inside = rangesWithin(ranges, firstRow, firstRow + batch.length)
  return Array.from({ length: inside.length / 2 }, (_, index) => {
    const from = inside[2 * index] as number
    return { firstRow: firstRow + from, batch: sliceBatch(batch, from, inside[2 * index + 1] as number) }
  })
}

// Parquet

async function* parquetRows(
  reading: TaskReading,
  file: ParquetFile,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const { task, options, deletes, keepsDeleted, counters } = reading
  const whole = fieldReading(reading, options.fields)
  const chosen = await chooseRows(file, {
    filter: task.residual,
    schema: options.schema,
    columns: whole.layout.columns,
    deleted: keepsDeleted ? undefined : deletes.positions,
    isUnselective: reading.selectivity.isLow(),
    counters,
  })
  const limited = { ...chosen, groups: firstGroups(file, chosen.groups, rowsNeeded(reading)) }
  const leftOut = chosen.groups.length - limited.groups.length
  counters.rowGroups -= leftOut
  counters.rowGroupsSkippedByLimit += leftOut
  if (limited.groups.length === 0) return
  const late = lateReading(reading, file, limited)
  const left = late === undefined ? limited.groups : yield* late
  for await (const { returned } of windowsOf(reading, file, whole, { ...limited, groups: left }))
    yield returned.batch
}

/**
 * The rows of the file, from its first, that hold as many live ones as are wanted; undefined when metadata does not
 * tell.
 */
function rowsNeeded({ task, options, deletes, keepsDeleted }: TaskReading): number | undefined {
  const { rowsMax } = options
  const { positions, keyDeletes } = deletes
  if (rowsMax === undefined || task.residual.op !== 'true' || keyDeletes.length > 0) return undefined
  if (positions === undefined || keepsDeleted) return rowsMax
  const { recordCount } = task.entry.file
  for (let from = 0, wanted = rowsMax; from < recordCount; from += BATCH_ROWS) {
    const live = positions.selectLive(from, BATCH_ROWS)
    if (live.length >= wanted) return from + (live[wanted - 1] ?? 0) + 1
    wanted -= live.length
  }
  return undefined
}

/** The row groups cut to the first rows of the file; a group is cut only where that leaves much of it out. */
function firstGroups(
  file: ParquetFile,
  groups: readonly GroupRows[],
  rowCount: number | undefined,
): readonly GroupRows[] {
  if (rowCount === undefined) return groups
  return groups.flatMap(({ rowGroup, rows }) => {
    const group = file.footer.rowGroups[rowGroup]
    const wanted = rowCount - (group?.firstRow ?? 0)
    if (group === undefined || wanted <= 0) return []
    const isCut = rows === undefined && wanted < group.rowCount / 2
    return [isCut ? { rowGroup, rows: Uint32Array.of(0, wanted) } : { rowGroup, rows }]
  })
}

/** Reads the columns that the filter does not need for the rows that it leaves; undefined when that does not pay. */
function lateReading(
  reading: TaskReading,
  file: ParquetFile,
  chosen: ChosenRows,
): AsyncGenerator<ColumnBatch, readonly GroupRows[], undefined> | undefined {
  const { task, options, deletes, counters, selectivity } = reading
  const { fields, schema, lateColumns = 'auto', batchRows, readsAhead } = options
  const { residual } = task
  if (residual.op === 'true' || lateColumns === 'never' || options.atPositions !== undefined) return undefined
  const split = splitFields({ schema, fields, residual, keyDeletes: deletes.keyDeletes })
  if (split.late.length === 0) return undefined
  const layout = layoutOf(reading, split.late)
  if (layout.columns.length === 0) return undefined
  const isAlways = lateColumns === 'always'
  if (!isAlways && (selectivity.isLow() || !isLateWorthwhile(file.footer, chosen, layout.columns)))
    return undefined
  const early = fieldReading(reading, split.early)
  return lateRows(
    {
      file,
      chosen,
      layout,
      fields,
      earlyFields: split.early,
      lateFields: split.late,
      batchRows,
      readsAhead,
      counters,
    },
    windowsOf(reading, file, early, chosen),
    () => !isAlways && selectivity.isLow(),
  )
}

/** The windows of the chosen rows and what is returned of each. */
async function* windowsOf(
  { options, task, selectivity }: TaskReading,
  file: ParquetFile,
  { layout, rules }: FieldReading,
  chosen: ChosenRows,
): AsyncGenerator<{ readonly window: NeededRows; readonly returned: ReturnedBatch }, void, undefined> {
  const { batchRows, readsAhead, atPositions, signal } = options
  const windows =
    layout.columns.length === 0
      ? bareWindows(file, chosen.groups, { batchRows: batchRows ?? BATCH_ROWS, atPositions })
      : file.read({ columns: layout.columns, chosen, selection: atPositions, batchRows, readsAhead })
  for await (const stored of windows) {
    checkSignal(signal)
    const window = { ...stored, batch: layout.project(stored.batch) }
    const returned = returnedRows(rules, window)
    if (task.residual.op !== 'true') selectivity.see(window.batch.length, returned.selection)
    yield { window, returned }
  }
}

/** The rows of the row groups as batches without columns: for reads that need no column of the file. */
function* bareWindows(
  file: ParquetFile,
  groups: readonly GroupRows[],
  options: { readonly batchRows: number; readonly atPositions: RowRanges | undefined },
): Generator<NeededRows, void, undefined> {
  for (const { rowGroup, rows } of groups) {
    const group = file.footer.rowGroups[rowGroup]
    if (group === undefined) continue
    const runs = rows ?? Uint32Array.of(0, group.rowCount)
    for (let run = 0; run < runs.length; run += 2) {
      const end = runs[run + 1] as number
      for (let at = runs[run] as number; at < end; at += options.batchRows) {
        const length = Math.min(options.batchRows, end - at)
        const window = { firstRow: group.firstRow + at, batch: { length, fields: [], columns: [] } }
        yield* within(window, options.atPositions)
      }
    }
  }
}
