/**
 * Where the fields of a manifest's entries are: the writer's schema as a program for the walker (`avro-walk.ts`),
 * made once for each schema. Each field that is read has a slot, in which the walk leaves where its value begins.
 * @see Iceberg table spec, "Manifests"
 */
import { type AvroDecoder, avroDecoder } from '../format/avro-decoder.js'
import type { AvroField, AvroRecordType, AvroType } from '../format/avro-schema.js'
import { compileWalk, type WalkProgram, type WalkTarget } from '../format/avro-walk.js'
import type { FileMetrics } from './content-file.js'
import { ENTRY, FILE, type ManifestColumn, type MapColumn } from './manifest-schema.js'

/** The columns of an entry and of its file, each with a slot of its own. */
const SLOT_COLUMNS: readonly ManifestColumn[] = [
  ENTRY.status,
  ENTRY.snapshotId,
  ENTRY.dataSequenceNumber,
  ENTRY.fileSequenceNumber,
  ENTRY.dataFile,
  FILE.content,
  FILE.location,
  FILE.format,
  FILE.partition,
  FILE.recordCount,
  FILE.fileSizeBytes,
  FILE.columnSizes,
  FILE.valueCounts,
  FILE.nullValueCounts,
  FILE.nanValueCounts,
  FILE.lowerBounds,
  FILE.upperBounds,
  FILE.keyMetadata,
  FILE.splitOffsets,
  FILE.equalityFieldIds,
  FILE.sortOrderId,
  FILE.firstRowId,
  FILE.referencedDataFile,
  FILE.contentOffset,
  FILE.contentSizeBytes,
]

const SLOTS: ReadonlyMap<number, number> = new Map(SLOT_COLUMNS.map(({ id }, slot) => [id, slot]))
/** Where the tuple ends; the slots of its fields follow. */
const PARTITION_END_SLOT = SLOT_COLUMNS.length
const TUPLE_SLOT_MIN = PARTITION_END_SLOT + 1

/** The slot of a column. */
export function slotOf(column: ManifestColumn): number {
  return SLOTS.get(column.id) ?? -1
}

/** The statistics of a file, in the order of their rows in `WalkNotes.values`. */
export const STATISTICS_COLUMNS: readonly (readonly [name: keyof FileMetrics, column: MapColumn])[] = [
  ['columnSizes', FILE.columnSizes],
  ['valueCounts', FILE.valueCounts],
  ['nullValueCounts', FILE.nullValueCounts],
  ['nanValueCounts', FILE.nanValueCounts],
  ['lowerBounds', FILE.lowerBounds],
  ['upperBounds', FILE.upperBounds],
]

/** The row of a statistic in `WalkNotes.values`. */
export function statisticsRow(name: keyof FileMetrics): number {
  return STATISTICS_COLUMNS.findIndex(([each]) => each === name)
}

export interface EntryLayout {
  readonly program: WalkProgram
  readonly slotCount: number
  /** What a slot's value is read with where its type is not the one that the specification gives the column. */
  readonly decoders: readonly (AvroDecoder | undefined)[]
  readonly partitionEndSlot: number
  /** In the order of the ids asked for. */
  readonly tuple: readonly TupleSlot[]
  readonly hasSequenceNumbers: boolean
}

export interface TupleSlot {
  readonly slot: number
  readonly decode: AvroDecoder
}

/** Layouts live as long as the schema that they are of. */
const layouts = new WeakMap<AvroRecordType, Map<string, EntryLayout>>()
const LAYOUTS_PER_SCHEMA_MAX = 16

/** The layout of entries of the writer's schema; `partitionFieldIds` are the fields of the tuple, in its order. */
export function entryLayout(schema: AvroRecordType, partitionFieldIds: readonly number[]): EntryLayout {
  const key = partitionFieldIds.join()
  const known = layouts.get(schema)
  const found = known?.get(key)
  if (found !== undefined) return found
  const layout = compileLayout(schema, partitionFieldIds)
  if (known === undefined) layouts.set(schema, new Map([[key, layout]]))
  else if (known.size < LAYOUTS_PER_SCHEMA_MAX) known.set(key, layout)
  return layout
}

function compileLayout(schema: AvroRecordType, partitionFieldIds: readonly number[]): EntryLayout {
  const file = recordType(fieldOf(schema, ENTRY.dataFile.id)?.type)
  const partition = recordType(fieldOf(file, FILE.partition.id)?.type)
  const typeOf = (column: ManifestColumn): AvroType | undefined =>
    (fieldOf(schema, column.id) ?? fieldOf(file, column.id))?.type
  const pairLists = STATISTICS_COLUMNS.map(([, column]) => isUsualMap(column, typeOf(column)))
  const program = compileWalk(schema, targetsOf(partitionFieldIds, pairLists), {
    checkpointSlot: hasStatusFirst(schema) ? PARTITION_END_SLOT : undefined,
  })
  const tuple = partitionFieldIds.map((id, index) => {
    const slot = TUPLE_SLOT_MIN + index
    const type = fieldOf(partition, id)?.type ?? { kind: 'null' }
    return { slot, decode: avroDecoder(program.unusualSlots.has(slot) ? type : valueType(type)) }
  })
  return {
    program,
    slotCount: TUPLE_SLOT_MIN + partitionFieldIds.length,
    decoders: SLOT_COLUMNS.map((column, slot) => {
      const type = typeOf(column)
      if (type === undefined || isUsual(column, valueType(type))) return undefined
      return avroDecoder(program.unusualSlots.has(slot) ? type : valueType(type))
    }),
    partitionEndSlot: PARTITION_END_SLOT,
    tuple,
    hasSequenceNumbers: fieldOf(schema, ENTRY.dataSequenceNumber.id) !== undefined,
  }
}

