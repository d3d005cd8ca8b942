/** The updates that make a table, and tables that are only read. */
import { describe, expect, it } from 'vitest'
import { currentSchema, defaultSortOrder, defaultSpec } from '../../src/metadata/lookup.js'
import { checkWritable } from '../../src/metadata/new-table.js'
import { fieldPath } from '../../src/schema/schema.js'
import { newTable } from './tables.js'

describe('a new table', () => {
  const table = newTable({
    partitionFields: [{ sourceId: 30, name: 'at_day', transform: { kind: 'day' } }],
    sortFields: [
      { sourceId: 21, transform: { kind: 'identity' }, direction: 'desc', nullOrder: 'nulls-last' },
    ],
    properties: { 'write.delete.mode': 'copy-on-write', 'format-version': '3', owner: 'ann' },
  })

  it('has fresh field ids, to which key, partition and sort fields are tied', () => {
    const schema = currentSchema(table)
    expect(schema.fields.map(field => field.id)).toEqual([1, 2, 3])
    expect(schema.identifierFieldIds).toEqual([1])
    expect(table.lastColumnId).toBe(4)
    expect(fieldPath(schema, defaultSpec(table).fields[0]?.sourceId ?? 0)).toEqual(['at'])
    expect(fieldPath(schema, defaultSortOrder(table).fields[0]?.sourceId ?? 0)).toEqual(['address', 'city'])
    expect(defaultSpec(table).fields[0]?.fieldId).toBe(1000)
    expect(table.lastPartitionId).toBe(1000)
  })

  it('obeys the format version among its properties and says how it wants to be written', () => {
    expect(table.formatVersion).toBe(3)
    expect(table.properties).toEqual({
      'write.delete.mode': 'copy-on-write',
      'write.update.mode': 'merge-on-read',
      'write.merge.mode': 'merge-on-read',
      'write.delete.granularity': 'file',
      'write.parquet.compression-codec': 'zstd',
      owner: 'ann',
    })
  })

  it('is refused in version 1, and with fields that name no column', () => {
    const bad = expect.objectContaining({ kind: 'invalid-argument' })
    expect(() => newTable({ formatVersion: 1 })).toThrowError(bad)
    const field = { sourceId: 99, name: 'x', transform: { kind: 'identity' } as const }
    expect(() => newTable({ partitionFields: [field] })).toThrowError(bad)
    expect(() =>
      newTable({ partitionFields: [{ ...field, sourceId: 10, transform: { kind: 'day' } }] }),
    ).toThrowError(bad)
  })
})

describe('tables that are only read', () => {
  const table = newTable({ partitionFields: [{ sourceId: 10, name: 'id', transform: { kind: 'identity' } }] })
  const refused = expect.objectContaining({ kind: 'unsupported' })

  it('are those of version 1, encrypted ones, and those with an unknown transform in the default spec', () => {
    expect(() => checkWritable(table)).not.toThrow()
    expect(() => checkWritable({ ...table, formatVersion: 1 })).toThrowError(refused)
    expect(() => checkWritable({ ...table, properties: { 'encryption.key-id': 'k' } })).toThrowError(refused)
    const spec = defaultSpec(table)
    const unknown = spec.fields.map(field => ({
      ...field,
      transform: { kind: 'unsupported', text: 'zorder' } as const,
    }))
    expect(() => checkWritable({ ...table, partitionSpecs: [{ ...spec, fields: unknown }] })).toThrowError(
      refused,
    )
    const elsewhere = [...table.partitionSpecs, { specId: 9, fields: unknown }]
    expect(() => checkWritable({ ...table, partitionSpecs: elsewhere })).not.toThrow()
  })
})
