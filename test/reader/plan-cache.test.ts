/** Plans out of the manifest cache are the plans without it. */
import { describe, expect, it } from 'vitest'
import { gtEq, lt } from '../../src/expression/expression.js'
import { meteredIO } from '../../src/io/metered.js'
import { keepManifests, manifestCacheOf } from '../../src/manifest/manifest-cache.js'
import { createMemoryTable, planOf } from './memory-table.js'

async function table() {
  const made = createMemoryTable({ fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }] })
  const files = []
  for (let part = 0; part < 6; part++)
    files.push(await made.dataFile(`d${part}.parquet`, [[BigInt(part * 10)], [BigInt(part * 10 + 5)]]))
  await made.commit(files.slice(0, 3))
  await made.commit(files.slice(3))
  await made.commit([await made.equalityDeletes('e.parquet', [[10n]], { fields: made.schema.fields })])
  return made
}

describe('a plan with a manifest cache', () => {
  it('asks for the list only when it comes again, whatever its filter, and is the same', async () => {
    const made = await table()
    const metered = meteredIO(made.io)
    const io = { ...metered.io }
    keepManifests(io, { sizeBytesMax: 2 ** 22 })
    const filters = [undefined, gtEq('id', 30n), lt('id', 12n), gtEq('id', 1000n)]
    const cached = Object.assign(Object.create(made), { io })
    for (const filter of [...filters, ...filters]) {
      const scan = filter === undefined ? {} : { filter }
      const expected = await planOf(made, scan)
      metered.reset()
      const plan = await planOf(cached, scan)
      expect(plan.tasks).toEqual(expected.tasks)
      expect({ ...plan.report, requests: 0, readBytes: 0 }).toEqual({
        ...expected.report,
        requests: 0,
        readBytes: 0,
      })
      expect(plan.report.requests).toBe(metered.counts.requests.read)
      if (filter !== undefined) expect(metered.counts.requests.read).toBe(1)
    }
    expect(manifestCacheOf(io)?.sizeBytes).toBeGreaterThan(0)
  })

  it('keeps nothing of a table whose manifests are more than the budget', async () => {
    const made = await table()
    const io = { ...made.io }
    keepManifests(io, { sizeBytesMax: 5000 })
    const cached = Object.assign(Object.create(made), { io })
    await planOf(cached)
    expect(manifestCacheOf(io)?.sizeBytes).toBe(0)
  })
})
