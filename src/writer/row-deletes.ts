/**
 * Rows to delete, as positions in data files: what the delete writers are given.
 */
import type { PositionSet } from '../format/position-set.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { DeleteCache } from '../reader/delete-cache.js'
import type { ReadTask } from '../reader/plan.js'
import type { Schema } from '../schema/types.js'
import type { FileNaming } from './file-location.js'

/** Rows of one data file that go away. */
export interface RowDeletes {
  readonly task: ReadTask
  readonly positions: PositionSet
}

/** Rows of one data file that are deleted when a write is done, earlier ones included. */
export interface MergedDeletes {
  readonly task: ReadTask
  readonly positions: PositionSet
}

export interface RowDeleteOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly naming: FileNaming
  /** Files read or written at the same time; default 4. */
  readonly concurrency?: number | undefined
  /** Has deletes that were read before, and keeps those that are written. */
  readonly deleteCache?: DeleteCache | undefined
  readonly signal?: AbortSignal | undefined
}
