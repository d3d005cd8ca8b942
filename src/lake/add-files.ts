/** Taking files that are there into a table, for `Table.addFiles`. */
import type { TableIdentifier } from '../catalog/catalog.js'
import { currentSnapshot, refSnapshot } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import {
  addFilesAction,
  type DescribedFile,
  describeFiles,
  type FileConflict,
  filesOfTable,
  readFooters,
} from '../writer/add-files.js'
import type { LakeContext } from './context.js'
import { commitOne, destinationOf, replayOf, type WriteOptions, type WriteReport } from './table-writes.js'
import { effectOf } from './write-effect.js'

export interface AddFilesOptions extends WriteOptions {
  /** Changes nothing and says what would happen, conflicts included. */
  readonly dryRun?: boolean | undefined
  /** False: files that the table has already are taken once more, and their rows are there twice. Default true. */
  readonly checkDuplicates?: boolean | undefined
  /** Values of identity partition columns for all files, as Hive writes them; they win over those of the folders. */
  readonly partition?: Readonly<Record<string, string>> | undefined
}

export interface AddFilesReport extends WriteReport {
  readonly files: readonly {
    readonly location: string
    readonly rows: number
    readonly sizeBytes: number
  }[]
  /** Why files do not fit; empty unless it was a dry run. */
  readonly conflicts: readonly FileConflict[]
  /** Files that the table has already; empty unless it was a dry run. */
  readonly duplicates: readonly string[]
  /** Columns of the files that the table does not have: they are not read. */
  readonly ignoredColumns: readonly string[]
}

/** @throws as `Table.addFiles` */
export async function addFiles(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly locations: readonly string[]; readonly options: AddFilesOptions },
): Promise<AddFilesReport> {
  const { catalog, io, runtime } = context
  const { dryRun, partition, checkDuplicates, summary, signal } = given.options
  const base = await catalog.loadTable(identifier, { signal })
  const { metadata } = base
  const destination = destinationOf(metadata, given.options)
  const replay = replayOf(base, destination)
  if (replay !== undefined) return { ...replay, ...filesOf([]), duplicates: [], conflicts: [] }
  const footers = await readFooters(io, given.locations, { signal })
  const described = describeFiles(metadata, { footers, partition })
  if (dryRun === true) {
    const snapshot = headOf(metadata, destination.ref)
    const duplicates =
      checkDuplicates === false ? [] : await filesOfTable(io, metadata, { snapshot, footers, signal })
    return {
      ...filesOf(described),
      duplicates,
      conflicts: described.flatMap(file => file.conflicts),
      snapshotId: snapshot?.snapshotId,
      changed: false,
      metadataLocation: base.metadataLocation,
      summary: {},
      effect: effectOf({}),
      attempts: 0,
    }
  }
  const action = addFilesAction(io, {
    footers,
    partition,
    checkDuplicates,
    runtime,
    summary,
    ...destination,
  })
  const report = await commitOne(context, { identifier, base, action }, { ...destination, signal })
  return { ...report, ...filesOf(described), duplicates: [], conflicts: [] }
}

function headOf(metadata: TableMetadata, ref: string | undefined): ReturnType<typeof currentSnapshot> {
  return (ref === undefined ? undefined : refSnapshot(metadata, ref)) ?? currentSnapshot(metadata)
}

function filesOf(described: readonly DescribedFile[]): Pick<AddFilesReport, 'files' | 'ignoredColumns'> {
  return {
    files: described.map(({ file }) => ({
      location: file.location,
      rows: file.recordCount,
      sizeBytes: file.fileSizeBytes,
    })),
    ignoredColumns: [...new Set(described.flatMap(file => file.ignoredColumns))],
  }
}
