import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchOf } from '../../src/batch/vector-builder.js'
import type { Field, Value } from '../../src/schema/types.js'
import { parseMergeClauses } from '../../src/sql/merge.js'
import { parseScalar } from '../../src/sql/scalar.js'
import { type MergeResult, type MergeRowsOptions, mergeRowsAction } from '../../src/writer/merge-rows.js'
import { commitRaced, createTestTable, orphans, refusal, sorted, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: false, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'int' } },
  { id: 3, name: 'value', required: false, type: { kind: 'int' } },
  { id: 4, name: 'uid', required: false, type: { kind: 'int' } },
]
const SOURCE_FIELDS: readonly Field[] = [
  { id: 1, name: 'uid', required: false, type: { kind: 'int' } },
  { id: 2, name: 'op', required: false, type: { kind: 'string' } },
  { id: 3, name: 'id', required: false, type: { kind: 'long' } },
  { id: 4, name: 'value', required: false, type: { kind: 'int' } },
  { id: 5, name: 'part', required: false, type: { kind: 'int' } },
]
const PARTITIONED = [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }] as const

/** Of each property and kind of table. */
const RUNS = 6

interface Kind {
  readonly formatVersion: 2 | 3
  readonly mode: 'copy-on-write' | 'merge-on-read'
  readonly partitioned: boolean
}

const KINDS: readonly Kind[] = ([2, 3] as const).flatMap(formatVersion =>
  (['copy-on-write', 'merge-on-read'] as const).flatMap(mode =>
    [false, true].map(partitioned => ({ formatVersion, mode, partitioned })),
  ),
)

function tableOf({ formatVersion, mode, partitioned }: Kind, more: Readonly<Record<string, string>> = {}) {
  const properties = { 'write.merge.mode': mode, ...more }
  const partitionFields = partitioned ? PARTITIONED : []
  return createTestTable({ fields: FIELDS, formatVersion, partitionFields, properties })
}

// ---------------------------------------------------------------- the model

interface Row {
  readonly id: bigint | null
  readonly part: number | null
  readonly value: number | null
  readonly uid: number | null
}

interface SourceRow extends Row {
  readonly op: string
}

/** True, false, or unknown. */
type Truth = boolean | null

const eq = (a: unknown, b: unknown): Truth => (a === null || b === null ? null : a === b)
const less = (a: number | bigint | null, b: number | bigint | null): Truth =>
  a === null || b === null ? null : a < b

interface On {
  readonly text: string
  /** What must be equal of a source row; null: it matches nothing. Undefined: no equality. */
  readonly key?: ((source: SourceRow) => string | null) | undefined
  readonly hasRest: boolean
  readonly holds: (row: Row, source: SourceRow) => Truth
}

const idKey = ({ id }: SourceRow): string | null => (id === null ? null : String(id))

const ONS: readonly On[] = [
  { text: 't.id = s.id', key: idKey, hasRest: false, holds: (t, s) => eq(t.id, s.id) },
  { text: 's.id <=> t.id', key: ({ id }) => String(id), hasRest: false, holds: (t, s) => t.id === s.id },
  {
    text: 't.id = s.id and t.part = s.part',
    key: ({ id, part }) => (id === null || part === null ? null : `${id} ${part}`),
    hasRest: false,
    holds: (t, s) => eq(t.id, s.id) === true && eq(t.part, s.part) === true,
  },
  {
    text: 't.id = s.id and t.part = 2',
    key: idKey,
    hasRest: false,
    holds: (t, s) => eq(t.id, s.id) === true && t.part === 2,
  },
  {
    text: "t.id = s.id and s.op <> 'X'",
    key: s => (s.op === 'X' ? null : idKey(s)),
    hasRest: false,
    holds: (t, s) => eq(t.id, s.id) === true && s.op !== 'X',
  },
  {
    text: 't.id = s.id and t.value < s.value',
    key: idKey,
    hasRest: true,
    holds: (t, s) => eq(t.id, s.id) === true && less(t.value, s.value) === true,
  },
  {
    text: 't.id < s.id and s.id < t.id + 2',
    hasRest: true,
    holds: (t, s) => t.id !== null && s.id !== null && s.id === t.id + 1n,
  },
  {
    text: 't.id - 1 = s.id',
    key: idKey,
    hasRest: false,
    holds: (t, s) => t.id !== null && eq(t.id - 1n, s.id) === true,
  },
  { text: 'false', hasRest: false, holds: () => false },
]

