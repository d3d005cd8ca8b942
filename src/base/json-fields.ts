/**
 * Reading the members of a JSON object with a type each. `null` counts as absent, as Java and Python write
 * either; a member of another type, or one that is missing, is `corrupt` and named in the context.
 */
import { LakeError } from './errors.js'
import { isJsonObject, type JsonObject, type JsonValue } from './json.js'

const LONG_MAX = 2n ** 63n - 1n

/** The error of a member that is missing or not what it has to be. */
export function corruptField(field: string, expected: string): LakeError {
  return new LakeError('corrupt', 'a metadata field is missing or of the wrong type', {
    context: { field, expected },
  })
}

function required<T>(value: T | undefined, field: string, expected: string): T {
  if (value === undefined) throw corruptField(field, expected)
  return value
}

function member(object: JsonObject, field: string): JsonValue | undefined {
  return Object.hasOwn(object, field) ? (object[field] ?? undefined) : undefined
}

/** The value itself, which has to be an object. `what` names it in the error. */
export function asObject(value: JsonValue | undefined, what: string): JsonObject {
  if (!isJsonObject(value)) throw corruptField(what, 'object')
  return value
}

export function optionalObject(object: JsonObject, field: string): JsonObject | undefined {
  const value = member(object, field)
  return value === undefined ? undefined : asObject(value, field)
}

export function optionalText(object: JsonObject, field: string): string | undefined {
  const value = member(object, field)
  if (value !== undefined && typeof value !== 'string') throw corruptField(field, 'string')
  return value
}

export function requiredText(object: JsonObject, field: string): string {
  return required(optionalText(object, field), field, 'string')
}

/** A whole number that a double holds exactly: counts, sizes, ids of schemas and specs, milliseconds. */
export function optionalInt(object: JsonObject, field: string): number | undefined {
  const value = member(object, field)
  if (value !== undefined && !Number.isSafeInteger(value)) throw corruptField(field, 'integer')
  return typeof value === 'number' ? value : undefined
}

export function requiredInt(object: JsonObject, field: string): number {
  return required(optionalInt(object, field), field, 'integer')
}

/** A 64-bit integer: snapshot ids, sequence numbers, row ids. Beyond 64 bits it is refused, never wrapped. */
export function optionalLong(object: JsonObject, field: string): bigint | undefined {
  const value = member(object, field)
  return value === undefined ? undefined : asLong(value, field)
}

export function requiredLong(object: JsonObject, field: string): bigint {
  return required(optionalLong(object, field), field, '64-bit integer')
}

function asLong(value: JsonValue, field: string): bigint {
  const long =
    typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(Number(value)) : undefined
  if (long === undefined || long > LONG_MAX || long < -LONG_MAX - 1n)
    throw corruptField(field, '64-bit integer')
  return long
}

/** Milliseconds of a retention; up to 64 bits on the wire, where beyond 2^53 the last digits do not matter. */
export function optionalDurationMs(object: JsonObject, field: string): number | undefined {
  const value = optionalLong(object, field)
  return value === undefined ? undefined : Number(value)
}

/** The wire form of a duration. */
export function durationToJson(ms: number | undefined): number | bigint | undefined {
  if (ms === undefined || Number.isSafeInteger(ms)) return ms
  return ms >= Number(LONG_MAX) ? LONG_MAX : BigInt(Math.trunc(ms))
}

export function optionalList(object: JsonObject, field: string): readonly JsonValue[] | undefined {
  const value = member(object, field)
  if (value !== undefined && !Array.isArray(value)) throw corruptField(field, 'array')
  return value
}

/** The objects of a list; none when the list is absent. */
export function objectsOf(object: JsonObject, field: string): readonly JsonObject[] {
  return asObjects(optionalList(object, field) ?? [], field)
}

/** The value itself, which has to be a list of objects. `what` names it in the error. */
export function asObjects(value: JsonValue | undefined, what: string): readonly JsonObject[] {
  if (!Array.isArray(value)) throw corruptField(what, 'array')
  return (value as readonly JsonValue[]).map(item => asObject(item, what))
}

export function requiredBoolean(object: JsonObject, field: string): boolean {
  const value = member(object, field)
  if (typeof value !== 'boolean') throw corruptField(field, 'boolean')
  return value
}

/** A member of any type but null. */
export function requiredMember(object: JsonObject, field: string): JsonValue {
  return required(member(object, field), field, 'value')
}

export function intsOf(object: JsonObject, field: string): readonly number[] {
  return (optionalList(object, field) ?? []).map(item => {
    if (!Number.isSafeInteger(item)) throw corruptField(field, 'array of integers')
    return Number(item)
  })
}

export function textsOf(object: JsonObject, field: string): readonly string[] | undefined {
  return optionalList(object, field)?.map(item => {
    if (typeof item !== 'string') throw corruptField(field, 'array of strings')
    return item
  })
}

/** A map of strings. Numbers and booleans that some tools write become text; null is refused. */
export function textMapOf(object: JsonObject, field: string): Readonly<Record<string, string>> {
  const map = optionalObject(object, field) ?? {}
  return Object.fromEntries(
    Object.entries(map).map(([name, value]) => [
      name,
      required(scalarText(value), `${field}.${name}`, 'string'),
    ]),
  )
}

function scalarText(value: JsonValue): string | undefined {
  return value === null || typeof value === 'object' ? undefined : String(value)
}
