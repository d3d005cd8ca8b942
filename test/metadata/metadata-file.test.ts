/** Metadata files: names, compression, and errors that name the file. */
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { createMemoryIO } from '../../src/io/memory.js'
import {
  expiredMetadataFiles,
  newMetadataLocation,
  readTableMetadata,
  writeTableMetadata,
} from '../../src/metadata/metadata-file.js'
import { serializeTableMetadata } from '../../src/metadata/table-metadata-json.js'
import { append, newTable, UUID } from './tables.js'

const plain = newTable()
const zipped = newTable({ properties: { 'write.metadata.compression-codec': 'gzip' } })

describe('the name of a metadata file', () => {
  const name = (previousLocation?: string): string =>
    newMetadataLocation(plain, { uuid: UUID, previousLocation })

  it('counts up from the one before, and from 0 where there is none or a version-hint name', () => {
    expect(name()).toBe(`s3://bucket/t/metadata/00000-${UUID}.metadata.json`)
    expect(name('file:/else/00041-abc.metadata.json')).toContain('/00042-')
    expect(name('s3://b/99999-abc.gz.metadata.json')).toContain('/100000-')
    expect(name('s3://b/v7.metadata.json')).toContain('/00000-')
  })

  it('follows the codec and the folder that the table names', () => {
    expect(newMetadataLocation(zipped, { uuid: UUID })).toBe(
      `s3://bucket/t/metadata/00000-${UUID}.gz.metadata.json`,
    )
    const moved = newTable({ properties: { 'write.metadata.path': 's3://meta/x/' } })
    expect(newMetadataLocation(moved, { uuid: UUID })).toBe(`s3://meta/x/00000-${UUID}.metadata.json`)
  })
})

describe('a metadata file', () => {
  const io = createMemoryIO()

  it.each([plain, zipped])('is read as it was written', async metadata => {
    const location = newMetadataLocation(metadata, { uuid: UUID })
    await writeTableMetadata(io, metadata, { location })
    expect(await readTableMetadata(io, location)).toEqual(metadata)
    const [first] = await io.read(location)
    expect(first).toBe(metadata === zipped ? 0x1f : 0x7b)
  })

  it.each([
    'v2.metadata.json.gz',
    'v2.gz.metadata.json',
    'v2.metadata.json',
  ])('may be gzip under the name %s', async name => {
    await io.write(`s3://b/${name}`, gzipSync(utf8Encode(serializeTableMetadata(plain))))
    expect(await readTableMetadata(io, `s3://b/${name}`)).toEqual(plain)
  })

  it('that is broken or missing is named in the error', async () => {
    const location = 's3://b/bad.metadata.json'
    for (const bytes of [utf8Encode('{'), Uint8Array.of(0xff, 0xfe), Uint8Array.of(0x1f, 0x8b, 1, 2)]) {
      await io.write(location, bytes)
      await expect(readTableMetadata(io, location)).rejects.toMatchObject({
        kind: 'corrupt',
        context: { location },
      })
    }
    const missing = readTableMetadata(io, 's3://b/none.metadata.json')
    await expect(missing).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('that fell off the log is deleted only when the table says so', () => {
    const limits = { 'write.metadata.previous-versions-max': '1' }
    const keep = append(append(newTable({ properties: limits }), 1n), 2n)
    const base = append(newTable({ properties: limits }), 1n)
    expect(expiredMetadataFiles(base, keep)).toEqual([])
    const drop = { ...keep, properties: { ...limits, 'write.metadata.delete-after-commit.enabled': 'true' } }
    expect(expiredMetadataFiles(base, drop)).toEqual(['v0'])
    expect(expiredMetadataFiles(undefined, drop)).toEqual([])
  })
})
