import { describe, expect, it } from 'vitest'
import { hexDecode, utf8Encode } from '../../src/base/bytes.js'
import { statisticsOf } from '../../src/manifest/bounds.js'
import type { Schema, Type, Value } from '../../src/schema/types.js'
import { serializeValue } from '../../src/schema/value.js'

function schemaOf(type: Type): Schema {
  return { schemaId: 0, fields: [{ id: 1, name: 'c', required: false, type }], identifierFieldIds: [] }
}

function boundsOf(type: Type, lower: Uint8Array | undefined, upper: Uint8Array | undefined): unknown {
  const file = {
    ...(lower && { lowerBounds: new Map([[1, lower]]) }),
    ...(upper && { upperBounds: new Map([[1, upper]]) }),
  }
  return statisticsOf(file, schemaOf(type))(1)
}

const double = { kind: 'double' } as const
const stored = (value: Value): Uint8Array => serializeValue(double, value)

describe('statistics of a file', () => {
  it('are counts and decoded bounds', () => {
    const file = {
      valueCounts: new Map([[1, 10]]),
      nullValueCounts: new Map([[1, 2]]),
      nanValueCounts: new Map([[1, 0]]),
      lowerBounds: new Map([[1, utf8Encode('a')]]),
      upperBounds: new Map([[1, utf8Encode('ö')]]),
    }
    expect(statisticsOf(file, schemaOf({ kind: 'string' }))(1)).toEqual({
      valueCount: 10,
      nullCount: 2,
      nanCount: 0,
      lower: 'a',
      upper: 'ö',
    })
  })

  it('are unknown where the file says nothing or the column is unknown', () => {
    expect(statisticsOf({}, schemaOf(double))(1)).toEqual({})
    expect(statisticsOf({}, schemaOf(double))(2)).toBeUndefined()
    const list: Type = { kind: 'list', elementId: 2, elementRequired: false, element: double }
    expect(statisticsOf({}, schemaOf(list))(1)).toBeUndefined()
  })

  it('read bounds of the width the column had before its promotion', () => {
    expect(boundsOf({ kind: 'long' }, hexDecode('ffffffff'), hexDecode('05000000'))).toEqual({
      lower: -1n,
      upper: 5n,
    })
    expect(boundsOf(double, hexDecode('0000803f'), hexDecode('0000004000000000'))).toEqual({
      lower: 1,
      upper: expect.any(Number),
    })
  })

  it('drop bounds that do not decode, and NaN', () => {
    expect(boundsOf({ kind: 'long' }, hexDecode('ff'), hexDecode('ffffffffff'))).toEqual({})
    expect(boundsOf(double, stored(Number.NaN), stored(Number.NaN))).toEqual({})
  })

  it('widen zeros of writers that do not tell them apart', () => {
    const widened = boundsOf(double, stored(0), stored(-0))
    expect(widened).toEqual({ lower: -0, upper: 0 })
  })

  it('have no bounds for types whose bounds are no values', () => {
    expect(boundsOf({ kind: 'variant' }, Uint8Array.of(1), undefined)).toEqual({})
    expect(boundsOf({ kind: 'geometry' }, Uint8Array.of(1), undefined)).toEqual({})
  })
})
