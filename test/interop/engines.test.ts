/**
 * Other engines and serac on the same tables: PyIceberg opens the lake folder's catalog, DuckDB the metadata file,
 * and both answer as serac does; PyIceberg writes, and serac goes on from there.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import {
  askAll,
  type JudgeAnswer,
  type JudgeName,
  type JudgeRequest,
  judgeIsHere,
  sortedRows,
} from '../judges/judge.js'
import { type CanonicalRows, canonicalRows } from '../support/canonical.js'
import { everyColumn, everyRow } from '../support/every-column.js'
import { makeGallery, QUESTIONS, type Question, tableOf } from './engine-gallery.js'

const JUDGES = (['pyiceberg', 'duckdb'] as const).filter(judgeIsHere)
type TableJudge = (typeof JUDGES)[number]

let cwd: string
let lake: Lake
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-engines-'))
  lake = await connect({ baseFolder: cwd, fsync: false })
})
afterAll(async () => {
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

/** What PyIceberg is told to open the catalog of the lake's folder. */
function catalogOptions(): readonly string[] {
  const folder = join(cwd, 'lake')
  return ['-p', 'type=sql', '-p', `uri=sqlite:///${folder}/catalog.db`, '-p', `warehouse=file://${folder}`]
}

/** What an engine writes and reads of a table, in turn; a refusal fails the test. */
async function tell(judge: JudgeName, requests: readonly JudgeRequest[]): Promise<readonly JudgeAnswer[]> {
  const answers = await askAll(judge, requests)
  const refused = answers.find(answer => answer.error !== undefined)
  if (refused !== undefined) throw new Error(`${judge} refused: ${refused.error} ${refused.message}`)
  return answers
}

const onTable = (verb: string, table: string, input?: unknown): JudgeRequest => ({
  args: [verb, table, ...(input === undefined ? [] : ['-']), ...catalogOptions()],
  input,
})

describe.skipIf(JUDGES.length === 0)('tables that serac wrote', () => {
  const answers = new Map<JudgeName, readonly (JudgeAnswer | undefined)[]>()

  beforeAll(async () => {
    await makeGallery(cwd)
    await Promise.all(JUDGES.map(async judge => answers.set(judge, await askQuestions(judge))))
  })

  it.each(
    QUESTIONS.map((question, index) => ({ ...question, index })),
  )('read alike: $title', async question => {
    const own = await ownAnswer(question)
    if (question.count !== undefined) expect(own.rows).toHaveLength(question.count)
    for (const judge of JUDGES) {
      const answer = answers.get(judge)?.[question.index]
      if (answer === undefined) continue
      const wanted = judge === 'pyiceberg' ? asPyIcebergSeesThem(own) : own.rows
      expect(sortedRows(answer), judge).toEqual(wanted)
      expect(answer.fields, judge).toEqual(own.fields)
    }
  })
})

