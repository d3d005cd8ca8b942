/** Random filters, and random tables with everything that pruning looks at: small row groups and pages, bloom filters, dictionaries, promoted columns, deletes. */
import fc from 'fast-check'
import type { Expression, LiteralInput } from '../../src/expression/expression.js'
import * as build from '../../src/expression/expression.js'
import type { ParquetWriteOptions } from '../../src/format/parquet/write.js'
import type { ContentFile, DataFile } from '../../src/manifest/content-file.js'
import type { Field, Value } from '../../src/schema/types.js'
import { createMemoryTable, type MemoryTable } from './memory-table.js'

/** As written first; later `l` is a long and `d` a double. */
const OLD_FIELDS: readonly Field[] = [
  { id: 1, name: 'l', required: false, type: { kind: 'int' } },
  { id: 2, name: 's', required: false, type: { kind: 'string' } },
  { id: 3, name: 'd', required: false, type: { kind: 'float' } },
  {
    id: 4,
    name: 'p',
    required: false,
    type: { kind: 'struct', fields: [{ id: 5, name: 'x', required: false, type: { kind: 'int' } }] },
  },
  { id: 6, name: 'payload', required: false, type: { kind: 'string' } },
  { id: 7, name: 'tags', required: false, type: listOf('string') },
]

export const FIELDS: readonly Field[] = OLD_FIELDS.map(field => {
  if (field.name === 'l') return { ...field, type: { kind: 'long' } }
  return field.name === 'd' ? { ...field, type: { kind: 'double' } } : field
})

function listOf(kind: 'string'): Field['type'] {
  return { kind: 'list', elementId: 8, elementRequired: false, element: { kind } }
}

const long = fc.integer({ min: -12, max: 12 })
/** Long enough for a dictionary to pay in a row group of eight rows. */
const LONG = '-'.repeat(80)
const text = fc.constantFrom(
  '',
  'a',
  `ab${LONG}`,
  `abc${LONG}`,
  'b',
  `ba${LONG}`,
  '\u{1f600}',
  '\uffff',
  `z${LONG}`,
)
const double = fc.constantFrom(-1.5, -0, 0, 1, 2.5, Number.NaN, Number.POSITIVE_INFINITY)
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null, freq: 5 })

/** A row of the old fields. */
const rowArb: fc.Arbitrary<Value[]> = fc.tuple(
  orNull(long),
  orNull(text),
  orNull(double),
  orNull(orNull(long).map(x => [x])),
  orNull(fc.string({ maxLength: 4 })),
  orNull(fc.array(text, { maxLength: 2 })),
)

const literalOf: Readonly<Record<string, fc.Arbitrary<LiteralInput>>> = {
  l: fc.oneof(long, fc.constant(2 ** 40)),
  s: text,
  d: fc.oneof(double, fc.constant(0.1)),
  'p.x': long,
}
const column = fc.constantFrom('l', 's', 'd', 'p.x')
const columnAndLiteral = column.chain(name => literalOf[name]!.map(literal => ({ name, literal })))
const columnAndLiterals = column.chain(name =>
  fc.array(literalOf[name]!, { minLength: 1, maxLength: 4 }).map(literals => ({ name, literals })),
)
const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc
    .tuple(
      columnAndLiteral,
      fc.constantFrom(build.eq, build.eq, build.notEq, build.lt, build.ltEq, build.gt, build.gtEq),
    )
    .map(([{ name, literal }, compare]) => compare(name, literal)),
  column.map(name => build.isNull(name)),
  column.map(name => build.notNull(name)),
  fc.constantFrom(build.isNan('d'), build.not(build.isNan('d'))),
  columnAndLiterals.map(({ name, literals }) => build.isIn(name, literals)),
  columnAndLiterals.map(({ name, literals }) => build.notIn(name, literals)),
  fc.constantFrom('a', 'ab', '\u{1f600}').map(prefix => build.startsWith('s', prefix)),
)

export const filterArb: fc.Arbitrary<Expression> = fc.letrec<{ node: Expression }>(tie => ({
  node: fc.oneof(
    { maxDepth: 2 },
    leaf,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => build.and(a, b)),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => build.or(a, b)),
    tie('node').map(child => build.not(child)),
  ),
})).node

