import { describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { type AlterRequest, alterTableAction, type TableAlteration } from '../../src/commit/alter-table.js'
import { replaceTableAction } from '../../src/commit/replace-table.js'
import type { TableChange } from '../../src/commit/table-action.js'
import { applyUpdates } from '../../src/metadata/apply-update.js'
import { currentSchema, defaultSortOrder, defaultSpec } from '../../src/metadata/lookup.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { FormatVersion, TableMetadata } from '../../src/metadata/table-metadata.js'
import { parseTableMetadata, serializeTableMetadata } from '../../src/metadata/table-metadata-json.js'
import { parseTransform } from '../../src/schema/transform.js'
import { parseAlterations } from '../../src/sql/alter.js'
import { parseColumns } from '../../src/sql/ddl.js'
import { seededRuntime } from '../snapshot/world.js'
import { rejectionOf } from '../support/errors.js'

const runtime = seededRuntime()

function tableOf(
  properties: Readonly<Record<string, string>> = {},
  formatVersion: FormatVersion = 2,
): TableMetadata {
  const fields = parseColumns('id bigint not null, region string, ts timestamptz, day date, n int')
  return applyUpdates(
    undefined,
    newTableUpdates({
      schema: { fields, identifierFieldIds: [1] },
      partitionFields: [
        { sourceId: 2, name: 'region', transform: { kind: 'identity' } },
        { sourceId: 3, name: 'ts_day', transform: { kind: 'day' } },
      ],
      sortFields: [
        { sourceId: 1, transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' },
      ],
      location: 'memory://t',
      properties,
      formatVersion,
      uuid: '00000000-0000-4000-8000-000000000001',
    }),
    { nowMs: 1 },
  )
}

/** As a table of an old writer: version 1, without a uuid. */
function firstVersion(metadata: TableMetadata): TableMetadata {
  const json = JSON.parse(serializeTableMetadata({ ...metadata, formatVersion: 1 }))
  delete json['table-uuid']
  return parseTableMetadata(JSON.stringify(json))
}

function loaded(metadata: TableMetadata): LoadedTable {
  return { identifier: { namespace: ['n'], name: 't' }, metadata, metadataLocation: 'memory://t/m.json' }
}

type Changes = string | readonly TableAlteration[]

async function changeOf(
  metadata: TableMetadata,
  changes: Changes,
  more: Partial<AlterRequest> = {},
): Promise<TableChange | 'unchanged'> {
  const list = typeof changes === 'string' ? parseAlterations(changes) : changes
  const action = alterTableAction({ changes: list, runtime, checkRequired: async () => undefined, ...more })
  return action(loaded(metadata), { number: 1 })
}

async function altered(metadata: TableMetadata, changes: Changes): Promise<TableMetadata> {
  const change = await changeOf(metadata, changes)
  return change === 'unchanged' ? metadata : applyUpdates(metadata, change.updates, { nowMs: 2 })
}

async function refusal(metadata: TableMetadata, changes: Changes): Promise<string> {
  const error = await rejectionOf(changeOf(metadata, changes))
  expect(error?.kind).toBe('invalid-argument')
  return error?.message ?? ''
}

const names = (metadata: TableMetadata): readonly string[] =>
  currentSchema(metadata).fields.map(({ name }) => name)
const parts = (metadata: TableMetadata): readonly string[] =>
  defaultSpec(metadata).fields.map(({ name }) => name)

describe('altering a table', () => {
  it('makes one commit of changes of all kinds', async () => {
    const before = tableOf()
    const change = await changeOf(
      before,
      "drop partition field region; drop column region; add column area string after id; add partition field area; write ordered by ts desc; set tblproperties ('a' = 'b'); set location 'memory://u'",
    )
    if (change === 'unchanged') throw new Error('nothing changed')
    expect(change.updates.map(({ action }) => action)).toEqual([
      ...['add-schema', 'set-current-schema', 'add-spec', 'set-default-spec'],
      ...['add-sort-order', 'set-default-sort-order', 'set-location', 'set-properties'],
    ])
    expect(change.requirements.map(({ type }) => type)).toEqual([
      ...['assert-table-uuid', 'assert-current-schema-id', 'assert-default-spec-id'],
      ...[
        'assert-default-sort-order-id',
        'assert-last-assigned-field-id',
        'assert-last-assigned-partition-id',
      ],
    ])
    const after = applyUpdates(before, change.updates, { nowMs: 2 })
    expect(names(after)).toEqual(['id', 'area', 'ts', 'day', 'n'])
    expect(parts(after)).toEqual(['ts_day', 'area'])
    expect(defaultSortOrder(after)).toMatchObject({
      orderId: 2,
      fields: [{ sourceId: 3, direction: 'desc' }],
    })
    expect(after).toMatchObject({ location: 'memory://u', lastColumnId: 6, lastPartitionId: 1002 })
    expect(after.properties).toMatchObject({ a: 'b', 'write.distribution-mode': 'range' })
  })

  it('says that nothing changed where nothing does', async () => {
    const metadata = tableOf({ a: 'b' })
    const same = "alter column id set not null; set tblproperties ('a' = 'b'); unset tblproperties ('none')"
    expect(await changeOf(metadata, same)).toBe('unchanged')
    expect(await changeOf(metadata, 'drop partition field region; add partition field region')).toBe(
      'unchanged',
    )
    expect(await changeOf(metadata, [])).toBe('unchanged')
  })

  it('uses a schema, spec or order again that the table had', async () => {
    const changed = await altered(
      tableOf(),
      'add column x int; add partition field bucket(4, id); write unordered',
    )
    const back = await altered(
      changed,
      'drop column x; drop partition field bucket(4, id); write ordered by id',
    )
    expect(back).toMatchObject({
      currentSchemaId: 0,
      defaultSpecId: 0,
      defaultSortOrderId: 1,
      lastColumnId: 6,
    })
    const again = await altered(back, 'add column x int; add partition field bucket(4, id)')
    // The column is another one; the partition field is the one of old.
    expect(currentSchema(again).fields.at(-1)).toMatchObject({ id: 7, name: 'x' })
    expect(again.defaultSpecId).toBe(1)
  })

  it('refuses to drop what the table is partitioned, sorted or identified by', async () => {
    const table = tableOf()
    expect(await refusal(table, 'drop column region')).toContain('partitioned')
    expect(await refusal(table, 'drop identifier fields id; drop column id')).toContain('sorted')
    expect(await refusal(table, 'write unordered; drop column id')).toContain('identifier')
    const old = await altered(table, 'drop partition field region')
    expect(names(await altered(old, 'drop column region'))).not.toContain('region')
  })

  it('refuses a promotion that a partition field would not survive', async () => {
    const table = tableOf({}, 3)
    const promote = 'alter column day type timestamp_ntz'
    expect(await refusal(await altered(table, 'add partition field bucket(4, day)'), promote)).toContain(
      'promoted',
    )
    const past = await altered(table, 'add partition field day')
    expect(await refusal(await altered(past, 'drop partition field day'), promote)).toContain('promoted')
    const monthly = await altered(await altered(table, 'add partition field months(day)'), promote)
    expect(currentSchema(monthly).fields[3]?.type.kind).toBe('timestamp')
  })

  it('refuses a partition field of the name of a column, and the other way round', async () => {
    const table = tableOf()
    expect(await refusal(table, 'add partition field bucket(4, id) as n')).toContain('column')
    expect(await refusal(table, 'add column ts_day int')).toContain('column')
  })

  it('lets a spec keep two times of a column, and adds no two at once', async () => {
    expect(parts(await altered(tableOf(), 'add partition field hours(ts)'))).toEqual([
      'region',
      'ts_day',
      'ts_hour',
    ])
    expect(
      await refusal(tableOf(), 'add partition field hours(ts); add partition field years(ts)'),
    ).toContain('redundant')
  })
})

describe('properties', () => {
  it('that are about columns follow them', async () => {
    const table = tableOf({
      'write.metadata.metrics.column.n': 'full',
      'write.parquet.bloom-filter-enabled.column.day': 'true',
      'write.parquet.bloom-filter-fpp.column.id': '0.5',
    })
    const { properties } = await altered(table, 'rename column n to m; drop column day')
    expect(properties).toMatchObject({
      'write.metadata.metrics.column.m': 'full',
      'write.parquet.bloom-filter-fpp.column.id': '0.5',
    })
    expect(Object.keys(properties).filter(name => name.endsWith('.n') || name.endsWith('.day'))).toEqual([])
  })

  it('that map names follow the schema', async () => {
    const mapping = '[{"field-id":5,"names":["n"]}]'
    const { properties } = await altered(
      tableOf({ 'schema.name-mapping.default': mapping }),
      'rename column n to m; add column x int',
    )
    expect(JSON.parse(properties['schema.name-mapping.default'] ?? '')).toEqual([
      { 'field-id': 5, names: ['n', 'm'] },
      { 'field-id': 6, names: ['x'] },
    ])
  })

  it('that stand for metadata are refused, and those of columns that are not there', async () => {
    for (const name of ['uuid', 'current-schema', 'default-sort-order'])
      expect(await refusal(tableOf(), [{ kind: 'set-properties', properties: { [name]: '1' } }])).toContain(
        'never',
      )
    expect(await refusal(tableOf(), "unset tblproperties ('format-version')")).toContain('never')
    expect(
      await refusal(tableOf(), "set tblproperties ('write.metadata.metrics.column.x' = 'full')"),
    ).toContain('does not have')
    const { properties } = await altered(
      tableOf(),
      "add column x int; set tblproperties ('write.metadata.metrics.column.x' = 'full')",
    )
    expect(properties).toHaveProperty(['write.metadata.metrics.column.x'])
  })
})

describe('upgrades', () => {
  it('go up, by themselves and by the property, and before what needs them', async () => {
    const table = tableOf()
    expect(await altered(table, [{ kind: 'upgrade-format-version', formatVersion: 3 }])).toMatchObject({
      formatVersion: 3,
      nextRowId: 0n,
    })
    const variant = await altered(table, "set tblproperties ('format-version' = '3'); add column v variant")
    expect(variant.formatVersion).toBe(3)
    expect(variant.properties).not.toHaveProperty('format-version')
    expect(await refusal(table, 'add column v variant')).toContain('version 3')
    expect(await refusal(variant, [{ kind: 'upgrade-format-version', formatVersion: 2 }])).toContain('older')
  })

  it('give tables of the first writers a uuid', async () => {
    const old = firstVersion(tableOf())
    expect(old.tableUuid).toBeUndefined()
    const upgraded = await altered(old, [{ kind: 'upgrade-format-version', formatVersion: 2 }])
    expect(upgraded.formatVersion).toBe(2)
    expect(upgraded.tableUuid).toMatch(/^[0-9a-f-]{36}$/)
    const stored = parseTableMetadata(serializeTableMetadata(upgraded))
    expect(stored.partitionSpecs).toEqual(upgraded.partitionSpecs)
  })

  it('version 1 keeps void fields in the place of dropped ones, and they stay behind an upgrade', async () => {
    const old = await altered(firstVersion(tableOf()), 'drop partition field ts_day')
    expect(defaultSpec(old).fields).toMatchObject([
      { fieldId: 1000, name: 'region' },
      { fieldId: 1001, name: 'ts_day', transform: { kind: 'void' } },
    ])
    expect(parseTableMetadata(serializeTableMetadata(old)).partitionSpecs).toEqual(old.partitionSpecs)
    const upgraded = await altered(
      old,
      "set tblproperties ('format-version' = '2'); add partition field days(ts)",
    )
    expect(defaultSpec(upgraded).fields).toMatchObject([
      { fieldId: 1000, name: 'region' },
      { fieldId: 1001, name: 'ts_day_1001', transform: { kind: 'void' } },
      { fieldId: 1002, name: 'ts_day', transform: { kind: 'day' } },
    ])
  })
})

describe('columns that become required', () => {
  it('are named to who looks at the rows, and the heads that were looked at are required', async () => {
    const looked: (readonly number[])[] = []
    const change = await changeOf(tableOf(), 'rename column n to m; alter column m set not null', {
      checkRequired: async (_, { fieldIds }) => {
        looked.push(fieldIds)
      },
    })
    expect(looked).toEqual([[5]])
    expect(change !== 'unchanged' && change.requirements).toContainEqual({
      type: 'assert-ref-snapshot-id',
      ref: 'main',
      snapshotId: undefined,
    })
    const nobody = changeOf(tableOf(), 'alter column n set not null', { checkRequired: undefined })
    expect((await rejectionOf(nobody))?.message).toContain('nulls')
  })

  it('are not looked at when they are new', async () => {
    const change = changeOf(
      tableOf({}, 3),
      'add column x int default 1; add partition field bucket(2, x); alter column x set not null',
      {
        checkRequired: async () => {
          throw new Error('looked')
        },
      },
    )
    expect(await change).toMatchObject({ written: [] })
    expect(
      await refusal(tableOf({}, 3), 'add column x int; write unordered; alter column x set not null'),
    ).toContain('default')
  })
})

describe('replacing a table', () => {
  it('keeps ids by name and what partition fields are made of, and forgets the streams of main', async () => {
    const before = tableOf({ 'serac.stream.feed': '{}', 'serac.stream.feed@side': '{}', a: 'b' })
    const fields = parseColumns('fresh int, id string, region string')
    const change = await replaceTableAction({
      schema: { fields, identifierFieldIds: [] },
      partitionFields: [
        { sourceId: 1, name: 'fresh_bucket', transform: parseTransform('bucket[2]') },
        { sourceId: 3, name: 'r', transform: { kind: 'identity' } },
      ],
      properties: { c: 'd', 'format-version': '3' },
      uuid: 'none',
    })(loaded(before), { number: 1 })
    if (change === 'unchanged') throw new Error('nothing changed')
    const after = applyUpdates(before, change.updates, { nowMs: 2 })
    expect(currentSchema(after).fields.map(({ id, name }) => `${id} ${name}`)).toEqual([
      '6 fresh',
      '1 id',
      '2 region',
    ])
    expect(defaultSpec(after).fields.map(({ fieldId, name }) => `${fieldId} ${name}`)).toEqual([
      '1002 fresh_bucket',
      '1000 r',
    ])
    expect(after).toMatchObject({ formatVersion: 3, location: 'memory://t', tableUuid: before.tableUuid })
    expect(after.properties).toMatchObject({ a: 'b', c: 'd', 'serac.stream.feed@side': '{}' })
    expect(after.properties).not.toHaveProperty('serac.stream.feed')
  })
})
