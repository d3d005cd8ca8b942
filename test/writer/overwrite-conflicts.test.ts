/**
 * The conflict table, cell by cell: an operation begins, somebody else commits, and what becomes of the operation is what
 * the table says. Commits are real and race on one catalog; rows are compared with those of a model.
 */
import { describe, expect, it } from 'vitest'
import { batchOf } from '../../src/batch/vector-builder.js'
import { commitTables } from '../../src/commit/commit-loop.js'
import { openParquetWriter } from '../../src/format/parquet/write.js'
import { openLake, type Table } from '../../src/index.js'
import type { EqualityDeleteFile } from '../../src/manifest/content-file.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import type { IsolationLevel } from '../../src/metadata/properties.js'
import type { Field } from '../../src/schema/types.js'
import {
  CONFLICTS,
  type ConcurrentChange,
  type ConflictOperation,
  type Verdict,
} from '../../src/snapshot/validate.js'
import { snapshotChanges } from '../../src/writer/snapshot-change.js'
import { createTestTable, orphans, racingCatalog, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'int' } },
  { id: 3, name: 'value', required: false, type: { kind: 'int' } },
]
const BY_PART = [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }] as const

type Row = Readonly<Record<'id' | 'part' | 'value', number>>
type Rows = readonly Row[]

const row = (id: number, part: number, value: number): Row => ({ id, part, value })
/** Two commits: they make two files in the part that operations are about, and one in another. */
const FILES: readonly Rows[] = [
  [row(1, 1, 1), row(2, 1, 2), row(11, 2, 1), row(12, 2, 2)],
  [row(3, 1, 3), row(4, 1, 4)],
]

interface Effect {
  run(table: Table): Promise<unknown>
  /** What it makes of rows. */
  of(rows: Rows): Rows
}
interface Operation extends Effect {
  /** Before anybody else commits. */
  prepare?(table: Table): Promise<unknown>
  /** As `run`, held to a snapshot. */
  based?(table: Table, basedOn: bigint): Promise<unknown>
}

const without = (rows: Rows, gone: (each: Row) => boolean): Rows => rows.filter(each => !gone(each))
const GIVEN = [{ ...row(200, 1, 9) }]
const KEYED = [{ ...row(2, 1, 77) }, { ...row(50, 1, 5) }]
const replacePart = (rows: Rows): Rows => [...without(rows, ({ part }) => part === 1), ...GIVEN]
const replaceKeys = (rows: Rows): Rows => [
  ...without(rows, ({ id }) => KEYED.some(given => given.id === id)),
  ...KEYED,
]

const OPERATIONS: Readonly<Record<ConflictOperation, Operation>> = {
  append: { run: table => table.append(GIVEN), of: rows => [...rows, ...GIVEN] },
  'overwrite-filter': {
    run: table => table.overwrite(GIVEN, { where: 'part = 1' }),
    based: (table, basedOn) => table.overwrite(GIVEN, { where: 'part = 1', basedOn }),
    of: replacePart,
  },
  'overwrite-partitions': {
    run: table => table.overwrite(GIVEN, { partitions: true }),
    based: (table, basedOn) => table.overwrite(GIVEN, { partitions: true, basedOn }),
    of: replacePart,
  },
  delete: {
    run: table => table.delete('part = 1 and value % 2 = 1'),
    based: (table, basedOn) => table.delete('part = 1 and value % 2 = 1', { basedOn }),
    of: rows => without(rows, ({ part, value }) => part === 1 && value % 2 === 1),
  },
  update: {
    run: table => table.update({ set: 'value = value + 100', where: 'part = 1' }),
    based: (table, basedOn) => table.update({ set: 'value = value + 100', where: 'part = 1' }, { basedOn }),
    of: rows => rows.map(each => (each.part === 1 ? { ...each, value: each.value + 100 } : each)),
  },
  merge: {
    run: table => table.merge(KEYED, { keys: ['id'] }),
    based: (table, basedOn) => table.merge(KEYED, { keys: ['id'], basedOn }),
    of: replaceKeys,
  },
  upsert: {
    run: table => table.upsert(KEYED, { keys: ['id'] }),
    based: (table, basedOn) => table.upsert(KEYED, { keys: ['id'], basedOn }),
    of: replaceKeys,
  },
  rewrite: { run: table => table.compact({ rewriteAll: true }), of: rows => rows },
  'cherry-pick': {
    prepare: table => table.overwrite(GIVEN, { partitions: true, wapId: 'staged' }),
    run: table => table.publish('staged'),
    of: replacePart,
  },
}

