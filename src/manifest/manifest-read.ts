/**
 * Reading manifests: from a location or bytes to entries in which everything that is inherited is filled in.
 * What the entries go through is in `entry-select.ts`.
 * @see Iceberg table spec, "Manifests", "Sequence Number Inheritance", "First Row ID Inheritance"
 */
import { isLakeError } from '../base/errors.js'
import { isJsonObject, parseJson } from '../base/json.js'
import { required } from '../format/avro-fields.js'
import { type AvroRecordType, withPrefixedFixed } from '../format/avro-schema.js'
import { located } from '../format/located.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { partitionTypes } from '../schema/partition.js'
import type { PartitionField, PartitionSpec } from '../schema/partition-spec.js'
import { parsePartitionFields } from '../schema/partition-spec-json.js'
import type { Schema } from '../schema/types.js'
import type { EntryStatus, ManifestEntry } from './content-file.js'
import { EntryCursor } from './entry-cursor.js'
import { entryLayout, storedPartition } from './entry-layout.js'
import { EntryRows } from './entry-rows.js'
import { type EntrySelector, type ManifestSelection, selectEntries, statusAt } from './entry-select.js'
import { withTupleIds } from './field-ids.js'
import type { ManifestCache } from './manifest-cache.js'
import type { ManifestFile } from './manifest-file.js'
import { holdManifest, type OpenManifest, openBytes, withManifest } from './manifest-open.js'
import { FILE } from './manifest-schema.js'
import { type PartitionValueReader, partitionValueReader } from './partition-value.js'

export interface ReadManifestOptions extends IoOptions {
  /** The table's specs; a manifest of another spec is read by the spec in its header. */
  readonly specs: readonly PartitionSpec[]
  /** The schema whose types the partition values take. */
  readonly schema: Schema
  /** The table's other schemas: for partition columns that were dropped since. */
  readonly schemas?: readonly Schema[] | undefined
  /** Entries to return; default all, deleted ones included. */
  readonly keep?: ((status: EntryStatus) => boolean) | undefined
  /** Statistics to decode: all (the default), none, or those of some columns. */
  readonly withStatistics?: boolean | ReadonlySet<number> | undefined
  /** Manifests that were read before. */
  readonly cache?: ManifestCache | undefined
}

export interface SelectManifestOptions extends ReadManifestOptions {
  /** Which entries are wanted, beyond their status; default all. */
  readonly selector?: EntrySelector | undefined
}

/**
 * The entries of a manifest, in its order; one request.
 * @throws corrupt when the file breaks the format; unsupported when it is encrypted; not-found, denied, unavailable
 */
export async function readManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: ReadManifestOptions,
): Promise<ManifestEntry[]> {
  return [...(await selectFromManifest(io, manifest, options)).entries]
}

/**
 * The entries of a manifest that the selector keeps, and how many it does not; one request. Entries that are not
 * kept cost next to nothing, and are checked only as far as they were looked at.
 * @throws as `readManifest`
 */
export function selectFromManifest(
  io: FileIO,
  manifest: ManifestFile,
  options: SelectManifestOptions,
): Promise<ManifestSelection> {
  const { signal, cache } = options
  return withManifest(io, manifest, { signal, cache, use: open => select(open, manifest, options) })
}

export interface OpenEntriesOptions extends Omit<ReadManifestOptions, 'withStatistics' | 'cache'> {
  /** Columns whose statistics are looked at one by one; default none. */
  readonly statisticsOf?: Iterable<number> | undefined
}

/** The entries of a manifest that was read, and is not walked yet. */
export interface OpenEntries {
  readonly rows: EntryRows
  /** Gives the manifest's memory to the next one; the rows must not be used afterwards. */
  release(): void
}

/**
 * Reads a manifest to be walked bit by bit; one request. It is unpacked while it is walked.
 * @throws as `readManifest`; what is broken in the blocks is found by the walk
 */
export async function openEntries(
  io: FileIO,
  manifest: ManifestFile,
  options: OpenEntriesOptions,
): Promise<OpenEntries> {
  const { keep, signal, statisticsOf = [] } = options
  const held = await holdManifest(io, manifest, { signal })
  const rows = located(manifest.location, () => {
    const { open, tuple } = identified(held, manifest.specId, options)
    const schema = open.mayPrefixFixed ? readableSchema(open, tuple, { ...options, manifest }) : open.schema
    return new EntryRows(held.blocks(), {
      layout: entryLayout(schema, tuple.fieldIds),
      manifest,
      tuple: tuple.readers,
      keep,
      statisticsOf,
    })
  })
  return { rows, release: held.release }
}

/** The schema that the entries can be decoded with: a walk that was begun cannot be begun anew. */
function readableSchema(
  open: OpenManifest,
  tuple: TupleFields,
  options: ReadManifestOptions & { readonly manifest: ManifestFile },
): AvroRecordType {
  return withEitherLayout(open, schema => {
    selectEntries(open.blocks(), {
      layout: entryLayout(schema, tuple.fieldIds),
      manifest: options.manifest,
      tuple: tuple.readers,
      schema: options.schema,
      keep: options.keep,
      selector: undefined,
      statistics: false,
    })
    return schema
  })
}

