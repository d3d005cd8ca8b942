/**
 * A limit on the bytes of a scan, in data and delete files. Before one is opened the estimate must fit: all bytes of the
 * needed columns in the files that are left. While the scan runs, the bytes that it asks for are counted, so that a
 * wrong estimate ends the scan and not the budget.
 */
import { LakeError } from '../base/errors.js'
import { boundColumns } from '../expression/bind.js'
import type { FileIO, ReadOptions } from '../io/file-io.js'
import { meteredIO } from '../io/metered.js'
import type { ContentFile } from '../manifest/content-file.js'
import { indexFields } from '../schema/schema.js'
import { deleteFilesOf, type ReadTask, type ScanPlan } from './plan.js'

/** What opening a file reads of it, about: its footer comes with this much before it. */
const OPENING_BYTES: number = 64 * 1024

/** A task and the part of its rows that will be taken, 1 when that is not known. */
export interface TaskShare {
  readonly task: ReadTask
  readonly share: number
}

/** The plan's tasks, all rows of each. */
export function wholeTasks(tasks: readonly ReadTask[]): readonly TaskShare[] {
  return tasks.map(task => ({ task, share: 1 }))
}

/**
 * Bytes that data and delete files take to read, about: the sizes of the needed columns where the plan has them
 * (`PlanOptions.statisticsOf`), else whole files. Row groups and pages that can be skipped are not known yet.
 */
export function estimatedBytes(
  plan: ScanPlan,
  shares: readonly TaskShare[] = wholeTasks(plan.tasks),
): number {
  let bytes = 0
  for (const { file } of deleteFilesOf(shares.map(({ task }) => task)))
    bytes += 'contentSizeBytes' in file ? (file.contentSizeBytes ?? wholeBytes(file)) : wholeBytes(file)
  for (const { task, share } of shares) bytes += Math.ceil(taskBytes(plan, task, share))
  return bytes
}

/** Field ids of the leaves that the scan reads, for `PlanOptions.statisticsOf`. */
export function scannedFieldIds(plan: Pick<ScanPlan, 'schema' | 'fields' | 'filter'>): readonly number[] {
  const columns = new Set([...plan.fields.map(field => field.id), ...boundColumns(plan.filter)])
  const fields = plan.schema.fields.filter(field => columns.has(field.id))
  return [...indexFields({ fields }).keys()]
}

/** Reading an Avro file asks for a byte more than there are, to find its end. */
function wholeBytes({ format, fileSizeBytes }: ContentFile): number {
  return format === 'avro' ? fileSizeBytes + 1 : fileSizeBytes
}

function taskBytes(plan: ScanPlan, { entry, deletes, residual }: ReadTask, share: number): number {
  const { columnSizes, fileSizeBytes, format } = entry.file
  const wanted = scannedFieldIds({ ...plan, filter: residual })
  if (format === 'avro' || columnSizes === undefined || columnSizes.size === 0) return wholeBytes(entry.file)
  if (!wanted.every(id => plan.statisticsOf?.has(id) === true)) return fileSizeBytes
  const keys = deletes.equalityDeletes.flatMap(({ file }) => file.equalityFieldIds)
  let bytes = 0
  for (const id of new Set([...wanted, ...keys])) bytes += columnSizes.get(id) ?? 0
  return Math.min(OPENING_BYTES + share * bytes, fileSizeBytes)
}

/** @throws invalid-argument when the estimate is above the limit */
export function checkScanBytes(plan: ScanPlan, shares: readonly TaskShare[], maxScanBytes: number): void {
  const bytes = estimatedBytes(plan, shares)
  if (bytes <= maxScanBytes) return
  throw new LakeError('invalid-argument', 'the scan would read more bytes than allowed', {
    context: { maxScanBytes, estimatedBytes: bytes, dataFiles: shares.length },
  })
}

/** Storage that refuses to read more bytes than allowed: `invalid-argument`, since only another call can go on. */
export function limitedIO(io: FileIO, maxScanBytes: number): FileIO {
  const { io: inner } = meteredIO(io, { requestsMax: 0 })
  let readBytes = 0
  const take = (location: string, bytes: number): void => {
    if (readBytes + bytes > maxScanBytes)
      throw new LakeError('invalid-argument', 'the scan reads more bytes than allowed', {
        context: { location, maxScanBytes, readBytes },
      })
    readBytes += bytes
  }
  return {
    ...inner,
    async read(location: string, options?: ReadOptions) {
      const { range } = options ?? {}
      if (range !== undefined) take(location, range.lengthBytes)
      const bytes = await inner.read(location, options)
      if (range === undefined) take(location, bytes.length)
      return bytes
    },
  }
}
