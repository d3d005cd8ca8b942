/**
 * What the changes of wal2json mean, in either of its format versions: rows with types, which columns an update left
 * alone, and which columns tell rows apart.
 *
 *   columns    the new row; without the big values that an update did not touch
 *   identity   what the old row is told by: the columns of the primary key, those of another index (REPLICA IDENTITY USING
 *              INDEX), or all (FULL)
 *   pk         names of the primary key's columns
 *
 * An insert has no identity. A table whose identity is an index other than its primary key is therefore keyed by the primary
 * key, or by nothing, until its first update or delete shows the index, and by the index from then on: `keyColumns` says
 * for each change which columns its old row is told by. Rows of tables without any key are told by all of their columns.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import type { ExactJson } from '../../base/json.js'
import type {
  Cell,
  ChangeEvent,
  DeclaredColumn,
  FeedContext,
  SourceColumn,
  SourceRow,
  SourceTable,
} from '../change-event.js'
import {
  decodePostgresJson,
  icebergTypeOfPostgres,
  type PostgresType,
  parsePostgresType,
} from '../postgres-types.js'
import { createIdentityWatch, type IdentityWatch } from './identity.js'

/** The columns of a row and how their values read. One object for each list of names and types of a table. */
export interface RowShape {
  readonly columns: readonly SourceColumn[]
  readonly types: readonly PostgresType[]
  /** How the feed writes the types. */
  readonly typeTexts: readonly string[]
  /** What rows of this shape have to do with identities of another, as far as it was asked. */
  readonly relations: Map<RowShape, Relation>
}

/** What a reader remembers of a source table. */
export interface KnownTable {
  readonly source: SourceTable
  readonly shapes: Map<string, RowShape>
  /** Columns of the last row that showed all. */
  whole: RowShape | undefined
  /** As the last change showed it that did. */
  primaryKey: readonly string[] | undefined
  /** Columns of an index that is the identity without holding the primary key; or `all` columns; else the primary key is. */
  identity: readonly string[] | 'all' | undefined
  /** Where only watching tells what an identity is. */
  watch: IdentityWatch | undefined
}

export interface ShapedRow {
  readonly shape: RowShape
  readonly cells: readonly Cell[]
}

/** A change as it stands in the feed, its values read. */
export interface RawChange {
  readonly kind: 'insert' | 'update' | 'delete'
  readonly table: KnownTable
  readonly line: number
  /** The new row; undefined in a delete. */
  readonly row: ShapedRow | undefined
  readonly identity: ShapedRow | undefined
  /** Undefined where the feed says nothing of primary keys; empty where there is none. */
  readonly pk: readonly string[] | undefined
  /** Whether an identity of all columns lacks those that are null: version 1 leaves them out. */
  readonly omitsNulls: boolean
}

export interface ChangeReader {
  table(source: SourceTable): KnownTable
  /**
   * The shape of rows with these names and types.
   * @throws invalid-argument, naming the option to capture with, where a type is missing and not declared
   */
  shape(
    names: readonly string[],
    types: readonly (string | undefined)[],
    about: { readonly table: KnownTable; readonly line: number },
  ): RowShape
  /**
   * @throws corrupt for a change that does not say which row it is about; invalid-argument, naming the option to capture
   * with, where nothing tells the columns of the key
   */
  event(change: RawChange): ChangeEvent
}

