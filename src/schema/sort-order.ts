/**
 * Sort orders, as plain data.
 * @see Iceberg table spec, "Sort Orders"
 */
import type { Transform } from './partition-spec.js'

export interface SortField {
  readonly sourceId: number
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
