/**
 * Which table properties writing cannot honour. A table that asks for something that serac does not do is refused before
 * anything of that content is written, rather than written otherwise than its owner thinks.
 *
 * | property | written | refused |
 * |---|---|---|
 * | write.format.default | parquet | avro, orc |
 * | write.delete.format.default | parquet, puffin | avro, orc |
 * | write.parquet.compression-codec and its twin of delete files | all of Parquet's but those to the right | lzo, unknown ones |
 * | write.parquet.shred-variants | false | true |
 * | write.manifest.compression-codec | gzip, zstd, snappy, uncompressed | unknown ones |
 * | write.metadata.compression-codec (`metadataCodec`) | none, gzip | unknown ones |
 * | write.location-provider.impl | absent | any: paths come from code that only Java can load |
 *
 * Always so, whatever is asked: position deletes are written a file for each data file, so `write.delete.granularity` is
 * `file` and `write.delete.target-file-size-bytes` has nothing to cut. Distribution modes of single operations
 * (`write.merge.distribution-mode` and its like) say how rows reach the tasks of a cluster, and here is one process.
 * @see Iceberg documentation, "Configuration"
 */
import { LakeError } from '../base/errors.js'
import { type HasProperties, property } from './properties.js'

/** What is about to be written. */
export type WrittenContent = 'data' | 'deletes' | 'manifests'

interface Rule {
  readonly name: string
  readonly content: readonly WrittenContent[]
  /** Values that can be honoured, in lower case; none: the property may not be set. */
  readonly honoured: ReadonlySet<string>
}

const PARQUET_CODECS = new Set(['zstd', 'snappy', 'gzip', 'brotli', 'uncompressed', 'none', 'lz4', 'lz4_raw'])

const RULES: readonly Rule[] = [
  { name: 'write.format.default', content: ['data'], honoured: new Set(['parquet']) },
  { name: 'write.delete.format.default', content: ['deletes'], honoured: new Set(['parquet', 'puffin']) },
  { name: 'write.parquet.compression-codec', content: ['data'], honoured: PARQUET_CODECS },
  { name: 'write.delete.parquet.compression-codec', content: ['deletes'], honoured: PARQUET_CODECS },
  { name: 'write.parquet.shred-variants', content: ['data'], honoured: new Set(['false']) },
  {
    name: 'write.manifest.compression-codec',
    content: ['manifests'],
    honoured: new Set(['gzip', 'deflate', 'zstd', 'snappy', 'uncompressed', 'none', 'null']),
  },
  { name: 'write.location-provider.impl', content: ['data', 'deletes'], honoured: new Set() },
]

/** @throws unsupported naming the property and its value */
export function checkWriteProperties(table: HasProperties, written: WrittenContent): void {
  for (const { name, content, honoured } of RULES) {
    const value = content.includes(written) ? property(table, name) : undefined
    if (value === undefined || honoured.has(value.trim().toLowerCase())) continue
    throw new LakeError('unsupported', 'the table asks to be written in a way that serac does not write', {
      context: { property: name, value },
    })
  }
}
