/**
 * The entries of a manifest that somebody wants, with everything that is inherited filled in:
 *
 *   snapshot id        null: the manifest's added snapshot
 *   sequence numbers   null in an added entry: the manifest's; absent in v1: 0
 *   first row id       null in a live data entry: the manifest's, running on by the record counts
 *
 * An entry is judged as cheaply as can be, and only the ones that are left are decoded: by its status, by its tuple
 * (each distinct tuple is decoded and judged once), then by the statistics of the columns that are asked for.
 * @see Iceberg table spec, "Manifests", "Sequence Number Inheritance", "First Row ID Inheritance"
 */
import { asBuffer } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import type { StatisticsOf } from '../expression/statistics.js'
import { required } from '../format/avro-fields.js'
import type { PartitionTuple } from '../schema/partition-spec.js'
import type { Schema } from '../schema/types.js'
import type { ContentFile, EntryStatus, ManifestEntry } from './content-file.js'
import { contentFileAt } from './content-file-read.js'
import type { EntryBlock } from './entry-blocks.js'
import { EntryCursor } from './entry-cursor.js'
import type { EntryLayout } from './entry-layout.js'
import { entryStatistics } from './entry-statistics.js'
import type { ManifestFile } from './manifest-file.js'
import { ENTRY, FILE } from './manifest-schema.js'
import type { PartitionValueReader } from './partition-value.js'

/** Which entries of a manifest are wanted. Both functions err on the side of keeping. */
export interface EntrySelector {
  /** False when no file of the partition is wanted; asked once for many files. */
  keepPartition(tuple: PartitionTuple): boolean
  /** False when the statistics prove that the file is not wanted. They hold during the call only. */
  keepFile(statistics: StatisticsOf): boolean
  /** The columns whose statistics `keepFile` looks at. */
  readonly fieldIds: ReadonlySet<number>
  /** What `keepPartition` said, for all manifests that the selector is used on. */
  readonly judged?: JudgedTuples | undefined
}

/** Tuples by their bytes, of manifests with the same layout. */
export type JudgedTuples = WeakMap<EntryLayout, Map<string | number, JudgedTuple>>

export interface SelectOptions {
  readonly layout: EntryLayout
  readonly manifest: ManifestFile
  /** Readers of the tuple's values, in the order of the spec. */
  readonly tuple: readonly PartitionValueReader[]
  readonly schema: Schema
  readonly keep: ((status: EntryStatus) => boolean) | undefined
  readonly selector: EntrySelector | undefined
  readonly statistics: boolean | ReadonlySet<number>
}

/** What was selected of a manifest, and what was not. */
export interface ManifestSelection {
  readonly entries: readonly ManifestEntry[]
  /** Entries whose status was wanted. */
  readonly files: number
  readonly skippedByPartition: number
  readonly skippedByBounds: number
}

const STATUSES: readonly EntryStatus[] = ['existing', 'added', 'deleted']

/** The status of the entry. @throws corrupt when it has none */
export function statusAt(entry: EntryCursor): EntryStatus {
  const status = STATUSES[required(entry.number(ENTRY.status), ENTRY.status)]
  if (status === undefined) throw new LakeError('corrupt', 'a manifest entry has an unknown status')
  return status
}

/**
 * Selects from the blocks of a manifest, in its order.
 * @throws corrupt when a block or an entry that is kept breaks the format; unsupported for an unknown file format
 */
export function selectEntries(blocks: Iterable<EntryBlock>, options: SelectOptions): ManifestSelection {
  const { keep, selector, manifest } = options
  const entry = new EntryCursor(options.layout, selector?.fieldIds)
  const statistics = entryStatistics(entry, options.schema)
  const tuples = tupleJudge(entry, options)
  const rowIds = rowIdInheritance(entry, manifest)
  const entries: ManifestEntry[] = []
  let files = 0
  let skippedByPartition = 0
  let skippedByBounds = 0

  const consider = (): void => {
    const status = statusAt(entry)
    rowIds.pass(status)
    if (keep !== undefined && !keep(status)) return
    files++
    const { isWanted, tuple } = tuples.judge()
    if (!isWanted) {
      skippedByPartition++
      return
    }
    entry.whole()
    if (selector !== undefined && selector.fieldIds.size > 0) {
      statistics.next()
      if (!selector.keepFile(statistics.statisticsOf)) {
        skippedByBounds++
        return
      }
    }
    entries.push(entryAt(entry, { status, tuple, options, rowIds }))
  }
  for (const block of blocks) {
    entry.open(block)
    while (entry.next()) consider()
  }
  return { entries, files, skippedByPartition, skippedByBounds }
}

function entryAt(
  entry: EntryCursor,
  found: {
    readonly status: EntryStatus
    readonly tuple: PartitionTuple
    readonly options: SelectOptions
    readonly rowIds: RowIdInheritance
  },
): ManifestEntry {
  const { status, tuple, options } = found
  const { manifest } = options
  required(entry.has(ENTRY.dataFile) ? true : undefined, ENTRY.dataFile)
  const place = { status, manifest, layout: options.layout }
  const file = contentFileAt(entry, {
    specId: manifest.specId,
    partition: tuple,
    statistics: options.statistics,
  })
  return {
    status,
    snapshotId: entry.long(ENTRY.snapshotId) ?? manifest.addedSnapshotId,
    dataSequenceNumber: dataSequenceNumberAt(entry, place),
    fileSequenceNumber: fileSequenceNumberAt(entry, place),
    file: found.rowIds.apply(file, status),
  }
}

