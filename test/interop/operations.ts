/**
 * Tables on which serac did everything that changes rows, one step after another, beside a model that says what each
 * step leaves: rows in memory, and functions of a line or two that do the same to them. The steps are the same in every
 * variant - format version, how changes are written, partitioned or not - so a snapshot is asked for by its step.
 */
import type { InputRow, Lake, Snapshot, Table, TableMetadata } from '../../src/index.js'

export interface Variant {
  readonly title: string
  readonly name: string
  readonly formatVersion: 2 | 3
  readonly mode: 'copy-on-write' | 'merge-on-read'
  readonly isPartitioned: boolean
}

export const VARIANTS: readonly Variant[] = ([2, 3] as const).flatMap(formatVersion =>
  (['copy-on-write', 'merge-on-read'] as const).flatMap(mode =>
    [false, true].map(isPartitioned => ({
      title: `v${formatVersion}, ${mode}, ${isPartitioned ? 'partitioned' : 'not partitioned'}`,
      name: `v${formatVersion}_${mode === 'copy-on-write' ? 'cow' : 'mor'}_${isPartitioned ? 'parted' : 'whole'}`,
      formatVersion,
      mode,
      isPartitioned,
    })),
  ),
)

// ---- the model

export type Cell = string | number | null
export type Row = Readonly<Record<string, Cell>>

export interface Column {
  readonly name: string
  readonly type: 'bigint' | 'int' | 'string' | 'double'
}

export interface State {
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

type Test = (row: Row) => boolean
export type Edit = (state: State) => State

export const START: State = {
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'region', type: 'string' },
    { name: 'n', type: 'int' },
    { name: 'note', type: 'string' },
  ],
  rows: [],
}

/** As the judges print rows, sorted. */
export function modelRows({ columns, rows }: State): readonly string[] {
  const cell = (row: Row, { name, type }: Column): Cell => {
    const value = row[name] ?? null
    return type === 'bigint' && value !== null ? String(value) : value
  }
  return rows.map(row => JSON.stringify(columns.map(column => cell(row, column)))).sort()
}

export const adding =
  (rows: readonly Row[]): Edit =>
  state => ({ ...state, rows: [...state.rows, ...rows] })
export const removing =
  (where: Test): Edit =>
  state => ({ ...state, rows: state.rows.filter(row => !where(row)) })
export const setting =
  (where: Test, change: (row: Row) => Row): Edit =>
  state => ({
    ...state,
    rows: state.rows.map(row => (where(row) ? derived(row, { ...row, ...change(row) }, 'changed') : row)),
  })
/** Rows that have an id of the given ones are the same rows with other values. */
export const replacing =
  (given: readonly Row[]): Edit =>
  state => {
    const byId = new Map(state.rows.map(row => [row.id, row]))
    const ids = new Set(given.map(row => row.id))
    const rows = given.map(row => {
      const earlier = byId.get(row.id)
      return earlier === undefined ? row : derived(earlier, { ...row }, 'changed')
    })
    return { ...state, rows: [...state.rows.filter(row => !ids.has(row.id)), ...rows] }
  }
export const all =
  (edits: readonly Edit[]): Edit =>
  state =>
    edits.reduce((now, edit) => edit(now), state)
export const keeping: Edit = state => state

interface Origin {
  readonly row: Row
  readonly how: 'changed' | 'renamed'
}
const origins = new WeakMap<Row, Origin>()

/** Says what a row was before: each edit of a row makes a new object. */
function derived(from: Row, to: Row, how: Origin['how']): Row {
  origins.set(to, { row: from, how })
  return to
}

/** What became of a row on the way to one of a later state: another row took its place, or it changed, or it did not. */
export function fateOf(earlier: Row, now: Row): 'replaced' | Origin['how'] | 'same' {
  let how: Origin['how'] | 'same' = 'same'
  for (let at = now; at !== earlier; ) {
    const origin = origins.get(at)
    if (origin === undefined) return 'replaced'
    if (how !== 'changed') how = origin.how
    at = origin.row
  }
  return how
}

