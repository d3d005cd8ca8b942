/**
 * Tables of serac's with the types that engines learn last, a table for each type: an engine that does not know one
 * column's type refuses the whole table. What an engine cannot is stated, so that it shows when it has learned it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Field, type Lake } from '../../src/index.js'
import { askAll, askParquet, type JudgeName, judgeIsHere } from '../judges/judge.js'

const JUDGES = (['spark', 'duckdb', 'pyiceberg'] as const).filter(judgeIsHere)

/** What an engine gives for the value, or the beginning of its refusal. */
interface Answer {
  /** How the column is asked for; default by its name. */
  readonly as?: string
  readonly value?: unknown
  readonly refuses?: RegExp
}

interface Column {
  readonly title: string
  readonly type: string | readonly Field[]
  /** Undefined: the row does not name the column. */
  readonly given: unknown
  readonly answers: Readonly<Record<JudgeName, Answer>>
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const POINT = '0101000000000000000000f03f0000000000000040'
const JSON_OF_TREE = '{"a":[1,"x",null,true,1.5,4611686018427387904],"b":{"c":{},"é":[]}}'

const alike = (value: unknown): Readonly<Record<JudgeName, Answer>> => ({
  spark: { value },
  duckdb: { value },
  pyiceberg: { value },
})
const unknownToPyIceberg: Answer = { refuses: /variant/ }
const variant = (title: string, given: unknown, json: string): Column => ({
  title,
  type: 'variant',
  given,
  answers: {
    spark: { as: 'to_json(c)', value: json },
    duckdb: { as: 'c::JSON::VARCHAR', value: json },
    pyiceberg: unknownToPyIceberg,
  },
})

const DEFAULTED: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'c', required: true, type: { kind: 'int' }, initialDefault: 5, writeDefault: 7 },
]

const COLUMNS: readonly Column[] = [
  variant('a variant of objects and arrays', JSON.parse(JSON_OF_TREE, reviveLong), JSON_OF_TREE),
  variant('a variant of a text', 'naïve "quoted"', '"naïve \\"quoted\\""'),
  variant('a variant of a number', -1.25, '-1.25'),
  variant('a variant of 31 digits', 10n ** 30n, '1000000000000000000000000000000'),
  variant('a variant of an empty array', [], '[]'),
  {
    title: 'variants in a list',
    type: 'array<variant>',
    given: [1, { z: 'y' }, null],
    answers: {
      spark: { as: 'to_json(c)', value: '[1,{"z":"y"},null]' },
      duckdb: { as: 'c::JSON::VARCHAR', value: '[1,{"z":"y"},null]' },
      pyiceberg: unknownToPyIceberg,
    },
  },
  {
    title: 'a variant in a struct',
    type: 'struct<v: variant>',
    given: { v: 'in' },
    answers: {
      spark: { as: 'to_json(c)', value: '{"v":"in"}' },
      duckdb: { as: 'c::JSON::VARCHAR', value: '{"v":"in"}' },
      pyiceberg: unknownToPyIceberg,
    },
  },
  {
    title: 'a geometry',
    type: 'geometry',
    given: hex(POINT),
    answers: {
      spark: { as: 'ST_AsBinary(c)', value: POINT },
      duckdb: { as: 'ST_AsWKB(c)', value: POINT },
      pyiceberg: { refuses: /promote an binary to geometry/ },
    },
  },
  {
    title: 'a geography',
    type: 'geography',
    given: hex(POINT),
    answers: {
      spark: { as: 'ST_AsBinary(c)', value: POINT },
      duckdb: { refuses: /Geography support/ },
      pyiceberg: { refuses: /promote an binary to geography/ },
    },
  },
  {
    title: 'nanoseconds',
    type: 'timestamp_ns',
    given: '2024-01-01T00:00:00.000000001',
    answers: {
      spark: { refuses: /unsupported type to Spark: timestamp_ns/ },
      duckdb: { as: 'c::VARCHAR', value: '2024-01-01 00:00:00.000000001' },
      pyiceberg: { value: '2024-01-01T00:00:00.000000001' },
    },
  },
  {
    title: 'nanoseconds with a zone',
    type: 'timestamptz_ns',
    given: '2024-01-01T02:00:00.000000001+02:00',
    answers: {
      spark: { refuses: /unsupported type to Spark: timestamptz_ns/ },
      duckdb: { refuses: /primitive type: timestamptz_ns/ },
      pyiceberg: { value: '2024-01-01T00:00:00.000000001+00:00' },
    },
  },
  {
    title: 'a column of type unknown',
    type: 'unknown',
    given: null,
    answers: { ...alike(null), duckdb: { refuses: /primitive type: unknown/ } },
  },
  {
    title: 'a uuid',
    type: 'uuid',
    given: 'f79c3e09-677c-4bbd-a479-3f349cb785e7',
    answers: alike('f79c3e09-677c-4bbd-a479-3f349cb785e7'),
  },
  {
    title: 'a time of the day',
    type: 'time',
    given: '01:02:03.000004',
    answers: { ...alike('01:02:03.000004'), spark: { refuses: /does not support time/ } },
  },
  { title: 'fixed bytes', type: 'fixed(4)', given: hex('01020304'), answers: alike('01020304') },
  { title: 'bytes', type: 'binary', given: hex('00ff'), answers: alike('00ff') },
  {
    title: '38 digits',
    type: 'decimal(38, 10)',
    given: '-1234567890123456789012345678.0123456789',
    answers: alike('-1234567890123456789012345678.0123456789'),
  },
  { title: 'a write default', type: DEFAULTED, given: undefined, answers: alike(7) },
]

