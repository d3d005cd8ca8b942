/** Which statistics columns get. */
import { describe, expect, it } from 'vitest'
import { currentSchema } from '../../src/metadata/lookup.js'
import { metricsModeFor, metricsModes, parseMetricsMode } from '../../src/metadata/metrics-mode.js'
import type { Field } from '../../src/schema/types.js'
import { newTable } from './tables.js'

describe('metrics modes', () => {
  it('are bounds of 16 by default; the table says another, a column a third', () => {
    expect(metricsModeFor(newTable(), 'id')).toEqual({ kind: 'truncate', length: 16 })
    const table = newTable({
      properties: {
        'write.metadata.metrics.default': 'counts',
        'write.metadata.metrics.column.address.city': 'full',
        'write.metadata.metrics.column.at': 'nonsense',
      },
    })
    expect(metricsModeFor(table, 'id')).toEqual({ kind: 'counts' })
    expect(metricsModeFor(table, 'address.city')).toEqual({ kind: 'full' })
    expect(metricsModeFor(table, 'at')).toEqual({ kind: 'counts' })
  })

  it('give columns that the table is sorted by bounds at least', () => {
    const sortFields = [
      { sourceId: 10, transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' } as const,
      {
        sourceId: 21,
        transform: { kind: 'bucket', count: 4 },
        direction: 'asc',
        nullOrder: 'nulls-first',
      } as const,
    ]
    const table = newTable({ sortFields, properties: { 'write.metadata.metrics.default': 'none' } })
    expect(metricsModeFor(table, 'id')).toEqual({ kind: 'truncate', length: 16 })
    expect(metricsModeFor(table, 'address.city')).toEqual({ kind: 'none' })
  })

  it('stop after the first hundred columns of a wide table, nested ones last', () => {
    const nested: Field = {
      id: 900,
      name: 's',
      required: false,
      type: { kind: 'struct', fields: [{ id: 901, name: 'deep', required: false, type: { kind: 'int' } }] },
    }
    const flat = Array.from({ length: 100 }, (_, index): Field => {
      return { id: index, name: `c${index}`, required: false, type: { kind: 'int' } }
    })
    const schema = { schemaId: 0, fields: [nested, ...flat], identifierFieldIds: [] }
    const table = newTable({ schema })
    expect(metricsModeFor(table, 'c99').kind).toBe('truncate')
    expect(metricsModeFor(table, 's.deep').kind).toBe('none')
    const one = newTable({
      schema,
      properties: { 'write.metadata.metrics.max-inferred-column-defaults': '1' },
    })
    expect(
      [...metricsModes(one, currentSchema(one)).values()].filter(mode => mode.kind !== 'none'),
    ).toHaveLength(1)
  })

  it('are read from text', () => {
    expect(parseMetricsMode(' Truncate(8) ')).toEqual({ kind: 'truncate', length: 8 })
    for (const text of ['truncate(0)', 'truncate(x)', 'some', ''])
      expect(parseMetricsMode(text)).toBeUndefined()
  })
})
