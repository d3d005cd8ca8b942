/**
 * The Parquet files of public projects - every encoding, codec, page kind and nesting, broken files, encrypted ones -
 * against what two independent engines read of them; and the data files of the golden tables, value by value
 * against parquet-wasm. The suites run where the shared folder is.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { isLakeError, type LakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { batchRows } from '../../src/batch/values.js'
import { openParquet, type ParquetFile } from '../../src/format/parquet/read.js'
import { createLocalIO } from '../../src/io/local.js'
import type { Value } from '../../src/schema/types.js'
import { canonicalPrinter, digestOf, leafHints, sortedLines } from './canonical-rows.js'
import {
  type Expectation,
  expectedLines,
  type PublicCase,
  publicCases,
  publicPath,
  SHARED,
} from './public-files.js'

/** A refusal takes no longer, counted in the processor's time of this process, whatever else the machine does. */
const REFUSAL_SECONDS_MAX = 1

/** The kind that a refusal of the set's has here. */
const KINDS: Readonly<Record<string, string>> = {
  corrupt: 'corrupt',
  'invalid-variant': 'corrupt',
  encrypted: 'unsupported',
  unsupported: 'unsupported',
}

const io = createLocalIO({ runtime: systemRuntime })
const cases = publicCases('parquet')

/** What reading a file came to: how many rows, and their texts where they are asked for; or the refusal. */
type Outcome = Rows | Refusal
interface Rows {
  readonly rowCount: number
  readonly lines: readonly string[]
}
interface Refusal {
  readonly refused: LakeError
  readonly seconds: number
}

describe.skipIf(cases.length === 0)('the parquet files of public projects', () => {
  it.for(cases.map(each => [each.id, each] as const))('%s', async ([, each], context) => {
    const outcome = await readCase(each)
    if (each.confidence === 'low') reportOpenQuestion(context, { each, outcome })
    else checkOutcome(each.expect, outcome)
  })
})

async function readCase({ path, expect: expected }: PublicCase): Promise<Outcome> {
  const location = publicPath(path)
  const before = process.cpuUsage()
  try {
    const file = await openParquet(io, location)
    return expected.sha256 === undefined
      ? { rowCount: await countRows(file), lines: [] }
      : await printRows(file, readFileSync(location))
  } catch (error) {
    if (!isLakeError(error)) throw error
    const { user, system } = process.cpuUsage(before)
    return { refused: error, seconds: (user + system) / 1e6 }
  }
}

const allColumns = (file: ParquetFile): number[] => file.fields.map((_, index) => index)

async function countRows(file: ParquetFile): Promise<number> {
  let rowCount = 0
  for await (const { batch } of file.read({ columns: allColumns(file) })) rowCount += batch.length
  return rowCount
}

async function printRows(file: ParquetFile, bytes: Uint8Array): Promise<Rows> {
  const print = canonicalPrinter(file.fields, { hints: leafHints(bytes) })
  const lines: string[] = []
  for await (const { batch } of file.read({ columns: allColumns(file) })) lines.push(...print(batch))
  return { rowCount: lines.length, lines: sortedLines(lines) }
}

function checkOutcome(expected: Expectation, outcome: Outcome): void {
  if ('refused' in outcome) checkRefusal(expected, outcome)
  else checkRows(expected, outcome)
}

function checkRows(expected: Expectation, outcome: Rows): void {
  if (expected.error !== null && expected.accept_rows === undefined) {
    expect.fail(`${outcome.rowCount} rows, where a refusal is expected: ${expected.error}`)
  }
  expect(outcome.rowCount).toBe(expected.error === null ? expected.rows : expected.accept_rows)
  if (expected.sha256 === undefined) return
  const lines = expectedLines(expected)
  if (lines !== undefined) expect(outcome.lines).toEqual(lines)
  expect(digestOf(outcome.lines)).toBe(expected.sha256)
}

function checkRefusal(expected: Expectation, { refused, seconds }: Refusal): void {
  if (expected.error === null && expected.accept_errors === undefined) throw refused
  if (expected.error === null) expect(['corrupt', 'unsupported']).toContain(refused.kind)
  else expect(refused.kind).toBe(KINDS[expected.error])
  expect(refused.context).toHaveProperty('location')
  expect(seconds).toBeLessThan(REFUSAL_SECONDS_MAX)
}

/** The set does not know the answer: what came is told, and nothing is scored. */
function reportOpenQuestion(
  context: TestContext,
  { each, outcome }: { readonly each: PublicCase; readonly outcome: Outcome },
): void {
  const came = 'refused' in outcome ? `refused: ${outcome.refused.message}` : `${outcome.rowCount} rows`
  context.skip(`open question: ${each.expect.note}; ${came}`)
}

// ---- golden tables

const SPARK = join(SHARED, 'fixtures', 'spark')
const tables = existsSync(SPARK)
  ? readdirSync(SPARK, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name)
  : []

describe.skipIf(tables.length === 0)('the data files of the golden tables', () => {
  it.each(tables)('%s: every value is what parquet-wasm reads', async table => {
    for (const location of parquetFiles(join(SPARK, table))) {
      const file = await openParquet(io, location)
      const own = await readValues(file)
      expect(own, location).toHaveLength(file.rowCount)
      if (!hasVariant(file)) expect(own, location).toEqual(await readValues(file, 'parquet-wasm'))
    }
  })
})

function parquetFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.parquet'))
    .map(entry => join(entry.parentPath, entry.name))
}

/** Which parquet-wasm does not read; `shredded-variant.test.ts` looks at those. */
function hasVariant(file: ParquetFile): boolean {
  return JSON.stringify(file.fields).includes('"kind":"variant"')
}

async function readValues(file: ParquetFile, engine?: 'parquet-wasm'): Promise<Value[][]> {
  const rows: Value[][] = []
  for await (const { batch } of file.read({ columns: allColumns(file), engine }))
    rows.push(...batchRows(batch))
  return rows
}
