/** Bloom filters and dictionaries: what they skip, and what they must not. */
import { describe, expect, it } from 'vitest'
import {
  type Expression,
  eq,
  isIn,
  isNan,
  lt,
  not,
  notEq,
  notIn,
  or,
  startsWith,
} from '../../src/expression/expression.js'
import { openParquet } from '../../src/format/parquet/read.js'
import type { ParquetWriteOptions } from '../../src/format/parquet/write.js'
import { newScanCounters } from '../../src/reader/scan-counters.js'
import { demotedValue } from '../../src/reader/stored-value.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { createMemoryTable, type MemoryTable, type Rows, rowsOf } from './memory-table.js'

const BLOOM = { fpp: 0.001, maxBytes: 4096 }

function field(id: number, name: string, type: Type): Field {
  return { id, name, required: false, type }
}

const FIELDS = [field(1, 'k', { kind: 'long' }), field(2, 's', { kind: 'string' })]

async function tableOf(
  rows: Rows,
  parquet: Partial<ParquetWriteOptions>,
  fields: readonly Field[] = FIELDS,
): Promise<MemoryTable> {
  const table = createMemoryTable({ fields })
  await table.commit([await table.dataFile('d.parquet', rows, { rowGroupRows: 8, bare: true, parquet })])
  return table
}

async function skipped(table: MemoryTable, filter: Expression) {
  const counters = newScanCounters()
  const rows = await rowsOf(table, { filter, counters })
  const { rowGroups, rowGroupsSkippedByBloom: bloom, rowGroupsSkippedByDictionary: dictionary } = counters
  return { rows: rows.length, rowGroups, bloom, dictionary }
}

/** Every row group spans the same range: statistics skip none of them. */
const spread: Rows = Array.from({ length: 32 }, (_, row) => {
  const group = row >> 3
  const k = row % 8 === 0 ? 0 : row % 8 === 7 ? 1000 : group + 4 * (row % 8)
  return [BigInt(k), `${'az'[Number(row % 2 === 1)]}${k}`]
})

describe('bloom filters', () => {
  const parquet = {
    dictionaryEnabled: false,
    bloomFilters: new Map([[1, BLOOM] as const, [2, BLOOM] as const]),
  }

  it('skip the row groups that hold none of the values', async () => {
    const table = await tableOf(spread, parquet)
    expect(await skipped(table, eq('k', 5n))).toEqual({ rows: 1, rowGroups: 1, bloom: 3, dictionary: 0 })
    expect(await skipped(table, eq('k', 999n))).toEqual({ rows: 0, rowGroups: 0, bloom: 4, dictionary: 0 })
    expect(await skipped(table, isIn('k', [5n, 6n, 999n]))).toMatchObject({ rows: 2, bloom: 2 })
    expect(await skipped(table, or(eq('k', 5n), eq('s', 'nothing')))).toMatchObject({ rows: 1, bloom: 3 })
  })

  it('say nothing about ranges and the absence of a value', async () => {
    const table = await tableOf(spread, parquet)
    expect(await skipped(table, lt('k', 5n))).toMatchObject({ bloom: 0, rowGroups: 4 })
    expect(await skipped(table, notEq('k', 5n))).toMatchObject({ bloom: 0, rowGroups: 4 })
    expect(await skipped(table, or(eq('k', 999n), notEq('s', 'a0')))).toMatchObject({ bloom: 0 })
  })

  it('are asked for both zeros', async () => {
    const doubles = [field(1, 'd', { kind: 'double' })]
    const rows: Rows = [0, 1, 2].flatMap(group =>
      Array.from({ length: 8 }, (_, row) => [
        row === 0 ? -5 : row === 7 ? 5 : row === 3 ? [-0, 0, 1][group]! : 2,
      ]),
    )
    const table = await tableOf(rows, { ...parquet, bloomFilters: new Map([[1, BLOOM]]) }, doubles)
    expect(await skipped(table, eq('d', 0))).toMatchObject({ rows: 2, bloom: 1 })
    expect(await skipped(table, eq('d', -0))).toMatchObject({ rows: 2, bloom: 1 })
  })

  it('are asked for a value in the form that it had before its column was promoted', async () => {
    const fields = (k: Type, d: Type) => [field(1, 'k', k), field(2, 'd', d)]
    const rows: Rows = Array.from({ length: 16 }, (_, row) => {
      const edge = row % 8 === 0 ? -100 : row % 8 === 7 ? 100 : undefined
      return [edge ?? row, edge ?? row / 2]
    })
    const table = await tableOf(rows, parquet, fields({ kind: 'int' }, { kind: 'float' }))
    const schemas = [
      ...table.metadata.schemas,
      { schemaId: 1, fields: fields({ kind: 'long' }, { kind: 'double' }), identifierFieldIds: [] },
    ]
    table.alter({ schemas, currentSchemaId: 1 })
    expect(await skipped(table, eq('k', 3n))).toMatchObject({ rows: 1, bloom: 1 })
    expect(await skipped(table, eq('d', 1.5))).toMatchObject({ rows: 1, bloom: 1 })
    expect(await skipped(table, eq('d', 0.1))).toMatchObject({ rows: 0, bloom: 2 })
  })
})

