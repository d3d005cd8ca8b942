/**
 * Spark and serac on one table in turn, through the same catalog: Spark inserts, updates, merges, deletes, overwrites,
 * compacts, evolves and expires what serac wrote, serac goes on from there, and both have the rows of one model after
 * each turn, the same metadata tables and the same row lineage.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import {
  type JudgeAnswer,
  type JudgeSession,
  judgeIsHere,
  openJudge,
  sortedRows,
  sparkCatalog,
} from '../judges/judge.js'
import { type CanonicalRows, canonicalInspection, canonicalRows } from '../support/canonical.js'
import {
  adding,
  all,
  type Column,
  createVariant,
  type Edit,
  input,
  keeping,
  modelRows,
  number,
  overwriting,
  type Row,
  removing,
  replacing,
  rowsFrom,
  START,
  type State,
  setting,
  VARIANTS,
  type Variant,
} from './operations.js'

/** One engine's turn: Spark's in SQL ({t} the table, {c} the catalog, {n} the name in it), or a call of serac's. */
interface Turn {
  readonly title: string
  readonly spark?: readonly string[]
  readonly serac?: (table: Table) => Promise<unknown>
  readonly edit: Edit | { readonly of: (variant: Variant) => Edit }
  /** What is read; default main. */
  readonly branch?: string
}

const merged: readonly Row[] = [
  { id: 2, region: 'eu', n: 20, note: 'merged' },
  { id: 11, region: null, n: null, note: 'merged' },
  { id: 200, region: 'us', n: 1, note: 'merged' },
]
const sqlRow = ({ id, region, n, note }: Row): string => {
  const text = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : `${value}`)
  return `(${id}L, ${text(region ?? null)}, ${n}, ${text(note ?? null)})`
}
const values = (rows: readonly Row[]): string => rows.map(sqlRow).join(', ')
const source = (rows: readonly Row[]): string =>
  `(SELECT col1 AS id, CAST(col2 AS string) AS region, CAST(col3 AS int) AS n, col4 AS note FROM VALUES ${values(rows)})`
const overwritten: readonly Row[] = [
  { id: 21, region: 'eu', n: 1, note: 'overwritten' },
  { id: 300, region: 'new', n: 1, note: 'overwritten' },
]
const scored: readonly Column[] = [...START.columns, { name: 'score', type: 'double' }]

