/**
 * A Parquet file that somebody else wrote, described as a data file of a table - or why it cannot be one. Only its
 * footer is looked at; a file is taken when everything that the table promises of its rows is proven by it.
 *
 *   columns     by field id where the file has ids, else by the table's name mapping
 *   types       those that reading can turn into the table's
 *   required    no nulls, by the file's own schema or its statistics
 *   partition   identity values from the folders (`key=value`) or as given; else the one value that bounds prove
 */
import { isLakeError } from '../base/errors.js'
import type { ParquetFooter } from '../format/parquet/footer/footer.js'
import { chunkRange } from '../format/parquet/footer/metadata.js'
import { NO_FIELD_ID, type ParquetSchema, readParquetSchema } from '../format/parquet/footer/schema.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, defaultSpec } from '../metadata/lookup.js'
import { metricsModes } from '../metadata/metrics-mode.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { type NameMapping, nameMappingBy, parseNameMapping } from '../reader/name-mapping.js'
import { hiveKeys, hiveValue } from '../schema/hive-path.js'
import { NAME_MAPPING_PROPERTY, nameMappingOf } from '../schema/name-mapping.js'
import { partitionSourceType } from '../schema/partition.js'
import type { PartitionField } from '../schema/partition-spec.js'
import { planProjection } from '../schema/projection.js'
import { childFields, FIELD_ID_MAX, fieldById, fieldPath } from '../schema/schema.js'
import { preservesOrder, transformValue } from '../schema/transform.js'
import { printType } from '../schema/type-text.js'
import { type Field, isPrimitive, type PrimitiveType, type Schema, type Value } from '../schema/types.js'
import { equalValues } from '../schema/value.js'
import { footerStatistics } from './footer-statistics.js'
import { type ColumnStatistics, fileMetrics } from './metrics.js'

/** Why a file does not fit. */
export interface FileConflict {
  readonly location: string
  /** The column, or the partition field. */
  readonly column: string
  readonly reason: string
  /** Undefined where the file does not have the column. */
  readonly storedType?: string | undefined
  readonly tableType?: string | undefined
}

export interface DescribedFile {
  readonly file: DataFile
  readonly conflicts: readonly FileConflict[]
  /** Columns of the file that the table does not have: they are not read. */
  readonly ignoredColumns: readonly string[]
  /** The file has no field ids, and the table needs a name mapping. */
  readonly needsNameMapping: boolean
}

export interface DescribeOptions {
  readonly metadata: TableMetadata
  /** Values of identity partition fields, by column, as text; they win over those of folders. */
  readonly partition?: Readonly<Record<string, string>> | undefined
}

/** @throws corrupt for a malformed name mapping of the table */
export function describeFile(footer: ParquetFooter, options: DescribeOptions): DescribedFile {
  const { metadata } = options
  const schema = currentSchema(metadata)
  const hasIds = footer.metadata.schema.some(element => element.fieldId !== undefined)
  const stored = readParquetSchema(footer.metadata.schema, mappingFor(metadata))
  const statistics = footerStatistics(footer, stored, schema.fields)
  const site: Site = { footer, metadata, schema, stored, statistics, hasIds, options, conflicts: [] }
  checkFields(site, schema.fields, { stored: stored.roots.map(root => root.field), path: [] })
  const ignoredColumns = strangers(site)
  const partition = defaultSpec(metadata).fields.map(field => partitionValue(site, field))
  return {
    file: dataFile(site, partition),
    conflicts: site.conflicts,
    ignoredColumns,
    needsNameMapping: !hasIds && metadata.properties[NAME_MAPPING_PROPERTY] === undefined,
  }
}

interface Site {
  readonly footer: ParquetFooter
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** With the table's ids. */
  readonly stored: ParquetSchema
  readonly statistics: ReadonlyMap<number, ColumnStatistics>
  readonly hasIds: boolean
  readonly options: DescribeOptions
  /** Grows. */
  readonly conflicts: FileConflict[]
}

function mappingFor(metadata: TableMetadata): NameMapping {
  const text = metadata.properties[NAME_MAPPING_PROPERTY]
  return text === undefined
    ? nameMappingBy(nameMappingOf(currentSchema(metadata).fields))
    : parseNameMapping(text)
}

function dataFile({ footer, metadata, schema, statistics }: Site, partition: readonly Value[]): DataFile {
  const { location, sizeBytes, rowCount } = footer
  const offsets = footer.metadata.rowGroups.map(({ columns: [first] }) =>
    first === undefined ? -1 : chunkRange(first).offset,
  )
  const ascending = offsets.every((offset, index) => offset > (offsets[index - 1] ?? 0))
  return {
    content: 'data',
    location,
    format: 'parquet',
    specId: metadata.defaultSpecId,
    partition,
    recordCount: rowCount,
    fileSizeBytes: sizeBytes,
    ...(ascending && offsets.length > 0 ? { splitOffsets: offsets } : {}),
    ...fileMetrics(statistics, schema, metricsModes(metadata, schema)),
  }
}

// ---- columns

interface Level {
  readonly stored: readonly Field[]
  readonly path: readonly string[]
}

function checkFields(site: Site, fields: readonly Field[], { stored, path }: Level): void {
  for (const field of fields) {
    const column = [...path, field.name]
    const found = stored.filter(each => each.id === field.id)
    const [only] = found
    if (found.length > 1) conflict(site, { column, reason: 'the file has the column twice' })
    else if (only === undefined) checkAbsent(site, field, column)
    else checkField(site, field, only, column)
  }
}

function checkAbsent(site: Site, field: Field, column: readonly string[]): void {
  if (!field.required || (field.initialDefault ?? null) !== null) return
  if (column.length === 1 && folderValue(site, field) !== undefined) return
  conflict(site, { column, reason: 'the file lacks a required column', tableType: printType(field.type) })
}

