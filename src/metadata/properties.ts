/**
 * Table properties: typed reading with Iceberg's names and defaults. A value that is not of the property's
 * type counts as absent, so a typing mistake of another tool never stops a reader or writer.
 * @see Iceberg documentation, "Configuration"; the names are those of the Java library
 */
import { LakeError } from '../base/errors.js'
import { trimTrailingSlash } from '../io/location.js'
import type { FormatVersion, TableMetadata } from './table-metadata.js'
import type { TableUpdate } from './table-update.js'

/** Anything that carries table properties: metadata, or the properties of a table to be. */
export type HasProperties = Pick<TableMetadata, 'properties'>

export function property(table: HasProperties, name: string): string | undefined {
  return Object.hasOwn(table.properties, name) ? table.properties[name] : undefined
}

export function propertyText(table: HasProperties, name: string, otherwise: string): string {
  return property(table, name) ?? otherwise
}

export function propertyBoolean(table: HasProperties, name: string, otherwise: boolean): boolean {
  const text = property(table, name)?.trim().toLowerCase()
  return text === 'true' || (text !== 'false' && otherwise)
}

/** A whole number of at least `least` (default 0); anything else counts as absent. */
export function propertyNumber(
  table: HasProperties,
  name: string,
  options: { readonly otherwise: number; readonly least?: number },
): number {
  const text = property(table, name)?.trim()
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return options.otherwise
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= (options.least ?? 0) ? value : options.otherwise
}

function propertyFraction(table: HasProperties, name: string, otherwise: number): number {
  const value = Number(property(table, name) ?? Number.NaN)
  return value > 0 && value < 1 ? value : otherwise
}

function propertyChoice<T extends string>(
  table: HasProperties,
  name: string,
  options: { readonly choices: readonly T[]; readonly otherwise: T },
): T {
  const text = property(table, name)?.trim().toLowerCase()
  return options.choices.find(choice => choice === text) ?? options.otherwise
}

// ---- reserved

const RESERVED: ReadonlySet<string> = new Set([
  'format-version',
  'uuid',
  'snapshot-count',
  'current-snapshot-summary',
  'current-snapshot-id',
  'current-snapshot-timestamp-ms',
  'current-schema',
  'default-partition-spec',
  'default-sort-order',
])

/** True for names that stand for metadata fields and are never stored as properties. */
export function isReservedProperty(name: string): boolean {
  return RESERVED.has(name)
}

export function withoutReserved(
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !isReservedProperty(name)))
}

/** The format version that the property `format-version` asks for. @throws invalid-argument */
export function askedFormatVersion(properties: Readonly<Record<string, string>>): FormatVersion | undefined {
  const text = property({ properties }, 'format-version')
  if (text === undefined) return undefined
  if (text === '1' || text === '2' || text === '3') return text === '1' ? 1 : text === '2' ? 2 : 3
  throw new LakeError('invalid-argument', 'the format version is not one that serac writes', {
    context: { formatVersion: text },
  })
}

/**
 * The updates that set properties as a user means it: `format-version` upgrades the table, other reserved names do nothing.
 * @throws invalid-argument for an unknown format version
 */
export function propertyUpdates(properties: Readonly<Record<string, string>>): readonly TableUpdate[] {
  const formatVersion = askedFormatVersion(properties)
  const updates = withoutReserved(properties)
  return [
    ...(formatVersion === undefined ? [] : [{ action: 'upgrade-format-version', formatVersion } as const]),
    ...(Object.keys(updates).length === 0 ? [] : [{ action: 'set-properties', updates } as const]),
  ]
}

// ---- commits

/** How often and how long something is tried again. */
export interface RetryProperties {
  /** Attempts after the first. */
  readonly retries: number
  readonly waitMsMin: number
  readonly waitMsMax: number
  readonly totalMsMax: number
}

