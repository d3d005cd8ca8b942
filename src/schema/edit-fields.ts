/**
 * Edits in a tree of fields, at a place given by the ids that lead there. What is not on the way stays the same
 * object, and nothing is changed in place.
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { childFields } from './schema.js'
import { type Field, mapType, type Type } from './types.js'

/** The fields with the one at the end of the path replaced; undefined removes it from its struct. */
export function editField(
  fields: readonly Field[],
  path: readonly number[],
  edit: (field: Field) => Field | undefined,
): readonly Field[] {
  const [id, ...rest] = path
  return fields.flatMap(field => {
    if (field.id !== id) return [field]
    const edited = rest.length === 0 ? edit(field) : editInside(field, rest, edit)
    return edited === undefined ? [] : [edited]
  })
}

function editInside(field: Field, path: readonly number[], edit: (field: Field) => Field | undefined): Field {
  const children = childFields(field.type)
  const edited = editField(children, path, edit)
  checkNoStructDefault(field, children, edited)
  return { ...field, type: withChildren(field.type, edited) }
}

/** The fields with those of one struct replaced; an empty path is the table itself. */
export function editStruct(
  fields: readonly Field[],
  path: readonly number[],
  edit: (fields: readonly Field[]) => readonly Field[],
): readonly Field[] {
  if (path.length === 0) return edit(fields)
  return editField(fields, path, field => {
    const children = childFields(field.type)
    const edited = edit(children)
    checkNoStructDefault(field, children, edited)
    return { ...field, type: { kind: 'struct', fields: edited } }
  })
}

function withChildren(type: Type, children: readonly Field[]): Type {
  switch (type.kind) {
    case 'struct':
      return { kind: 'struct', fields: children }
    case 'list': {
      const [element] = children
      if (element === undefined) return refuse('the element of a list cannot be dropped')
      return { ...type, elementRequired: element.required, element: element.type }
    }
    case 'map': {
      const [key, value] = children
      if (key === undefined || value === undefined) return refuse('the parts of a map cannot be dropped')
      return mapType(key, value)
    }
    default:
      return type
  }
}

/** The value of a struct lists its fields by place: the default of a struct would fall apart when they change. */
function checkNoStructDefault(field: Field, before: readonly Field[], after: readonly Field[]): void {
  if (isNone(field.initialDefault) && isNone(field.writeDefault)) return
  const sameOrder =
    before.length === after.length &&
    before.every((child, index) => child.id === present(after[index], 'field').id)
  if (sameOrder) return
  throw new LakeError('unsupported', 'the fields of a struct with a default of its own cannot change', {
    context: { column: field.name },
  })
}

function isNone(value: Field['initialDefault']): boolean {
  return value === undefined || value === null
}

function refuse(message: string): never {
  throw new LakeError('invalid-argument', message)
}
