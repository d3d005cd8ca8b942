/** Reading the properties that stores and catalogs of AWS take: texts, with the names that PyIceberg and Java gave them. */
import { LakeError } from '../base/errors.js'

export type Properties = Readonly<Record<string, string>>

/** The value of the first of the names that has one; an empty text is none. */
export function firstProperty(properties: Properties, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

/** `true` or `false`, in any case. @throws invalid-argument for another text */
export function booleanProperty(properties: Properties, name: string, whenAbsent: boolean): boolean {
  const value = firstProperty(properties, name)?.toLowerCase()
  if (value === undefined) return whenAbsent
  if (value === 'true' || value === 'false') return value === 'true'
  throw new LakeError('invalid-argument', 'the property is not true or false', {
    context: { property: name },
  })
}

/** A number between the bounds. @throws invalid-argument for another text */
export function numberProperty(
  properties: Properties,
  name: string,
  options: { readonly whenAbsent: number; readonly min: number; readonly max?: number | undefined },
): number {
  const text = firstProperty(properties, name)
  if (text === undefined) return options.whenAbsent
  const value = Number(text)
  const max = options.max ?? Number.MAX_SAFE_INTEGER
  if (Number.isFinite(value) && value >= options.min && value <= max) return value
  throw new LakeError('invalid-argument', 'the property is not a number within its bounds', {
    context: { property: name, min: options.min, max },
  })
}

/** The properties whose names begin with the prefix, without it. */
export function propertiesBelow(properties: Properties, prefix: string): Properties {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith(prefix) && name.length > prefix.length) found[name.slice(prefix.length)] = value
  }
  return found
}