/** An entry is judged by its status and its tuple: both have to be known where a walk stops behind the tuple. */
function hasStatusFirst({ fields }: AvroRecordType): boolean {
  const at = (column: ManifestColumn): number => fields.findIndex(({ id }) => id === column.id)
  return at(ENTRY.status) < at(ENTRY.dataFile)
}

/** `pairLists`: which of the statistics are stored as the specification says. */
function targetsOf(
  partitionFieldIds: readonly number[],
  pairLists: readonly boolean[],
): ReadonlyMap<number, WalkTarget> {
  const tuple = partitionFieldIds.map((id, index): [number, WalkTarget] => [
    id,
    { slot: TUPLE_SLOT_MIN + index },
  ])
  const entryIds = new Set<number>(Object.values(ENTRY).map(({ id }) => id))
  const fileTargets = new Map<number, WalkTarget>()
  for (const column of SLOT_COLUMNS)
    if (!entryIds.has(column.id)) fileTargets.set(column.id, { slot: slotOf(column) })
  fileTargets.set(FILE.partition.id, {
    slot: slotOf(FILE.partition),
    endSlot: PARTITION_END_SLOT,
    fields: new Map(tuple),
  })
  STATISTICS_COLUMNS.forEach(([, column], row) => {
    const slot = slotOf(column)
    fileTargets.set(column.id, pairLists[row] ? { slot, pairs: { row, ...pairIds(column) } } : { slot })
  })
  const targets = new Map<number, WalkTarget>()
  for (const { id } of Object.values(ENTRY)) targets.set(id, { slot: SLOTS.get(id) })
  targets.set(ENTRY.dataFile.id, { slot: slotOf(ENTRY.dataFile), fields: fileTargets })
  return targets
}

function pairIds({ type }: MapColumn): { readonly keyId: number; readonly valueId: number } {
  return type.kind === 'map' ? type : { keyId: -1, valueId: -1 }
}

function fieldOf(record: AvroRecordType | undefined, id: number): AvroField | undefined {
  return record?.fields.find(field => field.id === id)
}

/** The tuple's record in a writer's schema. */
export function storedPartition(schema: AvroRecordType): AvroRecordType | undefined {
  const file = recordType(fieldOf(schema, ENTRY.dataFile.id)?.type)
  return recordType(fieldOf(file, FILE.partition.id)?.type)
}

/** The record behind a field; some writers make it optional. */
function recordType(type: AvroType | undefined): AvroRecordType | undefined {
  if (type?.kind === 'union') return recordType(type.branches.find(branch => branch.kind === 'record'))
  return type?.kind === 'record' ? type : undefined
}

/** What an optional field holds when it is not null; other unions as they are. */
function valueType(type: AvroType): AvroType {
  if (type.kind !== 'union' || type.branches.length !== 2) return type
  const [first, second] = type.branches
  if (first?.kind === 'null' && second !== undefined) return second
  return second?.kind === 'null' && first !== undefined ? first : type
}

/** Whether a column is stored as its readers expect it. */
function isUsual(column: ManifestColumn, stored: AvroType): boolean {
  switch (column.type.kind) {
    case 'int':
    case 'long':
      return stored.kind === 'int' || stored.kind === 'long'
    case 'string':
      return stored.kind === 'string'
    case 'binary':
      return stored.kind === 'bytes'
    case 'list':
      return stored.kind === 'array' && (stored.items.kind === 'int' || stored.items.kind === 'long')
    case 'struct':
      return stored.kind === 'record'
    default:
      return isUsualMap(column, stored)
  }
}

function isUsualMap(column: ManifestColumn, type: AvroType | undefined): boolean {
  const stored = type === undefined ? undefined : valueType(type)
  if (column.type.kind !== 'map' || stored?.kind !== 'array' || stored.items.kind !== 'record') return false
  const [key, value, ...more] = stored.items.fields
  const kinds: readonly string[] = column.type.value.kind === 'long' ? ['int', 'long'] : ['bytes']
  return (
    more.length === 0 &&
    key?.id === column.type.keyId &&
    (key.type.kind === 'int' || key.type.kind === 'long') &&
    value?.id === column.type.valueId &&
    kinds.includes(value.type.kind)
  )
}
