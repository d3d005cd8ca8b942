/** Leaf columns made by hand, for tests of what is said about their values. */
import fc from 'fast-check'
import type { SchemaElement } from '../../../../src/format/parquet/footer/metadata.js'
import type { LeafColumn } from '../../../../src/format/parquet/footer/schema.js'
import type { PrimitiveType } from '../../../../src/schema/types.js'

/** An optional column of a file that says the order of its bounds. */
export function leafColumn(
  type: PrimitiveType,
  element: Partial<SchemaElement>,
  { repeated = false }: { readonly repeated?: boolean } = {},
): LeafColumn {
  return {
    fieldId: 1,
    type,
    element: { name: 'c', childCount: 0, columnOrder: 'type', ...element },
    repeated,
    maxDefinition: 1,
    maxRepetition: repeated ? 1 : 0,
  }
}

/** PLAIN encoding of a number: 4 bytes for a number, 8 for a bigint. */
export function plainInteger(value: number | bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(typeof value === 'bigint' ? 8 : 4))
  if (typeof value === 'bigint') view.setBigInt64(0, value, true)
  else view.setInt32(0, value, true)
  return new Uint8Array(view.buffer)
}

export function plainDouble(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer)
}

/** Characters of one to four bytes, and those whose order in UTF-16 is another. */
export const TEXT_UNIT: fc.Arbitrary<string> = fc.constantFrom(
  'a',
  'b',
  '\u0000',
  'é',
  '€',
  '\uffff',
  '𝄞',
  '😀',
)
