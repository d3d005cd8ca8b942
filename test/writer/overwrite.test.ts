import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type OutputRow, openLake, type Table } from '../../src/index.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import type { Snapshot } from '../../src/metadata/table-metadata.js'
import type { Field } from '../../src/schema/types.js'
import { createTestTable, orphans, refusal, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'int' } },
  { id: 3, name: 'value', required: false, type: { kind: 'int' } },
]

/** How a table may be partitioned, and to which partition a row belongs then. */
const SPECS = {
  none: () => '',
  part: ({ part }: Row) => String(part),
  tens: ({ id }: Row) => String(Math.floor(id / 10)),
} as const
type SpecName = keyof typeof SPECS

interface Kind {
  readonly formatVersion: 2 | 3
  readonly mode: 'copy-on-write' | 'merge-on-read'
  readonly spec: SpecName
}
const KINDS: readonly Kind[] = ([2, 3] as const).flatMap(formatVersion =>
  (['copy-on-write', 'merge-on-read'] as const).flatMap(mode =>
    (Object.keys(SPECS) as SpecName[]).map(spec => ({ formatVersion, mode, spec })),
  ),
)

type Row = { readonly id: number; readonly part: number | null; readonly value: number | null }

async function openTestTable({ formatVersion, mode, spec }: Kind): Promise<Opened> {
  const test = await createTestTable({
    fields: FIELDS,
    formatVersion,
    properties: { 'write.delete.mode': mode, 'write.wap.enabled': 'true' },
    partitionFields: {
      none: [],
      part: [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }],
      tens: [{ sourceId: 1, name: 'tens', transform: { kind: 'truncate', width: 10 } }],
    }[spec] as never,
  })
  const table = openLake(test).table(test.identifier)
  return {
    test,
    table,
    head: async () => currentSnapshot((await test.load()).metadata),
    rows: async () => {
      const found: OutputRow[] = []
      for await (const row of table.scan().rows({ long: 'number' })) found.push(row)
      return found.map(row => JSON.stringify(row)).sort()
    },
  }
}

interface Opened {
  readonly test: TestTable
  readonly table: Table
  head(): Promise<Snapshot | undefined>
  rows(): Promise<readonly string[]>
}

const texts = (rows: readonly Row[]): readonly string[] => rows.map(row => JSON.stringify(row)).sort()

interface Condition {
  readonly text: string | undefined
  holds(row: Row): boolean
}
const conditions: fc.Arbitrary<Condition> = fc.oneof(
  fc.constant({ text: undefined, holds: () => true }),
  fc.integer({ min: 0, max: 3 }).map(part => ({
    text: `part = ${part}`,
    holds: (row: Row) => row.part === part,
  })),
  fc.integer({ min: 0, max: 40 }).map(from => ({
    text: `id >= ${from}`,
    holds: (row: Row) => row.id >= from,
  })),
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 2, max: 3 })).map(([part, divisor]) => ({
    text: `(part = ${part} or part is null) and value % ${divisor} = 1`,
    holds: (row: Row) =>
      (row.part === part || row.part === null) && row.value !== null && row.value % divisor === 1,
  })),
)

type Given = readonly (readonly [id: number, part: number | null, value: number | null])[]
type Step =
  | { readonly kind: 'append'; readonly rows: Given }
  | { readonly kind: 'partitions'; readonly rows: Given }
  | { readonly kind: 'where'; readonly where: Condition; readonly rows: Given }
  | { readonly kind: 'evolve'; readonly to: SpecName }

const nullable = (max: number): fc.Arbitrary<number | null> =>
  fc.option(fc.integer({ min: 0, max }), { freq: 6 })
const given: fc.Arbitrary<Given> = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 40 }), nullable(3), nullable(20)),
  { maxLength: 8 },
)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('append' as const), rows: given }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('partitions' as const), rows: given }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('where' as const), where: conditions, rows: given }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('evolve' as const),
        to: fc.constantFrom<SpecName>('none', 'part', 'tens'),
      }),
    },
  ),
  { minLength: 2, maxLength: 5 },
)

const rowsOf = (rows: Given): Row[] => rows.map(([id, part, value]) => ({ id, part, value }))

const EVOLUTIONS: Readonly<Record<SpecName, string>> = {
  none: '',
  part: 'add partition field part',
  tens: 'add partition field truncate(10, id) as tens',
}

async function evolve(
  table: Table,
  specs: { readonly from: SpecName; readonly to: SpecName },
): Promise<void> {
  const { from, to } = specs
  if (from === to) return
  const steps = [from === 'none' ? '' : `drop partition field ${from}`, EVOLUTIONS[to]]
  await table.alter(steps.filter(step => step !== '').join('; '))
}

