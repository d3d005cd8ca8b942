/**
 * The entries of a manifest one after the other, under a cursor, with what they inherit (`entry-select.ts`): for
 * readers that make columns of them, so that no entry becomes an object. Walked as far as it is asked for.
 */
import { required } from '../format/avro-fields.js'
import type { PartitionTuple } from '../schema/partition-spec.js'
import type { ContentFile, EntryStatus } from './content-file.js'
import { contentAt } from './content-file-read.js'
import type { EntryBlock } from './entry-blocks.js'
import { EntryCursor } from './entry-cursor.js'
import type { EntryLayout } from './entry-layout.js'
import {
  dataSequenceNumberAt,
  fileSequenceNumberAt,
  type RowIdInheritance,
  rowIdInheritance,
  statusAt,
  tupleJudge,
} from './entry-select.js'
import type { ManifestFile } from './manifest-file.js'
import { ENTRY, FILE } from './manifest-schema.js'
import type { PartitionValueReader } from './partition-value.js'

/** An entry, until the next one. */
export interface EntryRow {
  readonly manifest: ManifestFile
  readonly status: EntryStatus
  /** The same object for entries of one partition that follow each other. */
  readonly tuple: PartitionTuple
  /** The stored fields, all of them walked. */
  readonly entry: EntryCursor
  /** @throws corrupt for an unknown number */
  content(): ContentFile['content']
  snapshotId(): bigint
  /** @throws corrupt when there is none to inherit */
  dataSequenceNumber(): bigint
  fileSequenceNumber(): bigint
  /** Undefined but for data files of tables with row lineage. */
  firstRowId(): bigint | undefined
}

export interface EntryRowsOptions {
  readonly layout: EntryLayout
  readonly manifest: ManifestFile
  /** Readers of the tuple's values, in the order of the spec. */
  readonly tuple: readonly PartitionValueReader[]
  readonly keep: ((status: EntryStatus) => boolean) | undefined
  /** Columns that `statisticAt` of the cursor will be asked for. */
  readonly statisticsOf: Iterable<number>
}

export class EntryRows implements EntryRow {
  readonly manifest: ManifestFile
  readonly entry: EntryCursor
  status: EntryStatus = 'existing'
  readonly layout: EntryLayout
  readonly #keep: ((status: EntryStatus) => boolean) | undefined
  readonly #blocks: Iterator<EntryBlock>
  readonly #tuples: ReturnType<typeof tupleJudge>
  readonly #rowIds: RowIdInheritance
  #isOpen = false
  #passedBytes = 0

  constructor(blocks: Iterable<EntryBlock>, options: EntryRowsOptions) {
    this.manifest = options.manifest
    this.layout = options.layout
    this.#keep = options.keep
    this.#blocks = blocks[Symbol.iterator]()
    this.entry = new EntryCursor(options.layout, options.statisticsOf)
    this.#tuples = tupleJudge(this.entry, { ...options, selector: undefined })
    this.#rowIds = rowIdInheritance(this.entry, options.manifest)
  }

  /** Goes to the next entry whose status is wanted; false behind the last. @throws corrupt */
  next(): boolean {
    for (;;) {
      if (!this.#isOpen && !this.#openBlock()) return false
      if (!this.entry.next()) {
        this.#passedBytes += this.entry.position
        this.#isOpen = false
        continue
      }
      this.status = statusAt(this.entry)
      this.#rowIds.pass(this.status)
      if (this.#keep !== undefined && !this.#keep(this.status)) continue
      this.entry.whole()
      required(this.entry.has(ENTRY.dataFile) ? true : undefined, ENTRY.dataFile)
      return true
    }
  }

  #openBlock(): boolean {
    const block = this.#blocks.next()
    if (block.done === true) return false
    this.entry.open(block.value)
    this.#isOpen = true
    return true
  }

  /** Unpacked bytes of the manifest up to here. */
  get walkedBytes(): number {
    return this.#passedBytes + (this.#isOpen ? this.entry.position : 0)
  }

  get tuple(): PartitionTuple {
    return this.#tuples.judge().tuple
  }

  content(): ContentFile['content'] {
    return contentAt(this.entry)
  }

  snapshotId(): bigint {
    return this.entry.long(ENTRY.snapshotId) ?? this.manifest.addedSnapshotId
  }

  dataSequenceNumber(): bigint {
    return dataSequenceNumberAt(this.entry, this)
  }

  fileSequenceNumber(): bigint {
    return fileSequenceNumberAt(this.entry, this)
  }

  firstRowId(): bigint | undefined {
    if (this.content() !== 'data') return undefined
    return this.#rowIds.firstRowId(this.entry.long(FILE.firstRowId), this.status)
  }
}
