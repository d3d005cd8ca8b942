import { describe, expect, it } from 'vitest'
import { parseAlterations } from '../../src/sql/alter.js'
import { errorOf } from '../support/errors.js'

describe('alter clauses', () => {
  it('add columns with everything that a column may have', () => {
    const [a, b] = parseAlterations(
      "ADD COLUMNS (place.city string not null default 'Bern' comment 'where' after street, n decimal(10,2) first)",
    )
    expect(a).toMatchObject({
      kind: 'add-column',
      parent: 'place',
      name: 'city',
      type: { kind: 'string' },
      required: true,
      doc: 'where',
      position: { after: 'street' },
    })
    expect(
      a?.kind === 'add-column' && typeof a.initialDefault === 'function' && a.initialDefault(a.type),
    ).toBe('Bern')
    expect(b).toMatchObject({ name: 'n', parent: undefined, position: 'first', initialDefault: undefined })
    expect(parseAlterations('add column if not exists x int, y bigint')).toMatchObject([
      { name: 'x', ifNotExists: true },
      { name: 'y', ifNotExists: true },
    ])
  })

  it('drop, rename and alter columns', () => {
    expect(parseAlterations('drop column a.b; drop columns if exists (c, `d e`);')).toEqual([
      { kind: 'drop-column', column: 'a.b' },
      { kind: 'drop-column', column: 'c', ifExists: true },
      { kind: 'drop-column', column: 'd e', ifExists: true },
    ])
    expect(parseAlterations('rename column a.b to c')).toEqual([
      { kind: 'rename-column', column: 'a.b', to: 'c' },
    ])
    expect(
      parseAlterations(
        "alter column x type bigint set not null comment 'it''s' after y; alter column z drop not null first; change column w drop default before v",
      ),
    ).toEqual([
      { kind: 'change-type', column: 'x', type: { kind: 'long' } },
      { kind: 'set-required', column: 'x' },
      { kind: 'set-doc', column: 'x', doc: "it's" },
      { kind: 'move-column', column: 'x', to: { after: 'y' } },
      { kind: 'set-optional', column: 'z' },
      { kind: 'move-column', column: 'z', to: 'first' },
      { kind: 'set-default', column: 'w', value: undefined },
      { kind: 'move-column', column: 'w', to: { before: 'v' } },
    ])
  })

  it('read defaults in the type of their column', () => {
    const defaultOf = (text: string, type: { kind: 'long' | 'date' | 'int' }): unknown => {
      const [change] = parseAlterations(`alter column x set default ${text}`)
      return change?.kind === 'set-default' && typeof change.value === 'function' && change.value(type)
    }
    expect(defaultOf('5', { kind: 'long' })).toBe(5n)
    expect(defaultOf('-5', { kind: 'int' })).toBe(-5)
    expect(defaultOf("date '1970-01-02'", { kind: 'date' })).toBe(1)
    expect(parseAlterations('alter column x set default null')).toMatchObject([{ value: null }])
    expect(errorOf(() => defaultOf('1.5', { kind: 'int' }))).toMatchObject({ context: { position: 27 } })
    expect(errorOf(() => defaultOf('3000000000', { kind: 'int' }))?.kind).toBe('invalid-argument')
  })

  it('change partition fields', () => {
    const days = { column: 'ts', transform: { kind: 'day' } }
    expect(
      parseAlterations(
        'add partition field bucket(16, a.id) as shard; drop partition field days(ts); drop partition field shard; replace partition field days(ts) with hours(ts) as h; rename partition field h to hourly',
      ),
    ).toEqual([
      {
        kind: 'add-partition-field',
        term: { column: 'a.id', transform: { kind: 'bucket', count: 16 } },
        name: 'shard',
      },
      { kind: 'drop-partition-field', field: days },
      { kind: 'drop-partition-field', field: { column: 'shard', transform: { kind: 'identity' } } },
      {
        kind: 'replace-partition-field',
        field: days,
        term: { column: 'ts', transform: { kind: 'hour' } },
        name: 'h',
      },
      { kind: 'rename-partition-field', name: 'h', to: 'hourly' },
    ])
  })

  it('set the order that rows are written in', () => {
    const modeOf = (text: string): unknown => parseAlterations(text).at(-1)
    const mode = (value: string) => ({
      kind: 'set-properties',
      properties: { 'write.distribution-mode': value },
    })
    expect(parseAlterations('write ordered by days(ts) desc, id nulls last')[0]).toEqual({
      kind: 'set-sort-order',
      terms: [
        { column: 'ts', transform: { kind: 'day' }, direction: 'desc', nullOrder: 'nulls-last' },
        { column: 'id', transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-last' },
      ],
    })
    expect(modeOf('write ordered by id')).toEqual(mode('range'))
    expect(modeOf('write locally ordered by id')).toEqual(mode('none'))
    expect(modeOf('write distributed by partition locally ordered by id')).toEqual(mode('hash'))
    expect(parseAlterations('write distributed by partition')).toEqual([
      { kind: 'set-sort-order', terms: [] },
      mode('hash'),
    ])
    expect(parseAlterations('write unordered')).toEqual([{ kind: 'set-sort-order', terms: [] }, mode('none')])
  })

  it('set identifier fields, properties and the location', () => {
    expect(
      parseAlterations(
        "set identifier fields a.b, c; drop identifier fields c; set tblproperties ('k' = 'v''s', a.b = 5); unset tblproperties if exists ('k'); set location 'file:///x'",
      ),
    ).toEqual([
      { kind: 'set-identifier-fields', columns: ['a.b', 'c'] },
      { kind: 'drop-identifier-fields', columns: ['c'] },
      { kind: 'set-properties', properties: { k: "v's", 'a.b': '5' } },
      { kind: 'unset-properties', names: ['k'] },
      { kind: 'set-location', location: 'file:///x' },
    ])
  })

  it('say where they do not parse', () => {
    expect(errorOf(() => parseAlterations('add column'))).toMatchObject({ kind: 'invalid-argument' })
    expect(errorOf(() => parseAlterations('drop column a drop column b'))).toMatchObject({
      context: { position: 14, expected: '";"' },
    })
    expect(errorOf(() => parseAlterations('alter column x'))?.context.expected).toContain('type')
    expect(errorOf(() => parseAlterations('add partition field bucket(id)'))?.kind).toBe('invalid-argument')
    expect(errorOf(() => parseAlterations('add column x float64'))?.message).toContain('type')
    expect(errorOf(() => parseAlterations('truncate everything'))?.context.position).toBe(0)
    expect(parseAlterations(' ; ; ')).toEqual([])
  })
})