const TURNS: readonly Turn[] = [
  {
    title: 'serac appends',
    serac: table => table.append(input(rowsFrom(0, 30, 'first'))),
    edit: adding(rowsFrom(0, 30, 'first')),
  },
  {
    title: 'serac deletes',
    serac: table => table.delete('n = 3'),
    edit: removing(row => row.n === 3),
  },
  {
    title: 'Spark inserts',
    spark: [`INSERT INTO {t} VALUES ${values(rowsFrom(30, 40, 'spark'))}`],
    edit: adding(rowsFrom(30, 40, 'spark')),
  },
  {
    title: 'Spark updates',
    spark: ["UPDATE {t} SET n = n + 100, region = 'far' WHERE id % 5 = 1"],
    edit: setting(
      row => number(row, 'id') % 5 === 1,
      row => ({ n: row.n === null ? null : number(row, 'n') + 100, region: 'far' }),
    ),
  },
  {
    title: 'serac upserts rows of both',
    serac: table => table.upsert(input(rowsFrom(28, 33, 'ours'))),
    edit: replacing(rowsFrom(28, 33, 'ours')),
  },
  {
    title: 'Spark merges',
    spark: [
      `MERGE INTO {t} t USING ${source(merged)} s ON t.id = s.id
       WHEN MATCHED AND s.id = 11 THEN DELETE
       WHEN MATCHED THEN UPDATE SET *
       WHEN NOT MATCHED THEN INSERT *`,
    ],
    edit: all([replacing(merged), removing(row => row.id === 11)]),
  },
  {
    title: 'Spark deletes',
    spark: ["DELETE FROM {t} WHERE note = 'first' AND n = 1"],
    edit: removing(row => row.note === 'first' && row.n === 1),
  },
  {
    title: 'serac updates',
    serac: table => table.update({ set: "note = 'both'", where: 'id > 30 or n > 100' }),
    edit: setting(
      row => number(row, 'id') > 30 || number(row, 'n') > 100,
      () => ({ note: 'both' }),
    ),
  },
  {
    title: 'Spark compacts',
    spark: [
      "CALL {c}.system.rewrite_data_files(table => '{n}', options => map('min-input-files', '2', 'delete-file-threshold', '1'))",
      "CALL {c}.system.rewrite_position_delete_files(table => '{n}', options => map('rewrite-all', 'true'))",
      "CALL {c}.system.rewrite_manifests(table => '{n}')",
    ],
    edit: keeping,
  },
  {
    title: 'serac deletes what Spark compacted',
    serac: table => table.delete('n = 4 or id = 200'),
    edit: removing(row => row.n === 4 || row.id === 200),
  },
  {
    title: 'Spark overwrites partitions, or the table',
    spark: [`INSERT OVERWRITE {t} VALUES ${values(overwritten)}`],
    edit: { of: variant => overwriting(overwritten, variant) },
  },
  {
    title: 'Spark writes a branch',
    spark: [
      'ALTER TABLE {t} CREATE BRANCH audit',
      "UPDATE {t}.branch_audit SET note = 'audited' WHERE region = 'eu'",
    ],
    branch: 'audit',
    edit: setting(
      row => row.region === 'eu',
      () => ({ note: 'audited' }),
    ),
  },
  {
    title: 'serac goes on on the branch',
    serac: table => table.upsert(input(rowsFrom(80, 84, 'branch')), { branch: 'audit' }),
    branch: 'audit',
    edit: replacing(rowsFrom(80, 84, 'branch')),
  },
  {
    title: 'Spark evolves the table and fills the new column',
    spark: [
      'ALTER TABLE {t} ADD COLUMN score double',
      'ALTER TABLE {t} ADD PARTITION FIELD bucket(2, id)',
      "INSERT INTO {t} VALUES (70L, 'eu', 0, 'evolved', 0.5)",
      'UPDATE {t} SET score = 1.5 WHERE id = 21 OR n = 5',
    ],
    edit: all([
      ({ rows }) => ({ columns: scored, rows }),
      adding([{ id: 70, region: 'eu', n: 0, note: 'evolved', score: 0.5 }]),
      setting(
        row => row.id === 21 || row.n === 5,
        () => ({ score: 1.5 }),
      ),
    ]),
  },
  {
    title: 'serac upserts and compacts',
    async serac(table) {
      await table.upsert([{ id: 70, region: 'us', n: 1, note: 'ours', score: 2.5 }])
      await table.compact({ rewriteAll: true })
    },
    edit: replacing([{ id: 70, region: 'us', n: 1, note: 'ours', score: 2.5 }]),
  },
  {
    title: 'serac merges',
    serac: table =>
      table.merge([{ id: 70 }, { id: 71 }, { id: 21 }], {
        when: [
          'when matched and t.id = 21 then delete',
          'when matched then update set n = t.n + 1',
          "when not matched then insert (id, note) values (s.id, 'merged by serac')",
        ],
      }),
    edit: all([
      removing(row => row.id === 21),
      setting(
        row => row.id === 70,
        row => ({ n: number(row, 'n') + 1 }),
      ),
      adding([{ id: 71, region: null, n: null, note: 'merged by serac', score: null }]),
    ]),
  },
  {
    title: 'Spark compacts again',
    spark: ["CALL {c}.system.rewrite_data_files(table => '{n}', options => map('rewrite-all', 'true'))"],
    edit: keeping,
  },
  {
    title: 'serac overwrites what Spark compacted, in a transaction',
    serac: table =>
      table.transaction(async tx => {
        await tx.table().overwrite([{ id: 90, region: 'us', n: 2, note: 'whole', score: 1 }], {
          where: "region = 'us' and id >= 70",
        })
        await tx.table().delete('id < 5')
      }),
    edit: all([
      removing(row => (row.region === 'us' && number(row, 'id') >= 70) || number(row, 'id') < 5),
      adding([{ id: 90, region: 'us', n: 2, note: 'whole', score: 1 }]),
    ]),
  },
  {
    title: 'Spark deletes at last',
    spark: ['DELETE FROM {t} WHERE id % 3 = 0'],
    edit: removing(row => number(row, 'id') % 3 === 0),
  },
  {
    title: 'Spark expires',
    spark: [
      "CALL {c}.system.expire_snapshots(table => '{n}', older_than => TIMESTAMP '2100-01-01', retain_last => 1)",
    ],
    edit: keeping,
  },
  {
    title: 'serac appends and expires',
    async serac(table) {
      await table.append([{ id: 500, region: 'end', n: 1, note: 'last', score: null }])
      await table.expire({ retainLast: 1, olderThanMs: Date.now(), readerGraceMs: 0 })
    },
    edit: adding([{ id: 500, region: 'end', n: 1, note: 'last', score: null }]),
  },
]

