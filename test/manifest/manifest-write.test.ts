import { describe, expect, it } from 'vitest'
import { hexEncode, utf8Encode } from '../../src/base/bytes.js'
import { readAvroContainer } from '../../src/format/avro-container.js'
import { parseManifest } from '../../src/manifest/manifest-read.js'
import { serializeManifest, writeManifest } from '../../src/manifest/manifest-write.js'
import {
  dataFile,
  equalityDeletes,
  manifestFile,
  memory,
  options,
  positionDeletes,
  SCHEMA,
  SNAPSHOT,
  SPEC,
} from './manifest-files.js'

const LOCATION = 'memory://t/metadata/m0.avro'
const read = { specs: [SPEC], schema: SCHEMA }

const measured = dataFile('measured', {
  columnSizes: new Map([
    [1, 100],
    [2, 5_000_000_000],
  ]),
  valueCounts: new Map([[1, 10]]),
  nullValueCounts: new Map([[1, 0]]),
  nanValueCounts: new Map(),
  lowerBounds: new Map([[2, utf8Encode('a')]]),
  upperBounds: new Map([
    [2, utf8Encode('z')],
    [1, new Uint8Array(8).fill(255)],
  ]),
  keyMetadata: Uint8Array.of(1, 2),
  splitOffsets: [4, 1000],
  sortOrderId: 1,
})

describe('a manifest', () => {
  it('gives back its entries with everything they hold', () => {
    const file = { ...measured, firstRowId: 2n ** 60n }
    const entries = [
      { status: 'existing', snapshotId: 1n, dataSequenceNumber: 2n ** 62n, fileSequenceNumber: 3n, file },
      {
        status: 'deleted',
        snapshotId: SNAPSHOT,
        dataSequenceNumber: 1n,
        fileSequenceNumber: 1n,
        file: { ...dataFile('gone'), firstRowId: 5n },
      },
    ] as const
    const bytes = serializeManifest(options(entries, { formatVersion: 3 }))
    expect(parseManifest(bytes, manifestFile({ firstRowId: 0n }), read)).toEqual(entries)
  })

  it('leaves the numbers of added files to the commit, unless one is kept', () => {
    const entries = [
      { status: 'added', file: dataFile('a') },
      { status: 'added', dataSequenceNumber: 3n, file: dataFile('b') },
    ] as const
    const bytes = serializeManifest(options(entries))
    const numbers = parseManifest(bytes, manifestFile({ sequenceNumber: 9n }), read).map(entry => [
      entry.snapshotId,
      entry.dataSequenceNumber,
      entry.fileSequenceNumber,
    ])
    expect(numbers).toEqual([
      [SNAPSHOT, 9n, 9n],
      [SNAPSHOT, 3n, 9n],
    ])
  })

  it('holds nulls, NaN and negative decimals in tuples', () => {
    const files = [
      dataFile('nulls', { partition: [null, null, null, null, null] }),
      dataFile('odd', { partition: ['😎', -99_999_999_99n, Number.NaN, 0, -1] }),
      dataFile('zero', { partition: ['', 0n, -0, 15, 0] }),
    ]
    const bytes = serializeManifest(options(files.map(file => ({ status: 'added', file }))))
    expect(parseManifest(bytes, manifestFile(), read).map(({ file }) => file.partition)).toEqual(
      files.map(({ partition }) => partition),
    )
  })

  it('holds delete files of every kind', () => {
    const vector = positionDeletes('dv', {
      format: 'puffin',
      referencedDataFile: 'memory://t/data/a.parquet',
      contentOffset: 4,
      contentSizeBytes: 50,
    })
    const files = [
      positionDeletes('pos', { referencedDataFile: 'memory://t/data/a.parquet' }),
      equalityDeletes('eq'),
    ]
    const v2 = serializeManifest(
      options(
        files.map(file => ({ status: 'added', file })),
        { content: 'deletes' },
      ),
    )
    expect(parseManifest(v2, manifestFile({ content: 'deletes' }), read).map(({ file }) => file)).toEqual(
      files,
    )
    const v3 = serializeManifest(
      options([{ status: 'added', file: vector }], { content: 'deletes', formatVersion: 3 }),
    )
    expect(parseManifest(v3, manifestFile({ content: 'deletes' }), read).map(({ file }) => file)).toEqual([
      vector,
    ])
  })

  it('says in its header what it is', () => {
    const { metadata } = readAvroContainer(serializeManifest(options([], { content: 'deletes' })), {
      location: LOCATION,
    })
    expect(Object.fromEntries([...metadata].filter(([key]) => !/schema$/.test(key)))).toEqual({
      'schema-id': '4',
      'partition-spec': expect.stringContaining('"field-id":1003'),
      'partition-spec-id': '3',
      'format-version': '2',
      content: 'deletes',
      'avro.codec': 'deflate',
    })
    expect(metadata.get('schema')).toContain('"identifier-field-ids":[1]')
    expect(metadata.get('iceberg.schema')).toContain(
      '"name":"manifest_path"'.replace('manifest_path', 'file_path'),
    )
  })

  it('of v2 has no columns of v3', () => {
    const text = (formatVersion: 2 | 3): string =>
      readAvroContainer(serializeManifest(options([], { formatVersion })), {
        location: LOCATION,
      }).metadata.get('avro.schema') ?? ''
    expect(text(2)).not.toMatch(/first_row_id|content_offset/)
    expect(text(3)).toMatch(/first_row_id.*content_offset/)
  })

  it('may be uncompressed', () => {
    const bytes = serializeManifest(options([{ status: 'added', file: measured }], { codec: 'null' }))
    expect(readAvroContainer(bytes, { location: LOCATION }).metadata.get('avro.codec')).toBe('null')
    expect(parseManifest(bytes, manifestFile(), read)[0]?.file).toEqual(measured)
  })

  it('of thousands of entries is read back whole', () => {
    const files = Array.from({ length: 3000 }, (_, index) =>
      dataFile(`f${index}`, { partition: ['r', BigInt(index), index, index % 16, index] }),
    )
    const bytes = serializeManifest(options(files.map(file => ({ status: 'added', file }))))
    expect(parseManifest(bytes, manifestFile(), read).map(({ file }) => file)).toEqual(files)
  })

  it('refuses a value whose column no schema has, and takes it from an older schema', () => {
    const newer = { ...SCHEMA, fields: SCHEMA.fields.slice(0, 1) }
    const entries = [{ status: 'added', file: dataFile('a') }] as const
    expect(() => serializeManifest(options(entries, { schema: newer }))).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
    const bytes = serializeManifest(options(entries, { schema: newer, schemas: [SCHEMA, newer] }))
    expect(
      parseManifest(bytes, manifestFile(), { specs: [SPEC], schema: newer, schemas: [SCHEMA] })[0]?.file,
    ).toEqual(dataFile('a'))
  })
})

