/**
 * Tables on which serac did everything that changes rows (operations.ts), read by other engines: every snapshot has
 * the rows of the model, and Spark's metadata tables and row lineage are serac's.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import {
  type JudgeAnswer,
  type JudgeName,
  type JudgeSession,
  judgeIsHere,
  openJudge,
  sortedRows,
  sparkCatalog,
} from '../judges/judge.js'
import { type CanonicalRows, canonicalInspection, canonicalRows } from '../support/canonical.js'
import {
  fateOf,
  modelRows,
  type Recorded,
  type Row,
  STORIES,
  type State,
  type Told,
  tell,
} from './operations.js'

const JUDGES = (['spark', 'pyiceberg', 'duckdb'] as const).filter(judgeIsHere)
const READERS = JUDGES.filter(judge => judge !== 'spark')
const METADATA_TABLES = [
  'files',
  'manifests',
  'partitions',
  'snapshots',
  'history',
  'refs',
  'metadata_log_entries',
  'all_files',
]
/** Those that are compared for each snapshot. */
const OF_SNAPSHOTS = ['entries', 'position_deletes']
const LINEAGE = ['_row_id', '_last_updated_sequence_number']

let cwd: string
let lake: Lake
const told: Told[] = []
const sessions = new Map<JudgeName, JudgeSession>()

