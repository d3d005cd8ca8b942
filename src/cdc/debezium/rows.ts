/**
 * Row images of a Debezium feed: which columns they have, how their values read, and the placeholder that stands for a
 * big value that was not part of the change.
 *
 * The types come from the record's schema; else from the last schema-change record of the table; else from what the user
 * declared. Images of one shape share one array of columns.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../../base/json.js'
import {
  type Cell,
  type DeclaredColumn,
  type FeedContext,
  type SourceColumn,
  type SourceRow,
  type SourceTable,
  UNCHANGED,
} from '../change-event.js'
import { isExactObject } from '../feed-lines.js'
import {
  type ConnectColumn,
  connectColumn,
  connectDefault,
  type Dialect,
  declaredColumn,
  unknownColumn,
} from './connect-types.js'
import { textOf } from './record.js'

/** A table's columns and how their values read. */
export interface Shape {
  readonly columns: readonly SourceColumn[]
  readonly decoders: readonly ConnectColumn[]
  readonly indexOf: ReadonlyMap<string, number>
  /** Columns of images, by their names. */
  readonly parts: Map<string, readonly SourceColumn[]>
}

/** What an image is read with. */
export interface ImageOptions {
  readonly shape: Shape
  readonly line: number
  /** In a change of a row that was there, the placeholder means an unchanged value; the key's values are never that. */
  readonly unchangedBut?: ExactJsonObject | undefined
  /** The image names every column of the table. */
  readonly isWhole?: boolean | undefined
}

export interface Shapes {
  /** Goes up when a table's types change. */
  readonly version: number
  /** @throws invalid-argument where nothing tells the types; unsupported */
  of(about: {
    readonly table: SourceTable
    readonly dialect: Dialect
    /** The fields of the row in the record's schema. */
    readonly fields: readonly ExactJsonObject[] | undefined
    readonly line: number
  }): Shape
  /** From here on the table has these columns. */
  learn(table: SourceTable, columns: readonly DeclaredColumn[]): void
}

export function createShapes(context: FeedContext): Shapes {
  const known = new Map<string, Map<string, Shape>>()
  const learned = new Map<string, readonly DeclaredColumn[]>()
  let version = 0
  return {
    get version() {
      return version
    },
    of({ table, dialect, fields, line }) {
      const name = keyOf(table)
      const shapes = known.get(name) ?? new Map<string, Shape>()
      known.set(name, shapes)
      const signature = fields === undefined ? '' : fieldsSignature(fields)
      let shape = shapes.get(signature)
      if (shape === undefined) {
        const declared = learned.get(name) ?? context.typesOf(table)
        const options = { dialect, binary: context.binaryMode }
        if (fields !== undefined) shape = schemaShape(fields, { ...options, declared, line })
        else if (declared !== undefined) shape = declaredShape(declared, options)
        else throw noTypes(table, line)
        shapes.set(signature, shape)
      }
      return shape
    },
    learn(table, columns) {
      const name = keyOf(table)
      learned.set(name, columns)
      known.delete(name)
      version += 1
    },
  }
}

export function keyOf(table: SourceTable): string {
  return `${table.database ?? ''}\u0000${table.schema}\u0000${table.name}`
}

function noTypes(table: SourceTable, line: number): LakeError {
  return new LakeError('invalid-argument', 'the feed carries no types: name them with --types', {
    context: { table: `${table.schema}.${table.name}`, line },
  })
}

/** Everything of a schema that decides types and defaults: all but optionality. */
function fieldsSignature(fields: readonly ExactJsonObject[]): string {
  let signature = ''
  for (const field of fields) {
    const parameters = isExactObject(field.parameters) ? field.parameters : {}
    const items = isExactObject(field.items) ? fieldsSignature([field.items]) : ''
    signature += `|${field.field}:${field.type}:${field.name ?? ''}:${parameters.scale ?? ''}:${parameters['connect.decimal.precision'] ?? ''}:${parameters.length ?? ''}:${items}`
    const { default: initial } = field
    if (initial !== undefined)
      signature += `:${initial instanceof JsonNumber ? initial.text : JSON.stringify(initial)}`
  }
  return signature
}

interface ColumnTypes {
  readonly dialect: Dialect
  readonly binary: FeedContext['binaryMode']
}

function schemaShape(
  fields: readonly ExactJsonObject[],
  options: ColumnTypes & { readonly declared: readonly DeclaredColumn[] | undefined; readonly line: number },
): Shape {
  const declared = new Map(options.declared?.map(({ name, type }) => [name, type]))
  return newShape(
    fields.map(field => {
      const name = textOf(field.field, 'field', options.line)
      const column = connectColumn(field, {
        ...options,
        declared: declared.get(name) ?? propagatedType(field),
      })
      return { name, ...column, initialDefault: connectDefault(field, column) }
    }),
  )
}

