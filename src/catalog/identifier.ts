/** Names of tables and namespaces as text: levels joined by dots. */
import { LakeError } from '../base/errors.js'
import type { Namespace, TableIdentifier } from './catalog.js'

/**
 * `ns.table`, `a.b.table`: the last part is the table, the others are its namespace.
 * @throws invalid-argument when there is no namespace or a part is empty
 */
export function parseIdentifier(text: string): TableIdentifier {
  const parts = text.split('.')
  const name = parts.pop() ?? ''
  if (parts.length === 0 || name === '' || parts.includes(''))
    throw new LakeError('invalid-argument', 'a table is named by its namespace, a dot and its name', {
      context: { table: text },
    })
  return { namespace: parts, name }
}

export function printIdentifier(identifier: TableIdentifier): string {
  return [...identifier.namespace, identifier.name].join('.')
}

/** @throws invalid-argument when a level is empty */
export function parseNamespace(text: string): Namespace {
  const levels = text.split('.')
  if (levels.includes(''))
    throw new LakeError('invalid-argument', 'a level of a namespace is empty', {
      context: { namespace: text },
    })
  return levels
}

export function printNamespace(namespace: Namespace): string {
  return namespace.join('.')
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
  for (const level of levels)
    if (!isDotless(level))
      throw new LakeError('invalid-argument', 'a name is empty or has a dot or control character', {
        context: { name: level },
      })
  if (levels.length === 0) throw new LakeError('invalid-argument', 'a namespace needs a level')
}

function isDotless(level: string): boolean {
  return level !== '' && !level.includes('.') && [...level].every(char => char >= ' ' && char !== '\u007f')
}
