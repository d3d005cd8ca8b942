import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { checkVariant, splitVariant } from '../../src/format/variant-value.js'
import {
  arbitraryStyle,
  arbitraryTree,
  decodeVariant,
  encodeMetadata,
  encodeValue,
  encodeVariant,
  namesOf,
  plainStyle,
  type VariantTree,
} from './variant-tree.js'

const bytes = (hex: string): Uint8Array => hexDecode(hex.replaceAll(' ', '')) ?? new Uint8Array(0)

/** What a check of the bytes ends with: where the value begins, or the reason that the refusal gives. */
function outcomeOf(variant: Uint8Array): number | string {
  try {
    return checkVariant(variant)
  } catch (error) {
    if (!isLakeError(error)) throw error
    return `${error.kind}: ${error.context.reason ?? error.message}`
  }
}

/** Arrays inside each other, `depth` of them. */
function nested(depth: number): VariantTree {
  let tree: VariantTree = { type: 'null' }
  for (let i = 0; i < depth; i++) tree = { type: 'array', elements: [tree] }
  return tree
}

describe('a variant', () => {
  it('is accepted however its writer laid it out, and splits into metadata and value', () => {
    const arbitrary = fc.tuple(arbitraryTree, arbitraryStyle, fc.boolean())
    fc.assert(
      fc.property(arbitrary, ([tree, style, sorted]) => {
        const names = ['unused', ...namesOf(tree)]
        const full = { ...style, names: sorted ? names.sort() : names }
        const variant = encodeVariant(tree, full)
        expect(decodeVariant(variant)).toEqual(tree)
        const metadata = encodeMetadata(full)
        expect(checkVariant(variant)).toBe(metadata.length)
        const parts = splitVariant(variant)
        expect(Buffer.from(parts.metadata)).toEqual(metadata)
        expect(Buffer.from(parts.value)).toEqual(encodeValue(tree, full))
      }),
    )
  })

  it('that is cut anywhere is corrupt', () => {
    fc.assert(
      fc.property(arbitraryTree, fc.nat(), (tree, cut) => {
        const variant = encodeVariant(tree, plainStyle(namesOf(tree)))
        expect(outcomeOf(variant.subarray(0, cut % variant.length))).toMatch(/^corrupt/)
      }),
    )
  })

  it('with bytes changed is accepted or refused, and nothing outside it is read', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(arbitraryTree, fc.array(change, { minLength: 1, maxLength: 4 }), (tree, changes) => {
        const variant = encodeVariant(tree, plainStyle(namesOf(tree)))
        for (const [at, byte] of changes) variant[at % variant.length] = byte
        const outcome = outcomeOf(variant)
        if (typeof outcome === 'string') expect(outcome).toMatch(/^(corrupt|unsupported)/)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['010000 00 00', 'corrupt: bytes follow the value'],
    ['010000', 'corrupt: a value ends too early'],
    ['0100', 'corrupt: the metadata ends too early'],
    ['', 'corrupt: the metadata ends too early'],
    ['020000 00', 'unsupported: the version of the variant encoding is not known'],
    ['0102000100 6100', 'corrupt: the field names overlap'],
    ['01010002 c3bc 00', 4 + 2],
    ['0102000102 c3bc 00', 'corrupt: a field name is not UTF-8'],
    ['01010001 c3 00', 'corrupt: a field name is not UTF-8'],
    ['01010101 61 00', 'corrupt: the field names overlap'],
    ['0100 00 05 ff', 'corrupt: a string is not UTF-8'],
    ['010000 54', 'unsupported: a variant has a primitive type that is not known'],
    ['010000 20 27 00000000', 'corrupt: a decimal has too many digits'],
    ['010000 40 ffffffff 61', 'corrupt: a value ends too early'],
    ['010000 3c 02000000 61', 'corrupt: a value ends too early'],
    ['01010001 61 02 01 01 00 01 00', 'corrupt: a field has no name'],
    ['01010001 61 02 02 0000 000102 0000', 'corrupt: an object has a field twice'],
    ['0102000102 6161 02 02 0001 000102 0000', 'corrupt: an object has a field twice'],
    ['0102000102 6261 02 02 0001 000102 0000', 5 + 2],
    ['010000 03 02 000001 00', 'corrupt: values overlap'],
    ['010000 03 01 0101 00', 'corrupt: a value ends too early'],
    ['010000 13 ffffffff 0000', 'corrupt: a value ends too early'],
    ['010000 52 ffffffff 0000', 'corrupt: a value ends too early'],
  ])('of the bytes %s is found to be: %s', (hex, expected) => {
    expect(outcomeOf(bytes(hex))).toBe(expected)
  })

  it('may be nested as deeply as JSON parsers go, and no deeper', () => {
    const style = plainStyle()
    expect(outcomeOf(encodeVariant(nested(1000), style))).toBe(3)
    expect(outcomeOf(encodeVariant(nested(1001), style))).toBe('unsupported: a variant is nested too deeply')
  })

  it('whose values share bytes over and over is refused before they are walked', () => {
    // Each array holds the next one twice: walked naively this takes 2^60 steps.
    let value = Buffer.of(0)
    for (let i = 0; i < 60; i++) {
      const head = Buffer.from([3 | (1 << 2), 2, 0, 0, 0, 0, value.length & 255, value.length >> 8])
      value = Buffer.concat([head, value])
    }
    expect(outcomeOf(Buffer.concat([Buffer.of(1, 0, 0), value]))).toBe('corrupt: values overlap')
  })
})
