import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { openLake } from '../../src/index.js'
import { failingIO } from '../../src/io/failing.js'
import { createTestTable } from '../writer/test-lake.js'

const FIELDS = [
  { id: 1, name: 'id', required: false, type: { kind: 'long' } },
  { id: 2, name: 'part', required: false, type: { kind: 'string' } },
] as const

describe('an append whose last file cannot be finished', () => {
  it('fails and leaves no file of those that were', async () => {
    let closed = 0
    const table = await createTestTable({
      fields: FIELDS,
      partitionFields: [{ sourceId: 2, name: 'part', transform: { kind: 'identity' } }],
      layer: io =>
        failingIO(io, ({ verb, phase }) =>
          verb === 'writer-close' && phase === 'before' && ++closed === 3
            ? new LakeError('unavailable', 'the disk is full')
            : undefined,
        ),
    })
    const { catalog, io, runtime } = table
    const lake = openLake({ catalog, io, runtime })
    const rows = ['a', 'b', 'c'].map((part, id) => ({ id, part }))
    await expect(lake.table('ns.t').append(rows)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(closed).toBe(3)
    expect(await table.dataFiles()).toEqual([])
    expect(await table.rows()).toEqual([])
  })
})
