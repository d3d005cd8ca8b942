/**
 * Values of text files as `rows-in.ts` takes them, by the type of their column. What cannot be understood is handed on
 * as it is, to be refused there with the row and the column.
 *
 * | type | JSON | CSV |
 * |---|---|---|
 * | numbers, decimals | number or text | text; blanks around it do not count |
 * | boolean | true, false | true, false, t, f, yes, no, 1, 0 |
 * | fixed, binary, shapes | hex digits | hex digits |
 * | map | object, or `{"keys":[..],"values":[..]}` | the JSON |
 * | struct, list, variant | object, array, anything | the JSON |
 *
 * These are the forms that `serac scan --format jsonl|csv` prints.
 */
import { hexDecode } from '../base/bytes.js'
import { type ExactJson, isExactDouble, JsonNumber, parseJsonExact } from '../base/json.js'
import type { Field, MapType, Type } from '../schema/types.js'

/** The JSON value for a column of the type; undefined stands for an absent member. */
export function valueFromJsonText(type: Type, json: ExactJson): unknown {
  switch (type.kind) {
    case 'fixed':
    case 'binary':
    case 'geometry':
    case 'geography':
      return typeof json === 'string' ? (hexDecode(json) ?? json) : plainJson(json)
    case 'struct':
      return isMembers(json) ? membersOf(type.fields, json) : plainJson(json)
    case 'list':
      return isItems(json) ? json.map(item => valueFromJsonText(type.element, item)) : plainJson(json)
    case 'map':
      return isMembers(json) ? entriesOf(type, json) : plainJson(json)
    default:
      return plainJson(json)
  }
}

/** The text of a CSV field for a column of the type. */
export function valueFromText(type: Type, text: string): unknown {
  switch (type.kind) {
    case 'string':
      return text
    case 'boolean':
      return BOOLEANS.get(text.trim().toLowerCase()) ?? text
    case 'struct':
    case 'list':
    case 'map':
    case 'variant':
      return nestedFromText(type, text)
    case 'fixed':
    case 'binary':
    case 'geometry':
    case 'geography':
      return hexDecode(text) ?? text
    default:
      return text.trim()
  }
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['t', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['f', false],
  ['no', false],
  ['0', false],
])

function nestedFromText(type: Type, text: string): unknown {
  let json: ExactJson
  try {
    json = parseJsonExact(text)
  } catch {
    return text
  }
  return valueFromJsonText(type, json)
}

type Members = { readonly [key: string]: ExactJson }

function isItems(json: ExactJson): json is readonly ExactJson[] {
  return Array.isArray(json)
}

export function isMembers(json: ExactJson): json is Members {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof JsonNumber)
}

function membersOf(fields: readonly Field[], json: Members): unknown {
  const types = new Map(fields.map(field => [field.name, field.type]))
  return Object.fromEntries(
    Object.entries(json).map(([name, item]) => {
      const type = types.get(name)
      return [name, type === undefined ? plainJson(item) : valueFromJsonText(type, item)]
    }),
  )
}

function entriesOf(type: MapType, json: Members): unknown {
  const { keys, values } = json
  const isLists = Object.keys(json).length === 2 && Array.isArray(keys) && Array.isArray(values)
  const pairs: readonly (readonly [ExactJson, ExactJson])[] =
    isLists && keys.length === values.length
      ? keys.map((key: ExactJson, at: number) => [key, values[at] as ExactJson])
      : Object.entries(json)
  return new Map(
    pairs.map(([key, value]) => [valueFromJsonText(type.key, key), valueFromJsonText(type.value, value)]),
  )
}

/** Numbers that a double would change stay text: columns take their digits. */
function plainJson(value: ExactJson): unknown {
  if (value instanceof JsonNumber) return isExactDouble(value.text) ? Number(value.text) : value.text
  if (isItems(value)) return value.map(plainJson)
  if (!isMembers(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainJson(item)]))
}