/** What an entry inherits its sequence numbers from. */
export interface InheritingEntry {
  readonly status: EntryStatus
  readonly manifest: ManifestFile
  readonly layout: EntryLayout
}

/** Early writers of v2 have no file sequence number; the data sequence number is the closest bound. */
export function fileSequenceNumberAt(entry: EntryCursor, place: InheritingEntry): bigint {
  const stored = entry.long(ENTRY.fileSequenceNumber)
  if (stored !== undefined) return stored
  return place.status === 'added' ? place.manifest.sequenceNumber : dataSequenceNumberAt(entry, place)
}

/** @throws corrupt when there is none, and none to inherit */
export function dataSequenceNumberAt(entry: EntryCursor, place: InheritingEntry): bigint {
  const { status, manifest, layout } = place
  const stored = entry.long(ENTRY.dataSequenceNumber)
  if (stored !== undefined) return stored
  if (status === 'added' || manifest.sequenceNumber === 0n) return manifest.sequenceNumber
  if (!layout.hasSequenceNumbers) return 0n
  throw new LakeError('corrupt', 'a manifest entry that was not added has no sequence number', {
    context: { status },
  })
}

export interface RowIdInheritance {
  /** Counts the rows of the entry, wanted or not. */
  pass(status: EntryStatus): void
  /** The row id of a data file for which `stored` is in the entry. */
  firstRowId(stored: bigint | undefined, status: EntryStatus): bigint | undefined
  /** The file with the row id that it inherits. */
  apply(file: ContentFile, status: EntryStatus): ContentFile
}

export function rowIdInheritance(entry: EntryCursor, manifest: ManifestFile): RowIdInheritance {
  const first = manifest.firstRowId
  let rows = 0
  let before = 0
  const firstRowId: RowIdInheritance['firstRowId'] = (stored, status) => {
    if (first === undefined) return undefined
    return status === 'deleted' || stored !== undefined ? stored : first + BigInt(before)
  }
  return {
    firstRowId,
    pass(status) {
      if (first === undefined || status === 'deleted') return
      entry.whole()
      if ((entry.number(FILE.content) ?? 0) !== 0 || entry.has(FILE.firstRowId)) return
      before = rows
      rows += required(entry.count(FILE.recordCount), FILE.recordCount)
    },
    apply(file, status) {
      if (file.content !== 'data') return file
      const inherited = firstRowId(file.firstRowId, status)
      if (inherited === file.firstRowId) return file
      if (inherited !== undefined) return { ...file, firstRowId: inherited }
      const { firstRowId: _, ...unassigned } = file
      return unassigned
    },
  }
}

export interface JudgedTuple {
  readonly tuple: PartitionTuple
  readonly isWanted: boolean
}

/** Tuples that are remembered; when there are more, it starts anew. */
const TUPLES_MAX = 4096

function knownTuples({
  layout,
  selector,
}: Pick<SelectOptions, 'layout' | 'selector'>): Map<string | number, JudgedTuple> {
  const known = selector?.judged?.get(layout) ?? new Map<string | number, JudgedTuple>()
  selector?.judged?.set(layout, known)
  return known
}

/** Decodes and judges each distinct tuple once; files of one partition share it. */
export function tupleJudge(
  entry: EntryCursor,
  options: Pick<SelectOptions, 'layout' | 'tuple' | 'selector'>,
): { judge(): JudgedTuple } {
  const { tuple: readers, selector } = options
  const known = knownTuples(options)
  const range = { begin: 0, end: 0 }
  let last: JudgedTuple | undefined
  let lastBlock: EntryBlock | undefined
  let lastBegin = 0
  let lastLength = 0

  const decode = (): JudgedTuple => {
    const tuple = readers.map((read, index) => read(entry.tupleValue(index)))
    return { tuple, isWanted: selector === undefined || selector.keepPartition(tuple) }
  }
  const look = (): JudgedTuple => {
    const key = keyOfBytes(entry.block.bytes, range)
    const found = known.get(key)
    if (found !== undefined) return found
    const judged = decode()
    if (known.size >= TUPLES_MAX) known.clear()
    known.set(key, judged)
    return judged
  }
  return {
    judge() {
      entry.tupleRange(range)
      const { begin, end } = range
      const { block } = entry
      const isSame =
        lastBlock === block &&
        end - begin === lastLength &&
        sameBytes(block.bytes, begin, lastBegin, lastLength)
      if (last === undefined || !isSame) last = look()
      lastBlock = block
      lastBegin = begin
      lastLength = end - begin
      return last
    },
  }
}

interface ByteSpan {
  readonly begin: number
  readonly end: number
}

/** Most tuples are a few bytes, which a number holds: making texts of them costs more than all else here. */
function keyOfBytes(bytes: Uint8Array, { begin, end }: ByteSpan): string | number {
  if (end - begin > 6) return asBuffer(bytes).toString('latin1', begin, end)
  let key = 1
  for (let at = begin; at < end; at++) key = key * 256 + (bytes[at] as number)
  return key
}

/** Arguments by position: this is asked of every entry. */
function sameBytes(bytes: Uint8Array, begin: number, other: number, length: number): boolean {
  for (let index = 0; index < length; index++) if (bytes[begin + index] !== bytes[other + index]) return false
  return true
}
