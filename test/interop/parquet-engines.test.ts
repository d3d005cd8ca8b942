/**
 * Parquet files between serac and other engines: pyarrow, DuckDB, Spark, Iceberg's Java library and parquet-wasm read
 * what serac writes - rows, field ids, statistics, page indexes, bloom filters - and serac reads what they write with
 * their many options.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { batchRows } from '../../src/batch/values.js'
import { openParquet, type ParquetFile } from '../../src/format/parquet/read.js'
import type { Field, Type, Value } from '../../src/schema/types.js'
import { type JudgedColumn, type JudgeName, judgeIsHere, type ParquetAnswer } from '../judges/judge.js'
import { canonicalPrinter, leafHints, rowPrinter, sortedLines } from './canonical-rows.js'
import { checkStatistics, isFloat } from './check-statistics.js'
import { asSparkSeesThem, fieldsFor } from './engine-schemas.js'
import { WRITINGS } from './engine-writers.js'
import { leafRows, storedText, summaryOf } from './expected-statistics.js'
import { byteLines, jsonRows, parsedRows } from './newer-types.js'
import { BLOOM_COLUMNS, GALLERY, type GalleryFile, io, WIDE } from './parquet-gallery.js'
import {
  filesFor,
  openSession,
  type ParquetSession,
  PROBED_FILES,
  type Probe,
  probesFor,
} from './parquet-session.js'

const ALL: readonly JudgeName[] = ['pyiceberg', 'duckdb', 'spark']
const JUDGES = ALL.filter(judgeIsHere)
const INSTALLED = 'installed by test/judges/setup.sh'
/** Of everything that the engines are asked before the first test. */
const SESSION_MS_MAX = 300_000

let session: ParquetSession
beforeAll(async () => {
  session = await openSession(JUDGES)
}, SESSION_MS_MAX)
afterAll(() => session?.close())

const titled = (indexes: readonly number[]) => indexes.map(index => [GALLERY[index]!.title, index] as const)

function linesOf(fields: readonly Field[], rows: readonly (readonly Value[])[]): string[] {
  return sortedLines(rows.map(rowPrinter(fields)))
}

// ---- other engines read what serac wrote

for (const judge of ALL)
  describe.skipIf(!judgeIsHere(judge))(`parquet files that serac wrote, for ${judge}, ${INSTALLED}`, () => {
    it.each(titled(filesFor(judge)))('%s: the same rows and field ids', (_, index) => {
      checkRows(judge, session.files[index]!, session.read(judge, index))
    })

    it.each(titled(filesFor(judge)))('%s: statistics that are those of the rows', (_, index) => {
      const { fields, rows } = session.files[index]!
      checkStatistics(judge, leafRows(fields, rows), session.read(judge, index).rowGroups!)
    })

    it.each(
      titled(PROBED_FILES),
    )('%s: the same rows for a filter, whatever is skipped for it', (_, index) => {
      const { counts, kept, excluded } = session.look(judge, index)
      for (const [at, probe] of probesFor(judge).entries()) {
        const wanted = session.files[index]!.rows.filter(row => isThere(probe, row)).length
        const name = `${probe.field.name} = ${probe.text}`
        if (counts![at] !== null) expect(counts![at], name).toBe(wanted)
        if (kept !== undefined) expect(kept[at], name).toBeGreaterThanOrEqual(wanted)
        checkExcluded({ judge, index, probe }, excluded?.[at] ?? [])
      }
    })

    it.skipIf(judge === 'pyiceberg').each(titled(PROBED_FILES))(
      '%s: bloom filters that leave out most of what is not there',
      (_, index) => {
        const { kept, excluded } = session.look(judge, index)
        const absent = probesFor(judge).flatMap((probe, at) =>
          WIDE.some(row => isThere(probe, row)) ? [] : [at],
        )
        const skipped = absent.filter(at => kept?.[at] === 0 || excluded?.[at]?.every(Boolean))
        expect(skipped.length).toBeGreaterThan(0.9 * absent.length)
      },
    )

    it.each(titled(filesFor(judge)))('%s: the options asked for', (_, index) => {
      const { options } = GALLERY[index]!
      const { keyValues, sorting, rowGroups } = session.read(judge, index)
      if (keyValues !== undefined) expect(keyValues).toMatchObject(options.keyValueMetadata ?? {})
      for (const [at, group] of rowGroups!.entries()) {
        if (sorting !== undefined)
          expect(sorting[at]).toEqual((options.sortingColumns ?? []).map(() => [0, false, true]))
        expect(group.rows).toBeLessThanOrEqual(options.rowGroupRows ?? Number.POSITIVE_INFINITY)
        for (const column of group.columns) checkOptions(column, options)
      }
    })
  })