/** Which rows a dynamic overwrite replaces depends on the partitions. */
function editOf(turn: Turn, variant: Variant): Edit {
  return typeof turn.edit === 'function' ? turn.edit : turn.edit.of(variant)
}

const LINEAGE = ['_row_id', '_last_updated_sequence_number']
const METADATA_TABLES = ['entries', 'position_deletes', 'partitions', 'manifests', 'snapshots', 'refs']

describe.skipIf(!judgeIsHere('spark'))('tables that Spark and serac change in turn', () => {
  let cwd: string
  let lake: Lake
  let spark: JudgeSession
  beforeAll(async () => {
    spark = openJudge('spark')
    cwd = await mkdtemp(join(tmpdir(), 'serac-turns-'))
    lake = await connect({ baseFolder: cwd, fsync: false })
  })
  afterAll(async () => {
    await spark.close()
    await lake.close()
    await rm(cwd, { recursive: true, force: true })
  })

  const catalog = (): readonly string[] => sparkCatalog(join(cwd, 'lake'))
  const read = async (name: string, ...options: readonly string[]): Promise<CanonicalRows> =>
    linesOf(await spark.tell(['read', name, ...catalog(), ...options]))
  const take = async (turn: Turn, table: Table): Promise<void> => {
    if (turn.serac !== undefined) await turn.serac(table)
    if (turn.spark !== undefined)
      await spark.tell(['sql', table.name, ...catalog(), '-'], { statements: turn.spark })
  }

  it.each(VARIANTS)('$title', { timeout: 300_000 }, async variant => {
    const table = await createVariant(lake, 'turns', variant)
    const states = new Map<string, State>([['main', START]])
    for (const turn of TURNS) {
      await take(turn, table)
      const { title, branch } = turn
      const state = editOf(turn, variant)(states.get(branch ?? 'main') ?? states.get('main') ?? START)
      states.set(branch ?? 'main', state)
      const of = branch === undefined ? [] : ['--ref', branch]
      const own = await canonicalRows(table.scan({ asOf: branch }))
      expect(own.rows, title).toEqual(modelRows(state))
      const lineage = variant.formatVersion === 3 ? LINEAGE : []
      const select = [...own.fields, ...lineage]
      const lined = await canonicalRows(table.scan({ asOf: branch, select }))
      expect(await read(table.name, ...of, '--columns', ['*', ...lineage].join(',')), title).toEqual(lined)
      await expectAlike(table, turn.spark === undefined ? ['position_deletes'] : ['entries'], title)
    }
    await expectAlike(table, METADATA_TABLES, 'at last')
  })

  async function expectAlike(table: Table, names: readonly string[], title: string): Promise<void> {
    for (const name of names) {
      const own = await canonicalInspection(table.inspect(name))
      expect(await read(`${table.name}.${name}`), `${title}: ${name}`).toEqual(own)
    }
  }
})

function linesOf(answer: JudgeAnswer): CanonicalRows {
  return { fields: answer.fields ?? [], rows: sortedRows(answer) }
}
