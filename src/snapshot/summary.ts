/**
 * The snapshot summary: what a snapshot changed, and the totals after it. Counters of zero are left out; totals
 * are the parent's plus the change, and are left out once some writer in the history did not carry them.
 * Readers answer `count` questions and other engines make decisions from it, so it has to be exact.
 * @see Iceberg table spec, "Snapshots", and its appendix "Optional Snapshot Summary Fields"
 */
import { LakeError } from '../base/errors.js'
import { VERSION } from '../base/version.js'
import { type ContentFile, isDeletionVector } from '../manifest/content-file.js'
import { currentSchema, specById } from '../metadata/lookup.js'
import { summaryPartitionLimit } from '../metadata/properties.js'
import type { Snapshot, SnapshotOperation, TableMetadata } from '../metadata/table-metadata.js'
import { partitionPath } from '../schema/partition.js'

/** Written into every snapshot; equal to name and version of the package. */
export const ENGINE: { readonly name: string; readonly version: string } = { name: 'serac', version: VERSION }

export interface SummaryInput {
  readonly metadata: TableMetadata
  readonly operation: SnapshotOperation
  readonly parent: Snapshot | undefined
  readonly addedFiles: readonly ContentFile[]
  readonly removedFiles: readonly ContentFile[]
  readonly manifests: { readonly created: number; readonly kept: number; readonly replaced: number }
  /** Entries read and written again in replaced manifests. */
  readonly entriesProcessed: number
  /** Entries of the caller; they may not overwrite counters. */
  readonly extra?: Readonly<Record<string, string>> | undefined
}

/** The counters of a set of files, by summary key. */
type Counters = Map<string, number>

/**
 * The summary of a snapshot.
 * @throws invalid-argument when a `replace` adds more rows than it removes: Java refuses such a snapshot
 */
export function summarize(input: SummaryInput): Readonly<Record<string, string>> {
  const counters: Counters = new Map()
  for (const file of input.addedFiles) countFile(counters, file, 'added')
  for (const file of input.removedFiles) countFile(counters, file, 'removed')
  checkReplace(input.operation, counters)
  return {
    ...input.extra,
    'engine-name': ENGINE.name,
    'engine-version': ENGINE.version,
    ...textOf(counters),
    ...partitionCounters(input),
    'manifests-created': String(input.manifests.created),
    'manifests-kept': String(input.manifests.kept),
    'manifests-replaced': String(input.manifests.replaced),
    'entries-processed': String(input.entriesProcessed),
    ...totals(input.parent, counters),
  }
}

interface CounterNames {
  readonly files: string
  readonly rows: string
}

const DATA: Record<'added' | 'removed', CounterNames> = {
  added: { files: 'added-data-files', rows: 'added-records' },
  removed: { files: 'deleted-data-files', rows: 'deleted-records' },
}

function countFile(counters: Counters, file: ContentFile, side: 'added' | 'removed'): void {
  add(counters, `${side}-files-size`, contentSizeBytes(file))
  if (file.content === 'data') {
    add(counters, DATA[side].files, 1)
    add(counters, DATA[side].rows, file.recordCount)
    return
  }
  add(counters, `${side}-delete-files`, 1)
  if (file.content === 'equality-deletes') {
    add(counters, `${side}-equality-delete-files`, 1)
    add(counters, `${side}-equality-deletes`, file.recordCount)
    return
  }
  add(counters, isDeletionVector(file) ? `${side}-dvs` : `${side}-position-delete-files`, 1)
  add(counters, `${side}-position-deletes`, file.recordCount)
}

/** Vectors share a Puffin file: each counts for its own blob. */
function contentSizeBytes(file: ContentFile): number {
  if (isDeletionVector(file) && file.contentSizeBytes !== undefined) return file.contentSizeBytes
  return file.fileSizeBytes
}

function add(counters: Counters, key: string, amount: number): void {
  counters.set(key, (counters.get(key) ?? 0) + amount)
}

function textOf(counters: Counters): Record<string, string> {
  const nonZero = [...counters].filter(([, value]) => value !== 0)
  return Object.fromEntries(nonZero.map(([key, value]) => [key, String(value)]))
}

function checkReplace(operation: SnapshotOperation, counters: Counters): void {
  const addedRows = counters.get('added-records') ?? 0
  const deletedRows = counters.get('deleted-records') ?? 0
  if (operation !== 'replace' || addedRows <= deletedRows) return
  throw new LakeError('invalid-argument', 'a replace snapshot adds more rows than it removes', {
    context: { addedRows, deletedRows },
  })
}

const TOTALS: readonly { readonly total: string; readonly plus: string; readonly minus: string }[] = [
  { total: 'total-records', plus: 'added-records', minus: 'deleted-records' },
  { total: 'total-files-size', plus: 'added-files-size', minus: 'removed-files-size' },
  { total: 'total-data-files', plus: 'added-data-files', minus: 'deleted-data-files' },
  { total: 'total-delete-files', plus: 'added-delete-files', minus: 'removed-delete-files' },
  { total: 'total-position-deletes', plus: 'added-position-deletes', minus: 'removed-position-deletes' },
  { total: 'total-equality-deletes', plus: 'added-equality-deletes', minus: 'removed-equality-deletes' },
]

function totals(parent: Snapshot | undefined, counters: Counters): Record<string, string> {
  const after: Record<string, string> = {}
  for (const { total, plus, minus } of TOTALS) {
    const before = parent === undefined ? 0 : wholeNumber(parent.summary[total])
    if (before === undefined) continue
    const value = before + (counters.get(plus) ?? 0) - (counters.get(minus) ?? 0)
    if (value >= 0) after[total] = String(value)
  }
  return after
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

/** `changed-partition-count`, and a line a partition when `write.summary.partition-limit` allows so many. */
function partitionCounters(input: SummaryInput): Record<string, string> {
  const byPath = new Map<string, Counters>()
  const count = (file: ContentFile, side: 'added' | 'removed'): void => {
    const path = pathOf(input.metadata, file)
    const counters: Counters = byPath.get(path) ?? new Map()
    byPath.set(path, counters)
    countFile(counters, file, side)
  }
  for (const file of input.addedFiles) count(file, 'added')
  for (const file of input.removedFiles) count(file, 'removed')

  const entries: Record<string, string> = { 'changed-partition-count': String(byPath.size) }
  if (byPath.size === 0 || byPath.size > summaryPartitionLimit(input.metadata)) return entries
  entries['partition-summaries-included'] = 'true'
  for (const [path, counters] of byPath) {
    if (path === '') continue
    const lines = Object.entries(textOf(counters)).map(([key, value]) => `${key}=${value}`)
    entries[`partitions.${path}`] = lines.join(',')
  }
  return entries
}

function pathOf(metadata: TableMetadata, file: ContentFile): string {
  const spec = specById(metadata, file.specId)
  if (spec === undefined || spec.fields.length === 0) return ''
  return partitionPath(spec, [currentSchema(metadata), ...metadata.schemas], file.partition)
}
