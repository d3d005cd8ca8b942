import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readVariant, type VariantMaker } from '../../src/format/variant-tree.js'
import type { PrimitiveType, Value } from '../../src/schema/types.js'
import {
  arbitraryStyle,
  arbitraryTree,
  encodeVariant,
  namesOf,
  plainStyle,
  type VariantTree,
} from './variant-tree.js'

/** What a reader may say of a value: widths of integers and decimals are gone. */
type Read = readonly [PrimitiveType, Value] | { readonly [name: string]: Read } | readonly Read[]

const AS_READ: VariantMaker<Read> = {
  primitive: (type, value) => [type, value],
  array: elements => ['array' as never, ...elements],
  object: fields => Object.fromEntries(fields),
}

function expected(tree: VariantTree): Read {
  switch (tree.type) {
    case 'array':
      return ['array' as never, ...tree.elements.map(expected)]
    case 'object':
      return Object.fromEntries(Object.entries(tree.fields).map(([name, value]) => [name, expected(value)]))
    case 'null':
      return [{ kind: 'unknown' }, null]
    case 'int8':
    case 'int16':
    case 'int32':
      return [{ kind: 'int' }, tree.value]
    case 'int64':
      return [{ kind: 'long' }, tree.value]
    case 'decimal4':
    case 'decimal8':
    case 'decimal16':
      return [{ kind: 'decimal', precision: 38, scale: tree.scale }, tree.value]
    case 'uuid':
    case 'binary':
      return [{ kind: tree.type }, Uint8Array.from(tree.value)]
    default:
      return [{ kind: tree.type }, tree.value]
  }
}

describe('reading a variant', () => {
  it('gives every value inside it with its type, whoever wrote it', () => {
    fc.assert(
      fc.property(arbitraryTree, arbitraryStyle, fc.boolean(), (tree, style, sorted) => {
        const names = sorted ? namesOf(tree).sort() : namesOf(tree)
        const bytes = encodeVariant(tree, { ...style, names })
        expect(readVariant(Uint8Array.from(bytes), AS_READ)).toEqual(expected(tree))
      }),
      { numRuns: 300 },
    )
  })

  it('keeps a byte order mark, and a field named __proto__', () => {
    const tree: VariantTree = {
      type: 'object',
      fields: JSON.parse('{"__proto__": {"type": "string", "value": "\\ufeffx"}}'),
    }
    const read = readVariant(encodeVariant(tree, plainStyle(['__proto__'])), AS_READ)
    expect(Object.entries(read)).toEqual([['__proto__', [{ kind: 'string' }, '\ufeffx']]])
  })

  it('refuses bytes that are no variant', () => {
    const whole = encodeVariant({ type: 'string', value: 'abc' }, plainStyle())
    for (const bytes of [
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.of(0)]),
      Buffer.of(),
      Buffer.of(1),
    ])
      expect(() => readVariant(bytes, AS_READ)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
    expect(() => readVariant(Buffer.of(1, 0, 0, 63 << 2), AS_READ)).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })
})
