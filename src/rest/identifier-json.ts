/**
 * Names of namespaces, tables and views in the REST protocol: lists of levels in JSON, one text in a path or a query.
 *
 *   ['a', 'b c']   path: a%1Fb%20c   query: a\u001Fb c, which the query string encodes
 *
 * The separator is `%1F` unless a server announces another (`namespace-separator`, percent-encoded); servers take `%1F`
 * in any case. Java writes a space as `+`, as in a form: `+` is read as a space, and never written.
 * @see Iceberg REST catalog specification, "namespace" parameter, TableIdentifier
 */
import { LakeError } from '../base/errors.js'
import type { JsonObject, JsonValue } from '../base/json.js'
import { asObject, corruptField, requiredText } from '../base/json-fields.js'

/** A table or a view by its name; the same shape as the catalog floor's. */
export interface RestIdentifier {
  readonly namespace: readonly string[]
  readonly name: string
}

/** As it stands in a path. */
export const NAMESPACE_SEPARATOR = '%1F'

/** @throws corrupt */
export function parseRestIdentifier(json: JsonValue | undefined, field: string): RestIdentifier {
  const object = asObject(json, field)
  return { namespace: parseLevels(object.namespace, 'namespace'), name: requiredText(object, 'name') }
}

export function serializeRestIdentifier({ namespace, name }: RestIdentifier): JsonObject {
  return { namespace, name }
}

/** The levels of a namespace. @throws corrupt when the value is no list of texts */
export function parseLevels(json: JsonValue | undefined, field: string): readonly string[] {
  if (!Array.isArray(json)) throw corruptField(field, 'array of strings')
  return (json as readonly JsonValue[]).map(level => {
    if (typeof level !== 'string') throw corruptField(field, 'array of strings')
    return level
  })
}

/**
 * A name as one segment of a path.
 * @throws invalid-argument for `.` and `..`, which no path can name: whoever handles the URL takes them away
 */
export function encodePathSegment(name: string): string {
  if (name === '.' || name === '..' || name === '')
    throw new LakeError('invalid-argument', 'a name cannot be part of a path', { context: { name } })
  return encodeURIComponent(name)
}

/** @throws invalid-argument when the text is not percent-encoded UTF-8 */
export function decodePathSegment(segment: string): string {
  try {
    return decodeURIComponent(segment.replaceAll('+', ' '))
  } catch (cause) {
    throw new LakeError('invalid-argument', 'a path is not percent-encoded UTF-8', {
      cause,
      context: { segment },
    })
  }
}

/** A namespace as one segment of a path. `separator` is percent-encoded. */
export function encodeNamespacePath(namespace: readonly string[], separator?: string): string {
  return namespace.map(encodePathSegment).join(separator ?? NAMESPACE_SEPARATOR)
}

/** From the segment as it came, not decoded yet. @throws invalid-argument */
export function decodeNamespacePath(segment: string, separator?: string): readonly string[] {
  const usual = /%1f/i
  const parts = usual.test(segment)
    ? segment.split(new RegExp(usual, 'gi'))
    : segment.split(separator ?? NAMESPACE_SEPARATOR)
  return parts.map(decodePathSegment)
}

/** A namespace as the value of a query parameter, which is encoded as a whole afterwards. */
export function namespaceToQuery(namespace: readonly string[], separator?: string): string {
  return namespace.join(decodePathSegment(separator ?? NAMESPACE_SEPARATOR))
}

/** From the decoded value of a query parameter; an empty one is no namespace. */
export function namespaceFromQuery(text: string, separator?: string): readonly string[] {
  if (text === '') return []
  return text.split(text.includes('\u001f') ? '\u001f' : decodePathSegment(separator ?? NAMESPACE_SEPARATOR))
}
