/**
 * Which columns a file of DMS has, and what each is for.
 *
 *   [Op] [time of the commit] columns ... [BI_ columns ...] [AR_H_CHANGE_SEQ]
 *
 * Parquet and CSV with a header say the names. CSV without has the columns that `--types` or the table says, in that
 * order; how many fields there are tells what stands beside them, unless that is open: then nothing is guessed.
 */
import { LakeError } from '../../base/errors.js'
import { sameType } from '../../schema/schema.js'
import type { Field } from '../../schema/types.js'
import type { SourceColumn, SourceTable } from '../change-event.js'
import { printSource } from '../source-tables.js'
import type { DmsFile } from './files.js'
import { BEFORE_IMAGE_PREFIX, type DmsSettings, SEQUENCE_COLUMN } from './settings.js'

/** Columns of rows, and at which place of a file's each stands. */
export interface DmsColumns {
  readonly columns: readonly SourceColumn[]
  readonly places: readonly number[]
}

export interface DmsLayout {
  /** Columns that a row of the file has. */
  readonly width: number
  /** Places; -1 where the file has no such column. */
  readonly op: number
  readonly timestamp: number
  readonly sequence: number
  readonly rows: DmsColumns
  /** The before image; no columns where the file has none. */
  readonly old: DmsColumns
}

export interface LayoutOptions {
  readonly file: DmsFile
  readonly source: SourceTable
  readonly settings: DmsSettings
  /** The table's columns, from `--types` or from the table that follows; undefined when nothing says them. */
  readonly known: readonly SourceColumn[] | undefined
}

/** Records of a file that its layout is told from. */
export type Sample = readonly (readonly (string | null)[])[]

const OPS: ReadonlySet<unknown> = new Set(['I', 'U', 'D'])
const OP_COLUMN = 'Op'
/** Columns that DMS can add to each row, under their usual names. */
const ADDED = /^AR_H_[A-Z_]+$/

/**
 * The layout of a file that says the names of its columns, and for Parquet their types.
 * @throws invalid-argument for a column whose type nothing says, or that may be two things
 */
export function namedLayout(
  names: readonly string[],
  options: LayoutOptions & { readonly fields?: readonly Field[] | undefined },
): DmsLayout {
  const { settings, known = [], fields } = options
  const knownNames = new Map(known.map(column => [column.name, column]))
  const rows: Builder = { columns: [], places: [] }
  const old: Builder = { columns: [], places: [] }
  const roles = { op: -1, timestamp: -1, sequence: -1 }
  const prefix = settings.beforeImagePrefix ?? BEFORE_IMAGE_PREFIX
  const typed = (name: string, place: number): SourceColumn => {
    const type = knownNames.get(name)?.type ?? fields?.[place]?.type
    if (type !== undefined) return { name, type }
    throw unknownColumn(name, options)
  }
  for (const [place, name] of names.entries()) {
    const role = roleOf(name, { ...options, knownNames })
    if (role === 'added') continue
    if (role !== 'column') {
      if (roles[role] >= 0) throw ambiguous('two columns of a file have one name', name, options)
      roles[role] = place
    } else if (isBeforeImage(name, { prefix, names, knownNames })) {
      old.columns.push({
        ...typed(name.slice(prefix.length), names.indexOf(name.slice(prefix.length))),
        name: name.slice(prefix.length),
      })
      old.places.push(place)
    } else {
      rows.columns.push(typed(name, place))
      rows.places.push(place)
    }
  }
  return { width: names.length, ...roles, rows: shared(rows, known), old: shared(old, known) }
}

interface Builder {
  readonly columns: SourceColumn[]
  readonly places: number[]
}

type Role = 'op' | 'timestamp' | 'sequence' | 'added' | 'column'

function roleOf(
  name: string,
  options: LayoutOptions & { readonly knownNames: ReadonlyMap<string, SourceColumn> },
): Role {
  const { settings, knownNames } = options
  const isKnown = knownNames.has(name)
  if (name === OP_COLUMN && settings.op !== 'never') {
    if (isKnown && settings.op === undefined) {
      throw ambiguous('a column named Op may be the operation or a column of the table', name, options)
    }
    return 'op'
  }
  if (name === settings.timestampColumn) return 'timestamp'
  if (name === settings.sequenceColumn) return 'sequence'
  if (isKnown) return 'column'
  if (settings.sequenceColumn === undefined && name === SEQUENCE_COLUMN) return 'sequence'
  return ADDED.test(name) ? 'added' : 'column'
}

function isBeforeImage(
  name: string,
  about: {
    readonly prefix: string
    readonly names: readonly string[]
    readonly knownNames: ReadonlyMap<string, SourceColumn>
  },
): boolean {
  const { prefix, names, knownNames } = about
  return name.startsWith(prefix) && !knownNames.has(name) && names.includes(name.slice(prefix.length))
}

