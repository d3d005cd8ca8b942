/** Reading members of the JSON of schemas, specs and orders: the right kind of value, or `corrupt`. */
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js'

export function readInteger(json: JsonObject, name: string): number {
  const value = json[name]
  return typeof value === 'number' && Number.isInteger(value) ? value : malformed(name)
}

export function readText(json: JsonObject, name: string): string {
  const value = json[name]
  return typeof value === 'string' ? value : malformed(name)
}

export function readBoolean(json: JsonObject, name: string): boolean {
  const value = json[name]
  return typeof value === 'boolean' ? value : malformed(name)
}

export function readMember(json: JsonObject, name: string): JsonValue {
  const value = json[name]
  return value === undefined ? malformed(name) : value
}

export function readObjects(json: JsonValue | undefined, name: string): readonly JsonObject[] {
  if (!isJsonArray(json)) return malformed(name)
  return json.map(member => (isJsonObject(member) ? member : malformed(name)))
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value)
}

export function malformed(member: string): never {
  throw new LakeError('corrupt', 'a member of the JSON is missing or malformed', { context: { member } })
}
