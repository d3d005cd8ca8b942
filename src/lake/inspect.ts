/**
 * Metadata tables of a table, read like a scan: the state is pinned when the inspection is made, and nothing but
 * metadata is read until rows are asked for. Like a scan it holds the snapshots whose manifests it reads.
 */
import type { ColumnBatch } from '../batch/column-batch.js'
import { createHold, type HeldSnapshots } from '../catalog/read-hold.js'
import type { ReadLeases } from '../catalog/read-leases.js'
import type { FileIO } from '../io/file-io.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import {
  type MetadataTable,
  type MetadataTableName,
  manifestScope,
  openMetadataTable,
  parseMetadataTableName,
} from '../reader/metadata-tables/metadata-table.js'
import type { Field } from '../schema/types.js'
import { type BatchResults, batchResults } from './batch-results.js'
import { heldSnapshots } from './held-scan.js'
import { type AsOf, selectorOf, type Where, whereExpression } from './scan.js'

export interface InspectRequest {
  /** A filter on the metadata table's columns, such as `record_count > 1000 and partition.region = 'eu'`. */
  readonly where?: Where | undefined
  /** Columns in the order wanted; default all. Columns that are left out are not made, statistics not read. */
  readonly select?: readonly string[] | undefined
  /** Another snapshot, for the metadata tables of one snapshot: `files`, `entries`, `manifests`, `partitions`, ... */
  readonly asOf?: AsOf | undefined
  /** Rows at most. */
  readonly limit?: number | undefined
  /** Manifests read at the same time. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Rows about a table, in the columns of Iceberg's metadata table of that name. */
export interface Inspection extends BatchResults {
  readonly name: MetadataTableName
  /** The columns of the rows. @throws invalid-argument for an unknown column or a snapshot that makes no sense */
  fields(): Promise<readonly Field[]>
}

interface PinnedTable {
  readonly metadata: TableMetadata
  readonly metadataLocation: string
}

/** The table that is inspected. */
export interface InspectedState {
  load(): Promise<PinnedTable>
  /** Keep the manifests while they are read. */
  readonly leases?: ReadLeases | undefined
}

/**
 * An inspection of the table in the state that it has now; it is loaded at once.
 * @throws invalid-argument for a name that is no metadata table's
 */
export function openInspection(
  io: FileIO,
  wanted: { readonly name: string; readonly request: InspectRequest },
  { load, leases }: InspectedState,
): Inspection {
  const { request } = wanted
  const name = parseMetadataTableName(wanted.name)
  const scope = manifestScope(name)
  const hold = createHold(scope === 'none' ? undefined : leases)
  const open = async (): Promise<{ readonly table: PinnedTable; readonly rows: MetadataTable }> => {
    const table = await load()
    return { table, rows: await openRequested(io, table, { name, request }) }
  }
  const opened = hold
    .load(open, ({ table }) => snapshotsRead(table.metadata, { scope, asOf: request.asOf }))
    .then(({ rows }) => rows)
  // A failure is reported to whoever uses the inspection; until then it is nobody's unhandled rejection.
  opened.catch(() => undefined)
  const fields = async (): Promise<readonly Field[]> => (await opened).fields
  async function* batches(): AsyncGenerator<ColumnBatch> {
    yield* (await opened).batches()
  }
  return {
    name,
    fields,
    ...batchResults(fields, () => hold.over(batches)),
  }
}

function snapshotsRead(
  metadata: TableMetadata,
  read: { readonly scope: ReturnType<typeof manifestScope>; readonly asOf: AsOf | undefined },
): HeldSnapshots {
  if (read.scope === 'one') return heldSnapshots(metadata, read.asOf)
  return metadata.snapshots.map(snapshot => snapshot.snapshotId)
}

async function openRequested(
  io: FileIO,
  table: PinnedTable,
  wanted: { readonly name: MetadataTableName; readonly request: InspectRequest },
): Promise<MetadataTable> {
  const { metadata, metadataLocation } = table
  const { where, select, asOf, limit, concurrency, signal } = wanted.request
  return openMetadataTable({ io, metadata, metadataLocation }, wanted.name, {
    filter: where === undefined ? undefined : await whereExpression(where),
    selector: selectorOf(asOf),
    select,
    limit,
    concurrency,
    signal,
  })
}