/** What becomes of a row: nothing said, it goes, or it is another. */
type Outcome = 'passed' | 'deleted' | Row

interface Clause<Sides extends readonly unknown[]> {
  readonly text: string
  readonly closed: boolean
  readonly act: (...sides: Sides) => Outcome
}

const plus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b)
const row = ({ id, part, value, uid }: Row): Row => ({ id, part, value, uid })

const MATCHED: readonly Clause<[Row, SourceRow]>[] = [
  {
    text: "when matched and s.op = 'D' then delete",
    closed: false,
    act: (_, s) => (s.op === 'D' ? 'deleted' : 'passed'),
  },
  {
    text: 'when matched and t.value < s.value then update set value = s.value',
    closed: false,
    act: (t, s) => (less(t.value, s.value) === true ? { ...t, value: s.value } : 'passed'),
  },
  {
    text: 'when matched and t.part = 1 then update set part = 3',
    closed: false,
    act: t => (t.part === 1 ? { ...t, part: 3 } : 'passed'),
  },
  {
    text: 'when matched then update set value = t.value + s.value, part = s.part',
    closed: true,
    act: (t, s) => ({ ...t, value: plus(t.value, s.value), part: s.part }),
  },
  { text: 'when matched then update set *', closed: true, act: (_, s) => row(s) },
  { text: 'when matched then delete', closed: true, act: () => 'deleted' },
]

const NOT_MATCHED: readonly Clause<[SourceRow]>[] = [
  {
    text: 'when not matched and s.value < 25 then insert (uid, id, value) values (s.uid, s.id, s.value * 2)',
    closed: false,
    act: s =>
      less(s.value, 25) === true
        ? { id: s.id, part: null, value: plus(s.value, s.value), uid: s.uid }
        : 'passed',
  },
  {
    text: "when not matched and op <> 'D' then insert *",
    closed: false,
    act: s => (s.op !== 'D' ? row(s) : 'passed'),
  },
  { text: 'when not matched by target then insert *', closed: true, act: row },
]

const BY_SOURCE: readonly Clause<[Row]>[] = [
  {
    text: 'when not matched by source and t.value < 15 then delete',
    closed: false,
    act: t => (less(t.value, 15) === true ? 'deleted' : 'passed'),
  },
  {
    text: 'when not matched by source and part = 1 then update set value = -1',
    closed: false,
    act: t => (t.part === 1 ? { ...t, value: -1 } : 'passed'),
  },
  { text: 'when not matched by source then delete', closed: true, act: () => 'deleted' },
]

interface Merge {
  readonly on: On
  readonly matched: readonly Clause<[Row, SourceRow]>[]
  readonly notMatched: readonly Clause<[SourceRow]>[]
  readonly bySource: readonly Clause<[Row]>[]
  readonly source: readonly SourceRow[]
}

interface Merged {
  readonly rows: readonly Row[]
  /** The rows that were there, as they are now; those that were changed are other objects. */
  readonly kept: ReadonlyMap<Row, Row>
  readonly counts: MergeResult
}

function first<S extends readonly unknown[]>(clauses: readonly Clause<S>[], sides: S): Outcome {
  for (const { act } of clauses) {
    const outcome = act(...sides)
    if (outcome !== 'passed') return outcome
  }
  return 'passed'
}

/** The table after a merge, or that it is refused. */
function modelled(rows: readonly Row[], merge: Merge): Merged | 'refused' {
  const { on, source } = merge
  const keys = on.text === 'false' ? [] : source.map(s => on.key?.(s) ?? null).filter(key => key !== null)
  if (!on.hasRest && new Set(keys).size < keys.length) return 'refused'
  const isOnce =
    merge.matched.length > 1 || merge.matched.some(({ text }) => text !== 'when matched then delete')
  const kept = new Map<Row, Row>()
  const matchedSources = new Set<SourceRow>()
  let updatedRows = 0
  let deletedRows = 0
  for (const before of rows) {
    const found = source.filter(s => on.holds(before, s) === true)
    for (const s of found) matchedSources.add(s)
    if (found.length > 1 && isOnce) return 'refused'
    const [only] = found
    const outcome =
      only === undefined ? first(merge.bySource, [before]) : first(merge.matched, [before, only])
    if (outcome === 'deleted') deletedRows++
    else if (outcome === 'passed') kept.set(before, before)
    else {
      kept.set(before, outcome)
      updatedRows++
    }
  }
  const inserted = source
    .filter(s => !matchedSources.has(s))
    .map(s => first(merge.notMatched, [s]))
    .filter(outcome => typeof outcome === 'object')
  return {
    rows: [...kept.values(), ...inserted],
    kept,
    counts: { insertedRows: inserted.length, updatedRows, deletedRows },
  }
}

