import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../../src/base/bytes.js'
import { parseThrift, serializeThrift, type ThriftStruct } from '../../../src/format/parquet/thrift.js'

describe('thrift structs', () => {
  it('are read again as written', () => {
    const i32 = fc.integer()
    const i64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)
    const bytes = fc.uint8Array({ maxLength: 200 })
    const leaf = fc.oneof(i32, i64, bytes, fc.boolean())
    const lists = fc.oneof(fc.array(i32, { minLength: 1 }), fc.array(i64, { minLength: 1 }), fc.array(bytes))
    const { struct } = fc.letrec<{ struct: ThriftStruct; value: unknown }>(tie => ({
      value: fc.oneof(
        { maxDepth: 3 },
        leaf,
        lists,
        tie('struct'),
        fc.array(tie('struct'), { maxLength: 20 }),
      ),
      struct: fc
        .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 300 }), tie('value')), {
          selector: pair => pair[0],
          maxLength: 6,
        })
        .map(pairs => Object.fromEntries(pairs.map(([id, value]) => [`field_${id}`, value])) as ThriftStruct),
    }))
    fc.assert(
      fc.property(struct, value => {
        expect(parseThrift(serializeThrift(value))).toEqual(value)
      }),
    )
  })

  it('keep 8-bit numbers and texts, and leave out what is undefined', () => {
    const struct = { field_1: { i8: -3 }, field_2: 'grün', field_3: undefined, field_40: [true, false] }
    expect(parseThrift(serializeThrift(struct))).toEqual({
      field_1: -3,
      field_2: utf8Encode('grün'),
      field_40: [true, false],
    })
  })

  it('are refused when cut', () => {
    const bytes = serializeThrift({ field_1: utf8Encode('some text'), field_2: { field_1: 5n } })
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseThrift(bytes.subarray(0, length))).toThrow()
    }
  })
})
