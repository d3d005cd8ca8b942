/**
 * Table properties that are about one column carry its name in theirs, such as
 * `write.metadata.metrics.column.address.city`: they follow when columns are renamed, and go when columns go.
 */
import { fieldPath, indexFields } from '../schema/schema.js'
import type { Schema } from '../schema/types.js'

const COLUMN_PREFIXES: readonly string[] = [
  'write.metadata.metrics.column.',
  'write.parquet.bloom-filter-enabled.column.',
  'write.parquet.bloom-filter-fpp.column.',
  'write.parquet.bloom-filter-ndv.column.',
  'write.parquet.stats-enabled.column.',
  'write.parquet.dict-encoding-enabled.column.',
]

/** The column that a property is about; undefined for other properties. */
export function columnOfProperty(name: string): string | undefined {
  const prefix = COLUMN_PREFIXES.find(each => name.startsWith(each))
  return prefix === undefined ? undefined : name.slice(prefix.length)
}

/** The properties as they are after a change of the schema; the same object when none is about a column that changed. */
export function followColumns(
  properties: Readonly<Record<string, string>>,
  before: Schema,
  after: Schema,
): Readonly<Record<string, string>> {
  const names = new Map<string, string | undefined>()
  for (const id of indexFields(before).keys()) {
    const old = fieldPath(before, id)?.join('.') ?? ''
    const now = fieldPath(after, id)?.join('.')
    if (old !== now) names.set(old, now)
  }
  const moved = Object.keys(properties).filter(name => names.has(columnOfProperty(name) ?? ''))
  if (moved.length === 0) return properties
  const kept = Object.entries(properties).filter(([name]) => !moved.includes(name))
  const followed = moved.flatMap((name): [string, string][] => {
    const column = columnOfProperty(name) ?? ''
    const now = names.get(column)
    const value = properties[name]
    if (now === undefined || value === undefined) return []
    return [[`${name.slice(0, name.length - column.length)}${now}`, value]]
  })
  return Object.fromEntries([...kept, ...followed])
}
