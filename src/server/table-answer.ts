/** A table as an answer: what the principal may see of it, and how it may reach the files. */
import { LakeError } from '../base/errors.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { given } from '../metadata/snapshot-json.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { encodeTableAnswer, type TableAnswer } from '../rest/load-table-json.js'
import type { VendedAccess } from './credential-vendor.js'
import { vendedAccess } from './credentials.js'
import { entityTag, matchesTag } from './etag.js'
import { type Grant, isRestricted } from './grants.js'
import { bytesAnswer, type RestAnswer, type RestRequest } from './rest-route.js'
import { restrictedMetadata } from './restricted-metadata.js'
import type { ServerContext } from './server-context.js'

/** `all` snapshots, or those that a branch or a tag names. */
export type SnapshotMode = 'all' | 'refs'

/** Which snapshots a request asks for. @throws invalid-argument */
export function snapshotMode({ query }: RestRequest): SnapshotMode {
  const mode = query.get('snapshots')?.toLowerCase() ?? 'all'
  if (mode === 'all' || mode === 'refs') return mode
  throw new LakeError('invalid-argument', 'snapshots are all or refs', { context: { snapshots: mode } })
}

interface ShownTable {
  readonly table: LoadedTable
  readonly grant: Grant
  readonly mode?: SnapshotMode
}

/** The answer to who looks at a table, or 304 to a client that has it. */
export async function tableAnswer(
  context: ServerContext,
  request: RestRequest,
  shown: ShownTable,
): Promise<RestAnswer> {
  const etag = tagOf(shown)
  if (matchesTag(request.header('if-none-match'), etag)) return { status: 304, headers: { etag } }
  return madeAnswer(context, request, shown)
}

/** The answer to who made a table, or is to see it whatever it has. */
export async function madeAnswer(
  context: ServerContext,
  request: RestRequest,
  shown: ShownTable,
): Promise<RestAnswer> {
  const { table, grant, mode = 'all' } = shown
  const headers = { etag: tagOf(shown) }
  const metadata = mode === 'refs' ? withoutHistory(table.metadata) : table.metadata
  if (isRestricted(grant)) {
    const answer = { metadata: restrictedMetadata(metadata, grant), config: PLANNED_HERE }
    return bytesAnswer(encodeTableAnswer(answer), headers)
  }
  const access = await vendedAccess(context, request, { table, grant })
  const { metadataLocation } = table
  return bytesAnswer(encodeTableAnswer({ metadataLocation, metadata, ...answerMembers(access) }), headers)
}

/** The answer to a commit: the state alone, as the protocol has it. Nothing of it can fail once the commit has landed. */
export function committedAnswer(shown: Pick<ShownTable, 'table' | 'grant'>): RestAnswer {
  const { metadata, metadataLocation } = shown.table
  return bytesAnswer(encodeTableAnswer({ metadataLocation, metadata }), { etag: tagOf(shown) })
}

function tagOf({ table, grant, mode = 'all' }: ShownTable): string {
  const restriction = isRestricted(grant) ? JSON.stringify([grant.columns, grant.where]) : undefined
  return entityTag([table.metadataLocation, mode, restriction])
}

/** What an answer says about the way to the files. */
export function answerMembers({
  config,
  storageCredentials,
  remoteSigning,
}: VendedAccess): Partial<TableAnswer> {
  return {
    ...given('config', config),
    ...given('storageCredentials', storageCredentials),
    ...given('remoteSigning', remoteSigning),
  }
}

/** Clients that can, let the server plan their scans. */
const PLANNED_HERE = { 'scan-planning-mode': 'server' }

/** Only the snapshots that a branch or a tag names: what a reader of the current state needs. */
function withoutHistory(metadata: TableMetadata): TableMetadata {
  const heads = new Set(Object.values(metadata.refs).map(ref => ref.snapshotId))
  return { ...metadata, snapshots: metadata.snapshots.filter(({ snapshotId }) => heads.has(snapshotId)) }
}
