/**
 * Partition specs and their transforms, as plain data.
 * @see Iceberg table spec, "Partitioning"
 */
import type { Value } from './types.js'

export type Transform =
  | { readonly kind: 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' }
  | { readonly kind: 'bucket'; readonly count: number }
  | { readonly kind: 'truncate'; readonly width: number }
  /**
   * A transform this version does not know, or one of several columns: the field prunes nothing and its spec is
   * refused for writing.
   */
  | { readonly kind: 'unsupported'; readonly text: string }

export interface PartitionField {
  /** Id of the source column; of several, the first. */
  readonly sourceId: number
  /** Ids of all source columns when there are several (v3); the transform is then `unsupported`. */
  readonly sourceIds?: readonly number[]
  /** Partition field id, from 1000. */
  readonly fieldId: number
  readonly name: string
  readonly transform: Transform
}

export interface PartitionSpec {
  readonly specId: number
  readonly fields: readonly PartitionField[]
}

/** Partition values in the order of the spec's fields; a `day` is a number, as a date is. */
export type PartitionTuple = readonly Value[]

export const UNPARTITIONED: PartitionSpec = { specId: 0, fields: [] }
