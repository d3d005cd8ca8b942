import { describe, expect, it } from 'vitest'
import { hiveKeys, hiveValue } from '../../src/schema/hive-path.js'

describe('folders of Hive', () => {
  it('hold keys and values, unescaped', () => {
    const keys = hiveKeys('file:///w/a=0/region=eu%2Fwest/ds=2026-01-01 12%3A00/x=a=b/part=0.parquet')
    expect([...keys]).toEqual([
      ['a', '0'],
      ['region', 'eu/west'],
      ['ds', '2026-01-01 12:00'],
      ['x', 'a=b'],
    ])
    expect(hiveKeys('/a/=b/c/file')).toEqual(new Map())
    expect(hiveKeys('/k=1/k=2/file').get('k')).toBe('2')
  })

  it('are values of their types, or none', () => {
    expect(hiveValue({ kind: 'int' }, '7')).toBe(7)
    expect(hiveValue({ kind: 'int' }, '3000000000')).toBeUndefined()
    expect(hiveValue({ kind: 'long' }, '9223372036854775807')).toBe(9223372036854775807n)
    expect(hiveValue({ kind: 'long' }, '1.5')).toBeUndefined()
    expect(hiveValue({ kind: 'string' }, '7')).toBe('7')
    expect(hiveValue({ kind: 'boolean' }, 'TRUE')).toBe(true)
    expect(hiveValue({ kind: 'date' }, '1970-01-02')).toBe(1)
    expect(hiveValue({ kind: 'date' }, 'yesterday')).toBeUndefined()
    expect(hiveValue({ kind: 'decimal', precision: 5, scale: 2 }, '1.5')).toBe(150n)
    expect(hiveValue({ kind: 'double' }, '')).toBeUndefined()
    expect(hiveValue({ kind: 'timestamp' }, '1970-01-01 00:00:01')).toBe(1_000_000n)
    expect(hiveValue({ kind: 'timestamptz' }, '1970-01-01 00:00:01')).toBe(1_000_000n)
    for (const kind of ['int', 'string', 'date'] as const)
      expect(hiveValue({ kind }, '__HIVE_DEFAULT_PARTITION__')).toBeNull()
  })
})
