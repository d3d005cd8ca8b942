/**
 * Which data files a bin-pack compaction rewrites together: pure, so a dry run prints it and tests assert it.
 *
 *   files of a partition -> those too small, too large or with too many deletes -> groups up to a size
 *                        -> groups that are worth it
 *
 * Names, defaults and rules are those of Iceberg's `rewrite_data_files`.
 * @see Iceberg documentation, "Spark Procedures", rewrite_data_files
 */
import { LakeError } from '../base/errors.js'
import { referencedDataFile } from '../manifest/delete-index.js'
import { targetFileSizeBytes } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { ReadTask } from '../reader/plan.js'
import { partitionKey, partitionTypes } from '../schema/partition.js'
import type { PartitionTuple } from '../schema/partition-spec.js'

export interface CompactionLimits {
  readonly targetFileSizeBytes: number
  /** Smaller files are rewritten. */
  readonly minFileSizeBytes: number
  /** Larger files are rewritten. */
  readonly maxFileSizeBytes: number
  /** A group without other reason needs that many files. */
  readonly minInputFiles: number
  /** Every file of the table is rewritten. */
  readonly rewriteAll: boolean
  /** Files with that many delete files are rewritten. */
  readonly deleteFileThreshold: number
  /** Files with that share of rows deleted are rewritten; counts deletes known to be about one file. */
  readonly deleteRatioThreshold: number
  readonly maxFileGroupSizeBytes: number
  /** New files keep the sequence number of the snapshot they were planned on, so newer equality deletes reach them. */
  readonly useStartingSequenceNumber: boolean
  /** Groups are committed as they get ready, in at most `maxCommits` commits; false: all together. */
  readonly partialProgress: boolean
  readonly maxCommits: number
}

/** Files of one partition that are rewritten into new ones. */
export interface CompactionGroup {
  readonly specId: number
  readonly partition: PartitionTuple
  readonly tasks: readonly ReadTask[]
  readonly inputBytes: number
  readonly inputRows: number
  /** Rows left, as far as the metadata tells. */
  readonly liveRows: number
  readonly outputFiles: number
}

const MIN_FILE_RATIO = 0.75
const MAX_FILE_RATIO = 1.8

/** What a caller may set; the rest has Iceberg's defaults, but that partial progress is on. */
export type CompactionOptions = { readonly [K in keyof CompactionLimits]?: CompactionLimits[K] | undefined }

/**
 * The limits of a compaction.
 * @throws invalid-argument for limits that are out of range or contradict each other
 */
export function compactionLimits(metadata: TableMetadata, options: CompactionOptions = {}): CompactionLimits {
  const target = options.targetFileSizeBytes ?? targetFileSizeBytes(metadata)
  const limits: CompactionLimits = {
    targetFileSizeBytes: target,
    minFileSizeBytes: options.minFileSizeBytes ?? Math.floor(target * MIN_FILE_RATIO),
    maxFileSizeBytes: options.maxFileSizeBytes ?? Math.floor(target * MAX_FILE_RATIO),
    minInputFiles: options.minInputFiles ?? 5,
    rewriteAll: options.rewriteAll ?? false,
    deleteFileThreshold: options.deleteFileThreshold ?? 2_147_483_647,
    deleteRatioThreshold: options.deleteRatioThreshold ?? 0.3,
    maxFileGroupSizeBytes: options.maxFileGroupSizeBytes ?? 100 * 2 ** 30,
    useStartingSequenceNumber: options.useStartingSequenceNumber ?? true,
    partialProgress: options.partialProgress ?? true,
    maxCommits: options.maxCommits ?? 10,
  }
  checkLimits(limits)
  return limits
}