// ---------------------------------------------------------------- random merges

const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { freq: 8 })
const ids = nullable(fc.bigInt({ min: 0n, max: 20n }))
const values = nullable(fc.integer({ min: 0, max: 50 }))
const parts = nullable(fc.integer({ min: 0, max: 3 }))
const ops = fc.constantFrom('U', 'D', 'X')

/** Clauses of one kind, of which none stands behind one without a condition. */
function clausesOf<S extends readonly unknown[]>(all: readonly Clause<S>[]): fc.Arbitrary<Clause<S>[]> {
  return fc.shuffledSubarray([...all], { maxLength: 2 }).map(chosen => {
    const closed = chosen.findIndex(clause => clause.closed)
    return closed < 0 ? chosen : chosen.slice(0, closed + 1)
  })
}

const sourceRows: fc.Arbitrary<SourceRow[]> = fc
  .record({
    rows: fc.array(fc.record({ id: ids, part: parts, value: values, op: ops }), { maxLength: 12 }),
    unique: fc.constantFrom(true, true, true, false),
  })
  .map(({ rows, unique }) => {
    const seen = new Set<bigint | null>()
    return rows
      .filter(({ id }) => !unique || (!seen.has(id) && seen.add(id)))
      .map((each, at) => ({ ...each, uid: 1000 + at }))
  })

const merges: fc.Arbitrary<Merge> = fc
  .record({
    on: fc.constantFrom(...ONS),
    matched: clausesOf(MATCHED),
    notMatched: clausesOf(NOT_MATCHED),
    bySource: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: clausesOf(BY_SOURCE) },
    ),
    source: sourceRows,
  })
  .filter(({ matched, notMatched, bySource }) => matched.length + notMatched.length + bySource.length > 0)

const tableRows = fc.array(fc.record({ id: ids, part: parts, value: values }), {
  minLength: 1,
  maxLength: 12,
})
const appends = fc.array(tableRows, { minLength: 1, maxLength: 3 })

function rowsOf(files: readonly (readonly Omit<Row, 'uid'>[])[], firstUid = 0): Row[][] {
  let uid = firstUid
  return files.map(file => file.map(each => ({ ...each, uid: uid++ })))
}

const cells = ({ id, part, value, uid }: Row): Value[] => [id, part, value, uid]

function actionOf(table: TestTable, merge: Merge, options: Partial<MergeRowsOptions> = {}) {
  const clauses = [...merge.matched, ...merge.notMatched, ...merge.bySource].map(({ text }) => text)
  const source = batchOf(
    SOURCE_FIELDS,
    merge.source.map(({ uid, op, id, value, part }) => [uid, op, id, value, part]),
  )
  const request = { on: parseScalar(merge.on.text), clauses: parseMergeClauses(clauses) }
  return mergeRowsAction(table.io, { source, request }, { runtime: table.runtime, ...options })
}

interface Lineage {
  readonly rowId: Value
  readonly changedAt: Value
}

/** By uid; rows that share one are left out. */
async function lineageOf(table: TestTable): Promise<ReadonlyMap<number, Lineage>> {
  const found = new Map<number, Lineage | undefined>()
  for (const [uid, rowId = null, changedAt = null] of await table.rows([
    'uid',
    '_row_id',
    '_last_updated_sequence_number',
  ])) {
    found.set(uid as number, found.has(uid as number) ? undefined : { rowId, changedAt })
  }
  return new Map([...found].flatMap(([uid, lineage]) => (lineage === undefined ? [] : [[uid, lineage]])))
}

function checkLineage(
  before: ReadonlyMap<number, Lineage>,
  after: ReadonlyMap<number, Lineage>,
  kept: Merged['kept'],
): void {
  for (const [was, is] of kept) {
    const old = before.get(was.uid ?? -1)
    const now = after.get(is.uid ?? -1)
    if (old === undefined || now === undefined) continue
    expect(now.rowId).toBe(old.rowId)
    if (was === is) expect(now.changedAt).toBe(old.changedAt)
    else expect(now.changedAt).toBeGreaterThan(old.changedAt as bigint)
  }
}