/** The source's type where `column.propagate.source.type` put it into the schema. */
function propagatedType({ parameters }: ExactJsonObject): string | undefined {
  if (!isExactObject(parameters)) return undefined
  const type = parameters['__debezium.source.column.type']
  if (typeof type !== 'string') return undefined
  const length = parameters['__debezium.source.column.length']
  const scale = parameters['__debezium.source.column.scale']
  const digits = [length, scale].filter(part => part !== undefined).join(',')
  const [base = '', ...words] = type.toLowerCase().split(' ')
  return [digits === '' || base.includes('(') ? base : `${base}(${digits})`, ...words].join(' ')
}

function declaredShape(declared: readonly DeclaredColumn[], options: ColumnTypes): Shape {
  return newShape(declared.map(({ name, type }) => ({ name, ...declaredColumn(type, options) })))
}

function newShape(
  columns: readonly (ConnectColumn & Pick<SourceColumn, 'name' | 'initialDefault'>)[],
): Shape {
  return {
    columns: columns.map(({ name, type, initialDefault }) =>
      initialDefault === undefined ? { name, type } : { name, type, initialDefault },
    ),
    decoders: columns,
    indexOf: new Map(columns.map((column, index) => [column.name, index])),
    parts: new Map(),
  }
}

/** @throws corrupt with the column's name */
export function readRow(image: ExactJsonObject, options: ImageOptions): SourceRow {
  const names = Object.keys(image)
  const { unchangedBut, isWhole } = options
  const cells: Cell[] = names.map(name => {
    const raw = image[name] ?? null
    if (unchangedBut === undefined || !isPlaceholder(raw)) return decodeCell(name, raw, options)
    const known = Object.hasOwn(unchangedBut, name) ? unchangedBut[name] : undefined
    return known === undefined ? UNCHANGED : decodeCell(name, known, options)
  })
  const columns = columnsOf(options.shape, names)
  return isWhole === true ? { columns, cells, isWhole } : { columns, cells }
}

export const UNKNOWN: ConnectColumn = unknownColumn()

function decodeCell(name: string, raw: ExactJson, { shape, line }: ImageOptions): Cell {
  const decoder = shape.decoders[shape.indexOf.get(name) ?? -1] ?? UNKNOWN
  try {
    return decoder.decode(raw)
  } catch (cause) {
    if (!isLakeError(cause)) throw cause
    throw new LakeError(cause.kind, cause.message, {
      cause,
      context: { ...cause.context, column: name, line },
    })
  }
}

/** The columns of an image in its own order: the same array for the same names, so that callers resolve names once. */
export function columnsOf(shape: Shape, names: readonly string[]): readonly SourceColumn[] {
  const signature = names.join('\u0000')
  let part = shape.parts.get(signature)
  if (part === undefined) {
    part = names.map(name => shape.columns[shape.indexOf.get(name) ?? -1] ?? { name, type: UNKNOWN.type })
    shape.parts.set(signature, part)
  }
  return part
}

const PLACEHOLDER = '__debezium_unavailable_value'
const PLACEHOLDER_MAP = JSON.stringify({ [PLACEHOLDER]: PLACEHOLDER })
const PLACEHOLDER_BYTES = [...Buffer.from(PLACEHOLDER)].map(String)
/** As text, bytea in its three forms, hstore, and the name-based uuid that stands in uuid[]. */
export const PLACEHOLDERS: ReadonlySet<string> = new Set([
  PLACEHOLDER,
  PLACEHOLDER_MAP,
  Buffer.from(PLACEHOLDER).toString('base64'),
  Buffer.from(PLACEHOLDER).toString('base64url'),
  Buffer.from(PLACEHOLDER).toString('hex'),
  `hex:${Buffer.from(PLACEHOLDER).toString('hex')}`,
  'b68a35a7-17ad-35b3-af2a-ae46edb4545a',
])

/** Text, a list of one such text, a map from it to itself, or for arrays of numbers its bytes as numbers. */
export function isPlaceholder(raw: ExactJson): boolean {
  if (typeof raw === 'string') return PLACEHOLDERS.has(raw)
  if (isExactObject(raw)) return raw[PLACEHOLDER] === PLACEHOLDER
  if (!Array.isArray(raw)) return false
  const items = raw as readonly ExactJson[]
  if (items.length === 1) return typeof items[0] === 'string' && PLACEHOLDERS.has(items[0])
  return (
    items.length === PLACEHOLDER_BYTES.length &&
    items.every((item, index) => item instanceof JsonNumber && item.text === PLACEHOLDER_BYTES[index])
  )
}