export function createChangeReader(context: FeedContext): ChangeReader {
  const tables = new Map<string, KnownTable>()
  const keyFor = ({ table, pk }: RawChange): readonly string[] | undefined => {
    if (pk !== undefined) table.primaryKey = pk
    const named = context.keys ?? context.keysOf?.(table.source)
    return named !== undefined && named.length > 0 ? named : (table.primaryKey ?? named)
  }
  const shapeIn = (table: KnownTable, names: readonly string[], typeTexts: readonly string[]): RowShape => {
    const signature = names.map((name, index) => `${name}\u0000${typeTexts[index]}\u0000`).join('')
    let shape = table.shapes.get(signature)
    if (shape === undefined) {
      shape = newShape(names, typeTexts, context.typesOf(table.source))
      if (table.shapes.size >= SHAPES_MAX) table.shapes.clear()
      table.shapes.set(signature, shape)
    }
    return shape
  }
  return {
    table(source) {
      const name = `${source.schema}\u0000${source.name}`
      let table = tables.get(name)
      if (table === undefined) {
        table = {
          source,
          shapes: new Map(),
          whole: undefined,
          primaryKey: undefined,
          identity: undefined,
          watch: undefined,
        }
        tables.set(name, table)
      }
      return table
    },
    shape(names, types, { table, line }) {
      if (!types.includes(undefined)) return shapeIn(table, names, types as readonly string[])
      const declared = context.typesOf(table.source)
      const texts = types.map((type, index) => {
        const column = names[index] ?? ''
        const known = type ?? declaredType(declared, column)
        if (known === undefined) throw lacks('include-types', { line, table, column })
        return known
      })
      return shapeIn(table, names, texts)
    },
    event(change) {
      const { kind, table, row, identity } = change
      const key = keyFor(change)
      if (kind === 'insert') return insertEvent(change, key)
      // Version 1 leaves nulls out: the identity of a row of nulls has no columns.
      const isShown = identity !== undefined && (identity.cells.length > 0 || change.omitsNulls)
      if (!isShown) return withoutIdentity(change, key)
      const relation = row === undefined ? undefined : relationOf(table, row.shape, identity.shape, shapeIn)
      const about = { change, identity, relation, key }
      const keyColumns = keyOf(about)
      const isKeyless = keyColumns.length === 0
      if (row === undefined || relation === undefined) {
        const old = isKeyless ? wholeOldRow(about, shapeIn) : rowOf(identity)
        return { kind: 'delete', table: table.source, line: change.line, key: old, keyColumns }
      }
      const after = withUntouched(row, identity, relation)
      const isWhole = table.identity === 'all'
      if (isWhole) table.whole = after.shape
      const update = {
        kind: 'update',
        table: table.source,
        line: change.line,
        row: isWhole ? wholeRow(after) : rowOf(after),
        keyColumns,
      } as const
      if (!isKeyless && isUnchanged(row, identity, relation)) return update
      return { ...update, oldKey: isKeyless ? wholeOldRow(about, shapeIn) : rowOf(identity) }
    },
  }
}

const NO_KEY: readonly string[] = []
/** More shapes of one table than big values and changes of columns make: what is no feed costs no memory. */
const SHAPES_MAX = 4096

type Declared = readonly DeclaredColumn[] | undefined
type ShapeIn = (table: KnownTable, names: readonly string[], typeTexts: readonly string[]) => RowShape

/** A change with an identity, and what is known of it. */
interface Identified {
  readonly change: RawChange
  readonly identity: ShapedRow
  /** Of the new row to the identity; undefined in a delete. */
  readonly relation: Relation | undefined
  /** The primary key, or the key that the user named. */
  readonly key: readonly string[] | undefined
}

function newShape(names: readonly string[], typeTexts: readonly string[], declared: Declared): RowShape {
  const types = typeTexts.map((text, index) => {
    const type = parsePostgresType(text)
    // The feed does not tell arrays of several dimensions from others, a declaration may.
    const said = type.array ? declaredType(declared, names[index] ?? '') : undefined
    return said?.endsWith('[][]') === true ? parsePostgresType(said) : type
  })
  const columns = types.map((type, index) => ({
    name: names[index] ?? '',
    type: icebergTypeOfPostgres(type),
  }))
  return { columns, types, typeTexts, relations: new Map() }
}

function declaredType(declared: Declared, name: string): string | undefined {
  return declared?.find(column => column.name === name)?.type
}

function insertEvent(change: RawChange, key: readonly string[] | undefined): ChangeEvent {
  const { table, line, row } = change
  if (row === undefined) throw saysNoRow(line)
  table.whole = row.shape
  if (change.omitsNulls && (key === undefined || key.length === 0)) {
    table.watch ??= createIdentityWatch()
    table.watch.inserted(row)
  }
  const keyColumns = typeof table.identity === 'object' ? table.identity : (key ?? NO_KEY)
  return { kind: 'insert', table: table.source, line, row: wholeRow(row), keyColumns }
}

