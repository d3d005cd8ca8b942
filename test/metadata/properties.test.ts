/** Table properties: Iceberg's names and defaults, and values that make no sense. */
import { describe, expect, it } from 'vitest'
import {
  commitRetry,
  commitStatusCheck,
  dataFolder,
  deleteMode,
  expireProperties,
  gcEnabled,
  manifestProperties,
  metadataCodec,
  metadataFolder,
  parquetOptions,
  propertyUpdates,
  targetFileSizeBytes,
} from '../../src/metadata/properties.js'

const given = (
  properties: Record<string, string>,
): { properties: Record<string, string>; location: string } => ({
  properties,
  location: 's3://b/t',
})
const none = given({})

describe('table properties', () => {
  it('have the defaults of the Java library', () => {
    expect(commitRetry(none)).toEqual({
      retries: 4,
      waitMsMin: 100,
      waitMsMax: 60_000,
      totalMsMax: 1_800_000,
    })
    expect(commitStatusCheck(none)).toMatchObject({ retries: 3, waitMsMin: 1000 })
    expect(targetFileSizeBytes(none)).toBe(536_870_912)
    expect(deleteMode(none)).toBe('copy-on-write')
    expect(gcEnabled(none)).toBe(true)
    expect(manifestProperties(none)).toMatchObject({ targetSizeBytes: 8_388_608, codec: 'deflate' })
    expect(parquetOptions(none)).toMatchObject({ codec: 'gzip', rowGroupSizeBytes: 134_217_728 })
    expect(expireProperties(none)).toMatchObject({ maxSnapshotAgeMs: 432_000_000, maxRefAgeMs: Infinity })
  })

  it('fall back to the default when negative or garbage; zero retries is a value', () => {
    expect(commitRetry(given({ 'commit.retry.num-retries': '0' })).retries).toBe(0)
    for (const text of ['-1', 'many', '', '1.5', '1e3', '99999999999999999999'])
      expect(commitRetry(given({ 'commit.retry.num-retries': text })).retries).toBe(4)
    expect(targetFileSizeBytes(given({ 'write.target-file-size-bytes': '0' }))).toBe(536_870_912)
    expect(gcEnabled(given({ 'gc.enabled': 'maybe' }))).toBe(true)
    expect(gcEnabled(given({ 'gc.enabled': 'FALSE' }))).toBe(false)
    expect(deleteMode(given({ 'write.delete.mode': 'Merge-On-Read' }))).toBe('merge-on-read')
    expect(deleteMode(given({ 'write.update.mode': 'merge-on-read' }), 'update')).toBe('merge-on-read')
  })

  it('say where files go, without slashes at the end', () => {
    expect([dataFolder(none), metadataFolder(none)]).toEqual(['s3://b/t/data', 's3://b/t/metadata'])
    const set = given({ 'write.data.path': 's3://d//', 'write.metadata.path': 's3://m/x/' })
    expect([dataFolder(set), metadataFolder(set)]).toEqual(['s3://d', 's3://m/x'])
  })

  it('of delete files come before those of data files', () => {
    const table = given({
      'write.parquet.compression-codec': 'snappy',
      'write.delete.parquet.compression-codec': 'zstd',
      'write.parquet.bloom-filter-enabled.column.id': 'true',
      'write.parquet.bloom-filter-fpp.column.id': '0.05',
    })
    expect(parquetOptions(table).codec).toBe('snappy')
    expect(parquetOptions(table, 'deletes').codec).toBe('zstd')
    expect(parquetOptions(table).bloomFilters).toEqual(new Map([['id', { fpp: 0.05 }]]))
  })

  it('name codecs that serac can write, or are refused', () => {
    expect(metadataCodec(given({ 'write.metadata.compression-codec': 'GZIP' }))).toBe('gzip')
    expect(() => metadataCodec(given({ 'write.metadata.compression-codec': 'zstd' }))).toThrowError(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })

  it('that are reserved are never stored; format-version upgrades', () => {
    expect(propertyUpdates({ 'format-version': '3', uuid: 'x', 'snapshot-count': '1', a: 'b' })).toEqual([
      { action: 'upgrade-format-version', formatVersion: 3 },
      { action: 'set-properties', updates: { a: 'b' } },
    ])
    expect(propertyUpdates({ 'current-schema': 'x' })).toEqual([])
    expect(() => propertyUpdates({ 'format-version': '4' })).toThrowError(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})
