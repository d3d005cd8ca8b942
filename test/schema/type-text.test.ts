import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseType, printType, samePrimitive } from '../../src/schema/type-text.js'
import { primitiveType } from './arbitrary.js'

describe('types as text', () => {
  it('reads back what it printed', () => {
    fc.assert(
      fc.property(primitiveType, type => {
        expect(parseType(printType(type))).toEqual(type)
      }),
    )
  })

  it('takes the spellings of other writers', () => {
    expect(parseType('decimal(10,2)')).toEqual({ kind: 'decimal', precision: 10, scale: 2 })
    expect(parseType('decimal( 10 , 2 )')).toEqual({ kind: 'decimal', precision: 10, scale: 2 })
    expect(parseType('LONG')).toEqual({ kind: 'long' })
    expect(parseType('fixed[ 16 ]')).toEqual({ kind: 'fixed', lengthBytes: 16 })
  })

  it('reads geometry and geography with and without parameters', () => {
    expect(parseType('geometry')).toEqual({ kind: 'geometry' })
    expect(parseType('geometry(srid:4326)')).toEqual({ kind: 'geometry', crs: 'srid:4326' })
    expect(parseType('geography')).toEqual({ kind: 'geography' })
    expect(parseType('geography(srid:4326)')).toEqual({ kind: 'geography', crs: 'srid:4326' })
    expect(parseType('geography(srid:4326, Karney)')).toEqual({
      kind: 'geography',
      crs: 'srid:4326',
      algorithm: 'karney',
    })
    for (const text of ['geometry', 'geometry(srid:4326)', 'geography', 'geography(srid:4326, karney)']) {
      expect(printType(parseType(text))).toBe(text)
    }
  })

  it('refuses what is no type', () => {
    for (const text of [
      '',
      'integer',
      'decimal',
      'decimal(0, 0)',
      'decimal(39, 2)',
      'decimal(3, 4)',
      'fixed',
      'fixed[-1]',
      'list<int>',
      'geometryx',
    ]) {
      expect(() => parseType(text)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
    }
  })

  it('prints nested types for messages', () => {
    const list = { kind: 'list', elementId: 1, elementRequired: true, element: { kind: 'int' } } as const
    expect(printType(list)).toBe('list<int>')
    expect(printType({ kind: 'struct', fields: [{ id: 1, name: 'a', required: true, type: list }] })).toBe(
      'struct<a: list<int>>',
    )
    const map = {
      kind: 'map',
      keyId: 1,
      key: { kind: 'string' },
      valueId: 2,
      valueRequired: false,
      value: list,
    } as const
    expect(printType(map)).toBe('map<string, list<int>>')
  })

  it('tells types apart by their parameters', () => {
    expect(samePrimitive(parseType('decimal(9, 2)'), parseType('decimal(9, 2)'))).toBe(true)
    expect(samePrimitive(parseType('decimal(9, 2)'), parseType('decimal(9, 3)'))).toBe(false)
    expect(samePrimitive(parseType('fixed[2]'), parseType('fixed[3]'))).toBe(false)
    expect(samePrimitive(parseType('int'), parseType('long'))).toBe(false)
  })
})
