/**
 * What every FileIO must do. A store hands in how to open an empty one and a prefix for its locations; the suite
 * uses fresh names below it, so stores with a past may be used too.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { collect } from '../../src/base/concurrency.js'
import type { FileIO } from '../../src/io/file-io.js'

export interface FileIoUnderTest {
  readonly io: FileIO
  /** A location without a slash at its end, below which nothing exists. */
  readonly root: string
  dispose?(): Promise<void>
}

export function fileIoContract(name: string, open: () => Promise<FileIoUnderTest>): void {
  describe(`${name} as a FileIO`, () => {
    let store: FileIoUnderTest
    let io: FileIO
    const at = (path: string): string => `${store.root}/${path}`
    const listed = async (prefix: string): Promise<string[]> =>
      (await collect(io.list(prefix))).map(file => file.location).sort()
    const text = async (path: string): Promise<string> => utf8Decode(await io.read(at(path)))

    beforeEach(async () => {
      store = await open()
      io = store.io
    })
    afterEach(() => store.dispose?.())

    describe('read and write', () => {
      it('gives back what was written, in folders that did not exist', async () => {
        await io.write(at('a/b/c.txt'), utf8Encode('grüße'))
        expect(await text('a/b/c.txt')).toBe('grüße')
      })

      it('keeps a file without bytes', async () => {
        await io.write(at('empty'), new Uint8Array(0))
        expect(await io.read(at('empty'))).toHaveLength(0)
        expect((await io.stat(at('empty'))).sizeBytes).toBe(0)
      })

      it('takes names literally: percent signs, spaces, equals signs, umlauts', async () => {
        for (const path of ['p=a%2Fb/x y.txt', 'ä=%/ü.txt', 'a+b&c.txt']) {
          await io.write(at(path), utf8Encode(path))
          expect(await text(path)).toBe(path)
          expect(await listed(at(path))).toEqual([at(path)])
        }
      })

      it('reads a range, and of a range beyond the end what there is', async () => {
        await io.write(at('digits'), utf8Encode('0123456789'))
        const range = async (offset: number, lengthBytes: number): Promise<string> =>
          utf8Decode(await io.read(at('digits'), { range: { offset, lengthBytes } }))
        expect(await range(0, 3)).toBe('012')
        expect(await range(4, 2)).toBe('45')
        expect(await range(8, 100)).toBe('89')
        expect(await range(10, 5)).toBe('')
        expect(await range(50, 5)).toBe('')
        expect(await range(3, 0)).toBe('')
      })

      it('reads a range into memory that it is given, shared memory too, when it fits', async () => {
        await io.write(at('digits'), utf8Encode('0123456789'))
        const range = { offset: 2, lengthBytes: 5 }
        for (const memory of [new ArrayBuffer(16), new SharedArrayBuffer(16)]) {
          const into = new Uint8Array(memory, 4, 6)
          const bytes = await io.read(at('digits'), { range, into })
          expect(bytes.length).toBe(5)
          expect(utf8Decode(bytes.slice())).toBe('23456')
          // A store may have memory of its own; what is beside the given part is never touched.
          expect(
            [...new Uint8Array(memory, 0, 4), ...new Uint8Array(memory, 9)].some(byte => byte !== 0),
          ).toBe(false)
        }
        const small = await io.read(at('digits'), { range, into: new Uint8Array(3) })
        expect(utf8Decode(small)).toBe('23456')
      })

      it('is not changed by what callers do with their bytes afterwards', async () => {
        const bytes = utf8Encode('before')
        await io.write(at('mine'), bytes)
        bytes.fill(0)
        const read = await io.read(at('mine'))
        expect(utf8Decode(read)).toBe('before')
        read.fill(0)
        expect(await text('mine')).toBe('before')
      })

      it('answers not-found for a file that is not there, and for a folder', async () => {
        await io.write(at('folder/file'), utf8Encode('x'))
        for (const path of ['nothing', 'folder', 'no/such/folder/file', 'folder/file/below']) {
          await expect(io.read(at(path))).rejects.toMatchObject({ kind: 'not-found' })
          await expect(io.stat(at(path))).rejects.toMatchObject({ kind: 'not-found' })
          const range = { offset: 0, lengthBytes: 1 }
          await expect(io.read(at(path), { range })).rejects.toMatchObject({ kind: 'not-found' })
        }
      })

      it('names the location in its errors', async () => {
        // A layer may name the location that its storage knows.
        const location = expect.stringMatching(/\/nothing$/)
        await expect(io.read(at('nothing'))).rejects.toMatchObject({ context: { location } })
      })

      it('does nothing when the signal has fired', async () => {
        const signal = AbortSignal.abort()
        await expect(io.read(at('x'), { signal })).rejects.toMatchObject({ kind: 'aborted' })
        await expect(io.write(at('x'), utf8Encode('x'), { signal })).rejects.toMatchObject({
          kind: 'aborted',
        })
        await expect(io.create(at('x'), utf8Encode('x'), { signal })).rejects.toMatchObject({
          kind: 'aborted',
        })
        await expect(collect(io.list(at(''), { signal }))).rejects.toMatchObject({ kind: 'aborted' })
        expect(await listed(at(''))).toEqual([])
      })
    })

    describe('stat', () => {
      it('says the size and an etag that changes with the content', async () => {
        await io.write(at('f'), utf8Encode('one'))
        const first = await io.stat(at('f'))
        expect(first).toMatchObject({ location: at('f'), sizeBytes: 3 })
        expect((await io.stat(at('f'))).etag).toBe(first.etag)
        await io.write(at('f'), utf8Encode('two'))
        expect((await io.stat(at('f'))).etag).not.toBe(first.etag)
      })
    })

    describe('openWriter', () => {
      it('streams a file that appears when it is closed', async () => {
        const writer = await io.openWriter(at('w/stream'))
        await writer.write(utf8Encode('ab'))
        await writer.write(new Uint8Array(0))
        await writer.write(utf8Encode('cde'))
        expect(writer.sizeBytes).toBe(5)
        await expect(io.read(at('w/stream'))).rejects.toMatchObject({ kind: 'not-found' })
        await writer.close()
        expect(await text('w/stream')).toBe('abcde')
        expect(await listed(at('w/'))).toEqual([at('w/stream')])
      })

      it('takes bytes that the caller changes after the promise resolves', async () => {
        const writer = await io.openWriter(at('w/reused'))
        const buffer = utf8Encode('11')
        await writer.write(buffer)
        buffer.set(utf8Encode('22'))
        await writer.write(buffer)
        await writer.close()
        expect(await text('w/reused')).toBe('1122')
      })

      it('leaves nothing when aborted, however often', async () => {
        const writer = await io.openWriter(at('w/gone'))
        await writer.write(utf8Encode('x'))
        await writer.abort()
        await writer.abort()
        expect(await listed(at('w/'))).toEqual([])
      })

      it('keeps the file when aborted after close, and takes no more bytes', async () => {
        const writer = await io.openWriter(at('w/done'))
        await writer.write(utf8Encode('x'))
        await writer.close()
        await writer.abort()
        await expect(writer.write(utf8Encode('y'))).rejects.toMatchObject({ kind: 'invalid-argument' })
        expect(await text('w/done')).toBe('x')
      })

      it('makes a file without bytes', async () => {
        const writer = await io.openWriter(at('w/empty'))
        await writer.close()
        expect(await io.read(at('w/empty'))).toHaveLength(0)
      })

      it('keeps megabytes in order', async () => {
        const writer = await io.openWriter(at('w/large'))
        const piece = new Uint8Array(100_000)
        for (let i = 0; i < 30; i++) {
          piece.fill(i)
          await writer.write(piece)
        }
        await writer.close()
        const bytes = await io.read(at('w/large'))
        expect(bytes).toHaveLength(3_000_000)
        for (let i = 0; i < 30; i++) expect(bytes[i * 100_000 + 99_999]).toBe(i)
      })
    })

    describe('create', () => {
      it('creates once and leaves the first content', async () => {
        expect(await io.create(at('once/f'), utf8Encode('first'))).toBe('created')
        expect(await io.create(at('once/f'), utf8Encode('second'))).toBe('exists')
        expect(await text('once/f')).toBe('first')
        expect(await listed(at('once/'))).toEqual([at('once/f')])
      })

      it('lets exactly one of many concurrent callers create', async () => {
        const names = Array.from({ length: 20 }, (_, caller) => `caller ${caller}`)
        const outcomes = await Promise.all(names.map(name => io.create(at('race'), utf8Encode(name))))
        const winners = names.filter((_, caller) => outcomes[caller] === 'created')
        expect(winners).toHaveLength(1)
        expect(await text('race')).toBe(winners[0])
      })
    })

    describe('replace', () => {
      it('replaces what has the etag and nothing else', async () => {
        await io.write(at('r'), utf8Encode('one'))
        const { etag = '' } = await io.stat(at('r'))
        expect(await io.replace(at('r'), utf8Encode('two'), { etag })).toBe('replaced')
        expect(await text('r')).toBe('two')
        expect(await io.replace(at('r'), utf8Encode('three'), { etag })).toBe('changed')
        expect(await text('r')).toBe('two')
      })

      it('does not create', async () => {
        expect(await io.replace(at('absent'), utf8Encode('x'), { etag: 'any' })).toBe('changed')
        await expect(io.read(at('absent'))).rejects.toMatchObject({ kind: 'not-found' })
      })

      it('lets exactly one of many concurrent callers replace one state', async () => {
        await io.write(at('race'), utf8Encode('start'))
        const { etag = '' } = await io.stat(at('race'))
        const names = Array.from({ length: 8 }, (_, caller) => `caller ${caller}`)
        const outcomes = await Promise.all(
          names.map(name => io.replace(at('race'), utf8Encode(name), { etag })),
        )
        expect(outcomes.filter(outcome => outcome === 'replaced')).toHaveLength(1)
        expect(await text('race')).toBe(names[outcomes.indexOf('replaced')])
      })
    })

    describe('list', () => {
      beforeEach(async () => {
        for (const path of ['l/a.txt', 'l/ab/x.txt', 'l/ab/deep/er/y.txt', 'l/b.txt', 'lother.txt']) {
          await io.write(at(path), utf8Encode(path))
        }
      })

      it('walks folders to any depth', async () => {
        expect(await listed(at('l/'))).toEqual(
          [at('l/a.txt'), at('l/ab/deep/er/y.txt'), at('l/ab/x.txt'), at('l/b.txt')].sort(),
        )
      })

      it('compares text, not path segments', async () => {
        expect(await listed(at('l/a'))).toEqual(
          [at('l/a.txt'), at('l/ab/deep/er/y.txt'), at('l/ab/x.txt')].sort(),
        )
        expect(await listed(at('l/ab/d'))).toEqual([at('l/ab/deep/er/y.txt')])
        expect(await listed(at('l'))).toHaveLength(5)
      })

      it('says sizes, and finds nothing where nothing is', async () => {
        const files = await collect(io.list(at('l/b')))
        expect(files).toMatchObject([{ location: at('l/b.txt'), sizeBytes: 'l/b.txt'.length }])
        expect(await listed(at('nothing/here'))).toEqual([])
      })
    })

    describe('listLevel', () => {
      beforeEach(async () => {
        for (const path of [
          'l/a.txt',
          'l/ab/x.txt',
          'l/ab/deep/er/y.txt',
          'l/b.txt',
          'l/ü %20/z',
          'lother.txt',
        ])
          await io.write(at(path), utf8Encode(path))
      })
      const level = async (prefix: string) => {
        const entries = await collect(io.listLevel(prefix))
        const files = entries.flatMap(entry => (entry.kind === 'file' ? [entry.file] : []))
        const folders = entries.flatMap(entry => (entry.kind === 'folder' ? [entry.location] : []))
        return { files: files.map(file => file.location).sort(), folders: folders.sort() }
      }

      it('tells the files and the folders right in a folder, each once', async () => {
        expect(await level(at('l/'))).toEqual({
          files: [at('l/a.txt'), at('l/b.txt')],
          folders: [at('l/ab'), at('l/ü %20')].sort(),
        })
        expect(await level(at('l/ab/'))).toEqual({ files: [at('l/ab/x.txt')], folders: [at('l/ab/deep')] })
      })

      it('compares text, and ends at the next slash', async () => {
        expect(await level(at('l/a'))).toEqual({ files: [at('l/a.txt')], folders: [at('l/ab')] })
        expect(await level(at('l'))).toEqual({ files: [at('lother.txt')], folders: [at('l')] })
        expect(await level(at('l/ab/d'))).toEqual({ files: [], folders: [at('l/ab/deep')] })
        expect(await level(at('nothing/'))).toEqual({ files: [], folders: [] })
      })

      it('says sizes, and does nothing when the signal has fired', async () => {
        expect(await collect(io.listLevel(at('l/b')))).toMatchObject([
          { kind: 'file', file: { location: at('l/b.txt'), sizeBytes: 'l/b.txt'.length } },
        ])
        const signal = AbortSignal.abort()
        await expect(collect(io.listLevel(at('l/'), { signal }))).rejects.toMatchObject({ kind: 'aborted' })
      })
    })

    describe('delete', () => {
      it('deletes files, and counts absent ones as deleted', async () => {
        await io.write(at('d/one'), utf8Encode('1'))
        await io.write(at('d/two'), utf8Encode('2'))
        const report = await io.delete([at('d/one'), at('d/absent')])
        expect([...report.deleted].sort()).toEqual([at('d/absent'), at('d/one')])
        expect(report.failed).toEqual([])
        expect(await listed(at('d/'))).toEqual([at('d/two')])
      })

      it('takes none and many', async () => {
        expect(await io.delete([])).toEqual({ deleted: [], failed: [] })
        const paths = Array.from({ length: 50 }, (_, i) => at(`many/${i}`))
        for (const path of paths) await io.write(path, utf8Encode('x'))
        expect((await io.delete(paths)).deleted).toHaveLength(50)
        expect(await listed(at('many/'))).toEqual([])
      })
    })
  })
}
