/**
 * The source tables of a Maxwell feed as they are at a place of it: columns, key, and the shapes of their rows.
 * Definitions in the feed move them on.
 */
import { LakeError } from '../../base/errors.js'
import type { ExactJson, ExactJsonObject } from '../../base/json.js'
import type { ChangeEvent, FeedContext, SourceColumn, SourceTable } from '../change-event.js'
import { type FeedLine, isExactObject } from '../feed-lines.js'
import { parseMysqlType } from '../mysql-types.js'
import { printSource } from '../source-tables.js'
import {
  columnFollowing,
  columnOfDefinition,
  columnOfType,
  constantValue,
  initialValue,
  type MaxwellColumn,
} from './columns.js'
import { type ColumnStatement, readColumnStatement } from './ddl.js'

/** The columns that rows of one shape name, in their order. */
export interface MaxwellShape {
  readonly columns: readonly SourceColumn[]
  /** How their values read. */
  readonly readers: readonly MaxwellColumn[]
  /** The table is known to have these columns and no others. */
  readonly isWhole: boolean
}

export interface MaxwellTable {
  readonly source: SourceTable
  columns: Map<string, MaxwellColumn>
  /** Undefined where nothing says what the key is. */
  keyColumns: readonly string[] | undefined
  /** The columns are those of a definition in the feed. */
  isDefined: boolean
  /** It had another name, under which its rows were followed. */
  renamedFrom: SourceTable | undefined
  /** By the names of their columns. */
  shapes: Map<string, MaxwellShape>
  /** Types of the following table's columns. */
  readonly following: ReadonlyMap<string, MaxwellColumn>
}

export interface MaxwellTables {
  /** The table that a record is about; without columns when nothing says its types. */
  tableOf(record: ExactJsonObject, line: FeedLine): Promise<MaxwellTable>
  /** Takes in `table-create`, `table-alter` or `table-drop`, and says what it means for rows. */
  define(record: ExactJsonObject, line: FeedLine): Promise<readonly ChangeEvent[]>
}

export function createMaxwellTables(context: FeedContext): MaxwellTables {
  const tables = new Map<string, MaxwellTable>()

  const known = async (source: SourceTable): Promise<MaxwellTable> => {
    const name = printSource(source)
    let table = tables.get(name)
    if (table === undefined) {
      table = await openTable(source, context)
      tables.set(name, table)
    }
    return table
  }
  const defineTable = async (record: ExactJsonObject, line: FeedLine): Promise<readonly ChangeEvent[]> => {
    const definition = objectOf(record.def, 'definition', line)
    const source = sourceOf(definition, line)
    const before = isExactObject(record.old) ? record.old : undefined
    const isNew = !tables.has(printSource(source))
    if (before !== undefined && printSource(sourceOf(before, line)) !== printSource(source)) {
      const { columns, source: from } = await known(sourceOf(before, line))
      if (isNew && columns.size > 0) (await known(source)).renamedFrom = from
    }
    const table = await known(source)
    const statement = typeof record.sql === 'string' ? readColumnStatement(record.sql) : undefined
    return redefine(table, { record, definition, before, statement, line, context })
  }
  return {
    tableOf: (record, line) => known(sourceOf(record, line)),
    async define(record, line) {
      if (isExactObject(record.def)) return await defineTable(record, line)
      context.onIgnored(String(record.type))
      if (record.type === 'table-drop') tables.delete(printSource(sourceOf(record, line)))
      return []
    },
  }
}

async function openTable(source: SourceTable, context: FeedContext): Promise<MaxwellTable> {
  const following = new Map(
    ((await context.columnsOf?.(source)) ?? []).map(({ name, type }) => [name, columnFollowing(name, type)]),
  )
  const columns = new Map(following)
  for (const { name, type } of context.typesOf(source) ?? [])
    columns.set(name, columnOfType(name, parseMysqlType(type), following.get(name)?.type))
  const unknown = { keyColumns: undefined, isDefined: false, renamedFrom: undefined }
  return { source, columns, ...unknown, shapes: new Map(), following }
}

/** The shape of rows with these columns, or the name of one whose type is not known. */
export function shapeOf(table: MaxwellTable, names: readonly string[]): MaxwellShape | string {
  const signature = names.join('\u0000')
  const made = table.shapes.get(signature)
  if (made !== undefined) return made
  const columns: MaxwellColumn[] = []
  for (const name of names) {
    const column = table.columns.get(name)
    if (column === undefined) return name
    columns.push(column)
  }
  const isWhole = table.isDefined && names.length === table.columns.size
  const shape = { columns: columns.map(sourceColumn), readers: columns, isWhole }
  table.shapes.set(signature, shape)
  return shape
}

