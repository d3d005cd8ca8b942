/**
 * Which statistics a column gets in manifests: none, counts, counts and bounds cut to a length, or full bounds.
 * Java's rules: a mode given per column wins; columns that the table is sorted by get bounds at least; without
 * a table-wide default only the first hundred columns of a wide table get any.
 * @see Iceberg documentation, "Configuration", `write.metadata.metrics.*`
 */
import { fieldPath, indexFields } from '../schema/schema.js'
import { preservesOrder } from '../schema/transform.js'
import { isPrimitive, type Schema, type Type } from '../schema/types.js'
import { currentSchema, defaultSortOrder } from './lookup.js'
import { type HasProperties, property, propertyNumber } from './properties.js'
import type { TableMetadata } from './table-metadata.js'

export type MetricsMode =
  | { readonly kind: 'none' | 'counts' | 'full' }
  /** Bounds of at most `length` code points or bytes. */
  | { readonly kind: 'truncate'; readonly length: number }

const DEFAULT_MODE: MetricsMode = { kind: 'truncate', length: 16 }
const NAME_DEFAULT = 'write.metadata.metrics.default'
const NAME_COLUMN = 'write.metadata.metrics.column.'
const NAME_INFERRED_MAX = 'write.metadata.metrics.max-inferred-column-defaults'

/** The mode of a column of the current schema, named with dots. */
export function metricsModeFor(metadata: TableMetadata, columnName: string): MetricsMode {
  const schema = currentSchema(metadata)
  for (const id of indexFields(schema).keys())
    if (fieldPath(schema, id)?.join('.') === columnName)
      return metricsModes(metadata, schema).get(id) ?? DEFAULT_MODE
  return givenMode(metadata, columnName) ?? tableMode(metadata) ?? DEFAULT_MODE
}

/** The modes of all primitive columns of a schema by field id, those inside structs, lists and maps included. */
export function metricsModes(metadata: TableMetadata, schema: Schema): ReadonlyMap<number, MetricsMode> {
  const ids = primitiveFieldIds(schema)
  const tableWide = tableMode(metadata)
  const inferredMax = propertyNumber(metadata, NAME_INFERRED_MAX, { otherwise: 100 })
  const sorted = sortedFieldIds(metadata)
  const modes = new Map<number, MetricsMode>()
  ids.forEach((id, index) => {
    const inferred = tableWide ?? (index < inferredMax ? DEFAULT_MODE : ({ kind: 'none' } as const))
    const given = givenMode(metadata, fieldPath(schema, id)?.join('.') ?? '')
    modes.set(id, given ?? (sorted.has(id) ? atLeastBounds(inferred) : inferred))
  })
  return modes
}

function tableMode(table: HasProperties): MetricsMode | undefined {
  return parseMetricsMode(property(table, NAME_DEFAULT))
}

function givenMode(table: HasProperties, columnName: string): MetricsMode | undefined {
  return parseMetricsMode(property(table, `${NAME_COLUMN}${columnName}`))
}

/** The mode of a property value; undefined for anything that is none. */
export function parseMetricsMode(text: string | undefined): MetricsMode | undefined {
  const name = text?.trim().toLowerCase()
  if (name === 'none' || name === 'counts' || name === 'full') return { kind: name }
  const length = Number(/^truncate\((\d+)\)$/.exec(name ?? '')?.[1] ?? 0)
  return length > 0 ? { kind: 'truncate', length } : undefined
}

function atLeastBounds(mode: MetricsMode): MetricsMode {
  return mode.kind === 'none' || mode.kind === 'counts' ? DEFAULT_MODE : mode
}

function sortedFieldIds(metadata: TableMetadata): ReadonlySet<number> {
  const fields = defaultSortOrder(metadata).fields
  return new Set(fields.filter(field => preservesOrder(field.transform)).map(field => field.sourceId))
}

/** Level by level, so that the top columns of a wide table come before nested ones. */
function primitiveFieldIds(schema: Schema): readonly number[] {
  const ids: number[] = []
  let level: readonly { readonly id: number; readonly type: Type }[] = schema.fields
  while (level.length > 0) {
    for (const field of level) if (isPrimitive(field.type)) ids.push(field.id)
    level = level.flatMap(field => children(field.type))
  }
  return ids
}

function children(type: Type): readonly { readonly id: number; readonly type: Type }[] {
  switch (type.kind) {
    case 'struct':
      return type.fields
    case 'list':
      return [{ id: type.elementId, type: type.element }]
    case 'map':
      return [
        { id: type.keyId, type: type.key },
        { id: type.valueId, type: type.value },
      ]
    default:
      return []
  }
}
