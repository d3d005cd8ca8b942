import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBitmap, setBit } from '../../../../src/batch/bitmap.js'
import type { Vector } from '../../../../src/batch/column-batch.js'
import { columnValues } from '../../../../src/batch/values.js'
import { createVectorBuilder } from '../../../../src/batch/vector-builder.js'
import { spreadValues } from '../../../../src/format/parquet/decode/spread-values.js'
import type { Type, Value } from '../../../../src/schema/types.js'

const bytes = (value: number): Uint8Array => Uint8Array.of(value, 1, 2)

const TYPES: readonly (readonly [Type, (value: number) => Value])[] = [
  [{ kind: 'int' }, value => value],
  [{ kind: 'long' }, value => BigInt(value) << 40n],
  [{ kind: 'float' }, value => value / 2],
  [{ kind: 'double' }, value => value / 3],
  [{ kind: 'decimal', precision: 38, scale: 0 }, value => -(BigInt(value) << 90n)],
  [{ kind: 'boolean' }, value => value % 2 === 0],
  [{ kind: 'fixed', lengthBytes: 3 }, bytes],
  [{ kind: 'string' }, value => 'x'.repeat(value % 5)],
]

type Dense = Parameters<typeof spreadValues>[0]

function built(type: Type, values: readonly Value[]): Dense {
  const builder = createVectorBuilder(type, values.length)
  for (const value of values) builder.append(value)
  return builder.finish() as Dense
}

describe('values spread to their slots', () => {
  it.each(TYPES)('stand where bits are set, nulls between them: %o', (type, valueFor) => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(250))), numbers => {
        const rows = numbers.map(number => (number === null ? null : valueFor(number)))
        const present = rows.filter(row => row !== null)
        const validity = createBitmap(rows.length)
        for (const [at, row] of rows.entries()) if (row !== null) setBit(validity, at)
        const slots = { validity, length: rows.length }
        const dense = built(type, present)
        expect(columnValues(spreadValues(dense, slots), type)).toEqual(rows)

        const codes = Int32Array.from(present.keys())
        const coded: Dense = {
          layout: 'dictionary',
          length: codes.length,
          codes,
          dictionary: dense as Vector,
        }
        expect(columnValues(spreadValues(coded, slots), type)).toEqual(rows)
      }),
    )
  })
})
