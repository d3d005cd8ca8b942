import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../../../src/base/errors.js'
import { isPresent, type VarBytesVector } from '../../../../src/batch/column-batch.js'
import { createVectorBuilder } from '../../../../src/batch/vector-builder.js'
import { assembleVariant, splitVariantVector } from '../../../../src/format/parquet/variant/variant.js'
import { readVariantGroup } from '../../../../src/format/parquet/variant/variant-group.js'
import { checkVariant } from '../../../../src/format/variant-value.js'
import type { Field, Type, Value } from '../../../../src/schema/types.js'
import {
  arbitraryStyle,
  arbitraryTree,
  decodeVariant,
  encodeMetadata,
  encodeValue,
  encodeVariant,
  namesOf,
  plainStyle,
  type VariantTree,
} from '../../variant-tree.js'
import {
  elementsOf,
  shreddedRows,
  shreddingLike,
  storedRows,
  variantNode,
  withDictionaries,
} from './shredded-rows.js'

function bytesAt(vector: VarBytesVector, row: number): Uint8Array | null {
  return isPresent(vector, row) ? vector.bytes.slice(vector.offsets[row], vector.offsets[row + 1]) : null
}

function rowsOf(vector: VarBytesVector): (VariantTree | null)[] {
  return Array.from({ length: vector.length }, (_, row) => {
    const bytes = bytesAt(vector, row)
    if (bytes === null) return null
    checkVariant(bytes)
    return decodeVariant(bytes)
  })
}

const arbitraryRows = fc
  .record({
    rows: fc.array(fc.option(arbitraryTree, { freq: 5 }), { maxLength: 6 }),
    shreddedLike: arbitraryTree,
    likeRow: fc.boolean(),
    decisions: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
    style: arbitraryStyle,
    coded: fc.boolean(),
  })
  .map(({ rows, shreddedLike, likeRow, decisions, style, coded }) => {
    const like = (likeRow ? rows.find(row => row !== null) : undefined) ?? shreddedLike
    let next = 0
    // The first decision is about the whole; shredding nothing is what the last bit of luck is for.
    const shredding = shreddingLike(like, () => decisions[next++ % decisions.length] ?? true)
    const names = [...new Set(rows.flatMap(row => (row === null ? [] : namesOf(row))))]
    return { rows, shredding, coded, style: { ...style, names } }
  })

describe('a shredded variant', () => {
  it('is put together from its columns, whatever is shredded', () => {
    fc.assert(
      fc.property(arbitraryRows, ({ rows, shredding, style, coded }) => {
        const stored = shreddedRows(rows, shredding, style)
        const group = readVariantGroup(elementsOf(variantNode(shredding)), 0)
        expect(rowsOf(assembleVariant(group, coded ? withDictionaries(stored) : stored))).toEqual(rows)
      }),
      { numRuns: 300 },
    )
  })

  it('with bytes changed is refused, or made into variants that hold together', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(arbitraryRows, changes, ({ rows, shredding, style }, changed) => {
        const stored = shreddedRows(rows, shredding, style)
        const group = readVariantGroup(elementsOf(variantNode(shredding)), 0)
        const columns = stored.children.flatMap(child => (child.layout === 'var-bytes' ? [child.bytes] : []))
        for (const bytes of columns) for (const [at, byte] of changed) bytes[at % bytes.length] = byte
        const outcome = refusal(() => {
          const vector = assembleVariant(group, stored)
          for (let row = 0; row < vector.length; row++)
            checkVariant(bytesAt(vector, row) ?? Uint8Array.of(1, 0, 0, 0))
        })
        expect(outcome).toMatch(/^(none|corrupt|unsupported)/)
      }),
      { numRuns: 300 },
    )
  })
})

// ---- columns by hand

const BINARY: Type = { kind: 'binary' }
const INT: Type = { kind: 'int' }
const field = (name: string, type: Type): Field => ({ id: 0, name, required: false, type })
const STYLE = plainStyle(['a', 'b'])
const METADATA = encodeMetadata(STYLE)
const int = (value: number): VariantTree => ({ type: 'int32', value })
const object = (fields: Readonly<Record<string, VariantTree>>): VariantTree => ({ type: 'object', fields })
const NULL: VariantTree = { type: 'null' }
const encoded = (tree: VariantTree): Uint8Array => encodeValue(tree, STYLE)

const metadata = { name: 'metadata', physicalType: 6 } as const
const value = { name: 'value', physicalType: 6 } as const
const typedInt = { name: 'typed_value', physicalType: 1 } as const
const variant = { name: 'v', logicalType: { field_16: {} } } as const

/** A variant of an optional int. */
const INT_GROUP = readVariantGroup(elementsOf({ ...variant, children: [metadata, value, typedInt] }), 0)
const intRows = (...rows: Value[]): VarBytesVector =>
  assembleVariant(
    INT_GROUP,
    storedRows([field('metadata', BINARY), field('value', BINARY), field('typed_value', INT)], rows),
  )