describe.skipIf(!judgeIsHere('pyiceberg'))(`parquet files that serac wrote, ${INSTALLED}`, () => {
  it('have every encoding that serac can write', () => {
    const found = filesFor('pyiceberg').flatMap(index =>
      session
        .read('pyiceberg', index)
        .rowGroups!.flatMap(group => group.columns.flatMap(column => column.encodings)),
    )
    expect([...new Set(found)].sort()).toEqual(ENCODINGS)
  })
})

const ENCODINGS = [
  'BYTE_STREAM_SPLIT',
  'DELTA_BINARY_PACKED',
  'DELTA_BYTE_ARRAY',
  'DELTA_LENGTH_BYTE_ARRAY',
  'PLAIN',
  'RLE',
  'RLE_DICTIONARY',
]

describe(`a parquet file with the types of format version 3, for engines ${INSTALLED}`, () => {
  for (const judge of ALL)
    it.skipIf(!judgeIsHere(judge))(`is read by ${judge}`, () => {
      const { rows, icebergRows } = session.readNewerTypes(judge)
      if (judge === 'pyiceberg') expect(rows).toEqual(byteLines(true))
      else expect(parsedRows(rows!)).toEqual(jsonRows())
      if (judge === 'spark') expect(sortedLines(icebergRows!)).toEqual(byteLines(false))
    })
})

function checkOptions(
  column: JudgedColumn,
  { bloomFilters, dictionaryEnabled, pageVersion }: GalleryFile['options'],
): void {
  const where = JSON.stringify(column)
  const name = column.path.split('.')[0]!
  expect(column.bloomFilter, where).toBe(bloomFilters !== undefined && BLOOM_COLUMNS.includes(name))
  if (column.pageIndex !== undefined) expect(column.pageIndex, where).toBe(true)
  const dictionary = column.encodings.some(encoding => encoding.endsWith('DICTIONARY'))
  if (dictionaryEnabled === false) expect(dictionary, where).toBe(false)
  if (pageVersion === 1)
    expect(
      column.encodings.filter(encoding => /DELTA|SPLIT/.test(encoding)),
      where,
    ).toEqual([])
}

/** Spark found its columns by field id alone. */
function checkRows(judge: JudgeName, { fields, rows }: GalleryFile, answer: ParquetAnswer): void {
  const seen = fieldsFor(judge, fields)
  const places = seen.map(field => fields.indexOf(field))
  const projected = rows.map(row => places.map(place => row[place] ?? null))
  const types = judge === 'spark' ? asSparkSeesThem(seen) : seen
  expect(answer.rows ?? []).toEqual(seen.length === 0 ? [] : linesOf(types, projected))
  if (judge === 'spark')
    expect(sortedLines(answer.icebergRows!.map(inOurNumbers))).toEqual(linesOf(fields, rows))
  else expect(answer.fieldIds).toEqual(fields.flatMap(fieldIds))
}

/** Java prints a number with other digits than JavaScript. */
const inOurNumbers = (line: string): string => JSON.stringify(JSON.parse(line))

