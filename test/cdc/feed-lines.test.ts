import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { feedLines, parseFeedJson, readFeedFiles } from '../../src/cdc/feed-lines.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { errorOf, rejectionOf } from '../support/errors.js'
import { allLines, chunksOf, collect } from './small-feeds.js'

describe('the lines of a feed', () => {
  it('are numbered from 1; empty ones are counted and left out', async () => {
    expect(await allLines('a\n\nb\r\nc')).toEqual([
      { number: 1, text: 'a' },
      { number: 3, text: 'b' },
      { number: 4, text: 'c' },
    ])
    expect(await allLines('')).toEqual([])
    expect(await allLines('\n')).toEqual([])
  })

  it('are the same however the bytes are cut into chunks, plain and gzipped', async () => {
    const text = fc.array(
      fc.string({ unit: 'binary', maxLength: 20 }).map(line => line.replace(/[\r\n]/g, '')),
    )
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (lines, chunkBytes, zip) => {
        const plain = Buffer.from(lines.join('\n').replace(/\p{Surrogate}/gu, '?'))
        const wanted = plain
          .toString()
          .split('\n')
          .map((line, index) => ({ number: index + 1, text: line.replace(/^\ufeff/, '') }))
          .filter(line => line.text !== '')
        expect(await allLines(zip ? gzipSync(plain) : plain, { chunkBytes })).toEqual(wanted)
      }),
    )
  })

  it('of several gzip members one after the other are all read', async () => {
    const bytes = Buffer.concat([gzipSync('a\nb'), gzipSync('c\n')])
    expect((await allLines(bytes)).map(({ text }) => text)).toEqual(['a', 'bc'])
  })

  it('that are cut inside gzip are corrupt, after the lines that could be read', async () => {
    const whole = gzipSync(Buffer.from('line\n'.repeat(100_000)))
    const seen: string[] = []
    const error = await rejectionOf(
      (async () => {
        for await (const line of feedLines(chunksOf(whole.subarray(0, whole.length - 20)), { source: 'x' })) {
          seen.push(line.text)
        }
      })(),
    )
    expect(error).toMatchObject({ kind: 'corrupt', context: { source: 'x' } })
    expect(seen.length).toBeGreaterThan(0)
  })

  it('that are not UTF-8 are corrupt, with their number', async () => {
    expect(await rejectionOf(allLines(Buffer.from([97, 10, 0xff, 10])))).toMatchObject({
      kind: 'corrupt',
      context: { source: 'test', line: 2 },
    })
  })

  it('pass on an error of the source, gzipped or not', async () => {
    for (const start of [Buffer.from('ab'), gzipSync('ab')]) {
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield start
        throw new LakeError('unavailable', 'the disk is gone')
      }
      expect(await rejectionOf(collect(feedLines(failing(), { source: 'x' })))).toMatchObject({
        kind: 'unavailable',
        message: 'the disk is gone',
      })
    }
  })

  it('close the source when the reader has had enough', async () => {
    for (const zip of [false, true]) {
      let isClosed = false
      const bytes = Buffer.from('line\n'.repeat(200_000))
      const source = async function* (): AsyncGenerator<Uint8Array> {
        try {
          yield* chunksOf(zip ? gzipSync(bytes, { level: 0 }) : bytes, { chunkBytes: 1000 })
        } finally {
          isClosed = true
        }
      }
      for await (const _ of feedLines(source(), { source: 'x' })) break
      await new Promise(setImmediate)
      expect(isClosed).toBe(true)
    }
  })
})

describe('the lines of files', () => {
  it('are numbered over all files, and a file may be gzipped', async () => {
    const io = createMemoryIO()
    await io.write('memory:/a', Buffer.from('1\n2\n'))
    await io.write('memory:/b', gzipSync('3\n'))
    const lines = await collect(readFeedFiles(io, ['memory:/a', 'memory:/b']))
    expect(lines.map(({ number, text }) => ({ number, text }))).toEqual([
      { number: 1, text: '1' },
      { number: 2, text: '2' },
      { number: 3, text: '3' },
    ])
  })

  it('have their own bytes, and say of which file a line is that is no text', async () => {
    const io = createMemoryIO()
    await io.write('memory:/a', Buffer.from('1\r\n2'))
    await io.write('memory:/b', Buffer.from([0x33, 10, 0xe2]))
    const lines = await collect(readFeedFiles(io, ['memory:/a', 'memory:/b']))
    expect(lines.map(({ bytes }) => [...(bytes ?? [])])).toEqual([[0x31], [0x32], [0x33], [0xe2]])
    expect(errorOf(() => lines[3]?.text)).toMatchObject({
      kind: 'corrupt',
      context: { source: 'memory:/b', line: 2 },
    })
  })

  it('of a file that is not there are not found', async () => {
    const error = await rejectionOf(collect(readFeedFiles(createMemoryIO(), ['memory:/none'])))
    expect(error?.kind).toBe('not-found')
  })
})

describe('the JSON of a line', () => {
  it('that is broken is corrupt, with number and text', () => {
    expect(errorOf(() => parseFeedJson({ number: 7, text: '{"a":' }))).toMatchObject({
      kind: 'corrupt',
      context: { line: 7, text: '{"a":' },
    })
  })
})
