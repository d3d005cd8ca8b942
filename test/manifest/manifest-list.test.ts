import { describe, expect, it } from 'vitest'
import { readAvroContainer, writeAvroContainer } from '../../src/format/avro-container.js'
import { avroSchemaOf } from '../../src/format/avro-schema.js'
import { type ManifestFile, mightHaveLiveFiles } from '../../src/manifest/manifest-file.js'
import { parseManifestList, readManifestList } from '../../src/manifest/manifest-list-read.js'
import { writeManifestList } from '../../src/manifest/manifest-list-write.js'
import { serializeManifest, writeManifest } from '../../src/manifest/manifest-write.js'
import { dataFile, manifestFile, memory, options, positionDeletes, SNAPSHOT } from './manifest-files.js'

const LIST = 'memory://t/metadata/snap-1.avro'
const counts = {
  addedFilesCount: 1,
  existingFilesCount: 2,
  deletedFilesCount: 3,
  addedRowsCount: 10,
  existingRowsCount: 20,
  deletedRowsCount: 30,
}
const old: ManifestFile = manifestFile({
  location: 'memory://t/metadata/old.avro',
  ...counts,
  sequenceNumber: 2n ** 61n,
  minSequenceNumber: 3n,
  addedSnapshotId: 2n ** 63n - 1n,
  keyMetadata: Uint8Array.of(9),
  partitions: [
    { containsNull: true, containsNan: false, lowerBound: Uint8Array.of(1), upperBound: Uint8Array.of(2) },
    { containsNull: false },
  ],
})
const v2 = {
  formatVersion: 2,
  snapshotId: SNAPSHOT,
  parentSnapshotId: undefined,
  sequenceNumber: 8n,
} as const
const v3 = { ...v2, formatVersion: 3, parentSnapshotId: 77n, firstRowId: 1000n } as const

