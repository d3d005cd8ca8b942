/** Changelogs: equal to Spark's on its golden tables, and case by case on tables that the tests write. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { and, eq, gtEq, lt } from '../../src/expression/expression.js'
import { jsonRowsOfBatch } from '../../src/index.js'
import { meteredIO } from '../../src/io/metered.js'
import { compactTable } from '../../src/maintenance/compact.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import { planChangelog, readChangelog } from '../../src/reader/changelog.js'
import type { Field, Value } from '../../src/schema/types.js'
import { ancestors } from '../../src/snapshot/ancestry.js'
import { resolveSnapshot } from '../../src/snapshot/resolve.js'
import { createTestTable, refusal, sorted, type TestTable } from '../writer/test-lake.js'
import {
  type Change,
  type ChangesOptions,
  changesByDiff,
  changesOf,
  deleteByKey,
  historyOf,
  replaceVector,
  rewriteRows,
  textsOf,
} from './changelog-table.js'
import { goldenFolders, openGolden, readGolden } from './golden.js'

const ID: Field = { id: 1, name: 'id', required: false, type: { kind: 'long' } }
const FIELDS: readonly Field[] = [ID, { id: 2, name: 'v', required: false, type: { kind: 'string' } }]

const row = (id: number, v = `v${id}`): Value[] => [BigInt(id), v]
const range = (from: number, to: number): Value[][] =>
  Array.from({ length: to - from }, (_, at) => row(from + at))
const short = (changes: readonly Change[]): string[] =>
  changes.map(({ ordinal, type, row: [id, v] }) => `${ordinal} ${type} ${id} ${v}`)
const idsOf = async (table: TestTable): Promise<readonly bigint[]> =>
  historyOf((await table.load()).metadata).map(({ snapshotId }) => snapshotId)

interface GoldenChangelog {
  readonly startExclusive: string | null
  readonly endInclusive: string | null
  readonly identifier: readonly string[]
  readonly computeUpdates: boolean | null
  readonly netChanges: boolean
  readonly columns: readonly string[]
  readonly rows: readonly unknown[]
}

const goldens = goldenFolders().flatMap(({ name, folder }) => {
  const { changelogs = [] } = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as {
    readonly changelogs?: readonly GoldenChangelog[]
  }
  return changelogs.map((changelog, index) => ({ name, folder, index, changelog }))
})

describe.each(goldens)('changelog $index of the golden table $name', ({ folder, changelog }) => {
  it('has the rows of the changelog view of Spark', async () => {
    const table = await openGolden(readGolden(folder), folder)
    const { startExclusive, endInclusive, identifier, computeUpdates, netChanges } = changelog
    const { snapshot, schema } = resolveSnapshot(
      table.metadata,
      endInclusive === null ? 'current' : { snapshotId: BigInt(endInclusive) },
    )
    const isPaired = identifier.length > 0 && computeUpdates !== false
    const plan = planChangelog(table.metadata, {
      from: startExclusive === null ? undefined : BigInt(startExclusive),
      to: snapshot,
      schema,
      mode: netChanges ? 'net' : isPaired ? 'updates' : 'raw',
      keys: isPaired ? identifier : undefined,
    })
    expect(plan.fields.map(field => field.name)).toEqual(changelog.columns)
    const rows: string[] = []
    for await (const batch of readChangelog(table.io, plan))
      for (const values of jsonRowsOfBatch(batch))
        rows.push(
          JSON.stringify(
            plan.fields.map(({ name, type }) => (type.kind === 'long' ? String(values[name]) : values[name])),
          ),
        )
    expect(rows.sort()).toEqual(changelog.rows.map(each => JSON.stringify(each)).sort())
  })
})

describe.each(goldenFolders())('the history of the golden table $name', ({ name, folder }) => {
  it('changes by its changelog as its snapshots differ', async context => {
    const golden = await openGolden(readGolden(folder), folder)
    const start = keptHistory(golden.metadata)
    try {
      const expected = await changesByDiff(golden, start)
      expect(textsOf(await changesOf(golden, start))).toEqual(expected)
    } catch (error) {
      if (!isLakeError(error, 'unsupported') || !/orc/.test(name)) throw error
      context.skip('ORC is not read')
    }
  })
})

/** Where the history that is kept begins. */
function keptHistory(metadata: TableMetadata): ChangesOptions {
  const oldest = [...ancestors(metadata, metadata.currentSnapshotId)].at(-1)
  return oldest?.parentSnapshotId === undefined ? {} : { from: oldest.snapshotId }
}

