/** Steps over the values of columns that nobody asked for, made once a file and column. */
import { unreachable } from '../../base/assert.js'
import { LakeError } from '../../base/errors.js'
import type { AvroType } from '../avro-schema.js'
import type { BlockCursor } from './cursor.js'

/** Moves the cursor behind one value. @throws corrupt */
export type Skip = (cursor: BlockCursor) => void

/** What steps over values that are stored like this. */
export function skipOf(stored: AvroType): Skip {
  switch (stored.kind) {
    case 'null':
      return () => undefined
    case 'boolean':
      return skipBytes(1)
    case 'int':
    case 'long':
    case 'enum':
      return cursor => cursor.skipVarint()
    case 'float':
      return skipBytes(4)
    case 'double':
      return skipBytes(8)
    case 'fixed':
      return skipBytes(stored.sizeBytes)
    case 'bytes':
    case 'string':
      return skipSized
    case 'union':
      return skipUnion(stored.branches.map(skipOf))
    case 'record':
      return skipAll(stored.fields.map(field => skipOf(field.type)))
    case 'array':
      return skipItems([skipOf(stored.items)])
    case 'map':
      return skipItems([skipSized, skipOf(stored.values)])
    default:
      return unreachable(stored)
  }
}

function skipBytes(count: number): Skip {
  return cursor => {
    cursor.take(count)
  }
}

function skipSized(cursor: BlockCursor): void {
  cursor.take(cursor.count())
}

function skipUnion(branches: readonly Skip[]): Skip {
  return cursor => {
    const skip = branches[cursor.count()]
    if (skip === undefined) throw new LakeError('corrupt', 'an avro union has no such branch')
    skip(cursor)
  }
}

function skipAll(parts: readonly Skip[]): Skip {
  return cursor => {
    for (const skip of parts) skip(cursor)
  }
}

/** Blocks that say their size are stepped over whole. */
function skipItems(parts: readonly Skip[]): Skip {
  return cursor => {
    for (let count = cursor.count(); count !== 0; count = cursor.count()) {
      if (count < 0) {
        cursor.take(cursor.count())
        continue
      }
      for (let left = count; left > 0; left--) {
        const from = cursor.at
        for (const skip of parts) skip(cursor)
        if (cursor.at === from) cursor.countEmptyItem()
      }
    }
  }
}

/** The fewest bytes that a value takes. */
export function bytesMin(stored: AvroType): number {
  switch (stored.kind) {
    case 'null':
      return 0
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return stored.sizeBytes
    case 'record':
      return stored.fields.reduce((sum, field) => sum + bytesMin(field.type), 0)
    default:
      return 1
  }
}