interface Write {
  readonly rows: readonly Value[][]
  readonly isSorted: boolean
  readonly isOld: boolean
  readonly isBare: boolean
  readonly parquet: Partial<ParquetWriteOptions>
  /** Of the rows, how many positions are deleted, and how. */
  readonly deleted: readonly number[]
  readonly deletesBy: 'vector' | 'positions' | 'keys' | 'nothing'
}

const bloom = { fpp: 0.01, maxBytes: 1024 }
const parquetArb: fc.Arbitrary<Partial<ParquetWriteOptions>> = fc.record({
  pageRows: fc.constantFrom(2, 5),
  dictionaryEnabled: fc.boolean(),
  pageVersion: fc.constantFrom(1 as const, 2 as const),
  bloomFilters: fc.constantFrom(
    undefined,
    new Map([1, 2, 3, 5].map(id => [id, bloom] as const)),
    new Map([[1, bloom] as const]),
  ),
  statisticsDisabled: fc.constantFrom(undefined, new Set([1, 2, 3, 5])),
})
const writeArb: fc.Arbitrary<Write> = fc.record({
  rows: fc.array(rowArb, { minLength: 1, maxLength: 24 }),
  isSorted: fc.boolean(),
  isOld: fc.boolean(),
  isBare: fc.boolean(),
  parquet: parquetArb,
  deleted: fc.uniqueArray(fc.nat(23), { maxLength: 8 }),
  deletesBy: fc.constantFrom('nothing', 'vector', 'positions', 'keys'),
})

/** Makes the table anew each time that it is asked to. */
export const tableArb: fc.Arbitrary<() => Promise<MemoryTable>> = fc
  .array(writeArb, { minLength: 1, maxLength: 4 })
  .map(writes => () => builtTable(writes))

async function builtTable(writes: readonly Write[]): Promise<MemoryTable> {
  const table = createMemoryTable({ fields: OLD_FIELDS, formatVersion: 3 })
  const schemas = [
    { schemaId: 0, fields: OLD_FIELDS, identifierFieldIds: [] },
    { schemaId: 1, fields: FIELDS, identifierFieldIds: [] },
  ]
  const files: (readonly [Write, DataFile])[] = []
  for (const isOld of [true, false]) {
    table.alter({ schemas, currentSchemaId: isOld ? 0 : 1 })
    const added: ContentFile[] = []
    for (const [index, write] of writes.entries()) {
      if (write.isOld !== isOld) continue
      const rows = write.isSorted ? write.rows.toSorted((a, b) => Number(a[0]) - Number(b[0])) : write.rows
      const file = await table.dataFile(`d${index}.parquet`, rows.map(isOld ? asIs : widened), {
        rowGroupRows: 8,
        bare: write.isBare,
        parquet: write.parquet,
      })
      files.push([write, file])
      added.push(file)
    }
    if (added.length > 0) await table.commit(added)
  }
  for (const [write, file] of files) await deleteRows(table, write, file)
  return table
}

const asIs = (row: Value[]): Value[] => row
const widened = ([l = null, ...rest]: Value[]): Value[] => [l === null ? null : BigInt(l as number), ...rest]

async function deleteRows(table: MemoryTable, write: Write, file: DataFile): Promise<void> {
  const name = file.location.slice(file.location.lastIndexOf('/') + 1)
  const positions = write.deleted.filter(at => at < write.rows.length)
  if (positions.length === 0) return
  switch (write.deletesBy) {
    case 'vector':
      return table.commit([await table.deletionVector(`v-${name}.puffin`, file, positions)])
    case 'positions': {
      const rows = positions.toSorted((a, b) => a - b).map(at => [file.location, BigInt(at)] as const)
      return table.commit([await table.positionDeletes(`p-${name}`, rows)])
    }
    case 'keys': {
      const keys = positions.map(at => [write.rows[at]?.[1] ?? null])
      const fields = FIELDS.filter(field => field.name === 's')
      return table.commit([await table.equalityDeletes(`e-${name}`, keys, { fields })])
    }
    default:
      return
  }
}

export const textOf = (rows: readonly (readonly Value[])[]): string[] =>
  rows.map(row => JSON.stringify(row, exact)).sort()

function exact(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))
    ? String(Object.is(value, -0) ? '-0' : value)
    : value
}