describe.each([2, 3] as const)('the changelog of a v%i table', formatVersion => {
  it('tells appends, deletes and upserts, snapshot by snapshot', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(range(0, 3))
    await table.delete(eq('id', 1))
    await table.upsert([row(2, 'new'), row(3)], ['id'])
    const ids = await idsOf(table)
    const changes = await changesOf(table)
    expect(short(changes)).toEqual([
      '0 INSERT 0 v0',
      '0 INSERT 1 v1',
      '0 INSERT 2 v2',
      '1 DELETE 1 v1',
      '2 DELETE 2 v2',
      '2 INSERT 2 new',
      '2 INSERT 3 v3',
    ])
    expect(new Set(changes.map(({ ordinal, snapshotId }) => `${ordinal} ${snapshotId}`))).toEqual(
      new Set(ids.map((id, at) => `${at} ${id}`)),
    )
  })

  it('begins after the first and ends with the last snapshot of its range', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    for (let id = 0; id < 4; id++) await table.append([row(id)])
    const [first, second, third] = await idsOf(table)
    expect(short(await changesOf(table, { from: first, to: third }))).toEqual([
      '0 INSERT 1 v1',
      '1 INSERT 2 v2',
    ])
    expect(await changesOf(table, { from: second, to: second })).toEqual([])
    expect(short(await changesOf(table, { to: first }))).toEqual(['0 INSERT 0 v0'])
  })

  it('skips snapshots that only replace files, also in the ordinals', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([row(0)])
    await table.append([row(1)])
    await compactTable(table.catalog, table.identifier, {
      io: table.io,
      runtime: table.runtime,
      minInputFiles: 2,
    })
    await table.delete(eq('id', 0))
    expect((await table.load()).metadata.snapshots.map(each => each.operation)).toContain('replace')
    expect(short(await changesOf(table))).toEqual(['0 INSERT 0 v0', '1 INSERT 1 v1', '2 DELETE 0 v0'])
  })

  it('drops the rows that a rewrite of their file carried over', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([...range(0, 5), row(1), row(1)])
    const [from] = await idsOf(table)
    await rewriteRows(table, each => (each[0] === 2n ? undefined : each[0] === 3n ? row(3, 'new') : each), {
      more: [row(1), row(9)],
    })
    expect(short(await changesOf(table, { from }))).toEqual([
      '0 DELETE 2 v2',
      '0 DELETE 3 v3',
      ...['0 INSERT 3 new', '0 INSERT 1 v1', '0 INSERT 9 v9'],
    ])
  })

  it('lists only the rows that a snapshot deleted, however many deletes the file had', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(range(0, 100))
    const [from] = await idsOf(table)
    await table.delete(lt('id', 40))
    await table.delete(and(gtEq('id', 38), lt('id', 42)))
    await table.delete(eq('id', 99))
    const changes = short(await changesOf(table, { from }))
    expect(changes).toHaveLength(43)
    expect(changes.slice(40)).toEqual(['1 DELETE 40 v40', '1 DELETE 41 v41', '2 DELETE 99 v99'])
  })

  it('finds the rows that equality deletes reach, among older files only', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([row(1), row(2), [null, 'none']])
    await table.append([row(1, 'other')])
    const [, from] = await idsOf(table)
    await deleteByKey(table, ID, [1n, 7n, null], [row(1, 'new')])
    await table.delete(eq('id', 2))
    await deleteByKey(table, ID, [1n])
    expect(short(await changesOf(table, { from }))).toEqual([
      '0 DELETE 1 other',
      '0 DELETE 1 v1',
      '0 DELETE null none',
      '0 INSERT 1 new',
      '1 DELETE 2 v2',
      '2 DELETE 1 new',
    ])
  })

  it('reads rows of every age with the columns of the schema it is asked for', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(range(0, 2))
    const { metadata } = await table.load()
    const fields = [FIELDS[0] as Field, { id: 3, name: 'w', required: false, type: { kind: 'int' } as const }]
    await table.catalog.commit([
      {
        identifier: table.identifier,
        requirements: [],
        updates: [
          { action: 'add-schema', schema: { ...currentSchema(metadata), schemaId: 1, fields } },
          { action: 'set-current-schema', schemaId: -1 },
        ],
      },
    ])
    await table.delete(eq('id', 1))
    const changes = await changesOf(table)
    expect(sorted(changes.map(each => each.row))).toEqual(
      sorted([
        [0n, null],
        [1n, null],
        [1n, null],
      ]),
    )
  })

  it('nets out what a range did and undid', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append(range(0, 3))
    const [from] = await idsOf(table)
    await table.upsert([row(0, 'a')], ['id'])
    await table.upsert([row(0, 'b'), row(5)], ['id'])
    await table.delete(eq('id', 5))
    await table.delete(eq('id', 2))
    await table.append([row(2)])
    expect(short(await changesOf(table, { from, mode: 'net' }))).toEqual(['0 DELETE 0 v0', '1 INSERT 0 b'])
  })

  it('pairs updates by keys, and leaves the rest', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([...range(0, 4), [null, 'none']])
    const [from] = await idsOf(table)
    const change = (each: readonly Value[]): readonly Value[] | undefined => {
      if (each[0] === null) return [null, 'some']
      return each[0] === 1n ? row(1, 'new') : each[0] === 2n ? undefined : each
    }
    await rewriteRows(table, change, { more: [row(8)] })
    expect(short(await changesOf(table, { from, mode: 'updates', keys: ['id'] }))).toEqual([
      '0 DELETE 2 v2',
      ...['0 UPDATE_BEFORE 1 v1', '0 UPDATE_AFTER 1 new'],
      ...['0 UPDATE_BEFORE null none', '0 UPDATE_AFTER null some'],
      '0 INSERT 8 v8',
    ])
  })

  it('pairs as many rows of one key as were both deleted and inserted', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion })
    await table.append([row(1, 'a'), row(1, 'b'), row(1, 'c')])
    const [from] = await idsOf(table)
    await rewriteRows(table, () => undefined, { more: [row(1, 'd'), row(1, 'e')], forgetful: true })
    expect(short(await changesOf(table, { from, mode: 'updates', keys: ['id'] }))).toEqual([
      '0 DELETE 1 c',
      ...['0 UPDATE_BEFORE 1 a', '0 UPDATE_AFTER 1 d'],
      ...['0 UPDATE_BEFORE 1 b', '0 UPDATE_AFTER 1 e'],
    ])
  })

  it('takes the identifier fields as keys', async () => {
    const fields = FIELDS.map((field, at) => ({ ...field, required: at === 0 }))
    const table = await createTestTable({ fields, formatVersion, identifierFieldIds: [1] })
    await table.append([row(1)])
    const [from] = await idsOf(table)
    await table.upsert([row(1, 'new')], ['id'])
    expect(short(await changesOf(table, { from, mode: 'updates' }))).toEqual([
      '0 UPDATE_BEFORE 1 v1',
      '0 UPDATE_AFTER 1 new',
    ])
  })

  it('takes keys inside structs', async () => {
    const inner: Field = { id: 4, name: 'k', required: false, type: { kind: 'int' } }
    const fields: readonly Field[] = [
      {
        id: 1,
        name: 's',
        required: false,
        type: { kind: 'struct', fields: [{ ...inner, id: 3, name: 'x' }, inner] },
      },
      { id: 2, name: 'v', required: false, type: { kind: 'string' } },
    ]
    const table = await createTestTable({ fields, formatVersion })
    await table.append([
      [[0, 1], 'a'],
      [[0, 2], 'b'],
      [null, 'c'],
    ])
    const [from] = await idsOf(table)
    await rewriteRows(table, () => undefined, {
      more: [
        [[9, 2], 'B'],
        [[0, null], 'C'],
      ],
      forgetful: true,
    })
    const changes = await changesOf(table, { from, mode: 'updates', keys: ['s.k'] })
    expect(changes.map(({ type, row: [, v] }) => `${type} ${v}`)).toEqual([
      'DELETE a',
      ...['UPDATE_BEFORE b', 'UPDATE_AFTER B'],
      ...['UPDATE_BEFORE c', 'UPDATE_AFTER C'],
    ])
  })

  it('costs the manifests of its snapshots, however many the table has', async () => {
    const requestsFor = async (appends: number): Promise<number> => {
      const table = await createTestTable({ fields: FIELDS, formatVersion })
      for (let id = 0; id < appends; id++) await table.append([row(id)])
      const from = (await idsOf(table)).at(-1)
      await table.append([row(100)])
      const metered = meteredIO(table.io)
      const { metadata } = await table.load()
      expect(short(await changesOf({ io: metered.io, metadata }, { from }))).toEqual(['0 INSERT 100 v100'])
      return Object.values(metered.counts.requests).reduce((sum, count) => sum + count, 0)
    }
    expect(await requestsFor(9)).toBe(await requestsFor(2))
  })

  it('looks only through the manifests that may hold the rows deleted', async () => {
    const table = await createTestTable({
      fields: FIELDS,
      formatVersion,
      partitionFields: [{ sourceId: 1, name: 'id', transform: { kind: 'identity' } }],
    })
    for (let id = 0; id < 9; id++) await table.append([row(id), row(id, 'other')])
    const from = (await idsOf(table)).at(-1)
    await table.delete(and(eq('id', 4), eq('v', 'v4')))
    const metered = meteredIO(table.io)
    const { metadata } = await table.load()
    expect(short(await changesOf({ io: metered.io, metadata }, { from }))).toEqual(['0 DELETE 4 v4'])
    // Two lists, one delete manifest, one data manifest; then the deletes and the data file.
    expect(metered.counts.requests.read).toBeLessThan(10)
  })
})

