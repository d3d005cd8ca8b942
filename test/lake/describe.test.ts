import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringifyJson } from '../../src/base/json.js'
import { describeTable, hour, truncate } from '../../src/index.js'
import { type MemoryLake, openMemoryLake } from './memory-lake.js'

let there: MemoryLake
beforeAll(async () => {
  there = await openMemoryLake()
})
afterAll(() => there.close())

describe('the description of a table', () => {
  it('is plain data that prints as JSON, ids exact', async () => {
    const table = await there.lake.createTable(
      'shop.orders',
      "id bigint not null comment 'the number', s struct<at: timestamptz>, tags array<string>",
      {
        keys: ['id'],
        partitionBy: [hour('s.at'), truncate(8, 'id'), 'id'],
        sortBy: ['id desc', 'truncate(4, id)'],
        formatVersion: 3,
      },
    )
    const { snapshotId } = await table.append([{ id: 1 }])
    const loaded = await table.load()
    expect(describeTable(loaded)).toMatchObject({
      name: 'shop.orders',
      location: 'memory:/lake/shop/orders',
      metadataLocation: loaded.metadataLocation,
      formatVersion: 3,
      currentSnapshotId: snapshotId,
      columns: [
        { id: 1, name: 'id', type: 'long', required: true, doc: 'the number' },
        { id: 2, name: 's', type: 'struct<at: timestamptz>', required: false },
        { id: 3, name: 'tags', type: 'list<string>' },
      ],
      partitionBy: ['hour(s.at)', 'truncate[8](id)', 'id'],
      sortBy: ['id desc nulls-last', 'truncate[4](id) asc nulls-first'],
      keys: ['id'],
      refs: { main: { type: 'branch', snapshotId } },
    })
    expect(stringifyJson(describeTable(loaded))).toContain(`"currentSnapshotId":${snapshotId}`)
  })
})