const CHANGES: Readonly<Record<ConcurrentChange, Effect>> = {
  // The id is one of the keys that merge and upsert write.
  'data-added': { run: table => table.append([row(50, 1, 1)]), of: rows => [...rows, row(50, 1, 1)] },
  'data-removed': {
    run: table => table.delete('part = 1 and id <= 2'),
    of: rows => without(rows, ({ id }) => id <= 2),
  },
  'rows-deleted': {
    async run(table) {
      await table.alter("set tblproperties ('write.delete.mode' = 'merge-on-read')")
      await table.delete('id = 2')
    },
    of: rows => without(rows, ({ id }) => id === 2),
  },
  'equality-deletes': {
    run: table => deleteByEquality(table, 2n),
    of: rows => without(rows, ({ id }) => id === 2),
  },
  rewritten: { run: table => table.compact({ rewriteAll: true }), of: rows => rows },
  'schema-changed': { run: table => table.alter('alter column value set not null'), of: rows => rows },
  'spec-changed': { run: table => table.alter('add partition field bucket(4, id)'), of: rows => rows },
}

/** As another engine does it. */
async function deleteByEquality(table: Table, id: bigint): Promise<void> {
  const { io, catalog, runtime } = contexts.get(table.identifier.name)!
  const location = `memory://lake/ns/t/data/equality-${id}.parquet`
  const fields = [FIELDS[0]!]
  const writer = await openParquetWriter(io, location, { fields, codec: 'zstd' })
  await writer.write(batchOf(fields, [[id]]))
  const { sizeBytes } = await writer.close()
  const file: EqualityDeleteFile = {
    content: 'equality-deletes',
    location,
    format: 'parquet',
    specId: 0,
    partition: [1],
    recordCount: 1,
    fileSizeBytes: sizeBytes,
    equalityFieldIds: [1],
  }
  const changes = { addedDataFiles: [], addedDeleteFiles: [file], removedFiles: [] }
  const snapshots = snapshotChanges(io, { runtime })
  await commitTables(
    catalog,
    [
      {
        identifier: table.identifier,
        action: (base, attempt) => snapshots.produce(base, attempt, { changes, written: [location] }),
      },
    ],
    { io, runtime },
  )
}

/** The table under test by the name of its handle, for what no handle does. */
const contexts = new Map<string, TestTable>()

interface World {
  readonly table: TestTable
  /** The handle of somebody else. */
  readonly other: Table
}

let made = 0
async function createWorld(isolation: IsolationLevel): Promise<World> {
  const kind = made++
  const mode = kind % 2 === 0 ? 'merge-on-read' : 'copy-on-write'
  const formatVersion = kind % 4 < 2 ? 2 : 3
  const properties = {
    'write.wap.enabled': 'true',
    ...Object.fromEntries(
      ['delete', 'update', 'merge'].flatMap(name => [
        [`write.${name}.mode`, mode],
        [`write.${name}.isolation-level`, isolation],
      ]),
    ),
  }
  const table = await createTestTable({ fields: FIELDS, formatVersion, partitionFields: BY_PART, properties })
  contexts.set('t', table)
  for (const rows of FILES) await table.append(rows.map(({ id, part, value }) => [BigInt(id), part, value]))
  return { table, other: handleOf(table) }
}

function handleOf({ io, runtime, identifier }: TestTable, catalog = contexts.get('t')!.catalog): Table {
  return openLake({ catalog, io, runtime }).table(identifier)
}

const texts = (rows: Rows): readonly string[] =>
  rows.map(({ id, part, value }) => `${id} ${part} ${value}`).sort()

async function rowsOf(table: TestTable): Promise<readonly string[]> {
  return (await table.rows(['id', 'part', 'value'])).map(values => values.join(' ')).sort()
}

interface Outcome {
  readonly refused: { readonly kind?: string; readonly context?: { readonly rule?: string } } | undefined
  readonly rows: readonly string[]
  readonly lost: number
  readonly orphans: readonly string[]
}

