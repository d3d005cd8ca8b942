import { describe, expect, it } from 'vitest'
import { applySpecChanges, type EvolveSpecOptions, type SpecChange } from '../../src/schema/evolve-spec.js'
import type { PartitionField, PartitionSpec, Transform } from '../../src/schema/partition-spec.js'
import { parseTransform, printTransform } from '../../src/schema/transform.js'
import type { Schema, Type } from '../../src/schema/types.js'
import { errorOf } from '../support/errors.js'

const column = (id: number, name: string, type: Type): Schema['fields'][number] => ({
  id,
  name,
  required: false,
  type,
})
const SCHEMA: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    column(1, 'id', { kind: 'long' }),
    column(2, 'region', { kind: 'string' }),
    column(3, 'ts', { kind: 'timestamptz' }),
    column(4, 'place', { kind: 'struct', fields: [column(5, 'city', { kind: 'string' })] }),
  ],
}

const part = (fieldId: number, sourceId: number, name: string, transform: string): PartitionField => ({
  fieldId,
  sourceId,
  name,
  transform: parseTransform(transform),
})
const BEFORE: PartitionSpec = {
  specId: 0,
  fields: [part(1000, 2, 'region', 'identity'), part(1001, 3, 'ts_day', 'day')],
}

const term = (name: string, transform: string): { column: string; transform: Transform } => ({
  column: name,
  transform: parseTransform(transform),
})
const add = (name: string, transform: string, as?: string): SpecChange => ({
  kind: 'add-partition-field',
  term: term(name, transform),
  name: as,
})
const drop = (field: string): SpecChange => ({ kind: 'drop-partition-field', field })

function evolve(changes: readonly SpecChange[], options: Partial<EvolveSpecOptions> = {}): readonly string[] {
  const { spec } = applySpecChanges(changes, {
    schema: SCHEMA,
    spec: BEFORE,
    specs: [BEFORE],
    lastPartitionId: 1001,
    formatVersion: 2,
    ...options,
  })
  return spec.fields.map(
    field => `${field.fieldId} ${field.name} ${printTransform(field.transform)}(${field.sourceId})`,
  )
}

function refusal(changes: readonly SpecChange[], options: Partial<EvolveSpecOptions> = {}): string {
  const error = errorOf(() => evolve(changes, options))
  expect(error?.kind).toBe('invalid-argument')
  return error?.message ?? ''
}

const KEPT = ['1000 region identity(2)', '1001 ts_day day(3)']

describe('adding partition fields', () => {
  it('gives fresh ids and the names of Iceberg', () => {
    expect(
      evolve([
        add('id', 'bucket[16]'),
        add('region', 'truncate[4]'),
        add('place.city', 'identity'),
        add('ts', 'hour', 'h'),
      ]),
    ).toEqual([
      ...KEPT,
      '1002 id_bucket_16 bucket[16](1)',
      '1003 region_trunc_4 truncate[4](2)',
      '1004 place.city identity(5)',
      '1005 h hour(3)',
    ])
  })

  it('of what is there already is refused, by term and by name', () => {
    expect(refusal([add('region', 'identity')])).toContain('already')
    expect(refusal([add('region', 'identity', 'other')])).toContain('already')
    expect(refusal([add('id', 'bucket[4]', 'ts_day')])).toContain('already')
    expect(refusal([add('id', 'bucket[4]'), add('id', 'bucket[4]', 'twice')])).toContain('already')
    expect(refusal([add('id', 'bucket[4]', 'b'), add('id', 'bucket[5]', 'b')])).toContain('already')
    expect(refusal([add('nowhere', 'identity')])).toContain('not in')
  })

  it('twice of the time of one column is redundant', () => {
    expect(refusal([add('ts', 'month'), add('ts', 'year')])).toContain('redundant')
    expect(evolve([add('ts', 'month')])).toHaveLength(3)
  })

  it('that an older spec had gives them their id and name back, from version 2 on', () => {
    const older: PartitionSpec = { specId: 1, fields: [part(1002, 1, 'shard', 'bucket[8]')] }
    const options = { specs: [BEFORE, older], lastPartitionId: 1002 }
    expect(evolve([add('id', 'bucket[8]')], options).at(-1)).toBe('1002 shard bucket[8](1)')
    expect(evolve([add('id', 'bucket[8]', 'shard')], options).at(-1)).toBe('1002 shard bucket[8](1)')
    expect(evolve([add('id', 'bucket[8]', 'other')], options).at(-1)).toBe('1003 other bucket[8](1)')
    expect(evolve([add('id', 'bucket[8]')], { ...options, formatVersion: 1 }).at(-1)).toBe(
      '1003 id_bucket_8 bucket[8](1)',
    )
  })

  it('does not take the id of a field that is void now', () => {
    const first: PartitionSpec = { specId: 0, fields: [part(1000, 3, 'ts_day', 'day')] }
    const spec: PartitionSpec = { specId: 1, fields: [part(1000, 3, 'ts_day', 'void')] }
    expect(evolve([add('ts', 'day')], { spec, specs: [first, spec], lastPartitionId: 1000 })).toEqual([
      '1000 ts_day_1000 void(3)',
      '1001 ts_day day(3)',
    ])
  })
})

