/**
 * Collapsing blocks says what a map from key to row says (`table-changes.ts`), whatever the events are and however they
 * are cut into batches and commits.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasBit } from '../../src/batch/bitmap.js'
import { rowAt } from '../../src/batch/values.js'
import { createBlockBuilder } from '../../src/cdc/block-builder.js'
import type { FeedBatch } from '../../src/cdc/change-block.js'
import type { BlockSlice, TableColumns } from '../../src/cdc/change-columns.js'
import {
  type Cell,
  type ReadableEvent,
  type SourceColumn,
  type SourceRow,
  type SourceTransaction,
  UNCHANGED,
  UNREPRESENTABLE,
} from '../../src/cdc/change-event.js'
import { collapse } from '../../src/cdc/collapse.js'
import { createColumnMapper } from '../../src/cdc/column-mapping.js'
import type { Schema, Type, Value } from '../../src/schema/types.js'
import type { KeyedChanges } from '../../src/writer/keyed-changes.js'
import { createRowMapper } from './row-mapping.js'
import { createTableChanges } from './table-changes.js'

const RUNS = 100

/** A type of the key's columns: in the table and in the feed, with a few values of the feed's type. */
interface KeyForm {
  readonly name: string
  readonly columns: readonly { readonly type: Type; readonly fed: Type; readonly values: readonly Value[] }[]
}

const uuid = (byte: number): Uint8Array => new Uint8Array(16).fill(byte)
const LONG: Type = { kind: 'long' }
const INT: Type = { kind: 'int' }
const STRING: Type = { kind: 'string' }
const DECIMAL: Type = { kind: 'decimal', precision: 20, scale: 2 }

const forms: readonly KeyForm[] = [
  { name: 'long, fed as int', columns: [{ type: LONG, fed: INT, values: [0, 1, 2, -1, null] }] },
  { name: 'long', columns: [{ type: LONG, fed: LONG, values: [0n, 1n, 2n ** 40n, 2n ** 40n + 1n] }] },
  { name: 'string', columns: [{ type: STRING, fed: STRING, values: ['', 'a', 'A', 'é', 'e\u0301', null] }] },
  { name: 'decimal', columns: [{ type: DECIMAL, fed: DECIMAL, values: [0n, -1n, 10n ** 19n, 5n] }] },
  {
    name: 'double, fed as float',
    columns: [{ type: { kind: 'double' }, fed: { kind: 'float' }, values: [0, -0, NaN, 1.5, null] }],
  },
  {
    name: 'uuid',
    columns: [{ type: { kind: 'uuid' }, fed: { kind: 'uuid' }, values: [uuid(1), uuid(2), uuid(3)] }],
  },
  {
    name: 'int and string',
    columns: [
      { type: INT, fed: INT, values: [1, 2, null] },
      { type: STRING, fed: STRING, values: ['a', 'b', null] },
    ],
  },
]

/** The table: its key and three columns more. */
function schemaOf({ columns }: KeyForm): Schema {
  const types: readonly Type[] = [...columns.map(({ type }) => type), LONG, STRING, STRING]
  return {
    schemaId: 0,
    identifierFieldIds: [],
    fields: types.map((type, index) => ({ id: index + 1, name: `c${index}`, required: false, type })),
  }
}

/** Rows of the feed: the columns that a row names, in some order; the first ones are the key. */
function shapesOf(form: KeyForm): readonly (readonly SourceColumn[])[] {
  const key = form.columns.map(({ fed }, index) => ({ name: `c${index}`, type: fed }))
  const at = key.length
  const a = { name: `c${at}`, type: INT }
  const wideA = { name: `c${at}`, type: LONG }
  const b = { name: `c${at + 1}`, type: STRING }
  const c = { name: `c${at + 2}`, type: STRING }
  return [[...key, a, b, c], [...key, a], [c, ...key, b], [...key, wideA, c], key]
}

type Step =
  | { readonly do: 'truncate' }
  | {
      readonly do: 'insert' | 'update' | 'delete' | 'move'
      readonly key: number
      readonly other: number
      readonly namesOld: boolean
      readonly shape: number
      readonly cells: readonly number[]
      readonly isWhole: boolean
    }

