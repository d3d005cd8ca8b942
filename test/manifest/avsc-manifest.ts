/**
 * The oracle of the manifest tests: entries decoded by avsc into objects, field by field, with what is inherited. It
 * is slow and simple, and shares no decoding with the engine.
 */
import { createAvroCodec } from '../../src/format/avro-codec.js'
import { readAvroContainer } from '../../src/format/avro-container.js'
import { fieldKey } from '../../src/format/avro-record.js'
import type { AvroField, AvroRecordType, AvroType } from '../../src/format/avro-schema.js'
import type { ContentFile, EntryStatus, ManifestEntry } from '../../src/manifest/content-file.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import { ENTRY_COUNT_IDS } from '../../src/manifest/manifest-schema.js'
import { partitionValueReader } from '../../src/manifest/partition-value.js'
import { partitionTypes } from '../../src/schema/partition.js'
import type { PartitionSpec } from '../../src/schema/partition-spec.js'
import type { Schema } from '../../src/schema/types.js'

type Decoded = { readonly [key: string]: unknown }

const STATUSES: readonly EntryStatus[] = ['existing', 'added', 'deleted']
const CONTENTS: readonly ContentFile['content'][] = ['data', 'position-deletes', 'equality-deletes']

/** The entries of a manifest as written: no statistics are left out, nothing is pruned. */
export function avscEntries(
  bytes: Uint8Array,
  manifest: ManifestFile,
  table: { readonly spec: PartitionSpec; readonly schema: Schema },
): ManifestEntry[] {
  const file = readAvroContainer(bytes, { location: manifest.location })
  const codec = createAvroCodec(file.schema, { countIds: ENTRY_COUNT_IDS })
  const records = [...file.blocks()].flatMap(block => codec.decode(block.bytes, block.recordCount))
  const types = partitionTypes(table.spec, table.schema)
  const stored = recordOf(
    recordOf(file.schema.fields.find(({ id }) => id === 2))?.fields.find(({ id }) => id === 102),
  )
  const readers = table.spec.fields.map((field, index) => {
    const type = stored?.fields.find(({ id }) => id === field.fieldId)?.type ?? { kind: 'null' as const }
    return partitionValueReader(type, types[index]!)
  })
  const hasSequenceNumbers = file.schema.fields.some(({ id }) => id === 3)
  let nextRowId = manifest.firstRowId
  return records.map(record => {
    const status = STATUSES[Number(record.f0)]!
    const data = record.f2 as Decoded
    const tuple = (data.f102 ?? {}) as Decoded
    const dataSequenceNumber =
      long(record.f3) ?? (status === 'added' || hasSequenceNumbers ? manifest.sequenceNumber : 0n)
    const content = CONTENTS[Number(data.f134 ?? 0)]!
    let firstRowId = long(data.f142)
    if (manifest.firstRowId === undefined) firstRowId = undefined
    else if (status !== 'deleted' && content === 'data' && firstRowId === undefined) {
      firstRowId = nextRowId
      nextRowId = nextRowId! + BigInt(Number(data.f103))
    }
    const partition = table.spec.fields.map((field, index) => readers[index]!(tuple[fieldKey(field.fieldId)]))
    return {
      status,
      snapshotId: long(record.f1) ?? manifest.addedSnapshotId,
      dataSequenceNumber,
      fileSequenceNumber:
        long(record.f4) ?? (status === 'added' ? manifest.sequenceNumber : dataSequenceNumber),
      file: {
        ...fileOf(data, content, firstRowId),
        specId: manifest.specId,
        partition,
      } as unknown as ContentFile,
    }
  })
}

function fileOf(data: Decoded, content: ContentFile['content'], firstRowId: bigint | undefined): Decoded {
  const optional: [string, unknown][] = [
    ['columnSizes', mapOf(data.f108, 117, 118)],
    ['valueCounts', mapOf(data.f109, 119, 120)],
    ['nullValueCounts', mapOf(data.f110, 121, 122)],
    ['nanValueCounts', mapOf(data.f137, 138, 139)],
    ['lowerBounds', mapOf(data.f125, 126, 127)],
    ['upperBounds', mapOf(data.f128, 129, 130)],
    ['keyMetadata', plain(data.f131)],
    ['splitOffsets', data.f132],
    ['sortOrderId', data.f140],
    ['firstRowId', content === 'data' ? firstRowId : undefined],
    ['equalityFieldIds', content === 'equality-deletes' ? data.f135 : undefined],
    ['referencedDataFile', content === 'position-deletes' ? data.f143 : undefined],
    ['contentOffset', content === 'position-deletes' ? data.f144 : undefined],
    ['contentSizeBytes', content === 'position-deletes' ? data.f145 : undefined],
  ]
  return {
    content,
    location: data.f100,
    format: String(data.f101).toLowerCase(),
    recordCount: data.f103,
    fileSizeBytes: data.f104,
    ...Object.fromEntries(optional.filter(([, value]) => value !== undefined && value !== null)),
  }
}

function mapOf(items: unknown, keyId: number, valueId: number): Map<number, unknown> | undefined {
  if (!Array.isArray(items)) return undefined
  return new Map(
    items.map((item: Decoded) => [Number(item[fieldKey(keyId)]), plain(item[fieldKey(valueId)])]),
  )
}

/** A Buffer as plain bytes. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Uint8Array.from(value) : value
}

function long(value: unknown): bigint | undefined {
  return typeof value === 'bigint' ? value : undefined
}

function recordOf(field: AvroField | undefined): AvroRecordType | undefined {
  const type: AvroType | undefined =
    field?.type.kind === 'union' ? field.type.branches.find(({ kind }) => kind === 'record') : field?.type
  return type?.kind === 'record' ? type : undefined
}