/** By Iceberg's names. */
const NUMBER_OPTIONS = {
  'target-file-size-bytes': 'targetFileSizeBytes',
  'min-file-size-bytes': 'minFileSizeBytes',
  'max-file-size-bytes': 'maxFileSizeBytes',
  'min-input-files': 'minInputFiles',
  'delete-file-threshold': 'deleteFileThreshold',
  'delete-ratio-threshold': 'deleteRatioThreshold',
  'max-file-group-size-bytes': 'maxFileGroupSizeBytes',
  'partial-progress.max-commits': 'maxCommits',
} as const
const FLAG_OPTIONS = {
  'rewrite-all': 'rewriteAll',
  'use-starting-sequence-number': 'useStartingSequenceNumber',
  'partial-progress.enabled': 'partialProgress',
} as const

/**
 * Options given by Iceberg's names.
 * @throws invalid-argument for an unknown name or a value of the wrong kind
 */
export function parseCompactionOptions(options: Readonly<Record<string, string>>): CompactionOptions {
  const parsed: Record<string, number | boolean> = {}
  const number = new Map<string, string>(Object.entries(NUMBER_OPTIONS))
  const flag = new Map<string, string>(Object.entries(FLAG_OPTIONS))
  for (const [name, text] of Object.entries(options)) {
    const numberName = number.get(name)
    const flagName = flag.get(name)
    if (numberName !== undefined) parsed[numberName] = numberOption(name, text)
    else if (flagName !== undefined) parsed[flagName] = flagOption(name, text)
    else throw invalid('the compaction option is unknown', { option: name })
  }
  return parsed
}

function numberOption(option: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw invalid('the compaction option is a number', { option, value: text })
}

function flagOption(option: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw invalid('the compaction option is true or false', { option, value: text })
}

function checkLimits(limits: CompactionLimits): void {
  const counts = ['minFileSizeBytes', 'minInputFiles', 'deleteFileThreshold', 'maxCommits'] as const
  for (const name of [...counts, 'maxFileGroupSizeBytes', 'targetFileSizeBytes'] as const)
    if (!Number.isFinite(limits[name]) || limits[name] < 0)
      throw invalid('a compaction limit is not below zero', { [name]: limits[name] })
  const { minFileSizeBytes, targetFileSizeBytes: target, maxFileSizeBytes, deleteRatioThreshold } = limits
  if (minFileSizeBytes >= target || maxFileSizeBytes <= target)
    throw invalid('the target file size has to lie between the least and the greatest', {
      minFileSizeBytes,
      targetFileSizeBytes: target,
      maxFileSizeBytes,
    })
  if (deleteRatioThreshold <= 0 || deleteRatioThreshold > 1)
    throw invalid('the delete ratio threshold has to be above 0 and at most 1', { deleteRatioThreshold })
}

function invalid(message: string, context: Readonly<Record<string, string | number>>): LakeError {
  return new LakeError('invalid-argument', message, { context })
}

/** The groups to rewrite, in the order of the plan. Tasks are those of a scan of the whole snapshot. */
export function planCompaction(
  tasks: readonly ReadTask[],
  options: { readonly metadata: TableMetadata; readonly limits: CompactionLimits },
): readonly CompactionGroup[] {
  const { metadata, limits } = options
  const partitions = new Map<string, ReadTask[]>()
  const keyOf = partitionKeys(metadata)
  for (const task of tasks) {
    if (task.entry.file.format !== 'parquet' || !isCandidate(task, limits)) continue
    const key = keyOf(task)
    const list = partitions.get(key)
    if (list === undefined) partitions.set(key, [task])
    else list.push(task)
  }
  return [...partitions.values()]
    .flatMap(candidates => binPack(candidates, limits))
    .filter(group => isWorthIt(group, limits))
    .map(group => describe(group, limits))
}

/** Tells the partitions of all specs apart. */
function partitionKeys(metadata: TableMetadata): (task: ReadTask) => string {
  const types = new Map(
    metadata.partitionSpecs.map(spec => [spec.specId, partitionTypes(spec, metadata.schemas)]),
  )
  return ({ entry: { file } }) =>
    `${file.specId}|${partitionKey(types.get(file.specId) ?? [], file.partition)}`
}

