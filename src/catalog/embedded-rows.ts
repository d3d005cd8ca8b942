/**
 * The two tables of the embedded catalog, exactly as Java's JdbcCatalog and PyIceberg's SqlCatalog lay them out:
 *
 *   iceberg_tables                catalog_name, table_namespace, table_name | metadata_location,
 *                                 previous_metadata_location, iceberg_type (V1 only)
 *   iceberg_namespace_properties  catalog_name, namespace, property_key | property_value
 *
 * Files are made in layout V0; others may have added `iceberg_type` (V1) at any time, so each transaction looks, and the
 * first view adds it, as Java does when it is told to use V1. There TABLE and VIEW are written and NULL is read as
 * TABLE; rows of another type only occupy their name.
 * Namespaces are levels joined by dots; a dot in a level is stored as `%2E`, and what looks like that with one more `25`, so
 * that names without dots are stored as they are. Names of tables may have dots. A namespace is there when it has a property (`exists` = `true` at least),
 * a table, or a namespace below it.
 */
import type { Namespace, TableIdentifier } from './catalog.js'
import type { Sql } from './embedded-db.js'

/** A transaction and the catalog name that keys all its rows. */
export interface Rows {
  readonly sql: Sql
  readonly catalogName: string
}

export interface TableRow {
  readonly kind: 'table' | 'view' | 'other'
  readonly metadataLocation: string | undefined
  readonly previousMetadataLocation: string | undefined
}

/** A namespace as it is stored. */
export function namespaceKey(namespace: Namespace): string {
  return namespace.map(level => level.replace(/%(?=(25)*2E)/g, '%25').replaceAll('.', '%2E')).join('.')
}

/** A level as it is stored. */
export function levelOfKey(stored: string): string {
  return stored.replaceAll('%2E', '.').replace(/%25(?=(25)*2E)/g, '%')
}

/** The property that stands for the namespace itself. */
export const EXISTS_PROPERTY = 'exists'

const CREATE_TABLES = `CREATE TABLE IF NOT EXISTS iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL,
  table_namespace VARCHAR(255) NOT NULL,
  table_name VARCHAR(255) NOT NULL,
  metadata_location VARCHAR(1000),
  previous_metadata_location VARCHAR(1000),
  PRIMARY KEY (catalog_name, table_namespace, table_name)
)`

const CREATE_NAMESPACES = `CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL,
  namespace VARCHAR(255) NOT NULL,
  property_key VARCHAR(255) NOT NULL,
  property_value VARCHAR(1000),
  PRIMARY KEY (catalog_name, namespace, property_key)
)`

export function hasLayout(sql: Sql): boolean {
  const names = "name IN ('iceberg_tables', 'iceberg_namespace_properties')"
  return sql.all(`SELECT name FROM sqlite_master WHERE type = 'table' AND ${names}`).length === 2
}

export function createLayout(sql: Sql): void {
  sql.run(CREATE_TABLES)
  sql.run(CREATE_NAMESPACES)
}

function hasTypeColumn(sql: Sql): boolean {
  return (
    sql.first("SELECT 1 FROM pragma_table_info('iceberg_tables') WHERE name = 'iceberg_type'") !== undefined
  )
}

// ---- tables

const OF_TABLE = 'catalog_name = ? AND table_namespace = ? AND table_name = ?'

function tableKey(rows: Rows, identifier: TableIdentifier): readonly [string, string, string] {
  return [rows.catalogName, namespaceKey(identifier.namespace), identifier.name]
}

/** The row of a name, whatever it is. */
export function findTable(rows: Rows, identifier: TableIdentifier): TableRow | undefined {
  const type = hasTypeColumn(rows.sql) ? 'iceberg_type' : 'NULL'
  const row = rows.sql.first(
    `SELECT metadata_location, previous_metadata_location, ${type} AS iceberg_type
      FROM iceberg_tables WHERE ${OF_TABLE}`,
    ...tableKey(rows, identifier),
  )
  if (row === undefined) return undefined
  return {
    kind: kindOf(row.iceberg_type),
    metadataLocation: textOf(row.metadata_location),
    previousMetadataLocation: textOf(row.previous_metadata_location),
  }
}

