/** Files are deleted a batch at a time, and what comes of it is told however it ends. */
import { describe, expect, it } from 'vitest'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { deleteFiles, mayDeleteFiles } from '../../src/maintenance/delete-files.js'
import { seededRuntime } from '../snapshot/world.js'

const LOCATIONS = Array.from({ length: 2_500 }, (_, index) => `memory://lake/f${index}`)

/** A store that says how many files it was asked to delete at once, and whose last call may fail. */
function countingIO(sizes: number[], failsAt = Number.POSITIVE_INFINITY): FileIO {
  const io = createMemoryIO({ runtime: seededRuntime() })
  return {
    ...io,
    async delete(locations) {
      sizes.push(locations.length)
      if (sizes.length === failsAt) throw new Error('the store is away')
      const [first = '', ...deleted] = locations
      return { deleted, failed: [{ location: first, reason: 'busy' }] }
    },
  }
}

describe('deleting many files', () => {
  it('goes by a thousand at a time and tells of each file what became of it', async () => {
    const sizes: number[] = []
    const { deleted, failed, cutShort } = await deleteFiles(countingIO(sizes), LOCATIONS, {})
    expect(sizes).toEqual([1_000, 1_000, 500])
    expect(failed.map(({ location }) => location)).toEqual([0, 1_000, 2_000].map(at => LOCATIONS[at]))
    expect(deleted).toHaveLength(2_497)
    expect(cutShort).toBeUndefined()
  })

  it('tells what was deleted before the store failed', async () => {
    const { deleted, failed, cutShort } = await deleteFiles(countingIO([], 2), LOCATIONS, {})
    expect(deleted).toEqual(LOCATIONS.slice(1, 1_000))
    expect(failed).toHaveLength(1)
    expect(cutShort).toBe('the store is away')
  })
})

describe('whether files may be deleted', () => {
  it('is up to the table, and a clone may delete its own', () => {
    const clone = '[{"table":"shop.a","uuid":"u","location":"memory://lake/a","snapshotId":1}]'
    const forbidden = { 'gc.enabled': 'false' }
    expect(mayDeleteFiles({ properties: {} })).toBe(true)
    expect(mayDeleteFiles({ properties: forbidden })).toBe(false)
    expect(mayDeleteFiles({ properties: { ...forbidden, 'serac.clone-of': clone } })).toBe(true)
  })
})
