/**
 * Access to files for clients that ask for it: a hook of whoever runs the server makes it, for one table and one principal.
 * Principals whose columns or rows are restricted never get any: files cannot be filtered.
 */
import type { StorageCredential } from '../rest/load-table-json.js'
import type { CredentialTable, VendedAccess } from './credential-vendor.js'
import { type Grant, isRestricted, type Principal } from './grants.js'
import type { RestRequest } from './rest-route.js'
import type { ServerContext } from './server-context.js'

/** What goes into the answer of loading a table. */
export async function vendedAccess(
  context: ServerContext,
  request: RestRequest,
  table: { readonly table: CredentialTable; readonly grant: Grant },
): Promise<VendedAccess> {
  const mechanisms = (request.header('x-iceberg-access-delegation') ?? '')
    .split(',')
    .map(mechanism => mechanism.trim())
    .filter(mechanism => mechanism !== '')
  if (mechanisms.length === 0) return {}
  return vend(context, request, { ...table, mechanisms })
}

/** Storage credentials alone, fetched again before they end. */
export async function vendedCredentials(
  context: ServerContext,
  request: RestRequest,
  table: { readonly table: CredentialTable; readonly grant: Grant },
): Promise<readonly StorageCredential[]> {
  const access = await vend(context, request, { ...table, mechanisms: ['vended-credentials'] })
  return access.storageCredentials ?? []
}

async function vend(
  { vendor }: ServerContext,
  { principal, signal }: { readonly principal: Principal; readonly signal: AbortSignal },
  asked: { readonly table: CredentialTable; readonly grant: Grant; readonly mechanisms: readonly string[] },
): Promise<VendedAccess> {
  const { table, grant, mechanisms } = asked
  if (vendor === undefined || isRestricted(grant)) return {}
  const access = grant.access === 'read' ? 'read' : 'read-write'
  return (await vendor({ principal: principal.name, table, access, mechanisms, signal })) ?? {}
}
