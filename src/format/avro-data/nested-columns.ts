/** Columns that hold columns: optional values, structs, lists and maps. */
import { LakeError } from '../../base/errors.js'
import type { Vector } from '../../batch/column-batch.js'
import { type AvroColumn, type Meter, NullRows, OffsetRows } from './column.js'
import type { BlockCursor } from './cursor.js'
import type { AvroOption } from './option.js'

/** A union with null, in either order: the number of the branch stands before the value. */
export class OptionalColumn implements AvroColumn {
  readonly #values: AvroColumn
  readonly #valueIndex: number
  readonly #nullIndex: number

  constructor(values: AvroColumn, option: AvroOption) {
    this.#values = values
    this.#valueIndex = option.valueIndex
    this.#nullIndex = option.nullIndex
  }

  read(cursor: BlockCursor): void {
    const branch = cursor.count()
    if (branch === this.#valueIndex) this.#values.read(cursor)
    else if (branch === this.#nullIndex) this.#values.appendNull()
    else throw new LakeError('corrupt', 'an avro union has no such branch')
  }

  appendNull(): void {
    this.#values.appendNull()
  }

  finish(): Vector {
    return this.#values.finish()
  }
}

/** A record: its fields one behind the other. */
export class StructColumn implements AvroColumn {
  readonly #children: readonly AvroColumn[]
  readonly #nulls = new NullRows()
  #length = 0

  constructor(children: readonly AvroColumn[]) {
    this.#children = children
  }

  read(cursor: BlockCursor): void {
    for (const child of this.#children) child.read(cursor)
    this.#length++
  }

  appendNull(): void {
    for (const child of this.#children) child.appendNull()
    this.#nulls.mark(this.#length)
    this.#length++
  }

  finish(): Vector {
    const length = this.#length
    this.#length = 0
    const children = this.#children.map(child => child.finish())
    return { layout: 'struct', length, validity: this.#nulls.finish(length), children }
  }
}

/**
 * Reads the blocks of an array or map, each item by all of `parts`, and says how many items there were. A block begins
 * with its number of items, negative when its size in bytes follows; one without items is the last.
 */
function readItems(cursor: BlockCursor, parts: readonly AvroColumn[]): number {
  let items = 0
  for (let count = cursor.count(); count !== 0; count = cursor.count()) {
    if (count < 0) {
      cursor.skipVarint()
      count = -count
    }
    for (let left = count; left > 0; left--) {
      const from = cursor.at
      for (const part of parts) part.read(cursor)
      if (cursor.at === from) cursor.countEmptyItem()
    }
    items += count
  }
  return items
}

/** An array. */
export class ListColumn implements AvroColumn {
  readonly #rows: OffsetRows
  readonly #element: readonly [AvroColumn]
  #end = 0

  constructor(element: AvroColumn, meter: Meter) {
    this.#rows = new OffsetRows(meter)
    this.#element = [element]
  }

  read(cursor: BlockCursor): void {
    this.#end += readItems(cursor, this.#element)
    this.#rows.next(this.#end)
  }

  appendNull(): void {
    this.#rows.nextNull(this.#end)
  }

  finish(): Vector {
    this.#end = 0
    return { layout: 'list', ...this.#rows.finish(), element: this.#element[0].finish() }
  }
}

export interface MapParts {
  readonly keys: AvroColumn
  readonly values: AvroColumn
  /** In records of pairs the value may stand first. */
  readonly isValueFirst: boolean
}

/** Avro's own map, of strings, or an array of pairs: both look alike when stored. */
export class MapColumn implements AvroColumn {
  readonly #rows: OffsetRows
  readonly #keys: AvroColumn
  readonly #values: AvroColumn
  /** In the order of the file. */
  readonly #pair: readonly AvroColumn[]
  #end = 0

  constructor({ keys, values, isValueFirst }: MapParts, meter: Meter) {
    this.#rows = new OffsetRows(meter)
    this.#keys = keys
    this.#values = values
    this.#pair = isValueFirst ? [values, keys] : [keys, values]
  }

  read(cursor: BlockCursor): void {
    this.#end += readItems(cursor, this.#pair)
    this.#rows.next(this.#end)
  }

  appendNull(): void {
    this.#rows.nextNull(this.#end)
  }

  finish(): Vector {
    this.#end = 0
    return {
      layout: 'map',
      ...this.#rows.finish(),
      keys: this.#keys.finish(),
      values: this.#values.finish(),
    }
  }
}