describe('dropping partition fields', () => {
  it('by name, by term, and by a word that is no column', () => {
    expect(evolve([drop('region')])).toEqual([KEPT[1]])
    expect(evolve([{ kind: 'drop-partition-field', field: term('ts', 'day') }])).toEqual([KEPT[0]])
    expect(evolve([{ kind: 'drop-partition-field', field: term('ts_day', 'identity') }])).toEqual([KEPT[0]])
    expect(refusal([drop('nothing')])).toContain('not in the spec')
    expect(refusal([{ kind: 'drop-partition-field', field: term('id', 'identity') }])).toContain('not in')
  })

  it('leaves void fields in version 1', () => {
    expect(evolve([drop('region'), add('region', 'truncate[2]', 'region')], { formatVersion: 1 })).toEqual([
      '1000 region_1000 void(2)',
      KEPT[1],
      '1002 region truncate[2](2)',
    ])
  })

  it('and adding the same again is nothing, or a new name', () => {
    expect(evolve([drop('ts_day'), add('ts', 'day')])).toEqual(KEPT)
    expect(evolve([drop('ts_day'), add('ts', 'day', 'daily')])).toEqual([KEPT[0], '1001 daily day(3)'])
  })

  it('contradicts other changes of the same field', () => {
    const rename: SpecChange = { kind: 'rename-partition-field', name: 'region', to: 'area' }
    expect(refusal([rename, drop('region')])).toContain('renamed and dropped')
    expect(refusal([drop('region'), rename])).toContain('renamed and dropped')
    expect(refusal([add('id', 'bucket[4]', 'b'), drop('b')])).toContain('added and dropped')
    expect(refusal([drop('region'), drop('region')])).toContain('twice')
    expect(refusal([add('id', 'bucket[4]', 'b'), { ...rename, name: 'b' }])).toContain('added and renamed')
  })
})

describe('renaming and replacing partition fields', () => {
  it('keeps or changes their ids', () => {
    expect(evolve([{ kind: 'rename-partition-field', name: 'region', to: 'area' }])[0]).toBe(
      '1000 area identity(2)',
    )
    expect(
      evolve([{ kind: 'replace-partition-field', field: term('ts', 'day'), term: term('ts', 'month') }]),
    ).toEqual([KEPT[0], '1002 ts_month month(3)'])
    expect(refusal([{ kind: 'rename-partition-field', name: 'region', to: 'ts_day' }])).toContain('already')
  })

  it('a spec with a transform that is not known stays as it is', () => {
    const spec: PartitionSpec = { specId: 0, fields: [part(1000, 1, 'z', 'zorder')] }
    expect(errorOf(() => evolve([add('id', 'bucket[4]')], { spec, specs: [spec] }))?.kind).toBe('unsupported')
  })
})