/** An update whose old row is not shown is one of its own key. */
function withoutIdentity(change: RawChange, key: readonly string[] | undefined): ChangeEvent {
  const { table, line, row } = change
  if (row === undefined || key === undefined || key.length === 0) throw saysNoRow(line)
  return { kind: 'update', table: table.source, line, row: rowOf(row), keyColumns: key }
}

/** What the columns of new rows and those of identities have to do with each other. */
export interface Relation {
  /** The identity has all columns of the row. */
  readonly coversRow: boolean
  /** Places in the identity of the columns that the row lacks: big values that the update did not touch. */
  readonly untouched: readonly number[]
  /** The row's columns, then the untouched ones. */
  readonly union: RowShape
  /** Places in the row of the identity's columns, or -1. */
  readonly placesInRow: readonly number[]
}

function relationOf(table: KnownTable, row: RowShape, identity: RowShape, shapeIn: ShapeIn): Relation {
  let relation = row.relations.get(identity)
  if (relation === undefined) {
    relation = relate(table, row, identity, shapeIn)
    row.relations.set(identity, relation)
  }
  return relation
}

function relate(table: KnownTable, row: RowShape, identity: RowShape, shapeIn: ShapeIn): Relation {
  const placesInRow = identity.columns.map(({ name }) =>
    row.columns.findIndex(column => column.name === name),
  )
  const untouched = placesInRow.flatMap((place, index) => (place < 0 ? [index] : []))
  return {
    coversRow: covers(identity.columns, row.columns),
    untouched,
    union: untouched.length === 0 ? row : extended(table, row, { by: identity, at: untouched }, shapeIn),
    placesInRow,
  }
}

/** True when the identity has all columns of a row. */
function covers(identity: readonly SourceColumn[], row: readonly SourceColumn[]): boolean {
  return row.every(({ name }) => identity.some(column => column.name === name))
}

function extended(
  table: KnownTable,
  shape: RowShape,
  more: { readonly by: RowShape; readonly at: readonly number[] },
  shapeIn: ShapeIn,
): RowShape {
  const names = [...shape.columns, ...more.at.map(index => more.by.columns[index])].map(
    column => column?.name ?? '',
  )
  return shapeIn(table, names, [...shape.typeTexts, ...more.at.map(index => more.by.typeTexts[index] ?? '')])
}

/** The new row, with the big values that the update did not touch where the old row shows them. */
function withUntouched(row: ShapedRow, identity: ShapedRow, { untouched, union }: Relation): ShapedRow {
  if (untouched.length === 0) return row
  return { shape: union, cells: [...row.cells, ...untouched.map(index => identity.cells[index] ?? null)] }
}

/** True when the new row has all that the identity says of the old one. */
function isUnchanged(row: ShapedRow, identity: ShapedRow, { placesInRow }: Relation): boolean {
  for (let index = 0; index < placesInRow.length; index++) {
    const place = placesInRow[index] ?? -1
    if (place < 0 || !Object.is(row.cells[place], identity.cells[index])) return false
  }
  return true
}

/** The columns that tell the change's old row. What that says of the table is remembered. */
function keyOf(about: Identified): readonly string[] {
  const { change, identity, key } = about
  const { table, line } = change
  const { columns } = identity.shape
  if (key !== undefined && key.length > 0) {
    if (key.every(name => columns.some(column => column.name === name))) {
      table.identity = showsAllBeside(about, key.length) ? 'all' : undefined
      return key
    }
    table.identity = sameNames(table.identity, columns)
    return table.identity
  }
  if (showsAll(about)) {
    table.identity = 'all'
    return NO_KEY
  }
  if (key === undefined) throw lacks('include-pk', { line, table })
  table.identity = sameNames(table.identity, columns)
  return table.identity
}

/** The list as it is known where it says the same: callers compare lists by identity. */
function sameNames(known: KnownTable['identity'], columns: readonly SourceColumn[]): readonly string[] {
  const isSame =
    typeof known === 'object' &&
    known.length === columns.length &&
    columns.every(({ name }, index) => name === known[index])
  return isSame ? known : columns.map(({ name }) => name)
}

