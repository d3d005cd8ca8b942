import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import type { JsonObject } from '../../src/base/json.js'
import { writeAvroContainer } from '../../src/format/avro-container.js'
import { fieldKey } from '../../src/format/avro-record.js'
import { avroSchemaOf } from '../../src/format/avro-schema.js'
import { parseManifestList } from '../../src/manifest/manifest-list-read.js'
import { countManifest, parseManifest, readManifest } from '../../src/manifest/manifest-read.js'
import { serializeManifest } from '../../src/manifest/manifest-write.js'
import { UNPARTITIONED } from '../../src/schema/partition-spec.js'
import type { Field, Schema } from '../../src/schema/types.js'
import {
  dataFile,
  manifestFile,
  memory,
  options,
  positionDeletes,
  SCHEMA,
  SNAPSHOT,
  SPEC,
} from './manifest-files.js'

const read = { specs: [SPEC], schema: SCHEMA }
const corrupt = expect.objectContaining({
  kind: 'corrupt',
  context: expect.objectContaining({ location: manifestFile().location }),
})

type Columns = readonly (readonly [field: Field, value: unknown])[]

function column(id: number, type: Field['type'], value: unknown, required = false): Columns[number] {
  return [{ id, name: `c${id}`, required, type }, value]
}

const int = { kind: 'int' } as const
const long = { kind: 'long' } as const
const string = { kind: 'string' } as const

/** A manifest of one entry, written as some other writer might: columns and types of the caller. */
function foreign(entry: Columns, file: Columns, header: Readonly<Record<string, string>> = {}): Uint8Array {
  const fields = (columns: Columns): Field[] => columns.map(([field]) => field)
  const record = (columns: Columns): Record<string, unknown> =>
    Object.fromEntries(columns.map(([field, value]) => [fieldKey(field.id), value]))
  const dataFileField: Field = {
    id: 2,
    name: 'data_file',
    required: true,
    type: { kind: 'struct', fields: fields(file) },
  }
  const schema: JsonObject = avroSchemaOf([...fields(entry), dataFileField], 'manifest_entry')
  const rows = [{ ...record(entry), f2: record(file) }]
  return writeAvroContainer(rows, { schema, metadata: header, codec: 'null' })
}

const ENTRY = [column(0, int, 1, true), column(1, long, 5n)]
const FILE = [
  column(100, string, 'memory://a.parquet', true),
  column(101, string, 'PARQUET', true),
  column(103, long, 10n, true),
  column(104, long, 500n, true),
]
const plain = { specs: [UNPARTITIONED], schema: SCHEMA }
const inV1 = manifestFile({ specId: 0, sequenceNumber: 0n, minSequenceNumber: 0n })