/** A variant of an object of which the int `b` is shredded, its columns in an order of their own. */
const B_GROUP = readVariantGroup(
  elementsOf({
    ...variant,
    children: [
      { name: 'typed_value', children: [{ name: 'b', children: [typedInt, value] }] },
      value,
      metadata,
    ],
  }),
  0,
)
const B_FIELDS = [
  field('typed_value', {
    kind: 'struct',
    fields: [field('b', { kind: 'struct', fields: [field('typed_value', INT), field('value', BINARY)] })],
  }),
  field('value', BINARY),
  field('metadata', BINARY),
]
const bRows = (...rows: Value[]): VarBytesVector => assembleVariant(B_GROUP, storedRows(B_FIELDS, rows))

/** A variant of an array of ints. */
const LIST_GROUP = readVariantGroup(
  elementsOf({
    ...variant,
    children: [
      metadata,
      {
        name: 'typed_value',
        convertedType: 3,
        children: [
          {
            name: 'list',
            repetition: 'repeated',
            children: [{ name: 'element', children: [value, typedInt] }],
          },
        ],
      },
    ],
  }),
  0,
)
const LIST: Type = {
  kind: 'list',
  elementId: 0,
  elementRequired: true,
  element: { kind: 'struct', fields: [field('value', BINARY), field('typed_value', INT)] },
}
const listRows = (...rows: Value[]): VarBytesVector =>
  assembleVariant(LIST_GROUP, storedRows([field('metadata', BINARY), field('typed_value', LIST)], rows))

/** Kind and reason of the refusal. */
function refusal(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    if (!isLakeError(error)) throw error
    return `${error.kind}: ${error.context.reason ?? error.message}`
  }
  return 'none'
}

describe('the columns of a variant', () => {
  it('make a null variant of a null group, and a variant that is null of a group without a value', () => {
    expect(rowsOf(intRows(null, [METADATA, null, null], [METADATA, encoded(NULL), null]))).toEqual([
      null,
      NULL,
      NULL,
    ])
  })

  it('make the same variant whether the value is typed or not', () => {
    const vector = intRows([METADATA, encoded(int(7)), null], [METADATA, null, 7])
    expect(bytesAt(vector, 0)).toEqual(bytesAt(vector, 1))
  })

  it('are found by their names', () => {
    const rest = encoded(object({ a: int(1) }))
    expect(rowsOf(bRows([[[2, null]], rest, METADATA], [[[null, null]], null, METADATA]))).toEqual([
      object({ a: int(1), b: int(2) }),
      object({}),
    ])
  })

  it('that leave an element out make it null', () => {
    expect(
      rowsOf(
        listRows([
          METADATA,
          [
            [null, 1],
            [null, null],
          ],
        ]),
      ),
    ).toEqual([{ type: 'array', elements: [int(1), NULL] }])
  })

  it('with a field both shredded and not make an object of the shredded one', () => {
    const rest = encoded(object({ a: int(1), b: int(3) }))
    expect(rowsOf(bRows([[[2, null]], rest, METADATA], [[[null, null]], rest, METADATA]))).toEqual([
      object({ a: int(1), b: int(2) }),
      object({ a: int(1) }),
    ])
  })

  it('may hold an object whole although its fields are shredded', () => {
    expect(rowsOf(bRows([null, encoded(object({ b: int(3) })), METADATA]))).toEqual([object({ b: int(3) })])
  })

  it('may have metadata of their own in each row, empty where nothing is named', () => {
    const other = encodeMetadata(plainStyle(['b']))
    const rows = bRows(
      [[[1, null]], null, METADATA],
      [[[2, null]], null, other],
      [null, encoded(int(3)), new Uint8Array(0)],
    )
    expect(rowsOf(rows)).toEqual([object({ b: int(1) }), object({ b: int(2) }), int(3)])
    expect(bytesAt(rows, 2)?.subarray(0, 3)).toEqual(Uint8Array.of(1, 0, 0))
  })

  it('make objects in the order of bytes when the writer sorted the residual fields by something else', () => {
    // The writer sorted b before a; in the metadata they stand so too.
    const style = plainStyle(['b', 'a', 'aa'])
    const unsorted = Uint8Array.of(2, 2, 0, 1, 0, 1, 2, 0, 4)
    const row: Value = [[[2, null]], unsorted, encodeMetadata(style)]
    expect(rowsOf(bRows(row))).toEqual([object({ a: { type: 'boolean', value: true }, b: int(2) })])
  })

  it.each([
    [
      'an int beside a value',
      () => intRows([METADATA, encoded(int(7)), 7]),
      'corrupt: value and typed_value conflict',
    ],
    [
      'an element beside a value',
      () => listRows([METADATA, [[encoded(int(7)), 7]]]),
      'corrupt: value and typed_value conflict',
    ],
    [
      'fields beside a value that is no object',
      () => bRows([[[1, null]], encoded(int(7)), METADATA]),
      'corrupt: a shredded object has a value that is no object',
    ],
    ['no metadata', () => intRows([null, encoded(int(7)), null]), 'corrupt: a variant has no metadata'],
    [
      'a field that is not in the metadata',
      () => bRows([[[1, null]], null, encodeMetadata(plainStyle(['a', 'c']))]),
      'corrupt: the metadata lacks the name of a shredded field',
    ],
    [
      'a value that is cut',
      () => intRows([METADATA, Uint8Array.of(20, 1), null]),
      'corrupt: a value ends too early',
    ],
    [
      'a value without bytes',
      () => intRows([METADATA, new Uint8Array(0), null]),
      'corrupt: a value ends too early',
    ],
    [
      'more bytes than allowed',
      () =>
        assembleVariant(
          INT_GROUP,
          storedRows(
            [field('metadata', BINARY), field('value', BINARY), field('typed_value', INT)],
            [[METADATA, null, 7]],
          ),
          { bytesMax: 8 },
        ),
      'unsupported: the variants of a column take too many bytes',
    ],
  ])('with %s are refused', (_, read, expected) => {
    expect(refusal(read)).toBe(expected)
  })

  const list = (...children: Parameters<typeof elementsOf>[0][]) => ({
    name: 'typed_value',
    convertedType: 3,
    children,
  })
  const NO_TYPE = 'unsupported: the column type has no variant type'
  it.each([
    ['an unsigned int', { ...typedInt, convertedType: 13 }, NO_TYPE],
    ['fixed bytes', { name: 'typed_value', physicalType: 7, typeLength: 4 }, NO_TYPE],
    ['INT96', { name: 'typed_value', physicalType: 3 }, NO_TYPE],
    [
      'milliseconds',
      {
        name: 'typed_value',
        physicalType: 2,
        logicalType: { field_8: { field_1: true, field_2: { field_1: {} } } },
      },
      NO_TYPE,
    ],
    [
      'a list of two levels',
      list({ ...value, name: 'array', repetition: 'repeated' }),
      'unsupported: the list has not three levels',
    ],
    [
      'a list of numbers',
      list({ name: 'list', repetition: 'repeated', children: [{ ...typedInt, name: 'element' }] }),
      'corrupt: the list element is no group',
    ],
    [
      'a map',
      { name: 'typed_value', convertedType: 1, children: [] },
      'unsupported: the group is neither a list nor a plain group',
    ],
    [
      'fields that are no groups',
      { name: 'typed_value', children: [typedInt] },
      'corrupt: a shredded field is no group',
    ],
    [
      'a field twice',
      {
        name: 'typed_value',
        children: [
          { name: 'a', children: [value] },
          { name: 'a', children: [value] },
        ],
      },
      'corrupt: a field is shredded twice',
    ],
  ])('shredded as %s are refused when they are read', (_, typed: Parameters<
    typeof elementsOf
  >[0], expected) => {
    const group = readVariantGroup(elementsOf({ ...variant, children: [metadata, value, typed] }), 0)
    const fields = [field('metadata', BINARY), field('value', BINARY), field('typed_value', INT)]
    expect(refusal(() => assembleVariant(group, storedRows(fields, [[METADATA, encoded(NULL), null]])))).toBe(
      expected,
    )
  })
})

