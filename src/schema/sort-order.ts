/**
 * Sort orders, as plain data.
 * @see Iceberg table spec, "Sort Orders"
 */
import type { Transform } from './partition-spec.js'

export interface SortField {
  /** Id of the source column; of several, the first. */
  readonly sourceId: number
  /** Ids of all source columns when there are several (v3); the transform is then `unsupported`. */
  readonly sourceIds?: readonly number[]
  readonly transform: Transform
  readonly direction: 'asc' | 'desc'
  readonly nullOrder: 'nulls-first' | 'nulls-last'
}

export interface SortOrder {
  /** 0 is the unsorted order. */
  readonly orderId: number
  readonly fields: readonly SortField[]
}

export const UNSORTED: SortOrder = { orderId: 0, fields: [] }