describe.each(KINDS)('merges into a version $formatVersion table, $mode, partitioned: $partitioned', kind => {
  it('do what a model does row by row, and keep the lineage of rows', async () => {
    await fc.assert(
      fc.asyncProperty(appends, fc.array(merges, { minLength: 1, maxLength: 3 }), async (files, sequence) => {
        const table = await tableOf(kind)
        let rows: readonly Row[] = []
        for (const added of rowsOf(files)) {
          await table.append(added.map(cells))
          rows = [...rows, ...added]
        }
        for (const merge of sequence) {
          const expected = modelled(rows, merge)
          const before = kind.formatVersion < 3 ? new Map() : await lineageOf(table)
          let counts: MergeResult | undefined
          const action = actionOf(table, merge, { onResult: told => (counts = told) })
          if (expected === 'refused') {
            expect(await refusal(table.commit(action))).toMatchObject({ kind: 'invalid-argument' })
            continue
          }
          await table.commit(action)
          expect(sorted(await table.rows())).toEqual(sorted(expected.rows.map(cells)))
          expect(counts).toEqual(expected.counts)
          rows = expected.rows
          if (kind.formatVersion >= 3) checkLineage(before, await lineageOf(table), expected.kept)
        }
        const rowIds = kind.formatVersion < 3 ? [] : (await table.rows(['_row_id'])).flat()
        expect(new Set(rowIds).size).toBe(rowIds.length)
        expect(await orphans(table)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })

  it('do what they would have done after a commit that came first', async () => {
    const others = fc.record({
      kind: fc.constantFrom('append' as const, 'merge' as const),
      rows: tableRows,
      merge: merges,
    })
    await fc.assert(
      fc.asyncProperty(appends, merges, others, async (files, merge, other) => {
        const table = await tableOf(kind)
        let rows: readonly Row[] = []
        for (const added of rowsOf(files)) {
          await table.append(added.map(cells))
          rows = [...rows, ...added]
        }
        const alone = modelled(rows, merge)
        const late = rowsOf([other.rows], 500).flat()
        const made = modelled(rows, other.merge)
        fc.pre(alone !== 'refused' && made !== 'refused')
        const between = other.kind === 'append' ? [...rows, ...late] : made.rows
        const expected = modelled(between, merge)
        let isRaced = false
        const racing = commitRaced(table, actionOf(table, merge), async () => {
          isRaced = true
          if (other.kind === 'append') await table.append(late.map(cells))
          else await table.commit(actionOf(table, other.merge))
        })
        if (expected === 'refused') {
          // A merge that changes nothing is not committed, and so not raced.
          const refused = await refusal(racing)
          if (isRaced) expect(refused).toMatchObject({ kind: 'invalid-argument' })
        } else {
          await racing
          if (isRaced) expect(sorted(await table.rows())).toEqual(sorted(expected.rows.map(cells)))
        }
        expect(await orphans(table)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})

// ---------------------------------------------------------------- particular merges

const MERGE_ON_READ: Kind = { formatVersion: 3, mode: 'merge-on-read', partitioned: false }
const COPY_ON_WRITE: Kind = { formatVersion: 3, mode: 'copy-on-write', partitioned: false }

const tableRow = (id: bigint, value: number): Row => ({ id, part: 0, value, uid: Number(id) })
const sourceRow = (id: bigint | null, value: number): SourceRow => ({
  id,
  part: 0,
  value,
  uid: 1000 + value,
  op: 'U',
})

/** A merge of texts, without a model. */
function action(
  table: TestTable,
  {
    on = 't.id = s.id',
    when,
    source,
  }: { on?: string; when: readonly string[]; source: readonly SourceRow[] },
  options: Partial<MergeRowsOptions> = {},
) {
  const rows = source.map(({ uid, op, id, value, part }) => [uid, op, id, value, part])
  const request = { on: parseScalar(on), clauses: parseMergeClauses(when) }
  const merge = { source: batchOf(SOURCE_FIELDS, rows), request }
  return mergeRowsAction(table.io, merge, { runtime: table.runtime, ...options })
}

const UPSERT = ['when matched then update set *', 'when not matched then insert *']

describe('a merge', () => {
  it('names the key that two rows of the source have', async () => {
    const table = await tableOf(MERGE_ON_READ)
    const source = [sourceRow(7n, 1), sourceRow(8n, 2), sourceRow(7n, 3)]
    expect(await refusal(table.commit(action(table, { when: UPSERT, source })))).toMatchObject({
      kind: 'invalid-argument',
      message: 'two rows of the source have the same key',
      context: { key: '{"id":7}', rows: ['0', '2'] },
    })
    const one = { id: 7n, part: 0, value: 0, uid: 7 }
    await table.append([one].map(cells))
    const on = 't.id = s.id and t.value < s.value'
    expect(await refusal(table.commit(action(table, { on, when: UPSERT, source })))).toMatchObject({
      kind: 'invalid-argument',
      message: 'a row of the table matches two rows of the source',
      context: { key: '{"id":7}', rows: ['0', '2'] },
    })
  })

  it('takes rows of the source with a null for a key as rows that match nothing', async () => {
    const table = await tableOf(MERGE_ON_READ)
    await table.append([[null, 0, 1, 1]])
    const source = [sourceRow(null, 5), sourceRow(null, 6)]
    await table.commit(action(table, { when: UPSERT, source }))
    expect((await table.rows(['value'])).flat().sort()).toEqual([1, 5, 6])
    const same = { on: 't.id <=> s.id', when: ['when matched then delete'], source: source.slice(1) }
    await table.commit(action(table, same))
    expect(await table.rows()).toEqual([])
    const both = action(table, { ...same, source })
    expect(await refusal(table.commit(both))).toMatchObject({ context: { key: '{"id":null}' } })
  })

  it.each([
    MERGE_ON_READ,
    COPY_ON_WRITE,
  ])('reads no data file without a key of the source: $mode', async kind => {
    const reads: string[] = []
    const { mode } = kind
    const table = await createTestTable({
      fields: FIELDS,
      formatVersion: 3,
      properties: { 'write.merge.mode': mode },
      layer: io => ({
        ...io,
        read: (location, options) => {
          if (location.endsWith('.parquet')) reads.push(location)
          return io.read(location, options)
        },
      }),
    })
    for (const first of [0, 10, 20]) {
      await table.append([0, 1, 2].map(at => cells(tableRow(BigInt(first + at), at))))
    }
    const before = (await table.tasks()).map(task => task.entry.file.location)
    reads.length = 0
    await table.commit(action(table, { when: UPSERT, source: [sourceRow(11n, 9), sourceRow(99n, 9)] }))
    expect(new Set(reads).size).toBe(1)
    const after = (await table.tasks()).map(task => task.entry.file.location)
    expect(after.filter(location => before.includes(location))).toHaveLength(mode === 'copy-on-write' ? 2 : 3)
  })

  it('drops files unread that hold no key of the source, if unmatched rows are deleted', async () => {
    const reads: string[] = []
    const table = await createTestTable({
      fields: FIELDS,
      formatVersion: 2,
      properties: { 'write.merge.mode': 'merge-on-read' },
      layer: io => ({
        ...io,
        read: (location, options) => {
          if (location.includes('/data/')) reads.push(location)
          return io.read(location, options)
        },
      }),
    })
    for (const first of [0, 10, 20]) {
      await table.append([0, 1, 2].map(at => cells(tableRow(BigInt(first + at), at))))
    }
    reads.length = 0
    let counts: MergeResult | undefined
    const when = ['when not matched by source then delete', 'when not matched then insert *']
    const onResult = (told: MergeResult): void => {
      counts = told
    }
    const source = [sourceRow(11n, 1), sourceRow(30n, 2)]
    await table.commit(action(table, { when, source }, { onResult }))
    expect(counts).toEqual({ insertedRows: 1, updatedRows: 0, deletedRows: 8 })
    expect(new Set(reads).size).toBe(1)
    expect(sorted(await table.rows(['id']))).toEqual(sorted([[11n], [30n]]))
    // Without rows of the source nothing matches.
    reads.length = 0
    await table.commit(action(table, { when: when.slice(0, 1), source: [] }))
    expect(reads.filter(location => !location.includes('delete'))).toHaveLength(1)
    expect(await table.rows()).toEqual([])
  })

  it('keeps what it wrote when another commit touches none of its files', async () => {
    const table = await tableOf(MERGE_ON_READ)
    await table.append([cells(tableRow(1n, 1))])
    const source = [sourceRow(1n, 5), sourceRow(2n, 6)]
    const written = new Set<string>()
    const upsert = action(table, { when: UPSERT, source })
    await commitRaced(
      table,
      async (base, attempt) => {
        const change = await upsert(base, attempt)
        if (change !== 'unchanged') {
          for (const location of change.written) if (location.endsWith('.parquet')) written.add(location)
        }
        return change
      },
      () => table.append([cells(tableRow(3n, 3))]),
    )
    expect(written.size).toBe(1)
    expect(sorted(await table.rows(['id', 'value']))).toEqual(
      sorted([
        [1n, 5],
        [2n, 6],
        [3n, 3],
      ]),
    )
  })

  it('of a row that another writer inserted meanwhile leaves one row, unless isolation is snapshot', async () => {
    for (const isolation of ['serializable', 'snapshot']) {
      const table = await tableOf(MERGE_ON_READ, { 'write.merge.isolation-level': isolation })
      await table.append([cells(tableRow(1n, 1))])
      const upsert = (value: number) => action(table, { when: UPSERT, source: [sourceRow(2n, value)] })
      await commitRaced(table, upsert(5), () => table.commit(upsert(6)))
      const rows = await table.rows(['id', 'value'])
      expect(sorted(rows)).toEqual(
        sorted(
          isolation === 'snapshot'
            ? [
                [1n, 1],
                [2n, 5],
                [2n, 6],
              ]
            : [
                [1n, 1],
                [2n, 5],
              ],
        ),
      )
    }
  })

  it('compares a large source by equal columns only', async () => {
    const table = await tableOf(MERGE_ON_READ)
    await table.append([cells(tableRow(1n, 1))])
    const source = Array.from({ length: 1_001 }, (_, at) => sourceRow(BigInt(at), at))
    const on = 't.id < s.id'
    const when = ['when not matched then insert *']
    expect(await refusal(table.commit(action(table, { on, when, source })))).toMatchObject({
      kind: 'unsupported',
    })
    await table.commit(action(table, { on: '1 = 0', when, source }))
    expect(await table.rows(['id'])).toHaveLength(1_002)
  })

  it('finds rows by keys of other types, both zeros and all', async () => {
    const fields: readonly Field[] = [
      { id: 1, name: 'small', required: false, type: { kind: 'int' } },
      { id: 2, name: 'ratio', required: false, type: { kind: 'double' } },
    ]
    const table = await createTestTable({ fields, properties: { 'write.merge.mode': 'merge-on-read' } })
    await table.append([
      [1, 0],
      [2, -0],
      [3, Number.NaN],
    ])
    const source = batchOf(
      [
        { id: 1, name: 'big', required: false, type: { kind: 'long' } },
        { id: 2, name: 'ratio', required: false, type: { kind: 'float' } },
      ],
      [
        [1n, -0],
        [2n, 0],
        [3n, Number.NaN],
        [(1n << 32n) + 1n, 0],
      ],
    )
    const merging = (on: string) => {
      const request = { on: parseScalar(on), clauses: parseMergeClauses('when matched then delete') }
      return mergeRowsAction(table.io, { source, request }, { runtime: table.runtime })
    }
    await table.commit(merging('t.small = s.big and t.small = 2'))
    expect(await table.rows(['small'])).toEqual([[1], [3]])
    await table.commit(merging('t.small = s.big and t.ratio = s.ratio'))
    expect(await table.rows()).toEqual([])
  })

  it('that cannot be computed leaves the table and its folder as they were, and names the row of the source', async () => {
    for (const kind of [MERGE_ON_READ, COPY_ON_WRITE]) {
      const table = await tableOf(kind)
      await table.append([1n, 2n, 3n].map(id => cells(tableRow(id, 1))))
      const before = await table.dataFiles()
      const source = [sourceRow(9n, 4), sourceRow(1n, 1), sourceRow(2n, 0)]
      const updating = { when: ['when matched then update set value = 1 % s.value'], source }
      expect(await refusal(table.commit(action(table, updating)))).toMatchObject({
        kind: 'invalid-argument',
        context: { row: 2 },
      })
      const inserting = {
        when: [
          'when matched then delete',
          'when not matched then insert (id, value) values (s.id, 1 / (s.value - 4))',
        ],
        source,
      }
      expect(await refusal(table.commit(action(table, inserting)))).toMatchObject({
        kind: 'invalid-argument',
        context: { row: 0 },
      })
      expect(await table.dataFiles()).toEqual(before)
    }
  })

  it('changes nothing where no clause acts', async () => {
    const table = await tableOf(MERGE_ON_READ)
    await table.append([cells(tableRow(1n, 1))])
    const idle = action(table, { when: ['when matched and false then delete'], source: [sourceRow(1n, 1)] })
    expect((await table.commit(idle)).changed).toEqual([false])
  })
})
