/**
 * Records of the schema-change topic, which the connectors of MySQL and MariaDB write between the rows:
 * `{source, databaseName, ddl, tableChanges: [{type, id, table: {primaryKeyColumnNames, columns}}]}`.
 *
 * They tell the types of columns, which rows without schemas do not; the defaults of added columns, which no row shows;
 * and by the statement's text which columns were renamed. Of tables in other databases the feed has such records as well:
 * a table's records count from its first row on.
 *
 * A table that is dropped keeps its rows, until a table of its name is created: that one is empty. A table that is
 * renamed keeps the rows that it has here under its new name, for what swaps a table for a copy of it (gh-ost,
 * pt-online-schema-change) leaves its rows as they are.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../../base/json.js'
import type { Value } from '../../schema/types.js'
import {
  type ChangeEvent,
  type DeclaredColumn,
  type FeedContext,
  type SourceColumn,
  type SourceTable,
  UNREPRESENTABLE,
} from '../change-event.js'
import { isExactObject } from '../feed-lines.js'
import { type ColumnStatement, readColumnStatement } from '../maxwell/ddl.js'
import { declaredColumn, isPlaceholderDefault } from './connect-types.js'
import { objectOf, textOf, type ValueRecord } from './record.js'
import { keyOf, type Shapes } from './rows.js'
import { isSnapshotRecord, numberOf } from './source.js'

export interface SchemaChanges {
  /** The events of a record, of tables that have shown a row. @throws corrupt */
  read(record: ValueRecord): readonly ChangeEvent[]
  /** What was said of a table before its first row. */
  beforeRowsOf(table: SourceTable): readonly ChangeEvent[]
}

/** True for a record of the schema-change topic. */
export function isSchemaChange({ value }: ValueRecord): boolean {
  return value.ddl !== undefined && value.source !== undefined && value.op === undefined
}

export function createSchemaChanges(context: FeedContext, shapes: Shapes): SchemaChanges {
  const shown = new Set<string>()
  const waiting = new Map<string, ChangeEvent[]>()
  const columnsNow = new Map<string, readonly string[]>()
  const dropped = new Set<string>()

  const eventsOf = (change: ExactJsonObject, about: StatementInfo): readonly ChangeEvent[] => {
    const table = tableOf(textOf(change.id, 'id', about.line))
    const name = keyOf(table)
    const { line, isSnapshot, ddl } = about
    if (change.type === 'DROP') {
      if (!isSnapshot) dropped.add(name)
      if (!isSnapshot && shown.has(name)) context.onIgnored('dropped table, whose rows are kept')
      return []
    }
    if (!isExactObject(change.table)) return []
    if (change.type === 'ALTER' && typeof change.previousId === 'string' && change.previousId !== change.id) {
      context.onIgnored('renamed table, whose rows stay where they are')
    }
    const described = columnsOf(change.table, line)
    const names = described.map(column => column.name)
    const statement = readColumnStatement(ddl)
    const renamed = change.type === 'ALTER' ? renamedIn(statement, columnsNow.get(name) ?? names) : undefined
    shapes.learn(table, described)
    columnsNow.set(name, names)
    const isNew =
      change.type === 'CREATE' && !isSnapshot && (dropped.delete(name) || !/\bif\s+not\s+exists\b/i.test(ddl))
    const schema: ChangeEvent = {
      kind: 'schema',
      table,
      line,
      columns: described.map(column => sourceColumn(column, statement)),
      keyColumns: textsOf(change.table.primaryKeyColumnNames),
      ...(renamed === undefined ? {} : { renamed }),
    }
    // What the connector read as it began is what the table's first row shows.
    if (isSnapshot) return []
    return isNew ? [{ kind: 'truncate', table, line }, schema] : [schema]
  }
  return {
    read(record) {
      const { value, line } = record
      const about = {
        line,
        ddl: typeof value.ddl === 'string' ? value.ddl : '',
        isSnapshot: isSnapshotRecord(objectOf(value.source, 'source', line)),
      }
      const changes = Array.isArray(value.tableChanges) ? (value.tableChanges as readonly ExactJson[]) : []
      const events: ChangeEvent[] = []
      for (const change of changes.filter(isExactObject)) {
        const own = eventsOf(change, about)
        const first = own[0]
        if (first === undefined) continue
        const name = keyOf(first.table)
        if (shown.has(name)) events.push(...own)
        else waiting.set(name, [...(waiting.get(name) ?? []), ...own])
      }
      return events
    },
    beforeRowsOf(table) {
      const name = keyOf(table)
      if (shown.has(name)) return []
      shown.add(name)
      const events = waiting.get(name) ?? []
      waiting.delete(name)
      return events
    },
  }
}