async function outcomeOf(
  operation: Operation,
  change: Effect,
  options: { readonly isolation: IsolationLevel; readonly isBased: boolean },
): Promise<Outcome> {
  const { table, other } = await createWorld(options.isolation)
  const basedOn = currentSnapshot((await table.load()).metadata)!.snapshotId
  await operation.prepare?.(other)
  const mine = handleOf(
    table,
    racingCatalog(table, () => change.run(other)),
  )
  let refused: Outcome['refused']
  let lost = 0
  try {
    const based = operation.based
    const report = options.isBased && based ? await based(mine, basedOn) : await operation.run(mine)
    lost = (report as { groups?: { lost: number } }).groups?.lost ?? 0
  } catch (error) {
    refused = error as Outcome['refused']
  }
  const left = (await orphans(table)).filter(location => !location.includes('/equality-'))
  return { refused, rows: await rowsOf(table), lost, orphans: left }
}

const START: Rows = FILES.flat()

function check(name: string, verdict: Verdict, outcome: Outcome, effects: [Operation, Effect]): void {
  const [operation, change] = effects
  const isRewrite = name === 'rewrite'
  if (verdict === 'conflict') {
    if (isRewrite) expect(outcome.lost).toBeGreaterThan(0)
    else expect(outcome.refused).toMatchObject({ kind: 'conflict' })
    expect(outcome.rows).toEqual(texts(change.of(START)))
    return
  }
  if (outcome.refused !== undefined) throw outcome.refused
  expect(outcome.lost).toBe(0)
  const after = texts(operation.of(change.of(START)))
  // What is ignored may as well have come later.
  const before = texts(change.of(operation.of(START)))
  if (verdict === 'ignore') expect([after, before]).toContainEqual(outcome.rows)
  else expect(outcome.rows).toEqual(after)
}

const operations = Object.keys(OPERATIONS) as ConflictOperation[]
const changes = Object.keys(CHANGES) as ConcurrentChange[]
const ISOLATIONS: readonly IsolationLevel[] = ['serializable', 'snapshot']

describe.each(operations)('%s against a concurrent commit', name => {
  const operation = OPERATIONS[name]
  const bases = (['moving', 'based'] as const).filter(base => CONFLICTS[name][base] !== undefined)
  for (const base of bases) {
    for (const [index, change] of changes.entries()) {
      const rule = CONFLICTS[name][base]![change]
      // Where isolation makes no difference one of them is tried.
      const isSame = rule.serializable === rule.snapshot
      for (const isolation of isSame ? [ISOLATIONS[index % 2]!] : ISOLATIONS) {
        const verdict = rule[isolation]
        it(`${base}, ${isolation}: ${change} is ${verdict}`, async () => {
          const isBased = base === 'based'
          const outcome = await outcomeOf(operation, CHANGES[change], { isolation, isBased })
          check(name, verdict, outcome, [operation, CHANGES[change]])
          expect(outcome.orphans).toEqual([])
        })
      }
    }
  }
})

describe('a change of another partition', () => {
  const ELSEWHERE: Readonly<Record<string, Effect>> = {
    'data-added': { run: table => table.append([row(60, 2, 1)]), of: rows => [...rows, row(60, 2, 1)] },
    'data-removed': {
      run: table => table.delete('part = 2'),
      of: rows => without(rows, ({ part }) => part === 2),
    },
    'rows-deleted': {
      run: table => table.delete('id = 12'),
      of: rows => without(rows, ({ id }) => id === 12),
    },
  }
  const based = operations.filter(name => OPERATIONS[name].based !== undefined)
  it.each(
    based.flatMap(name => Object.keys(ELSEWHERE).map(change => [name, change] as const)),
  )('is no conflict to %s: %s', async (name, change) => {
    const operation = OPERATIONS[name]
    const effect = ELSEWHERE[change]!
    const outcome = await outcomeOf(operation, effect, { isolation: 'serializable', isBased: true })
    if (outcome.refused !== undefined) throw outcome.refused
    expect(outcome.rows).toEqual(texts(operation.of(effect.of(START))))
  })
})

describe('a conflict', () => {
  it('names rule, snapshot, files and partition', async () => {
    const { refused } = await outcomeOf(OPERATIONS['overwrite-partitions'], CHANGES['data-added'], {
      isolation: 'serializable',
      isBased: false,
    })
    expect(refused).toMatchObject({
      kind: 'conflict',
      context: {
        rule: 'overwrite-partitions, data-added',
        isolation: 'serializable',
        snapshotId: expect.anything(),
        files: [expect.stringContaining('/data/')],
        fileCount: 1,
        partition: 'part=1',
      },
    })
  })
})