export const number = (row: Row, name: string): number => Number(row[name])
const tensOf = (row: Row): number => Math.floor(number(row, 'id') / 10)

export function rowsFrom(from: number, to: number, note: string): readonly Row[] {
  const regions = ['eu', 'us', null]
  return Array.from({ length: to - from }, (_, index) => {
    const id = from + index
    return { id, region: regions[id % 3] ?? null, n: id % 7 === 6 ? null : id % 7, note }
  })
}

export const input = (rows: readonly Row[]): readonly InputRow[] => rows

// ---- tables

export const PARTITION_BY: readonly string[] = ['region', 'truncate(10, id)']

export function createVariant(lake: Lake, namespace: string, variant: Variant): Promise<Table> {
  const { name, formatVersion, mode, isPartitioned } = variant
  const operations = ['delete', 'update', 'merge']
  return lake.createTable(`${namespace}.${name}`, 'id bigint not null, region string, n int, note string', {
    keys: ['id'],
    formatVersion,
    partitionBy: isPartitioned ? PARTITION_BY : [],
    properties: Object.fromEntries(operations.map(operation => [`write.${operation}.mode`, mode])),
  })
}

// ---- steps

/** What is done to a table, and to the rows of its model. */
export interface Step {
  readonly title: string
  readonly run: (table: Table, lake: Lake) => Promise<unknown>
  readonly edit: Edit
  /** Of a step that makes several snapshots: what those before its last leave. */
  readonly before?: readonly Edit[]
  /** The branch that it writes; default main. */
  readonly branch?: string
}

const UPSERTED: readonly Row[] = [
  { id: 5, region: 'us', n: 50, note: 'upserted' },
  { id: 12, region: 'moved', n: null, note: 'upserted' },
  { id: 33, region: null, n: 7, note: 'upserted' },
  { id: 100, region: 'eu', n: 1, note: null },
]

const ROWS: readonly Step[] = [
  {
    title: 'append',
    run: table => table.append(input(rowsFrom(0, 30, 'first'))),
    edit: adding(rowsFrom(0, 30, 'first')),
  },
  {
    title: 'append with manifests merged',
    async run(table) {
      await table.alter("set tblproperties ('commit.manifest.min-count-to-merge' = '2')")
      await table.append(input(rowsFrom(30, 40, 'second')))
      await table.alter("unset tblproperties ('commit.manifest.min-count-to-merge')")
    },
    edit: adding(rowsFrom(30, 40, 'second')),
  },
  {
    title: 'delete of single rows',
    run: table => table.delete('n = 3'),
    edit: removing(row => row.n === 3),
  },
  {
    title: 'update',
    run: table => table.update({ set: "n = n + 100, note = 'updated'", where: "region = 'eu' and id < 20" }),
    edit: setting(
      row => row.region === 'eu' && number(row, 'id') < 20,
      row => ({ n: row.n === null ? null : number(row, 'n') + 100, note: 'updated' }),
    ),
  },
  {
    title: 'update that moves rows to other partitions',
    run: table => table.update({ set: { region: 'far' }, where: 'region is null and id >= 20' }),
    edit: setting(
      row => row.region === null && number(row, 'id') >= 20,
      () => ({ region: 'far' }),
    ),
  },
  {
    title: 'upsert',
    run: table => table.upsert(input(UPSERTED)),
    edit: replacing(UPSERTED),
  },
  {
    title: 'delete of rows that were deleted from before',
    run: table => table.delete('n = 2 or id in (0, 39)'),
    edit: removing(row => row.n === 2 || row.id === 0 || row.id === 39),
  },
  {
    title: 'delete of whole partitions',
    run: table => table.delete("region = 'us' and id >= 10 and id < 20"),
    edit: removing(row => row.region === 'us' && tensOf(row) === 1),
  },
  {
    title: 'compaction',
    run: table => table.compact({ rewriteAll: true }),
    edit: keeping,
  },
  {
    title: 'upsert of compacted rows',
    run: table => table.upsert(input(rowsFrom(18, 24, 'again'))),
    edit: replacing(rowsFrom(18, 24, 'again')),
  },
  {
    title: 'update of every row',
    run: table => table.update({ set: 'n = coalesce(n, 0) + 1' }),
    edit: setting(
      () => true,
      row => ({ n: (row.n === null ? 0 : number(row, 'n')) + 1 }),
    ),
  },
  {
    title: 'upsert on a branch',
    branch: 'audit',
    run: table => table.upsert(input(rowsFrom(36, 44, 'branch')), { branch: 'audit' }),
    edit: replacing(rowsFrom(36, 44, 'branch')),
  },
  {
    title: 'delete on a branch',
    branch: 'audit',
    run: table => table.delete("region = 'eu'", { branch: 'audit' }),
    edit: removing(row => row.region === 'eu'),
  },
  {
    title: 'delete on main beside the branch',
    run: table => table.delete('id > 30'),
    edit: removing(row => number(row, 'id') > 30),
  },
]