describe('dictionaries', () => {
  const parquet = { dictionaryEnabled: true }
  /** Few values, so that a dictionary is made; in each row group others. */
  const coded: Rows = Array.from({ length: 32 }, (_, row) => {
    const word = row % 2 === 0 ? 'a' : row % 4 === 1 ? 'z' : `m${row >> 3}`
    return [BigInt(row % 2), word.padEnd(80, '-')]
  })

  it('skip the row groups in which no value passes', async () => {
    const table = await tableOf(coded, parquet)
    const word = (text: string): string => text.padEnd(80, '-')
    expect(await skipped(table, eq('s', word('m2')))).toEqual({
      rows: 2,
      rowGroups: 1,
      bloom: 0,
      dictionary: 3,
    })
    expect(await skipped(table, startsWith('s', 'm1'))).toMatchObject({ rows: 2, dictionary: 3 })
    expect(await skipped(table, isIn('s', ['b', 'c']))).toMatchObject({ rows: 0, dictionary: 4 })
    expect(await skipped(table, notIn('s', ['a', 'z', 'm0'].map(word)))).toMatchObject({
      rows: 6,
      dictionary: 1,
    })
  })
})

describe('dictionaries of floats', () => {
  it('say nothing about rows that are not NaN, which nulls are too', async () => {
    const rows: Rows = Array.from({ length: 64 }, (_, row) => [row % 2 === 0 ? Number.NaN : null])
    const table = createMemoryTable({ fields: [field(1, 'd', { kind: 'double' })] })
    await table.commit([await table.dataFile('d.parquet', rows, { bare: true })])
    const file = await openParquet(table.io, 'memory://lake/t/data/d.parquet')
    expect((await file.dictionaries([{ rowGroup: 0, leaf: 0 }]))[0]?.length).toBe(1)
    expect(await skipped(table, not(isNan('d')))).toMatchObject({ rows: 32, dictionary: 0 })
    expect(await skipped(table, isNan('d'))).toMatchObject({ rows: 32, dictionary: 0 })
    expect(await skipped(table, eq('d', 1))).toMatchObject({ rows: 0, dictionary: 1 })
  })
})

describe('filters of chunks', () => {
  it('that are broken are as if they were not there', async () => {
    const table = await tableOf(spread, {
      dictionaryEnabled: false,
      bloomFilters: new Map([[1, BLOOM]]),
    })
    const location = 'memory://lake/t/data/d.parquet'
    const { footer } = await openParquet(table.io, location)
    const bytes = (await table.io.read(location)).slice()
    for (const group of footer.metadata.rowGroups) {
      const offset = group.columns[0]?.bloomFilter?.offset ?? 0
      bytes.fill(0xff, offset, offset + 4)
    }
    await table.io.write(location, bytes)
    expect(await skipped(table, eq('k', 5n))).toEqual({ rows: 1, rowGroups: 4, bloom: 0, dictionary: 0 })
  })

  it('are found without the footer saying how long they are', async () => {
    const table = await tableOf(spread, { dictionaryEnabled: false, bloomFilters: new Map([[1, BLOOM]]) })
    const file = await openParquet(table.io, 'memory://lake/t/data/d.parquet')
    const places = [0, 1, 2, 3].map(rowGroup => ({ rowGroup, leaf: 0 }))
    const known = await file.bloomFilters(places)
    expect(known.every(filter => filter !== undefined)).toBe(true)
    for (const group of file.footer.metadata.rowGroups)
      for (const chunk of group.columns) Reflect.deleteProperty(chunk.bloomFilter ?? {}, 'lengthBytes')
    expect(await file.bloomFilters(places)).toEqual(known)
  })
})

describe('a value before a promotion', () => {
  const cases: readonly (readonly [string, Value, Type, Type, Value | undefined])[] = [
    ['an int', 7n, { kind: 'int' }, { kind: 'long' }, 7],
    ['no int', 2n ** 31n, { kind: 'int' }, { kind: 'long' }, undefined],
    ['a float', 0.5, { kind: 'float' }, { kind: 'double' }, 0.5],
    ['no float', 0.1, { kind: 'float' }, { kind: 'double' }, undefined],
    ['a date', 86_400_000_000n, { kind: 'date' }, { kind: 'timestamp' }, 1],
    ['no date', 1n, { kind: 'date' }, { kind: 'timestamp' }, undefined],
    ['itself', 'x', { kind: 'string' }, { kind: 'string' }, 'x'],
  ]
  it.each(cases)('is %s', (_, value, from, to, expected) => {
    if (from.kind === 'struct' || from.kind === 'list' || from.kind === 'map') throw new Error('primitive')
    if (to.kind === 'struct' || to.kind === 'list' || to.kind === 'map') throw new Error('primitive')
    expect(demotedValue(value, { from, to })).toEqual(expected)
  })
})
