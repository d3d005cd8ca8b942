/** Metadata by its bytes: lazily parsed lists are the same lists, and are written as they were read. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { parseJson, stringifyJson } from '../../src/base/json.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { documentSpans, memberNamed, parseSpan } from '../../src/metadata/json-bytes.js'
import { lazyList, storedItemsOf, withItem } from '../../src/metadata/lazy-list.js'
import { currentSnapshot, snapshotById } from '../../src/metadata/lookup.js'
import { readTableMetadata } from '../../src/metadata/metadata-file.js'
import { decodeTableMetadata, encodeTableMetadata } from '../../src/metadata/stored-metadata.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import { parseTableMetadata, serializeTableMetadata } from '../../src/metadata/table-metadata-json.js'
import { append, newTable } from './tables.js'

const location = 's3://b/v1.metadata.json'
const lazily = (bytes: Uint8Array): TableMetadata => decodeTableMetadata(bytes, { location, lazyBytesMin: 0 })

/** A table with that many snapshots. */
function history(count: number): TableMetadata {
  let table = newTable()
  for (let id = 1; id <= count; id++) table = append(table, BigInt(id) * 1_000_000_007n + 2n ** 60n)
  return table
}

describe('metadata that is parsed lazily', () => {
  const root = join(import.meta.dirname, '../interop/spark')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    // Views have metadata of another kind beside the tables'.
    name => /\.metadata\.json/.test(name) && !name.includes('/views/'),
  )

  it('has golden files to judge by', () => {
    expect(files.length).toBeGreaterThan(5)
  })

  it('is the same as when it is parsed at once, and after it was written', () => {
    for (const file of files) {
      const stored = readFileSync(join(root, file))
      const bytes = new Uint8Array(stored[0] === 0x1f ? gunzipSync(stored) : stored)
      const eager = parseTableMetadata(utf8Decode(bytes))
      expect(lazily(bytes)).toEqual(eager)
      expect(parseTableMetadata(utf8Decode(encodeTableMetadata(eager)))).toEqual(eager)
      const untouched = lazily(bytes)
      expect(parseTableMetadata(utf8Decode(encodeTableMetadata(untouched)))).toEqual(eager)
    }
  })

  it('finds snapshots by id, the first and the last and none', () => {
    const eager = history(50)
    const table = lazily(encodeTableMetadata(eager))
    for (const snapshot of eager.snapshots) expect(snapshotById(table, snapshot.snapshotId)).toEqual(snapshot)
    expect(snapshotById(table, 5n)).toBeUndefined()
    expect(currentSnapshot(table)).toEqual(eager.snapshots.at(-1))
    expect(table.snapshots.at(-1)).toEqual(eager.snapshots.at(-1))
    expect(table.snapshots.length).toBe(50)
  })

  it('parses no snapshot but the one that is asked for', () => {
    const text = serializeTableMetadata(history(20))
    // The manifest list of the third snapshot is a number, which only its parser minds.
    const broken = text.split('"manifest-list":"')
    const at = broken.slice(0, 3).join('"manifest-list":"').length
    const bytes = utf8Encode(
      `${text.slice(0, at)}"manifest-list":7,"x":"${text.slice(at + '"manifest-list":"'.length)}`,
    )
    const table = lazily(bytes)
    expect(currentSnapshot(table)).toBeDefined()
    expect(table.snapshots[1]).toBeDefined()
    const corrupt = expect.objectContaining({
      kind: 'corrupt',
      context: expect.objectContaining({ location }),
    })
    expect(() => table.snapshots[2]).toThrow(corrupt)
    expect(() => [...table.snapshots]).toThrow(corrupt)
  })

  it('keeps what it does not know of a snapshot, also behind a new one', () => {
    const text = serializeTableMetadata(history(3)).replaceAll(
      '"manifest-list"',
      '"nobody-knows":[1,{"a":"]}\\""}],"manifest-list"',
    )
    const next = append(lazily(utf8Encode(text)), 77n)
    const written = utf8Decode(encodeTableMetadata(next))
    expect(written.split('"nobody-knows"')).toHaveLength(4)
    expect(parseTableMetadata(written)).toEqual(next)
    expect(snapshotById(next, 77n)?.snapshotId).toBe(77n)
    expect(snapshotById(next, next.snapshots[0]!.snapshotId)).toEqual(next.snapshots[0])
  })

  it('writes snapshots of another format version anew', () => {
    const table = newTable()
    const withOne = append(table, 5n)
    const read = lazily(encodeTableMetadata(withOne))
    const upgraded = { ...read, formatVersion: 3 as const, nextRowId: 0n }
    expect(parseTableMetadata(utf8Decode(encodeTableMetadata(upgraded))).snapshots).toEqual(withOne.snapshots)
  })

  it('is what a large file is read as', async () => {
    const io = createMemoryIO()
    const eager = history(400)
    await io.write(location, utf8Encode(serializeTableMetadata(eager)))
    const table = await readTableMetadata(io, location)
    expect(storedItemsOf(table.snapshots)[0]?.bytes).toBeDefined()
    expect(table).toEqual(eager)
    await io.write(location, utf8Encode(serializeTableMetadata(eager).slice(0, -40)))
    await expect(readTableMetadata(io, location)).rejects.toMatchObject({
      kind: 'corrupt',
      context: { location },
    })
  })

  it('is refused or read wherever a byte is changed or it is cut: no crash, no hang', () => {
    const good = encodeTableMetadata(history(3))
    const attempt = (bytes: Uint8Array): void => {
      try {
        const table = lazily(bytes)
        for (const list of [table.snapshots, table.snapshotLog, table.metadataLog])
          expect([...list]).toBeDefined()
      } catch (error) {
        expect(isLakeError(error)).toBe(true)
      }
    }
    for (let at = 0; at < good.length; at += 3) {
      attempt(good.subarray(0, at))
      for (const change of [0x01, 0x20, 0x80]) {
        const broken = good.slice()
        broken[at]! ^= change
        attempt(broken)
      }
    }
  })
})