describe('variants to write', () => {
  const column = (...rows: Value[]): VarBytesVector => {
    const builder = createVectorBuilder({ kind: 'variant' })
    for (const row of rows) builder.append(row)
    return builder.finish() as VarBytesVector
  }

  it('split into metadata and value, and are put together to the same bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.option(arbitraryTree), arbitraryStyle)), rows => {
        const variants = rows.map(([tree, style]) =>
          tree === null ? null : encodeVariant(tree, { ...style, names: namesOf(tree) }),
        )
        const split = splitVariantVector(column(...variants))
        const { length, validity } = split.metadata
        const children = [split.metadata, split.value]
        const group = readVariantGroup(elementsOf({ ...variant, children: [metadata, value] }), 0)
        const joined = assembleVariant(group, { layout: 'struct', length, validity, children })
        expect(variants.map((_, row) => bytesAt(joined, row))).toEqual(
          variants.map(each => (each === null ? null : Uint8Array.from(each))),
        )
      }),
    )
  })

  it('take no bytes where they are null', () => {
    const style = plainStyle()
    const vector = column(encodeVariant(int(1), style), encodeVariant(int(2), style))
    const split = splitVariantVector({ ...vector, validity: Uint8Array.of(2) })
    expect(split.metadata.offsets).toEqual(Int32Array.of(0, 0, 3))
    expect(split.value).toMatchObject({ validity: Uint8Array.of(2), offsets: Int32Array.of(0, 0, 5) })
  })

  it('are refused when they are none', () => {
    const style = plainStyle()
    expect(
      refusal(() => splitVariantVector(column(encodeVariant(int(1), style), Uint8Array.of(1, 0, 0)))),
    ).toBe('invalid-argument: a value of a variant column is no variant')
    expect(refusal(() => splitVariantVector(column(Uint8Array.of(1, 0, 0, 0, 0))))).toMatch(
      /^invalid-argument/,
    )
  })
})
