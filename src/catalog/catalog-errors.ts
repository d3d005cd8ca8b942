/** Errors that every catalog gives for the same things. */
import { LakeError } from '../base/errors.js'
import type { Namespace, TableIdentifier } from './catalog.js'
import { printIdentifier, printNamespace } from './identifier.js'

export function tableMissing(identifier: TableIdentifier): LakeError {
  const context = { table: printIdentifier(identifier) }
  return new LakeError('not-found', 'the table does not exist', { context })
}

export function viewMissing(identifier: TableIdentifier): LakeError {
  const context = { view: printIdentifier(identifier) }
  return new LakeError('not-found', 'the view does not exist', { context })
}

export function namespaceMissing(namespace: Namespace): LakeError {
  const context = { namespace: printNamespace(namespace) }
  return new LakeError('not-found', 'the namespace does not exist', { context })
}

export function namespaceExists(namespace: Namespace): LakeError {
  const context = { namespace: printNamespace(namespace) }
  return new LakeError('already-exists', 'the namespace exists already', { context })
}

/** For a name that a table or a view has. */
export function nameTaken(identifier: TableIdentifier): LakeError {
  const context = { table: printIdentifier(identifier) }
  return new LakeError('already-exists', 'a table or view of that name exists already', { context })
}

/** Of what a namespace still holds: `tables`, `namespaces`. */
export function namespaceNotEmpty(namespace: Namespace, holds: string): LakeError {
  const context = { namespace: printNamespace(namespace), holds }
  return new LakeError('conflict', 'the namespace is not empty', { context })
}

/** Checks a change of a namespace's properties. @throws invalid-argument when a key is both removed and set */
export function checkNamespaceChange(change: {
  readonly removals: readonly string[]
  readonly updates: Readonly<Record<string, string>>
}): void {
  const twice = change.removals.find(key => Object.hasOwn(change.updates, key))
  if (twice !== undefined)
    throw new LakeError('invalid-argument', 'a property is both removed and set', { context: { key: twice } })
}
