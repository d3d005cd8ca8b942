import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, dataView } from '../../src/base/bytes.js'
import { parseBounds } from '../../src/schema/stored-bounds.js'
import { serializeValue } from '../../src/schema/value.js'

const UUID = { kind: 'uuid' } as const
const DOUBLE = { kind: 'double' } as const

/** As `java.util.UUID.compareTo`: two signed halves. */
function compareSigned(a: Uint8Array, b: Uint8Array): number {
  for (const half of [0, 8]) {
    const [x, y] = [dataView(a).getBigInt64(half), dataView(b).getBigInt64(half)]
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}

function uuidOf(high: bigint, low: bigint): Uint8Array {
  const bytes = new Uint8Array(16)
  dataView(bytes).setBigInt64(0, high)
  dataView(bytes).setBigInt64(8, low)
  return bytes
}

/** Halves of few values, so that first halves are equal often, and of any. */
const half = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, -2n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)

describe('stored bounds', () => {
  it.each([
    ['signed halves, as older Java writes them', compareSigned],
    ['unsigned bytes, as the RFC says', compareBytes],
  ] as const)('of uuids hold for every value when they were made in the order of %s', (_, compare) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(half, half), { minLength: 1, maxLength: 8 }), halves => {
        const values = halves.map(([high, low]) => uuidOf(high, low))
        const ordered = values.toSorted(compare)
        const { lower, upper } = parseBounds(UUID, { lower: ordered[0], upper: ordered.at(-1) })
        for (const value of values) {
          if (lower instanceof Uint8Array) expect(compareBytes(lower, value)).toBeLessThanOrEqual(0)
          if (upper instanceof Uint8Array) expect(compareBytes(value, upper)).toBeLessThanOrEqual(0)
        }
      }),
    )
  })

  it('of uuids still tell ranges of first halves apart', () => {
    const bounds = parseBounds(UUID, { lower: uuidOf(5n, -1n), upper: uuidOf(9n, 1n) })
    expect(bounds).toEqual({ lower: uuidOf(5n, 0n), upper: uuidOf(9n, -1n) })
  })

  it('of uuids are none when one of them is missing or malformed', () => {
    const none = { lower: undefined, upper: undefined }
    expect(parseBounds(UUID, { lower: uuidOf(1n, 1n) })).toEqual(none)
    expect(parseBounds(UUID, { lower: uuidOf(1n, 1n), upper: new Uint8Array(3) })).toEqual(none)
  })

  it('widen zeros and leave NaN out', () => {
    const stored = { lower: serializeValue(DOUBLE, 0), upper: serializeValue(DOUBLE, -0) }
    expect(parseBounds(DOUBLE, stored)).toEqual({ lower: -0, upper: 0 })
    const nan = serializeValue(DOUBLE, Number.NaN)
    expect(parseBounds(DOUBLE, { lower: nan, upper: nan })).toEqual({ lower: undefined, upper: undefined })
  })
})
