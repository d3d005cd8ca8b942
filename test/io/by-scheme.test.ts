import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { collect } from '../../src/base/concurrency.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { ioByScheme } from '../../src/io/by-scheme.js'
import { createLocalIO } from '../../src/io/local.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { fileIoContract } from '../contract/file-io.js'

fileIoContract('stores by scheme, of S3', async () => ({
  io: ioByScheme({ local: createMemoryIO(), s3: async () => createMemoryIO() }),
  root: 's3://bucket/t',
}))

fileIoContract('stores by scheme, local', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'serac-scheme-'))
  return {
    io: ioByScheme({
      local: createLocalIO({ runtime: systemRuntime, fsync: false }),
      s3: () => Promise.reject(new Error('opened for nothing')),
    }),
    root: `file://${folder}`,
    dispose: () => rm(folder, { recursive: true }),
  }
})

describe('stores by scheme', () => {
  it('open the store of S3 once, when it is needed first', async () => {
    let opened = 0
    const io = ioByScheme({
      local: createMemoryIO(),
      s3: async () => {
        opened++
        return createMemoryIO()
      },
    })
    await io.write('/local/f', utf8Encode('x'))
    expect(opened).toBe(0)
    await Promise.all(['s3://b/f', 's3a://b/g', 'S3N://b/h'].map(name => io.write(name, utf8Encode('x'))))
    expect(opened).toBe(1)
    expect(await collect(io.list('s3://b/'))).toHaveLength(1)
  })

  it('try again when the store of S3 could not be opened', async () => {
    let fails = true
    const io = ioByScheme({
      local: createMemoryIO(),
      s3: async () => {
        if (fails) throw new Error('not now')
        return createMemoryIO()
      },
    })
    await expect(io.write('s3://b/f', utf8Encode('x'))).rejects.toThrow('not now')
    fails = false
    await io.write('s3://b/f', utf8Encode('x'))
  })

  it('delete from each store what is its own, and report the rest', async () => {
    const [local, s3] = [createMemoryIO(), createMemoryIO()]
    const io = ioByScheme({ local, s3: async () => s3 })
    for (const name of ['/a', 's3://b/c']) await io.write(name, utf8Encode('x'))
    const report = await io.delete(['/a', 's3://b/c', 'gs://b/d'])
    expect(report.deleted).toEqual(['/a', 's3://b/c'])
    expect(report.failed).toMatchObject([{ location: 'gs://b/d' }])
    expect(await collect(local.list('/'))).toEqual([])
    expect(await collect(s3.list('s3:'))).toEqual([])
  })

  it('refuse other schemes', async () => {
    const io = ioByScheme({ local: createMemoryIO(), s3: async () => createMemoryIO() })
    await expect(io.read('gs://b/f')).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: 'gs://b/f' },
    })
  })
})