function checkField(site: Site, field: Field, stored: Field, column: readonly string[]): void {
  const types = { storedType: printType(stored.type), tableType: printType(field.type) }
  if (site.hasIds && !wasCalled(site, field.id, stored.name, column))
    conflict(site, {
      column,
      reason: `the file has another column, ${stored.name}, under the field id`,
      ...types,
    })
  if (field.type.kind !== 'variant' && !isPrimitive(field.type) && field.type.kind === stored.type.kind) {
    checkFields(site, childFields(field.type), { stored: childFields(stored.type), path: column })
  } else if (!canRead(stored, field)) {
    conflict(site, { column, reason: 'the type of the file cannot become that of the table', ...types })
    return
  }
  const isNullFree = stored.required || site.statistics.get(field.id)?.nullCount === 0
  if (field.required && !isNullFree)
    conflict(site, { column, reason: 'the column is required and may hold nulls in the file', ...types })
}

/** Field ids of another table may be the same numbers: the names tell. Parts of lists and maps have no names. */
function wasCalled(site: Site, id: number, name: string, column: readonly string[]): boolean {
  const parts = ['element', 'key', 'value']
  if (column.length > 1 && parts.includes(column.at(-1) ?? '')) return true
  return [site.schema, ...site.metadata.schemas].some(schema => fieldById(schema, id)?.name === name)
}

function canRead(stored: Field, field: Field): boolean {
  try {
    planProjection([{ ...stored, id: field.id }], [{ ...field, required: false }])
    return true
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return false
    throw error
  }
}

/** Columns that the table does not have. One with an id that the table has yet to give out would come up one day. */
function strangers(site: Site): readonly string[] {
  const known = new Set(site.metadata.schemas.flatMap(schema => [...idsOf(schema.fields)]))
  const ignored: string[] = []
  const visit = (fields: readonly Field[], path: readonly string[]): void => {
    for (const field of fields) {
      const column = [...path, field.name]
      if (field.id === NO_FIELD_ID || !known.has(field.id)) {
        if (field.id === NO_FIELD_ID) ignored.push(column.join('.'))
        else
          conflict(site, {
            column,
            reason:
              field.id > FIELD_ID_MAX
                ? 'the column has the field id of a metadata column'
                : 'the file has a field id that the table did not give out',
            storedType: printType(field.type),
          })
      } else visit(childFields(field.type), column)
    }
  }
  visit(
    site.stored.roots.map(root => root.field),
    [],
  )
  return ignored
}

function* idsOf(fields: readonly Field[]): Generator<number> {
  for (const field of fields) {
    yield field.id
    yield* idsOf(childFields(field.type))
  }
}

function conflict(
  { footer, conflicts }: Site,
  found: Omit<FileConflict, 'location' | 'column'> & { readonly column: readonly string[] },
): void {
  conflicts.push({ ...found, location: footer.location, column: found.column.join('.') })
}

// ---- partitions

/** The text that the caller or a folder gives for a top-level column. */
function folderValue(site: Site, column: Pick<Field, 'name'>): string | undefined {
  const given = site.options.partition
  if (given !== undefined && Object.hasOwn(given, column.name)) return given[column.name]
  return hiveKeys(site.footer.location).get(column.name)
}

function partitionValue(site: Site, field: PartitionField): Value {
  const { schema } = site
  const type = partitionSourceType(field, schema)
  const source = fieldById(schema, field.sourceId)
  if (field.transform.kind === 'void' || source === undefined || !isPrimitive(type)) return null
  const isTopLevel = fieldPath(schema, field.sourceId)?.length === 1
  const text = isTopLevel && field.transform.kind === 'identity' ? folderValue(site, source) : undefined
  const value =
    text === undefined ? provenValue(site, field, type) : valueOfFolder(site, { field, type, text })
  if (value !== undefined) return value
  const reason =
    text === undefined
      ? 'nothing proves that all rows of the file are of one partition'
      : 'the folder is no value of the partition, or the file may hold others'
  conflict(site, { column: [field.name], reason, tableType: printType(type) })
  return null
}

interface FolderText {
  readonly field: PartitionField
  readonly type: PrimitiveType
  readonly text: string
}

/** A column that is in the file too must hold the folder's value only, or rows would be pruned away. */
function valueOfFolder(site: Site, { field, type, text }: FolderText): Value | undefined {
  const value = hiveValue(type, text)
  if (value === undefined || !isStored(site, field.sourceId)) return value
  const proven = provenValue(site, field, type)
  return proven !== undefined && equalValues(type, proven, value) ? value : undefined
}

function isStored({ stored }: Site, fieldId: number): boolean {
  return stored.leaves.some(leaf => leaf.fieldId === fieldId)
}

/** The partition of every row of the file, as far as its statistics prove it. */
function provenValue(site: Site, field: PartitionField, type: PrimitiveType): Value | undefined {
  const { transform } = field
  if (!isStored(site, field.sourceId)) {
    const absent = fieldById(site.schema, field.sourceId)?.initialDefault ?? null
    return transformValue(transform, type, absent)
  }
  const known = site.statistics.get(field.sourceId)
  if (known?.nullCount !== undefined && known.nullCount === known.valueCount) return null
  // NaN is outside of bounds.
  if (type.kind === 'float' || type.kind === 'double') return undefined
  if (known?.nullCount !== 0 || known.lower === undefined || known.upper === undefined) return undefined
  const low = transformValue(transform, type, known.lower)
  const high = transformValue(transform, type, known.upper)
  const isOne = preservesOrder(transform)
    ? equalValues(type, low, high)
    : equalValues(type, known.lower, known.upper)
  return isOne ? low : undefined
}
