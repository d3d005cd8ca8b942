/** Each `write.*` and `commit.manifest.*` property does what it says, or is refused by name. */
import { describe, expect, it } from 'vitest'
import { eq } from '../../src/expression/expression.js'
import { CODEC_NAMES } from '../../src/format/parquet/footer/metadata.js'
import { openParquet } from '../../src/format/parquet/read.js'
import type { DataFile } from '../../src/manifest/content-file.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { readManifest } from '../../src/manifest/manifest-read.js'
import { currentSchema, currentSnapshot } from '../../src/metadata/lookup.js'
import type { Field } from '../../src/schema/types.js'
import { createTestTable, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: true, type: { kind: 'long' } },
  { id: 2, name: 'v', required: false, type: { kind: 'string' } },
]

async function tableWith(properties: Record<string, string>, partitioned = false): Promise<TestTable> {
  return createTestTable({
    fields: FIELDS,
    identifierFieldIds: [1],
    properties,
    ...(partitioned
      ? { partitionFields: [{ sourceId: 2, name: 'v', transform: { kind: 'identity' } }] }
      : {}),
  })
}

async function filesOf(table: TestTable): Promise<readonly DataFile[]> {
  const { metadata } = await table.load()
  const snapshot = currentSnapshot(metadata)
  const files: DataFile[] = []
  for (const manifest of snapshot === undefined ? [] : await readManifestList(table.io, snapshot)) {
    const entries = await readManifest(table.io, manifest, {
      specs: metadata.partitionSpecs,
      schema: currentSchema(metadata),
    })
    for (const { file, status } of entries)
      if (file.content === 'data' && status !== 'deleted') files.push(file)
  }
  return files
}

async function locations({ io }: TestTable, prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of io.list(prefix)) found.push(file.location)
  return found.sort()
}

describe('properties that cannot be honoured', () => {
  it.each([
    ['write.format.default', 'avro'],
    ['write.format.default', 'orc'],
    ['write.parquet.compression-codec', 'lzo'],
    ['write.parquet.shred-variants', 'true'],
    ['write.manifest.compression-codec', 'xz'],
    ['write.location-provider.impl', 'com.example.Layout'],
  ])('are refused before anything is written: %s = %s', async (property, value) => {
    const table = await tableWith({ [property]: value })
    const before = await locations(table, 'memory://lake/')
    await expect(table.append([[1n, 'a']])).rejects.toMatchObject({
      kind: 'unsupported',
      context: { property, value },
    })
    const left = (await locations(table, 'memory://lake/')).filter(location => !before.includes(location))
    // Data files were written before the manifest is refused; they are deleted with the commit.
    expect(left).toEqual([])
  })

  it('are refused when metadata is compressed in a way that is not written', async () => {
    const property = { 'write.metadata.compression-codec': 'zstd' }
    await expect(tableWith(property)).rejects.toMatchObject({ kind: 'unsupported' })
  })

  it.each([
    ['write.delete.format.default', 'avro'],
    ['write.delete.parquet.compression-codec', 'lzo'],
  ])('of delete files stop deletes only: %s = %s', async (property, value) => {
    const table = await tableWith({ [property]: value, 'write.delete.mode': 'merge-on-read' })
    await table.append([
      [1n, 'a'],
      [2n, 'b'],
    ])
    await expect(table.delete(eq('id', 1n))).rejects.toMatchObject({
      kind: 'unsupported',
      context: { property },
    })
    expect(await table.rows(['id'])).toEqual([[1n], [2n]])
  })
})

