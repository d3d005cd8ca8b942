/**
 * The file that says who may use a server:
 *
 *   { "principals": [
 *     { "name": "etl", "token-sha256": "9f86...", "grants": [{ "access": "manage" }] },
 *     { "name": "ann", "token": "...", "grants": [
 *       { "namespace": "shop.eu", "table": "orders", "access": "read", "columns": ["id", "total"], "where": "region = 'eu'" } ] } ] }
 *
 * A namespace is text with dots, or a list of levels. A member that is not known is an error: a misspelt restriction must
 * not become none.
 */
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../base/json.js'
import { asObject, asObjects, optionalText, requiredText, textsOf } from '../base/json-fields.js'
import type { Namespace } from '../catalog/catalog.js'
import { parseNamespace } from '../catalog/identifier.js'
import { type Access, checkGrant, type Grant } from './grants.js'
import type { TokenHolder } from './tokens.js'

/** @throws invalid-argument; its context names the member */
export function parsePrincipals(text: string): readonly TokenHolder[] {
  try {
    const file = asObject(parseJson(text), 'file')
    checkMembers(file, ['principals'])
    return asObjects(file.principals, 'principals').map(parsePrincipal)
  } catch (error) {
    if (!(error instanceof LakeError) || error.kind === 'invalid-argument') throw error
    throw new LakeError('invalid-argument', 'the file of principals is not one', {
      cause: error,
      context: error.context,
    })
  }
}

function parsePrincipal(json: JsonObject): TokenHolder {
  checkMembers(json, ['name', 'token', 'token-sha256', 'grants'])
  const sha256 = optionalText(json, 'token-sha256')
  return {
    name: requiredText(json, 'name'),
    token: sha256 === undefined ? requiredText(json, 'token') : { sha256 },
    grants: asObjects(json.grants, 'grants').map(parseGrant),
  }
}

function parseGrant(json: JsonObject): Grant {
  checkMembers(json, ['namespace', 'table', 'access', 'columns', 'where'])
  const grant: Grant = {
    namespace: parseGrantNamespace(json.namespace),
    table: optionalText(json, 'table'),
    access: parseAccess(requiredText(json, 'access')),
    columns: textsOf(json, 'columns'),
    where: optionalText(json, 'where'),
  }
  checkGrant(grant)
  return grant
}

function parseGrantNamespace(json: JsonValue | undefined): Namespace | undefined {
  if (json === undefined || json === null) return undefined
  if (typeof json === 'string') return parseNamespace(json)
  return textsOf({ namespace: json }, 'namespace')
}

function parseAccess(text: string): Access {
  if (text === 'read' || text === 'write' || text === 'manage') return text
  throw new LakeError('invalid-argument', 'access is read, write or manage', { context: { access: text } })
}

function checkMembers(json: JsonValue, known: readonly string[]): void {
  const unknown = isJsonObject(json) ? Object.keys(json).find(name => !known.includes(name)) : undefined
  if (unknown !== undefined)
    throw new LakeError('invalid-argument', 'the file of principals has a member that is not known', {
      context: { member: unknown, known },
    })
}
