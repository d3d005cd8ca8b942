/** What a table's `write.parquet.*` properties ask of the Parquet writer. Names of columns become field ids here. */
import type { ParquetWriteOptions } from '../format/parquet/write.js'
import type { ParquetProperties } from '../metadata/properties.js'
import { findField } from '../schema/schema.js'
import type { Schema } from '../schema/types.js'

export type ParquetTableOptions = Omit<ParquetWriteOptions, 'fields' | 'signal'>

/** Columns that the schema does not have are passed over: a property may outlive its column. */
export function parquetTableOptions(properties: ParquetProperties, schema: Schema): ParquetTableOptions {
  const idOf = (name: string): number[] => {
    const id = findField(schema, name)?.id
    return id === undefined ? [] : [id]
  }
  return {
    codec: properties.codec,
    level: properties.level,
    rowGroupBytes: properties.rowGroupSizeBytes,
    pageBytes: properties.pageSizeBytes,
    pageRows: properties.pageRowLimit,
    pageVersion: properties.pageVersion,
    dictionaryEnabled: properties.dictionaryEnabled,
    dictionaryBytes: properties.dictionarySizeBytes,
    dictionaryEnabledOf: new Map(
      [...properties.dictionaryEnabledByColumn].flatMap(([name, enabled]) =>
        idOf(name).map(id => [id, enabled] as const),
      ),
    ),
    statisticsDisabled: new Set(properties.statisticsDisabled.flatMap(idOf)),
    bloomFilters: bloomFilters(properties, schema),
  }
}

function bloomFilters(
  properties: ParquetProperties,
  schema: Schema,
): NonNullable<ParquetWriteOptions['bloomFilters']> {
  const filters = new Map<number, { fpp: number; ndv?: number | undefined; maxBytes: number }>()
  for (const [name, { fpp, ndv }] of properties.bloomFilters) {
    const field = findField(schema, name)
    if (field !== undefined) filters.set(field.id, { fpp, ndv, maxBytes: properties.bloomFilterBytesMax })
  }
  return filters
}