function retryProperties(
  table: HasProperties,
  prefix: string,
  defaults: Omit<RetryProperties, 'totalMsMax'>,
  totalName: string,
): RetryProperties {
  return {
    retries: propertyNumber(table, `${prefix}.num-retries`, { otherwise: defaults.retries }),
    waitMsMin: propertyNumber(table, `${prefix}.min-wait-ms`, { otherwise: defaults.waitMsMin }),
    waitMsMax: propertyNumber(table, `${prefix}.max-wait-ms`, { otherwise: defaults.waitMsMax }),
    totalMsMax: propertyNumber(table, `${prefix}.${totalName}`, { otherwise: 1_800_000 }),
  }
}

/** `commit.retry.*`: trying again after a conflict. */
export function commitRetry(table: HasProperties): RetryProperties {
  const defaults = { retries: 4, waitMsMin: 100, waitMsMax: 60_000 }
  return retryProperties(table, 'commit.retry', defaults, 'total-timeout-ms')
}

/** `commit.status-check.*`: looking what became of a commit whose answer was lost. */
export function commitStatusCheck(table: HasProperties): RetryProperties {
  const defaults = { retries: 3, waitMsMin: 1_000, waitMsMax: 60_000 }
  return retryProperties(table, 'commit.status-check', defaults, 'total-timeout-ms')
}

export interface ManifestProperties {
  readonly targetSizeBytes: number
  readonly minCountToMerge: number
  readonly mergeEnabled: boolean
  /** Avro codec of manifests and manifest lists. */
  readonly codec: 'deflate' | 'null' | 'snappy' | 'zstandard'
}

export function manifestProperties(table: HasProperties): ManifestProperties {
  return {
    targetSizeBytes: propertyNumber(table, 'commit.manifest.target-size-bytes', {
      otherwise: 8 << 20,
      least: 1,
    }),
    minCountToMerge: propertyNumber(table, 'commit.manifest.min-count-to-merge', { otherwise: 100 }),
    mergeEnabled: propertyBoolean(table, 'commit.manifest-merge.enabled', true),
    codec: manifestCodec(table),
  }
}

function manifestCodec(table: HasProperties): ManifestProperties['codec'] {
  const name = propertyText(table, 'write.manifest.compression-codec', 'gzip').toLowerCase()
  if (name === 'uncompressed' || name === 'none' || name === 'null') return 'null'
  if (name === 'snappy') return 'snappy'
  return name === 'zstd' ? 'zstandard' : 'deflate'
}

/** `write.summary.partition-limit`: at most that many `partitions.` entries in a snapshot summary. */
export function summaryPartitionLimit(table: HasProperties): number {
  return propertyNumber(table, 'write.summary.partition-limit', { otherwise: 0 })
}

// ---- data files

export function targetFileSizeBytes(table: HasProperties): number {
  return propertyNumber(table, 'write.target-file-size-bytes', { otherwise: 512 * 2 ** 20, least: 1 })
}

export type RowLevelOperation = 'delete' | 'update' | 'merge'
export type RowLevelMode = 'copy-on-write' | 'merge-on-read'

/** How an operation removes rows; `operation` defaults to `delete`. */
export function deleteMode(table: HasProperties, operation: RowLevelOperation = 'delete'): RowLevelMode {
  const choices = ['copy-on-write', 'merge-on-read'] as const
  return propertyChoice(table, `write.${operation}.mode`, { choices, otherwise: 'copy-on-write' })
}

export type IsolationLevel = 'serializable' | 'snapshot'

/** Whether rows that others add while the operation runs are its concern. */
export function isolationLevel(table: HasProperties, operation: RowLevelOperation): IsolationLevel {
  const choices = ['serializable', 'snapshot'] as const
  return propertyChoice(table, `write.${operation}.isolation-level`, { choices, otherwise: 'serializable' })
}

/** How rows are arranged before they are written; undefined when the table does not say. */
export function distributionMode(table: HasProperties): 'none' | 'hash' | 'range' | undefined {
  const choices = ['none', 'hash', 'range'] as const
  const text = property(table, 'write.distribution-mode')?.trim().toLowerCase()
  return choices.find(choice => choice === text)
}

export type ParquetCodec = 'zstd' | 'snappy' | 'gzip' | 'lz4_raw' | 'brotli' | 'uncompressed'