function isCandidate(task: ReadTask, limits: CompactionLimits): boolean {
  const { fileSizeBytes } = task.entry.file
  return (
    limits.rewriteAll ||
    fileSizeBytes < limits.minFileSizeBytes ||
    fileSizeBytes > limits.maxFileSizeBytes ||
    hasManyDeletes(task, limits)
  )
}

function hasManyDeletes(task: ReadTask, limits: CompactionLimits): boolean {
  const { vector, positionDeletes, equalityDeletes } = task.deletes
  const count = (vector === undefined ? 0 : 1) + positionDeletes.length + equalityDeletes.length
  if (count >= limits.deleteFileThreshold) return true
  const { recordCount } = task.entry.file
  return recordCount > 0 && knownDeletedRows(task) / recordCount >= limits.deleteRatioThreshold
}

/** Rows deleted by deletes about this file alone. */
function knownDeletedRows({ entry, deletes }: ReadTask): number {
  const scoped = deletes.positionDeletes.filter(({ file }) => referencedDataFile(file) !== undefined)
  const rows = scoped.reduce((sum, { file }) => sum + file.recordCount, deletes.vector?.file.recordCount ?? 0)
  return Math.min(rows, entry.file.recordCount)
}

/** Cuts the candidates of a partition, in order, into groups up to the greatest group size. */
function binPack(tasks: readonly ReadTask[], limits: CompactionLimits): ReadTask[][] {
  const groups: ReadTask[][] = []
  let group: ReadTask[] = []
  let bytes = 0
  for (const task of tasks) {
    const { fileSizeBytes } = task.entry.file
    if (group.length > 0 && bytes + fileSizeBytes > limits.maxFileGroupSizeBytes) {
      groups.push(group)
      group = []
      bytes = 0
    }
    group.push(task)
    bytes += fileSizeBytes
  }
  if (group.length > 0) groups.push(group)
  return groups
}

function isWorthIt(group: readonly ReadTask[], limits: CompactionLimits): boolean {
  const bytes = bytesOf(group)
  const several = group.length > 1
  return (
    limits.rewriteAll ||
    (several && group.length >= limits.minInputFiles) ||
    (several && bytes > limits.targetFileSizeBytes) ||
    bytes > limits.maxFileSizeBytes ||
    group.some(task => hasManyDeletes(task, limits))
  )
}

function describe(tasks: readonly ReadTask[], limits: CompactionLimits): CompactionGroup {
  const [first] = tasks
  if (first === undefined) throw new Error('assertion failed: a group has files')
  const inputBytes = bytesOf(tasks)
  const inputRows = tasks.reduce((sum, task) => sum + task.entry.file.recordCount, 0)
  const liveRows = inputRows - tasks.reduce((sum, task) => sum + knownDeletedRows(task), 0)
  const liveBytes = inputRows === 0 ? 0 : (inputBytes * liveRows) / inputRows
  const { specId, partition } = first.entry.file
  const outputFiles = outputFileCount(liveBytes, limits)
  return { specId, partition, tasks, inputBytes, inputRows, liveRows, outputFiles }
}

function bytesOf(tasks: readonly ReadTask[]): number {
  return tasks.reduce((sum, task) => sum + task.entry.file.fileSizeBytes, 0)
}

/** As many files as the target asks for, without a last one that would itself be too small. */
function outputFileCount(bytes: number, limits: CompactionLimits): number {
  const { targetFileSizeBytes: target } = limits
  if (bytes <= target) return 1
  const whole = Math.floor(bytes / target)
  if (bytes % target > limits.minFileSizeBytes) return whole + 1
  return bytes / whole < Math.min(1.1 * target, writeMaxFileSizeBytes(limits)) ? whole : whole + 1
}

/** Where a file is closed whatever the plan: half-way between the target and what would be rewritten again. */
export function writeMaxFileSizeBytes(limits: CompactionLimits): number {
  return limits.targetFileSizeBytes + (limits.maxFileSizeBytes - limits.targetFileSizeBytes) / 2
}