/** The rows after a step, as a relation. */
function applied(
  rows: readonly Row[],
  step: Exclude<Step, { kind: 'evolve' }>,
  spec: SpecName,
): readonly Row[] {
  const added = rowsOf(step.rows)
  switch (step.kind) {
    case 'append':
      return [...rows, ...added]
    case 'where':
      return [...rows.filter(row => !step.where.holds(row)), ...added]
    default: {
      const partitions = new Set(added.map(SPECS[spec]))
      return [...rows.filter(row => !partitions.has(SPECS[spec](row))), ...added]
    }
  }
}

async function run(table: Table, step: Exclude<Step, { kind: 'evolve' }>): Promise<void> {
  const rows = rowsOf(step.rows)
  if (step.kind === 'append') await table.append(rows)
  else if (step.kind === 'partitions') await table.overwrite(rows, { partitions: true })
  else await table.overwrite(rows, { where: step.where.text })
}

describe.each(KINDS)('overwrites of v$formatVersion, $mode, partitioned by $spec', kind => {
  it('leave the rows that a model says', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async taken => {
        const opened = await openTestTable(kind)
        let rows: readonly Row[] = []
        let spec = kind.spec
        for (const step of taken) {
          if (step.kind === 'evolve') {
            await evolve(opened.table, { from: spec, to: step.to })
            spec = step.to
            continue
          }
          await run(opened.table, step)
          rows = applied(rows, step, spec)
          expect(await opened.rows()).toEqual(texts(rows))
        }
        expect(await orphans(opened.test)).toEqual([])
      }),
      { numRuns: 3 },
    )
  })
})

const V3: Kind = { formatVersion: 3, mode: 'copy-on-write', spec: 'part' }
const ROWS: readonly Row[] = [
  { id: 1, part: 1, value: 1 },
  { id: 2, part: 1, value: 2 },
  { id: 3, part: 2, value: 3 },
  { id: 4, part: null, value: 4 },
]