export interface ParquetProperties {
  readonly rowGroupSizeBytes: number
  readonly pageSizeBytes: number
  readonly pageRowLimit: number
  readonly dictionarySizeBytes: number
  readonly dictionaryEnabled: boolean
  /** Columns, by name, that have a word of their own on dictionaries. */
  readonly dictionaryEnabledByColumn: ReadonlyMap<string, boolean>
  /** Names of columns whose chunks and pages carry no statistics. */
  readonly statisticsDisabled: readonly string[]
  readonly pageVersion: 1 | 2
  readonly codec: ParquetCodec
  /** Absent: the codec's own default. */
  readonly level?: number
  readonly bloomFilterBytesMax: number
  /** By column name. */
  readonly bloomFilters: ReadonlyMap<string, { readonly fpp: number; readonly ndv?: number }>
}

const PARQUET_CODECS: Readonly<Record<string, ParquetCodec>> = {
  zstd: 'zstd',
  snappy: 'snappy',
  gzip: 'gzip',
  brotli: 'brotli',
  uncompressed: 'uncompressed',
  none: 'uncompressed',
  // The older LZ4 has a framing of its own; the format asks writers for the raw one.
  lz4: 'lz4_raw',
  lz4_raw: 'lz4_raw',
}

/**
 * `write.parquet.*`; codecs that are not written are refused before (`write-properties.ts`).
 * For delete files `write.delete.parquet.*` comes first.
 */
export function parquetOptions(
  table: HasProperties,
  content: 'data' | 'deletes' = 'data',
): ParquetProperties {
  const prefix = 'write.parquet.'
  const merged = content === 'data' ? table : { properties: withDeleteTwins(table.properties) }
  const asked = propertyText(merged, `${prefix}compression-codec`, 'gzip').toLowerCase()
  const level = propertyNumber(merged, `${prefix}compression-level`, { otherwise: -1 })
  const size = (name: string, otherwise: number): number =>
    propertyNumber(merged, `${prefix}${name}`, { otherwise, least: 1 })
  return {
    rowGroupSizeBytes: size('row-group-size-bytes', 128 << 20),
    pageSizeBytes: size('page-size-bytes', 1 << 20),
    pageRowLimit: size('page-row-limit', 20_000),
    dictionarySizeBytes: size('dict-size-bytes', 2 << 20),
    dictionaryEnabled: propertyBoolean(merged, `${prefix}dict-encoding-enabled`, true),
    dictionaryEnabledByColumn: booleansByColumn(merged, `${prefix}dict-encoding-enabled.column.`),
    statisticsDisabled: [...booleansByColumn(merged, `${prefix}stats-enabled.column.`)].flatMap(
      ([column, enabled]) => (enabled ? [] : [column]),
    ),
    pageVersion: propertyText(merged, `${prefix}page-version`, 'v1').toLowerCase() === 'v2' ? 2 : 1,
    codec: Object.hasOwn(PARQUET_CODECS, asked) ? (PARQUET_CODECS[asked] ?? 'zstd') : 'zstd',
    ...(level < 0 ? {} : { level }),
    bloomFilterBytesMax: size('bloom-filter-max-bytes', 1 << 20),
    bloomFilters: bloomFilters(merged),
  }
}

function withDeleteTwins(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const twins = Object.entries(properties)
    .filter(([name]) => name.startsWith('write.delete.parquet.'))
    .map(([name, value]) => [name.replace('write.delete.parquet.', 'write.parquet.'), value])
  return { ...properties, ...Object.fromEntries(twins) }
}

function booleansByColumn(table: HasProperties, prefix: string): ReadonlyMap<string, boolean> {
  const columns = Object.keys(table.properties).filter(name => name.startsWith(prefix))
  return new Map(columns.map(name => [name.slice(prefix.length), propertyBoolean(table, name, true)]))
}