const renamed = (row: Row): Row => {
  const { note, ...others } = row
  return derived(row, { ...others, remark: note ?? null, score: null }, 'renamed')
}
const evolvedColumns: readonly Column[] = [
  { name: 'score', type: 'double' },
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'n', type: 'bigint' },
  { name: 'remark', type: 'string' },
]
const LATER: readonly Row[] = [
  { id: 50, score: 0.5, region: 'eu', n: 3_000_000_000, remark: 'later' },
  { id: 3, score: -1, region: null, n: 2, remark: null },
]

const EVOLVED: readonly Step[] = [
  {
    title: 'append before',
    run: table => table.append(input(rowsFrom(0, 30, 'first'))),
    edit: adding(rowsFrom(0, 30, 'first')),
  },
  {
    title: 'delete before',
    run: table => table.delete('id in (4, 14)'),
    edit: removing(row => row.id === 4 || row.id === 14),
  },
  {
    title: 'upsert with columns renamed, added, promoted and moved',
    async run(table) {
      await table.alter(
        'add column score double first; rename column note to remark; alter column n type bigint',
      )
      await table.upsert(input(LATER))
    },
    edit: all([({ rows }) => ({ columns: evolvedColumns, rows: rows.map(renamed) }), replacing(LATER)]),
  },
  {
    title: 'update across two partition specs',
    async run(table) {
      await table.alter('add partition field bucket(2, id)')
      await table.update({ set: "score = n / 2.0, remark = 'specs'", where: 'n = 2' })
    },
    edit: setting(
      row => row.n === 2,
      () => ({ score: 1, remark: 'specs' }),
    ),
  },
  {
    title: 'delete across two partition specs',
    run: table => table.delete("remark = 'specs' and id > 10 or id = 50"),
    edit: removing(row => (row.remark === 'specs' && number(row, 'id') > 10) || row.id === 50),
  },
  {
    title: 'append under a sort order',
    async run(table) {
      await table.alter('write ordered by n desc nulls last')
      await table.append(input(rowsFrom(60, 66, 'x').map(renamed)))
    },
    edit: adding(rowsFrom(60, 66, 'x').map(renamed)),
  },
  {
    title: 'compaction into one spec',
    run: table => table.compact({ rewriteAll: true }),
    edit: keeping,
  },
]

const UPGRADED: readonly Step[] = [
  {
    title: 'append in v2',
    run: table => table.append(input(rowsFrom(0, 40, 'first'))),
    edit: adding(rowsFrom(0, 40, 'first')),
  },
  {
    title: 'delete in v2',
    run: table => table.delete('n = 3'),
    edit: removing(row => row.n === 3),
  },
  {
    title: 'delete in v3 over what was deleted in v2',
    async run(table) {
      await table.upgrade(3)
      await table.delete('n = 4')
    },
    edit: removing(row => row.n === 4),
  },
  {
    title: 'upsert in v3',
    run: table => table.upsert(input(UPSERTED)),
    edit: replacing(UPSERTED),
  },
  {
    title: 'update in v3',
    run: table => table.update({ set: "note = 'v3'", where: "region = 'us'" }),
    edit: setting(
      row => row.region === 'us',
      () => ({ note: 'v3' }),
    ),
  },
  {
    title: 'compaction in v3',
    run: table => table.compact({ rewriteAll: true }),
    edit: keeping,
  },
  {
    title: 'delete after compaction',
    run: table => table.delete('id % 2 = 0'),
    edit: removing(row => number(row, 'id') % 2 === 0),
  },
]