interface StatementInfo {
  readonly line: number
  readonly ddl: string
  readonly isSnapshot: boolean
}

/** New names by the old ones as the table spells them, for names of columns know no case. */
function renamedIn(
  statement: ColumnStatement | undefined,
  columns: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (statement === undefined || statement.renamed.size === 0) return undefined
  const spelled = (name: string): string =>
    columns.find(column => column === name) ??
    columns.find(column => column.toLowerCase() === name.toLowerCase()) ??
    name
  return new Map([...statement.renamed].map(([from, to]) => [spelled(from), to]))
}

/** `"shop"."orders"`, the parts in double quotes. */
function tableOf(id: string): SourceTable {
  const parts = [...id.matchAll(/"((?:[^"]|"")*)"|[^."]+/g)].map(
    match => match[1]?.replaceAll('""', '"') ?? match[0],
  )
  return { schema: '', name: parts.at(-1) ?? id, database: parts.length > 1 ? (parts[0] ?? '') : '' }
}

interface DescribedColumn extends DeclaredColumn {
  readonly optional: boolean
  readonly defaultText: string | undefined
}

function columnsOf(table: ExactJsonObject, line: number): readonly DescribedColumn[] {
  if (!Array.isArray(table.columns)) {
    throw new LakeError('corrupt', 'a schema change of the feed has no columns', { context: { line } })
  }
  return (table.columns as readonly ExactJson[]).filter(isExactObject).map(column => ({
    name: textOf(column.name, 'column', line),
    type: typeText(column, line),
    optional: column.optional !== false,
    defaultText: defaultText(column.defaultValueExpression),
  }))
}

function defaultText(raw: ExactJson | undefined): string | undefined {
  if (raw instanceof JsonNumber) return raw.text
  return typeof raw === 'string' ? raw : undefined
}

/** The type as the database spells it: `bigint(20) unsigned` from `BIGINT UNSIGNED` and a length of 20. */
function typeText(column: ExactJsonObject, line: number): string {
  const expression = textOf(column.typeExpression ?? column.typeName, 'type', line).toLowerCase()
  const space = expression.indexOf(' ')
  const [base, rest] = space < 0 ? [expression, ''] : [expression.slice(0, space), expression.slice(space)]
  if (base.includes('(')) return expression
  if (base === 'enum' || base === 'set') return `${base}(${textsOf(column.enumValues).join(',')})`
  const digits = [numberOf(column.length), numberOf(column.scale)].filter(part => part !== undefined)
  return digits.length === 0 ? expression : `${base}(${digits.join(',')})${rest}`
}

function textsOf(value: ExactJson | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

function sourceColumn(
  { name, type, optional, defaultText: text }: DescribedColumn,
  statement: ColumnStatement | undefined,
): SourceColumn {
  const column = declaredColumn(type, { dialect: 'mysql' })
  const isComputed = statement?.columns.get(name)?.isComputed === true
  const initialDefault = isComputed
    ? undefined
    : text !== undefined
      ? defaultOf(type, text)
      : optional
        ? undefined
        : impliedDefault(type)
  return initialDefault === undefined
    ? { name, type: column.type }
    : { name, type: column.type, initialDefault }
}

const NUMERIC = /^(tinyint|smallint|mediumint|int|bigint|decimal|float|double|bit|year)\b/

/** A default's text as a value. One that is computed, and the zero that stands for it, is not known. */
function defaultOf(type: string, text: string): Value | undefined {
  const { type: icebergType, decode } = declaredColumn(type, { dialect: 'mysql' })
  const bits = /^b'([01]*)'$/.exec(text)?.[1]
  const digits = bits === undefined ? text : String(Number.parseInt(bits === '' ? '0' : bits, 2))
  // Bytes come as base64 in rows, as their text in a default.
  const raw = NUMERIC.test(type)
    ? new JsonNumber(digits)
    : icebergType.kind === 'binary'
      ? toBase64(text)
      : text
  try {
    const value = decode(raw)
    return value === UNREPRESENTABLE || isPlaceholderDefault(icebergType, value) ? undefined : value
  } catch (error) {
    if (isLakeError(error)) return undefined
    throw error
  }
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

/** What MySQL gives the rows that were there when a column was added that takes no null and has no default. */
function impliedDefault(type: string): Value | undefined {
  if (NUMERIC.test(type)) return defaultOf(type, '0')
  if (/^(char|varchar|(tiny|medium|long)?text|binary|varbinary|(tiny|medium|long)?blob|set)\b/.test(type))
    return defaultOf(type, '')
  if (/^time\b/.test(type)) return defaultOf(type, '00:00:00')
  const first = /^enum\('((?:[^']|'')*)'/.exec(type)?.[1]
  return first?.replaceAll("''", "'")
}