function fieldIds({ name, id, type }: Pick<Field, 'name' | 'id' | 'type'>): [string, number][] {
  return [[name, id], ...childIds(type)]
}

function childIds(type: Type): [string, number][] {
  switch (type.kind) {
    case 'struct':
      return type.fields.flatMap(fieldIds)
    case 'list':
      return fieldIds({ name: 'element', id: type.elementId, type: type.element })
    case 'map':
      return [
        ...fieldIds({ name: 'key', id: type.keyId, type: type.key }),
        ...fieldIds({ name: 'value', id: type.valueId, type: type.value }),
      ]
    default:
      return []
  }
}

function isThere({ column, value }: Probe, row: readonly Value[]): boolean {
  const found = row[column] ?? null
  return found !== null && storedText(found) === storedText(value)
}

interface Look {
  readonly judge: JudgeName
  readonly index: number
  readonly probe: Probe
}

/** A bloom filter never leaves out a row group that has the value. */
function checkExcluded({ judge, index, probe }: Look, excluded: readonly boolean[]): void {
  let from = 0
  for (const [at, group] of session.read(judge, index).rowGroups!.entries()) {
    const rows = session.files[index]!.rows.slice(from, from + group.rows)
    if (rows.some(row => isThere(probe, row))) expect(excluded[at] ?? false, probe.text).toBe(false)
    from += group.rows
  }
}

describe('parquet files that serac wrote', () => {
  it.each(
    titled([...GALLERY.keys()]),
  )('%s: the same rows for serac and for parquet-wasm', async (_, index) => {
    const { path, fields, rows } = session.files[index]!
    const file = await openParquet(io, path)
    expect(file.fields).toEqual(fields)
    expect(await readRows(file)).toEqual(rows)
    expect(await readRows(file, 'parquet-wasm')).toEqual(rows)
  })

  it.each(
    titled([...GALLERY.keys()]),
  )('%s: statistics of the writer that are those of the rows', (_, index) => {
    const { fields, rows, result } = session.files[index]!
    for (const leaf of leafRows(fields, rows)) {
      const { min, max, ...counts } = summaryOf(leaf, { from: 0, to: rows.length })
      const stated = result.columns.get(leaf.fieldId)
      expect(stated, leaf.path).toMatchObject({ valueCount: counts.valueCount, nullCount: counts.nullCount })
      if (isFloat(leaf.type)) expect(stated?.nanCount).toBe(counts.nanCount)
      const bounds = leaf.repeated ? [undefined, undefined] : [min, max]
      expect([stated?.lower, stated?.upper].map(withoutSign), leaf.path).toEqual(bounds.map(withoutSign))
    }
  })
})

/** Minus zero is zero: bounds of zeros have signs of their own. */
const withoutSign = (value: Value | undefined): Value | undefined => (value === 0 ? 0 : value)

const allColumns = (file: ParquetFile): number[] => file.fields.map((_, index) => index)

async function readRows(file: ParquetFile, engine?: 'parquet-wasm'): Promise<Value[][]> {
  const rows: Value[][] = []
  for await (const { batch } of file.read({ columns: allColumns(file), engine }))
    rows.push(...batchRows(batch))
  return rows
}

// ---- serac reads what other engines wrote

describe.skipIf(!judgeIsHere('pyiceberg'))(`parquet files that other engines wrote, ${INSTALLED}`, () => {
  for (const writing of WRITINGS) {
    it.skipIf(!judgeIsHere(writing.judge))(
      `${writing.judge}, ${writing.title}: the rows that pyarrow reads`,
      async () => {
        const { path, rows } = session.written(writing)
        const file = await openParquet(io, path)
        const print = canonicalPrinter(file.fields, { hints: leafHints(await readFile(path)) })
        const lines: string[] = []
        for await (const { batch } of file.read({ columns: allColumns(file) })) lines.push(...print(batch))
        expect(lines.length).toBeGreaterThan(0)
        expect(sortedLines(lines)).toEqual(rows)
      },
    )
  }
})
