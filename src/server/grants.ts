/**
 * Who may do what with which tables.
 *
 * A principal has a list of grants, and the first one that names a table counts for it, so an exception stands before
 * the rule:
 *
 *   { namespace: ['shop'], table: 'payroll', access: 'read', columns: ['month', 'total'] }
 *   { namespace: ['shop'], access: 'write' }
 *
 * A namespace stands for itself and all below it; without one a grant is for every namespace. What no grant names is not
 * there for the principal. Grants with columns or rows (`where`) are for reading through this server only: who reads files
 * by itself cannot be filtered, so such a principal gets neither credentials nor metadata that shows values.
 */
import { LakeError } from '../base/errors.js'
import type { Namespace, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier, printNamespace, sameNamespace } from '../catalog/identifier.js'

/** Each includes the ones before: reading; commits to tables and views; making, dropping, renaming, and namespaces. */
export type Access = 'read' | 'write' | 'manage'

export interface Grant {
  /** Absent: every namespace. */
  readonly namespace?: Namespace | undefined
  /** A table or a view of that very namespace; absent: all of them. */
  readonly table?: string | undefined
  readonly access: Access
  /** Top-level columns that may be seen; absent: all. With `read` only. */
  readonly columns?: readonly string[] | undefined
  /** Rows that may be seen, as an SQL predicate; absent: all. With `read` only. */
  readonly where?: string | undefined
}

export interface Principal {
  readonly name: string
  readonly grants: readonly Grant[]
}

/** What a principal may see of a table. */
export type Restriction = Pick<Grant, 'columns' | 'where'>

/** Whoever reaches a server that has no tokens. */
export const ANYONE: Principal = { name: 'anonymous', grants: [{ access: 'manage' }] }

const LEVELS: readonly Access[] = ['read', 'write', 'manage']

/** @throws invalid-argument for a grant that filters what it lets write */
export function checkGrant(grant: Grant): void {
  const { access, table, namespace } = grant
  if (isRestricted(grant) && access !== 'read')
    throw new LakeError('invalid-argument', 'a grant with columns or rows can only be for reading', {
      context: { access },
    })
  if (table !== undefined && namespace === undefined)
    throw new LakeError('invalid-argument', 'a grant for a table names its namespace', { context: { table } })
}

/** The grant that counts for a table or a view; undefined: it is not there for the principal. */
export function grantOn(principal: Principal, identifier: TableIdentifier): Grant | undefined {
  return principal.grants.find(grant =>
    grant.table === undefined
      ? covers(grant, identifier.namespace)
      : grant.table === identifier.name && sameNamespace(grant.namespace ?? [], identifier.namespace),
  )
}

/** The grant for a table. @throws not-found without one, denied when it does not reach as far */
export function requireTable(principal: Principal, identifier: TableIdentifier, access: Access): Grant {
  const grant = grantOn(principal, identifier)
  if (grant === undefined)
    throw new LakeError('not-found', 'the table does not exist', {
      context: { table: printIdentifier(identifier) },
    })
  requireAccess(grant, access, { table: printIdentifier(identifier) })
  return grant
}

/** For a table or view that may not be there yet. @throws denied */
export function requireNewTable(principal: Principal, identifier: TableIdentifier): void {
  const grant = grantOn(principal, identifier)
  requireAccess(grant, 'manage', { table: printIdentifier(identifier) })
}

/** A view is its text: it is seen as a whole or not at all. @throws not-found, denied */
export function requireView(principal: Principal, identifier: TableIdentifier, access: Access): void {
  const grant = grantOn(principal, identifier)
  if (grant === undefined || isRestricted(grant))
    throw new LakeError('not-found', 'the view does not exist', {
      context: { view: printIdentifier(identifier) },
    })
  requireAccess(grant, access, { view: printIdentifier(identifier) })
}

/** To make, drop or change a namespace. @throws denied */
export function requireManage(principal: Principal, namespace: Namespace): void {
  const grant = principal.grants.find(each => each.table === undefined && covers(each, namespace))
  requireAccess(grant, 'manage', { namespace: printNamespace(namespace) })
}

/** True for a namespace that a grant is about, and for those above it. */
export function seesNamespace(principal: Principal, namespace: Namespace): boolean {
  return principal.grants.some(
    grant =>
      covers(grant, namespace) || (grant.namespace !== undefined && isWithin(grant.namespace, namespace)),
  )
}

/** @throws not-found */
export function requireNamespace(principal: Principal, namespace: Namespace): void {
  if (seesNamespace(principal, namespace)) return
  throw new LakeError('not-found', 'the namespace does not exist', {
    context: { namespace: printNamespace(namespace) },
  })
}

/** True when columns or rows are kept from the principal. */
export function isRestricted(restriction: Restriction): boolean {
  return restriction.columns !== undefined || restriction.where !== undefined
}

function requireAccess(
  grant: Grant | undefined,
  access: Access,
  context: Readonly<Record<string, string>>,
): void {
  if (grant !== undefined && LEVELS.indexOf(grant.access) >= LEVELS.indexOf(access)) return
  throw new LakeError('denied', 'the principal has no grant for this', { context: { ...context, access } })
}

function covers(grant: Grant, namespace: Namespace): boolean {
  return grant.namespace === undefined || isWithin(namespace, grant.namespace)
}

/** True when `namespace` is `above` or below it. */
function isWithin(namespace: Namespace, above: Namespace): boolean {
  return sameNamespace(namespace.slice(0, above.length), above)
}
