/**
 * Variants as trees, with an encoder and a decoder of their own: written from the specification, plain and slow, to
 * judge the engine's by. The encoder can write what other writers may: wide offsets, values in another order, names
 * that are not sorted, names that nothing uses.
 */
import fc from 'fast-check'

export type VariantTree =
  | { readonly type: 'null' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: IntType; readonly value: number }
  | { readonly type: LongType; readonly value: bigint }
  | { readonly type: 'float' | 'double'; readonly value: number }
  | { readonly type: DecimalKind; readonly scale: number; readonly value: bigint }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'binary' | 'uuid'; readonly value: Uint8Array }
  | { readonly type: 'array'; readonly elements: readonly VariantTree[] }
  | { readonly type: 'object'; readonly fields: Readonly<Record<string, VariantTree>> }

type IntType = 'int8' | 'int16' | 'int32' | 'date'
type LongType = 'int64' | 'time' | 'timestamp' | 'timestamptz' | 'timestamp_ns' | 'timestamptz_ns'
type DecimalKind = 'decimal4' | 'decimal8' | 'decimal16'

/** The table "Variant primitive types": number and bytes. */
const PRIMITIVES: Readonly<Record<string, readonly [number, number]>> = {
  int8: [3, 1],
  int16: [4, 2],
  int32: [5, 4],
  int64: [6, 8],
  double: [7, 8],
  decimal4: [8, 4],
  decimal8: [9, 8],
  decimal16: [10, 16],
  date: [11, 4],
  timestamptz: [12, 8],
  timestamp: [13, 8],
  float: [14, 4],
  time: [17, 8],
  timestamptz_ns: [18, 8],
  timestamp_ns: [19, 8],
}

/** Liberties of writers. */
export interface Style {
  /** Bytes that ids and offsets have at least. */
  readonly width: 1 | 2 | 3 | 4
  /** Counts of four bytes, long strings only. */
  readonly isLarge: boolean
  /** The values of objects last to first. */
  readonly reversed: boolean
  /** Names in the order given, which need not be sorted. */
  readonly names: readonly string[]
}

export const arbitraryStyle: fc.Arbitrary<Omit<Style, 'names'>> = fc.record({
  width: fc.constantFrom(1, 2, 3, 4),
  isLarge: fc.boolean(),
  reversed: fc.boolean(),
})

export function plainStyle(names: readonly string[] = []): Style {
  return { width: 1, isLarge: false, reversed: false, names }
}

