/**
 * The two tables of the embedded catalog, exactly as Java's JdbcCatalog and PyIceberg's SqlCatalog lay them out:
 *
 *   iceberg_tables                catalog_name, table_namespace, table_name | metadata_location,
 *                                 previous_metadata_location, iceberg_type (V1 only)
 *   iceberg_namespace_properties  catalog_name, namespace, property_key | property_value
 *
 * Files are made in layout V0; others may have added `iceberg_type` (V1) at any time, so each transaction looks.
 * There TABLE is written, NULL is read as TABLE, and rows of another type (views) only occupy their name.
 * Namespaces are levels joined by dots. A namespace is there when it has a property (`exists` = `true` at least),
 * a table, or a namespace below it.
 */
import type { Namespace, TableIdentifier } from './catalog.js'
import type { Sql } from './embedded-db.js'
import { printNamespace } from './identifier.js'

/** A transaction and the catalog name that keys all its rows. */
export interface Rows {
  readonly sql: Sql
  readonly catalogName: string
}

export interface TableRow {
  readonly kind: 'table' | 'other'
  readonly metadataLocation: string | undefined
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
  return [rows.catalogName, printNamespace(identifier.namespace), identifier.name]
}

/** The row of a name, whatever it is. */
export function findTable(rows: Rows, identifier: TableIdentifier): TableRow | undefined {
  const type = hasTypeColumn(rows.sql) ? 'iceberg_type' : 'NULL'
  const row = rows.sql.first(
    `SELECT metadata_location, ${type} AS iceberg_type FROM iceberg_tables WHERE ${OF_TABLE}`,
    ...tableKey(rows, identifier),
  )
  if (row === undefined) return undefined
  return {
    kind: row.iceberg_type === null || row.iceberg_type === 'TABLE' ? 'table' : 'other',
    metadataLocation: typeof row.metadata_location === 'string' ? row.metadata_location : undefined,
  }
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
    printNamespace(to.namespace),
    to.name,
    ...tableKey(rows, from),
  )
}

export function listTables(rows: Rows, namespace: Namespace): readonly TableIdentifier[] {
  const type = hasTypeColumn(rows.sql) ? "AND (iceberg_type IS NULL OR iceberg_type = 'TABLE')" : ''
  return rows.sql
    .all(
      `SELECT table_name FROM iceberg_tables
        WHERE catalog_name = ? AND table_namespace = ? ${type} ORDER BY table_name`,
      rows.catalogName,
      printNamespace(namespace),
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
  const name = printNamespace(namespace)
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

/** Names of all namespaces, those included that only a table or a namespace below them shows. */
export function allNamespaceNames(rows: Rows): readonly string[] {
  return rows.sql
    .all(`${ALL_NAMESPACES} ORDER BY namespace`, rows.catalogName)
    .map(row => String(row.namespace))
}

export function namespaceProperties(rows: Rows, namespace: Namespace): Readonly<Record<string, string>> {
  const found = rows.sql.all(
    `SELECT property_key, property_value FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE} ORDER BY property_key`,
    rows.catalogName,
    printNamespace(namespace),
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
      printNamespace(namespace),
      key,
      value,
    )
}

export function removeNamespaceProperties(rows: Rows, namespace: Namespace, keys: readonly string[]): void {
  for (const key of keys)
    rows.sql.run(
      `DELETE FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE} AND property_key = ?`,
      rows.catalogName,
      printNamespace(namespace),
      key,
    )
}

export function deleteNamespace(rows: Rows, namespace: Namespace): void {
  rows.sql.run(
    `DELETE FROM iceberg_namespace_properties WHERE ${OF_NAMESPACE}`,
    rows.catalogName,
    printNamespace(namespace),
  )
}