describe('reading a manifest', () => {
  it('of v1 gives data files with sequence number 0', () => {
    const [entry] = parseManifest(foreign(ENTRY, FILE), inV1, plain)
    expect(entry).toEqual({
      status: 'added',
      snapshotId: 5n,
      dataSequenceNumber: 0n,
      fileSequenceNumber: 0n,
      file: expect.objectContaining({
        content: 'data',
        location: 'memory://a.parquet',
        partition: [],
        recordCount: 10,
      }),
    })
  })

  it('gives v1 entries 0 also when they were not added', () => {
    const bytes = foreign([column(0, int, 0, true), column(1, long, 5n)], FILE)
    expect(parseManifest(bytes, inV1, plain)[0]?.dataSequenceNumber).toBe(0n)
    const inV2 = manifestFile({ specId: 0, sequenceNumber: 4n })
    expect(parseManifest(bytes, inV2, plain)[0]?.dataSequenceNumber).toBe(0n)
  })

  it('gives the snapshot of the list to an entry without one', () => {
    const bytes = foreign([column(0, int, 1, true), column(1, long, null)], FILE)
    expect(parseManifest(bytes, inV1, plain)[0]?.snapshotId).toBe(SNAPSHOT)
  })

  it('refuses an existing entry of v2 without a sequence number', () => {
    const bytes = foreign([column(0, int, 0, true), column(1, long, 5n), column(3, long, null)], FILE)
    expect(() => parseManifest(bytes, manifestFile({ specId: 0 }), plain)).toThrow(corrupt)
  })

  it('takes the data sequence number where an early writer has no file sequence number', () => {
    const bytes = foreign([column(0, int, 0, true), column(1, long, 5n), column(3, long, 3n)], FILE)
    expect(parseManifest(bytes, manifestFile({ specId: 0 }), plain)[0]?.fileSequenceNumber).toBe(3n)
  })

  it('takes formats in any case, field ids as longs, and drops split offsets that cannot be true', () => {
    const ids = { kind: 'list', elementId: 136, elementRequired: true, element: long } as const
    const offsets = { kind: 'list', elementId: 133, elementRequired: true, element: long } as const
    const file = [
      column(100, string, 'memory://a.parquet', true),
      column(101, string, 'Parquet', true),
      column(103, long, 10n, true),
      column(104, long, 500n, true),
      column(134, int, 2),
      column(135, ids, [1n, 2n]),
    ]
    const [entry] = parseManifest(foreign(ENTRY, [...file, column(132, offsets, [4n, 600n])]), inV1, plain)
    expect(entry?.file).toEqual(
      expect.objectContaining({ format: 'parquet', content: 'equality-deletes', equalityFieldIds: [1, 2] }),
    )
    expect(entry?.file.splitOffsets).toBeUndefined()
    const sorted = parseManifest(foreign(ENTRY, [...file, column(132, offsets, [4n, 400n])]), inV1, plain)
    expect(sorted[0]?.file.splitOffsets).toEqual([4, 400])
  })

  it('promotes tuples that were written before the column was promoted', () => {
    const stored = { kind: 'struct', fields: [{ id: 1000, name: 'n', required: false, type: int }] } as const
    const spec = {
      specId: 0,
      fields: [{ sourceId: 1, fieldId: 1000, name: 'n', transform: { kind: 'identity' } }],
    } as const
    const bytes = foreign(ENTRY, [...FILE, column(102, stored, { f1000: 42 }, true)])
    expect(parseManifest(bytes, inV1, { specs: [spec], schema: SCHEMA })[0]?.file.partition).toEqual([42n])
  })

  it('gives null for a tuple that is absent, and reads an unknown spec out of the header', () => {
    expect(parseManifest(foreign(ENTRY, FILE), manifestFile(), read)[0]?.file.partition).toEqual([
      null,
      null,
      null,
      null,
      null,
    ])
    const bytes = serializeManifest(options([{ status: 'added', file: dataFile('a') }]))
    const [entry] = parseManifest(bytes, manifestFile(), { specs: [], schema: SCHEMA })
    expect(entry?.file.partition).toEqual(dataFile('a').partition)
  })

  it('keeps only the asked entries and statistics', () => {
    const measured = dataFile('a', {
      valueCounts: new Map([
        [1, 10],
        [2, 10],
      ]),
      lowerBounds: new Map([[2, Uint8Array.of(1)]]),
    })
    const gone = {
      status: 'deleted',
      snapshotId: 1n,
      dataSequenceNumber: 1n,
      fileSequenceNumber: 1n,
      file: dataFile('b'),
    } as const
    const bytes = serializeManifest(options([{ status: 'added', file: measured }, gone]))
    const live = parseManifest(bytes, manifestFile(), { ...read, keep: status => status !== 'deleted' })
    expect(live.map(({ status }) => status)).toEqual(['added'])
    const [bare] = parseManifest(bytes, manifestFile(), { ...read, withStatistics: false })
    expect(bare?.file).toEqual(dataFile('a'))
    const [some] = parseManifest(bytes, manifestFile(), { ...read, withStatistics: new Set([2]) })
    expect(some?.file).toEqual({
      ...dataFile('a'),
      valueCounts: new Map([[2, 10]]),
      lowerBounds: new Map([[2, Uint8Array.of(1)]]),
    })
  })

  it('runs row ids on over the files that have none, also past entries that are not kept', () => {
    const existing = { snapshotId: 1n, dataSequenceNumber: 1n, fileSequenceNumber: 1n }
    const entries = [
      { status: 'added', file: dataFile('a') },
      { status: 'existing', ...existing, file: dataFile('b', { firstRowId: 7n }) },
      { status: 'deleted', ...existing, file: dataFile('c') },
      { status: 'existing', ...existing, file: dataFile('d') },
      { status: 'added', file: dataFile('e') },
    ] as const
    const bytes = serializeManifest(options(entries, { formatVersion: 3 }))
    const idsOf = (
      firstRowId: bigint | undefined,
      keep?: (status: string) => boolean,
    ): (bigint | undefined)[] =>
      parseManifest(bytes, manifestFile(firstRowId === undefined ? {} : { firstRowId }), {
        ...read,
        keep,
      }).map(({ file }) => (file.content === 'data' ? file.firstRowId : undefined))
    expect(idsOf(100n)).toEqual([100n, 7n, undefined, 110n, 120n])
    expect(idsOf(100n, status => status === 'added')).toEqual([100n, 120n])
    expect(idsOf(undefined)).toEqual([undefined, undefined, undefined, undefined, undefined])
  })

  it('refuses what breaks the format: status, content, missing columns, negative counts, a vector without a place', () => {
    const bad: readonly Uint8Array[] = [
      foreign([column(0, int, 7, true)], FILE),
      foreign(ENTRY, [...FILE, column(134, int, 9)]),
      foreign(ENTRY, FILE.slice(1)),
      foreign(ENTRY, [...FILE.slice(0, 2), column(103, long, -1n, true), column(104, long, 1n, true)]),
      foreign(ENTRY, [column(100, int, 1, true), ...FILE.slice(1)]),
      serializeManifest(
        options([{ status: 'added', file: positionDeletes('dv', { format: 'puffin' }) }], {
          content: 'deletes',
          formatVersion: 3,
        }),
      ),
    ]
    for (const bytes of bad) expect(() => parseManifest(bytes, manifestFile(), read)).toThrow(corrupt)
    const format = [...FILE.slice(0, 1), column(101, string, 'csv', true), ...FILE.slice(2)]
    expect(() => parseManifest(foreign(ENTRY, format), inV1, plain)).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })

  it('reads a fixed tuple as its schema says, and as Java writes it', () => {
    const schema: Schema = {
      ...SCHEMA,
      fields: [{ id: 1, name: 'f', required: false, type: { kind: 'fixed', lengthBytes: 4 } }],
    }
    const spec = {
      specId: 3,
      fields: [{ sourceId: 1, fieldId: 1000, name: 'f', transform: { kind: 'identity' } }],
    } as const
    const value = Uint8Array.of(0, 255, 16, 171)
    const file = dataFile('a', { partition: [value] })
    const asSpecified = serializeManifest(
      options([{ status: 'added', file }], { spec, schema, codec: 'null' }),
    )
    expect(parseManifest(asSpecified, manifestFile(), { specs: [spec], schema })[0]?.file).toEqual(file)
    const files = golden('identity_uuid_time_fixed').map(({ file }) => [file.partition[2], file.recordCount])
    expect(files).toContainEqual([value, 1])
  })

  it('counts entries for lists that do not', async () => {
    const io = memory()
    const gone = {
      status: 'deleted',
      snapshotId: 1n,
      dataSequenceNumber: 1n,
      fileSequenceNumber: 1n,
      file: dataFile('b', { recordCount: 4 }),
    } as const
    await io.write(
      manifestFile().location,
      serializeManifest(options([{ status: 'added', file: dataFile('a') }, gone])),
    )
    expect(await countManifest(io, manifestFile())).toEqual({
      addedFilesCount: 1,
      existingFilesCount: 0,
      deletedFilesCount: 1,
      addedRowsCount: 10,
      existingRowsCount: 0,
      deletedRowsCount: 4,
    })
    expect((await readManifest(io, manifestFile(), read)).length).toBe(2)
  })

  it('says not-found for a manifest that is missing', async () => {
    await expect(readManifest(memory(), manifestFile(), read)).rejects.toThrow(
      expect.objectContaining({ kind: 'not-found' }),
    )
  })
})

