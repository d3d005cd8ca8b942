import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryIO } from '../../src/io/memory.js'
import { meteredIO } from '../../src/io/metered.js'
import { createManifestCache, keepManifests, manifestCacheOf } from '../../src/manifest/manifest-cache.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { writeManifestList } from '../../src/manifest/manifest-list-write.js'

const LIST = 'memory://lake/t/metadata/snap-1.avro'
const SNAPSHOT = { snapshotId: 1n, manifestList: LIST }
const OPTIONS = { formatVersion: 2, snapshotId: 1n, parentSnapshotId: undefined, sequenceNumber: 1n } as const

let metered: ReturnType<typeof meteredIO>
beforeEach(() => {
  metered = meteredIO(createMemoryIO())
})

describe('manifest lists that are kept', () => {
  it('are not read when they were written or read before, and are what is stored', async () => {
    const { io } = metered
    keepManifests(io, { sizeBytesMax: 1 << 20 })
    await writeManifestList(io, LIST, [], OPTIONS)
    expect(await readManifestList(io, SNAPSHOT)).toEqual([])
    expect(metered.counts.requests.read).toBe(0)
    const other = { ...io }
    keepManifests(other, { sizeBytesMax: 1 << 20 })
    for (let time = 0; time < 2; time++) expect(await readManifestList(other, SNAPSHOT)).toEqual([])
    expect(metered.counts.requests.read).toBe(1)
  })

  it('are read each time where nothing is kept', async () => {
    const { io } = metered
    await writeManifestList(io, LIST, [], OPTIONS)
    for (let time = 1; time <= 2; time++) {
      await readManifestList(io, SNAPSHOT)
      expect(metered.counts.requests.read).toBe(time)
    }
    keepManifests(io, { sizeBytesMax: 0 })
    await readManifestList(io, SNAPSHOT)
    await readManifestList(io, SNAPSHOT)
    expect(metered.counts.requests.read).toBe(4)
    expect(manifestCacheOf(io)?.sizeBytes).toBe(0)
  })

  it('are within the budget, the last used ones', () => {
    const cache = createManifestCache({ sizeBytesMax: 1000 })
    cache.putList('a', new Uint8Array(400))
    cache.putList('b', new Uint8Array(400))
    cache.list('a')
    cache.putList('c', new Uint8Array(400))
    cache.putList('too large', new Uint8Array(1001))
    expect(['a', 'b', 'c', 'too large'].filter(location => cache.list(location) !== undefined)).toEqual([
      'a',
      'c',
    ])
    expect(cache.sizeBytes).toBe(800)
    cache.putList('c', new Uint8Array(500))
    expect(cache.sizeBytes).toBe(900)
  })

  it('hold no more memory than they are long', () => {
    const cache = createManifestCache({ sizeBytesMax: 1000 })
    cache.putList('a', new Uint8Array(1 << 20).subarray(7, 17))
    expect(cache.list('a')?.buffer.byteLength).toBe(10)
  })

  it('are few', () => {
    const cache = createManifestCache({ sizeBytesMax: 1 << 20 })
    for (let list = 0; list < 1000; list++) cache.putList(`${list}`, new Uint8Array(1))
    expect(cache.sizeBytes).toBeLessThan(100)
    expect(cache.list('999')).toBeDefined()
  })
})
