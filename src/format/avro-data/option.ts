/**
 * Unions. Iceberg has them for optional values only: null and one other type, in either order.
 * @see Iceberg table spec, "Appendix A: Avro"
 */
import type { AvroType } from '../avro-schema.js'

export interface AvroOption {
  readonly value: AvroType
  /** The number of the value's branch. */
  readonly valueIndex: number
  /** The number of the branch that is null; -1 when there is none. */
  readonly nullIndex: number
}

/** What a union is optional of; undefined for a union of several types, which Iceberg does not have. */
export function optionOf(union: Extract<AvroType, { kind: 'union' }>): AvroOption | undefined {
  const { branches } = union
  const [first, second] = branches
  if (first === undefined || branches.length > 2) return undefined
  if (second === undefined) return { value: first, valueIndex: 0, nullIndex: -1 }
  if (first.kind === 'null') return { value: second, valueIndex: 1, nullIndex: 0 }
  return second.kind === 'null' ? { value: first, valueIndex: 0, nullIndex: 1 } : undefined
}