describe.skipIf(!judgeIsHere('pyiceberg'))('tables that PyIceberg writes', () => {
  it('are read with every type', async () => {
    // The judge cannot make pyarrow's uuid inside of lists.
    const own = await lake.createTable(
      'mixed.own',
      everyColumn(2).replace('struct<u:uuid', 'struct<u:string'),
    )
    await own.append(everyRow(2))
    const { fields, rows } = await canonicalRows(own.scan())
    const schema = await schemaJson(own)
    await tell('pyiceberg', [
      onTable('create', 'mixed.theirs', { schema, format_version: 2 }),
      onTable('append', 'mixed.theirs', { rows: rows.map(row => JSON.parse(row)) }),
    ])
    const theirs = await canonicalRows(lake.table('mixed.theirs').scan())
    expect(theirs).toEqual({ fields, rows: asPyIcebergSeesThem({ fields, rows }) })
  })

  it('are read in every state of their history, through renames, promotions and new columns', async () => {
    const name = 'mixed.evolved'
    const rows = (from: number, more: Record<string, unknown> = {}): unknown[] =>
      Array.from({ length: 5 }, (_, index) => ({ id: from + index, n: index, ...more }))
    const answers = await tell('pyiceberg', [
      onTable('create', name, {
        schema: await schemaOf('id bigint not null, n int, s string'),
        format_version: 2,
      }),
      onTable('append', name, { rows: rows(0, { s: 'first' }) }),
      onTable('alter', name, {
        actions: [
          ['promote_column', 'n', 'long'],
          ['rename_column', 's', 'text'],
          ['add_column', 'more', 'double'],
          ['add_partition', 'id', 'bucket[3]', 'id_bucket'],
        ],
      }),
      onTable('append', name, { rows: rows(5, { text: 'second', more: 0.5 }) }),
      onTable('alter', name, { actions: [['delete_column', 'more']] }),
      onTable('delete', name, { filter: 'id = 3' }),
      onTable('upsert', name, {
        rows: [
          { id: '7', n: '70', text: 'third' },
          { id: '50', n: '1' },
        ],
        join: ['id'],
      }),
      onTable('overwrite', name, { rows: [{ id: '0', n: '1' }], filter: 'id = 0' }),
      onTable('read', name),
    ])
    const table = lake.table(name)
    const snapshots = await table.snapshots()
    expect(snapshots.length).toBeGreaterThanOrEqual(6)
    expect((await canonicalRows(table.scan())).rows).toEqual(sortedRows(answers.at(-1)!))
    const past = await tell(
      'pyiceberg',
      snapshots.map(({ snapshotId }) => ({
        args: ['read', name, ...catalogOptions(), '--snapshot', String(snapshotId)],
      })),
    )
    for (const [index, { snapshotId }] of snapshots.entries()) {
      const own = await canonicalRows(table.at(snapshotId).scan())
      expect(own.rows).toEqual(sortedRows(past[index]!))
      expect(own.fields).toEqual(past[index]?.fields)
    }
  })

  it('are appended to, upserted and deleted from by serac, where they are merge-on-read', async () => {
    const name = 'mixed.shared'
    const properties = {
      'write.delete.mode': 'merge-on-read',
      'write.update.mode': 'merge-on-read',
      'write.merge.mode': 'merge-on-read',
    }
    const schema = await schemaOf('id bigint not null, v string, day date')
    const row = (id: number, v: string): Record<string, unknown> => ({
      id: String(id),
      v,
      day: `2024-01-0${(id % 5) + 1}`,
    })
    await tell('pyiceberg', [
      onTable('create', name, { schema, properties, partition_spec: dayPartition(schema) }),
      onTable('append', name, { rows: [1, 2, 3, 4, 5, 6].map(id => row(id, 'theirs')) }),
    ])
    const table = lake.table(name)
    await table.append([row(7, 'ours'), row(8, 'ours')])
    await table.upsert([row(2, 'upserted'), { id: 4, v: 'moved', day: null }, row(9, 'upserted')], {
      keys: ['id'],
    })
    await table.delete("id = 5 or v = 'nothing'")
    const [after] = await tell('pyiceberg', [
      onTable('append', name, { rows: [row(10, 'theirs again')] }),
      onTable('read', name),
    ]).then(answers => answers.slice(-1))
    const own = await canonicalRows(table.scan())
    expect(own.rows).toEqual(sortedRows(after!))
    expect(own.rows).toHaveLength(9)
    expect(own.rows).toContain('["4","moved",null]')
  })
})

