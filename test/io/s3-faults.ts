/** What the S3 store makes of busy services and broken connections: run on a stub, and on real servers. */
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { collect } from '../../src/base/concurrency.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createS3IO } from '../../src/io/s3.js'
import { parseS3Location } from '../../src/io/s3-location.js'
import { createS3Store, type S3Request, type S3Store } from '../../src/io/s3-request.js'
import {
  type Fault,
  type FaultProxy,
  openFaultProxy,
  type ProxiedRequest,
  s3Error,
} from '../services/fault-proxy.js'

const MIB = 2 ** 20
const SLOW_DOWN = s3Error(503, 'SlowDown')
const SOON_AGAIN = { 's3.retry.min-wait-ms': '1', 's3.retry.max-wait-ms': '5' }

export interface FaultyStore {
  /** Of the service itself. */
  readonly endpoint: string
  propertiesAt(endpoint: string): Readonly<Record<string, string>>
}

export function s3FaultSuite(name: string, open: () => FaultyStore): void {
  describe(`${name} with faults`, () => {
    let proxy: FaultProxy
    let openIO: (properties: Readonly<Record<string, string>>) => FileIO
    let io: FileIO
    let direct: FileIO
    let store: S3Store
    let root: string
    let requests: S3Request[]
    let faults: ((request: ProxiedRequest) => Fault | undefined)[]
    let suites = 0

    beforeEach(async () => {
      const { endpoint, propertiesAt } = open()
      faults = []
      requests = []
      proxy = await openFaultProxy(endpoint, request => {
        for (const fault of faults) {
          const found = fault(request)
          if (found !== undefined) return found
        }
        return undefined
      })
      openIO = properties =>
        createS3IO({
          properties: { ...propertiesAt(proxy.endpoint), ...SOON_AGAIN, ...properties },
          runtime: systemRuntime,
          onRequest: request => requests.push(request),
        })
      io = openIO({})
      const options = { properties: propertiesAt(endpoint), runtime: systemRuntime }
      direct = createS3IO(options)
      store = createS3Store(options)
      root = `s3://serac-test/faults/${process.pid}-${systemRuntime.nowMs()}-${suites++}`
    })
    afterEach(() => proxy.close())

    const at = (path: string): string => `${root}/${path}`
    const text = async (path: string): Promise<string> => utf8Decode(await direct.read(at(path)))
    /** The fault for the first requests of a method. */
    const first = (method: string, fault: Fault, times = 1): void => {
      let left = times
      faults.push(request => (request.method === method && left-- > 0 ? fault : undefined))
    }
    const sent = (method: string): ProxiedRequest[] => proxy.log.filter(request => request.method === method)

    it('sends again what a busy store refuses', async () => {
      for (const method of ['PUT', 'HEAD', 'GET', 'POST']) first(method, SLOW_DOWN, 2)
      await io.write(at('f'), utf8Encode('bytes'))
      expect((await io.stat(at('f'))).sizeBytes).toBe(5)
      expect(utf8Decode(await io.read(at('f')))).toBe('bytes')
      first('GET', SLOW_DOWN, 2)
      expect(await collect(io.list(at('')))).toHaveLength(1)
      expect((await io.delete([at('f')])).failed).toEqual([])
      await expect(direct.stat(at('f'))).rejects.toMatchObject({ kind: 'not-found' })
      expect(sent('PUT')).toHaveLength(3)
      expect(requests.filter(request => request.method === 'PUT')).toHaveLength(3)
    })

    it('sends again what never arrived, and what was done without an answer', async () => {
      for (const kind of ['drop-request', 'drop-response', 'reset-response'] as const) {
        first('PUT', { kind })
        first('GET', { kind })
        await io.write(at(kind), utf8Encode(kind))
        expect(utf8Decode(await io.read(at(kind)))).toBe(kind)
        first('POST', { kind })
        expect((await io.delete([at(kind)])).failed).toEqual([])
      }
    })

    it('does not wait for ever', async () => {
      await direct.write(at('f'), utf8Encode('bytes'))
      first('GET', { kind: 'delay-response', until: 2_000 })
      const impatient = openIO({ 's3.request-timeout': '0.5' })
      expect(utf8Decode(await impatient.read(at('f')))).toBe('bytes')
      expect(sent('GET')).toHaveLength(2)
    })

    it('gives up after so many attempts, with what the store said', async () => {
      first('GET', SLOW_DOWN, 100)
      await expect(io.read(at('f'))).rejects.toMatchObject({
        kind: 'unavailable',
        context: { location: at('f'), reason: 'SlowDown', status: 503, attempts: 6 },
      })
      expect(sent('GET')).toHaveLength(6)
    })

    it('does not repeat what will be refused again', async () => {
      await direct.write(at('f'), utf8Encode('bytes'))
      first('GET', s3Error(403, 'AccessDenied'))
      await expect(io.read(at('f'))).rejects.toMatchObject({
        kind: 'denied',
        context: { reason: 'AccessDenied' },
      })
      first('GET', s3Error(403, 'InvalidObjectState'))
      await expect(io.read(at('f'))).rejects.toMatchObject({
        kind: 'unavailable',
        message: 'the file is archived',
        context: { location: at('f'), remedy: expect.stringContaining('restore') },
      })
      expect(sent('GET')).toHaveLength(2)
    })

    describe('bodies that break off', () => {
      it('are read on from where they broke', async () => {
        const bytes = new Uint8Array(300_000).map((_, index) => index % 251)
        await direct.write(at('large'), bytes)
        first('GET', { kind: 'truncate-response', bytes: 100_000 })
        expect(Buffer.compare(await io.read(at('large')), bytes)).toBe(0)
        first('GET', { kind: 'truncate-response', bytes: 50_000 })
        const into = new Uint8Array(200_000)
        const range = { offset: 1000, lengthBytes: 200_000 }
        const part = await io.read(at('large'), { range, into })
        expect(part.buffer).toBe(into.buffer)
        expect(Buffer.compare(part, bytes.subarray(1000, 201_000))).toBe(0)
        expect(sent('GET').map(request => request.headers.range)).toEqual([
          undefined,
          'bytes=100000-',
          'bytes=1000-200999',
          'bytes=51000-200999',
        ])
      })

      it('are read anew when the file was replaced meanwhile', async () => {
        const old = new Uint8Array(200_000).fill(1)
        const young = new Uint8Array(150_000).fill(2)
        await direct.write(at('f'), old)
        first('GET', { kind: 'truncate-response', bytes: 100_000 })
        let isReplaced = false
        faults.push(request => {
          if (request.headers.range === undefined || isReplaced) return undefined
          isReplaced = true
          return { kind: 'delay-request', until: direct.write(at('f'), young) }
        })
        expect(Buffer.compare(await io.read(at('f')), young)).toBe(0)
      })
    })

    describe('create', () => {
      it.each([
        'drop-response',
        'reset-response',
        'duplicate',
      ] as const)('knows its own file after %s', async kind => {
        first('PUT', { kind })
        expect(await io.create(at('f'), utf8Encode('mine'))).toBe('created')
        expect(await text('f')).toBe('mine')
      })

      it('tells its own bytes from the same bytes of another', async () => {
        await direct.create(at('f'), utf8Encode('same'))
        first('PUT', { kind: 'drop-response' })
        expect(await io.create(at('f'), utf8Encode('same'))).toBe('exists')
      })

      it('sends again what never arrived', async () => {
        first('PUT', { kind: 'drop-request' })
        expect(await io.create(at('f'), utf8Encode('mine'))).toBe('created')
      })

      it('survives its own late arrival', async () => {
        first('PUT', { kind: 'deliver-late', until: 50 })
        expect(await io.create(at('f'), utf8Encode('mine'))).toBe('created')
        expect(await text('f')).toBe('mine')
      })

      it('takes another turn when two writes meet', async () => {
        first('PUT', s3Error(409, 'ConditionalRequestConflict'), 2)
        expect(await io.create(at('f'), utf8Encode('mine'))).toBe('created')
        expect(sent('PUT')).toHaveLength(3)
      })

      it('says that it does not know when nothing answers', async () => {
        first('PUT', { kind: 'drop-response' })
        first('HEAD', { kind: 'drop-request' }, 100)
        await expect(io.create(at('f'), utf8Encode('mine'))).rejects.toMatchObject({
          kind: 'commit-state-unknown',
          context: { location: at('f') },
        })
        expect(await text('f')).toBe('mine')
      })

      it('lets one of many callers create, whatever happens to their answers', async () => {
        let n = 0
        const kinds = ['drop-response', 'drop-request', 'reset-response', 'duplicate'] as const
        faults.push(({ method }) => {
          const kind = method === 'PUT' ? kinds[n++ % 6] : undefined
          return kind === undefined ? undefined : { kind }
        })
        const names = Array.from({ length: 12 }, (_, caller) => `caller ${caller}`)
        const outcomes = await Promise.all(names.map(caller => io.create(at('race'), utf8Encode(caller))))
        const winners = names.filter((_, caller) => outcomes[caller] === 'created')
        expect(winners).toEqual([await text('race')])
      })
    })

    describe('replace', () => {
      const start = async (): Promise<string> => {
        await direct.write(at('r'), utf8Encode('start'))
        return (await direct.stat(at('r'))).etag ?? ''
      }

      it.each([
        'drop-response',
        'reset-response',
        'duplicate',
      ] as const)('knows its own file after %s', async kind => {
        const etag = await start()
        first('PUT', { kind })
        expect(await io.replace(at('r'), utf8Encode('mine'), { etag })).toBe('replaced')
        expect(await text('r')).toBe('mine')
      })

      it('sends again what never arrived', async () => {
        const etag = await start()
        first('PUT', { kind: 'drop-request' })
        expect(await io.replace(at('r'), utf8Encode('mine'), { etag })).toBe('replaced')
      })

      it('does not know when another has replaced the file since its answer was lost', async () => {
        const etag = await start()
        first('PUT', { kind: 'drop-response' })
        faults.push(({ method }) =>
          method === 'HEAD'
            ? { kind: 'delay-request', until: direct.write(at('r'), utf8Encode('another')) }
            : undefined,
        )
        await expect(io.replace(at('r'), utf8Encode('mine'), { etag })).rejects.toMatchObject({
          kind: 'commit-state-unknown',
        })
      })
    })

    describe('uploads in parts', () => {
      const large = new Uint8Array(18 * MIB).map((_, index) => (index * 7) >> 12)
      const upload = async (path: string): Promise<void> => {
        const writer = await io.openWriter(at(path))
        for (let from = 0; from < large.length; from += 3 * MIB) {
          await writer.write(large.subarray(from, from + 3 * MIB))
        }
        await writer.close()
      }
      const openUploads = async (location: string): Promise<number> => {
        const { client } = await store.connections.open(location)
        const { key } = parseS3Location(location)
        const listed = await client.send(
          new ListMultipartUploadsCommand({ Bucket: 'serac-test', Prefix: key }),
        )
        return listed.Uploads?.length ?? 0
      }
      const isComplete = (request: ProxiedRequest): boolean =>
        request.method === 'POST' && request.url.includes('uploadId=')

      it('send again parts that were lost, busy, or left without an answer', async () => {
        first('PUT', { kind: 'drop-response' })
        first('PUT', SLOW_DOWN)
        first('PUT', { kind: 'drop-request' })
        await upload('large')
        expect(Buffer.compare(await direct.read(at('large')), large)).toBe(0)
        expect(sent('PUT')).toHaveLength(6)
      })

      it('are complete although the answer was lost', async () => {
        let isLost = false
        faults.push(request => {
          if (!isComplete(request) || isLost) return undefined
          isLost = true
          return { kind: 'drop-response' }
        })
        await upload('large')
        expect(Buffer.compare(await direct.read(at('large')), large)).toBe(0)
      })

      it('are complete although the request to complete them came twice', async () => {
        let isDoubled = false
        faults.push(request => {
          if (!isComplete(request) || isDoubled) return undefined
          isDoubled = true
          return { kind: 'duplicate' }
        })
        await upload('large')
        expect(isDoubled).toBe(true)
        expect(Buffer.compare(await direct.read(at('large')), large)).toBe(0)
      })

      it('leave nothing when the answer to their creation was lost', async () => {
        for (const ending of ['close', 'abort'] as const) {
          let isLost = false
          faults.push(request => {
            if (isLost || !/[?&]uploads\b/.test(request.url)) return undefined
            isLost = true
            return { kind: 'drop-response' }
          })
          const writer = await io.openWriter(at(ending))
          await writer.write(large)
          await writer[ending]()
          expect(await openUploads(at(ending))).toBe(0)
        }
        expect(await collect(direct.list(at('')))).toHaveLength(1)
      })

      it('leave nothing when they are aborted', async () => {
        const writer = await io.openWriter(at('large'))
        await writer.write(large)
        await writer.abort()
        expect(await collect(direct.list(at('')))).toEqual([])
        expect(await openUploads(at('large'))).toBe(0)
      })

      it('leave nothing when they fail and are aborted then', async () => {
        const writer = await io.openWriter(at('large'))
        await writer.write(large)
        faults.push(request => (isComplete(request) ? s3Error(403, 'AccessDenied') : undefined))
        await expect(writer.close()).rejects.toMatchObject({ kind: 'denied' })
        await writer.abort()
        expect(await collect(direct.list(at('')))).toEqual([])
        expect(await openUploads(at('large'))).toBe(0)
      })
    })
  })
}
