/** Names of tables and namespaces as text: levels joined by dots. A level that has dots itself stands in backquotes. */
import { LakeError } from '../base/errors.js'

export type Namespace = readonly string[]

/** The name of a table or a view. */
export interface TableIdentifier {
  readonly namespace: Namespace
  readonly name: string
}

/**
 * `ns.table`, `a.b.table`, ``ns.`a.table` ``: the last part is the table, the others are its namespace.
 * @throws invalid-argument when there is no namespace or a part is empty
 */
export function parseIdentifier(text: string): TableIdentifier {
  const parts = [...splitName(text)]
  const name = parts.pop() ?? ''
  if (parts.length === 0 || name === '' || parts.includes(''))
    throw new LakeError('invalid-argument', 'a table is named by its namespace, a dot and its name', {
      context: { table: text },
    })
  return { namespace: parts, name }
}

export function printIdentifier(identifier: TableIdentifier): string {
  return [...identifier.namespace, identifier.name].map(printLevel).join('.')
}

/** @throws invalid-argument when a level is empty */
export function parseNamespace(text: string): Namespace {
  const levels = splitName(text)
  if (levels.includes(''))
    throw new LakeError('invalid-argument', 'a level of a namespace is empty', {
      context: { namespace: text },
    })
  return levels
}

export function printNamespace(namespace: Namespace): string {
  return namespace.map(printLevel).join('.')
}

function printLevel(level: string): string {
  return level.includes('.') ? `\`${level.replaceAll('`', '``')}\`` : level
}

/** Backquotes around a level without dots are part of its name. */
const LEVEL = /`((?:[^`]|``)*\.(?:[^`]|``)*)`(?=\.|$)|[^.]*/gy

function splitName(text: string): readonly string[] {
  const levels: string[] = []
  for (let from = 0; from <= text.length; ) {
    LEVEL.lastIndex = from
    const [whole = '', quoted] = LEVEL.exec(text) ?? []
    levels.push(quoted?.replaceAll('``', '`') ?? whole)
    from += whole.length + 1
  }
  return levels
}

export function sameIdentifier(a: TableIdentifier, b: TableIdentifier): boolean {
  return a.name === b.name && sameNamespace(a.namespace, b.namespace)
}

export function sameNamespace(a: Namespace, b: Namespace): boolean {
  return a.length === b.length && a.every((level, index) => level === b[index])
}

/**
 * Checks names for catalogs that store levels joined by dots.
 * @throws invalid-argument for an empty level, a dot or a control character in one
 */
export function checkDotless(levels: readonly string[]): void {
  checkLevels(levels)
  for (const level of levels)
    if (level.includes('.'))
      throw new LakeError('invalid-argument', 'this catalog has no names with dots', {
        context: { name: level },
      })
}

/** @throws invalid-argument for no level, an empty one, or a control character in one */
export function checkLevels(levels: readonly string[]): void {
  for (const level of levels)
    if (level === '' || [...level].some(char => char < ' ' || char === '\u007f'))
      throw new LakeError('invalid-argument', 'a name is empty or has a control character', {
        context: { name: level },
      })
  if (levels.length === 0) throw new LakeError('invalid-argument', 'a namespace needs a level')
}