describe.skipIf(!judgeIsHere('pyiceberg'))('a table that serac and PyIceberg write in turn', () => {
  it('loses nothing of either', async () => {
    const name = 'mixed.turns'
    const table = await lake.createTable(name, 'id bigint not null, v string', {
      keys: ['id'],
      partitionBy: ['bucket(2, id)'],
    })
    await table.append([1, 2, 3, 4].map(id => ({ id, v: 'serac' })))
    await tell('pyiceberg', [
      onTable('append', name, {
        rows: [
          { id: '5', v: 'pyiceberg' },
          { id: '6', v: 'pyiceberg' },
        ],
      }),
      onTable('delete', name, { filter: 'id = 1' }),
    ])
    await table.upsert([
      { id: 5, v: 'upserted' },
      { id: 1, v: 'back' },
      { id: 2, v: 'upserted' },
    ])
    await table.delete('id = 6')
    const [answer] = await tell('pyiceberg', [onTable('read', name)])
    const wanted = [
      ['1', 'back'],
      ['2', 'upserted'],
      ['3', 'serac'],
      ['4', 'serac'],
      ['5', 'upserted'],
    ].map(row => JSON.stringify(row))
    expect((await canonicalRows(table.scan())).rows).toEqual(wanted)
    expect(sortedRows(answer!)).toEqual(wanted)
  })
})

/** The schema of a table as its metadata file states it. */
async function schemaJson(table: Table): Promise<SchemaJson> {
  const { metadataLocation } = await table.load()
  const { schemas } = JSON.parse(await readFile(metadataLocation.replace('file://', ''), 'utf8'))
  return schemas.at(-1)
}

interface SchemaJson {
  readonly fields: readonly { readonly id: number; readonly name: string }[]
}

/** The schema that DDL means, as the judge takes it. */
async function schemaOf(ddl: string): Promise<SchemaJson> {
  const name = `scratch.${randomUUID()}`
  const schema = await schemaJson(await lake.createTable(name, ddl))
  await lake.dropTable(name)
  return schema
}

function dayPartition(schema: SchemaJson): unknown {
  const source = schema.fields.find(field => field.name === 'day')
  return {
    'spec-id': 0,
    fields: [{ 'source-id': source?.id, 'field-id': 1000, name: 'day', transform: 'identity' }],
  }
}

async function ownAnswer(question: Question): Promise<CanonicalRows> {
  const asOf = await snapshotOf(question)
  return canonicalRows(tableOf(lake, question).scan({ where: question.filter?.serac, asOf }))
}

async function snapshotOf(question: Question): Promise<bigint | undefined> {
  if (question.snapshot === undefined) return undefined
  return (await tableOf(lake, question).snapshots())[question.snapshot]?.snapshotId
}

async function askQuestions(judge: TableJudge): Promise<readonly (JudgeAnswer | undefined)[]> {
  const requests = await Promise.all(QUESTIONS.map(question => requestFor(judge, question)))
  const given = await askAll(
    judge,
    requests.filter(request => request !== undefined),
  )
  let next = 0
  return requests.map(request => (request === undefined ? undefined : given[next++]))
}

/** Undefined where the question cannot be put to the engine. */
async function requestFor(judge: TableJudge, question: Question): Promise<JudgeRequest | undefined> {
  if (question.only !== undefined && question.only !== judge) return undefined
  if (question.filter !== undefined && question.filter[judge] === undefined) return undefined
  const table = tableOf(lake, question)
  const asOf = await snapshotOf(question)
  const snapshot = asOf === undefined ? [] : ['--snapshot', String(asOf)]
  const filter = question.filter?.[judge]
  if (judge === 'pyiceberg') {
    const words = filter === undefined ? [] : ['--filter', filter]
    return { args: ['read', table.name, ...catalogOptions(), ...snapshot, ...words] }
  }
  const words = filter === undefined ? [] : ['--where', filter]
  return { args: ['read', (await table.load()).metadataLocation, ...snapshot, ...words] }
}

/** PyIceberg builds maps of nested values anew and loses their nulls on the way: they come back empty. */
function asPyIcebergSeesThem({ fields, rows }: CanonicalRows): readonly string[] {
  const index = fields.indexOf('by_number')
  if (index < 0) return rows
  return rows.map(row => {
    const cells = JSON.parse(row) as unknown[]
    cells[index] ??= []
    return JSON.stringify(cells)
  })
}
