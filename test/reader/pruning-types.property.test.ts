/** Pruning by statistics, pages, bloom filters and dictionaries of columns of every type, promoted since or not. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchRows } from '../../src/batch/values.js'
import type { Bound } from '../../src/expression/bind.js'
import { planScan } from '../../src/reader/plan.js'
import { scanBatches } from '../../src/reader/scan.js'
import { promoteValue } from '../../src/schema/promotion.js'
import { printType } from '../../src/schema/type-text.js'
import type { Field, PrimitiveType, Value } from '../../src/schema/types.js'
import { compareValues } from '../../src/schema/value.js'
import { createMemoryTable } from './memory-table.js'

interface TypeCase {
  readonly from: PrimitiveType
  readonly to?: PrimitiveType
  readonly values: readonly Value[]
  /** Of the newer type alone. */
  readonly others?: readonly Value[]
}

const DAY = 86_400_000_000n
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const uuid = (first: number, rest: number): Uint8Array => new Uint8Array(16).fill(rest).fill(first, 0, 1)
const decimal = (precision: number): PrimitiveType => ({ kind: 'decimal', precision, scale: 2 })

const CASES: readonly TypeCase[] = [
  { from: { kind: 'boolean' }, values: [true, false] },
  { from: { kind: 'uuid' }, values: [uuid(0x90, 1), uuid(0x10, 1), uuid(0x10, 2), uuid(255, 255)] },
  { from: { kind: 'fixed', lengthBytes: 2 }, values: [bytes(0, 0), bytes(128, 1), bytes(127, 255)] },
  { from: { kind: 'binary' }, values: [bytes(), bytes(0), bytes(255), new Uint8Array(40).fill(255)] },
  { from: { kind: 'time' }, values: [0n, 1n, 86_399_999_999n] },
  { from: { kind: 'timestamp' }, values: [0n, -1n, 10n ** 15n], others: [5n] },
  { from: { kind: 'timestamptz_ns' }, values: [0n, -1n, 10n ** 18n], others: [5n] },
  { from: { kind: 'int' }, to: { kind: 'long' }, values: [0, -1, 2 ** 31 - 1], others: [2n ** 32n - 1n] },
  { from: { kind: 'date' }, to: { kind: 'timestamp' }, values: [0, -1, 20_000], others: [1n, DAY] },
  { from: { kind: 'date' }, to: { kind: 'timestamp_ns' }, values: [0, -1, 20_000], others: [1n, DAY] },
  { from: decimal(5), to: decimal(38), values: [0n, -1n, 99_999n], others: [10n ** 30n] },
  { from: decimal(15), to: decimal(20), values: [0n, -1n, 10n ** 14n], others: [10n ** 19n] },
  { from: decimal(30), to: decimal(38), values: [0n, -1n, 10n ** 29n], others: [-(10n ** 37n)] },
]

function nameOf({ from, to }: TypeCase): string {
  return to === undefined ? printType(from) : `${printType(from)} that became ${printType(to)}`
}

const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'long' } }
/** What skipping a row group saves. */
const PAYLOAD: Field = { id: 3, name: 'payload', required: true, type: { kind: 'binary' } }
const payload = (row: number): Uint8Array => Uint8Array.from({ length: 300 }, (_, at) => (row + 1) * at * 37)

const OPS = ['eq', 'not-eq', 'lt', 'lt-eq', 'gt', 'gt-eq', 'in', 'not-in'] as const

/** @param literals two of the type, ascending */
function filterOf(op: (typeof OPS)[number], type: PrimitiveType, literals: readonly Value[]): Bound {
  const leaf = { fieldId: 2, idPath: [2], path: ['v'], type }
  if (op === 'in' || op === 'not-in') return { op, ...leaf, values: literals }
  return { op, ...leaf, value: literals[0] ?? null }
}

function accepts(
  op: (typeof OPS)[number],
  type: PrimitiveType,
  literals: readonly Value[],
  value: Value,
): boolean {
  if (value === null) return false
  const signs = literals.map(literal => compareValues(type, value, literal))
  const sign = signs[0] ?? 0
  switch (op) {
    case 'eq':
      return sign === 0
    case 'not-eq':
      return sign !== 0
    case 'lt':
      return sign < 0
    case 'lt-eq':
      return sign <= 0
    case 'gt':
      return sign > 0
    case 'gt-eq':
      return sign >= 0
    case 'in':
      return signs.includes(0)
    case 'not-in':
      return !signs.includes(0)
  }
}

/** Row groups of forty rows each, of few values. */
const columnOf = (values: readonly Value[]): fc.Arbitrary<readonly Value[]> => {
  const some = fc.uniqueArray(fc.constantFrom(null, ...values), { minLength: 1, maxLength: 3 })
  const group = some.map(few => Array.from({ length: 40 }, (_, row) => few[row % few.length] ?? null))
  return fc.array(group, { minLength: 1, maxLength: 3 }).map(groups => groups.flat())
}

describe('pruning by a column of any type', () => {
  it.each(
    CASES.map(given => [nameOf(given), given] as const),
  )('keeps the rows that the filter accepts: %s', async (_, given) => {
    const { from, to = from, values, others = [] } = given
    const promoted = (value: Value): Value => (value === null ? null : promoteValue(from, to, value))
    const literals = [...values.map(promoted), ...others]
    const field: Field = { id: 2, name: 'v', required: false, type: from }
    await fc.assert(
      fc.asyncProperty(
        columnOf(values),
        fc.record({
          dictionaryEnabled: fc.boolean(),
          pageRows: fc.constantFrom(15, 1000),
          bloomFilters: fc.constantFrom(new Map(), new Map([[2, {}]])),
        }),
        fc.constantFrom(...OPS),
        fc.shuffledSubarray(literals, { minLength: 2, maxLength: 2 }),
        fc.record({ bare: fc.boolean(), lateColumns: fc.constantFrom('always' as const, 'never' as const) }),
        async (column, parquet, op, pair, { bare, lateColumns }) => {
          const asked = pair.toSorted((a, b) => compareValues(to, a, b))
          const table = createMemoryTable({ fields: [ID, field, PAYLOAD], formatVersion: 3 })
          const rows = column.map((value, row): Value[] => [BigInt(row), value, payload(row)])
          await table.commit([await table.dataFile('d.parquet', rows, { rowGroupRows: 40, bare, parquet })])
          const fields = [ID, { ...field, type: to }, PAYLOAD]
          const schema = { schemaId: 1, fields, identifierFieldIds: [] }
          table.alter({ schemas: [table.schema, schema], currentSchemaId: 1 })
          const filter = filterOf(op, to, asked)
          const plan = await planScan(table, table.io, { snapshot: table.snapshot, schema, filter })
          const found: Value[] = []
          for await (const batch of scanBatches(table.io, plan, { lateColumns }))
            found.push(...batchRows(batch).map(([id = null]) => id))
          const expected = rows.filter(([, value = null]) => accepts(op, to, asked, promoted(value)))
          expect(found).toEqual(expected.map(([id]) => id))
        },
      ),
      { numRuns: 20 },
    )
  })
})