describe('the description of a written manifest', () => {
  it('counts files and rows and bounds the tuples', async () => {
    const io = memory()
    const entries = [
      {
        status: 'added',
        dataSequenceNumber: 6n,
        file: dataFile('a', { partition: ['eu', 5n, Number.NaN, null, 3] }),
      },
      { status: 'added', file: dataFile('b', { partition: ['us', -5n, 0, null, -3], recordCount: 20 }) },
      {
        status: 'existing',
        snapshotId: 1n,
        dataSequenceNumber: 5n,
        fileSequenceNumber: 5n,
        file: dataFile('c', { recordCount: 30 }),
      },
      {
        status: 'deleted',
        snapshotId: 1n,
        dataSequenceNumber: 1n,
        fileSequenceNumber: 1n,
        file: dataFile('d', { partition: [null, 1n, 0, null, 3], recordCount: 40 }),
      },
    ] as const
    const written = await writeManifest(io, LOCATION, options(entries))
    const { partitions, ...described } = written
    expect(described).toEqual({
      location: LOCATION,
      lengthBytes: (await io.read(LOCATION)).length,
      specId: 3,
      content: 'data',
      addedSnapshotId: SNAPSHOT,
      addedFilesCount: 2,
      existingFilesCount: 1,
      deletedFilesCount: 1,
      addedRowsCount: 30,
      existingRowsCount: 30,
      deletedRowsCount: 40,
      minSequenceNumber: 5n,
    })
    expect(partitions.map(({ containsNull, containsNan }) => [containsNull, containsNan])).toEqual(
      [
        [true, false],
        [false, true],
        [false, true],
        [true, false],
        [false, false],
      ].map((pair, index) => (index === 1 ? [false, false] : pair)),
    )
    const bounds = partitions.map(({ lowerBound, upperBound }) =>
      [lowerBound, upperBound].map(bytes => bytes && hexEncode(bytes)),
    )
    expect(bounds[0]).toEqual([hexEncode(utf8Encode('eu')), hexEncode(utf8Encode('us'))])
    expect(bounds[1]).toEqual(['fb', '04d2'])
    expect(bounds[3]).toEqual(['07000000', '07000000'])
    expect(bounds[4]).toEqual(['fdffffff', '384a0000'])
  })
})