const SOURCE = [
  { id: 3, region: 'eu', delta: 10 },
  { id: 7, region: 'eu', delta: -1 },
  { id: 13, region: 'us', delta: 5 },
  { id: 200, region: 'new', delta: 1 },
  { id: 201, region: 'new', delta: -1 },
]
const CLAUSES = [
  'when matched and s.delta < 0 then delete',
  "when matched then update set n = coalesce(t.n, 0) + s.delta, region = s.region, note = 'merged'",
  "when not matched and s.delta > 0 then insert (id, region, n, note) values (s.id, s.region, s.delta, 'inserted')",
  'when not matched by source and t.id >= 27 then delete',
  "when not matched by source and t.region = 'us' and t.id < 12 then update set note = 'unmatched'",
]
const inSource = (row: Row): boolean => SOURCE.some(({ id }) => id === row.id)
const afterMerge: Edit = all([
  removing(row => row.id === 7 || (!inSource(row) && number(row, 'id') >= 27)),
  setting(
    row => !inSource(row) && row.region === 'us' && number(row, 'id') < 12,
    () => ({ note: 'unmatched' }),
  ),
  setting(inSource, row => {
    const { region, delta } = SOURCE.find(({ id }) => id === row.id) ?? { region: null, delta: 0 }
    return { n: (row.n === null ? 0 : number(row, 'n')) + delta, region, note: 'merged' }
  }),
  adding([{ id: 200, region: 'new', n: 1, note: 'inserted' }]),
])

const OVERWRITTEN: readonly Row[] = [
  { id: 21, region: 'eu', n: 1, note: 'overwritten' },
  { id: 301, region: 'fresh', n: 1, note: 'overwritten' },
]

/** Where a row lies in a table that is partitioned by `PARTITION_BY`. */
export const partitionOf = (row: Row): string => JSON.stringify([row.region, tensOf(row)])

/** What a dynamic overwrite leaves: in a table without partitions the given rows alone. */
export function overwriting(rows: readonly Row[], { isPartitioned }: Variant): Edit {
  const replaced = new Set(rows.map(partitionOf))
  return all([removing(row => !isPartitioned || replaced.has(partitionOf(row))), adding(rows)])
}