/** JSON has no long: the one number beyond 2^53 is one. */
function reviveLong(_name: string, value: unknown): unknown {
  return value === 2 ** 62 ? 2n ** 62n : value
}

describe.skipIf(JUDGES.length === 0)('tables with newer types', () => {
  let cwd: string
  let lake: Lake
  const answers = new Map<JudgeName, readonly (string | { readonly refused: string })[]>()

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'serac-newer-'))
    lake = await connect({ baseFolder: cwd, fsync: false })
    const locations: string[] = []
    for (const [index, { type, given }] of COLUMNS.entries()) {
      const schema = typeof type === 'string' ? `id bigint not null, c ${type}` : type
      const table = await lake.createTable(`newer.t${index}`, schema, { formatVersion: 3 })
      await table.append([given === undefined ? { id: 1 } : { id: 1, c: given }])
      locations.push((await table.load()).metadataLocation.replace('file://', ''))
    }
    await Promise.all(JUDGES.map(async judge => answers.set(judge, await askTables(judge, locations))))
  }, 180_000)
  afterAll(async () => {
    await lake.close()
    await rm(cwd, { recursive: true, force: true })
  })

  async function askTables(
    judge: JudgeName,
    locations: readonly string[],
  ): Promise<readonly (string | { readonly refused: string })[]> {
    const column = (index: number): string => COLUMNS[index]?.answers[judge].as ?? 'c'
    if (judge === 'spark') {
      const requests = locations.map((path, index) => ({
        verb: 'table' as const,
        path,
        expressions: ['id', column(index)],
      }))
      return (await askParquet(judge, requests)).map(
        ({ rows, message }) => rows?.[0] ?? { refused: message ?? 'no rows' },
      )
    }
    const folder = join(cwd, 'lake')
    const options = [
      '-p',
      'type=sql',
      '-p',
      `uri=sqlite:///${folder}/catalog.db`,
      '-p',
      `warehouse=file://${folder}`,
    ]
    const requests = locations.map((path, index) => ({
      args:
        judge === 'duckdb'
          ? ['read', path, '--columns', `id, ${column(index)} AS c`]
          : ['read', `newer.t${index}`, ...options],
    }))
    return (await askAll(judge, requests)).map(({ rows, message }) =>
      rows === undefined ? { refused: message ?? 'no rows' } : JSON.stringify(rows[0]),
    )
  }

  describe.each(JUDGES)('are read by %s', judge => {
    it.each(COLUMNS.map((column, index) => ({ ...column, index })))('$title', ({
      index,
      answers: wanted,
    }) => {
      const answer = answers.get(judge)?.[index]
      const { value, refuses } = wanted[judge]
      if (refuses === undefined) expect(answer).toEqual(JSON.stringify(['1', value]))
      else expect(answer).toEqual({ refused: expect.stringMatching(refuses) })
    })
  })
})