const place = fc.nat({ max: 7 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constantFrom('insert', 'update', 'update', 'delete', 'move'),
      key: place,
      other: place,
      namesOld: fc.boolean(),
      shape: fc.nat({ max: 4 }),
      cells: fc.array(place, { minLength: 3, maxLength: 3 }),
      isWhole: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'truncate' as const }) },
)
const history = fc.array(
  fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 8 }),
    endsBatch: fc.boolean(),
    endsCommit: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
)

const TABLE = { schema: 'public', name: 't' }

function eventsOf(
  form: KeyForm,
  shapes: ReturnType<typeof shapesOf>,
  steps: readonly Step[],
): readonly Exclude<ReadableEvent, { kind: 'schema' }>[] {
  const keyCell = (column: number, pick: number): Value => {
    const values = form.columns[column]?.values ?? []
    return values[pick % values.length] ?? null
  }
  const keyRow = (pick: number): SourceRow => ({
    columns: shapes[4]!,
    cells: form.columns.map((_, column) => keyCell(column, pick + column)),
  })
  let clock = 0
  return steps.map(one => {
    clock += 1
    if (one.do === 'truncate') return { kind: 'truncate', table: TABLE, line: clock }
    const columns = shapes[one.shape]!
    const cells = columns.map(({ name, type }): Cell => {
      const column = Number(name.slice(1))
      if (column < form.columns.length) return keyCell(column, one.key + column)
      const pick = one.cells[column - form.columns.length] ?? 0
      if (pick < 3) return UNCHANGED
      if (pick === 3) return null
      if (pick === 4) return UNREPRESENTABLE
      return type.kind === 'string' ? `v${clock}` : type.kind === 'int' ? clock : BigInt(clock)
    })
    const row = { columns, cells, isWhole: one.isWhole }
    const about = { table: TABLE, line: clock, keyColumns: form.columns.map((_, index) => `c${index}`) }
    switch (one.do) {
      case 'insert':
        return { kind: 'insert', ...about, row }
      case 'move':
        return { kind: 'insert', ...about, row, movedFrom: keyRow(one.other) }
      case 'update':
        return one.namesOld
          ? { kind: 'update', ...about, row, oldKey: keyRow(one.other) }
          : { kind: 'update', ...about, row }
      default:
        return { kind: 'delete', ...about, key: one.namesOld ? keyRow(one.key) : row }
    }
  })
}

type Events = ReturnType<typeof eventsOf>

/** Batches that end where the history says so, each with the number of its first transaction. */
function batchesOf(
  transactions: readonly { readonly endsBatch: boolean }[],
  all: readonly Events[],
): readonly { readonly batch: FeedBatch; readonly first: number }[] {
  const builder = createBlockBuilder()
  const batches: { batch: FeedBatch; first: number }[] = []
  let first = 0
  for (const [index, { endsBatch }] of transactions.entries()) {
    const transaction: SourceTransaction = {
      position: { kind: 'lsn', lsn: BigInt(index) },
      lastLine: index,
      events: all[index] ?? [],
    }
    builder.add(transaction)
    if (!endsBatch && index < transactions.length - 1) continue
    const batch = builder.flush()
    for (const block of batch.blocks) checkBlock(block)
    batches.push({ batch, first })
    first = index + 1
  }
  return batches
}

/** What is to be written, with the cells that come from the table's rows as text. */
function shown(changes: KeyedChanges, schema: Schema): unknown {
  const { keys, rows, patches, truncate } = changes
  const cells: unknown[][] = Array.from({ length: rows.length }, (_, row) => [...rowAt(rows, row)])
  const keyTexts = Array.from({ length: keys.length }, (_, row) => rowAt(keys, row))
  patches?.rows.forEach((row, patch) => {
    const column = schema.fields.findIndex(field => field.id === patches.fieldIds[patch])
    expect(cells[row]?.[column]).toBeNull()
    cells[row]![column] = { tableRowOf: keyTexts[patches.keyRows[patch]!] }
  })
  return { keys: keyTexts, rows: cells, truncate: truncate === true }
}