/** Plain data: it leaves the reader with the rows. */
function sourceColumn({ name, type, initialDefault }: MaxwellColumn): SourceColumn {
  return initialDefault === undefined ? { name, type } : { name, type, initialDefault }
}

interface Definition {
  readonly record: ExactJsonObject
  readonly definition: ExactJsonObject
  readonly before: ExactJsonObject | undefined
  readonly statement: ColumnStatement | undefined
  readonly line: FeedLine
  readonly context: FeedContext
}

function redefine(table: MaxwellTable, change: Definition): readonly ChangeEvent[] {
  const { record, definition, before, statement, line, context } = change
  const renamed = renamedColumns(change)
  const oldNames = new Map([...renamed].map(([from, to]) => [to, from]))
  const columns = new Map<string, MaxwellColumn>()
  for (const defined of listOf(definition.columns, line)) {
    const name = textOf(defined.name, line)
    const declared = statement?.columns.get(name)
    const following = table.following.get(name)?.type
    const column = columnOfDefinition(defined, {
      statement: declared,
      known: table.columns.get(oldNames.get(name) ?? name),
      following,
    })
    if (column === undefined) {
      context.onIgnored('definition of a table without types')
      return []
    }
    const isAdded = before !== undefined && statement?.added.has(name) === true
    const initialDefault =
      isAdded && declared !== undefined ? initialValue(column, declared, defined) : undefined
    const insertDefault =
      declared === undefined
        ? table.columns.get(oldNames.get(name) ?? name)?.insertDefault
        : constantValue(column, declared)
    columns.set(name, { ...column, initialDefault, insertDefault })
  }
  const keyColumns = namesOf(definition['primary-key'], line)
  Object.assign(table, { columns, keyColumns, isDefined: true, shapes: new Map() })
  const at = { table: table.source, line: line.number }
  const schema: ChangeEvent = {
    kind: 'schema',
    ...at,
    columns: [...columns.values()].map(sourceColumn),
    keyColumns,
    renamed,
  }
  // A table that has just been made has no rows: those that are there were of one that was dropped.
  return record.type === 'table-create' ? [{ kind: 'truncate', ...at }, schema] : [schema]
}

/** By the statement; where it cannot be read and speaks of renaming, by the one name that changed in its place. */
function renamedColumns({
  definition,
  before,
  statement,
  record,
  line,
}: Definition): ReadonlyMap<string, string> {
  if (statement !== undefined || before === undefined) return statement?.renamed ?? new Map()
  if (!/\b(?:rename|change)\b/i.test(String(record.sql ?? ''))) return new Map()
  const [from, to] = [listOf(before.columns, line), listOf(definition.columns, line)]
  if (from.length !== to.length) return new Map()
  const changed = to.flatMap((column, at) => {
    const old = from[at]
    return old === undefined || old.name === column.name ? [] : [{ old, column }]
  })
  const [only] = changed
  if (only === undefined || changed.length > 1 || only.old.type !== only.column.type) return new Map()
  return new Map([[textOf(only.old.name, line), textOf(only.column.name, line)]])
}

/** The table that a record or a definition names. */
export function sourceOf(record: ExactJsonObject, line: FeedLine): SourceTable {
  return { schema: '', name: textOf(record.table, line), database: textOf(record.database, line) }
}

export function namesOf(value: ExactJson | undefined, line: FeedLine): readonly string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw corrupt('a list of names is not a list', line)
  return (value as readonly ExactJson[]).map(name => textOf(name, line))
}

function listOf(value: ExactJson | undefined, line: FeedLine): readonly ExactJsonObject[] {
  if (!Array.isArray(value)) throw corrupt('a list of columns is not a list', line)
  return (value as readonly ExactJson[]).map(item => objectOf(item, 'column', line))
}

export function objectOf(value: ExactJson | undefined, what: string, line: FeedLine): ExactJsonObject {
  if (!isExactObject(value)) throw corrupt(`the ${what} of a record is not an object`, line)
  return value
}

function textOf(value: ExactJson | undefined, line: FeedLine): string {
  if (typeof value !== 'string') throw corrupt('a name of the feed is not text', line)
  return value
}

export function corrupt(message: string, line: FeedLine): LakeError {
  return new LakeError('corrupt', message, { context: { line: line.number } })
}
