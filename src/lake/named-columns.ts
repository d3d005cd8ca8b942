/**
 * Columns given from outside as those of a table: what a user hands in has names, not field ids. Each given column
 * takes the ids of the table's column of its name, at every depth; widening to the table's types follows by field
 * id, as for files.
 */
import { LakeError } from '../base/errors.js'
import { printType } from '../schema/type-text.js'
import { type Field, isPrimitive, type PrimitiveType, type Type } from '../schema/types.js'

/**
 * `arrow`: columns that are still to be read from Arrow, which tells fewer types apart (a uuid is fixed bytes) and
 * converts units of time as it is read. `batch`: columns that are what their types say.
 */
export type ColumnSource = 'arrow' | 'batch'

/**
 * The given fields with the table's ids, in their own order.
 * @throws invalid-argument for a column that the table lacks or that is given twice, or whose shape is another
 */
export function namedAsTable(
  given: readonly Field[],
  table: readonly Field[],
  source: ColumnSource,
): readonly Field[] {
  return namedFields(given, table, { source, parents: [] })
}

interface Place {
  readonly source: ColumnSource
  readonly parents: readonly string[]
}

function namedFields(given: readonly Field[], wanted: readonly Field[], place: Place): readonly Field[] {
  const seen = new Set<string>()
  return given.map(field => {
    const parents = [...place.parents, field.name]
    const target = wanted.find(candidate => candidate.name === field.name)
    if (target === undefined) {
      throw new LakeError('invalid-argument', 'the rows have a column that the table lacks', {
        context: { column: parents.join('.') },
      })
    }
    if (seen.has(field.name)) {
      throw new LakeError('invalid-argument', 'the rows have a column twice', {
        context: { column: parents.join('.') },
      })
    }
    seen.add(field.name)
    return { ...field, id: target.id, type: namedType(field.type, target.type, { ...place, parents }) }
  })
}

function namedType(given: Type, wanted: Type, place: Place): Type {
  if (given.kind === 'struct' && wanted.kind === 'struct') {
    return { kind: 'struct', fields: namedFields(given.fields, wanted.fields, place) }
  }
  if (given.kind === 'list' && wanted.kind === 'list') {
    const element = namedType(given.element, wanted.element, place)
    return { ...given, elementId: wanted.elementId, element }
  }
  if (given.kind === 'map' && wanted.kind === 'map') {
    const key = namedType(given.key, wanted.key, place)
    const value = namedType(given.value, wanted.value, place)
    return { ...given, keyId: wanted.keyId, key, valueId: wanted.valueId, value }
  }
  if (isPrimitive(given) && isPrimitive(wanted)) {
    return place.source === 'arrow' && isReadAs(given, wanted) ? wanted : given
  }
  throw new LakeError('invalid-argument', 'a column of the rows does not fit the type of the table', {
    context: { column: place.parents.join('.'), from: printType(given), to: printType(wanted) },
  })
}

/** Types that Arrow tells apart by less than Iceberg does, or by units that are converted when read. */
function isReadAs(given: PrimitiveType, wanted: PrimitiveType): boolean {
  switch (wanted.kind) {
    case 'uuid':
      return given.kind === 'fixed' && given.lengthBytes === 16
    case 'fixed':
      return given.kind === 'uuid' && wanted.lengthBytes === 16
    case 'timestamp':
    case 'timestamp_ns':
      return given.kind === 'timestamp' || given.kind === 'timestamp_ns'
    case 'timestamptz':
    case 'timestamptz_ns':
      return given.kind === 'timestamptz' || given.kind === 'timestamptz_ns'
    case 'variant':
    case 'geometry':
    case 'geography':
      return given.kind === 'binary'
    default:
      return false
  }
}