/** The entries of a manifest's bytes. */
export function parseManifest(
  bytes: Uint8Array,
  manifest: ManifestFile,
  options: SelectManifestOptions,
): ManifestEntry[] {
  return [...select(openBytes(bytes, manifest), manifest, options).entries]
}

function select(
  open: OpenManifest,
  manifest: ManifestFile,
  options: SelectManifestOptions,
): ManifestSelection {
  return located(manifest.location, () => {
    const { open: readable, tuple } = identified(open, manifest.specId, options)
    return withEitherLayout(readable, schema =>
      selectEntries(open.blocks(), {
        layout: entryLayout(schema, tuple.fieldIds),
        manifest,
        tuple: tuple.readers,
        schema: options.schema,
        keep: options.keep,
        selector: options.selector,
        statistics: options.withStatistics ?? true,
      }),
    )
  })
}

/**
 * Decodes the entries of a manifest. One with plain fixed values in its tuples that does not read as its schema
 * says is read as Java writes it (`withPrefixedFixed`): decoded the wrong way, the values behind are broken.
 */
function withEitherLayout<T>(open: OpenManifest, decode: (schema: AvroRecordType) => T): T {
  try {
    return decode(open.schema)
  } catch (error) {
    if (!isLakeError(error, 'corrupt') || !open.mayPrefixFixed) throw error
    try {
      return decode(withPrefixedFixed(open.schema))
    } catch {
      throw error
    }
  }
}

interface TupleFields {
  readonly fieldIds: readonly number[]
  readonly readers: readonly PartitionValueReader[]
}

/** The manifest with ids for all fields of its tuple, and how they are read. */
function identified(
  open: OpenManifest,
  specId: number,
  options: ReadManifestOptions,
): { readonly open: OpenManifest; readonly tuple: TupleFields } {
  const spec = specOf(open, specId, options)
  const readable = { ...open, schema: withTupleIds(open.schema, spec) }
  return { open: readable, tuple: tupleOf(readable, spec, options) }
}

/** How each field of the spec's tuple is read out of this file. */
function tupleOf(open: OpenManifest, spec: PartitionSpec, options: ReadManifestOptions): TupleFields {
  const schemas = [options.schema, ...(options.schemas ?? []).toReversed()]
  const wanted = partitionTypes(spec, schemas)
  const stored = storedPartition(open.schema)
  return {
    fieldIds: spec.fields.map(field => field.fieldId),
    readers: spec.fields.map((field, index) => {
      const column = stored?.fields.find(each => each.id === field.fieldId)
      return partitionValueReader(column?.type ?? { kind: 'null' }, wanted[index] ?? { kind: 'unknown' })
    }),
  }
}

function specOf(open: OpenManifest, specId: number, options: ReadManifestOptions): PartitionSpec {
  return options.specs.find(each => each.specId === specId) ?? { specId, fields: headerSpec(open) }
}

/** The fields of a spec; some writers put the spec around them, as in table metadata. */
function headerSpec(open: OpenManifest): readonly PartitionField[] {
  const text = open.metadata.get('partition-spec')
  if (text === undefined) return []
  const json = parseJson(text)
  return parsePartitionFields(isJsonObject(json) ? (json.fields ?? null) : json)
}

/** Live and deleted entries and their rows, for lists of writers that did not count. */
export interface ManifestCounts {
  readonly addedFilesCount: number
  readonly existingFilesCount: number
  readonly deletedFilesCount: number
  readonly addedRowsCount: number
  readonly existingRowsCount: number
  readonly deletedRowsCount: number
}

/** Counts the entries of a manifest whose list does not say. */
export function countManifest(
  io: FileIO,
  manifest: ManifestFile,
  ioOptions: IoOptions = {},
): Promise<ManifestCounts> {
  return withManifest(io, manifest, {
    ...ioOptions,
    use: open =>
      located(manifest.location, () => withEitherLayout(open, schema => countEntries(open, schema))),
  })
}

function countEntries(open: OpenManifest, schema: AvroRecordType): ManifestCounts {
  const entry = new EntryCursor(entryLayout(schema, []))
  const files = { existing: 0, added: 0, deleted: 0 }
  const rows = { existing: 0, added: 0, deleted: 0 }
  for (const block of open.blocks()) {
    entry.open(block)
    while (entry.next()) {
      entry.whole()
      const status = statusAt(entry)
      files[status]++
      rows[status] += required(entry.count(FILE.recordCount), FILE.recordCount)
    }
  }
  return {
    addedFilesCount: files.added,
    existingFilesCount: files.existing,
    deletedFilesCount: files.deleted,
    addedRowsCount: rows.added,
    existingRowsCount: rows.existing,
    deletedRowsCount: rows.deleted,
  }
}
