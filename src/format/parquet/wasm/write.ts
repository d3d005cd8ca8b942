/**
 * parquet-wasm as a writing engine: an oracle beside serac's own encoder, and selectable. It makes a file of one row
 * group in memory; its pages and their metadata are taken out of there. It has no bloom filters, no page limits, no
 * checksums, one level for each codec, and does not know variant and geospatial columns.
 */
import { errorText, LakeError } from '../../../base/errors.js'
import type { ColumnBatch, Vector } from '../../../batch/column-batch.js'
import { batchesToIpc } from '../../arrow-out.js'
import type { EncodedChunk } from '../encode/encode-column.js'
import { entryStatistics, mergeEntryStatistics } from '../encode/leaf-statistics.js'
import { shredColumn } from '../encode/shred.js'
import type { WriteLeaf, WriteRoot } from '../encode/write-schema.js'
import {
  CODEC_NAMES,
  type ColumnChunk,
  chunkRange,
  PARQUET_TAIL_BYTES,
  type ParquetMetadata,
} from '../footer/metadata.js'
import { moveOffsetIndex, parseColumnIndex, parseOffsetIndex } from '../footer/page-index.js'
import { parseMetadata } from '../footer/parse-metadata.js'
import type { WriteEngine, WriteEngineOptions } from '../write-engine.js'
import { storableBatch, storableFields } from './batch.js'
import { columnsWithoutDictionary } from './dictionary.js'
import { encodeRowGroup } from './engine.js'

/** @throws unsupported for fields or a codec that parquet-wasm does not write */
export function wasmWriteEngine(options: WriteEngineOptions): WriteEngine {
  const fields = storableFields(options.fields)
  const { codec } = options.encoding
  if (codec === 'lzo' || codec === 'lz4') {
    throw new LakeError('unsupported', 'the codec cannot be written', { context: { codec } })
  }
  return {
    name: 'parquet-wasm',
    async encode(batches) {
      const stored = batches.map(batch => storableBatch(batch, options.fields))
      const rowCount = stored.reduce((sum, batch) => sum + batch.length, 0)
      const withoutDictionary = options.encoding.dictionaryEnabled
        ? columnsWithoutDictionary(fields, stored)
        : fields.map(field => field.name)
      // First, because it says in our words what is wrong with the rows.
      const statistics = options.schema.roots.map(root => leafStatistics(root, batches))
      const file = encoded(() =>
        encodeRowGroup(batchesToIpc(fields, stored), { codec, rowCount, withoutDictionary }),
      )
      return chunksOf(file, { roots: options.schema.roots, statistics: statistics.flat() })
    },
  }
}

function encoded(encode: () => Uint8Array): Uint8Array {
  try {
    return encode()
  } catch (cause) {
    if (cause instanceof LakeError) throw cause
    const context = { reason: errorText(cause) }
    throw new LakeError('invalid-argument', 'the rows cannot be encoded as parquet', { context, cause })
  }
}

type Statistics = EncodedChunk['leafStatistics']

function leafStatistics(root: WriteRoot, batches: readonly ColumnBatch[]): Statistics[] {
  const parts = batches.map(batch => shredColumn(root, batch.columns[root.column] as Vector))
  return root.leaves.map((leaf, at) =>
    mergeEntryStatistics(
      leaf,
      parts.flatMap(entries => {
        const own = entries[at]
        return own === undefined ? [] : [entryStatistics(leaf, own)]
      }),
    ),
  )
}

function chunksOf(
  file: Uint8Array,
  made: { readonly roots: readonly WriteRoot[]; readonly statistics: readonly Statistics[] },
): EncodedChunk[] {
  const leaves = made.roots.flatMap(root => root.leaves)
  const columns = engineMetadata(file).rowGroups[0]?.columns ?? []
  return leaves.map((leaf, at) => {
    const column = columns[at]
    if (column === undefined || column.physicalType !== leaf.physicalType) {
      throw new LakeError('unsupported', 'parquet-wasm stores the column otherwise', {
        context: { column: leaf.path.join('.') },
      })
    }
    return chunkOf(file, column, { leaf, statistics: made.statistics[at] as Statistics })
  })
}

function chunkOf(
  file: Uint8Array,
  column: ColumnChunk,
  { leaf, statistics }: { readonly leaf: WriteLeaf; readonly statistics: Statistics },
): EncodedChunk {
  const { offset, lengthBytes } = chunkRange(column)
  const part = (range: { offset: number; lengthBytes: number }): Uint8Array =>
    file.subarray(range.offset, range.offset + range.lengthBytes)
  if (column.offsetIndex === undefined) throw new RangeError(`no offset index of ${leaf.path.join('.')}`)
  return {
    bytes: part({ offset, lengthBytes }),
    codec: CODEC_NAMES[column.codec] ?? 'uncompressed',
    encodings: column.encodings,
    encodingStatistics: column.encodingStatistics ?? [],
    valueCount: column.valueCount,
    uncompressedBytes: column.uncompressedBytes,
    dictionaryPageBytes: column.dictionaryPageOffset === undefined ? 0 : column.dataPageOffset - offset,
    offsetIndex: moveOffsetIndex(parseOffsetIndex(part(column.offsetIndex)), -offset),
    columnIndex: column.columnIndex && parseColumnIndex(part(column.columnIndex)),
    sizeStatistics: column.sizeStatistics ?? {},
    statistics: column.statistics,
    leafStatistics: statistics,
  }
}

function engineMetadata(file: Uint8Array): ParquetMetadata {
  const end = file.length - PARQUET_TAIL_BYTES
  const length = new DataView(file.buffer, file.byteOffset + end, 4).getUint32(0, true)
  return parseMetadata(file.subarray(end - length, end))
}