describe('properties of files', () => {
  it('say where data and metadata go', async () => {
    const table = await tableWith({
      'write.data.path': 'memory://elsewhere/d/',
      'write.metadata.path': 'memory://elsewhere/m',
    })
    await table.append([[1n, 'a']])
    expect((await locations(table, 'memory://elsewhere/d/')).every(name => name.endsWith('.parquet'))).toBe(
      true,
    )
    expect(await locations(table, 'memory://elsewhere/d/')).toHaveLength(1)
    expect(
      (await locations(table, 'memory://elsewhere/m/')).filter(name => name.endsWith('.avro')),
    ).toHaveLength(2)
    expect((await table.load()).metadataLocation).toMatch(/^memory:\/\/elsewhere\/m\/00001-/)
    expect(await table.rows()).toEqual([[1n, 'a']])
  })

  it.each([
    [
      { 'write.object-storage.enabled': 'true' },
      /^memory:\/\/lake\/ns\/t\/data\/[01]{4}\/[01]{4}\/[01]{4}\/[01]{8}\/v=a\/[^/]+$/,
    ],
    [
      { 'write.object-storage.enabled': 'true', 'write.object-storage.partitioned-paths': 'false' },
      /^memory:\/\/lake\/ns\/t\/data\/[01]{4}\/[01]{4}\/[01]{4}\/[01]{8}-[^/]+$/,
    ],
    [
      { 'write.object-storage.enabled': 'true', 'write.data.path': 'memory://bulk' },
      /^memory:\/\/bulk\/[01]{4}\/[01]{4}\/[01]{4}\/[01]{8}\/ns\/t\/v=a\/[^/]+$/,
    ],
  ])('spread data files for object stores: %j', async (properties, path) => {
    const table = await tableWith(properties, true)
    await table.append([[1n, 'a']])
    expect((await filesOf(table)).map(file => file.location)).toEqual([expect.stringMatching(path)])
    expect(await table.rows()).toEqual([[1n, 'a']])
  })

  it.each(['gzip', 'zstd', 'snappy', 'uncompressed'])('pack manifests and lists with %s', async codec => {
    const table = await tableWith({ 'write.manifest.compression-codec': codec })
    await table.append([[1n, 'a']])
    await table.append([[2n, 'b']])
    const header = { gzip: 'deflate', zstd: 'zstandard', snappy: 'snappy', uncompressed: 'null' }[codec] ?? ''
    const avro = (await locations(table, 'memory://lake/')).filter(name => name.endsWith('.avro'))
    expect(avro).toHaveLength(4)
    for (const location of avro) {
      const text = Buffer.from(await table.io.read(location)).toString('latin1')
      expect(text).toContain(`avro.codec${String.fromCharCode(2 * header.length)}${header}`)
    }
    expect((await table.rows(['id'])).flat().sort()).toEqual([1n, 2n])
  })

  it.each([
    ['zstd', 'zstd'],
    ['snappy', 'snappy'],
    ['gzip', 'gzip'],
    ['brotli', 'brotli'],
    ['uncompressed', 'uncompressed'],
    ['lz4', 'lz4_raw'],
  ])('pack pages with %s', async (codec, stored) => {
    const table = await tableWith({ 'write.parquet.compression-codec': codec })
    await table.append([[1n, 'a']])
    const [file] = await filesOf(table)
    const { footer } = await openParquet(table.io, file?.location ?? '')
    const chunks = footer.metadata.rowGroups[0]?.columns ?? []
    const codecs = chunks.map(({ codec: id }) => CODEC_NAMES[id])
    expect(codecs).toEqual([stored, stored])
    expect(await table.rows()).toEqual([[1n, 'a']])
  })

  it('roll data files at the target size', async () => {
    const table = await tableWith({ 'write.target-file-size-bytes': '1' })
    const rows = Array.from({ length: 40_000 }, (_, id) => [BigInt(id), `text of row ${id}`] as const)
    await table.append(rows)
    expect((await filesOf(table)).length).toBeGreaterThan(1)
  })

  it('compress metadata, and keep as many old files of it as asked', async () => {
    const table = await tableWith({
      'write.metadata.compression-codec': 'gzip',
      'write.metadata.previous-versions-max': '2',
      'write.metadata.delete-after-commit.enabled': 'true',
    })
    for (const id of [1n, 2n, 3n, 4n, 5n]) await table.append([[id, 'a']])
    const { metadata, metadataLocation } = await table.load()
    expect(metadataLocation).toMatch(/\.gz\.metadata\.json$/)
    expect(metadata.metadataLog).toHaveLength(2)
    const files = (await locations(table, 'memory://lake/')).filter(name => name.endsWith('.metadata.json'))
    expect(files).toEqual([...metadata.metadataLog.map(entry => entry.metadataFile), metadataLocation].sort())
  })

  it('delete no metadata where nothing may be deleted', async () => {
    const table = await tableWith({
      'write.metadata.previous-versions-max': '1',
      'write.metadata.delete-after-commit.enabled': 'true',
      'gc.enabled': 'false',
    })
    for (const id of [1n, 2n, 3n]) await table.append([[id, 'a']])
    const files = (await locations(table, 'memory://lake/')).filter(name => name.endsWith('.metadata.json'))
    expect(files).toHaveLength(4)
  })

  it('bound the partitions that a summary tells of', async () => {
    const summaryOf = async (limit: string): Promise<readonly string[]> => {
      const table = await tableWith({ 'write.summary.partition-limit': limit }, true)
      await table.append([
        [1n, 'a'],
        [2n, 'b'],
      ])
      const { summary } = currentSnapshot((await table.load()).metadata) ?? { summary: {} }
      return Object.keys(summary).filter(key => key.startsWith('partitions.'))
    }
    expect(await summaryOf('2')).toEqual(['partitions.v=a', 'partitions.v=b'])
    expect(await summaryOf('1')).toEqual([])
  })
})