function bloomFilters(table: HasProperties): ReadonlyMap<string, { fpp: number; ndv?: number }> {
  const enabled = 'write.parquet.bloom-filter-enabled.column.'
  const filters = new Map<string, { fpp: number; ndv?: number }>()
  for (const name of Object.keys(table.properties)) {
    if (!name.startsWith(enabled) || !propertyBoolean(table, name, false)) continue
    const column = name.slice(enabled.length)
    const ndv = propertyNumber(table, `write.parquet.bloom-filter-ndv.column.${column}`, { otherwise: 0 })
    const fpp = propertyFraction(table, `write.parquet.bloom-filter-fpp.column.${column}`, 0.01)
    filters.set(column, ndv > 0 ? { fpp, ndv } : { fpp })
  }
  return filters
}

// ---- locations

/** Properties that put files elsewhere than below the table's location. */
export const FOLDER_PROPERTIES: readonly string[] = [
  'write.data.path',
  'write.metadata.path',
  'write.object-storage.path',
  'write.folder-storage.path',
]

/** Where the table's files are, and may be. */
export function tableFolders(table: Pick<TableMetadata, 'properties' | 'location'>): readonly string[] {
  const folders = FOLDER_PROPERTIES.flatMap(name => property(table, name) ?? [])
  return [...new Set([table.location, ...folders])]
}

/** Folder of new data files, without a trailing slash. */
export function dataFolder(table: Pick<TableMetadata, 'properties' | 'location'>): string {
  const set =
    property(table, 'write.data.path') ??
    (objectStorageEnabled(table) ? property(table, 'write.object-storage.path') : undefined)
  return trimTrailingSlash(set ?? `${table.location}/data`)
}

/** Folder of new metadata files, without a trailing slash. */
export function metadataFolder(table: Pick<TableMetadata, 'properties' | 'location'>): string {
  return trimTrailingSlash(property(table, 'write.metadata.path') ?? `${table.location}/metadata`)
}

export function objectStorageEnabled(table: HasProperties): boolean {
  return propertyBoolean(table, 'write.object-storage.enabled', false)
}

/** With object storage paths: whether the partition is part of the path. */
export function objectStoragePartitionedPaths(table: HasProperties): boolean {
  return propertyBoolean(table, 'write.object-storage.partitioned-paths', true)
}

// ---- metadata files

/** Compression of new metadata files. @throws unsupported */
export function metadataCodec(table: HasProperties, otherwise: 'none' | 'gzip' = 'none'): 'none' | 'gzip' {
  const codec = propertyText(table, 'write.metadata.compression-codec', otherwise).toLowerCase()
  if (codec === 'none' || codec === 'gzip') return codec
  throw new LakeError('unsupported', 'the compression codec of metadata files is not supported', {
    context: { codec },
  })
}

/** How many older metadata files the metadata log keeps. */
export function previousVersionsMax(table: HasProperties): number {
  return Math.max(1, propertyNumber(table, 'write.metadata.previous-versions-max', { otherwise: 100 }))
}

/** Whether metadata files that fell off the metadata log are deleted after a commit. */
export function deleteMetadataAfterCommit(table: HasProperties): boolean {
  return propertyBoolean(table, 'write.metadata.delete-after-commit.enabled', false)
}

// ---- maintenance

/** False: nothing may be deleted physically, because other tables may share the files. */
export function gcEnabled(table: HasProperties): boolean {
  return propertyBoolean(table, 'gc.enabled', true)
}

export interface ExpireProperties {
  readonly maxSnapshotAgeMs: number
  readonly minSnapshotsToKeep: number
  /** Infinity: for ever. */
  readonly maxRefAgeMs: number
}

/** `history.expire.*`: the defaults of refs that say nothing themselves. */
export function expireProperties(table: HasProperties): ExpireProperties {
  const day = 86_400_000
  return {
    maxSnapshotAgeMs: propertyNumber(table, 'history.expire.max-snapshot-age-ms', {
      otherwise: 5 * day,
      least: 1,
    }),
    minSnapshotsToKeep: propertyNumber(table, 'history.expire.min-snapshots-to-keep', {
      otherwise: 1,
      least: 1,
    }),
    maxRefAgeMs: propertyNumber(table, 'history.expire.max-ref-age-ms', {
      otherwise: Number.POSITIVE_INFINITY,
      least: 1,
    }),
  }
}

// ---- reading
