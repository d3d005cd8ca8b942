/**
 * Tables found again in storage, without a catalog: each folder of metadata files is a table, and one of the files is what
 * the catalog pointed at.
 *
 * ```
 * 00003-a ---> 00004-b ---> 00005-c        b and c name the files before them in their metadata logs: c is the head
 *        \---> 00004-x                     x was made on a, and is in nobody's log: a commit that lost
 * ```
 *
 * The head is the file of the highest version, if it is alone there and what it needs is there too. A file that was written
 * by a process that died before its swap looks the same: it holds a whole commit of which nobody knows whether it landed,
 * and taking it is as good as not taking it. Two files of the highest version are two claims, which storage alone cannot
 * decide; the one whose manifests are gone was cleaned up after it lost.
 */
import { mapBounded } from '../base/concurrency.js'
import { errorText, isLakeError } from '../base/errors.js'
import { fileExists } from '../io/file-exists.js'
import type { FileIO } from '../io/file-io.js'
import { readManifestList } from '../manifest/manifest-list-read.js'
import { currentSnapshot } from '../metadata/lookup.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { readViewMetadata } from '../metadata/view-metadata-file.js'
import { type VersionedFile, versionedFile } from '../reader/find-metadata.js'

/** What storage says of one table. */
export type FoundFolder =
  | { readonly status: 'found'; readonly folder: string; readonly head: FoundMetadata }
  /** Several files may be the current one. */
  | { readonly status: 'ambiguous'; readonly folder: string; readonly heads: readonly FoundMetadata[] }
  | {
      readonly status: 'view'
      readonly folder: string
      /** Where the view says that it lies. */
      readonly location: string
      readonly metadataLocation: string
    }
  /** No file of the highest version can be used. */
  | { readonly status: 'damaged'; readonly folder: string; readonly reason: string }

export interface FoundMetadata {
  readonly metadataLocation: string
  readonly metadata: TableMetadata
}

export interface FindOptions {
  readonly signal?: AbortSignal | undefined
}

const FOLDERS_AT_ONCE = 8

/**
 * Every table below a location. Lists all files there.
 * @throws denied, unavailable
 */
export async function findTables(
  io: FileIO,
  root: string,
  options: FindOptions = {},
): Promise<readonly FoundFolder[]> {
  const folders = new Map<string, VersionedFile[]>()
  for await (const file of io.list(root.endsWith('/') ? root : `${root}/`, options)) {
    const metadata = versionedFile(file)
    if (metadata === undefined) continue
    const folder = file.location.slice(0, file.location.lastIndexOf('/'))
    folders.set(folder, [...(folders.get(folder) ?? []), metadata])
  }
  const found = await mapBounded([...folders], ([folder, files]) => look(io, { folder, files }, options), {
    limit: FOLDERS_AT_ONCE,
    signal: options.signal,
  })
  return found.sort((a, b) => (a.folder < b.folder ? -1 : 1))
}

async function look(
  io: FileIO,
  { folder, files }: { readonly folder: string; readonly files: readonly VersionedFile[] },
  options: FindOptions,
): Promise<FoundFolder> {
  const version = Math.max(...files.map(file => file.version))
  const newest = files.filter(file => file.version === version)
  const heads: FoundMetadata[] = []
  let reason = ''
  for (const { location } of newest) {
    const head = await usable(io, location, options)
    if (typeof head === 'string') reason = head
    else heads.push(head)
  }
  const logged = new Set(heads.flatMap(head => head.metadata.metadataLog.map(entry => entry.metadataFile)))
  const open = heads.filter(head => !logged.has(head.metadataLocation))
  const [head] = open
  if (head === undefined) {
    const view = newest.length === 1 ? await viewAt(io, newest[0]?.location ?? '', options) : undefined
    return view === undefined ? { status: 'damaged', folder, reason } : { status: 'view', folder, ...view }
  }
  return open.length === 1 ? { status: 'found', folder, head } : { status: 'ambiguous', folder, heads: open }
}

/** The metadata, if it can be read and the manifests of its current snapshot are there; else what is wrong. */
async function usable(
  io: FileIO,
  metadataLocation: string,
  options: FindOptions,
): Promise<FoundMetadata | string> {
  try {
    const metadata = await readTableMetadata(io, metadataLocation, options)
    const missing = await missingManifest(io, metadata, options)
    return missing === undefined ? { metadataLocation, metadata } : `${missing} is missing`
  } catch (error) {
    if (isLakeError(error, 'corrupt') || isLakeError(error, 'unsupported') || isLakeError(error, 'not-found'))
      return `${metadataLocation}: ${errorText(error)}`
    throw error
  }
}

/** Folders of views look the same until one looks inside. */
async function viewAt(
  io: FileIO,
  metadataLocation: string,
  options: FindOptions,
): Promise<{ readonly location: string; readonly metadataLocation: string } | undefined> {
  try {
    const { location } = await readViewMetadata(io, metadataLocation, options)
    return { location, metadataLocation }
  } catch (error) {
    if (isLakeError(error)) return undefined
    throw error
  }
}

/** A manifest of the current snapshot that is not there. @throws as reading its list does */
export async function missingManifest(
  io: FileIO,
  metadata: TableMetadata,
  options: FindOptions,
): Promise<string | undefined> {
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) return undefined
  for (const { location } of await readManifestList(io, snapshot, options))
    if (!(await fileExists(io, location, options))) return location
  return undefined
}
