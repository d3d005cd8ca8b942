import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { collect } from '../../src/base/concurrency.js'
import { type FailingCall, failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { meteredIO } from '../../src/io/metered.js'
import { overlaidIO } from '../../src/io/overlaid.js'
import { relocatedIO } from '../../src/io/relocated.js'

const FILE = 'memory://t/f'
const noSpace = (): Error => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

describe('the metered layer', () => {
  it('counts requests and bytes, keeps their order, and starts again', async () => {
    const { io, counts, log, reset } = meteredIO(createMemoryIO())
    await io.write(FILE, new Uint8Array(10))
    const range = { offset: 2, lengthBytes: 100 }
    await io.read(FILE, { range })
    const writer = await io.openWriter('memory://t/g')
    await writer.write(new Uint8Array(5))
    await writer.close()
    await collect(io.list('memory://t/'))
    expect(counts.requests).toMatchObject({ write: 1, read: 1, openWriter: 1, list: 1, delete: 0 })
    expect(counts).toMatchObject({ readBytes: 8, writtenBytes: 15 })
    expect(log.map(request => request.verb)).toEqual(['write', 'read', 'openWriter', 'list'])
    expect(log[1]?.range).toEqual(range)
    reset()
    expect(counts).toMatchObject({ readBytes: 0, requests: { read: 0 } })
    expect(log).toEqual([])
  })

  it('bounds its log', async () => {
    const { io, log } = meteredIO(createMemoryIO(), { requestsMax: 2 })
    for (const name of ['a', 'b', 'c']) await io.write(`memory://t/${name}`, new Uint8Array(1))
    expect(log.map(request => request.location)).toEqual(['memory://t/b', 'memory://t/c'])
  })
})

describe('the failing layer', () => {
  it('turns a full disk into unavailable before anything is written', async () => {
    const inner = createMemoryIO()
    const io = failingIO(inner, call => (call.phase === 'before' ? noSpace() : undefined))
    const expected = { kind: 'unavailable', context: { location: FILE, reason: 'ENOSPC' } }
    await expect(io.write(FILE, utf8Encode('x'))).rejects.toMatchObject(expected)
    await expect(io.create(FILE, utf8Encode('x'))).rejects.toMatchObject(expected)
    await expect(io.openWriter(FILE)).rejects.toMatchObject(expected)
    expect(await collect(inner.list('memory://'))).toEqual([])
  })

  it('loses the answer of a request that took effect', async () => {
    const inner = createMemoryIO()
    const lost = new Error('connection reset')
    const io = failingIO(inner, call => (call.phase === 'after' ? lost : undefined))
    await expect(io.create(FILE, utf8Encode('x'))).rejects.toBe(lost)
    expect(await inner.create(FILE, utf8Encode('y'))).toBe('exists')
  })

  it('is asked about every step of a streamed file', async () => {
    const calls: FailingCall[] = []
    const io = failingIO(createMemoryIO(), call => {
      calls.push(call)
      return undefined
    })
    const writer = await io.openWriter(FILE)
    await writer.write(utf8Encode('x'))
    await writer.close()
    await writer.abort()
    const steps = calls.filter(call => call.phase === 'before').map(call => call.verb)
    expect(steps).toEqual(['openWriter', 'writer-write', 'writer-close', 'writer-abort'])
    expect(calls.every(call => call.location === FILE)).toBe(true)
  })
})

describe('the relocated layer', () => {
  it('serves one root out of another and keeps the names of the metadata', async () => {
    const inner = createMemoryIO()
    const io = relocatedIO(inner, { from: 's3://bucket/t', to: 'memory://copy' })
    await inner.write('memory://copy/data/f', utf8Encode('x'))
    expect((await io.stat('s3://bucket/t/data/f')).location).toBe('s3://bucket/t/data/f')
    const files = await collect(io.list('s3://bucket/t/'))
    expect(files.map(file => file.location)).toEqual(['s3://bucket/t/data/f'])
    expect(await io.delete(['s3://bucket/t/data/f'])).toEqual({
      deleted: ['s3://bucket/t/data/f'],
      failed: [],
    })
  })

  it('leaves other locations alone, those with a longer name too', async () => {
    const inner = createMemoryIO()
    const io = relocatedIO(inner, { from: 's3://bucket/t', to: 'memory://copy' })
    await inner.write('s3://bucket/t2/f', utf8Encode('x'))
    expect(await io.read('s3://bucket/t2/f')).toEqual(utf8Encode('x'))
  })

  it('takes all spellings of a local root', async () => {
    const inner = createMemoryIO()
    await inner.write('memory://copy/f', utf8Encode('x'))
    const io = relocatedIO(inner, { from: 'file:/warehouse/t/', to: 'memory://copy/' })
    for (const location of ['file:///warehouse/t/f', 'file:/warehouse/t/f', '/warehouse/t/f']) {
      expect(await io.read(location)).toEqual(utf8Encode('x'))
    }
  })

  it('takes the longest of several roots, and any of the s3 schemes', async () => {
    const inner = createMemoryIO()
    const io = relocatedIO(inner, [
      { from: 's3://bucket', to: 'memory://all/' },
      { from: 's3a://bucket/t/data/', to: 'memory://data' },
      { from: 'relative/base', to: 'memory://rel' },
    ])
    await inner.write('memory://all/t/metadata/m', utf8Encode('m'))
    await inner.write('memory://data/f', utf8Encode('f'))
    await inner.write('memory://rel/f', utf8Encode('r'))
    expect(await io.read('s3n://bucket/t/metadata/m')).toEqual(utf8Encode('m'))
    expect(await io.read('s3://bucket/t/data/f')).toEqual(utf8Encode('f'))
    expect(await io.read('relative/base/f')).toEqual(utf8Encode('r'))
  })

  it('takes a root that is a whole store', async () => {
    const inner = createMemoryIO()
    await inner.write('memory://copy/bucket/f', utf8Encode('x'))
    const io = relocatedIO(inner, { from: 's3://', to: 'memory://copy' })
    expect(await io.read('s3a://bucket/f')).toEqual(utf8Encode('x'))
  })
})

describe('the overlaid layer', () => {
  it('keeps one prefix in a store of its own', async () => {
    const [inner, over] = [createMemoryIO(), createMemoryIO()]
    const io = overlaidIO(inner, { prefix: 'memory://own/', over })
    await io.write('memory://own/f', utf8Encode('own'))
    await io.write('memory://other/f', utf8Encode('other'))
    expect(await over.read('memory://own/f')).toEqual(utf8Encode('own'))
    expect(await inner.read('memory://other/f')).toEqual(utf8Encode('other'))
    expect((await collect(io.list('memory://own/'))).map(file => file.location)).toEqual(['memory://own/f'])
    const report = await io.delete(['memory://own/f', 'memory://other/f'])
    expect(report.deleted).toHaveLength(2)
    expect(await collect(inner.list('memory://'))).toEqual([])
  })
})