describe('the changelog of a v3 table', () => {
  it('pairs updates by row id, also when the key changed', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append(range(0, 4))
    const [from] = await idsOf(table)
    await rewriteRows(
      table,
      each => (each[0] === 1n ? row(11) : each[0] === 2n ? undefined : each[0] === 3n ? row(3, 'new') : each),
      { more: [row(1)] },
    )
    expect(short(await changesOf(table, { from, mode: 'updates' }))).toEqual([
      '0 DELETE 2 v2',
      ...['0 UPDATE_BEFORE 1 v1', '0 UPDATE_AFTER 11 v11'],
      ...['0 UPDATE_BEFORE 3 v3', '0 UPDATE_AFTER 3 new'],
      '0 INSERT 1 v1',
    ])
    // Comparing rows alone, nothing happened to the row (1, v1).
    expect(short(await changesOf(table, { from }))).toEqual([
      '0 DELETE 2 v2',
      '0 DELETE 3 v3',
      '0 INSERT 11 v11',
      '0 INSERT 3 new',
    ])
    expect(textsOf(await changesOf(table, { from }))).toEqual(await changesByDiff(table, { from }))
  })

  it('tells no update of a row that was set to what it was', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append(range(0, 3))
    const [from] = await idsOf(table)
    await table.upsert([row(1), row(2, 'new')], ['id'])
    expect(short(await changesOf(table, { from, mode: 'updates' }))).toEqual([
      '0 UPDATE_BEFORE 2 v2',
      '0 UPDATE_AFTER 2 new',
    ])
  })

  it('tells rows that a smaller vector made live again', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append(range(0, 5))
    await table.delete(lt('id', 3))
    const [, from] = await idsOf(table)
    const [task] = await table.tasks()
    if (task === undefined) throw new Error('the table has no data file')
    await replaceVector(table, task, [1, 4])
    expect(short(await changesOf(table, { from }))).toEqual([
      '0 DELETE 4 v4',
      '0 INSERT 0 v0',
      '0 INSERT 2 v2',
    ])
  })

  it('compares full rows where writers forgot the lineage', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append(range(0, 5))
    const [from] = await idsOf(table)
    await rewriteRows(table, each => (each[0] === 2n ? undefined : each), { forgetful: true })
    expect(short(await changesOf(table, { from }))).toEqual(['0 DELETE 2 v2'])
  })

  it('goes through the upgrade of the table', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 2 })
    await table.append(range(0, 5))
    await table.delete(eq('id', 0))
    await table.catalog.commit([
      {
        identifier: table.identifier,
        requirements: [],
        updates: [{ action: 'upgrade-format-version', formatVersion: 3 }],
      },
    ])
    await table.delete(eq('id', 1))
    await rewriteRows(table, each => (each[0] === 2n ? undefined : each))
    expect(short(await changesOf(table)).slice(5)).toEqual([
      '1 DELETE 0 v0',
      '2 DELETE 1 v1',
      '3 DELETE 2 v2',
    ])
  })
})

