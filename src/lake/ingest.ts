/**
 * Taking files into a table: the rows of all of them in one commit. With a stream, files that it has taken in before are
 * passed over, and what it takes in is noted in the same commit (`file-ledger.ts`).
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { streamAction } from '../commit/stream-action.js'
import { readStreamPosition } from '../commit/stream-position.js'
import type { TableAction } from '../commit/table-action.js'
import type { FileIO, FileStat, IoOptions } from '../io/file-io.js'
import { currentSchema, currentSnapshot, refSnapshot } from '../metadata/lookup.js'
import { MAIN_BRANCH } from '../metadata/table-metadata.js'
import type { LakeContext } from './context.js'
import {
  extendedLedger,
  type FileLedger,
  fileVersion,
  type LedgerFile,
  newFiles,
  parseLedger,
} from './file-ledger.js'
import { type FileRowsOptions, fileBatches, filesAt } from './file-rows.js'
import { type OverwriteOptions, overwrite } from './overwrite.js'
import {
  append,
  destinationOf,
  replayOf,
  type UpsertOptions,
  upsert,
  type WriteReport,
} from './table-writes.js'
import { effectOf } from './write-effect.js'

export interface IngestOptions extends UpsertOptions, OverwriteOptions, FileRowsOptions {
  /** Default append. Rows of an upsert are held in memory. */
  readonly mode?: 'append' | 'upsert' | 'overwrite' | undefined
  /** Takes in each file once: what was taken in is kept with the table under this name. */
  readonly stream?: string | undefined
}

export interface IngestReport extends WriteReport {
  /** Locations of the files whose rows were written. */
  readonly files: readonly string[]
  /** Files that the stream had taken in before. */
  readonly filesSkipped: number
}

/** @throws as `Table.ingest` */
export async function ingest(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly locations: readonly string[]; readonly options: IngestOptions },
): Promise<IngestReport> {
  const { catalog, io } = context
  const { options } = given
  const { signal, stream } = options
  const base = await catalog.loadTable(identifier, { signal })
  const replay = replayOf(base, destinationOf(base.metadata, options))
  if (replay !== undefined) return { ...replay, files: [], filesSkipped: 0 }
  const locations = await filesAt(io, given.locations, options)
  if (stream === undefined) {
    const report = await writeFiles(context, { base, locations, options })
    return { ...report, files: locations, filesSkipped: 0 }
  }
  return ingestStream(context, { base, locations, options, stream })
}

interface Ingest {
  readonly base: LoadedTable
  readonly locations: readonly string[]
  readonly options: IngestOptions
}

async function ingestStream(
  context: LakeContext,
  given: Ingest & { readonly stream: string },
): Promise<IngestReport> {
  const { io, runtime } = context
  const { base, locations, options, stream } = given
  const { signal } = options
  const { ref = MAIN_BRANCH, wapId, once } = destinationOf(base.metadata, options)
  if (once !== undefined) {
    throw new LakeError(
      'invalid-argument',
      'a stream of files has steps of its own: it takes in each file once',
      {
        context: { stream, once: once.stream },
      },
    )
  }
  if (wapId !== undefined) {
    throw new LakeError('invalid-argument', 'a staged write cannot move a stream: it is on no branch', {
      context: { stream, wapId },
    })
  }
  const expected = readStreamPosition(base.metadata, stream, ref)
  const ledger = parseLedger(expected?.position, stream)
  const stats = await newFiles(io, locations, { ledger, stream, signal })
  const filesSkipped = new Set(locations).size - stats.length
  if (stats.length === 0) return { ...nothingDone(base, ref), files: [], filesSkipped }
  const rowsOf = new Map<string, number>()
  const around = async (inner: TableAction): Promise<TableAction> => {
    const added = await readAsTheyWere(io, stats, { rowsOf, signal })
    const position = await extendedLedger(io, ledger, { added, stream, signal })
    const operationUuid = runtime.orderedUuid()
    const step = { stream, position, token: operationUuid }
    return streamAction(inner, { io, runtime, operationUuid, step, ref, expected })
  }
  const files = stats.map(stat => stat.location)
  const report = await writeFiles(context, { base, locations: files, options }, { rowsOf, around })
  return { ...report, files, filesSkipped }
}

/** The new files as the ledger knows them. @throws conflict when one was written to while it was read */
async function readAsTheyWere(
  io: FileIO,
  stats: readonly FileStat[],
  options: IoOptions & { readonly rowsOf: ReadonlyMap<string, number> },
): Promise<FileLedger> {
  const added = new Map<string, LedgerFile>()
  for (const before of stats) {
    const { location, sizeBytes } = before
    const version = fileVersion(before)
    const after = await io.stat(location, { signal: options.signal })
    if (after.sizeBytes !== sizeBytes || fileVersion(after) !== version) {
      throw new LakeError('conflict', 'a file was written to while it was taken in', {
        context: { location },
      })
    }
    added.set(location, { sizeBytes, version, rows: options.rowsOf.get(location) ?? 0 })
  }
  return added
}

function nothingDone({ metadata, metadataLocation }: LoadedTable, ref: string): WriteReport {
  const snapshot = ref === MAIN_BRANCH ? currentSnapshot(metadata) : refSnapshot(metadata, ref)
  return {
    snapshotId: snapshot?.snapshotId,
    changed: false,
    metadataLocation,
    summary: snapshot?.summary ?? {},
    effect: effectOf({}),
    attempts: 0,
  }
}

interface Watch {
  /** Told how many rows each file had. */
  readonly rowsOf: Map<string, number>
  readonly around: (inner: TableAction) => Promise<TableAction>
}

function writeFiles(
  context: LakeContext,
  { base, locations, options }: Ingest,
  watch?: Watch,
): Promise<WriteReport> {
  const rows = countedRows(context.io, locations, { ...options, base, rowsOf: watch?.rowsOf })
  const given = { rows, options, base, around: watch?.around }
  const { identifier } = base
  const mode: string = options.mode ?? 'append'
  checkModeOptions(mode, options)
  if (mode === 'append') return append(context, identifier, given)
  if (mode === 'upsert') return upsert(context, identifier, given)
  if (mode === 'overwrite') return overwrite(context, identifier, given)
  throw new LakeError('invalid-argument', 'rows are taken in with mode append, upsert or overwrite', {
    context: { mode },
  })
}

/** What an append would pass over in silence. */
function checkModeOptions(mode: string, { where, partitions, basedOn }: IngestOptions): void {
  const isReplacing = where !== undefined || partitions === true
  if ((mode === 'overwrite' || !isReplacing) && (mode !== 'append' || basedOn === undefined)) return
  throw new LakeError('invalid-argument', 'the mode does not replace rows by a condition or partition', {
    context: { mode },
  })
}

async function* countedRows(
  io: FileIO,
  locations: readonly string[],
  options: FileRowsOptions & {
    readonly base: LoadedTable
    readonly rowsOf: Map<string, number> | undefined
  },
): AsyncGenerator<ColumnBatch> {
  const schema = currentSchema(options.base.metadata)
  for (const location of locations) {
    let rows = 0
    for await (const batch of fileBatches(io, [location], { ...options, schema })) {
      rows += batch.length
      yield batch
    }
    options.rowsOf?.set(location, rows)
  }
}