/** The entries of the golden table's manifests, read with nothing but themselves. */
function golden(table: string): ReturnType<typeof parseManifest> {
  const folder = `test/interop/spark/${table}/metadata`
  return readdirSync(folder)
    .filter(name => name.endsWith('-m0.avro'))
    .flatMap(name => {
      const bytes = new Uint8Array(readFileSync(`${folder}/${name}`))
      return parseManifest(bytes, manifestFile({ specId: 99 }), {
        specs: [],
        schema: { ...SCHEMA, fields: [] },
      })
    })
}

describe('a broken manifest', () => {
  it('of Spark is refused or read, wherever a bit is changed or it is cut: no crash, no hang', () => {
    const folder = 'test/interop/spark/manifest_snappy/metadata'
    expect(existsSync(folder)).toBe(true)
    const files = readdirSync(folder)
      .filter(name => name.endsWith('.avro'))
      .slice(0, 3)
    const attempt = (name: string, bytes: Uint8Array): void => {
      try {
        if (name.startsWith('snap-')) parseManifestList(bytes, { location: name })
        else parseManifest(bytes, manifestFile(), { specs: [], schema: SCHEMA })
      } catch (error) {
        expect(isLakeError(error)).toBe(true)
      }
    }
    for (const name of files) {
      const good = new Uint8Array(readFileSync(`${folder}/${name}`))
      for (let at = 3; at < good.length; at += 17) {
        const broken = good.slice()
        broken[at]! ^= 1 << (at % 8)
        attempt(name, broken)
        attempt(name, good.subarray(0, at))
      }
    }
  })

  it('with changed bytes in an uncompressed block is refused or read', () => {
    const file = dataFile('a', { valueCounts: new Map([[1, 10]]), splitOffsets: [4] })
    const good = serializeManifest(options([{ status: 'added', file }], { codec: 'null' }))
    const start = Buffer.from(good).indexOf(Buffer.from(good.subarray(-16))) + 16
    for (let at = start; at < good.length; at++) {
      for (const change of [1, 2, 0x80, 0xff]) {
        const broken = good.slice()
        broken[at]! ^= change
        try {
          parseManifest(broken, manifestFile(), read)
        } catch (error) {
          expect(isLakeError(error)).toBe(true)
        }
      }
    }
  })
})
