import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import { createStorageAccess, type StorageGrant } from '../../src/io/storage-access.js'

const MINUTE = 60_000

function clock(): { runtime: Runtime; passMinutes(count: number): void } {
  let nowMs = 0
  return {
    runtime: { ...systemRuntime, nowMs: () => nowMs },
    passMinutes: count => {
      nowMs += count * MINUTE
    },
  }
}

function grant(prefix: string, name: string, expiresMinute?: number): StorageGrant {
  const expiresMs = expiresMinute === undefined ? undefined : expiresMinute * MINUTE
  return { prefix, config: { name }, expiresMs }
}

describe('access to storage', () => {
  const named = async (access: ReturnType<typeof createStorageAccess>, location: string) =>
    (await access.grantFor(location))?.config.name

  it('takes the grant of the longest prefix, by names before by letters', async () => {
    const access = createStorageAccess(systemRuntime)
    access.put('all', [grant('s3', 'all')])
    access.put('t', [grant('s3://b/t', 't'), grant('s3a://b/t/data/', 'data')])
    expect(await named(access, 's3://b/t/metadata/x')).toBe('t')
    expect(await named(access, 's3://b/t/data/x')).toBe('data')
    expect(await named(access, 's3n://b/t/data/x')).toBe('data')
    expect(await named(access, 's3://b/t2/x')).toBe('all')
    access.put('all', [])
    expect(await named(access, 's3://b/t2/x')).toBe('t')
    expect(await named(access, 's3://other/x')).toBeUndefined()
    expect(await named(access, 'file:///b/t/x')).toBeUndefined()
  })

  it('replaces what a table was granted, and takes the newest of two', async () => {
    const access = createStorageAccess(systemRuntime)
    access.put('t', [grant('s3://b/t', 'first')])
    access.put('u', [grant('s3://b/t', 'other')])
    expect(await named(access, 's3://b/t/x')).toBe('other')
    access.put('t', [grant('s3://b/t', 'second')])
    expect(await named(access, 's3://b/t/x')).toBe('second')
    access.put('t', [])
    expect(await named(access, 's3://b/t/x')).toBe('other')
  })

  it('fetches a grant again before it ends, once for all who ask', async () => {
    const { runtime, passMinutes } = clock()
    const access = createStorageAccess(runtime)
    let fetched = 0
    access.put('t', [grant('s3://b/t', 'grant 0', 60)], async () => {
      fetched++
      await Promise.resolve()
      return [grant('s3://b/t', `grant ${fetched}`, 60 + 60 * fetched)]
    })
    passMinutes(54)
    expect(await named(access, 's3://b/t/x')).toBe('grant 0')
    passMinutes(2)
    const names = await Promise.all(Array.from({ length: 5 }, () => named(access, 's3://b/t/x')))
    expect(new Set(names)).toEqual(new Set(['grant 1']))
    passMinutes(60)
    expect(await named(access, 's3://b/t/x')).toBe('grant 2')
    expect(fetched).toBe(2)
  })

  it('uses short grants for most of their time', async () => {
    const { runtime, passMinutes } = clock()
    const access = createStorageAccess(runtime)
    access.put('t', [grant('s3://b/t', 'old', 4)], async () => [grant('s3://b/t', 'new', 100)])
    passMinutes(2)
    expect(await named(access, 's3://b/t/x')).toBe('old')
    passMinutes(1.5)
    expect(await named(access, 's3://b/t/x')).toBe('new')
  })

  it('goes on with the old grant while no new one is to be had, and no longer', async () => {
    const { runtime, passMinutes } = clock()
    const access = createStorageAccess(runtime)
    let asked = 0
    access.put('t', [grant('s3://b/t', 'old', 60)], () => {
      asked++
      return Promise.reject(new LakeError('unavailable', 'the catalog is away'))
    })
    passMinutes(57)
    for (let i = 0; i < 3; i++) expect(await named(access, 's3://b/t/x')).toBe('old')
    expect(asked).toBe(1)
    passMinutes(4)
    await expect(access.grantFor('s3://b/t/x')).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('denies what has ended and is not to be refreshed', async () => {
    const { runtime, passMinutes } = clock()
    const access = createStorageAccess(runtime)
    access.put('t', [grant('s3://b/t', 'old', 60)])
    passMinutes(59)
    expect(await named(access, 's3://b/t/x')).toBe('old')
    passMinutes(2)
    await expect(access.grantFor('s3://b/t/x')).rejects.toMatchObject({
      kind: 'denied',
      context: { location: 's3://b/t/x', owner: 't' },
    })
  })

  it('lets one who waits give up without the others', async () => {
    const { runtime, passMinutes } = clock()
    const access = createStorageAccess(runtime)
    let answer: (grants: readonly StorageGrant[]) => void = () => undefined
    access.put('t', [grant('s3://b/t', 'old', 60)], () => new Promise(resolve => (answer = resolve)))
    passMinutes(61)
    const stop = new AbortController()
    const impatient = access.grantFor('s3://b/t/x', stop.signal)
    const patient = named(access, 's3://b/t/x')
    stop.abort()
    await expect(impatient).rejects.toMatchObject({ kind: 'aborted' })
    answer([grant('s3://b/t', 'new', 200)])
    expect(await patient).toBe('new')
  })
})