/** All field names, each once, in the order in which they are met. */
export function namesOf(tree: VariantTree): string[] {
  if (tree.type === 'array') return [...new Set(tree.elements.flatMap(namesOf))]
  if (tree.type !== 'object') return []
  return [...new Set(Object.entries(tree.fields).flatMap(([name, value]) => [name, ...namesOf(value)]))]
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function encodeMetadata({ names, width }: Style): Buffer {
  const texts = names.map(name => Buffer.from(name))
  const ends = texts.map((_, at) => sum(texts.slice(0, at + 1)))
  const size = Math.max(width, bytesFor(Math.max(names.length, ends.at(-1) ?? 0)))
  const sorted = names.every((name, at) => at === 0 || byBytes(names[at - 1] ?? '', name) < 0)
  const header = 1 | (sorted ? 16 : 0) | ((size - 1) << 6)
  return Buffer.concat([
    Buffer.of(header),
    ...[names.length, 0, ...ends].map(number => uint(number, size)),
    ...texts,
  ])
}

export function encodeValue(tree: VariantTree, style: Style): Buffer {
  switch (tree.type) {
    case 'null':
      return Buffer.of(0)
    case 'boolean':
      return Buffer.of((tree.value ? 1 : 2) << 2)
    case 'float': {
      const bytes = Buffer.alloc(5, 14 << 2)
      bytes.writeFloatLE(tree.value, 1)
      return bytes
    }
    case 'double': {
      const bytes = Buffer.alloc(9, 7 << 2)
      bytes.writeDoubleLE(tree.value, 1)
      return bytes
    }
    case 'string':
      return encodeString(Buffer.from(tree.value), style)
    case 'binary':
      return Buffer.concat([Buffer.of(15 << 2), uint(tree.value.length, 4), tree.value])
    case 'uuid':
      return Buffer.concat([Buffer.of(20 << 2), tree.value])
    case 'array':
      return encodeArray(tree.elements, style)
    case 'object':
      return encodeObject(tree.fields, style)
    default:
      return encodeNumber(tree)
  }
}

function encodeString(text: Buffer, { isLarge }: Style): Buffer {
  if (text.length < 64 && !isLarge) return Buffer.concat([Buffer.of(1 | (text.length << 2)), text])
  return Buffer.concat([Buffer.of(16 << 2), uint(text.length, 4), text])
}

function encodeNumber(tree: VariantTree & { readonly value: number | bigint }): Buffer {
  const [id, size] = PRIMITIVES[tree.type]!
  const scale = 'scale' in tree ? [tree.scale] : []
  return Buffer.concat([Buffer.of(id << 2, ...scale), int(BigInt(tree.value), size)])
}

function encodeArray(elements: readonly VariantTree[], style: Style): Buffer {
  const values = elements.map(element => encodeValue(element, style))
  const isLarge = style.isLarge || values.length > 255
  const size = Math.max(style.width, bytesFor(sum(values)))
  return Buffer.concat([
    Buffer.of(3 | ((size - 1) << 2) | (isLarge ? 16 : 0)),
    uint(values.length, isLarge ? 4 : 1),
    ...[...values.keys(), values.length].map(at => uint(sum(values.slice(0, at)), size)),
    ...values,
  ])
}

function encodeObject(fields: Readonly<Record<string, VariantTree>>, style: Style): Buffer {
  const names = Object.keys(fields).sort(byBytes)
  const ids = names.map(name => style.names.indexOf(name))
  const values = names.map(name => encodeValue(fields[name]!, style))
  const stored = style.reversed ? values.toReversed() : values
  const startOf = (value: Buffer): number => sum(stored.slice(0, stored.indexOf(value)))
  const isLarge = style.isLarge || values.length > 255
  const size = Math.max(style.width, bytesFor(sum(values)))
  const idSize = Math.max(style.width, bytesFor(Math.max(0, ...ids)))
  return Buffer.concat([
    Buffer.of(2 | ((size - 1) << 2) | ((idSize - 1) << 4) | (isLarge ? 64 : 0)),
    uint(values.length, isLarge ? 4 : 1),
    ...ids.map(id => uint(id, idSize)),
    ...values.map(value => uint(startOf(value), size)),
    uint(sum(values), size),
    ...stored,
  ])
}

function sum(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.length, 0)
}

function bytesFor(value: number): number {
  return Math.max(1, Math.ceil(value.toString(16).length / 2))
}

function uint(value: number, size: number): Buffer {
  return int(BigInt(value), size)
}

function int(value: bigint, size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, at) => Number((value >> BigInt(8 * at)) & 255n)))
}

/** A whole variant: its metadata with its value behind it. */
export function encodeVariant(tree: VariantTree, style: Style): Buffer {
  return Buffer.concat([encodeMetadata(style), encodeValue(tree, style)])
}

/** The tree of a whole variant. */
export function decodeVariant(bytes: Uint8Array): VariantTree {
  const buffer = Buffer.from(bytes)
  const size = (bytes[0]! >> 6) + 1
  const count = buffer.readUIntLE(1, size)
  const ends = Array.from({ length: count + 1 }, (_, at) => buffer.readUIntLE(1 + size * (at + 1), size))
  const from = 1 + size * (count + 2)
  const names = ends.slice(1).map((end, at) => buffer.toString('utf8', from + ends[at]!, from + end))
  return decodeValue(buffer.subarray(from + ends[count]!), names)
}

function decodeValue(bytes: Buffer, names: readonly string[]): VariantTree {
  const header = bytes[0]! >> 2
  switch (bytes[0]! & 3) {
    case 0:
      return decodePrimitive(bytes, header)
    case 1:
      return { type: 'string', value: bytes.toString('utf8', 1, 1 + header) }
    case 2:
      return decodeObject(bytes, names)
    default:
      return { type: 'array', elements: children(bytes, { at: 1, isLarge: (header & 4) > 0, ids: 0 }, names) }
  }
}

function decodePrimitive(bytes: Buffer, id: number): VariantTree {
  if (id === 0) return { type: 'null' }
  if (id < 3) return { type: 'boolean', value: id === 1 }
  if (id === 7) return { type: 'double', value: bytes.readDoubleLE(1) }
  if (id === 14) return { type: 'float', value: bytes.readFloatLE(1) }
  if (id === 15)
    return { type: 'binary', value: Uint8Array.from(bytes.subarray(5, 5 + bytes.readUInt32LE(1))) }
  if (id === 16) return { type: 'string', value: bytes.toString('utf8', 5, 5 + bytes.readUInt32LE(1)) }
  if (id === 20) return { type: 'uuid', value: Uint8Array.from(bytes.subarray(1, 17)) }
  const [type, [, size]] = Object.entries(PRIMITIVES).find(([, [number]]) => number === id)!
  const isDecimal = type.startsWith('decimal')
  const at = isDecimal ? 2 : 1
  const digits = Buffer.from(bytes.subarray(at, at + size))
    .reverse()
    .toString('hex')
  const value = BigInt.asIntN(8 * size, BigInt(`0x${digits}`))
  if (isDecimal) return { type: type as DecimalKind, scale: bytes[1]!, value }
  return size < 8 || type === 'date'
    ? { type: type as IntType, value: Number(value) }
    : { type: type as LongType, value }
}