describe('the spans of JSON', () => {
  it('are those of its members and items, whatever is in them', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
        fc.nat({ max: 3 }),
        (value, indent) => {
          const bytes = utf8Encode(` ${JSON.stringify(value, undefined, indent)}\n`)
          const lists = new Set(Object.keys(value))
          const { members, items: spansOf } = documentSpans(bytes, lists)
          expect([...members.keys()]).toEqual(Object.keys(value))
          for (const [name, span] of members) {
            const text = JSON.stringify(value[name])
            expect(parseSpan(bytes, span)).toEqual(parseJson(text))
            const member = value[name]
            if (!Array.isArray(member)) continue
            const spans = spansOf.get(name)!
            const items = member.map((_, index) =>
              parseSpan(bytes, { begin: spans[2 * index]!, end: spans[2 * index + 1]! }),
            )
            expect(items).toEqual(parseJson(text))
          }
        },
      ),
    )
  })

  it('find a member by name, and refuse what follows the document or stands twice', () => {
    const bytes = utf8Encode('{"a":"}","b":[{"c":1}],"cc":2,"c":3}')
    const [span] = [{ begin: 0, end: bytes.length }]
    const found = memberNamed(bytes, span!, utf8Encode('c'))
    expect(found && parseSpan(bytes, found)).toBe(3)
    expect(memberNamed(bytes, span!, utf8Encode('d'))).toBeUndefined()
    for (const text of ['{} x', '{"a":1,"a":1}', '{"a"}', '{"a":}', '{"a":1', '[1', '"a', '{a:1}', '', '7'])
      expect(() => documentSpans(utf8Encode(text), new Set(['a']))).toThrow(
        expect.objectContaining({ kind: 'corrupt' }),
      )
  })
})

describe('a lazy list', () => {
  const items = Array.from({ length: 6 }, (_, id) => ({ id }))
  const bytes = utf8Encode(`{"items":${stringifyJson(items)}}`)
  const parsed: number[] = []
  const list = (): readonly { readonly id: number }[] => {
    parsed.length = 0
    const spans = documentSpans(bytes, new Set(['items'])).items.get('items')!
    return lazyList({
      bytes,
      formatVersion: 2,
      spans,
      parse: stored => {
        const item = parseSpan(bytes, stored) as { id: number }
        parsed.push(item.id)
        return item
      },
    })
  }

  it('is a read-only array to whoever has it', () => {
    expect(list()).toEqual(items)
    expect(Array.isArray(list())).toBe(true)
    expect([...list()]).toEqual(items)
    expect(list().map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5])
    expect(list().filter(({ id }) => id > 3)).toEqual(items.slice(4))
    expect(list().findLast(({ id }) => id < 3)).toEqual({ id: 2 })
    expect(list().concat({ id: 9 })).toEqual([...items, { id: 9 }])
    expect(list().slice(-2)).toEqual(items.slice(-2))
    expect(JSON.stringify(list())).toBe(JSON.stringify(items))
    expect(list()[6]).toBeUndefined()
    expect(1 in list()).toBe(true)
    expect(() => Object.assign(list(), { 0: 1 })).toThrow(TypeError)
    expect(() => (list() as { id: number }[]).push({ id: 1 })).toThrow(TypeError)
  })

  it('parses what is reached, once', () => {
    const some = list()
    expect(some.length).toBe(6)
    expect(parsed).toEqual([])
    expect(some.at(-1)).toBe(some[5])
    expect(some.find(({ id }) => id === 1)).toEqual({ id: 1 })
    expect(parsed).toEqual([5, 0, 1])
  })

  it('stays lazy with one item more', () => {
    const more = withItem(withItem(list(), { id: 6 }), { id: 7 })
    expect(more.length).toBe(8)
    expect(more.at(-1)).toEqual({ id: 7 })
    expect(parsed).toEqual([])
    expect(storedItemsOf(more).map(stored => stored !== undefined)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ])
    expect(withItem([{ id: 1 }], { id: 2 })).toEqual([{ id: 1 }, { id: 2 }])
  })
})