describe('an overwrite', () => {
  it('of every row, and of whole partitions, goes by metadata and is one overwrite snapshot', async () => {
    const { table, head, rows } = await openTestTable(V3)
    await table.append([...ROWS])
    const byPartition = await table.overwrite([{ id: 9, part: null, value: 0 }], { partitions: true })
    expect(byPartition.summary).toMatchObject({
      'replace-partitions': 'true',
      'added-data-files': '1',
      'deleted-data-files': '1',
      'deleted-records': '1',
    })
    expect((await head())?.operation).toBe('overwrite')
    const whole = await table.overwrite([{ id: 10, part: 1, value: 0 }])
    expect(whole.summary).toMatchObject({ 'added-data-files': '1', 'deleted-data-files': '3' })
    expect(whole.summary['replace-partitions']).toBeUndefined()
    expect(await rows()).toEqual(texts([{ id: 10, part: 1, value: 0 }]))
  })

  it('without rows deletes what it replaces; by partition it changes nothing', async () => {
    const { table, head, rows } = await openTestTable(V3)
    expect(await table.overwrite([])).toMatchObject({ changed: false })
    await table.append([...ROWS])
    expect(await table.overwrite([], { partitions: true })).toMatchObject({ changed: false })
    expect(await table.overwrite([], { where: 'part = 1' })).toMatchObject({ changed: true })
    expect((await head())?.operation).toBe('delete')
    expect(await rows()).toEqual(texts(ROWS.slice(2)))
    expect(await table.overwrite([], { where: 'part = 1' })).toMatchObject({ changed: false })
    expect(await table.overwrite([])).toMatchObject({ changed: true })
    expect(await table.overwrite([])).toMatchObject({ changed: false })
  })

  it('is an overwrite snapshot even when nothing goes', async () => {
    const { table, head } = await openTestTable(V3)
    await table.overwrite([...ROWS], { where: 'part = 7' })
    expect((await head())?.operation).toBe('overwrite')
  })

  it('keeps the row ids of the rows that stay in files that are written again', async () => {
    const { table } = await openTestTable(V3)
    await table.append([...ROWS])
    const ids = async () => {
      const found = new Map<unknown, unknown>()
      const select = ['id', '_row_id', '_last_updated_sequence_number']
      for await (const row of table.scan({ select, where: 'id = 1' }).rows()) found.set(row.id, row)
      return found
    }
    const before = await ids()
    await table.overwrite([{ id: 5, part: 1, value: 5 }], { where: 'part = 1 and value = 2' })
    expect(await ids()).toEqual(before)
  })

  it('of rows that are not among those it replaces is refused when asked to look', async () => {
    const { table, test } = await openTestTable(V3)
    const given = [
      { id: 5, part: 1, value: 5 },
      { id: 6, part: 2, value: 5 },
    ]
    const where = 'part = 1'
    expect(await refusal(table.overwrite(given, { where, validateRows: true }))).toMatchObject({
      kind: 'invalid-argument',
      context: { row: 1 },
    })
    expect(await test.dataFiles()).toEqual([])
    await table.overwrite(given, { where })
    await table.overwrite(given.slice(0, 1), { where, validateRows: true })
  })

  it('by condition and by partition at once, or by a column that is not there, is refused before rows are read', async () => {
    const { table, test } = await openTestTable(V3)
    const wrong = [{ where: 'part = 1', partitions: true }, { where: 'nothing = 1' }]
    for (const options of wrong)
      expect(await refusal(table.overwrite([...ROWS], options))).toMatchObject({ kind: 'invalid-argument' })
    expect(await test.dataFiles()).toEqual([])
  })

  it('tried out says what it would do and changes nothing', async () => {
    const { table, rows } = await openTestTable(V3)
    await table.append([...ROWS])
    const trial = await table.overwrite([{ id: 9, part: 1, value: 0 }], { partitions: true, dryRun: true })
    expect(trial).toMatchObject({
      changed: true,
      attempts: 0,
      effect: { dataFiles: { added: 1, removed: 1 }, rows: { added: 1, removed: 2 } },
    })
    expect(await rows()).toEqual(texts(ROWS))
  })

  it('of partitions that was staged is published once, and not over changed partitions', async () => {
    const { table, rows } = await openTestTable(V3)
    await table.append([...ROWS])
    const given = [{ id: 9, part: 1, value: 0 }]
    await table.overwrite(given, { partitions: true, wapId: 'a' })
    await table.overwrite(given, { partitions: true, wapId: 'b' })
    expect(await rows()).toEqual(texts(ROWS))
    await table.append([{ id: 20, part: 2, value: 0 }])
    await table.publish('a')
    expect(await rows()).toEqual(texts([...ROWS.slice(2), { id: 20, part: 2, value: 0 }, ...given]))
    expect(await refusal(table.publish('b'))).toMatchObject({ kind: 'conflict' })
  })

  it('that deleted rows of files of another spec by position cannot be picked', async () => {
    const kind: Kind = { formatVersion: 3, mode: 'merge-on-read', spec: 'none' }
    const { table, rows } = await openTestTable(kind)
    await table.append([...ROWS])
    await table.alter('add partition field part')
    await table.overwrite([{ id: 9, part: 1, value: 0 }], { partitions: true, wapId: 'a' })
    await table.append([{ id: 20, part: 2, value: 0 }])
    expect(await refusal(table.publish('a'))).toMatchObject({ kind: 'invalid-argument' })
    expect(await rows()).toEqual(texts([...ROWS, { id: 20, part: 2, value: 0 }]))
  })
})

describe('partition values', () => {
  it.each([
    ['uuid', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b'],
    ['string', '', 'null'],
    ['double', '-0.0', '0.0'],
    ['binary', 'ff', '00ff'],
  ] as const)('of type %s are told apart', async (type, one, other) => {
    const lake = openLake(await createTestTable({ fields: FIELDS }))
    const table = await lake.createTable('ns.u', `id bigint, p ${type}`, { partitionBy: ['p'] })
    const value = (text: string): string | number | Uint8Array => {
      if (type === 'binary') return Uint8Array.from(Buffer.from(text, 'hex'))
      return type === 'double' ? Number(text) : text
    }
    await table.append([
      { id: 1, p: value(one) },
      { id: 2, p: value(other) },
      { id: 3, p: null },
    ])
    const idsLeft = async (): Promise<readonly unknown[]> => {
      const ids: unknown[] = []
      for await (const { id } of table.scan({ select: ['id'] }).rows({ long: 'number' })) ids.push(id)
      return ids.sort()
    }
    await table.overwrite([{ id: 10, p: value(one) }], { partitions: true })
    expect(await idsLeft()).toEqual([10, 2, 3])
    await table.overwrite([{ id: 30, p: null }], { partitions: true })
    expect(await idsLeft()).toEqual([10, 2, 30])
    await table.alter('add partition field bucket(2, id)')
    await table.overwrite([{ id: 10, p: value(one) }], { partitions: true })
    expect(await idsLeft()).toEqual([10, 2, 30])
  })
})
