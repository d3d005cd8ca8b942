import { describe, expect, it } from 'vitest'
import { planProjection } from '../../src/schema/projection.js'
import { canPromote, promoteValue } from '../../src/schema/promotion.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Field, Type } from '../../src/schema/types.js'

function field(id: number, name: string, type: Type | string, more: Partial<Field> = {}): Field {
  return { id, name, required: false, type: typeof type === 'string' ? parseType(type) : type, ...more }
}
const same = (index: number): unknown => ({ kind: 'take', index, type: { kind: 'same' } })

describe('promotion', () => {
  it('is what the spec allows', () => {
    const allowed: [string, string][] = [
      ['int', 'long'],
      ['float', 'double'],
      ['decimal(9, 2)', 'decimal(10, 2)'],
      ['date', 'timestamp'],
      ['date', 'timestamp_ns'],
      ['unknown', 'string'],
      ['string', 'string'],
    ]
    for (const [from, to] of allowed)
      expect([from, to, canPromote(parseType(from), parseType(to))]).toEqual([from, to, true])
    const refused: [string, string][] = [
      ['long', 'int'],
      ['double', 'float'],
      ['int', 'float'],
      ['int', 'double'],
      ['decimal(9, 2)', 'decimal(10, 3)'],
      ['decimal(9, 2)', 'decimal(8, 2)'],
      ['date', 'timestamptz'],
      ['timestamp', 'timestamp_ns'],
      ['string', 'binary'],
      ['fixed[2]', 'fixed[3]'],
    ]
    for (const [from, to] of refused)
      expect([from, to, canPromote(parseType(from), parseType(to))]).toEqual([from, to, false])
  })

  it('leaves dates and unknown alone before version 3', () => {
    expect(canPromote({ kind: 'date' }, { kind: 'timestamp' }, { formatVersion: 2 })).toBe(false)
    expect(canPromote({ kind: 'unknown' }, { kind: 'int' }, { formatVersion: 2 })).toBe(false)
    expect(canPromote({ kind: 'int' }, { kind: 'long' }, { formatVersion: 2 })).toBe(true)
  })

  it('carries values over', () => {
    expect(promoteValue({ kind: 'int' }, { kind: 'long' }, -3)).toBe(-3n)
    expect(promoteValue({ kind: 'float' }, { kind: 'double' }, 0.5)).toBe(0.5)
    expect(promoteValue({ kind: 'date' }, { kind: 'timestamp' }, -1)).toBe(-86_400_000_000n)
    expect(promoteValue({ kind: 'date' }, { kind: 'timestamp_ns' }, 2)).toBe(172_800_000_000_000n)
    expect(promoteValue({ kind: 'int' }, { kind: 'long' }, null)).toBeNull()
    expect(() => promoteValue({ kind: 'long' }, { kind: 'int' }, 1n)).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})

describe('planProjection', () => {
  it('matches by field id: renames and moves take the column as it is', () => {
    const file = [field(1, 'a', 'int'), field(2, 'b', 'string')]
    expect(planProjection(file, [field(2, 'renamed', 'string'), field(1, 'a', 'int')])).toEqual([
      same(1),
      same(0),
    ])
  })

  it('reads null for a name that was dropped and added again', () => {
    expect(planProjection([field(1, 'a', 'int')], [field(9, 'a', 'int')])).toEqual([{ kind: 'null' }])
  })

  it('takes a constant before the initial default, and that before null', () => {
    const expected = [field(2, 'b', 'int', { initialDefault: 7, writeDefault: 8 })]
    expect(planProjection([], expected)).toEqual([{ kind: 'default', value: 7 }])
    expect(planProjection([], expected, { constantOf: field => (field.id === 2 ? 5 : undefined) })).toEqual([
      { kind: 'default', value: 5 },
    ])
    expect(planProjection([], expected, { constantOf: () => null })).toEqual([{ kind: 'null' }])
    expect(planProjection([], [field(2, 'b', 'int', { writeDefault: 8 })])).toEqual([{ kind: 'null' }])
  })

  it('takes the column of the file before any constant', () => {
    expect(planProjection([field(2, 'b', 'int')], [field(2, 'b', 'int')], { constantOf: () => 5 })).toEqual([
      same(0),
    ])
  })

  it('refuses a missing required column that has neither constant nor default', () => {
    const required = field(2, 'b', 'int', { required: true })
    expect(() => planProjection([], [required])).toThrow(
      expect.objectContaining({ kind: 'corrupt', context: { field: 'b', fieldId: 2 } }),
    )
    expect(planProjection([], [{ ...required, initialDefault: 1 }])).toEqual([{ kind: 'default', value: 1 }])
    expect(planProjection([], [required], { constantOf: () => 1 })).toEqual([{ kind: 'default', value: 1 }])
  })

  it('goes into structs, lists and maps', () => {
    const oldPoint: Type = { kind: 'struct', fields: [field(11, 'x', 'int'), field(12, 'y', 'int')] }
    const newPoint: Type = {
      kind: 'struct',
      fields: [field(12, 'why', 'long'), field(13, 'z', 'int', { initialDefault: 3 })],
    }
    const plan = {
      kind: 'struct',
      fields: [
        { kind: 'take', index: 1, type: { kind: 'promote', from: { kind: 'int' }, to: { kind: 'long' } } },
        { kind: 'default', value: 3 },
      ],
    }
    const listOf = (element: Type): Type => ({ kind: 'list', elementId: 21, elementRequired: true, element })
    const mapOf = (value: Type): Type => ({
      kind: 'map',
      keyId: 31,
      key: { kind: 'string' },
      valueId: 32,
      valueRequired: true,
      value,
    })
    const file = [field(1, 's', oldPoint), field(2, 'l', listOf(oldPoint)), field(3, 'm', mapOf(oldPoint))]
    const expected = [
      field(1, 's', newPoint),
      field(2, 'l', listOf(newPoint)),
      field(3, 'm', mapOf(newPoint)),
    ]
    expect(planProjection(file, expected)).toEqual([
      { kind: 'take', index: 0, type: plan },
      { kind: 'take', index: 1, type: { kind: 'list', element: plan } },
      { kind: 'take', index: 2, type: { kind: 'map', key: { kind: 'same' }, value: plan } },
    ])
    expect(planProjection(file, file)).toEqual([same(0), same(1), same(2)])
  })

  it('takes constants for fields of structs, in required ones too', () => {
    const file: Type = { kind: 'struct', fields: [field(11, 'x', 'int')] }
    const now: Type = {
      kind: 'struct',
      fields: [field(12, 'y', 'int', { required: true }), field(11, 'x', 'int')],
    }
    const constantOf = ({ id }: Field): number | undefined => (id === 12 ? 5 : undefined)
    expect(planProjection([field(1, 's', file)], [field(1, 's', now)], { constantOf })).toEqual([
      {
        kind: 'take',
        index: 0,
        type: { kind: 'struct', fields: [{ kind: 'default', value: 5 }, same(0)] },
      },
    ])
    expect(() => planProjection([field(1, 's', file)], [field(1, 's', now)])).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    )
  })

  it('puts together the parts of a variant that is not annotated, and nothing else', () => {
    const parts = (...names: string[]): Type => ({
      kind: 'struct',
      fields: names.map(name => field(-1, name, 'binary')),
    })
    const plan = (from: Type): unknown => planProjection([field(1, 'v', from)], [field(1, 'v', 'variant')])
    expect(plan(parts('value', 'metadata'))).toEqual([
      { kind: 'take', index: 0, type: { kind: 'variant', metadata: 1, value: 0 } },
    ])
    for (const other of [parts('metadata'), parts('metadata', 'value', 'typed_value'), parts('a', 'b')])
      expect(() => plan(other)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })

  it('drops a field from a struct that lost it', () => {
    const wide: Type = { kind: 'struct', fields: [field(11, 'x', 'int'), field(12, 'y', 'int')] }
    const narrow: Type = { kind: 'struct', fields: [field(11, 'x', 'int')] }
    expect(planProjection([field(1, 's', wide)], [field(1, 's', narrow)])).toEqual([
      { kind: 'take', index: 0, type: { kind: 'struct', fields: [same(0)] } },
    ])
  })

  it('forgives writers that do not annotate what looks alike in memory', () => {
    const alike: [string, string][] = [
      ['binary', 'string'],
      ['fixed[16]', 'uuid'],
      ['timestamptz', 'timestamp'],
      ['decimal(38, 2)', 'decimal(9, 2)'],
    ]
    for (const [from, to] of alike)
      expect(planProjection([field(1, 'a', from)], [field(1, 'a', to)])).toEqual([same(0)])
    expect(planProjection([field(1, 'a', 'timestamp_ns')], [field(1, 'a', 'timestamp')])).toMatchObject([
      { type: { kind: 'promote' } },
    ])
  })

  it('refuses types that cannot become the expected ones', () => {
    const pairs: [string | Type, string | Type][] = [
      ['long', 'int'],
      ['string', 'int'],
      ['decimal(9, 3)', 'decimal(9, 2)'],
      ['fixed[15]', 'uuid'],
      [{ kind: 'struct', fields: [] }, 'int'],
      ['int', { kind: 'list', elementId: 5, elementRequired: true, element: { kind: 'int' } }],
    ]
    for (const [from, to] of pairs) {
      expect(() => planProjection([field(1, 'a', from)], [field(1, 'a', to)])).toThrow(
        expect.objectContaining({ kind: 'corrupt' }),
      )
    }
  })
})
