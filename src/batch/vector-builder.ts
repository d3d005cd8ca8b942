/**
 * Columns from values, one at a time: the edge where rows of people become batches. Everything grows by doubling;
 * `finish` hands over the arrays without copying them, so a builder is used once.
 */
import type { Field, ListType, MapType, StructType, Type, Value } from '../schema/types.js'
import { isValueList } from '../schema/value.js'
import type { ColumnBatch, Vector } from './column-batch.js'
import { Offsets, Validity } from './growable.js'
import {
  BooleanBuilder,
  BytesBuilder,
  DecimalBuilder,
  FixedBytesBuilder,
  LongBuilder,
  misfit,
  NullBuilder,
  NumberBuilder,
  StringBuilder,
} from './primitive-builders.js'

export interface VectorBuilder {
  readonly length: number
  /** @throws invalid-argument when the value does not have the form of the type */
  append(value: Value): void
  /** The column of all values; the builder is used up. */
  finish(): Vector
}

const ROWS_MIN = 16

/** A builder of a column; `capacity` is the number of rows to have room for from the start. */
export function createVectorBuilder(type: Type, capacity: number = ROWS_MIN): VectorBuilder {
  const rows = Math.max(capacity, 1)
  switch (type.kind) {
    case 'boolean':
      return new BooleanBuilder(type)
    case 'int':
    case 'date':
      return new NumberBuilder(type, new Int32Array(rows))
    case 'float':
      return new NumberBuilder(type, new Float32Array(rows))
    case 'double':
      return new NumberBuilder(type, new Float64Array(rows))
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return new LongBuilder(type, rows)
    case 'decimal':
      return new DecimalBuilder(type, rows)
    case 'uuid':
      return new FixedBytesBuilder(type, 16, rows)
    case 'fixed':
      return new FixedBytesBuilder(type, type.lengthBytes, rows)
    case 'string':
      return new StringBuilder(type, rows)
    case 'binary':
    case 'variant':
    case 'geometry':
    case 'geography':
      return new BytesBuilder(type, rows)
    case 'unknown':
      return new NullBuilder(type)
    case 'list':
      return new ListBuilder(type, rows)
    case 'map':
      return new MapBuilder(type, rows)
    case 'struct':
      return new StructBuilder(type, rows)
  }
}

/** A batch of rows, each with one value a field. */
export function batchOf(fields: readonly Field[], rows: readonly (readonly Value[])[]): ColumnBatch {
  const builders = fields.map(field => createVectorBuilder(field.type, rows.length))
  for (const row of rows) {
    for (let at = 0; at < builders.length; at++) builders[at]?.append(row[at] ?? null)
  }
  return { length: rows.length, fields, columns: builders.map(builder => builder.finish()) }
}

class ListBuilder implements VectorBuilder {
  length = 0
  readonly #type: ListType
  readonly #validity = new Validity()
  readonly #offsets: Offsets
  readonly #element: VectorBuilder

  constructor(type: ListType, rows: number) {
    this.#type = type
    this.#offsets = new Offsets(rows)
    this.#element = createVectorBuilder(type.element, rows)
  }

  append(value: Value): void {
    if (value !== null) {
      if (!isValueList(value)) misfit(this.#type)
      for (const element of value) this.#element.append(element)
    }
    this.#offsets.append(this.length, this.#element.length)
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  finish(): Vector {
    return {
      layout: 'list',
      length: this.length,
      validity: this.#validity.finish(this.length),
      offsets: this.#offsets.finish(this.length),
      element: this.#element.finish(),
    }
  }
}

class MapBuilder implements VectorBuilder {
  length = 0
  readonly #type: MapType
  readonly #validity = new Validity()
  readonly #offsets: Offsets
  readonly #keys: VectorBuilder
  readonly #values: VectorBuilder

  constructor(type: MapType, rows: number) {
    this.#type = type
    this.#offsets = new Offsets(rows)
    this.#keys = createVectorBuilder(type.key, rows)
    this.#values = createVectorBuilder(type.value, rows)
  }

  append(value: Value): void {
    if (value !== null) {
      if (!isValueList(value)) misfit(this.#type)
      for (const entry of value) this.#appendEntry(entry)
    }
    this.#offsets.append(this.length, this.#keys.length)
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  #appendEntry(entry: Value): void {
    const key = isValueList(entry) ? (entry[0] ?? null) : null
    if (!isValueList(entry) || key === null) misfit(this.#type)
    this.#keys.append(key)
    this.#values.append(entry[1] ?? null)
  }

  finish(): Vector {
    return {
      layout: 'map',
      length: this.length,
      validity: this.#validity.finish(this.length),
      offsets: this.#offsets.finish(this.length),
      keys: this.#keys.finish(),
      values: this.#values.finish(),
    }
  }
}

class StructBuilder implements VectorBuilder {
  length = 0
  readonly #type: StructType
  readonly #validity = new Validity()
  readonly #children: readonly VectorBuilder[]

  constructor(type: StructType, rows: number) {
    this.#type = type
    this.#children = type.fields.map(field => createVectorBuilder(field.type, rows))
  }

  append(value: Value): void {
    if (value !== null && !isValueList(value)) misfit(this.#type)
    for (let at = 0; at < this.#children.length; at++) this.#children[at]?.append(value?.[at] ?? null)
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  finish(): Vector {
    return {
      layout: 'struct',
      length: this.length,
      validity: this.#validity.finish(this.length),
      children: this.#children.map(child => child.finish()),
    }
  }
}
