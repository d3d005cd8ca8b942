/**
 * From a source table to the Iceberg table that follows it: its name, its columns, its key - and tables made
 * from what the feed itself says.
 */
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, parseJson } from '../base/json.js'
import type { Field, Schema, Type } from '../schema/types.js'
import type { DeclaredColumn, SourceColumn, SourceTable } from './change-event.js'
import { icebergTypeOfPostgres, parsePostgresType } from './postgres-types.js'

/** Columns and key of source tables, as a `--types` file declares them. */
export interface DeclaredTable {
  readonly columns: readonly DeclaredColumn[]
  readonly keyColumns: readonly string[]
}

/** The table's name in a namespace: its own, with the source's schema in front unless that is the usual one. */
export function tableNameOf(source: SourceTable): string {
  return USUAL_SCHEMAS.has(source.schema) ? source.name : `${source.schema}_${source.name}`
}

const USUAL_SCHEMAS: ReadonlySet<string> = new Set(['public', ''])

export function printSource(source: SourceTable): string {
  return source.schema === '' ? source.name : `${source.schema}.${source.name}`
}

/**
 * Reads a types file: `{"tables": {"orders": {"columns": [{"name", "type", "notnull"}], "primary_key": [...]}}}`.
 * Names are as in the database, with the schema in front where it is not `public`.
 * @throws invalid-argument
 */
export function parseTypesFile(text: string): ReadonlyMap<string, DeclaredTable> {
  const parsed = parseTypesJson(text)
  const tables = isJsonObject(parsed.tables) ? parsed.tables : parsed
  const declared = new Map<string, DeclaredTable>()
  for (const [name, table] of Object.entries(tables)) {
    if (!isJsonObject(table) || !Array.isArray(table.columns)) continue
    const columns = table.columns.map(column => declaredColumn(column, name))
    const keys = Array.isArray(table.primary_key) ? table.primary_key.map(String) : []
    declared.set(name, { columns, keyColumns: keys })
  }
  if (declared.size === 0) throw new LakeError('invalid-argument', 'the types file declares no table')
  return declared
}

function parseTypesJson(text: string): JsonObject {
  try {
    const parsed = parseJson(text)
    if (isJsonObject(parsed)) return parsed
  } catch (cause) {
    throw new LakeError('invalid-argument', 'the types file is not valid JSON', { cause })
  }
  throw new LakeError('invalid-argument', 'the types file is not an object')
}

function declaredColumn(column: unknown, table: string): DeclaredColumn {
  const { name, type } = (typeof column === 'object' && column !== null ? column : {}) as Record<
    string,
    unknown
  >
  if (typeof name !== 'string' || typeof type !== 'string') {
    throw new LakeError('invalid-argument', 'a column of the types file has no name or type', {
      context: { table },
    })
  }
  return { name, type }
}

/** What `--types` says of a source table, under its plain or its qualified name. */
export function declarationOf(
  declared: ReadonlyMap<string, DeclaredTable> | undefined,
  source: SourceTable,
): DeclaredTable | undefined {
  return (
    declared?.get(printSource(source)) ??
    (USUAL_SCHEMAS.has(source.schema) ? declared?.get(source.name) : undefined)
  )
}

export function sourceColumnsOf(declared: readonly DeclaredColumn[]): readonly SourceColumn[] {
  return declared.map(({ name, type }) => ({ name, type: icebergTypeOfPostgres(parsePostgresType(type)) }))
}

/**
 * The schema of a table made from the feed: optional columns, but for the key, whose columns are the identifier
 * fields. Ids count up from 1 in order; creating the table assigns them afresh.
 */
export function schemaFromFeed(columns: readonly SourceColumn[], keyColumns: readonly string[]): Schema {
  let nextId = columns.length
  const numbered = (type: Type): Type => {
    if (type.kind !== 'list') return type
    nextId += 1
    return { ...type, elementId: nextId, element: numbered(type.element) }
  }
  const fields: Field[] = columns.map((column, index) => ({
    id: index + 1,
    name: column.name,
    required: keyColumns.includes(column.name),
    type: numbered(column.type),
  }))
  const identifierFieldIds = fields.filter(field => keyColumns.includes(field.name)).map(field => field.id)
  return { schemaId: 0, fields, identifierFieldIds }
}