function kindOf(type: unknown): TableRow['kind'] {
  if (type === null || type === 'TABLE') return 'table'
  return type === 'VIEW' ? 'view' : 'other'
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function insertTable(rows: Rows, identifier: TableIdentifier, metadataLocation: string): void {
  const type = hasTypeColumn(rows.sql)
  rows.sql.run(
    `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location
      ${type ? ', iceberg_type' : ''}) VALUES (?, ?, ?, ? ${type ? ", 'TABLE'" : ''})`,
    ...tableKey(rows, identifier),
    metadataLocation,
  )
}

export function insertView(rows: Rows, identifier: TableIdentifier, metadataLocation: string): void {
  if (!hasTypeColumn(rows.sql)) rows.sql.run('ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)')
  rows.sql.run(
    `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type)
      VALUES (?, ?, ?, ?, 'VIEW')`,
    ...tableKey(rows, identifier),
    metadataLocation,
  )
}

/** Compare and set: false when the row does not point at `from`. */
export function swapTable(
  rows: Rows,
  identifier: TableIdentifier,
  swap: { readonly from: string; readonly to: string },
): boolean {
  const changes = rows.sql.run(
    `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
      WHERE ${OF_TABLE} AND metadata_location = ?`,
    swap.to,
    swap.from,
    ...tableKey(rows, identifier),
    swap.from,
  )
  return changes === 1
}

export function deleteTable(rows: Rows, identifier: TableIdentifier): void {
  rows.sql.run(`DELETE FROM iceberg_tables WHERE ${OF_TABLE}`, ...tableKey(rows, identifier))
}

export function renameTable(rows: Rows, from: TableIdentifier, to: TableIdentifier): void {
  rows.sql.run(
    `UPDATE iceberg_tables SET table_namespace = ?, table_name = ? WHERE ${OF_TABLE}`,
    namespaceKey(to.namespace),
    to.name,
    ...tableKey(rows, from),
  )
}

export function listTables(rows: Rows, namespace: Namespace): readonly TableIdentifier[] {
  const type = hasTypeColumn(rows.sql) ? "AND (iceberg_type IS NULL OR iceberg_type = 'TABLE')" : ''
  return listNames(rows, namespace, type)
}

export function listViews(rows: Rows, namespace: Namespace): readonly TableIdentifier[] {
  return hasTypeColumn(rows.sql) ? listNames(rows, namespace, "AND iceberg_type = 'VIEW'") : []
}

function listNames(rows: Rows, namespace: Namespace, type: string): readonly TableIdentifier[] {
  return rows.sql
    .all(
      `SELECT table_name FROM iceberg_tables
        WHERE catalog_name = ? AND table_namespace = ? ${type} ORDER BY table_name`,
      rows.catalogName,
      namespaceKey(namespace),
    )
    .map(row => ({ namespace, name: String(row.table_name) }))
}

// ---- namespaces

const ALL_NAMESPACES = `SELECT table_namespace AS namespace FROM iceberg_tables WHERE catalog_name = ?1
  UNION SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?1`

const OF_NAMESPACE = 'catalog_name = ? AND namespace = ?'

/** What a namespace holds: `nothing` but its own properties, or tables, views or namespaces. */
export function namespaceHolds(
  rows: Rows,
  namespace: Namespace,
): 'missing' | 'nothing' | 'tables' | 'namespaces' {
  const name = namespaceKey(namespace)
  const below = rows.sql.first(
    // '/' follows '.' in the order of bytes, so the range is exactly what begins with the name and a dot.
    `SELECT 1 FROM (${ALL_NAMESPACES}) WHERE namespace > ?2 || '.' AND namespace < ?2 || '/'`,
    rows.catalogName,
    name,
  )
  if (below !== undefined) return 'namespaces'
  if (
    rows.sql.first(
      `SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?`,
      rows.catalogName,
      name,
    )
  )
    return 'tables'
  return rows.sql.first(
    `SELECT 1 FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE}`,
    rows.catalogName,
    name,
  )
    ? 'nothing'
    : 'missing'
}

export function hasNamespace(rows: Rows, namespace: Namespace): boolean {
  return namespaceHolds(rows, namespace) !== 'missing'
}

/** Namespaces as they are stored, those included that only a table or a namespace below them shows. */
export function allNamespaceKeys(rows: Rows): readonly string[] {
  return rows.sql
    .all(`${ALL_NAMESPACES} ORDER BY namespace`, rows.catalogName)
    .map(row => String(row.namespace))
}

export function namespaceProperties(rows: Rows, namespace: Namespace): Readonly<Record<string, string>> {
  const found = rows.sql.all(
    `SELECT property_key, property_value FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE} ORDER BY property_key`,
    rows.catalogName,
    namespaceKey(namespace),
  )
  const entries = found.map(row => [String(row.property_key), String(row.property_value ?? '')] as const)
  return Object.fromEntries(entries.filter(([key]) => key !== EXISTS_PROPERTY))
}

/** Sets properties, and always the one that stands for the namespace itself. */
export function setNamespaceProperties(
  rows: Rows,
  namespace: Namespace,
  properties: Readonly<Record<string, string>>,
): void {
  for (const [key, value] of Object.entries({ ...properties, [EXISTS_PROPERTY]: 'true' }))
    rows.sql.run(
      `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
        VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET property_value = excluded.property_value`,
      rows.catalogName,
      namespaceKey(namespace),
      key,
      value,
    )
}

export function removeNamespaceProperties(rows: Rows, namespace: Namespace, keys: readonly string[]): void {
  for (const key of keys)
    rows.sql.run(
      `DELETE FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE} AND property_key = ?`,
      rows.catalogName,
      namespaceKey(namespace),
      key,
    )
}

export function deleteNamespace(rows: Rows, namespace: Namespace): void {
  rows.sql.run(
    `DELETE FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE}`,
    rows.catalogName,
    namespaceKey(namespace),
  )
}