/** The known list itself where the columns are the same: lists are told apart by identity. */
function shared({ columns, places }: DmsColumns, known: readonly SourceColumn[]): DmsColumns {
  const isSame =
    columns.length === known.length &&
    columns.every(({ name, type }, index) => name === known[index]?.name && sameType(type, known[index].type))
  return { columns: isSame ? known : columns, places }
}

/** True when the first record of a CSV file names its columns. @throws invalid-argument when it may do so or not */
export function isHeader(record: readonly (string | null)[], options: LayoutOptions): boolean {
  const { settings, known = [] } = options
  if (settings.header !== undefined) return settings.header
  const names = new Set(record)
  if (names.has(null) || names.size !== record.length) return false
  if (record[0] === OP_COLUMN && record.length > 1) return true
  const columns = new Set(known.map(({ name }) => name))
  const hits = record.filter(name => name !== null && (columns.has(name) || name === SEQUENCE_COLUMN)).length
  if (hits * 2 < record.length) return false
  if (record.length > 2) return true
  throw ambiguous('the first line may be a header or a row', record.join(','), options)
}

/**
 * The layout of a CSV file that does not say the names of its columns.
 * @throws invalid-argument when the columns are not known, are others in number, or the file may be read in two ways
 */
export function positionalLayout(sample: Sample, options: LayoutOptions): DmsLayout {
  const { settings, known, file } = options
  const [first = []] = sample
  if (known === undefined) throw columnsUnknown(options)
  const width = first.length
  const hasOp = opIn(sample, { ...options, known })
  const timestamp = settings.timestampColumn === undefined ? -1 : hasOp ? 1 : 0
  const before = (hasOp ? 1 : 0) + (timestamp < 0 ? 0 : 1)
  const behind = settings.sequenceColumn === undefined ? 0 : 1
  const count = width - before - behind
  const hasOld = count === 2 * known.length && settings.beforeImagePrefix !== undefined
  if (count !== known.length && !hasOld) {
    throw new LakeError('invalid-argument', 'a CSV file without header has other columns than are known', {
      context: {
        location: file.location,
        table: printSource(options.source),
        fields: width,
        columns: known.length,
        remedy:
          'say the columns of the time of the file with --types, and with --dms-op, --dms-timestamp what stands beside them',
      },
    })
  }
  const placesFrom = (from: number): readonly number[] => known.map((_, index) => from + index)
  const none: DmsColumns = { columns: [], places: [] }
  return {
    width,
    op: hasOp ? 0 : -1,
    timestamp,
    sequence: behind === 0 ? -1 : width - 1,
    rows: { columns: known, places: placesFrom(before) },
    old: hasOld ? { columns: known, places: placesFrom(before + known.length) } : none,
  }
}

/** Whether the first field is the operation: by the settings, or by the number of fields and what they hold. */
function opIn(sample: Sample, options: LayoutOptions & { readonly known: readonly SourceColumn[] }): boolean {
  const { settings, known, file } = options
  if (settings.op !== undefined) {
    return settings.op === 'always' || (settings.op === 'cdc' && file.kind !== 'load')
  }
  const [first = []] = sample
  const looksLikeOp = sample.every(([op]) => OPS.has(op))
  const beside =
    (settings.timestampColumn === undefined ? 0 : 1) + (settings.sequenceColumn === undefined ? 0 : 1)
  const further = first.length - beside - known.length
  if (further === 1 && looksLikeOp) return true
  // Changes without an operation are a setting of their own, and a table may have lost a column since.
  if (further === 0 && file.kind === 'load' && !looksLikeOp) return false
  if (further === known.length + 1 && settings.beforeImagePrefix !== undefined && looksLikeOp) return true
  throw ambiguous(
    'whether the first field of a CSV file is the operation cannot be told',
    String(first[0]),
    options,
  )
}

function columnsUnknown({ file, source }: LayoutOptions): LakeError {
  return new LakeError('invalid-argument', 'nothing says the columns of a CSV file', {
    context: {
      location: file.location,
      table: printSource(source),
      remedy: 'declare them with --types, or make the table first',
    },
  })
}

function unknownColumn(column: string, { file, source }: LayoutOptions): LakeError {
  return new LakeError('invalid-argument', 'nothing says the type of a column of a CSV file', {
    context: {
      location: file.location,
      table: printSource(source),
      column,
      remedy: 'declare it with --types; the time of the commit is named with --dms-timestamp',
    },
  })
}

function ambiguous(message: string, value: string, { file, source }: LayoutOptions): LakeError {
  return new LakeError('invalid-argument', message, {
    context: {
      location: file.location,
      table: printSource(source),
      value: value.slice(0, 80),
      remedy: 'say it with --dms-op always, cdc or never, --dms-header, or the settings of the endpoint',
    },
  })
}