/** The changes of a batch up to one of its transactions, and from one: as `take-batch.ts` and `commit-pending.ts` cut them. */
function slicesOf(
  batch: FeedBatch,
  [from, to]: readonly [number, number],
  firstTransaction: number,
): BlockSlice[] {
  return batch.blocks.flatMap(block => {
    const inside = [...block.transactions.keys()].filter(
      row => block.transactions[row]! >= from && block.transactions[row]! < to,
    )
    if (inside.length === 0) return []
    return [{ block, from: inside[0]!, to: inside.at(-1)! + 1, firstTransaction }]
  })
}

describe.each(forms)('blocks collapsed, key $name', form => {
  const schema = schemaOf(form)
  const keyIndexes = form.columns.map((_, index) => index)
  const shapes = shapesOf(form)

  it('are what applying their events one by one is', () => {
    fc.assert(
      fc.property(history, transactions => {
        const lost: string[][] = [[], []]
        const mapper = createRowMapper({
          schema,
          keyIndexes,
          table: 't',
          onUnrepresentable: column => lost[0]?.push(column),
        })
        const table: TableColumns = {
          schema,
          keyIndexes,
          mapper: createColumnMapper({ schema, table: 't' }),
          table: 't',
          onUnrepresentable: column => lost[1]?.push(column),
        }
        const all = transactions.map(({ steps }) => eventsOf(form, shapes, steps))
        const batches = batchesOf(transactions, all)
        const ends = [...transactions.keys()].map(index => index + 1)
        const commits = ends.filter(end => end === ends.length || transactions[end - 1]?.endsCommit)
        for (const [index, end] of commits.entries()) {
          const begin = commits[index - 1] ?? 0
          const oracle = createTableChanges(schema, keyIndexes)
          for (const events of all.slice(begin, end)) {
            for (const event of events) applyTo(oracle, event, mapper)
            oracle.endTransaction()
          }
          const slices = batches.flatMap(({ batch, first }) =>
            slicesOf(batch, [begin - first, end - first], first),
          )
          const collapsed = collapse(slices, table)
          expect(shown(collapsed.changes, schema)).toEqual(shown(oracle.toKeyedChanges(), schema))
          expect(collapsed.orphanedCells).toBe(oracle.orphanedCells)
        }
        expect(lost[1]?.sort()).toEqual(lost[0]?.sort())
      }),
      { numRuns: RUNS },
    )
  })
})

/** What `change-block.ts` promises. */
function checkBlock({ kinds, lines, transactions, rows, old, oldRows }: FeedBatch['blocks'][number]): void {
  for (const array of [lines, transactions, oldRows]) expect(array.length).toBe(kinds.length)
  for (const { vectors, columns, unchanged, unrepresentable } of [rows, old]) {
    expect(vectors.length).toBe(columns.length)
    for (const [column, vector] of vectors.entries())
      for (let row = 0; row < vector.length; row++) {
        const marks = [unchanged[column], unrepresentable[column]]
        const isMarked = marks.some(bits => bits !== undefined && hasBit(bits, row))
        if (isMarked && vector.layout !== 'null') expect(hasBit(vector.validity!, row)).toBe(false)
      }
  }
}

function applyTo(
  oracle: ReturnType<typeof createTableChanges>,
  event: Exclude<ReadableEvent, { kind: 'schema' }>,
  mapper: ReturnType<typeof createRowMapper>,
): void {
  if (event.kind === 'truncate') oracle.truncate()
  else if (event.kind === 'delete') oracle.delete(mapper.key(event.key))
  else if (event.kind === 'update') {
    const oldKey = event.oldKey === undefined ? undefined : mapper.key(event.oldKey)
    oracle.update(mapper.cells(event.row), { oldKey })
  } else {
    const movedFrom = event.movedFrom === undefined ? undefined : mapper.key(event.movedFrom)
    oracle.insert(mapper.cells(event.row), { movedFrom })
  }
}
