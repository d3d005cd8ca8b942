/**
 * From a source table to the Iceberg table that follows it: its name, its columns, its key - and tables made
 * from what the feed itself says.
 */
import { errorText, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, parseJson } from '../base/json.js'
import { assignFreshIds } from '../schema/schema.js'
import { type Field, isPrimitive, type Schema, type Type } from '../schema/types.js'
import type { DeclaredColumn, SourceColumn, SourceTable } from './change-event.js'
import { icebergTypeOfMysql, parseMysqlType } from './mysql-types.js'
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
  const outer = source.database ?? source.schema
  return outer === '' ? source.name : `${outer}.${source.name}`
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
  if (declared.size === 0) {
    throw new LakeError('invalid-argument', 'the types file declares no table', {
      context: { text: text.slice(0, 80) },
    })
  }
  return declared
}

function parseTypesJson(text: string): JsonObject {
  try {
    const parsed = parseJson(text)
    if (isJsonObject(parsed)) return parsed
  } catch (cause) {
    throw new LakeError('invalid-argument', 'the types file is not valid JSON', {
      cause,
      context: { reason: errorText(cause) },
    })
  }
  throw new LakeError('invalid-argument', 'the types file is not an object', {
    context: { text: text.slice(0, 80) },
  })
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

/** Declared types are spelled as the source's database spells them. */
export function sourceColumnsOf(
  declared: readonly DeclaredColumn[],
  source: SourceTable,
): readonly SourceColumn[] {
  const typeOf = source.database === undefined ? postgresType : mysqlType
  return declared.map(({ name, type }) => ({ name, type: typeOf(type) }))
}

function postgresType(text: string): Type {
  return icebergTypeOfPostgres(parsePostgresType(text))
}

function mysqlType(text: string): Type {
  return icebergTypeOfMysql(parseMysqlType(text))
}

/**
 * The schema of a table made from the feed: optional columns, but for the key, whose columns are the identifier
 * fields - unless one is of a type that Iceberg does not allow there, such as double. Ids are those of a new table.
 * @throws invalid-argument for a key column that is not among the columns
 */
export function schemaFromFeed(columns: readonly SourceColumn[], keyColumns: readonly string[]): Schema {
  const unknown = keyColumns.find(key => !columns.some(column => column.name === key))
  if (unknown !== undefined) {
    throw new LakeError('invalid-argument', 'a key column is not a column of the table', {
      context: { column: unknown },
    })
  }
  const named: Field[] = columns.map(({ name, type }, index) => ({
    id: index + 1,
    name,
    required: keyColumns.includes(name),
    type,
  }))
  const { fields } = assignFreshIds(named, { nextId: 1 })
  const keys = fields.filter(field => field.required)
  return { schemaId: 0, fields, identifierFieldIds: keys.every(isIdentifier) ? keys.map(key => key.id) : [] }
}

function isIdentifier({ type }: Field): boolean {
  return isPrimitive(type) && type.kind !== 'float' && type.kind !== 'double'
}
