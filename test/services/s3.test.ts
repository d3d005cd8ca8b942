/** The S3 store on real servers: the contract of FileIO, large files, many files, names, what is counted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { collect, mapBounded } from '../../src/base/concurrency.js'
import { systemRuntime } from '../../src/base/runtime.js'
import { createS3IO } from '../../src/io/s3.js'
import { fileIoContract } from '../contract/file-io.js'
import { s3FaultSuite } from '../io/s3-faults.js'
import {
  type Service,
  type ServiceName,
  serviceIsHere,
  serviceProperties,
  startService,
  TEST_BUCKET,
} from './service.js'

const SERVERS: readonly ServiceName[] = ['versitygw', 'minio']

for (const name of SERVERS) {
  describe.skipIf(!serviceIsHere(name))(`S3 on ${name}`, () => {
    let service: Service
    beforeAll(async () => {
      service = await startService(name)
    }, 120_000)
    afterAll(() => service.stop())

    let roots = 0
    fileIoContract(`S3 on ${name}`, async () => ({
      io: createS3IO({ properties: service.properties, runtime: systemRuntime }),
      root: `s3://${TEST_BUCKET}/contract/${roots++}`,
    }))
    describe('beyond the contract', () => {
      const open = (properties: Readonly<Record<string, string>> = {}) =>
        createS3IO({ properties: { ...service.properties, ...properties }, runtime: systemRuntime })
      const root = `s3://${TEST_BUCKET}/beyond`

      it('lists and deletes more objects than a page or a batch holds', async () => {
        const io = open()
        const names = Array.from({ length: 1100 }, (_, index) => `${root}/many/${index % 7}/${index}`)
        await mapBounded(names, name => io.write(name, utf8Encode('x')), { limit: 32 })
        const listed = await collect(io.list(`${root}/many/`))
        expect(listed.map(file => file.location).sort()).toEqual([...names].sort())
        const level = await collect(io.listLevel(`${root}/many/`))
        expect(level.map(entry => (entry.kind === 'folder' ? entry.location : 'a file')).sort()).toEqual(
          Array.from({ length: 7 }, (_, folder) => `${root}/many/${folder}`),
        )
        expect((await io.delete(names)).failed).toEqual([])
        expect(await collect(io.list(`${root}/many/`))).toEqual([])
      }, 60_000)

      it('takes names literally, in lists, batches, uploads and create too', async () => {
        const io = open({ 's3.multipart.part-size-bytes': '5242880' })
        const paths = [
          'a+b',
          'a b',
          'a%20b',
          '%',
          '%zz',
          'ü/日本 🙂',
          'q\'"&<>',
          'a?b#c;d=e',
          '~*()!',
          '\\',
          'a,b@c:d$',
        ]
        // A file system, as versitygw has below, knows no empty names.
        if (name === 'minio') paths.push('[x]|{y}^`')
        const names = paths.map(path => `${root}/names/${path}`)
        for (const at of names) {
          expect(await io.create(at, utf8Encode(at))).toBe('created')
          expect(await io.create(at, utf8Encode('other'))).toBe('exists')
          expect(utf8Decode(await io.read(at))).toBe(at)
          expect((await collect(io.list(at))).map(file => file.location)).toContain(at)
        }
        expect((await collect(io.list(`${root}/names/`))).map(file => file.location).sort()).toEqual(
          names.sort(),
        )
        const [first = ''] = names
        const writer = await io.openWriter(first)
        await writer.write(new Uint8Array(6 * 2 ** 20))
        await writer.close()
        expect((await io.stat(first)).sizeBytes).toBe(6 * 2 ** 20)
        expect((await io.delete(names)).failed).toEqual([])
        expect(await collect(io.list(`${root}/names/`))).toEqual([])
      }, 60_000)

      it('uploads what is larger than a part, and reads it in pieces', async () => {
        const io = open()
        const bytes = new Uint8Array(40_000_000)
        for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 31) >> 9
        const writer = await io.openWriter(`${root}/large`)
        for (let from = 0; from < bytes.length; from += 700_001) {
          await writer.write(bytes.subarray(from, from + 700_001))
        }
        await writer.close()
        expect(await io.stat(`${root}/large`)).toMatchObject({ sizeBytes: bytes.length })
        const range = { offset: 1, lengthBytes: 1e12 }
        const into = new Uint8Array(new SharedArrayBuffer(bytes.length))
        const read = await io.read(`${root}/large`, { range, into })
        expect(Buffer.compare(Buffer.from(read), bytes.subarray(1))).toBe(0)
      }, 60_000)

      it('lets one of several stores create', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 8 }, (_, index) => open().create(`${root}/once`, utf8Encode(`${index}`))),
        )
        expect(outcomes.filter(outcome => outcome === 'created')).toHaveLength(1)
        expect(utf8Decode(await open().read(`${root}/once`))).toBe(`${outcomes.indexOf('created')}`)
      })

      it('is denied with a wrong key, and finds no bucket that is not there', async () => {
        const wrong = open({ 's3.secret-access-key': 'wrong' })
        await expect(wrong.read(`${root}/f`)).rejects.toMatchObject({
          kind: 'denied',
          context: { reason: 'SignatureDoesNotMatch' },
        })
        const elsewhere = 's3://no-such-bucket/f'
        await expect(open().read(elsewhere)).rejects.toMatchObject({
          kind: 'not-found',
          message: 'the bucket does not exist',
        })
        await expect(open().write(elsewhere, utf8Encode('x'))).rejects.toMatchObject({ kind: 'not-found' })
        await expect(collect(open().list(elsewhere))).rejects.toMatchObject({ kind: 'not-found' })
      })
    })

    s3FaultSuite(`S3 on ${name}`, () => ({
      endpoint: service.endpoint,
      propertiesAt: endpoint => serviceProperties(name, endpoint),
    }))
  })
}
