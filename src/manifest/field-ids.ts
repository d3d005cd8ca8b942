/**
 * Field ids for manifests and manifest lists whose writers left them out, BigQuery in the pairs of its statistics and
 * others in whole files: there a field is what its name says. An id that is there counts, whatever the name; of the
 * pairs of a map the first is the key.
 * @see Iceberg table spec, "Manifests", "Manifest Lists", "Appendix A: Avro"
 */
import { type AvroField, type AvroRecordType, type AvroType, avroName } from '../format/avro-schema.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import type { Field } from '../schema/types.js'
import { storedPartition } from './entry-layout.js'
import { ENTRY, FILE, LIST, SUMMARY } from './manifest-schema.js'

/** The fields of a record by name, and the records inside of it by the field that holds them. */
interface Level {
  readonly ids: ReadonlyMap<string, number>
  readonly inner: ReadonlyMap<number, Level>
  /** Of the pairs of a map: the ids of key and value, which count whatever the writer called or numbered them. */
  readonly pair?: readonly [keyId: number, valueId: number] | undefined
}

/** What the counts of a list were called before they were called as they are now. */
const OLD_LIST_NAMES: readonly (readonly [name: string, id: number])[] = [
  ['added_data_files_count', LIST.addedFilesCount.id],
  ['existing_data_files_count', LIST.existingFilesCount.id],
  ['deleted_data_files_count', LIST.deletedFilesCount.id],
]

function levelOf(
  columns: Readonly<Record<string, Field>>,
  options: {
    readonly inner?: readonly (readonly [number, Level])[]
    readonly more?: readonly (readonly [string, number])[]
  } = {},
): Level {
  const ids = Object.values(columns).map(({ name, id }): readonly [string, number] => [name, id])
  return { ids: new Map([...ids, ...(options.more ?? [])]), inner: new Map(options.inner ?? []) }
}

function pairLevel({ id, type }: Field): readonly (readonly [number, Level])[] {
  if (type.kind !== 'map') return []
  const pair = [type.keyId, type.valueId] as const
  return [[id, { ids: new Map(), inner: new Map(), pair }]]
}

const LIST_LEVEL: Level = levelOf(LIST, {
  inner: [[LIST.partitions.id, levelOf(SUMMARY)]],
  more: OLD_LIST_NAMES,
})
const FILE_LEVEL: Level = levelOf(FILE, { inner: Object.values(FILE).flatMap(pairLevel) })
const ENTRY_LEVEL: Level = levelOf(ENTRY, { inner: [[ENTRY.dataFile.id, FILE_LEVEL]] })

/** The schema of a manifest list with the ids it lacks; the schema itself when it lacks none. */
export function withListIds(schema: AvroRecordType): AvroRecordType {
  return identified(schema, LIST_LEVEL)
}

/** The same for a manifest, but for its tuples. */
export function withEntryIds(schema: AvroRecordType): AvroRecordType {
  return identified(schema, ENTRY_LEVEL)
}

/** The same for the tuples of a manifest, whose fields are those of the spec. */
export function withTupleIds(schema: AvroRecordType, spec: PartitionSpec): AvroRecordType {
  if (storedPartition(schema)?.fields.every(({ id }) => id !== undefined) ?? true) return schema
  const names = spec.fields.flatMap(({ name, fieldId }): [string, number][] => [
    [name, fieldId],
    [avroName(name), fieldId],
  ])
  const tuple: Level = { ids: new Map(names), inner: new Map() }
  const file: Level = { ids: new Map(), inner: new Map([[FILE.partition.id, tuple]]) }
  return withIds(schema, { ids: new Map(), inner: new Map([[ENTRY.dataFile.id, file]]) })
}

/** Schemas live as long as the files that share them, and what is made of them must be as lasting (`entryLayout`). */
const known = new WeakMap<AvroRecordType, AvroRecordType>()

function identified(schema: AvroRecordType, level: Level): AvroRecordType {
  const found = known.get(schema)
  if (found !== undefined) return found
  const made = withIds(schema, level)
  known.set(schema, made)
  return made
}

function withIds(type: AvroRecordType, level: Level): AvroRecordType {
  if (level.pair !== undefined) return withPairIds(type, level.pair)
  const taken = new Set(type.fields.map(({ id }) => id))
  const fields = type.fields.map(field => {
    const named = level.ids.get(field.name)
    const id = field.id ?? (taken.has(named) ? undefined : named)
    return withInner({ ...field, id }, field, id === undefined ? undefined : level.inner.get(id))
  })
  return fields.every((field, index) => field === type.fields[index]) ? type : { kind: 'record', fields }
}

/** Key and value by their ids, else by their places, as in Java. */
function withPairIds(type: AvroRecordType, [keyId, valueId]: readonly [number, number]): AvroRecordType {
  const [key, value, ...more] = type.fields
  if (key === undefined || value === undefined || more.length > 0) return type
  const ids = new Set([key.id, value.id])
  if (ids.has(keyId) && ids.has(valueId)) return type
  return {
    kind: 'record',
    fields: [
      { ...key, id: keyId },
      { ...value, id: valueId },
    ],
  }
}

/** The field itself when nothing of it is new. */
function withInner(field: AvroField, before: AvroField, level: Level | undefined): AvroField {
  const type = level === undefined ? field.type : recordsWithIds(field.type, level)
  return type === before.type && field.id === before.id ? before : { ...field, type }
}

/** The type with the records that it is, or holds as an option or in a list. */
function recordsWithIds(type: AvroType, level: Level): AvroType {
  switch (type.kind) {
    case 'record':
      return withIds(type, level)
    case 'union': {
      const branches = type.branches.map(branch => recordsWithIds(branch, level))
      return branches.every((branch, index) => branch === type.branches[index]) ? type : { ...type, branches }
    }
    case 'array': {
      const items = recordsWithIds(type.items, level)
      return items === type.items ? type : { ...type, items }
    }
    default:
      return type
  }
}