describe('a manifest list', () => {
  it('gives back its manifests exactly', async () => {
    const io = memory()
    const written = await writeManifestList(io, LIST, [old], v2)
    expect(written).toEqual({ manifests: [old], lengthBytes: (await io.read(LIST)).length })
    expect(await readManifestList(io, { snapshotId: SNAPSHOT, manifestList: LIST })).toEqual([old])
  })

  it('numbers new manifests with its snapshot', async () => {
    const io = memory()
    const added = await writeManifest(
      io,
      'memory://t/metadata/m1.avro',
      options([{ status: 'added', file: dataFile('a') }]),
    )
    const rewritten = await writeManifest(
      io,
      'memory://t/metadata/m2.avro',
      options([
        {
          status: 'existing',
          snapshotId: 1n,
          dataSequenceNumber: 4n,
          fileSequenceNumber: 4n,
          file: dataFile('b'),
        },
      ]),
    )
    const { manifests } = await writeManifestList(io, LIST, [added, rewritten, old], v2)
    expect(manifests.map(each => [each.sequenceNumber, each.minSequenceNumber])).toEqual([
      [8n, 8n],
      [8n, 4n],
      [old.sequenceNumber, 3n],
    ])
    expect(await readManifestList(io, { snapshotId: SNAPSHOT, manifestList: LIST })).toEqual(manifests)
  })

  it('of v3 gives row ids to data manifests without them, existing rows included', async () => {
    const io = memory()
    const deletes = manifestFile({ ...counts, content: 'deletes' })
    const known = { ...old, firstRowId: 5n }
    const added = await writeManifest(
      io,
      'memory://t/metadata/m1.avro',
      options([{ status: 'added', file: dataFile('a') }], { formatVersion: 3 }),
    )
    const written = await writeManifestList(io, LIST, [added, deletes, known, old], v3)
    expect(written.manifests.map(({ firstRowId }) => firstRowId)).toEqual([1000n, undefined, 5n, 1010n])
    expect(written.nextRowId).toBe(1040n)
    expect(await readManifestList(io, { snapshotId: SNAPSHOT, manifestList: LIST })).toEqual(
      written.manifests,
    )
  })

  it('of v2 drops row ids and says who it is', async () => {
    const io = memory()
    await writeManifestList(io, LIST, [{ ...old, firstRowId: 5n }], { ...v2, codec: 'null' })
    const file = readAvroContainer(await io.read(LIST), { location: LIST })
    expect(file.metadata.get('avro.schema')).not.toContain('first_row_id')
    expect(Object.fromEntries([...file.metadata].filter(([key]) => !/schema$/.test(key)))).toEqual({
      'snapshot-id': String(SNAPSHOT),
      'parent-snapshot-id': 'null',
      'sequence-number': '8',
      'format-version': '2',
      'avro.codec': 'null',
    })
    await writeManifestList(io, LIST, [], v3)
    const { metadata } = readAvroContainer(await io.read(LIST), { location: LIST })
    expect([metadata.get('parent-snapshot-id'), metadata.get('first-row-id')]).toEqual(['77', '1000'])
  })

  it('counts manifests that an old list did not count', async () => {
    const io = memory()
    const { location } = manifestFile()
    await io.write(location, serializeManifest(options([{ status: 'added', file: dataFile('a') }])))
    const { manifests } = await writeManifestList(io, LIST, [manifestFile()], v2)
    expect(manifests[0]).toEqual(
      expect.objectContaining({ addedFilesCount: 1, existingFilesCount: 0, addedRowsCount: 10 }),
    )
  })

  it('of v1 reads as data, with sequence number 0 and unknown counts', () => {
    const schema = avroSchemaOf(
      [
        { id: 500, name: 'p', required: true, type: { kind: 'string' } },
        { id: 501, name: 'l', required: true, type: { kind: 'long' } },
        { id: 502, name: 's', required: true, type: { kind: 'int' } },
        { id: 503, name: 'a', required: true, type: { kind: 'long' } },
        { id: 504, name: 'added_data_files_count', required: false, type: { kind: 'int' } },
      ],
      'manifest_file',
    )
    const row = { f500: 'memory://m.avro', f501: 12n, f502: 1, f503: 9n, f504: null }
    const bytes = writeAvroContainer([row, { ...row, f504: 0 }], { schema, metadata: {}, codec: 'null' })
    const [unknown, counted] = parseManifestList(bytes, { location: LIST })
    expect(unknown).toEqual({
      location: 'memory://m.avro',
      lengthBytes: 12,
      specId: 1,
      content: 'data',
      sequenceNumber: 0n,
      minSequenceNumber: 0n,
      addedSnapshotId: 9n,
      partitions: [],
    })
    expect(counted?.addedFilesCount).toBe(0)
    expect(mightHaveLiveFiles(unknown!)).toBe(true)
    expect(mightHaveLiveFiles(manifestFile({ ...counts, addedFilesCount: 0, existingFilesCount: 0 }))).toBe(
      false,
    )
  })

  it('is replaced by the manifests that an old v1 snapshot names', async () => {
    const io = memory()
    const bytes = serializeManifest(options([{ status: 'added', file: dataFile('a') }]))
    await io.write('memory://t/m.avro', bytes)
    expect(await readManifestList(io, { snapshotId: 4n, manifests: ['memory://t/m.avro'] })).toEqual([
      {
        location: 'memory://t/m.avro',
        lengthBytes: bytes.length,
        specId: 3,
        content: 'data',
        sequenceNumber: 0n,
        minSequenceNumber: 0n,
        addedSnapshotId: 4n,
        partitions: [],
      },
    ])
  })

  it('that is encrypted is unsupported', async () => {
    const io = memory()
    await writeManifestList(io, LIST, [old], v2)
    await expect(readManifestList(io, { snapshotId: 1n, manifestList: LIST, keyId: 'k' })).rejects.toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })

  it('with a delete manifest never gives it row ids', async () => {
    const io = memory()
    const deletes = await writeManifest(
      io,
      'memory://t/metadata/d.avro',
      options([{ status: 'added', file: positionDeletes('p') }], { content: 'deletes', formatVersion: 3 }),
    )
    const written = await writeManifestList(io, LIST, [deletes], v3)
    expect(written.nextRowId).toBe(1000n)
    expect(written.manifests[0]?.content).toBe('deletes')
  })
})