beforeAll(async () => {
  for (const judge of JUDGES) sessions.set(judge, openJudge(judge))
  cwd = await mkdtemp(join(tmpdir(), 'serac-operations-'))
  lake = await connect({ baseFolder: cwd, fsync: false })
  for (const story of STORIES)
    for (const variant of story.variants) told.push(await tell(lake, story, variant))
}, 300_000)
afterAll(async () => {
  await Promise.all([...sessions.values()].map(session => session.close()))
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

const TITLES = STORIES.flatMap(story => story.variants.map(variant => `${story.name}: ${variant.title}`))
const toldAs = (title: string): Told => {
  const found = told.find(each => each.title === title)
  if (found === undefined) throw new Error(`no table for ${title}`)
  return found
}

const catalog = (): readonly string[] => sparkCatalog(join(cwd, 'lake'))

function tellSpark(args: readonly string[]): Promise<JudgeAnswer> {
  const spark = sessions.get('spark')
  if (spark === undefined) throw new Error('Spark was not started')
  return spark.tell([...args, ...catalog()])
}

async function readBy(judge: JudgeName, { table }: Told, { snapshotId }: Recorded): Promise<JudgeAnswer> {
  const session = sessions.get(judge)
  if (session === undefined) throw new Error(`${judge} was not started`)
  const { metadataLocation } = await table.load()
  return session.ask(['read', metadataLocation, '--snapshot', String(snapshotId)])
}

const linesOf = (answer: JudgeAnswer): CanonicalRows => ({
  fields: answer.fields ?? [],
  rows: sortedRows(answer),
})

describe.each(TITLES)('%s', { timeout: 180_000 }, title => {
  it('has the rows of the model after each step, for serac', async () => {
    const { table, recorded } = toldAs(title)
    for (const { title: step, snapshotId, state } of recorded) {
      const own = await canonicalRows(table.scan({ asOf: snapshotId }))
      expect(own.rows, step).toEqual(modelRows(state))
      expect(own.fields, step).toEqual(state.columns.map(column => column.name))
    }
  })

  it.each(READERS)('has them for %s', async judge => {
    const one = toldAs(title)
    const answers = await Promise.all(one.recorded.map(step => readBy(judge, one, step)))
    for (const [index, { title: step, state }] of one.recorded.entries()) {
      const answer = linesOf(answers[index] as JudgeAnswer)
      expect(answer.rows, step).toEqual(modelRows(state))
      expect(answer.fields, step).toEqual(state.columns.map(column => column.name))
    }
  })

  it.skipIf(!judgeIsHere('spark'))('has them for spark, and in version 3 their lineage', async () => {
    const { table, recorded } = toldAs(title)
    for (const { title: step, snapshotId, hasLineage, state } of recorded) {
      const lineage = hasLineage ? LINEAGE : []
      const select = [...state.columns.map(column => column.name), ...lineage]
      const at = ['--snapshot', String(snapshotId), '--columns', ['*', ...lineage].join(',')]
      const theirs = await tellSpark(['read', table.name, ...at])
      expect(linesOf(theirs), step).toEqual(await canonicalRows(table.scan({ asOf: snapshotId, select })))
    }
  })

  it.skipIf(!judgeIsHere('spark')).each(METADATA_TABLES)('has the metadata table %s of Spark', async name => {
    const { table } = toldAs(title)
    const theirs = await tellSpark(['read', `${table.name}.${name}`])
    expect(linesOf(theirs)).toEqual(await canonicalInspection(table.inspect(name)))
  })

  it.skipIf(!judgeIsHere('spark')).each(title.includes('not partitioned') ? [] : OF_SNAPSHOTS)(
    'has %s of Spark after each step',
    async name => {
      const { table, recorded } = toldAs(title)
      for (const { title: step, snapshotId } of recorded) {
        const theirs = await tellSpark(['read', `${table.name}.${name}`, '--snapshot', String(snapshotId)])
        const own = await canonicalInspection(table.inspect(name, { asOf: snapshotId }))
        expect(linesOf(theirs), step).toEqual(own)
      }
    },
  )

  it('has a lineage that follows the rows', async () => {
    const { table, recorded } = toldAs(title)
    const before = new Map<string, Lineage>()
    for (const { title: step, ref, snapshotId, hasLineage, state } of recorded) {
      if (!hasLineage) continue
      const now = await lineageOf(table, snapshotId, state)
      expect(new Set([...now.values()].map(row => row.rowId)).size, step).toBe(state.rows.length)
      for (const [id, { rowId, sequence, row }] of now) {
        const earlier = (before.get(ref) ?? before.get('main'))?.get(id)
        if (earlier === undefined) continue
        const fate = fateOf(earlier.row, row)
        expect(rowId === earlier.rowId, `${step}: row ${id} was ${fate}`).toBe(fate !== 'replaced')
        const isUntouched = fate === 'same' || fate === 'renamed'
        expect(sequence === earlier.sequence, `${step}: row ${id} was ${fate}`).toBe(isUntouched)
      }
      before.set(ref, now)
    }
  })
})

/** Spark makes changelogs of tables without delete files. */
const COPIED = TITLES.filter(title => title.startsWith('rows: ') && title.includes('copy-on-write'))

describe.skipIf(!judgeIsHere('spark')).each(COPIED)('%s: the changelog', { timeout: 180_000 }, title => {
  const CHANGELOGS = [
    { keys: undefined, mode: 'raw' },
    { keys: ['id'], mode: 'updates' },
  ] as const

  it.each(CHANGELOGS)('with keys $keys is Spark’s', async ({ keys, mode }) => {
    const { table } = toldAs(title)
    const words = keys === undefined ? [] : ['--keys', keys.join(',')]
    const theirs = await tellSpark(['changes', table.name, ...words])
    expect(linesOf(theirs)).toEqual(await canonicalInspection(table.changes({ keys, mode })))
  })
})

/** By the id of the row. */
type Lineage = ReadonlyMap<string, { readonly rowId: unknown; readonly sequence: unknown; readonly row: Row }>

async function lineageOf(table: Table, asOf: bigint, { rows }: State): Promise<Lineage> {
  const byId = new Map(rows.map(row => [String(row.id), row]))
  const found = new Map<string, { rowId: unknown; sequence: unknown; row: Row }>()
  for await (const each of table.scan({ asOf, select: ['id', ...LINEAGE] }).rows()) {
    const id = String(each.id)
    const row = byId.get(id)
    if (row === undefined) throw new Error(`the model has no row ${id}`)
    found.set(id, { rowId: each._row_id, sequence: each._last_updated_sequence_number, row })
  }
  return found
}
