/**
 * Taking Parquet files that are there into a table without rewriting them: their footers are read, side by side,
 * and each becomes an entry of one snapshot. From then on the files are the table's: what deletes their rows
 * and expires the snapshots deletes them too.
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { LoadedTable } from '../catalog/catalog.js'
import type { TableAction } from '../commit/table-action.js'
import { type ParquetFooter, readParquetFooter } from '../format/parquet/footer/footer.js'
import { fileExists } from '../io/file-exists.js'
import type { FileIO } from '../io/file-io.js'
import { comparableLocation, scheme } from '../io/location.js'
import { readLiveEntries } from '../manifest/live-entries.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import { NAME_MAPPING_PROPERTY, nameMappingOf, serializeNameMapping } from '../schema/name-mapping.js'
import { type DescribedFile, describeFile, type FileConflict } from './describe-file.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'

const FOOTERS_AT_ONCE = 8

/**
 * The footers of files, and of all Parquet files in folders below which nothing begins with `_` or `.`.
 * @throws not-found for a location where nothing is; invalid-argument for a file that is named twice; unsupported for
 * one that is not Parquet; corrupt
 */
export async function readFooters(
  io: FileIO,
  locations: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly ParquetFooter[]> {
  const found = await mapBounded(locations, location => filesAt(io, location, options), {
    limit: FOOTERS_AT_ONCE,
    signal: options.signal,
  })
  const files = found.flat()
  const seen = new Set<string>()
  for (const location of files) {
    const key = comparableLocation(location)
    if (seen.has(key))
      throw new LakeError('invalid-argument', 'a file is named twice', { context: { location } })
    seen.add(key)
  }
  return mapBounded(files, location => readParquetFooter(io, location, options), {
    limit: FOOTERS_AT_ONCE,
    signal: options.signal,
  })
}

async function filesAt(
  io: FileIO,
  location: string,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  const root = location.replace(/\/+$/, '')
  if (await fileExists(io, root, options)) return [withScheme(root)]
  const files: string[] = []
  for await (const file of io.list(`${root}/`, options)) {
    if (!isHidden(pathBelow(root, file.location))) files.push(withScheme(file.location))
  }
  if (files.length === 0)
    throw new LakeError('not-found', 'there are no files at the location', { context: { location } })
  const stranger = files.find(file => !isParquetName(file))
  if (stranger !== undefined)
    throw new LakeError('unsupported', 'a file of the folder is not Parquet', {
      context: { location: stranger },
    })
  return files.sort()
}

function lastName(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1)
}

function pathBelow(root: string, location: string): string {
  const folder = comparableLocation(root)
  const file = comparableLocation(location)
  return file.startsWith(`${folder}/`) ? file.slice(folder.length) : file
}

function isHidden(path: string): boolean {
  return path.split('/').some(name => /^[_.]/.test(name) && !name.includes('='))
}

/** Hive names files `000000_0`, without an extension. */
function isParquetName(location: string): boolean {
  const name = lastName(location)
  return !name.includes('.') || /\.(parquet|parq)$/i.test(name)
}

/** Other engines take a location without a scheme for one of their default store. */
function withScheme(location: string): string {
  return scheme(location) === undefined && location.startsWith('/') ? `file://${location}` : location
}

export interface AddFilesRequest extends WriteOptions {
  readonly footers: readonly ParquetFooter[]
  /** Values of identity partition fields for all files, by column. */
  readonly partition?: Readonly<Record<string, string>> | undefined
  /** Whether files that the table has already are refused; default true. */
  readonly checkDuplicates?: boolean | undefined
}

/** The files as entries of the table as it is. */
export function describeFiles(
  metadata: TableMetadata,
  { footers, partition }: Pick<AddFilesRequest, 'footers' | 'partition'>,
): readonly DescribedFile[] {
  return footers.map(footer => describeFile(footer, { metadata, partition }))
}

/** Those of the files that the table has already: their rows would be there twice. */
export async function filesOfTable(
  io: FileIO,
  metadata: TableMetadata,
  look: {
    readonly snapshot: Snapshot | undefined
    readonly footers: readonly ParquetFooter[]
    readonly signal?: AbortSignal | undefined
  },
): Promise<readonly string[]> {
  const { snapshot, footers, signal } = look
  if (snapshot === undefined) return []
  const manifests = (await readManifestList(io, snapshot, { signal })).filter(
    ({ content }) => content === 'data',
  )
  const wanted = new Map(footers.map(({ location }) => [comparableLocation(location), location]))
  const found: string[] = []
  for (const manifest of manifests) {
    const entries = await readLiveEntries(io, [manifest], {
      metadata,
      schema: currentSchema(metadata),
      withStatistics: false,
      signal,
    })
    for (const { file } of entries) {
      const location = wanted.get(comparableLocation(file.location))
      if (location !== undefined) found.push(location)
    }
  }
  return found
}

/**
 * Adds the files in one snapshot; the table gets a name mapping when files without field ids need it.
 * @throws (from the action) invalid-argument when a file does not fit, with the first conflict; already-exists for files
 * that the table has
 */
export function addFilesAction(io: FileIO, request: AddFilesRequest): TableAction {
  const snapshots = snapshotChanges(io, request)
  const { footers } = request
  return async (base, attempt) => {
    const { metadata } = base
    checkWritable(metadata)
    const described = describeFiles(metadata, request)
    checkFit(described)
    if (request.checkDuplicates ?? true) {
      const snapshot = snapshots.headOf(metadata)
      const present = await filesOfTable(io, metadata, { snapshot, footers, signal: attempt.signal })
      if (present.length > 0)
        throw new LakeError('already-exists', 'the table has some of the files already', {
          context: { files: present.length, location: present[0] ?? '' },
        })
    }
    const changes = {
      addedDataFiles: described.map(({ file }) => file),
      addedDeleteFiles: [],
      removedFiles: [],
    }
    const change = await snapshots.produce(base, attempt, { changes, written: [] })
    return {
      ...change,
      updates: [...mappingUpdates(base, described), ...change.updates],
      requirements: [...change.requirements, sameSpec(metadata)],
    }
  }
}

function checkFit(described: readonly DescribedFile[]): void {
  const conflicts = described.flatMap(file => file.conflicts)
  const [first] = conflicts
  if (first === undefined) return
  const { location, column, reason, storedType, tableType } = first
  throw new LakeError('invalid-argument', 'some of the files do not fit the table: a dry run lists them', {
    context: {
      conflicts: conflicts.length,
      location,
      column,
      reason,
      ...(storedType === undefined ? {} : { storedType }),
      ...(tableType === undefined ? {} : { tableType }),
    },
  })
}

function mappingUpdates(
  { metadata }: LoadedTable,
  described: readonly DescribedFile[],
): readonly TableUpdate[] {
  if (!described.some(file => file.needsNameMapping)) return []
  const mapping = serializeNameMapping(nameMappingOf(currentSchema(metadata).fields))
  return [{ action: 'set-properties', updates: { [NAME_MAPPING_PROPERTY]: mapping } }]
}

/** The files were checked against it; that the schema is the same, the snapshot requires. */
function sameSpec({ defaultSpecId }: TableMetadata): TableRequirement {
  return { type: 'assert-default-spec-id', defaultSpecId }
}

export type { DescribedFile, FileConflict }