function decodeObject(bytes: Buffer, names: readonly string[]): VariantTree {
  const header = bytes[0]! >> 2
  const isLarge = (header & 16) > 0
  const idSize = ((header >> 2) & 3) + 1
  const count = isLarge ? bytes.readUInt32LE(1) : bytes[1]!
  const idsAt = isLarge ? 5 : 2
  const values = children(bytes, { at: 1, isLarge, ids: count * idSize }, names)
  const keys = values.map((_, at) => names[bytes.readUIntLE(idsAt + at * idSize, idSize)]!)
  const ordered = keys.every((key, at) => at === 0 || byBytes(keys[at - 1]!, key) < 0)
  if (!ordered) throw new Error(`fields out of order: ${keys.join()}`)
  return { type: 'object', fields: Object.fromEntries(keys.map((key, at) => [key, values[at]!])) }
}

function children(
  bytes: Buffer,
  layout: { readonly at: number; readonly isLarge: boolean; readonly ids: number },
  names: readonly string[],
): VariantTree[] {
  const size = ((bytes[0]! >> 2) & 3) + 1
  const count = layout.isLarge ? bytes.readUInt32LE(layout.at) : bytes[layout.at]!
  const offsetsAt = layout.at + (layout.isLarge ? 4 : 1) + layout.ids
  const valuesAt = offsetsAt + (count + 1) * size
  return Array.from({ length: count }, (_, at) =>
    decodeValue(bytes.subarray(valuesAt + bytes.readUIntLE(offsetsAt + at * size, size)), names),
  )
}

// ---- random trees

const NAMES = ['a', 'b', 'ab', 'value', 'typed_value', 'ü', '\u{10000}', '\uffee', '']

const signed = (bits: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.constantFrom(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n, 0n, -1n),
    fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }),
  )
const decimal = (type: DecimalKind, digits: bigint): fc.Arbitrary<VariantTree> =>
  fc.record({
    type: fc.constant(type),
    scale: fc.constantFrom(0, 2),
    value: fc.bigInt({ min: 1n - 10n ** digits, max: 10n ** digits - 1n }),
  })
const ints = (type: IntType, bits: bigint): fc.Arbitrary<VariantTree> =>
  signed(bits).map(value => ({ type, value: Number(value) }))

const arbitraryPrimitive: fc.Arbitrary<VariantTree> = fc.oneof(
  fc.constant<VariantTree>({ type: 'null' }),
  fc.boolean().map((value): VariantTree => ({ type: 'boolean', value })),
  ints('int8', 8n),
  ints('int16', 16n),
  ints('int32', 32n),
  ints('date', 32n),
  fc
    .record({
      type: fc.constantFrom<LongType>(
        'int64',
        'time',
        'timestamp',
        'timestamptz',
        'timestamp_ns',
        'timestamptz_ns',
      ),
      value: signed(64n),
    })
    .map((tree): VariantTree => tree),
  fc.float().map((value): VariantTree => ({ type: 'float', value })),
  fc.double().map((value): VariantTree => ({ type: 'double', value })),
  decimal('decimal4', 9n),
  decimal('decimal8', 18n),
  decimal('decimal16', 38n),
  fc
    .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('x'.repeat(63), 'x'.repeat(64), 'ü'.repeat(40)))
    .map((value): VariantTree => ({ type: 'string', value })),
  fc.uint8Array({ maxLength: 70 }).map((value): VariantTree => ({ type: 'binary', value })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value): VariantTree => ({ type: 'uuid', value })),
)

export const arbitraryTree: fc.Arbitrary<VariantTree> = fc.letrec<{ tree: VariantTree }>(tie => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    arbitraryPrimitive,
    fc.array(tie('tree'), { maxLength: 4 }).map((elements): VariantTree => ({ type: 'array', elements })),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie('tree')), {
        maxLength: 5,
        selector: ([name]) => name,
      })
      .map((fields): VariantTree => ({ type: 'object', fields: Object.fromEntries(fields) })),
  ),
})).tree