/** Whether an identity that has the key is the whole old row. */
function showsAllBeside({ change, identity, relation }: Identified, keyLength: number): boolean {
  const { table, omitsNulls } = change
  if (identity.shape.columns.length <= keyLength) return false
  if (relation === undefined || omitsNulls) return table.identity === 'all' || relation?.coversRow === true
  return relation.coversRow
}

/** Whether the identity of a table without a key is the whole old row, and not the columns of an index. */
function showsAll({ change, identity, relation, key }: Identified): boolean {
  const { table, row, omitsNulls } = change
  // Columns of an index that is an identity are never null.
  if (identity.cells.includes(null)) return true
  if (omitsNulls) {
    table.watch ??= createIdentityWatch()
    const known = relation?.union.columns ?? table.whole?.columns
    const isWhole = table.watch.isWhole(identity, row, known)
    // A capture that shows no primary keys at all may hide that the identity is one.
    return (
      isWhole &&
      (key !== undefined ||
        table.watch.isSurelyWhole ||
        (known !== undefined && covers(identity.shape.columns, known)))
    )
  }
  if (relation !== undefined && !relation.coversRow) return false
  const wasAll = table.identity === 'all'
  if (table.whole !== undefined) return wasAll || covers(identity.shape.columns, table.whole.columns)
  return wasAll || relation !== undefined || key !== undefined
}

/** The whole old row of a table without a key, with the nulls that version 1 leaves out. */
function wholeOldRow({ change, identity }: Identified, shapeIn: ShapeIn): SourceRow {
  if (!change.omitsNulls) return wholeRow(identity)
  const known = change.row?.shape ?? change.table.whole
  if (known === undefined) return rowOf(identity)
  const has = (name: string): boolean => identity.shape.columns.some(column => column.name === name)
  const missing = known.columns.flatMap(({ name }, index) => (has(name) ? [] : [index]))
  if (missing.length === 0) return wholeRow(identity)
  const shape = extended(change.table, identity.shape, { by: known, at: missing }, shapeIn)
  return wholeRow({ shape, cells: [...identity.cells, ...missing.map(() => null)] })
}

function rowOf({ shape, cells }: ShapedRow): SourceRow {
  return { columns: shape.columns, cells }
}

function wholeRow({ shape, cells }: ShapedRow): SourceRow {
  return { columns: shape.columns, cells, isWhole: true }
}

/** The cells of a row. @throws corrupt, naming the column */
export function decodeCells(shape: RowShape, values: readonly ExactJson[], line: number): readonly Cell[] {
  const cells: Cell[] = []
  for (const [index, type] of shape.types.entries()) {
    try {
      cells.push(decodePostgresJson(type, values[index] ?? null))
    } catch (cause) {
      if (!isLakeError(cause)) throw cause
      throw new LakeError(cause.kind, cause.message, {
        cause,
        context: { ...cause.context, column: shape.columns[index]?.name ?? '', line },
      })
    }
  }
  return cells
}

function saysNoRow(line: number): LakeError {
  return new LakeError('corrupt', 'a change of the feed does not say which row it is about', {
    context: { line },
  })
}

/** The capture lacks an option without which it cannot be read. */
export function lacks(
  option: string,
  at: { readonly line: number; readonly table?: KnownTable; readonly column?: string },
): LakeError {
  const { line, table, column } = at
  return new LakeError('invalid-argument', `the capture of the feed lacks an option: set ${option}`, {
    context: {
      option,
      line,
      ...(table === undefined ? {} : { table: `${table.source.schema}.${table.source.name}` }),
      ...(column === undefined ? {} : { column }),
      ...(OTHER_REMEDIES[option] === undefined ? {} : { remedy: OTHER_REMEDIES[option] }),
    },
  })
}

const OTHER_REMEDIES: Readonly<Record<string, string>> = {
  'include-types': 'or declare the columns with --types',
  'include-pk': 'or name the key with --keys or --types',
}