const REPLACED = (variant: Variant): readonly Step[] => [
  {
    title: 'fast append',
    run: table => table.append(input(rowsFrom(0, 20, 'first')), { fast: true }),
    edit: adding(rowsFrom(0, 20, 'first')),
  },
  {
    title: 'second fast append',
    run: table => table.append(input(rowsFrom(20, 30, 'second')), { fast: true }),
    edit: adding(rowsFrom(20, 30, 'second')),
  },
  {
    title: 'merge of what is there and what is not',
    run: table => table.merge(input(rowsFrom(28, 32, 'all')), {}),
    edit: replacing(rowsFrom(28, 32, 'all')),
  },
  {
    title: 'merge with every kind of clause',
    run: table => table.merge(SOURCE, { on: 't.id = s.id', when: CLAUSES }),
    edit: afterMerge,
  },
  {
    title: 'overwrite by condition',
    run: table =>
      table.overwrite(input(rowsFrom(60, 63, 'where')), { where: "region = 'us' or note = 'merged'" }),
    edit: all([
      removing(row => row.region === 'us' || row.note === 'merged'),
      adding(rowsFrom(60, 63, 'where')),
    ]),
  },
  {
    title: 'transaction of four operations',
    run: table =>
      table.transaction(async tx => {
        await tx.table().append(input(rowsFrom(70, 73, 'inside')))
        await tx.table().update({ set: "note = 'inside too'", where: 'id < 5 or id = 71' })
        await tx.table().delete("region = 'eu' and id < 10")
        await tx.table().merge(input(rowsFrom(71, 76, 'merged inside')))
      }),
    before: [
      adding(rowsFrom(70, 73, 'inside')),
      setting(
        row => number(row, 'id') < 5 || row.id === 71,
        () => ({ note: 'inside too' }),
      ),
      removing(row => row.region === 'eu' && number(row, 'id') < 10),
    ],
    edit: replacing(rowsFrom(71, 76, 'merged inside')),
  },
  {
    title: 'overwrite of partitions',
    run: table => table.overwrite(input(OVERWRITTEN), { partitions: true }),
    edit: overwriting(OVERWRITTEN, variant),
  },
  {
    title: 'update of what came by overwrite',
    run: table => table.update({ set: { n: 5 }, where: "note = 'overwritten'" }),
    edit: setting(
      row => row.note === 'overwritten',
      () => ({ n: 5 }),
    ),
  },
  {
    title: 'overwrite with nothing',
    run: table => table.overwrite([]),
    edit: removing(() => true),
  },
  {
    title: 'append to what is empty',
    run: table => table.append(input(rowsFrom(80, 90, 'again'))),
    edit: adding(rowsFrom(80, 90, 'again')),
  },
]

export interface Story {
  readonly name: string
  readonly variants: readonly Variant[]
  readonly steps: (variant: Variant) => readonly Step[]
}

export const STORIES: readonly Story[] = [
  { name: 'rows', variants: VARIANTS, steps: () => ROWS },
  { name: 'evolved', variants: VARIANTS, steps: () => EVOLVED },
  { name: 'replaced', variants: VARIANTS, steps: REPLACED },
  {
    name: 'upgraded',
    variants: VARIANTS.filter(({ formatVersion }) => formatVersion === 2),
    steps: () => UPGRADED,
  },
]

/** What a step left on its branch. */
export interface Recorded {
  readonly title: string
  readonly ref: string
  readonly snapshotId: bigint
  /** Whether the snapshot's rows have ids: made in version 3. */
  readonly hasLineage: boolean
  readonly state: State
}

export interface Told {
  readonly title: string
  readonly table: Table
  readonly recorded: readonly Recorded[]
}

/** Makes the table of a story in one variant. */
export async function tell(lake: Lake, story: Story, variant: Variant): Promise<Told> {
  const table = await createVariant(lake, story.name, variant)
  const states = new Map<string, State>([['main', START]])
  const recorded: Recorded[] = []
  for (const { title, run, edit, before = [], branch: ref = 'main' } of story.steps(variant)) {
    await run(table, lake)
    const made = snapshotsUpTo((await table.load()).metadata, ref, before.length + 1)
    for (const [index, change] of [...before, edit].entries()) {
      const snapshot = made[index]
      if (snapshot === undefined) throw new Error(`${title} made no snapshot`)
      const state = change(states.get(ref) ?? states.get('main') ?? START)
      states.set(ref, state)
      const hasLineage = snapshot.firstRowId !== undefined
      recorded.push({ title, ref, snapshotId: snapshot.snapshotId, hasLineage, state })
    }
  }
  return { title: `${story.name}: ${variant.title}`, table, recorded }
}

/** The last snapshots of a branch, oldest first. */
function snapshotsUpTo(metadata: TableMetadata, ref: string, count: number): readonly Snapshot[] {
  const found: Snapshot[] = []
  let at = metadata.refs[ref]?.snapshotId
  while (at !== undefined && found.length < count) {
    const snapshot = metadata.snapshots.find(each => each.snapshotId === at)
    if (snapshot === undefined) break
    found.unshift(snapshot)
    at = snapshot.parentSnapshotId
  }
  return found
}