describe('a changelog that cannot be told', () => {
  const fiveCommits = async (): Promise<{ table: TestTable; ids: readonly bigint[] }> => {
    const table = await createTestTable({ fields: FIELDS })
    await table.append(range(0, 3))
    await table.append([row(3)])
    await table.delete(eq('id', 0))
    await table.append([row(4)])
    await table.delete(eq('id', 1))
    return { table, ids: await idsOf(table) }
  }
  /** The table's metadata after the first snapshots expired. */
  const expiredBefore = async (table: TestTable, count: number): Promise<TableMetadata> => {
    const { metadata } = await table.load()
    return { ...metadata, snapshots: metadata.snapshots.slice(count) }
  }
  const failure = async (table: TestTable, metadata: TableMetadata, options: ChangesOptions) => {
    const { kind, context } = await refusal(changesOf({ io: table.io, metadata }, options))
    return { kind, context }
  }

  it('names the oldest snapshot to read from when its beginning was expired', async () => {
    const { table, ids } = await fiveCommits()
    const metadata = await expiredBefore(table, 2)
    const oldestUsableId = ids[2]
    expect(await failure(table, metadata, {})).toEqual({
      kind: 'not-found',
      context: { snapshotId: ids[1], oldestUsableId },
    })
    for (const from of [ids[0], ids[1], 12345n])
      expect(await failure(table, metadata, { from })).toEqual({
        kind: 'not-found',
        context: { snapshotId: from, oldestUsableId },
      })
    expect(short(await changesOf({ io: table.io, metadata }, { from: oldestUsableId }))).toEqual([
      '0 INSERT 4 v4',
      '1 DELETE 1 v1',
    ])
  })

  it('needs no expired parent for a snapshot that only appended', async () => {
    const { table, ids } = await fiveCommits()
    const metadata = await expiredBefore(table, 3)
    expect(short(await changesOf({ io: table.io, metadata }, { from: ids[2] }))).toEqual([
      '0 INSERT 4 v4',
      '1 DELETE 1 v1',
    ])
    expect(await failure(table, metadata, { from: ids[1] })).toMatchObject({ kind: 'not-found' })
  })

  it('refuses a start that is no ancestor of the end', async () => {
    const { table, ids } = await fiveCommits()
    const { metadata } = await table.load()
    expect(await failure(table, metadata, { from: ids[3], to: ids[1] })).toEqual({
      kind: 'invalid-argument',
      context: { from: ids[3], to: ids[1] },
    })
    expect(await failure(table, metadata, { from: 12345n })).toEqual({
      kind: 'not-found',
      context: { snapshotId: 12345n, oldestUsableId: ids[0] },
    })
  })

  it('refuses updates without anything that identifies a row', async () => {
    const { table } = await fiveCommits()
    expect(await refusal(changesOf(table, { mode: 'updates' }))).toMatchObject({
      kind: 'invalid-argument',
      context: { columns: ['id', 'v'] },
    })
    expect(await refusal(changesOf(table, { mode: 'updates', keys: ['no'] }))).toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'no' },
    })
  })

  it('refuses a table with a column named like one of the changelog', async () => {
    const fields = [...FIELDS, { ...(FIELDS[1] as Field), id: 3, name: '_change_type' }]
    const table = await createTestTable({ fields })
    expect(await refusal(changesOf(table))).toMatchObject({
      kind: 'invalid-argument',
      context: { column: '_change_type' },
    })
  })

  it('is empty for a table that was never written', async () => {
    const table = await createTestTable({ fields: FIELDS })
    expect(await changesOf(table)).toEqual([])
    expect(await refusal(changesOf(table, { from: 5n }))).toMatchObject({ kind: 'not-found' })
  })
})
